"""Pictures beside those of tests/figures/reference: what a person would notice has not changed.

Words are left out, since each version of FreeType draws them a little differently and the rest makes room for them;
other tests hold what is written and where. `pytest tests/figures/test_reference_pictures.py --write-references` writes
the references anew; look at them before they are committed.
"""

import functools
import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.derivatives import magnitude_figure, partial_figure
from tbgrad.figures.partials import partials_figure
from tbgrad.figures.reliefs import contour3d_figure, relief_figure

REFERENCES = Path(__file__).parent / "reference"
LARGEST = 200_000
# References are a quarter as wide and as high, and compared at half of that again, where lines have soft edges. The
# root mean square difference of the whole and of its worst tile, of 255; without one marker a tile is off by 16.
WHOLE, WORST = 4, 14
SMALLER, TILE = 4, 8


@functools.cache
def surface():
    return tbgrad.surface(tbgrad.resolve("ripple"), points=61, tangents=[(4.0, 2.0)])


def descent(name, start, **options):
    f = tbgrad.resolve(name, **options)
    momentum = tbgrad.Optimizer("sgd", 0.001, momentum=0.9)
    return tbgrad.with_landscape(f, tbgrad.descend(f, momentum, [start], 300))


def race():
    racers = (tbgrad.Optimizer("sgd", 0.00125), tbgrad.Optimizer("adam", 0.05))
    return tbgrad.race(tbgrad.resolve("rosenbrock"), racers, (-1.2, 1.0), steps=300)


def basins():
    return tbgrad.find_basins(tbgrad.resolve("himmelblau"), tbgrad.Optimizer("adam", 0.1), points=64, steps=300)


def rates(**momenta):
    sgd = tbgrad.Optimizer("sgd", 0.1)
    return tbgrad.sweep_rates(
        tbgrad.resolve("ellipse"), sgd, (5.0, 1.0), np.geomspace(1e-3, 1, 61), steps=500, **momenta
    )


def check():
    points = [[x, y] for x in (-1.2, 0.3, 1.7) for y in (-1.0, 0.5, 2.0)]
    return tbgrad.check_gradient(tbgrad.resolve("rosenbrock"), points)


PICTURES = {
    "curve": lambda: tbgrad.show(tbgrad.sweep(tbgrad.resolve("fading_wave"), ("x", 0.0, 6.0), tangents=[4.1])),
    "contour": lambda: tbgrad.show(surface()),
    "contour3d": lambda: contour3d_figure(surface()),
    "relief": lambda: relief_figure(surface()),
    "magnitude": lambda: magnitude_figure(surface()),
    "signed": lambda: partial_figure(surface(), 0),
    "path": lambda: tbgrad.show(descent("rosenbrock", (-1.2, 1.0))),
    "race": lambda: tbgrad.show(race()),
    "partials": lambda: partials_figure(descent("rosenbrock", (-1.2, 1.0, -1.2, 1.0), dimensions=4)),
    "rates": lambda: tbgrad.show(rates()),
    "momenta": lambda: tbgrad.show(rates(momenta=np.linspace(0, 0.9, 31))),
    "basins": lambda: tbgrad.show(basins()),
    "v_curve": lambda: tbgrad.show(check()),
}


def drawn(figure):
    """The figure without its words, small."""
    for _ in range(2):
        # Where words made room, there are more ticks.
        figure.canvas.draw()
        for artist in [*figure.findobj(Text), *figure.findobj(Legend)]:
            artist.set_visible(False)
    return Image.open(io.BytesIO(encode(figure).image)).convert("RGB").reduce(SMALLER)


def difference(one, other):
    """The root mean square difference of two pictures, and that of their worst tile."""
    assert one.size == other.size
    squares = (np.subtract(*(np.asarray(image.reduce(2), float) for image in (one, other))) ** 2).mean(axis=2)
    rows, columns = (n // TILE for n in squares.shape)
    tiles = squares[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE).mean(axis=(1, 3))
    return np.sqrt(squares.mean()), np.sqrt(tiles.max())


def is_like(one, other):
    return bool((np.array(difference(one, other)) < (WHOLE, WORST)).all())


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_like_its_reference(name, request):
    shown = drawn(PICTURES[name]())
    path = REFERENCES / f"{name}.png"
    if request.config.getoption("--write-references"):
        shown.save(path, optimize=True)
    with Image.open(path) as reference:
        assert is_like(shown, reference.convert("RGB")), difference(shown, reference.convert("RGB"))


@pytest.mark.parametrize("left_out", ["a marker", "a curve", "the arrows"])
def test_what_is_left_out_is_noticed(left_out):
    figure = PICTURES["contour" if left_out == "the arrows" else "curve"]()
    axes = figure.axes[0]
    kinds = {
        "a marker": [line for line in axes.lines if line.get_marker() not in ("None", "", None)],
        "a curve": [line for line in axes.lines if len(line.get_xdata()) > 100],
        "the arrows": [artist for artist in axes.collections if type(artist).__name__ == "Quiver"],
    }
    kinds[left_out][0].remove()
    with Image.open(REFERENCES / f"{'contour' if left_out == 'the arrows' else 'curve'}.png") as reference:
        assert not is_like(drawn(figure), reference.convert("RGB"))


def test_the_references_are_small_and_all_are_used():
    assert {path.stem for path in REFERENCES.iterdir()} == set(PICTURES)
    assert sum(path.stat().st_size for path in REFERENCES.iterdir()) < LARGEST
