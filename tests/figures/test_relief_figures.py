"""Contours and surfaces in three dimensions: what is drawn are samples of the formula, evaluated by NumPy."""

import dataclasses

import numpy as np
import pytest
from figure_texts import above
from matplotlib.contour import ContourSet
from mpl_toolkits.mplot3d import proj3d
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.reliefs import contour3d_figure, height_limits, relief_figure
from tbgrad.figures.views import DEFAULT_VIEW, VIEWS

FORMULAS = {
    "ripple": lambda x, y: np.sin(np.sqrt(x**2 + y**2)),
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "tilted_waves": lambda x, y: np.cos(x) * np.sin(y) + x / y,
}


def surface(name, points=101, **options):
    return tbgrad.surface(tbgrad.resolve(name), points=points, **options)


def square(text, dtype="float64", points=21):
    return tbgrad.surface(tbgrad.resolve(text), [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=points, dtype=dtype)


def drawn(figure, kind):
    (artist,) = [c for c in figure.axes[0].collections if isinstance(c, kind)]
    return artist


def facets(figure):
    """The corners [facets, 6, 3] and the colours [facets, 4] of the surface's facets, without lines and planes.

    Matplotlib has no public names for them, and two private ones for the corners.
    """
    relief = drawn(figure, Poly3DCollection)
    found = np.asarray(relief._faces) if hasattr(relief, "_faces") else relief._vec[:3].T.reshape(-1, 6, 3)
    opaque = (relief._facecolor3d[:, 3] == 1) & (relief._facecolor3d[:, :3].sum(axis=1) > 0)
    return found[opaque], relief._facecolor3d[opaque]


def corners(figure, result):
    """The whole cells [cells, 4, 3], whose corners are points of the grid; others are pieces."""
    found, _ = facets(figure)
    on_grid = np.isin(found[..., 0], result.x) & np.isin(found[..., 1], result.y)
    square = (np.ptp(found[..., :2], axis=1) > 0).all(axis=1) & (found[:, 3] == found[:, 5]).all(axis=1)
    return found[on_grid.all(axis=1) & square & (found[:, 2] != found[:, 3]).any(axis=1), :4]


@pytest.fixture(scope="module")
def waves():
    return surface("tilted_waves")


def test_fifty_contours_of_the_ripple_lie_at_their_levels():
    contours = drawn(contour3d_figure(surface("ripple")), ContourSet)
    assert contours.get_cmap().name == "binary" and len(contours.levels) == 50
    assert ((contours.levels >= -1) & (contours.levels <= 1)).all()
    np.testing.assert_allclose(contours.levels, np.linspace(-1, 1, 50), atol=1e-3)
    # Each level has a line, and f is that level all along it, but for the straight lines between grid points.
    for level, path in zip(contours.levels[1:-1], contours.get_paths()[1:-1], strict=True):
        assert len(path.vertices) > 10
        assert np.abs(FORMULAS["ripple"](*path.vertices.T) - level).max() < 0.02


def test_contours_stand_at_their_heights():
    # The ripple's contours are circles; seen flat from the front, each is a line at its own height.
    figure = contour3d_figure(surface("ripple", points=41), (0.0, 0.0))
    encode(figure)
    contours = drawn(figure, ContourSet)
    figure.axes[0].set_proj_type("ortho")
    encode(figure)
    heights = [path.vertices[:, 1] for path in contours.get_paths()[1:-1]]
    middles = np.array([h.mean() for h in heights])
    assert max(np.ptp(h) for h in heights) < 1e-3 * (middles[-1] - middles[0])
    np.testing.assert_allclose(np.diff(middles), np.diff(middles).mean(), rtol=1e-2)


@pytest.mark.parametrize("name", ["ripple", "rosenbrock"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_corners_of_every_facet_are_samples_of_the_formula(name, dtype):
    result = surface(name, points=41, dtype=dtype)
    x, y, z = np.moveaxis(corners(relief_figure(result), result), -1, 0)
    assert x.shape == (40 * 40, 4)
    expected = FORMULAS[name](x, y)
    np.testing.assert_allclose(z, expected, rtol=1e-12, atol=np.abs(expected).max() * 4 * np.finfo(dtype).eps)
    # A facet is a whole cell of the grid, once around: each step goes along one axis.
    (low_x, high_x), (low_y, high_y) = tbgrad.resolve(name).domain
    steps = [np.diff(c, axis=1, append=c[:, :1]) for c in (x, y)]
    np.testing.assert_allclose(np.abs(steps[0]).sum(axis=1), 2 * (high_x - low_x) / 40, rtol=1e-5)
    np.testing.assert_allclose(np.abs(steps[1]).sum(axis=1), 2 * (high_y - low_y) / 40, rtol=1e-5)
    assert (np.minimum(np.abs(steps[0]), np.abs(steps[1])) < 1e-6).all()
    assert len(np.unique(np.stack([x.mean(1), y.mean(1)]).round(4), axis=1).T) == 40 * 40


def test_fine_grids_are_thinned_to_eighty_facets_a_side():
    result = surface("ripple", points=251)
    x, y, z = np.moveaxis(corners(relief_figure(result), result), -1, 0)
    assert x.shape == (80 * 80, 4)
    np.testing.assert_allclose(z, FORMULAS["ripple"](x, y), rtol=1e-12)
    assert (x.min(), x.max(), y.min(), y.max()) == (0.0, 6.0, -6.0, 6.0)


def test_facets_have_the_colours_of_the_flat_contours():
    figure = relief_figure(surface("ripple", points=41))
    found, colours = facets(figure)
    heights = found[:, :4, 2].mean(axis=1)
    # Viridis is the brighter the higher.
    bright = colours[heights.argsort()] @ [0.21, 0.72, 0.07, 0.0]
    assert (np.diff(bright) >= -1e-3).all() and bright[-1] > bright[0] + 0.5
    assert figure.axes[1].get_ylabel() == "value"


SEEN = [*VIEWS, (12.5, 200.0), (-90.0, 0.0), (120.0, 30.0), (180.0, 0.0), (0.0, 0.0), (0.0, 90.0), (-30.0, 45.0)]


@pytest.mark.parametrize("draw", [contour3d_figure, relief_figure])
@pytest.mark.parametrize("view", SEEN)
def test_the_view_is_the_one_that_was_asked_for(draw, view):
    axes = draw(surface("ripple", points=11), view).axes[0]
    assert (axes.elev, axes.azim) == view
    # An axis that is looked along has no ticks, which would stand over each other.
    assert (len(axes.get_zticks()) == 0) == (abs(view[0]) in (60, 90, 120))
    assert (len(axes.get_xticks()) == 0) == (view in [(0.0, 0.0), (180.0, 0.0)])
    assert (len(axes.get_yticks()) == 0) == (view == (0.0, 90.0))
    # The surface has a bar that says it.
    assert axes.get_zlabel() == ("" if draw is relief_figure or not len(axes.get_zticks()) else "value")
    assert axes.get_xlabel() == ("x" if len(axes.get_xticks()) else "")
    assert axes.get_ylabel() == ("y" if len(axes.get_yticks()) else "")


@pytest.mark.parametrize("draw", [contour3d_figure, relief_figure])
@pytest.mark.parametrize("view", [(30.0, -60.0), (90.0, 90.0), (0.0, 0.0), (-30.0, 45.0), (120.0, 30.0)])
@pytest.mark.parametrize("name", ["tilted_waves", "rosenbrock"])
def test_box_and_labels_fill_the_page_and_leave_title_and_bar_free(draw, view, name):
    figure = draw(surface(name, points=11), view)
    figure.canvas.draw()
    axes, page = figure.axes[0], figure.bbox
    x, y, z = np.meshgrid(axes.get_xlim(), axes.get_ylim(), axes.get_zlim())
    x, y, _ = proj3d.proj_transform(x.ravel(), y.ravel(), z.ravel(), axes.get_proj())
    box = axes.transData.transform(np.column_stack([x, y]))
    labels = [axis.get_tightbbox(figure.canvas.get_renderer()) for axis in (axes.xaxis, axes.yaxis, axes.zaxis)]
    ends = np.concatenate([box, *(label.corners() for label in labels if label is not None)])
    low, high = ends.min(axis=0), ends.max(axis=0)
    told = [axes.title, *axes.texts]
    below_title = min(text.get_window_extent().y0 for text in told if text.get_text())
    right = figure.axes[1].bbox.x0 if draw is relief_figure else page.x1
    assert (low > 0).all() and high[0] < right and high[1] < below_title
    # One of both directions is filled.
    assert min(1 - (high - low) / [right, below_title]) < 0.12


def test_the_views_are_matplotlibs_and_the_tutorials():
    assert DEFAULT_VIEW == (30.0, -60.0) and VIEWS == ((30.0, -60.0), (60.0, 90.0), (90.0, 90.0))


def test_nothing_is_drawn_where_the_function_has_a_pole(waves):
    found, _ = facets(relief_figure(waves))
    _, y, z = np.moveaxis(found, -1, 0)
    low, high, cut = height_limits(waves.value)
    assert cut and (z >= low - 1e-9).all() and (z <= high + 1e-9).all()
    # On neither side of y = 0 does a facet reach across.
    assert ((y > 0).all(axis=1) | (y < 0).all(axis=1)).all()
    # Corners of whole cells are samples; those of pieces are where a limit is passed, on the way to the pole.
    cells = corners(relief_figure(waves), waves)
    expected = FORMULAS["tilted_waves"](cells[..., 0], cells[..., 1])
    np.testing.assert_allclose(cells[..., 2], expected, rtol=1e-9, atol=1e-12)
    assert len(cells) > 5500 and 50 < len(found) - len(cells) < 400


@pytest.mark.parametrize("draw", [contour3d_figure, relief_figure])
def test_the_title_says_where_it_is_undefined_and_cut(waves, draw):
    title = above(draw(waves))
    low, high, _ = height_limits(waves.value)
    said = ("tilted_waves", "undefined at y = 0", f"cut below {low:.3g} and above {high:.3g}")
    assert all(one in title for one in said)
    title = above(draw(surface("ripple")))
    assert "undefined" not in title and "cut" not in title


def test_the_contours_of_a_pole_lie_within_the_limits(waves):
    low, high, _ = height_limits(waves.value)
    sets = [c for c in contour3d_figure(waves).axes[0].collections if isinstance(c, ContourSet)]
    assert len(sets) == 2  # the plain part of the grid, and what is beside the pole
    for contours in sets:
        np.testing.assert_allclose(contours.levels, np.linspace(low, high, 50))
        for path in contours.get_paths():
            # Each line stays on its side.
            for part in path._iter_connected_components():
                assert (part.vertices[:, 1] > 0).all() or (part.vertices[:, 1] < 0).all()


@pytest.mark.parametrize("name", ["ripple", "rosenbrock"])
def test_surfaces_without_a_pole_are_drawn_whole(name):
    (low_x, high_x), (low_y, high_y) = tbgrad.resolve(name).domain
    z = FORMULAS[name](*np.meshgrid(np.linspace(low_x, high_x, 101), np.linspace(low_y, high_y, 101)))
    low, high, cut = height_limits(surface(name).value)
    assert not cut and (low, high) == (pytest.approx(z.min(), abs=1e-12), pytest.approx(z.max(), rel=1e-12))


@pytest.mark.parametrize(
    ("beyond", "low_is_cut", "high_is_cut"), [((), 0, 0), ((500.0,), 0, 1), ((-500.0,), 1, 0), ((-500.0, 500.0), 1, 1)]
)
def test_only_the_side_with_the_pole_is_cut(beyond, low_is_cut, high_is_cut):
    value = np.linspace(0, 100, 1001)
    value = np.concatenate([value, beyond, [np.nan, np.inf]])
    finite = value[np.isfinite(value)]
    low, high, cut = height_limits(value)
    assert (
        cut
        == {
            (0, 0): "",
            (0, 1): f"cut above {high:.3g}",
            (1, 0): f"cut below {low:.3g}",
            (1, 1): f"cut below {low:.3g} and above {high:.3g}",
        }[low_is_cut, high_is_cut]
    )
    assert low == pytest.approx(np.percentile(finite, 5) if low_is_cut else 0.0)
    assert high == pytest.approx(np.percentile(finite, 95) if high_is_cut else 100.0)


FLAT = ["0*x + 0*y + 3", "log(x - 100) + y", "1/(x*y)", "1e33*x*y", "x*y*1e-320", "1e9 + 1e-9*x + 0*y", "exp(700*x)*y"]


@pytest.mark.parametrize("text", FLAT)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("draw", [contour3d_figure, relief_figure])
def test_flat_undefined_and_extreme_surfaces_can_be_drawn(text, dtype, draw):
    result = square(text, dtype)
    assert encode(draw(result)).image
    low, high, _ = height_limits(result.value)
    assert np.isfinite([low, high]).all() and low < high


@pytest.mark.parametrize("value", [1e20, -1e17, 1e90])
@pytest.mark.parametrize("draw", [contour3d_figure, relief_figure])
def test_large_constants_can_be_drawn(value, draw):
    result = square("x*y")
    assert encode(draw(dataclasses.replace(result, value=np.full_like(result.value, value)))).image


def test_a_surface_of_few_distinct_floats_can_be_drawn():
    assert encode(contour3d_figure(square("1e16 + x + y"))).image
