"""Curves: the artists' data are the sweep's arrays."""

import dataclasses
import io

import numpy as np
import pytest
from figure_texts import above
from PIL import Image

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.curves import curve_figure
from tbgrad.figures.paths import path_figure
from tbgrad.figures.style import DPI, SIZE, TANGENT
from tbgrad.results import Sweep, Tangent


def line(figure, label):
    """The data of the one line with this label, or with one that begins so."""
    (found,) = [a for a in figure.axes[0].get_lines() if str(a.get_label()).startswith(label)]
    return found


@pytest.fixture(scope="module")
def wave():
    f = tbgrad.resolve("fading_wave")
    return tbgrad.sweep(f, ("x", 0.0, 2 * np.pi), points=100, tangents=[4.1])


def test_the_lines_are_the_sweeps_arrays(wave):
    figure = curve_figure(wave)
    for label, array in (("f", wave.value), ("df/dx", wave.slope)):
        np.testing.assert_array_equal(line(figure, label).get_xdata(), wave.coordinate)
        np.testing.assert_array_equal(line(figure, label).get_ydata(), array)
    axes = figure.axes[0]
    assert axes.get_xlim() == (0.0, pytest.approx(2 * np.pi)) and axes.get_xlabel() == "x"


def test_the_tangent_touches_with_its_slope(wave):
    drawn = line(curve_figure(wave), "tangent")
    assert drawn.get_color() == TANGENT
    assert "4.1" in drawn.get_label() and "-0.195826" in drawn.get_label()
    (x0, x1), (y0, y1) = drawn.get_data()
    # The tutorial's value and slope at 4.1, to 18 digits by mpmath.
    assert (y1 - y0) / (x1 - x0) == pytest.approx(-0.195825531572645104, rel=1e-12)
    assert y0 + (4.1 - x0) * (y1 - y0) / (x1 - x0) == pytest.approx(0.232296853326313995, rel=1e-12)
    assert x0 < 4.1 < x1


def test_undefined_points_are_marked_at_their_coordinates(wave):
    assert np.isnan(wave.value[0])
    assert line(curve_figure(wave), "undefined").get_xdata().tolist() == [0.0]
    defined = tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 0.0, 1.0), points=5)
    labels = [a.get_label() for a in curve_figure(defined).axes[0].get_lines()]
    assert "undefined" not in labels and not any(label.startswith("tangent") for label in labels)


def test_the_title_names_function_formula_and_what_is_fixed():
    sweep = tbgrad.sweep(tbgrad.resolve("rosenbrock"), ("x", -1.0, 1.0), {"y": 0.5}, points=5)
    title = above(curve_figure(sweep))
    assert "rosenbrock" in title and "$" in title and "y = 0.5" in title
    assert line(curve_figure(sweep), "∂f/∂x")


def test_a_line_between_points_has_its_distance_as_axis():
    f = tbgrad.resolve("sphere")
    sweep = tbgrad.sweep(f, start=(0.0, 0.0), end=(3.0, 4.0), points=11)
    figure = curve_figure(sweep)
    assert "distance from (0, 0)" in figure.axes[0].get_xlabel()
    np.testing.assert_allclose(line(figure, "slope along").get_ydata(), 2 * np.linspace(0, 5, 11), rtol=1e-13)


@pytest.mark.parametrize(
    "curve", [lambda x: 1 / x, lambda x: np.tan(3 * x), lambda x: 0 * x + 2.5, lambda x: 1e-30 * x]
)
def test_the_value_axis_holds_most_of_the_curve(curve):
    x = np.linspace(-1, 1, 200)
    subject = tbgrad.resolve("x").subject()
    sweep = Sweep(subject, "x", {}, x, x[:, None], curve(x), np.zeros((200, 1)), np.zeros(200))
    low, high = curve_figure(sweep).axes[0].get_ylim()
    assert np.isfinite([low, high]).all() and low < high
    assert ((curve(x) >= low) & (curve(x) <= high)).mean() >= 0.95


def test_one_point_and_a_tangent_without_a_value_can_be_drawn(wave):
    one = tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 0.0, 1.0), points=1)
    assert encode(curve_figure(one)).image
    nowhere = dataclasses.replace(wave, tangents=(Tangent(0.0, np.nan, np.nan),))
    assert not any(str(a.get_label()).startswith("tangent") for a in curve_figure(nowhere).axes[0].get_lines())


def test_the_png_decodes_and_has_the_stated_size(wave):
    picture = encode(curve_figure(wave))
    image = Image.open(io.BytesIO(picture.image))
    image.load()
    assert image.format == "PNG" and image.mode == "RGB"
    assert image.size == picture.size == tuple(round(inches * DPI) for inches in SIZE)
    # It is not blank: the curve's blue and the tangent's red are there.
    pixels = np.asarray(image).reshape(-1, 3)
    assert len(np.unique(pixels, axis=0)) > 10 and (pixels == (0xCC, 0x33, 0x11)).all(axis=1).any()


def test_the_callers_style_is_left_alone(wave):
    import matplotlib

    with matplotlib.rc_context({"font.size": 23.0}):
        before = dict(matplotlib.rcParams)
        encode(curve_figure(wave))
        assert dict(matplotlib.rcParams) == before


def test_a_descent_in_one_variable_on_its_curve():
    f = tbgrad.resolve("fading_wave")
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.5), [[4.1]], 40)
    descent = tbgrad.with_landscape(f, descent)
    figure = path_figure(descent).figure
    np.testing.assert_array_equal(line(figure, "f").get_xdata(), descent.landscape.coordinate)
    (path,) = [a for a in figure.axes[0].get_lines() if a.get_gid() == "path"]
    np.testing.assert_array_equal(path.get_xdata(), descent.position[:, 0, 0])
    np.testing.assert_array_equal(path.get_ydata(), descent.value[:, 0])
    assert line(figure, "start").get_xdata().tolist() == [4.1]
    assert line(figure, "position").get_ydata().tolist() == [descent.value[-1, 0]]
    # The least of the known minima, to 30 digits elsewhere.
    assert line(figure, "known minimum").get_xdata() == pytest.approx([2.3021083886002883])
    assert "sgd 0.5" in above(figure)


@pytest.mark.parametrize("steps", [30, 300, 2000])
def test_a_diverging_descent_in_one_variable_can_be_drawn(steps):
    f = tbgrad.Function.of_formula("x**2", name="f", domain=((-5.0, 5.0),))
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 1.5), [[1.0]], steps))
    assert encode(path_figure(descent).figure).size[0] > 100
