"""Meshes of surfaces: vertices mapped back are samples of the formula, evaluated by NumPy."""

import numpy as np
import pytest

import tbgrad
from tbgrad.functions.function import Function, Minimum
from tbgrad.records import MOST_VERTICES
from tbgrad.summaries.meshes import CONFIG, Box, surface_mesh

FORMULAS = {
    "ripple": lambda x, y: np.sin(np.sqrt(x**2 + y**2)),
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "tilted_waves": lambda x, y: np.cos(x) * np.sin(y) + x / y,
}
GOLD, GREY = (255, 200, 0), (130, 130, 130)


def square(text, points=21, side=1.0, dtype="float64"):
    ranges = [("x", -side, side), ("y", -side, side)]
    return tbgrad.surface(tbgrad.resolve(text), ranges, points=points, dtype=dtype)


def mapped_back(vertices, box):
    """(x, y, value) of vertices: three.js has the value upward, and y to the back."""
    placed = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=-1)
    return placed / box.scale + box.middle


def centres(mesh, box, colour):
    """Where the points of lines and balls of a colour are: each has six vertices around it."""
    of_colour = mesh.vertices[(mesh.colors == colour).all(axis=1)]
    return mapped_back(of_colour.reshape(-1, 6, 3).mean(axis=1), box)


def grid(name, points):
    (low_x, high_x), (low_y, high_y) = tbgrad.resolve(name).domain
    x, y = np.meshgrid(np.linspace(low_x, high_x, points), np.linspace(low_y, high_y, points))
    return x.ravel(), y.ravel()


