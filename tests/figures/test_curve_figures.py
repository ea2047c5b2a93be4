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
    """The one line of all axes with this label, or with one that begins so."""
    (found,) = [a for axes in figure.axes for a in axes.get_lines() if str(a.get_label()).startswith(label)]
    return found


def labels(figure):
    return [str(a.get_label()) for axes in figure.axes for a in axes.get_lines()]


def words(figure):
    """What is written beside things in the first axes."""
    return [text.get_text() for text in figure.axes[0].texts if not hasattr(text, "xycoords")]


def along(text, low, high, points=201, **more):
    f = tbgrad.resolve(text)
    return tbgrad.sweep(f, (f.variables[0], low, high), points=points, **more)


@pytest.fixture(scope="module")
def wave():
    f = tbgrad.resolve("fading_wave")
    return tbgrad.sweep(f, ("x", 0.0, 2 * np.pi), points=100, tangents=[4.1])


def test_the_lines_are_the_sweeps_arrays(wave):
    figure = curve_figure(wave)
    for label, array in (("f (value)", wave.value), ("df/dx (value per x)", wave.slope)):
        np.testing.assert_array_equal(line(figure, label).get_xdata(), wave.coordinate)
        np.testing.assert_array_equal(line(figure, label).get_ydata(), array)
    axes = figure.axes[0]
    assert axes.get_xlim() == (0.0, pytest.approx(2 * np.pi)) and axes.get_xlabel() == "x"


def test_the_tangent_touches_with_its_slope(wave):
    figure = curve_figure(wave)
    drawn = line(figure, "tangent")
    assert drawn.get_color() == TANGENT
    assert words(figure) == ["slope -0.195826"]
    (x0, x1), (y0, y1) = drawn.get_data()
    # The tutorial's value and slope at 4.1, to 18 digits by mpmath.
    assert (y1 - y0) / (x1 - x0) == pytest.approx(-0.195825531572645104, rel=1e-12)
    assert y0 + (4.1 - x0) * (y1 - y0) / (x1 - x0) == pytest.approx(0.232296853326313995, rel=1e-12)
    assert x0 < 4.1 < x1


def test_undefined_points_are_marked_at_their_coordinates(wave):
    assert np.isnan(wave.value[0])
    assert line(curve_figure(wave), "undefined").get_xdata().tolist() == [0.0]
    defined = tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 0.0, 1.0), points=5)
    assert not any(label.startswith(("undefined", "tangent", "hole")) for label in labels(curve_figure(defined)))


def test_the_title_names_function_formula_and_what_is_fixed():
    sweep = tbgrad.sweep(tbgrad.resolve("rosenbrock"), ("x", -1.0, 1.0), {"y": 0.5}, points=5)
    title = above(curve_figure(sweep))
    assert "rosenbrock" in title and "$" in title and "y = 0.5" in title
    assert line(curve_figure(sweep), "∂f/∂x")


def test_a_line_between_points_has_its_distance_as_axis():
    f = tbgrad.resolve("sphere")
    sweep = tbgrad.sweep(f, start=(0.0, 0.0), end=(3.0, 4.0), points=11)
    figure = curve_figure(sweep)
    assert figure.axes[-1].get_xlabel() == "s, distance from (0, 0)"
    drawn = line(figure, "df/ds (value per distance)")
    np.testing.assert_allclose(drawn.get_ydata(), 2 * np.linspace(0, 5, 11), rtol=1e-13)


@pytest.mark.parametrize(
    "curve", [lambda x: 1 / x, lambda x: np.tan(3 * x), lambda x: 0 * x + 2.5, lambda x: 1e-30 * x, lambda x: 0 * x]
)
def test_the_value_axis_holds_most_of_the_curve(curve):
    x = np.linspace(-1, 1, 200)
    subject = tbgrad.resolve("x").subject()
    sweep = Sweep(subject, "x", {}, x, x[:, None], curve(x), np.zeros((200, 1)), np.zeros(200))
    low, high = curve_figure(sweep).axes[0].get_ylim()
    assert np.isfinite([low, high]).all() and low < high
    assert ((curve(x) >= low) & (curve(x) <= high)).mean() >= 0.9


def test_one_point_and_a_tangent_without_a_value_can_be_drawn(wave):
    one = tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 0.0, 1.0), points=1)
    assert encode(curve_figure(one)).image
    nowhere = dataclasses.replace(wave, tangents=(Tangent(0.0, np.nan, np.nan),))
    assert not any(label.startswith("tangent") for label in labels(curve_figure(nowhere)))
    assert "no tangent at 0: f has no value there" in above(curve_figure(nowhere))


