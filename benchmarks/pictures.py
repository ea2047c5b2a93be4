"""What pictures cost: one contour picture against Matplotlib's own savefig, a race's animation, and each kind.

    python benchmarks/pictures.py [--rounds 15]

Times are the processor's, of this process alone, so that what else the machine does matters less. The peer draws the
same artists of the same figure at the same size. As the layout stands already, `savefig` draws them twice; one drawing
is taken off its time.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import click
import matplotlib
from matplotlib.figure import Figure
from measuring import interleaved, machine, median
from PIL import Image

import tbgrad
from tbgrad.figures.animations import encode_gif
from tbgrad.figures.basins import minimum_figure, steps_figure
from tbgrad.figures.canvas import drawn_image, encode, encode_image
from tbgrad.figures.curves import curve_figure
from tbgrad.figures.derivatives import magnitude_figure, partial_figure
from tbgrad.figures.partials import partials_figure
from tbgrad.figures.paths import frames, path_figure
from tbgrad.figures.race_values import values_figure
from tbgrad.figures.races import race_colours, race_figure
from tbgrad.figures.rates import rates_figure
from tbgrad.figures.reliefs import contour3d_figure, relief_figure
from tbgrad.figures.secants import tangent_figure
from tbgrad.figures.straight import line_figure
from tbgrad.figures.surfaces import surface_figure
from tbgrad.figures.v_curves import v_figure
from tbgrad.summaries.races import FRAMES, spaced_steps

GOAL_RATIO, GOAL_SECONDS, GOAL_BYTES = 1.0, 8.0, 2**20
INCHES, DPI = (6.4, 4.8), 100
FUNCTIONS = ("ripple", "rosenbrock", "himmelblau", "tilted_waves")
RACERS = (
    tbgrad.Optimizer("sgd", 0.00125),
    tbgrad.Optimizer("sgd", 0.001, momentum=0.9),
    tbgrad.Optimizer("rmsprop", 0.001),
    tbgrad.Optimizer("adam", 0.05),
    tbgrad.Optimizer("sgd", 0.01),
)


def timed(job: Callable[[], Any]) -> Callable[[], float]:
    """The job as one that says how many seconds of the processor it took."""

    def run() -> float:
        began = time.process_time()
        job()
        return time.process_time() - began

    return run


def contours(name: str) -> Figure:
    """A function's contour picture of 640 × 480 pixels."""
    figure = surface_figure(tbgrad.surface(tbgrad.resolve(name)))
    figure.set_size_inches(INCHES)
    figure.set_dpi(DPI)
    return figure


def against_savefig(rounds: int) -> None:
    """Prints how long one picture takes, drawn and encoded, beside Matplotlib's own way, and where the time goes."""
    print("one contour picture of 640 x 480 pixels, in ms; 'savefig' is less one drawing")
    print(f"{'function':<14} {'ratio':>6} {'goal':>5}   {'ours':>6} {'savefig':>8}   {'build':>6} {'layout':>7} "
          f"{'draw':>6} {'encode':>7}")  # fmt: skip
    for name in FUNCTIONS:
        surface, figure = tbgrad.surface(tbgrad.resolve(name)), contours(name)
        canvas, layout = figure.canvas, figure.get_layout_engine()
        canvas.draw()
        figure.set_layout_engine("none")
        jobs = {
            "ours": lambda figure=figure: encode(figure),
            "savefig": lambda figure=figure: figure.savefig(io.BytesIO(), format="png"),
            "draw": canvas.draw,
            "build": lambda surface=surface: surface_figure(surface),
            "layout": lambda layout=layout, figure=figure: layout.execute(figure),
            "encode": lambda figure=figure: encode_image(drawn_image(figure)),
        }
        seconds = interleaved({part: timed(job) for part, job in jobs.items()}, rounds)
        triples = zip(seconds["ours"], seconds["savefig"], seconds["draw"], strict=True)
        ratio = median([ours / (theirs - draw) for ours, theirs, draw in triples])
        ms = {part: 1e3 * median(taken) for part, taken in seconds.items()}
        print(f"{name:<14} {ratio:>6.2f} {GOAL_RATIO:>5.1f}   {ms['ours']:>6.1f} {ms['savefig'] - ms['draw']:>8.1f}   "
              f"{ms['build']:>6.1f} {ms['layout']:>7.1f} {ms['draw']:>6.1f} {ms['encode']:>7.1f}")  # fmt: skip


