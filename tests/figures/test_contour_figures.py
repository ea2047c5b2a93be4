"""Flat contours with the gradient field: arrows against the analytic gradient, levels against the values."""

import dataclasses

import numpy as np
import pytest
from figure_texts import above
from matplotlib.contour import ContourSet
from matplotlib.quiver import Quiver

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.scales import value_scale
from tbgrad.figures.surfaces import surface_figure
from tbgrad.functions.function import Function, Minimum


def ripple(x, y):
    r = np.hypot(x, y)
    return np.stack([np.cos(r) * x / r, np.cos(r) * y / r])


def rosenbrock(x, y):
    return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def waves(x, y):
    return np.stack([-np.sin(x) * np.sin(y) + 1 / y, np.cos(x) * np.cos(y) - x / y**2])


GRADIENTS = {"ripple": ripple, "rosenbrock": rosenbrock, "tilted_waves": waves}


def square(text, points=21, dtype="float64"):
    return tbgrad.surface(tbgrad.resolve(text), [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=points, dtype=dtype)


def whole(name, **options):
    return tbgrad.surface(tbgrad.resolve(name), **options)


def arrows(figure):
    """(x, y, u, v) of the arrows, or None."""
    found = [c for c in figure.axes[0].collections if isinstance(c, Quiver)]
    return np.stack([found[0].X, found[0].Y, found[0].U, found[0].V]) if found else None


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrows_point_along_the_gradient(name, dtype):
    x, y, *arrow = arrows(surface_figure(whole(name, dtype=dtype)))
    gradient = GRADIENTS[name](x, y)
    cosine = (gradient * arrow).sum(axis=0) / np.linalg.norm(gradient, axis=0) / np.linalg.norm(arrow, axis=0)
    assert len(x) > 90 and (cosine > (1 - 1e-12 if dtype == "float64" else 1 - 1e-5)).all()


@pytest.mark.parametrize("name", GRADIENTS)
def test_the_rank_of_the_lengths_is_that_of_the_steepness(name):
    x, y, *arrow = arrows(surface_figure(whole(name)))
    length, steepness = np.linalg.norm(arrow, axis=0), np.linalg.norm(GRADIENTS[name](x, y), axis=0)
    order = steepness.argsort()
    steeper = np.diff(steepness[order]) > 1e-9 * steepness.max()
    assert steeper.sum() > 40 and (np.diff(length[order])[steeper] > 0).all()
    assert length.max() > 2 * length.min()


@pytest.mark.parametrize(("name", "count"), [("ripple", 8 * 15), ("rosenbrock", 15 * 15)])
def test_arrows_stand_on_the_grid_and_leave_room_for_each_other(name, count):
    result = whole(name)
    x, y, u, v = arrows(surface_figure(result))
    assert len(x) == count and set(x) <= set(result.x) and set(y) <= set(result.y)
    # Sixteen gaps between arrows and edges along the longer side, as far as the grid has lines there.
    assert np.hypot(u, v).max() < (result.y[-1] - result.y[0]) / 16
    # The picture's own edge is left free.
    for place, arrow, line in ((x, u, result.x), (y, v, result.y)):
        assert ((place - abs(arrow) / 2 > line[0]) & (place + abs(arrow) / 2 < line[-1])).all()


def test_on_equal_axes_arrows_are_perpendicular_to_the_contours_on_screen():
    figure = surface_figure(whole("ripple"))
    encode(figure)
    axes = figure.axes[0]
    assert axes.get_aspect() == 1.0
    x, y, u, v = arrows(figure)
    # The contours are circles around the origin: a small turn to either side stays on one.
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    left, right = (np.stack([np.cos(angle + t), np.sin(angle + t)], -1) * radius[:, None] for t in (1e-4, -1e-4))
    along = axes.transData.transform(left) - axes.transData.transform(right)
    arrow = axes.transData.transform(np.stack([x + u, y + v], -1)) - axes.transData.transform(np.stack([x, y], -1))
    cosine = (along * arrow).sum(-1) / np.linalg.norm(along, axis=-1) / np.linalg.norm(arrow, axis=-1)
    assert np.abs(cosine).max() < 1e-6


def test_elongated_regions_are_not_drawn_on_equal_axes():
    f = tbgrad.resolve("x**2 + y**2")
    figure = surface_figure(tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -100.0, 100.0)], points=21))
    assert figure.axes[0].get_aspect() == "auto"
    x, y, u, v = arrows(figure)
    # Still along the gradient, and of a length that is seen on both axes.
    np.testing.assert_allclose(u * y, v * x, atol=1e-9)
    seen = np.hypot(u / 2, v / 200)
    assert seen.min() > 0.3 / 15 and seen.max() < 1 / 15


