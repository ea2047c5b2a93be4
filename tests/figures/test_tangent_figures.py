"""Tangent planes: patches lie on the plane and are sorted with the surface, marks and numbers are the analytic ones."""

import numpy as np
import pytest
from figure_texts import above
from matplotlib.colors import to_rgb
from matplotlib.text import Annotation
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.reliefs import relief_figure
from tbgrad.figures.style import TANGENT
from tbgrad.figures.surfaces import surface_figure
from tbgrad.figures.tangents import disc, outline, patch, plane_words, planes_caption
from tbgrad.results import TangentPlane


def ripple(*tangents, **options):
    return tbgrad.surface(tbgrad.resolve("ripple"), tangents=tangents, **options)


def on_plane(x, y, a, b):
    """The tangent plane of sin(r) at (a, b)."""
    r = np.hypot(a, b)
    return np.sin(r) + np.cos(r) * (a * (x - a) + b * (y - b)) / r


@pytest.mark.parametrize("point", [(2.0, 1.0), (4.5, -3.0), (6.0, 6.0), (0.0, -2.0)])
def test_patches_lie_on_the_plane_within_the_region(point):
    result = ripple(point, points=21)
    (plane,) = result.tangents
    unit = np.array([6.0, 12.0, 8 / 3])
    for points in (patch(plane, result, unit, 9), disc(plane, unit), outline(plane, result, unit)):
        x, y, z = points.reshape(-1, 3).T
        np.testing.assert_allclose(z, on_plane(x, y, *point), atol=1e-12)
    x, y, _ = patch(plane, result, unit).reshape(-1, 3).T
    assert 0 <= x.min() < x.max() <= 6 and -6 <= y.min() < y.max() <= 6


@pytest.mark.parametrize("slope", [0.0, 1.0, 100.0, 1e9])
def test_a_patch_looks_as_large_however_steep_it_is(slope):
    result = ripple(points=11)
    unit = np.array([6.0, 12.0, 8 / 3])
    corners = patch(TangentPlane((3.0, 0.0), 0.0, (slope, -slope)), result, unit) / unit
    sides = [np.linalg.norm(corners[1, 0] - corners[0, 0]), np.linalg.norm(corners[0, 1] - corners[0, 0])]
    np.testing.assert_allclose(sides, 0.4)


def test_plane_and_surface_are_one_collection_sorted_by_depth():
    figure = relief_figure(ripple((2.0, 1.0)), (60.0, 90.0))
    encode(figure)
    (relief,) = [c for c in figure.axes[0].collections if isinstance(c, Poly3DCollection)]
    red = np.isclose(relief._facecolor3d[:, :3], to_rgb(TANGENT)).all(axis=1) & (relief._facecolor3d[:, 3] > 0)
    assert red.sum() == 24 * 24 and (relief._facecolor3d[red, 3] < 1).all()
    # After the projection facets are in the order of drawing: red ones stand among the others.
    drawn = relief.get_facecolor()
    at = np.flatnonzero(np.isclose(drawn[:, :3], to_rgb(TANGENT)).all(axis=1) & (drawn[:, 3] > 0))
    assert len(at) == 24 * 24 and at[0] > 500 and at[-1] < len(drawn) - 100 and np.diff(at).max() > 1


def test_from_above_a_plane_over_a_dome_hides_it_and_one_under_a_bowl_is_hidden():
    # Where surface and plane are the same, the plane is seen.
    for text, seen in (("-x^2 - y^2", True), ("x^2 + y^2", False), ("-x + 0*y", True)):
        f = tbgrad.Function.of_formula(f"x, y -> {text}")
        result = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=41, tangents=[(0.0, 0.0)])
        figure = relief_figure(result, (90.0, -90.0))
        encode(figure)
        pixels = np.asarray(figure.canvas.buffer_rgba()).astype(int)
        # Beside the middle, well within the patch.
        x, y = figure.axes[0].transData.transform((0, 0))
        row, column = round(pixels.shape[0] - y) - 45, round(x) + 45
        r, g, b, _ = np.median(pixels[row - 6 : row + 6, column - 6 : column + 6].reshape(-1, 4), axis=0)
        assert (r > 110) == seen, (text, r, g, b)


