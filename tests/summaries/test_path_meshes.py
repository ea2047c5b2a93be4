"""Meshes of descents: the path lies on its surface, and knows only what happened until its step."""

import dataclasses

import numpy as np
import pytest

import tbgrad
from tbgrad.summaries.boxes import Box
from tbgrad.summaries.path_meshes import path_meshes

FORMULAS = {
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "ripple": lambda x, y: np.sin(np.sqrt(x**2 + y**2)),
}
RED, WHITE, BLACK = (220, 20, 20), (255, 255, 255), (0, 0, 0)
STEPS = [0, 1, 2, 5, 20, 77, 300]


def descend(name, optimizer, starts, steps, **options):
    f = tbgrad.resolve(name)
    return tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer(*optimizer), starts, steps, **options))


@pytest.fixture(
    scope="module",
    params=[
        ("rosenbrock", ("adam", 0.05), [[-1.2, 1.0]], 300),
        ("himmelblau", ("sgd", 0.01), [[-4.9, 4.9], [0.0, 0.0]], 300),
        ("ripple", ("sgd", 0.1), [[1.0, 2.0]], 300),
    ],
    ids=["rosenbrock", "himmelblau", "ripple"],
)
def descent(request):
    return descend(*request.param)


@pytest.fixture(scope="module")
def meshes(descent):
    return path_meshes(descent, STEPS)


def around(mesh, colour):
    """The vertices around each point of a colour: six of a line, eighteen of a ball."""
    each = 6 if colour == RED else 18
    return mesh.vertices[(mesh.colors == colour).all(axis=1)].reshape(-1, each, 3)


def centres(mesh, box, colour):
    """(x, y, value) of the points of the line, which is red, or of the balls of a colour."""
    of_colour = around(mesh, colour).mean(axis=1)
    return np.stack([of_colour[:, 0], -of_colour[:, 2], of_colour[:, 1]], axis=-1) / box.scale + box.middle


def iterates(descent):
    return descent.position[:, int(np.argmin(descent.value[-1]))]


def test_all_steps_have_the_same_vertices_and_faces_but_for_the_path(meshes):
    assert len(meshes) == len(STEPS)
    for mesh in meshes:
        assert mesh.vertices.shape == mesh.colors.shape == meshes[0].vertices.shape
        np.testing.assert_array_equal(mesh.faces, meshes[0].faces)
        np.testing.assert_array_equal(mesh.colors, meshes[0].colors)
        assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices) < 2**16
        assert np.isfinite(mesh.vertices).all() and np.abs(mesh.vertices).max() < 1.1
    moved = np.any([mesh.vertices != meshes[0].vertices for mesh in meshes], axis=(0, 2))
    seen = np.any([(meshes[0].colors == colour).all(axis=1) for colour in (RED, BLACK)], axis=0)
    assert (seen | ~moved).all() and moved.any()


def test_the_path_lies_on_the_function(descent, meshes):
    box = Box.around(descent.landscape)
    for mesh in meshes:
        for colour in (RED, WHITE, BLACK):
            x, y, value = centres(mesh, box, colour).T
            expected = FORMULAS[descent.subject.name](x, y)
            np.testing.assert_allclose(value, expected, atol=1e-11 * (1 + 1 / box.scale[2]))


def test_the_path_has_no_position_of_a_later_step(descent, meshes):
    box, path = Box.around(descent.landscape), iterates(descent)
    for step, mesh in zip(STEPS, meshes, strict=True):
        drawn = centres(mesh, box, RED)[:, :2]
        distance = np.linalg.norm(drawn[:, None] - path[None, : step + 1], axis=-1)
        assert distance.min(axis=1).max() < 1e-9
        # From the start to the present position, in the order of the steps.
        np.testing.assert_allclose(drawn[[0, -1]], path[[0, step]], atol=1e-9)
        assert len(np.unique(drawn.round(12), axis=0)) >= min(step, 5)


def test_the_whole_path_is_drawn(descent, meshes):
    # Its length in the plane, of 240 points, is hardly less than that of all steps.
    drawn = centres(meshes[-1], Box.around(descent.landscape), RED)[:, :2]
    length = [np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in (drawn, iterates(descent))]
    assert 0.97 * length[1] < length[0] <= length[1] * (1 + 1e-9)


def test_the_start_is_white_and_the_position_black(descent, meshes):
    box, path = Box.around(descent.landscape), iterates(descent)
    for step, mesh in zip(STEPS, meshes, strict=True):
        np.testing.assert_allclose(centres(mesh, box, WHITE)[:, :2], path[:1], atol=1e-9)
        np.testing.assert_allclose(centres(mesh, box, BLACK)[:, :2], path[step : step + 1], atol=1e-9)


def test_a_descent_in_float32():
    descent = descend("rosenbrock", ("adam", 0.05), [[-1.2, 1.0]], 100, dtype="float32")
    box = Box.around(descent.landscape)
    x, y, value = centres(path_meshes(descent, [100])[0], box, RED).T
    np.testing.assert_allclose(value, FORMULAS["rosenbrock"](x, y), atol=1e-3)
    np.testing.assert_allclose([x[-1], y[-1]], descent.position[-1, 0], atol=1e-6)


