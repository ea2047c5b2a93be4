"""Sheets: their area is that of what the function is defined on, and no polygon reaches across a jump or a limit."""

import dataclasses

import numpy as np
import pytest

import tbgrad
from tbgrad.figures.levels import draw_levels, fill_levels
from tbgrad.figures.scales import surface_scale
from tbgrad.figures.sheets import grid_indices, sheet, triangles


def surface(text, side=1.0, points=41):
    f = tbgrad.Function.of_formula(f"x, y -> {text}")
    return tbgrad.surface(f, [("x", -side, side), ("y", -side, side)], points=points)


def areas(drawn):
    """The signed area of each triangle from above: positive where it turns left."""
    a, b, c = (drawn.points[drawn.triangles[:, k], :2] for k in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    return (ux * vy - uy * vx) / 2


@pytest.mark.parametrize(
    ("text", "side", "area", "most"),
    [
        ("x*y", 1.0, 4.0, 0.0),
        ("log(1 - x^2 - y^2)", 1.2, np.pi, 0.003),
        ("sqrt(x*y)", 1.0, 2.0, 0.003),
        ("asin(2*x)*y", 1.0, 2.0, 1e-9),
        ("where(x > y + 0.013, x + 2, y)", 1.0, 4.0, 0.003),
        ("tan(2*x*y)", 1.0, 4.0, 0.01),
    ],
)
def test_the_area_is_what_it_is_defined_on(text, side, area, most):
    found = areas(sheet(surface(text, side), 201))
    assert found.min() >= -1e-12 and found.sum() == pytest.approx(area, abs=most + 1e-9)


def test_the_rim_is_a_polygon_on_the_circle():
    drawn = sheet(surface("log(1 - x^2 - y^2)", 1.2), 201)
    tips = drawn.points[np.unique(drawn.pieces[drawn.pieces >= 41 * 41])]
    assert np.abs(np.hypot(tips[:, 0], tips[:, 1]) - 1).max() < 0.06 / 100


@pytest.mark.parametrize("most", [101, 41, 30, 12])
def test_nothing_reaches_across_a_jump(most):
    result = surface("where(x > y + 0.013, x + 2, y)")
    drawn = sheet(result, most)
    x, y, height = np.moveaxis(drawn.points[drawn.triangles], -1, 0)
    # To the very rim each triangle lies on x + 2 or on y.
    upper, lower = (np.isclose(height, plane, atol=1e-9).all(axis=1) for plane in (x + 2, y))
    assert (upper ^ lower).all() and upper.any() and lower.any()
    assert (x >= y + 0.013)[upper].all() and (x <= y + 0.013)[lower].all()
    # Of a thinned grid the outermost breaks between two of its lines count, so that little is lost.
    assert areas(drawn).sum() > 4 - 4 / (min(most, 41) - 1)


def test_of_two_jumps_between_two_lines_of_a_thinned_grid_the_outer_ones_count():
    drawn = sheet(surface("where(x > 0.013, where(x > 0.063, 2, 1), 0) + 0*y"), 12)
    x, _, height = np.moveaxis(drawn.points[drawn.triangles], -1, 0)
    assert set(np.unique(height)) == {0, 2}
    assert x[height == 0].max() == pytest.approx(0.013, abs=1e-3) and x[height == 2].min() == pytest.approx(
        0.063, abs=1e-3
    )


def test_limits_cut_along_straight_lines():
    drawn = sheet(surface("3*x"), 201, (-1.0, 2.0))
    corners = drawn.points[drawn.triangles]
    assert corners[..., 2].min() == pytest.approx(-1) and corners[..., 2].max() == pytest.approx(2)
    np.testing.assert_allclose(corners[..., 2], 3 * corners[..., 0], atol=1e-12)
    assert areas(drawn).sum() == pytest.approx(2.0)


def test_a_pole_is_cut_on_both_sides():
    drawn = sheet(surface("1/(x - 0.013)"), 201, (-5.0, 5.0))
    corners = drawn.points[drawn.triangles]
    right = corners[..., 0] > 0.013
    assert (right.all(axis=1) | ~right.any(axis=1)).all()
    assert np.abs(corners[..., 2]).max() <= 5 + 1e-9 and (np.sign(corners[..., 2]) == np.where(right, 1, -1)).all()


def test_without_breaks_cells_end_at_their_defined_corners():
    result = dataclasses.replace(surface("log(x - 0.013) + y"), breaks=None)
    drawn = sheet(result, 201)
    used = drawn.points[np.unique(drawn.triangles)]
    assert used[:, 0].min() == pytest.approx(0.05) and np.isfinite(used).all()


def test_another_quantity_has_the_same_rim():
    result = surface("sqrt(1 - x^2 - y^2)", 1.2)
    height, rim = result.slopes[..., 0], result.breaks.slopes[..., 0]
    drawn = sheet(result, 201, height=np.where(np.isfinite(result.value), height, np.nan), break_height=rim)
    assert areas(drawn).sum() == pytest.approx(np.pi, abs=0.003)
    x, y, slope = drawn.points[np.unique(drawn.triangles)].T
    np.testing.assert_allclose(slope, -x / np.sqrt(1 - x**2 - y**2), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("length", "most"), [(2, 101), (101, 101), (101, 41), (7, 3)])
def test_grid_lines_are_left_out_evenly_and_the_ends_kept(length, most):
    kept = grid_indices(length, most)
    assert len(kept) == min(length, most) and (kept[0], kept[-1]) == (0, length - 1)
    assert np.ptp(np.diff(kept)) <= 1


def test_triangles_of_polygons_with_repeated_corners():
    assert triangles(np.array([[5, 6, 7, 7, 7, 7]])).tolist() == [[5, 6, 7]]
    assert triangles(np.array([[0, 1, 2, 3]])).tolist() == [[0, 1, 2], [0, 2, 3]]


class Axes:
    """Keeps what would be drawn."""

    def __init__(self):
        self.filled, self.lines = [], []

    def __getattr__(self, kind):
        return lambda *arguments, **how: (self.filled if "f" in kind else self.lines).append((kind, arguments, how))


@pytest.mark.parametrize("text", ["x*y", "log(1 - x^2 - y^2)", "tan(2*x*y)"])
def test_each_part_of_a_sheet_is_filled_once(text):
    result = surface(text, 1.2)
    drawn, axes = sheet(result, 201), Axes()
    scale = surface_scale(result)
    fill_levels(axes, drawn, scale.levels, scale.mappable())
    draw_levels(axes, drawn, scale.levels, colors="black")
    for parts in (axes.filled, axes.lines):
        cells, corners = 0, 0.0
        for kind, arguments, _ in parts:
            if kind.startswith("tri"):
                mesh = arguments[0]
                a, b, c = (np.stack([mesh.x, mesh.y], -1)[mesh.triangles[:, k]] for k in range(3))
                corners += abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum() / 2
            else:
                kept = ~np.ma.getmaskarray(arguments[2])
                cells += (kept[1:, 1:] & kept[1:, :-1] & kept[:-1, 1:] & kept[:-1, :-1]).sum()
        assert cells * (2.4 / 40) ** 2 + corners == pytest.approx(areas(drawn).sum())
        assert (text == "x*y") == (len(parts) == 1)