def test_what_the_surface_hides_of_a_plane_is_seen_through():
    figure = relief_figure(ripple((2.0, 1.0), (4.0, -3.0)))
    lines = figure.axes[0].lines
    assert len(lines) == 2 and all(line.get_color() == TANGENT and line.get_zorder() == 100 for line in lines)
    x, y, z = lines[0].get_data_3d()
    np.testing.assert_allclose(z, on_plane(np.array(x), np.array(y), 2.0, 1.0), atol=1e-12)


def test_numbers_are_written_in_every_picture():
    result = ripple((2.0, 1.0), points=21)
    r = np.sqrt(5)
    told = f"tangent plane at (2, 1): f = {np.sin(r):.4g}, ∂f/∂x = {2 * np.cos(r) / r:.4g}, ∂f/∂y = {np.cos(r) / r:.4g}"
    assert planes_caption(result) == [told]
    assert told in above(relief_figure(result)) and told in above(surface_figure(result))


def test_long_names_do_not_make_the_line_too_long():
    f = tbgrad.Function.of_formula(
        "temperature_of_room, pressure_in_vessel -> temperature_of_room^2*pressure_in_vessel"
    )
    ranges = [(name, 0.0, 2.0) for name in f.variables]
    result = tbgrad.surface(f, ranges, points=3, tangents=[(1.0, 1.5)])
    assert planes_caption(result) == ["tangent plane at (1, 1.5): f = 1.5, slopes 3 and 1"]
    assert plane_words(result.tangents[0], result, 15).endswith(
        "∂f/∂temperature_of_room = 3, ∂f/∂pressure_in_vessel = 1"
    )


def test_where_there_is_no_plane_the_pictures_say_so():
    waves = tbgrad.surface(tbgrad.resolve("tilted_waves"), tangents=[(2.0, 0.0), (2.0, 2.0)], points=41)
    assert planes_caption(waves)[0] == "no tangent plane at (2, 0): f is undefined there"
    assert planes_caption(ripple((0.0, 0.0)))[0] == "no tangent plane at (0, 0): f has no gradient there"
    figure = relief_figure(waves)
    assert "no tangent plane at (2, 0)" in above(figure) and len(figure.axes[0].lines) == 1
    marks = [line for line in surface_figure(waves).axes[0].get_lines() if line.get_color() == TANGENT]
    assert [np.ravel(mark.get_data()).tolist() for mark in marks] == [[2.0, 2.0]]


def test_of_many_planes_three_are_told():
    result = ripple(*((x, 1.0) for x in range(1, 6)), points=11)
    assert len(planes_caption(result)) == 4 and planes_caption(result)[-1] == "and 2 further tangent planes"
    assert encode(relief_figure(result)).image and encode(surface_figure(result)).image


def test_on_flat_contours_the_point_has_its_gradient():
    figure = surface_figure(ripple((2.0, 1.0)))
    (arrow,) = [t for t in figure.axes[0].texts if isinstance(t, Annotation) and t.arrow_patch is not None]
    way = np.subtract(arrow.get_position(), arrow.xy) if arrow.xy == (2.0, 1.0) else np.subtract(arrow.xy, (2.0, 1.0))
    # Uphill: toward the crest at r = π/2 < √5.
    np.testing.assert_allclose(way / np.linalg.norm(way), [-2 / np.sqrt(5), -1 / np.sqrt(5)], atol=1e-9)
    assert "point of a tangent plane" in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("text", ["0*x + 0*y + 3", "1e30*x*y", "1e-30*x*y", "1/(x*y)", "sqrt(x) + y"])
def test_planes_of_extreme_functions_can_be_drawn(text):
    f = tbgrad.Function.of_formula(f"x, y -> {text}")
    tangents = [(0.5, 0.5), (1.0, 1.0), (0.0, 0.0), (1e-9, 0.5)]
    result = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=21, tangents=tangents)
    assert encode(relief_figure(result)).image and encode(surface_figure(result)).image
