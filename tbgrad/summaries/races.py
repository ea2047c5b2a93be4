"""Race to records: all paths as pictures that move, values over the steps, and the story of who arrived."""

from __future__ import annotations

import numpy as np

from tbgrad import naming
from tbgrad.figures.animations import encode_gif
from tbgrad.figures.canvas import encode, encode_image
from tbgrad.figures.paths import frames
from tbgrad.figures.race_values import values_figure
from tbgrad.figures.races import race_colours, race_figure
from tbgrad.records import Images, Record, Texts
from tbgrad.results import Race
from tbgrad.results.tabular import markdown_table
from tbgrad.runs.addresses import exactly
from tbgrad.summaries.pages import link, page
from tbgrad.summaries.summarizing import picture, summarize

_SLIDER_STEPS = 10
FRAMES, _ANIMATION_DPI = 60, 100
UNTUNED = "Each rate is one untuned choice: the race compares settings, not optimizers."


@summarize.register
def _(race: Race) -> tuple[Record, ...]:
    what = "value" if race.gap is None else "value above the known minimum, logarithmic"
    over = f"Every racer over the steps. A mark: first at most {race.target_rule}. Axes: step; {what}."
    return (
        Texts("race/story", 0, _story(race), description="Who arrived when, and with which settings."),
        *_pictures(race),
        picture("race/value", race.steps, encode(values_figure(race)), over),
    )


def _pictures(race: Race) -> list[Record]:
    """All paths at steps that the slider goes through, and moving."""
    ways = race_figure(race)
    if ways is None:
        return []
    steps = spaced_steps(race.steps, _SLIDER_STEPS)
    drawn = [encode_image(image) for image in frames(ways, steps)]
    ways.figure.set_dpi(_ANIMATION_DPI)
    moving = encode_gif(frames(ways, spaced_steps(race.steps, FRAMES)), race_colours(race))
    axes = "Axes: position; colours: value, and one for each racer."
    caption = f"The ways of all racers over the function; the slider goes through the steps. {axes}"
    moves = f"The same as race/paths, moving: the later, the more steps at once. {axes}"
    return [
        Images("race/paths", steps, [p.image for p in drawn], drawn[0].size, description=caption),
        picture("race/animation", race.steps, moving, moves),
    ]


def spaced_steps(last: int, most: int) -> np.ndarray:
    """So many steps, or all if there are no more: the first, the last, and between them logarithmically spaced ones.

    Where these would round to the same step, as at the beginning, every step is shown, and the rest spaced anew.
    """
    steps = [0, *([1] if last > 0 else [])]
    while steps[-1] < last:
        left = max(1, most - len(steps))
        steps.append(max(steps[-1] + 1, round(steps[-1] * (last / steps[-1]) ** (1 / left))))
    return np.array(steps, dtype=np.int64)


def _story(race: Race) -> str:
    parts = [
        f"**{winner_words(race)}**",
        f"All go {race.from_where} and make {race.steps:,} steps. Target: {race.target_rule}"
        + (f" (value {race.target:.6g})." if np.isfinite(race.target) else "; every racer failed."),
        _table(race),
        UNTUNED,
        _own_runs(race),
        *(f"{name}: {verdict.sentence}" for name, verdict, failed in zip(race.names, race.verdicts, race.failed,
                                                                          strict=True) if failed),
    ]  # fmt: skip
    if race.subject.remark:
        parts.append(f"About the function: {race.subject.remark}")
    return page(f"A race on `{race.subject.equation}`", parts, questions(race))


def winner_words(race: Race) -> str:
    """Who was first, in a sentence."""
    first, arrival = race.order[0], race.steps_to_target
    if np.isfinite(arrival[first]):
        steps = f"{arrival[first]:,.0f} step" + "s" * bool(arrival[first] != 1)
        arrived = int(np.isfinite(arrival).sum())
        return f"{race.names[first]} arrives first, after {steps}; {arrived} of {len(race)} racers arrive."
    if race.failed.all():
        return "Every racer failed."
    return f"No racer arrives; {race.names[first]} ends lowest, at {race.value[-1, first]:.6g}."


def questions(race: Race) -> list[tuple[str, str, str]]:
    """Where what is answered."""
    asked = [("Who is ahead at which step?", "Images", "race/value")]
    if race.landscape is not None:
        asked.insert(0, ("Which way does each racer go?", "Images: move the slider", "race/paths"))
        asked.insert(1, ("How do they move?", "Images", "race/animation"))
    return asked


def _own_runs(race: Race) -> str:
    """A link to the racers' own runs, which lie beside the race's under the function's name."""
    series = "descent/value" if race.gap is None else "descent/log10_gap"
    runs = f"(^|/){exactly(race.subject.name)[1:-1]}/descent/"
    shown = link("their runs over each other", "Time Series", (series,), runs)
    return f"Each racer has a run of its own, with all that was measured of it: {shown}, `{series}`."


def _table(race: Race) -> str:
    arrival, rows = race.steps_to_target, []
    for k in race.order:
        rate = race.descents[k].learning_rate
        rows.append((
            race.names[k],
            "its own" if rate is None else f"{naming.number(rate)} ({race.descents[k].rate_rule})",
            f"{arrival[k]:,.0f}" if np.isfinite(arrival[k]) else "not reached",
            f"{race.value[-1, k]:.6g}",
            race.verdicts[k].status.words,
        ))  # fmt: skip
    return markdown_table(("racer", "learning rate", "steps to the target", "final value", "status"), rows)
