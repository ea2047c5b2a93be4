"""Pictures of derivatives: filled where the analytic derivative has its levels, zero lines where it is zero."""

import numpy as np
import pytest
from figure_texts import above
from matplotlib.contour import ContourSet

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.derivatives import magnitude_figure, partial_figure
from tbgrad.figures.slope_scales import magnitude_scale, signed_scale


def surface(text, side=2.0, points=61, **options):
    f = tbgrad.Function.of_formula(f"x, y -> {text}")
    return tbgrad.surface(f, [("x", -side, side), ("y", -side, side)], points=points, **options)


def sets(figure, filled):
    return [c for c in figure.axes[0].collections if isinstance(c, ContourSet) and c.filled == filled]


def zero_lines(figure, dashed):
    """The vertices of the lines where a partial derivative is zero, of the picture's own or of the other one."""
    width = 0.8 if dashed else 1.4
    found = [c for c in sets(figure, False) if c.levels.tolist() == [0.0] and c.get_linewidth()[0] == width]
    return np.concatenate([path.vertices for c in found for path in c.get_paths()]) if found else np.empty((0, 2))


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


def test_the_zero_lines_are_where_the_partial_derivatives_are_zero():
    # f = x²y - y²: ∂f/∂x = 2xy, ∂f/∂y = x² - 2y.
    figure = partial_figure(surface("x^2*y - y^2"), 0)
    x, y = zero_lines(figure, dashed=False).T
    assert np.abs(2 * x * y).max() < 0.01 and len(x) > 100
    x, y = zero_lines(figure, dashed=True).T
    assert np.abs(x**2 - 2 * y).max() < 0.01 and len(x) > 50
    assert legend(figure) == ["∂f/∂x = 0", "∂f/∂y = 0"] and "stationary where both lines cross" in above(figure)
    other = partial_figure(surface("x^2*y - y^2"), 1)
    x, y = zero_lines(other, dashed=False).T
    assert np.abs(x**2 - 2 * y).max() < 0.01


def test_contours_of_a_derivative_are_dashed_below_zero_and_lie_at_their_levels():
    figure = partial_figure(surface("x^2*y - y^2"), 0)
    (lines,) = [c for c in sets(figure, False) if len(c.levels) > 1]
    dashes = [style[1] for style in lines.get_linestyle()]
    assert [dash is not None for dash in dashes] == (lines.levels < 0).tolist()
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        if len(path.vertices):
            np.testing.assert_allclose(2 * path.vertices.prod(axis=1), level, atol=0.02)


def test_where_f_does_not_depend_on_a_variable_there_is_nothing_to_see():
    figure = partial_figure(surface("x^3"), 1)
    assert "∂f/∂y = 0" not in legend(figure) and "both lines" not in above(figure)
    (filled,) = sets(figure, True)
    shown = [path for path in filled.get_paths() if len(path.vertices)]
    colours = filled.get_facecolor()
    assert len(shown) == 1 and colours[[len(p.vertices) > 0 for p in filled.get_paths()]][0, :3].min() > 0.9


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_length_of_the_gradient_is_filled_at_its_levels(dtype):
    figure = magnitude_figure(surface("x^2 + 2*y^2", dtype=dtype))
    (filled,) = sets(figure, True)
    for low, high, path in zip(filled.levels[:-1], filled.levels[1:], filled.get_paths(), strict=True):
        for x, y in [(0.05, 0.02), (1.0, 0.0), (0.0, 1.0), (1.4, -1.3), (-1.9, 1.9)]:
            length = np.hypot(2 * x, 4 * y)
            if low + 0.05 < length < high - 0.05:
                assert path.contains_point((x, y)), (low, high, x, y)
    assert figure.axes[1].get_ylabel() == "|∇f|, value per unit" and "√((∂f/∂x)² + (∂f/∂y)²)" in above(figure)


def test_where_f_is_undefined_its_derivatives_are_left_out():
    # The derivative of log(x) is a number also where log(x) is none.
    result = surface("log(x) + y")
    assert np.isfinite(result.slopes[:, :20]).all()
    for figure in (magnitude_figure(result), partial_figure(result, 0)):
        assert "no gradient" in legend(figure)
        for filled in sets(figure, True):
            for path in filled.get_paths():
                assert not len(path.vertices) or path.vertices[:, 0].min() >= 0