@pytest.mark.parametrize("name", ["ripple", "rosenbrock"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_vertices_are_samples_of_the_formula(name, dtype):
    surface = tbgrad.surface(tbgrad.resolve(name), points=51, dtype=dtype)
    found = mapped_back(surface_mesh(surface).vertices[: 51 * 51], Box.around(surface))
    x, y = grid(name, 51)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found[:, 0], x, atol=20 * eps)
    np.testing.assert_allclose(found[:, 1], y, atol=20 * eps)
    value = FORMULAS[name](x, y)
    # The valley's value in float32 suffers from the rounding of its grid.
    np.testing.assert_allclose(found[:, 2], value, atol=10 * eps * np.ptp(value))


def test_the_box_keeps_proportions_and_is_seen_whole():
    surface = tbgrad.surface(tbgrad.resolve("ripple"), points=51)
    vertices = surface_mesh(surface).vertices[: 51 * 51]
    # 6 by 12 by 2 units become half of 2, 2, and 0.7 upward; y grows to the back, away from the camera.
    np.testing.assert_allclose(
        [vertices.min(axis=0), vertices.max(axis=0)], [[-0.5, -0.35, -1], [0.5, 0.35, 1]], atol=2e-3
    )
    np.testing.assert_allclose(vertices[0, [0, 2]], [-0.5, 1])
    x, height, to_the_front = CONFIG["camera"]["position"]
    assert height > 0.35 and to_the_front > 0 and np.linalg.norm([x, height, to_the_front]) > 2
    narrow = tbgrad.surface(tbgrad.resolve("x**2 + y"), [("x", -1.0, 1.0), ("y", 0.0, 50.0)], points=11)
    vertices = surface_mesh(narrow).vertices[: 11 * 11]
    np.testing.assert_allclose([vertices.min(axis=0), vertices.max(axis=0)], [[-1, -0.35, -1], [1, 0.35, 1]])


def test_every_cell_of_the_grid_has_two_triangles_that_face_upward():
    mesh = surface_mesh(tbgrad.surface(tbgrad.resolve("ripple"), points=51))
    faces = mesh.faces[(mesh.faces < 51 * 51).all(axis=1)]
    assert len(faces) == 2 * 50 * 50 and len(np.unique(np.sort(faces, axis=1), axis=0)) == len(faces)
    a, b, c = (mesh.vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    assert (normal[:, 1] > 0).all()
    # Seen from above they cover the whole region once: 1 by 2.
    assert normal[:, 1].sum() / 2 == pytest.approx(2.0)


@pytest.mark.parametrize("text", ["x*y", "1/(x*y)", "log(x) + y", "log(x - 100) + y", "0*x + 0*y + 3"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_face_has_its_vertices(text, dtype):
    mesh = surface_mesh(square(text, dtype=dtype))
    assert mesh.faces.dtype == np.int32 and mesh.colors.dtype == np.uint8
    assert mesh.vertices.shape == mesh.colors.shape and mesh.faces.shape[1] == 3
    assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
    assert np.isfinite(mesh.vertices).all() and np.abs(mesh.vertices).max() < 1.1
    assert all(len(set(face)) == 3 for face in mesh.faces.tolist())


def test_no_face_touches_what_is_undefined():
    surface = tbgrad.surface(tbgrad.resolve("tilted_waves"), points=101)
    mesh = surface_mesh(surface)
    x, y = grid("tilted_waves", 101)
    faces = mesh.faces[(mesh.faces < 101 * 101).all(axis=1)]
    assert (y == 0).sum() == 101 and not np.isin(faces, np.flatnonzero(y == 0)).any()
    # None goes across the hole either, and most of the rest is there: some next to the pole are beyond the limits.
    assert (np.ptp(np.sign(y[faces]), axis=1) == 0).all()
    assert 0.9 * 2 * 100 * 98 < len(faces) < 2 * 100 * 98
    box = Box.around(surface)
    used = np.unique(faces)
    found = mapped_back(mesh.vertices[used], box)
    low, high = (box.middle[2] + sign * 0.35 / box.scale[2] for sign in (-1, 1))
    with np.errstate(all="ignore"):
        value = FORMULAS["tilted_waves"](x, y)
    np.testing.assert_allclose(found[:, 2], value[used].clip(low, high), atol=1e-9)
    assert ((value[faces] >= low - 1e-9) & (value[faces] <= high + 1e-9)).any(axis=1).all()


def test_half_a_surface_is_drawn_as_half():
    mesh = surface_mesh(square("log(x) + y", points=21))
    faces = mesh.faces[(mesh.faces < 21 * 21).all(axis=1)]
    # Columns 0 to 10 have x ≤ 0; nine strips of cells remain.
    assert (faces % 21 >= 11).all() and 0 < len(faces) <= 2 * 20 * 9


@pytest.mark.parametrize("points", [2, 201, 202, 400])
@pytest.mark.parametrize("name", ["ripple", "himmelblau"])
def test_no_mesh_has_more_vertices_than_tensorboard_can_count(points, name):
    surface = tbgrad.surface(tbgrad.resolve(name), points=points)
    mesh = surface_mesh(surface)
    assert len(mesh.vertices) <= MOST_VERTICES == 2**16
    per_axis = min(points, 201)
    found = mapped_back(mesh.vertices[: per_axis**2], Box.around(surface))
    assert len(np.unique(found[:, 0].round(9))) == len(np.unique(found[:, 1].round(9))) == per_axis
    # Both ends of the grid are there, and the faces reach across.
    np.testing.assert_allclose(
        found[[0, -1], :2], [[c[0] for c in (surface.x, surface.y)], [surface.x[-1], surface.y[-1]]]
    )
    assert (mesh.faces < per_axis**2).all(axis=1).sum() == 2 * (per_axis - 1) ** 2


def test_equal_values_have_equal_colours():
    # On whole numbers x y is exact, and has most of its values several times.
    surface = square("x*y", points=21, side=10.0)
    mesh = surface_mesh(surface)
    x, y = np.meshgrid(np.arange(-10, 11), np.arange(-10, 11))
    value, colours = (x * y).ravel(), mesh.colors[: 21 * 21].astype(int)
    pairs = np.unique(np.column_stack([value, colours]), axis=0)
    assert len(pairs) == len(np.unique(value)) and len(np.unique(colours, axis=0)) > 15
    # Viridis: the higher the brighter.
    bright = pairs[:, 1:] @ [0.21, 0.72, 0.07]
    assert (np.diff(bright) >= -0.5).all() and bright[-1] - bright[0] > 100


def test_the_ring_of_minima_lies_on_the_ripple():
    surface = tbgrad.surface(tbgrad.resolve("ripple"), points=51)
    x, y, value = centres(surface_mesh(surface), Box.around(surface), GOLD).T
    np.testing.assert_allclose(np.hypot(x, y), 1.5 * np.pi, rtol=1e-12)
    np.testing.assert_allclose(value, -1, rtol=1e-12)
    # Half a ring, from end to end in small steps.
    assert (x >= -1e-9).all() and y.min() < -4.6 and y.max() > 4.6
    assert np.hypot(np.diff(x), np.diff(y)).max() < 0.3


def test_a_whole_ring_is_closed():
    surface = square("ripple", points=51, side=6.0)
    x, y, _ = centres(surface_mesh(surface), Box.around(surface), GOLD).T
    np.testing.assert_allclose(np.hypot(x, y), 1.5 * np.pi, rtol=1e-12)
    assert np.hypot(x[0] - x[-1], y[0] - y[-1]) < 1e-9


def test_known_minima_are_golden_balls_where_they_are_inside():
    surface = tbgrad.surface(tbgrad.resolve("himmelblau"), points=51)
    found = centres(surface_mesh(surface), Box.around(surface), GOLD)
    assert sorted(map(tuple, found.round(6).tolist())) == [
        (-3.77931, -3.283186, 0.0),
        (-2.805118, 3.131313, 0.0),
        (3.0, 2.0, 0.0),
        (3.584428, -1.848127, 0.0),
    ]
    corner = tbgrad.surface(tbgrad.resolve("himmelblau"), [("y", 0.0, 5.0), ("x", 0.0, 5.0)], points=51)
    np.testing.assert_allclose(centres(surface_mesh(corner), Box.around(corner), GOLD), [[2.0, 3.0, 0.0]], atol=1e-9)


def test_a_plane_through_more_variables_has_no_minima():
    f = Function.of_formula("x**2 + y**2 + z**2", minima=(Minimum((0.0, 0.0, 0.0), 0.0),))
    surface = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], {"z": 0.5}, points=21)
    mesh = surface_mesh(surface)
    assert not (mesh.colors == GOLD).all(axis=1).any()
    assert mapped_back(mesh.vertices[:1], Box.around(surface))[0, 2] == pytest.approx(2.25)


def test_a_frame_stands_around_the_foot():
    surface = tbgrad.surface(tbgrad.resolve("ripple"), points=51)
    frame = centres(surface_mesh(surface), Box.around(surface), GREY)
    np.testing.assert_allclose(frame[:, :2], [[0, -6], [6, -6], [6, 6], [0, 6], [0, -6]], atol=1e-9)
    np.testing.assert_allclose(frame[:, 2], -1, atol=1e-3)


@pytest.mark.parametrize("text", ["0*x + 0*y + 1e20", "x - x + 0*y - 1e17"])
def test_large_constants_have_a_mesh(text):
    assert np.isfinite(surface_mesh(square(text)).vertices).all()