def test_no_arrow_where_there_is_no_gradient():
    # On y = 0, one of the rows of arrows, it is undefined.
    x, y, *_ = arrows(surface_figure(whole("tilted_waves")))
    assert len(x) == 14 * 15 and np.abs(y).min() > 0.1
    x, y, *_ = arrows(surface_figure(square("x**2 + y**2", points=101)))
    assert len(x) == 15 * 15 - 1 and np.hypot(x, y).min() > 0.1
    figure = surface_figure(square("0*x + 0*y + 3"))
    assert arrows(figure) is None and not any("gradient" in said for said in legend(figure))


def test_no_arrow_where_only_the_value_is_undefined():
    x, *_ = arrows(surface_figure(square("log(x) + y")))
    assert (x > 0).all() and len(x) >= 7 * 15


def test_the_legend_names_the_gradient_and_the_bar_its_colours():
    figure = surface_figure(whole("tilted_waves"))
    assert "gradient: uphill, longer is steeper" in legend(figure)
    assert figure.axes[1].get_ylabel() == "value (colours by quantile)"


@pytest.mark.parametrize(
    ("text", "undefined"),
    [("x*y", False), ("1/y", True), ("sqrt(x) + y", True), ("log(x + 2) + y", False), ("log(x - 100) + y", True)],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_undefined_is_in_the_legend_where_something_is(text, undefined, dtype):
    f = tbgrad.Function.of_formula(f"x, y -> {text}")
    result = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=21, dtype=dtype)
    figure = surface_figure(result)
    assert ("undefined" in legend(figure)) == undefined
    assert ("undefined at" in above(figure)) == undefined


def test_known_minima_are_stars_and_rings():
    def lines(figure, label):
        return [a for a in figure.axes[0].get_lines() if a.get_label() == label]

    (star,) = lines(surface_figure(whole("rosenbrock")), "known minimum")
    assert star.get_marker() == "*" and np.ravel(star.get_data()).tolist() == [1.0, 1.0]
    stars = lines(surface_figure(whole("himmelblau")), "known minimum")
    assert len(stars) == 4 and [3.0, 2.0] in [np.ravel(s.get_data()).tolist() for s in stars]
    figure = surface_figure(whole("ripple"))
    (ring,) = lines(figure, "known minimum: a ring")
    np.testing.assert_allclose(np.hypot(*ring.get_data()), 1.5 * np.pi, rtol=1e-12)
    assert ring.get_linestyle() == ":" and not lines(figure, "known minimum")
    assert "known minimum: a ring" in legend(figure)


def test_minima_are_marked_in_the_order_of_the_axes_and_only_on_the_whole_space():
    f = tbgrad.resolve("himmelblau")
    result = tbgrad.surface(f, [("y", -5.0, 5.0), ("x", -5.0, 5.0)], points=21)
    stars = [
        np.ravel(a.get_data()).tolist() for a in surface_figure(result).axes[0].get_lines() if a.get_marker() == "*"
    ]
    assert [2.0, 3.0] in stars and [3.0, 2.0] not in stars
    f = Function.of_formula("x**2 + y**2 + z**2", minima=(Minimum((0.0, 0.0, 0.0), 0.0),))
    figure = surface_figure(tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], {"z": 0.5}, points=21))
    assert not any("minimum" in said for said in legend(figure))
    assert "z = 0.5" in above(figure)


def test_contours_lie_at_quantiles_of_the_finite_values():
    value = np.random.default_rng(0).normal(size=(40, 40)) ** 3
    value[0, :5], value[1, 0] = np.nan, np.inf
    levels = value_scale(value).levels
    finite = value[np.isfinite(value)]
    assert levels[0] == finite.min() and levels[-1] == finite.max() and (np.diff(levels) > 0).all()
    counts, _ = np.histogram(finite, levels)
    assert counts.max() - counts.min() <= 2


@pytest.mark.parametrize("value", [np.full((4, 4), 3.0), np.full((4, 4), np.nan), np.full((4, 4), -1e9)])
def test_levels_where_there_is_nothing_to_tell_apart(value):
    levels = value_scale(value).levels
    assert len(levels) == 2 and np.isfinite(levels).all()
    assert levels[0] < np.nan_to_num(value[0, 0]) < levels[1]