def animation(rounds: int) -> None:
    """Prints what the animation of a race takes, and how large it is."""
    race = tbgrad.race(tbgrad.resolve("rosenbrock"), RACERS)
    steps = spaced_steps(race.steps, FRAMES)
    made: dict[str, Any] = {}

    def build() -> None:
        made["ways"] = race_figure(race)
        made["ways"].figure.set_dpi(DPI)

    def draw() -> None:
        made["images"] = frames(made["ways"], steps)

    def compress() -> None:
        made["gif"] = encode_gif(made["images"], race_colours(race))

    seconds = interleaved({"build": timed(build), "draw": timed(draw), "encode": timed(compress)}, max(3, rounds // 3))
    parts = {part: median(taken) for part, taken in seconds.items()}
    image = made["gif"].image
    count = Image.open(io.BytesIO(image)).n_frames
    print(f"\na race's animation, five racers, {race.steps:,} steps, {count} frames: {sum(parts.values()):.2f} s, goal "
          f"{GOAL_SECONDS:.0f}; {len(image) / 1024:,.0f} KiB, goal {GOAL_BYTES // 1024:,}")  # fmt: skip
    print("   " + ", ".join(f"{part} {taken:.2f} s" for part, taken in parts.items()))


def every_kind(rounds: int) -> None:
    """Prints what each kind of picture takes, from the result to the bytes."""
    resolve, adam = tbgrad.resolve, tbgrad.Optimizer("adam", 0.05)
    surface, valley = tbgrad.surface(resolve("ripple")), resolve("rosenbrock")
    descent = tbgrad.with_landscape(valley, tbgrad.descend(valley, adam, [valley.start], 1000))
    many = resolve("rosenbrock", dimensions=10)
    in_ten = tbgrad.with_landscape(many, tbgrad.descend(many, adam, [many.start], 1000))
    race = tbgrad.race(valley, RACERS)
    basins = tbgrad.find_basins(resolve("himmelblau"), adam, points=256)
    ellipse = resolve("ellipse")
    rates = tbgrad.sweep_rates(ellipse, tbgrad.Optimizer("sgd"), ellipse.start, [0.01 * k for k in range(1, 40)])
    sweep = tbgrad.sweep(resolve("fading_wave"), points=201)
    check = tbgrad.check_gradient(ellipse, [[1.0, 1.0], [2.0, 0.5]])
    slider, some = spaced_steps(1000, 10), range(0, 200, 20)
    kinds = {
        "sweep/curve": lambda: encode(curve_figure(sweep)),
        "sweep/tangent, ten steps": lambda: [encode_image(i) for i in frames(tangent_figure(sweep), some)],
        "surface/contour": lambda: encode(surface_figure(surface)),
        "surface/contour, streamlines": lambda: encode(surface_figure(surface, streamlines=True)),
        "surface/gradient_norm": lambda: encode(magnitude_figure(surface)),
        "surface/gradient/x": lambda: encode(partial_figure(surface, 0)),
        "surface/contour3d": lambda: encode(contour3d_figure(surface)),
        "surface/relief": lambda: encode(relief_figure(surface)),
        "check/v_curve": lambda: encode(v_figure(check)),
        "descent/path, one step": lambda: encode(path_figure(descent).figure),
        "descent/path, ten steps": lambda: [encode_image(i) for i in frames(path_figure(descent), slider)],
        "descent/line": lambda: encode(line_figure(in_ten)),
        "descent/partials": lambda: encode(partials_figure(in_ten)),
        "race/paths, one step": lambda: encode(race_figure(race).figure),
        "race/paths, ten steps": lambda: [encode_image(i) for i in frames(race_figure(race), slider)],
        "race/value": lambda: encode(values_figure(race)),
        "rates/steps": lambda: encode(rates_figure(rates)),
        "basins/minimum": lambda: encode(minimum_figure(basins)),
        "basins/steps": lambda: encode(steps_figure(basins)),
    }
    seconds = interleaved({kind: timed(job) for kind, job in kinds.items()}, max(3, rounds // 3))
    print("\neach kind, from the result to the bytes, in ms")
    for kind, taken in seconds.items():
        print(f"   {kind:<28} {1e3 * median(taken):>6.0f}")


@click.command()
@click.option("--rounds", default=15, show_default=True, help="Counted rounds; a third of them for what takes longer.")
def main(rounds: int) -> None:
    """Print what pictures cost."""
    print(f"{machine()}, matplotlib {matplotlib.__version__}; processor's time, median of {rounds} rounds\n")
    against_savefig(rounds)
    animation(rounds)
    every_kind(rounds)


if __name__ == "__main__":
    main()
