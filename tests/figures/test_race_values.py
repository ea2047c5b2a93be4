"""The values of a race over its steps: each line is its racer's, names stand at ends, failures spoil no scale."""

import dataclasses

import numpy as np
import pytest
from figure_texts import above
from hypothesis import given, settings
from hypothesis import strategies as st
from race_samples import MORE, RACERS, STEPS, bowl, make_race, path

from tbgrad.figures.race_values import spread, values_figure
from tbgrad.figures.style import RACERS as STYLES


def line(axes, name):
    (found,) = [a for a in axes.get_lines() if a.get_label() == name]
    return found


@pytest.mark.parametrize("known", [True, False])
def test_each_line_is_its_racers_value(known):
    race = make_race(2, known=known)
    axes = values_figure(race).axes[0]
    assert axes.get_yscale() == ("log" if known else "linear")
    assert axes.get_ylabel() == ("value above the known minimum" if known else "value")
    for k in range(3):
        drawn = line(axes, race.names[k])
        value = bowl(path(2, k))
        np.testing.assert_array_equal(drawn.get_xdata(), range(STEPS + 1))
        np.testing.assert_allclose(drawn.get_ydata(), np.maximum(value, 2e-16) if known else value, rtol=1e-9)
        assert drawn.get_color() == STYLES[k]["color"]


def test_a_racer_that_flies_off_does_not_spoil_the_scale():
    figure = values_figure(make_race(2))
    low, high = figure.axes[0].get_ylim()
    others = np.array([bowl(path(2, k)) for k in range(3)])
    assert low == pytest.approx(max(others.min(), 2.2e-16) / 3, rel=0.1)
    assert others.max() < high < 200 * others.max() < bowl(path(2, 3))[4]
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "sgd 0.3: diverged" in words


def test_marks_stand_where_racers_arrive():
    race = make_race(2)
    axes = values_figure(race).axes[0]
    for k in np.flatnonzero(np.isfinite(race.steps_to_target)):
        step = int(race.steps_to_target[k])
        style = STYLES[k]
        points = [np.ravel(a.get_data()).tolist() for a in axes.get_lines()
                  if a.get_marker() == style["marker"] and a.get_transform() == axes.transData]  # fmt: skip
        assert points == [[step, pytest.approx(max(bowl(path(2, k)[step]), 2.3e-16), rel=0.2)]]
    assert "dotted: 1e-06 above the known minimum" in above(axes.figure)
    nobody = values_figure(dataclasses.replace(race, target=-1.0))
    assert "no racer arrives" in above(nobody)
    far = values_figure(dataclasses.replace(race, target=1e9))
    assert "outside the picture" in above(far)


@pytest.mark.parametrize("racers", [RACERS, (*RACERS[:3], *MORE)], ids=["few", "many"])
def test_names_do_not_touch(racers):
    race = make_race(2, racers)
    figure = values_figure(race)
    figure.canvas.draw()
    texts = [t for t in (*figure.axes[0].texts, *figure.texts) if t.get_text()]
    # Of many long names only the beginnings have room.
    said = [t.get_text().replace("\n", ", ").partition(": ")[0].removesuffix("…") for t in texts]
    assert all(
        any((name.startswith(words) and len(words) > 15) or name == words for words in said) for name in race.names
    )
    found = [t.get_window_extent() for t in texts]
    for i, box in enumerate(found):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width
        assert not any(box.shrunk(1, 0.7).overlaps(other.shrunk(1, 0.7)) for other in found[:i])


def test_an_early_race_has_a_logarithmic_step():
    race = make_race(2, RACERS[:3])
    assert values_figure(race).axes[0].get_xscale() == "linear"
    # The same racers, standing still for ten times as long.
    still = [
        dataclasses.replace(d, step=np.arange(10 * STEPS + 1), value=np.vstack([d.value, *[d.value[-1:]] * 9 * STEPS]))
        for d in race.descents
    ]
    axes = values_figure(dataclasses.replace(race, descents=tuple(still))).axes[0]
    assert axes.get_xscale() == "symlog" and axes.get_xlabel() == "step (logarithmic)"


def test_a_race_that_all_lose_can_be_drawn():
    race = make_race(2, (RACERS[3], ("sgd", 0.31, {})))
    figure = values_figure(race)
    figure.canvas.draw()
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"sgd 0.3: diverged", "sgd 0.31: diverged"} <= set(words)
    assert figure.axes[0].get_ylim()[1] < 1e5


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(0.02, 0.1)), min_size=1, max_size=8))
def test_labels_are_spread_without_touching(labels):
    wanted, heights = np.array(labels).T
    placed = spread(wanted, heights, 0.0, 1.0)
    order = np.argsort(wanted, kind="stable")
    apart = np.diff(placed[order]) - (heights[order][1:] + heights[order][:-1]) / 2
    assert (apart > -1e-9).all()
    assert (placed - heights / 2 > -1e-9).all() and (placed + heights / 2 < 1 + 1e-9).all()


def test_labels_move_as_little_as_possible():
    even = np.full(4, 0.1)
    # Two that coincide give way to either side; those that have room stay.
    np.testing.assert_allclose(spread(np.array([0.5, 0.5, 0.9, 0.2]), even, 0, 1), [0.45, 0.55, 0.9, 0.2])
    np.testing.assert_allclose(spread(np.zeros(3), even[:3], 0, 1), [0.05, 0.15, 0.25])
    np.testing.assert_allclose(spread(np.ones(2), even[:2], 0, 1), [0.85, 0.95])
