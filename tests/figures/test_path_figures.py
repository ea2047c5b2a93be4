"""Paths on contours, and histories: the artists' data, not the pixels."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from figure_texts import above
from matplotlib.figure import Figure

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.figures.canvas import encode, new_figure
from tbgrad.figures.paths import path_figure
from tbgrad.figures.showing import show
from tbgrad.figures.steps import add_step_bar, step_colours


def lines(figure, label):
    return [a for a in figure.axes[0].get_lines() if a.get_label() == label]


def track(figure):
    """The points of the path as it is drawn."""
    (line,) = [a for a in figure.axes[0].get_lines() if a.get_gid() == "path"]
    return np.transpose(line.get_data())


def descend(name, starts, optimizer=("sgd", 0.1), steps=50, **settings):
    f = tbgrad.resolve(name)
    return tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer(*optimizer, **settings), starts, steps))


@pytest.fixture(scope="module")
def waves():
    return descend("tilted_waves", [[2.0, 1.0]], steps=200)


def test_the_path_is_the_descents(waves):
    figure = path_figure(waves).figure
    (start,), (end,) = (lines(figure, label) for label in ("start", "position"))
    np.testing.assert_array_equal(track(figure), waves.position[:, 0])
    np.testing.assert_array_equal(np.ravel(start.get_data()), [2.0, 1.0])
    np.testing.assert_array_equal(np.ravel(end.get_data()), waves.position[-1, 0])
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    surface = waves.landscape
    np.testing.assert_allclose(axes.get_xlim(), surface.x[[0, -1]])
    np.testing.assert_allclose(axes.get_ylim(), surface.y[[0, -1]])


def test_the_title_says_conditions_and_outcome(waves):
    title = above(path_figure(waves).figure)
    for text in ("tilted_waves", "$", "sgd 0.1", "200 steps", waves.status[0].words):
        assert text in title
    assert "leaves the picture" not in title


def test_the_start_that_ends_best_is_drawn():
    descent = descend("himmelblau", [[-1.0, 8.0], [2.9, 2.1], [0.0, 0.0]], ("adam", 0.01), 30)
    assert descent.best_start == 1
    np.testing.assert_array_equal(track(path_figure(descent).figure), descent.position[:, 1])


def test_every_known_minimum_is_marked_and_one_stands_in_the_legend():
    figure = path_figure(descend("himmelblau", [[0.0, 0.0]], ("sgd", 0.01))).figure
    stars = [a for a in figure.axes[0].get_lines() if a.get_marker() == "*"]
    found = sorted(tuple(np.round(np.ravel(a.get_data()), 6).tolist()) for a in stars)
    assert found == [(-3.77931, -3.283186), (-2.805118, 3.131313), (3.0, 2.0), (3.584428, -1.848127)]
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert sorted(texts) == ["downhill, and update", "known minimum", "path", "position", "start"]


def test_a_ring_of_minima_is_a_curve():
    (ring,) = lines(path_figure(descend("ripple", [[1.0, 2.0]])).figure, "known minimum: a ring")
    radius = np.hypot(*ring.get_data())
    np.testing.assert_allclose(radius, 1.5 * np.pi, rtol=1e-12)
    assert ring.get_linestyle() == ":" and len(radius) > 50


def test_a_path_that_ends_where_there_is_no_gradient_does_not_leave():
    figure = path_figure(descend("ripple", [[0.0, 0.0]], ("sgd", 0.1), 5)).figure
    assert "nowhere from step 1 on" in above(figure)


@pytest.mark.parametrize("steps", [3, 10, 100])
def test_a_path_that_leaves_the_picture(steps):
    descent = descend("rosenbrock", [[-1.2, 1.0]], ("sgd", 0.01), steps)
    figure = path_figure(descent).figure
    (position,), drawn = lines(figure, "position"), track(figure)
    width = 4.096
    assert drawn.shape == (steps + 1, 2)
    # Up to a width beside the picture, positions are drawn as they are; the first one farther out ends the path.
    left = int(np.flatnonzero(~(np.abs(descent.position[:, 0]) < 1.5 * width).all(axis=1))[0])
    assert 0 < left <= steps
    np.testing.assert_array_equal(drawn[:left], descent.position[:left, 0])
    assert np.isnan(drawn[left:]).all() and np.isnan(position.get_data()).all()
    # It is outside before.
    outside = np.flatnonzero((np.abs(descent.position[:, 0]) > width / 2).any(axis=1))[0]
    assert f"leaves the picture before step {outside} " in above(figure) and outside < left
    assert encode(figure).image


def bar(figure, name):
    (axes,) = [a for a in figure.axes[1:] if name in (a.get_xlabel(), a.get_ylabel())]
    return axes


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (2, [1, 2]), (3, [1, 3]), (7, [1, 2, 7]), (20, [1, 2, 5, 20]), (99, [1, 2, 5, 10, 20, 99]),
        (100, [1, 10, 100]), (2000, [1, 10, 100, 2000]), (50_000, [1, 10, 100, 1000, 10_000, 50_000]),
    ],
)  # fmt: skip
def test_a_bar_says_which_colour_is_which_step(last, told):
    figure, axes = new_figure()
    add_step_bar(figure, axes, last)
    ticks = bar(figure, "step")
    assert ticks.get_yticks().tolist() == told
    assert [t.get_text() for t in ticks.get_yticklabels()] == [f"{t:,}" for t in told]
    assert ticks.get_yscale() == "log" and ticks.get_ylim() == pytest.approx((1, last))


def test_colours_of_steps_go_from_light_to_dark_by_the_logarithm():
    colours = step_colours(10_000).to_rgba([1, 10, 100, 1000, 10_000])[:, :3]
    grey = colours @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) < -0.05).all()
    np.testing.assert_allclose(colours[2], step_colours(100).to_rgba([10])[0, :3], atol=0.01)


def test_one_step_has_no_bar():
    figure = path_figure(descend("sphere", [[1.0, 1.0]], steps=1)).figure
    assert [a.get_xlabel() for a in figure.axes] == ["x", ""]


def test_the_values_under_a_path_are_muted():
    surface, path = show(tbgrad.surface(tbgrad.resolve("sphere"))), show(descend("sphere", [[3.0, 1.0]]))

    def saturation(figure):
        filled = max(figure.axes[0].collections, key=lambda c: len(c.get_facecolor()))
        return np.ptp(filled.get_facecolor()[:, :3], axis=1).mean()

    assert saturation(path) < 0.7 * saturation(surface)


@pytest.fixture(scope="module")
def spiral():
    return descend("x**2 + 3*y**2 + 6*z**2", [[4.0, 2.0, 1.0]], steps=40, momentum=0.8)


def test_more_than_two_variables_are_drawn_on_their_plane(spiral):
    figure, plane = path_figure(spiral).figure, spiral.plane
    drawn, path = track(figure), spiral.position[:, 0]
    np.testing.assert_allclose(drawn, (path - path[0]) @ plane.directions.T, atol=1e-12)
    assert figure.axes[0].get_xlabel() == "along: from start to end"
    assert figure.axes[0].get_ylabel() == "across: largest rest"
    share = sum(plane.explained)
    assert 0.6 < share < 0.999
    title = above(figure)
    assert f"projected on a plane that holds {100 * share:.3g} % of the path's variance" in title
    assert "own values may differ" in title and "3 variables" in title
    (told,) = [t.get_text() for t in figure.axes[0].texts if t.get_text().startswith("step")]
    assert told == f"step 40: value {spiral.value[-1, 0]:.5g}"


def test_a_plane_that_holds_everything_says_so():
    title = above(path_figure(descend("x**2 + y**2 + z**2", [[1.0, 2.0, 2.0]])).figure)
    assert "on a plane that holds the whole path" in title and "differ" not in title


def test_known_minima_in_the_plane_are_marked():
    f = tbgrad.resolve("sphere", dimensions=4)
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.05), [[1.0, 2.0, 0.0, 2.0]], 9))
    (star,) = lines(path_figure(descent).figure, "known minimum")
    np.testing.assert_allclose(np.ravel(star.get_data()), [3.0, 0.0], atol=1e-12)


def test_show_chooses_by_result(waves):
    f = tbgrad.resolve("sphere")
    assert lines(show(tbgrad.sweep(f, points=5)), "f (value)")
    assert lines(show(waves), "path")
    bare = dataclasses.replace(waves, landscape=None)
    assert path_figure(bare) is None and show(bare).axes[0].get_xlabel() == "step"
    assert isinstance(tbgrad.show(tbgrad.surface(f, points=5)), Figure)
    with pytest.raises(OptionError, match="no figure for a int"):
        show(3)


def test_drawing_needs_neither_tensorflow_nor_pyplot():
    code = (
        "import sys, tbgrad.figures.showing\n"
        "names = [n for n in ('tensorflow', 'keras', 'matplotlib.pyplot', 'tensorboard') if n in sys.modules]\n"
        "sys.exit(str(names) if names else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_curve_below_a_path_has_a_gap_at_a_pole_and_is_not_flattened_by_it():
    f = tbgrad.resolve("1/x + x**2")
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.4), [[-0.5]], 5))
    axes = path_figure(descent).figure.axes[0]
    (curve,) = (a for a in axes.get_lines() if a.get_label() == "f")
    x, y = curve.get_data()
    gap = np.isnan(y)
    assert gap.sum() == 1 and abs(x[gap][0]) < 0.01 and np.nanmax(np.abs(y)) > 100
    assert np.abs(axes.get_ylim()).max() < 50