def test_a_single_point_is_seen():
    figure = curve_figure(along("sin(x)", 2, 6, 1))
    dots = [a for axes in figure.axes for a in axes.get_lines() if a.get_marker() == "."]
    assert sorted(float(a.get_ydata()[0]) for a in dots) == pytest.approx(sorted([np.sin(2), np.cos(2)]))
    low, high = figure.axes[0].get_xlim()
    assert low < 2 < high


def test_stationary_points_are_marked_by_kind():
    figure = curve_figure(along("(x - 1)**2*(x + 1)**3", -1.5, 1.5))
    found = {kind: np.ravel(line(figure, kind).get_data()).tolist() for kind in ("minimum", "maximum", "inflection")}
    assert found["minimum"] == pytest.approx([1, 0], abs=1e-12)
    assert found["maximum"] == pytest.approx([0.2, 0.64 * 1.728])
    assert found["inflection"] == pytest.approx([-1, 0], abs=1e-9)
    assert len({line(figure, kind).get_marker() for kind in found}) == 3
    # One at the border is whole.
    assert not line(curve_figure(along("cos(x)", 0, 3)), "maximum").get_clip_on()


def test_of_very_many_stationary_points_two_are_marked():
    sweep = along("sin(x)*exp(-x/1000)", 0, 200, 4001)
    figure = curve_figure(sweep)
    assert len(sweep.stationary) == 64 and "64 points with slope 0, the lowest and the highest marked" in above(figure)
    minimum, maximum = (line(figure, kind) for kind in ("minimum", "maximum"))
    assert minimum.get_xdata() == pytest.approx([1.5 * np.pi], abs=0.01)
    assert maximum.get_xdata() == pytest.approx([0.5 * np.pi], abs=0.01)


def test_what_turns_by_less_than_can_be_seen_is_not_marked():
    sweep = along("exp(-(x - 3)**2)*cos(5*x)", -20, 20, 4001)
    figure = curve_figure(sweep)
    marked = sum(len(line(figure, kind).get_xdata()) for kind in ("minimum", "maximum"))
    assert 3 <= marked < 10 < len(sweep.stationary)
    assert f"{len(sweep.stationary)} points with slope 0, {marked} marked" in above(figure)


@pytest.mark.parametrize(
    ("text", "low", "high", "second", "together"),
    [
        ("sin(x)", 0, 6, False, [2]),
        ("sin(x)", 0, 6, True, [3]),
        ("exp(10*x)", 0, 1, True, [1, 1, 1]),
        ("x", 0, 1000, False, [1, 1]),
        ("1e6 + sin(x)", 0, 6, False, [1, 1]),
        ("0*x + 2.5", 0, 1, False, [2]),
        ("x**3", -1, 1, True, [2, 1]),
    ],
)
def test_each_curve_can_be_read(text, low, high, second, together):
    """Curves share an axis only where none is flattened there."""
    figure = curve_figure(along(text, low, high, second=second))
    curves = [[a for a in axes.get_lines() if "(value" in str(a.get_label())] for axes in figure.axes]
    assert [len(group) for group in curves] == together
    for axes, group in zip(figure.axes, curves, strict=True):
        height = np.ptp(axes.get_ylim())
        assert all(np.ptp(a.get_ydata()) > 0.25 * height for a in group if np.ptp(a.get_ydata()) > 1e-9)
    assert figure.axes[0].get_ylabel().split(",")[0] == "value"


def test_the_second_derivative_is_drawn_on_request():
    sweep = along("sin(x)", 0, 6, second=True)
    figure = curve_figure(sweep)
    np.testing.assert_array_equal(line(figure, "d²f/dx² (value per x²)").get_ydata(), sweep.second)
    assert "d²f" not in "".join(labels(curve_figure(along("sin(x)", 0, 6))))


@pytest.mark.parametrize("points", [200, 201])
def test_the_branches_beside_a_pole_are_not_joined(points):
    for text, poles in (("1/x", [0]), ("tan(x)", [-3 * np.pi / 2, -np.pi / 2, np.pi / 2, 3 * np.pi / 2])):
        figure = curve_figure(along(text, -5, 5, points))
        for name in ("f", "df/dx"):
            x, y = line(figure, f"{name} (").get_data()
            for pole in poles:
                gap = np.flatnonzero(~np.isfinite(y))
                assert abs(x[gap] - pole).min() <= 10 / points
        # Far from the poles the curve fills its axis.
        low, high = figure.axes[0].get_ylim()
        assert -30 < low < -1 and 1 < high < 30


