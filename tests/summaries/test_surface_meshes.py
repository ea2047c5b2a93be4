"""Meshes of surfaces: vertices mapped back are samples of the formula, evaluated by NumPy."""

import numpy as np
import pytest

import tbgrad
from tbgrad.functions.function import Function, Minimum
from tbgrad.records import MOST_VERTICES
from tbgrad.summaries.boxes import Box, box_words, view
from tbgrad.summaries.meshes import surface_mesh

FORMULAS = {
    "ripple": lambda x, y: np.sin(np.sqrt(x**2 + y**2)),
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "tilted_waves": lambda x, y: np.cos(x) * np.sin(y) + x / y,
}
GOLD, GREY, RED, BLACK = (255, 200, 0), (150, 150, 150), (220, 20, 20), (0, 0, 0)
BLUE, PURPLE = (0, 114, 178), (204, 121, 167)
# The vertices around a point of a line, and of a ball.
LINE, BALL = 6, 18


def square(text, points=21, side=1.0, dtype="float64"):
    ranges = [("x", -side, side), ("y", -side, side)]
    return tbgrad.surface(tbgrad.resolve(text), ranges, points=points, dtype=dtype)


def mapped_back(vertices, box):
    """(x, y, value) of vertices: three.js has the value upward, and y to the back."""
    placed = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=-1)
    return placed / box.scale + box.middle


def centres(mesh, box, colour, each=LINE):
    """Where the points of lines, or balls, of a colour are: in the middle of their vertices."""
    of_colour = mesh.vertices[(mesh.colors == colour).all(axis=1)]
    return mapped_back(of_colour.reshape(-1, each, 3).mean(axis=1), box)


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


def surface_faces(mesh, count):
    """The faces of the surface, and its vertices: as many as have viridis's colours before the marks begin."""
    faces = mesh.faces[(mesh.faces < count).all(axis=1)]
    return faces, mesh.vertices[:count]


def skin_size(mesh):
    """How many vertices the surface has: the base's first line comes behind."""
    return int(np.flatnonzero((mesh.colors == GREY).all(axis=1))[0])


def test_no_face_reaches_across_what_is_undefined():
    surface = tbgrad.surface(tbgrad.resolve("tilted_waves"), points=101)
    mesh, box = surface_mesh(surface), Box.around(surface)
    faces, vertices = surface_faces(mesh, skin_size(mesh))
    x, y, value = mapped_back(vertices, box).T
    # On y = 0 there is nothing, and each face is on one side of it.
    assert np.abs(y).min() > 0.01 and (np.ptp(np.sign(y[faces]), axis=1) == 0).all()
    assert 0.9 * 2 * 100 * 98 < len(faces) < 2 * 100 * 104
    low, high = (box.middle[2] + sign * 0.35 / box.scale[2] for sign in (-1, 1))
    expected = FORMULAS["tilted_waves"](x, y)
    at_limit = np.isclose(np.abs(value - box.middle[2]), 0.35 / box.scale[2])
    assert (~at_limit).sum() > 9000 and 100 < at_limit.sum() < 700
    np.testing.assert_allclose(value[~at_limit], expected[~at_limit], atol=1e-9)
    assert ((value >= low - 1e-9) & (value <= high + 1e-9)).all()


def test_the_mesh_ends_where_the_function_does():
    surface = square("log(1 - x^2 - y^2)", points=41, side=1.2)
    mesh, box = surface_mesh(surface), Box.around(surface)
    faces, vertices = surface_faces(mesh, skin_size(mesh))
    x, y, _ = mapped_back(vertices, box).T
    assert np.hypot(x, y).max() < 1
    a, b, c = (np.stack([x, y], -1)[faces[:, k]] for k in range(3))
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum() / 2
    # Of the disc's π, what is below the lowest sample is left out.
    assert np.pi - 0.1 < area < np.pi


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e12])
def test_the_height_does_not_depend_on_the_unit(size):
    vertices = surface_mesh(square(f"{size}*x*y")).vertices
    np.testing.assert_allclose(vertices, surface_mesh(square("x*y")).vertices, atol=1e-9)


@pytest.mark.parametrize("text", ["sign(sin(75*x)) + sign(sin(75*y))", "tan(30*x*y)"])
def test_many_jumps_make_the_grid_coarser_not_the_mesh_too_large(text):
    mesh = surface_mesh(square(text, points=201))
    assert 30_000 < len(mesh.vertices) <= MOST_VERTICES and mesh.faces.max() < len(mesh.vertices)


def test_very_many_minima_leave_room_for_the_surface():
    points = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    f = Function.of_formula("x**2 + y**2", minima=tuple(Minimum(tuple(p), 0.0) for p in points.tolist()))
    surface = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], points=201)
    mesh = surface_mesh(surface)
    assert len(mesh.vertices) <= MOST_VERTICES and skin_size(mesh) > 30_000
    assert len(centres(mesh, Box.around(surface), GOLD, BALL)) == 400


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
    found = centres(surface_mesh(surface), Box.around(surface), GOLD, BALL)
    assert sorted(map(tuple, found.round(6).tolist())) == [
        (-3.77931, -3.283186, 0.0),
        (-2.805118, 3.131313, 0.0),
        (3.0, 2.0, 0.0),
        (3.584428, -1.848127, 0.0),
    ]
    corner = tbgrad.surface(tbgrad.resolve("himmelblau"), [("y", 0.0, 5.0), ("x", 0.0, 5.0)], points=51)
    np.testing.assert_allclose(
        centres(surface_mesh(corner), Box.around(corner), GOLD, BALL), [[2.0, 3.0, 0.0]], atol=1e-9
    )