def test_on_a_plane_the_path_has_its_own_values():
    descent = descend("x**2 + 3*y**2 + 6*z**2", ("adam", 0.3), [[4.0, 2.0, 1.0]], 60)
    box, path = Box.around(descent.landscape), descent.position[:, 0]
    drawn = centres(path_meshes(descent, [60])[0], box, RED)
    on_plane = np.column_stack([(path - path[0]) @ descent.plane.directions.T, path**2 @ [1.0, 3.0, 6.0]])
    distance = np.linalg.norm((drawn[:, None] - on_plane[None]) * box.scale, axis=-1)
    assert distance.min(axis=1).max() < 1e-9
    # Off the plane they are not the surface's.
    on_surface = (descent.plane.origin + on_plane[:, :2] @ descent.plane.directions) ** 2 @ [1.0, 3.0, 6.0]
    assert np.abs(on_plane[:, 2] - on_surface).max() > 0.1


def test_a_diverging_descent_ends_where_it_leaves_the_box():
    descent = descend("rosenbrock", ("sgd", 0.01), [[-1.2, 1.0]], 300)
    box, surface = Box.around(descent.landscape), descent.landscape
    meshes = path_meshes(descent, STEPS)
    with np.errstate(invalid="ignore"):
        within = (np.abs(descent.position[:, 0]) <= surface.x[-1]).all(axis=-1)
    assert within[0] and not within[-1]
    for step, mesh in zip(STEPS, meshes, strict=True):
        assert mesh.vertices.shape == meshes[0].vertices.shape and np.isfinite(mesh.vertices).all()
        x, y, value = centres(mesh, box, RED).T
        assert np.abs([x, y]).max() <= 2.048 + 1e-9
        np.testing.assert_allclose(value, FORMULAS["rosenbrock"](x, y), atol=1e-7)
        # No ball is shown where the position is not.
        assert sizes(mesh, BLACK).any() == within[step]
        if within[step]:
            np.testing.assert_allclose(centres(mesh, box, BLACK)[0, :2], descent.position[step, 0], atol=1e-9)


def test_a_position_in_a_well_that_is_cut_stays_where_it_is():
    f = tbgrad.resolve("-1/(1e-3 + (x - 0.1)**2 + (y - 0.1)**2)")
    descent = tbgrad.descend(f, tbgrad.Optimizer("adam", 0.02), [[0.9, 0.9]], 300)
    surface = tbgrad.surface(f, [("x", -1.0, 1.0), ("y", -1.0, 1.0)])
    low = np.percentile(surface.value, 5)
    assert descent.value[-1, 0] < -900 < low
    meshes = path_meshes(dataclasses.replace(descent, landscape=surface), [0, 300])
    ((x, y, value),) = centres(meshes[-1], Box.around(surface), BLACK)
    np.testing.assert_allclose([x, y], descent.position[-1, 0], atol=1e-9)
    assert value == pytest.approx(low, rel=0.03) and sizes(meshes[-1], BLACK).all()


def test_a_path_far_from_its_surface_leaves_it_bare(descent):
    f = tbgrad.resolve(descent.subject.name)
    elsewhere = tbgrad.surface(f, [("x", 50.0, 60.0), ("y", 50.0, 60.0)], points=21)
    meshes = path_meshes(dataclasses.replace(descent, landscape=elsewhere), STEPS)
    assert len(meshes) == len(STEPS) and len({mesh.vertices.shape for mesh in meshes}) == 1
    for mesh in meshes:
        assert not any((mesh.colors == colour).all(axis=1).any() for colour in (RED, WHITE, BLACK))


def sizes(mesh, colour):
    """How far the vertices around each point of a colour are apart."""
    of_colour = around(mesh, colour)
    return np.ptp(of_colour, axis=1).max(axis=1)


def test_a_start_outside_is_not_drawn_elsewhere():
    # Beyond the domain, x ≤ 5: the picture shows where the path goes from there, without the start.
    descent = descend("himmelblau", ("sgd", 0.002), [[5.3, 0.0]], 30)
    box, meshes = Box.around(descent.landscape), path_meshes(descent, [0, 1, 5])
    path = descent.position[:, 0]
    assert path[0, 0] > descent.landscape.x[-1] > path[1:, 0].max()
    # What is outside keeps its vertices, all in one point, which shows nothing.
    assert not any(sizes(meshes[0], colour).any() for colour in (RED, WHITE, BLACK))
    assert not any(sizes(mesh, WHITE).any() for mesh in meshes)
    for step, mesh in zip((1, 5), meshes[1:], strict=True):
        assert sizes(mesh, RED).min() > 0.001 and sizes(mesh, BLACK).min() > 0.01
        np.testing.assert_allclose(centres(mesh, box, RED)[[0, -1], :2], path[[1, step]], atol=1e-9)
        np.testing.assert_allclose(centres(mesh, box, BLACK)[:, :2], path[[step]], atol=1e-9)
    assert len({mesh.vertices.shape for mesh in meshes}) == 1


def test_what_is_inside_can_be_seen(meshes):
    for mesh in meshes:
        assert sizes(mesh, RED).min() > 0.001 and min(sizes(mesh, WHITE).min(), sizes(mesh, BLACK).min()) > 0.01
