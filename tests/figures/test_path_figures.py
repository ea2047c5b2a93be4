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
from tbgrad.figures.canvas import encode
from tbgrad.figures.histories import history_figure
from tbgrad.figures.paths import path_figure
from tbgrad.figures.showing import show


def lines(figure, label):
    return [a for a in figure.axes[0].get_lines() if a.get_label() == label]


def descend(name, starts, optimizer=("sgd", 0.1), steps=50):
    f = tbgrad.resolve(name)
    return tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer(*optimizer), starts, steps))


@pytest.fixture(scope="module")
def waves():
    return descend("tilted_waves", [[2.0, 1.0]], steps=200)


def test_the_path_is_the_descents(waves):
    figure = path_figure(waves).figure
    (path,), (start,), (end,) = (lines(figure, label) for label in ("path", "start", "position"))
    np.testing.assert_array_equal(np.transpose(path.get_data()), waves.position[:, 0])
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
    (path,) = lines(path_figure(descent).figure, "path")
    np.testing.assert_array_equal(np.transpose(path.get_data()), descent.position[:, 1])


def test_every_known_minimum_is_marked_and_one_stands_in_the_legend():
    figure = path_figure(descend("himmelblau", [[0.0, 0.0]], ("sgd", 0.01))).figure
    stars = [a for a in figure.axes[0].get_lines() if a.get_marker() == "*"]
    found = sorted(tuple(np.round(np.ravel(a.get_data()), 6).tolist()) for a in stars)
    assert found == [(-3.77931, -3.283186), (-2.805118, 3.131313), (3.0, 2.0), (3.584428, -1.848127)]
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert sorted(texts) == ["known minimum", "path", "position", "start"]


def test_a_ring_of_minima_is_a_curve():
    (ring,) = lines(path_figure(descend("ripple", [[1.0, 2.0]])).figure, "known minimum: a ring")
    radius = np.hypot(*ring.get_data())
    np.testing.assert_allclose(radius, 1.5 * np.pi, rtol=1e-12)
    assert ring.get_linestyle() == ":" and len(radius) > 50


def test_a_path_that_ends_where_there_is_no_gradient_does_not_leave():
    figure = path_figure(descend("ripple", [[0.0, 0.0]], ("sgd", 0.1), 5)).figure
    assert "(nowhere from step 1 on)" in above(figure)


@pytest.mark.parametrize("steps", [3, 10, 100])
def test_a_path_that_leaves_the_picture(steps):
    descent = descend("rosenbrock", [[-1.2, 1.0]], ("sgd", 0.01), steps)
    figure = path_figure(descent).figure
    (path,), (position,) = lines(figure, "path"), lines(figure, "position")
    drawn = np.transpose(path.get_data())
    width = 4.096
    assert drawn.shape == (steps + 1, 2)
    # Up to a width beside the picture, positions are drawn as they are; the first one farther out ends the path.
    left = int(np.flatnonzero(~(np.abs(descent.position[:, 0]) < 1.5 * width).all(axis=1))[0])
    assert 0 < left <= steps
    np.testing.assert_array_equal(drawn[:left], descent.position[:left, 0])
    assert np.isnan(drawn[left:]).all() and np.isnan(position.get_data()).all()
    assert f"(leaves the picture before step {left})" in above(figure)
    assert encode(figure).image


def test_the_history_has_a_line_for_each_start():
    f = tbgrad.resolve("sphere")
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]], 30)
    axes = history_figure(descent).axes[0]
    series = axes.get_lines()
    assert len(series) == 3 and axes.get_yscale() == "log" and axes.get_xlabel() == "step"
    for k, drawn in enumerate(series):
        np.testing.assert_array_equal(drawn.get_xdata(), range(31))
        np.testing.assert_array_equal(drawn.get_ydata(), descent.gap[:, k])
    unknown = tbgrad.descend(tbgrad.resolve("x*y*z"), tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0, 1.0]], 3)
    axes = show(unknown).axes[0]
    assert axes.get_yscale() == "linear" and axes.get_ylabel() == "value"
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), unknown.value[:, 0])


@pytest.mark.parametrize("name", ["sphere", "x**2 + y**2"], ids=["gap", "value"])
def test_a_diverging_history_can_be_drawn(name):
    f = tbgrad.resolve(name)
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 1.5), [[1.0, 1.0]], 2000)
    assert encode(history_figure(descent)).image


def test_show_chooses_by_result(waves):
    f = tbgrad.resolve("sphere")
    assert lines(show(tbgrad.sweep(f, points=5)), "f")
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
