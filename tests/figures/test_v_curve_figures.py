"""The V curve: the artists' data are the check's arrays."""

import io

import numpy as np
import pytest
import tensorflow as tf
from figure_texts import above
from PIL import Image

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.v_curves import FLOOR, by_step, v_figure

POINTS = np.random.default_rng(5).uniform(0.5, 2.0, (9, 1))


def lines(figure):
    return {str(line.get_label()): line for line in figure.axes[0].get_lines()}


@tf.custom_gradient
def _flipped(x):
    return tf.exp(x), lambda up: -up * tf.exp(x)


@pytest.fixture(scope="module")
def check():
    return tbgrad.check_gradient("exp(x)", POINTS)


def test_the_median_is_that_of_the_points(check):
    figure = v_figure(check)
    step, error = lines(figure)["median"].get_data()
    for h, value in zip(step, error, strict=True):
        column = check.error[check.step == h]
        assert value == pytest.approx(np.clip(np.median(column), FLOOR, 1e30))
    axes = figure.axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log" and "step size" in axes.get_xlabel()
    assert "agrees at all 9 points" in above(figure)


def test_the_best_step_is_marked_and_the_arms_have_their_slopes(check):
    figure = v_figure(check)
    (mark,) = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert 1e-7 < mark.get_xdata()[0] < 1e-4
    found = lines(figure)
    for label, slope in (("truncation ∝ h²", 2), ("rounding ∝ 1/h", -1)):
        (x0, x1), (y0, y1) = np.log(found[label].get_data())
        assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
    # Both arms are on the page.
    low, high = figure.axes[0].get_xlim()
    step, error = by_step(check)
    median = np.median(error, axis=0)
    assert median[step >= low][0] > 100 * median.min() and median[step <= high][-1] > 100 * median.min()


def test_a_wrong_gradient_shows_its_worst_point_and_no_rounding_arm():
    figure = v_figure(tbgrad.check_gradient(lambda x: _flipped(x), POINTS))
    found = lines(figure)
    (worst,) = [line for label, line in found.items() if label.startswith("x = ")]
    assert worst.get_ydata().min() == pytest.approx(2.0, rel=0.05)
    title = above(figure)
    assert "rounding ∝ 1/h" not in found and "disagrees at all 9 points" in title
    assert "-1 times what the differences give" in title
    assert not [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]


@pytest.mark.parametrize(
    ("formula", "points"),
    [
        ("sin(x)", [[1.0]]),
        ("log(x)", [[-1.0]]),
        ("sqrt(x)", [[0.0]]),
        ("abs(x)", [[0.0]]),
        ("abs(x)", [[0.0], [1.0]]),
        ("0*x + 3", [[1.0], [2.0]]),
        ("1/(1 + exp(-x))", [[-800.0], [1.0]]),
        ("x*y", [[0.0, 0.0]]),
        ("1e15 + x**3", POINTS),
        (
            "x**4*sin(y)**2 + 0.001*exp(-x*y) + sqrt(1 + x**2*y**2) + cos(3*x + 2*y) - 0.25*x*y",
            [[1.0, 2.0], [0.0, 1.0]],
        ),
    ],
)
def test_every_check_can_be_drawn_on_the_page(formula, points):
    figure = tbgrad.show(tbgrad.check_gradient(formula, points))
    picture = encode(figure)
    assert np.asarray(Image.open(io.BytesIO(picture.image))).std() > 5
    figure.canvas.draw()
    page, title = figure.bbox, figure.axes[0].title.get_window_extent()
    assert page.x0 <= title.x0 < title.x1 <= page.x1 and title.y1 <= page.y1 + 1
    assert np.isfinite([*figure.axes[0].get_xlim(), *figure.axes[0].get_ylim()]).all()