@pytest.mark.parametrize("axis", [0, 1])
def test_contours_are_right_up_to_the_rim(axis):
    # x²y, in a disc only.
    figure = partial_figure(surface("x^2*y + 0*log(1 - x^2 - y^2)", side=1.2, points=41), axis)
    lines = [c for c in sets(figure, False) if len(c.levels) > 1]
    assert len(lines) == 2  # the plain part of the grid, and its rim
    for contours in lines:
        for level, path in zip(contours.levels, contours.get_paths(), strict=True):
            x, y = path.vertices.T
            np.testing.assert_allclose(2 * x * y if axis == 0 else x**2, level, atol=0.02)


def test_known_minima_are_marked():
    for figure in (
        magnitude_figure(f := tbgrad.surface(tbgrad.resolve("himmelblau"), points=41)),
        partial_figure(f, 0),
    ):
        assert "known minimum" in legend(figure)
        assert sum(line.get_marker() == "*" for line in figure.axes[0].get_lines()) == 4


def test_bars_say_quantity_unit_and_scale():
    waves = tbgrad.surface(tbgrad.resolve("tilted_waves"), points=41)
    label = partial_figure(waves, 1).axes[1].get_ylabel()
    assert label.split() == ["∂f/∂y,", "value", "per", "y", "(logarithmic)"]
    fixed = tbgrad.surface(tbgrad.resolve("x^2 - y^2 + z"), [("z", -1.0, 1.0), ("x", -1.0, 1.0)], {"y": 0.5}, points=11)
    figure = partial_figure(fixed, 0)
    assert figure.axes[1].get_ylabel() == "∂f/∂z, value per z" and "y = 0.5" in above(figure)


def test_lengths_are_linear_unless_most_are_small():
    even = magnitude_scale(np.linspace(0, 3, 500), "length")
    assert even.kind == "linear" and even.levels[0] == 0 and even.levels[-1] >= 3
    valley = magnitude_scale(np.geomspace(1e-3, 1e3, 500), "length")
    assert valley.kind == "logarithmic" and valley.levels[0] == 0 and valley.levels[-1] == 1000
    assert valley.label == "length (logarithmic)" and valley.colour_map == "magma"


def test_beside_a_pole_the_last_level_is_open_but_not_at_a_lonely_well():
    length = np.concatenate([np.geomspace(0.1, 10, 990), np.geomspace(1e3, 1e16, 10)])
    scale = magnitude_scale(length, "length")
    assert scale.is_open == (False, True) and scale.levels[-1] < 1e6
    _, labels = scale.ticks()
    assert labels[-1].startswith("≥ ") and not labels[0].startswith("≤")
    lonely = magnitude_scale(np.concatenate([np.geomspace(1e-300, 1e-80, 995), np.geomspace(1e-3, 0.5, 5)]), "length")
    assert lonely.is_open == (False, False) and lonely.levels[-1] == 0.5


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e60])
@pytest.mark.parametrize("make", [np.linspace, np.geomspace])
def test_signs_have_mirrored_levels_with_zero_in_the_middle_of_one(size, make):
    derivative = size * make(1e-3, 1e3, 400) * np.where(np.arange(400) % 3, 1, -1)
    scale = signed_scale(derivative, "slope")
    np.testing.assert_array_equal(scale.levels, -scale.levels[::-1])
    assert (np.diff(scale.levels) > 0).all() and len(scale.levels) % 2 == 0 and scale.colour_map == "RdBu_r"
    assert scale.levels[-1] >= np.abs(derivative).max() and not any(scale.is_open)
    ticks, labels = scale.ticks()
    assert 0 in ticks and "0" in labels and len(set(labels)) == len(labels) <= 11
    red, green, blue, _ = scale.mappable().to_rgba(0.0)
    assert min(red, green, blue) > 0.9


@pytest.mark.parametrize(
    "text", ["0*x + 0*y + 3", "1/(x*y)", "log(x - 100) + y", "1e30*x*y", "1e-30*x*y", "abs(x) + y"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_flat_undefined_and_extreme_ones_can_be_drawn(text, dtype):
    result = surface(text, points=21, dtype=dtype)
    assert encode(magnitude_figure(result)).image and encode(partial_figure(result, 1)).image