def test_a_stretch_without_values_is_hatched():
    figure = curve_figure(along("sqrt(x)", -1, 1))
    (stretch,) = [c for c in figure.axes[0].collections if c.get_label() == "undefined"]
    corners = stretch.get_paths()[0].vertices[:, 0]
    assert (corners.min(), corners.max()) == (-1.0, pytest.approx(-0.01)) and stretch.get_hatch()
    assert "undefined" not in labels(figure)


def test_a_hole_is_an_open_circle_on_the_curve():
    circle = line(curve_figure(along("sin(x)/x", -10, 10)), "hole")
    assert np.ravel(circle.get_data()).tolist() == pytest.approx([0, 1], abs=1e-5)
    assert circle.get_markerfacecolor() == "white"
    # At a pole there is no height to put it.
    assert line(curve_figure(along("1/x", -1, 1)), "undefined").get_xdata().tolist() == [0.0]


@pytest.mark.parametrize("at", [[4.1, 1, 6], [4.0, 4.1, 4.2], [0.001, 6.28], [3]])
@pytest.mark.parametrize("text", ["fading_wave", "exp(x)", "1000*sin(9*x)"])
def test_slopes_are_written_beside_their_tangents(text, at):
    """On the axes, not over each other, and no farther away than a word is long."""
    sweep = along(text, 0, 2 * np.pi, tangents=at)
    figure = curve_figure(sweep)
    figure.canvas.draw()
    axes = figure.axes[0]
    texts = [t for t in axes.texts if "slope" in t.get_text()]
    boxes = [t.get_window_extent() for t in texts]
    assert len(boxes) == len(at)
    for i, (box, tangent) in enumerate(zip(boxes, sweep.tangents, strict=True)):
        assert f"slope {tangent.slope:.4g}"[:10] in texts[i].get_text()
        assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:i])
        (start, end) = axes.transData.transform(
            [(tangent.coordinate + s, tangent.value + s * tangent.slope) for s in (-1.13, 1.13)]
        )
        along_it = start + np.linspace(0, 1, 200)[:, None] * (end - start)
        middle = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
        assert np.linalg.norm(along_it - middle, axis=1).min() < box.width


def test_a_kink_is_told_where_a_tangent_is_asked_for():
    assert "at 0 secants do not go to the tangent: a kink" in above(curve_figure(along("abs(x)", -1, 1, tangents=[0])))
    assert above(curve_figure(along("x**2", -1, 1, tangents=[0]))) == "${x}^{2}$"


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e200, 1e300])
def test_any_scale_fills_its_axes(scale):
    figure = curve_figure(along(f"{scale}*sin(x)", 0, 6, tangents=[4.1]))
    low, high = figure.axes[0].get_ylim()
    drawn = line(figure, "f (value").get_ydata()
    assert low < drawn.min() < 0 < drawn.max() < high and np.ptp(drawn) > 0.8 * (high - low)
    unit = float(line(figure, "f (value").get_label().partition(", in ")[2].rstrip(")") or 1)
    np.testing.assert_allclose(drawn * unit, scale * np.sin(np.linspace(0, 6, 201)), rtol=1e-9, atol=1e-9 * scale)
    assert words(figure) == [f"slope {scale * np.cos(4.1):.6g}"]
    assert encode(figure).image


def test_a_tiny_range_has_its_unit():
    figure = curve_figure(along("x*1e300", -1e-300, 1e-300))
    assert figure.axes[0].get_xlabel() == "x, in 1e-300" and figure.axes[0].get_xlim() == (-1.0, 1.0)
    assert encode(figure).image


def test_what_is_reached_between_few_samples_is_shown():
    figure = curve_figure(along("sin(2*pi*x)/x", 1, 2, 3))
    low, high = figure.axes[0].get_ylim()
    assert low < line(figure, "minimum").get_ydata()[0] < 0 < line(figure, "maximum").get_ydata()[0] < high


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
    figure = path_figure(descent).figure
    assert encode(figure).size[0] > 100
    # From 1 it goes to -2, 4, -8, ... while the picture ends at 5.
    assert "leaves the picture before step 3 " in above(figure)