@pytest.mark.parametrize("text", ["x*y", "1e16 + x + y", "1e-30*x + y*1e-30", "100*(y - x**2)**2"])
def test_the_bars_numbers_are_those_of_its_ticks_and_told_apart(text):
    bar = surface_figure(square(text)).axes[1]
    told = [float(label.get_text().replace("\N{MINUS SIGN}", "-").replace(",", "")) for label in bar.get_yticklabels()]
    assert len(set(told)) == len(told) > 2
    np.testing.assert_allclose(told, bar.get_yticks(), rtol=5.1e-3)


@pytest.mark.parametrize("value", [1e17, -1e20, 1e90])
def test_levels_of_large_constants_increase(value):
    assert np.diff(value_scale(np.full((4, 4), value)).levels) > 0


@pytest.mark.parametrize("text", ["0*x + 3 + 0*y", "log(x - 100) + y", "1/(x*y)", "x*y", "1e33*x*y"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_flat_undefined_and_poled_surfaces_can_be_drawn(text, dtype):
    assert encode(surface_figure(square(text, dtype=dtype))).image


def test_a_surface_shows_its_axes_in_its_own_order():
    f = tbgrad.resolve("rosenbrock")
    figure = surface_figure(tbgrad.surface(f, [("y", -1.0, 3.0), ("x", -2.0, 2.0)], points=41))
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("y", "x")
    assert axes.get_xlim() == (-1.0, 3.0) and axes.get_ylim() == (-2.0, 2.0)
    y, x, v, u = arrows(figure)
    dx, dy = rosenbrock(x, y)
    np.testing.assert_allclose(u * dy, v * dx, atol=1e-9 * np.abs(dx).max())
    # The contours lie where f has their level: with x and y exchanged it would not.
    (contours,) = [c for c in axes.collections if isinstance(c, ContourSet) and not c.filled]
    values = [
        (1 - p[:, 1]) ** 2 + 100 * (p[:, 0] - p[:, 1] ** 2) ** 2 for p in (q.vertices for q in contours.get_paths())
    ]
    middle = len(contours.levels) // 2
    assert np.median(values[middle]) == pytest.approx(contours.levels[middle], rel=0.05)


@pytest.mark.parametrize("text", ["x + y", "3*x - 0.1*y"])
def test_arrows_are_as_long_where_it_is_as_steep(text):
    _, _, u, v = arrows(surface_figure(square(text)))
    assert np.ptp(np.hypot(u, v)) < 1e-9


def test_unequal_axes_are_named_beside_the_arrows():
    f = tbgrad.Function.of_formula("x*y")
    wide = surface_figure(tbgrad.surface(f, [("x", 0.0, 1.0), ("y", 0.0, 1000.0)], points=21))
    assert "gradient: uphill, longer is steeper; unequal axes" in legend(wide)


def test_plateaus_have_colours_of_their_own():
    value = np.where(np.arange(40) < 20, -1e-12, 1e-12) * np.ones((40, 1))
    levels = value_scale(value).levels
    assert len(levels) > 10 and (levels[0], levels[-1]) == (-1e-12, 1e-12)
    np.testing.assert_allclose(np.diff(levels), levels[1] - levels[0])


@pytest.mark.parametrize("size", [1.0, 1e17, 1e60])
def test_the_lowest_values_are_filled(size):
    result = square("x*y")
    low = np.where(result.position[..., 0] < 0, -size, size)
    (filled,) = [
        c
        for c in surface_figure(dataclasses.replace(result, value=low)).axes[0].collections
        if isinstance(c, ContourSet) and c.filled
    ]
    assert filled.get_paths()[0].contains_point((-0.5, 0.0))


def test_what_is_too_large_to_draw_is_not_called_undefined():
    figure = surface_figure(square("exp(400*x)*y", points=41))
    assert "undefined" not in legend(figure)
    assert figure.axes[1].get_yticklabels()[-1].get_text() == "> 1e+100"


def test_very_many_fixed_variables_are_told_in_short():
    found = tbgrad.surface(tbgrad.resolve("rosenbrock", dimensions=500), points=5)
    assert found.where.endswith("x7 = 0, …, x499 = 0") and len(above(surface_figure(found))) < 300