def test_a_plane_through_more_variables_has_no_minima():
    f = Function.of_formula("x**2 + y**2 + z**2", minima=(Minimum((0.0, 0.0, 0.0), 0.0),))
    surface = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)], {"z": 0.5}, points=21)
    mesh = surface_mesh(surface)
    assert not (mesh.colors == GOLD).all(axis=1).any()
    assert mapped_back(mesh.vertices[:1], Box.around(surface))[0, 2] == pytest.approx(2.25)


def test_a_base_with_lines_at_round_numbers_lies_below():
    surface = tbgrad.surface(tbgrad.resolve("ripple"), points=51)
    mesh, box = surface_mesh(surface), Box.around(surface)
    grey = centres(mesh, box, GREY)
    lines = grey[:-3].reshape(-1, 2, 3)
    along_y = [tuple(line[:, 0]) for line in lines if line[0, 0] == pytest.approx(line[1, 0])]
    along_x = [tuple(line[:, 1]) for line in lines if line[0, 1] == pytest.approx(line[1, 1])]
    np.testing.assert_allclose(along_y, [(x, x) for x in range(7)], atol=1e-9)
    np.testing.assert_allclose(along_x, [(y, y) for y in range(-6, 7, 2)], atol=1e-9)
    # All of it is 0.12 below the box.
    base = mesh.vertices[(mesh.colors == GREY).all(axis=1)]
    np.testing.assert_allclose(base[:, 1], -0.47, atol=0.004)
    base = "blue: x from 0 to 6, a line every 1; purple: y from -6 to 6, a line every 2"
    ways = "x to the right, y to the back, the value upward, each scaled to the box"
    assert box_words(surface) == f"{ways}. Base below it: {base}."


def test_axes_are_arrows_of_two_colours_toward_what_is_greater():
    surface = square("x*y")
    mesh = surface_mesh(surface)
    blue, purple = (mesh.vertices[(mesh.colors == colour).all(axis=1)] for colour in (BLUE, PURPLE))
    assert np.ptp(blue, axis=0).argmax() == 0 and np.ptp(purple, axis=0).argmax() == 2
    # The point is where x, or y to the back, is greatest; blue is in front, purple on the right.
    np.testing.assert_allclose(blue[blue[:, 0].argmax(), [0, 2]], [1, 1], atol=1e-9)
    np.testing.assert_allclose(purple[purple[:, 2].argmin(), [0, 2]], [1, -1], atol=1e-9)
    for arrow, axis in ((blue, 0), (purple, 2)):
        across = 2 - axis
        wide = arrow[np.abs(arrow[:, across] - 1) > 0.02]
        assert len(wide) == 2 and (np.abs(np.abs(wide[:, axis] - arrow[0, axis]).mean() - 2) < 0.1)


def test_tangent_planes_are_part_of_the_mesh():
    f = tbgrad.resolve("ripple")
    surface = tbgrad.surface(f, points=31, tangents=[(2.0, 1.0), (0.0, 0.0), (4.0, -3.0)])
    mesh, box = surface_mesh(surface), Box.around(surface)
    x, y, value = mapped_back(mesh.vertices[(mesh.colors == RED).all(axis=1)], box).T.reshape(3, 2, 81)
    for k, (a, b) in enumerate([(2.0, 1.0), (4.0, -3.0)]):
        r = np.hypot(a, b)
        plane = np.sin(r) + np.cos(r) * (a * (x[k] - a) + b * (y[k] - b)) / r
        np.testing.assert_allclose(value[k], plane, atol=1e-9)
        assert np.ptp(x[k]) > 0.5 and np.ptp(y[k]) > 0.5
    # At the origin there is none; a black ball is where each of the others touches.
    found = centres(mesh, box, BLACK, BALL)
    np.testing.assert_allclose(found[:, :2], [(2, 1), (4, -3)], atol=1e-9)
    np.testing.assert_allclose(found[:, 2], np.sin(np.hypot([2, 4], [1, -3])), atol=1e-9)


def seen(mesh):
    """Where TensorBoard's camera sees the vertices, after it moved their middle to the origin: 1 is a card's edge."""
    camera = view(mesh)["camera"]
    vertices = mesh.vertices - (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    back = np.subtract(camera["position"], camera["lookAt"])
    back /= np.linalg.norm(back)
    right = np.cross([0, 1, 0], back)
    right /= np.linalg.norm(right)
    from_camera = vertices - camera["position"]
    depth = -(from_camera @ back)
    assert depth.min() > camera["near"] and depth.max() < camera["far"]
    across = np.stack([from_camera @ right, from_camera @ np.cross(back, right)], axis=-1)
    return across / depth[:, None] / np.tan(np.radians(camera["fov"]) / 2)


@pytest.mark.parametrize("text", ["ripple", "rosenbrock", "tilted_waves", "easom"])
def test_the_first_look_holds_the_whole_mesh_and_fills_the_card(text):
    at = seen(surface_mesh(tbgrad.surface(tbgrad.resolve(text), points=31)))
    # As wide as high at least: a card is hardly wider than it is high.
    assert np.abs(at).max() < 0.96 and np.ptp(at, axis=0).max() > 1.8
    np.testing.assert_allclose((at.max(axis=0) + at.min(axis=0)) / 2, 0, atol=0.08)


def test_the_first_look_is_from_the_front_and_from_above():
    camera = view(surface_mesh(square("x*y")))["camera"]
    x, height, to_the_front = np.subtract(camera["position"], camera["lookAt"])
    assert to_the_front > x > 0 and height > 0


@pytest.mark.parametrize("text", ["0*x + 0*y + 1e20", "x - x + 0*y - 1e17"])
def test_large_constants_have_a_mesh(text):
    assert np.isfinite(surface_mesh(square(text)).vertices).all()
