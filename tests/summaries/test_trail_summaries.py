"""A path on the mesh of a surface, in its story and in its records, and what is left out without gradients."""

import numpy as np
import pytest
from landscape_samples import LINE, PATH, PLANE, STEPS, feet_of, quadratic, value_of

import tbgrad
from tbgrad.records import Images, Meshes, Texts
from tbgrad.summaries.boxes import Box
from tbgrad.summaries.meshes import surface_mesh

RED, WHITE, BLACK = (220, 20, 20), (255, 255, 255), (0, 0, 0)
OWN = value_of(PATH.astype(float))


@pytest.fixture(scope="module")
def surface():
    return tbgrad.landscape(quadratic(), PLANE, path=PATH, steps=STEPS, points=21)


def centres(mesh, box, colour):
    """(x, y, value) of the points of the line, which is red, or of the balls of a colour."""
    each = 6 if colour == RED else 18
    around = mesh.vertices[(mesh.colors == colour).all(axis=1)].reshape(-1, each, 3).mean(axis=1)
    return np.stack([around[:, 0], -around[:, 2], around[:, 1]], axis=-1) / box.scale + box.middle


def test_the_mesh_has_the_path_at_its_own_values(surface):
    mesh, box = surface_mesh(surface), Box.around(surface)
    # Off the plane the path goes lower than the surface does.
    reach = 0.02 * (box.high[2] - box.low[2])
    points = np.column_stack([feet_of(PATH), OWN.clip(box.low[2] - reach, box.high[2] + reach)])
    assert OWN[-1] < points[-1, 2] and (points[:2, 2] == OWN[:2]).all()
    drawn = centres(mesh, box, RED)
    distance = np.linalg.norm((drawn[:, None] - points[None]) * box.scale, axis=-1)
    assert distance.min(axis=1).max() < 1e-6
    np.testing.assert_allclose(drawn[[0, -1]], points[[0, -1]], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(centres(mesh, box, WHITE), points[:1], rtol=1e-5)
    np.testing.assert_allclose(centres(mesh, box, BLACK), points[-1:], rtol=1e-5, atol=1e-5)
    assert mesh.faces.max() < len(mesh.vertices) < 2**16


def test_a_path_outside_is_not_in_the_mesh():
    over = [("first", -10.0, -9.0), ("second", 0.0, 1.0)]
    outside = tbgrad.landscape(quadratic(), PLANE, over=over, path=PATH, points=5)
    mesh, bare = surface_mesh(outside), surface_mesh(tbgrad.landscape(quadratic(), PLANE, over=over, points=5))
    np.testing.assert_array_equal(mesh.vertices, bare.vertices)


def test_a_path_that_ends_outside_has_no_end():
    feet = feet_of(PATH)
    low = feet[2:5].min(axis=0) - 1e-3
    high = feet[:5].max(axis=0) + 1e-3
    over = [(name, low[k], high[k]) for k, name in enumerate(PLANE.names)]
    mesh = surface_mesh(tbgrad.landscape(quadratic(), PLANE, over=over, path=PATH, points=5))
    assert (mesh.colors == WHITE).all(axis=1).any() and not (mesh.colors == BLACK).all(axis=1).any()


def test_the_records_say_how_it_is_shown_and_where_the_path_goes(surface):
    records = tbgrad.summarize(surface)
    (mesh,) = [r for r in records if isinstance(r, Meshes)]
    (story,) = [r.text[0] for r in records if isinstance(r, Texts)]
    for said in (mesh.description, story):
        assert "nothing normalised; on known numbers; first from" in said
        assert f"holds {100 * surface.trail.explained:.3g} % of the path's variance" in said
    assert "Red line: the path" in mesh.description
    (contour,) = [r for r in records if r.tag == "surface/contour"]
    assert "the path, coloured by its step" in contour.description and "arrows" in contour.description
    start, end = (next(line for line in story.splitlines() if line.startswith(f"| {w} |")) for w in ("start", "end"))
    feet = feet_of(PATH)
    assert start == f"| start | 0 | {OWN[0]:.6g} | {feet[0, 0]:.6g} | {feet[0, 1]:.6g} | {surface.trail.off[0]:.4g} |"
    assert f"| 32 | {OWN[-1]:.6g} |" in end
    # It goes down all the way, so that no other point is the lowest.
    assert "| lowest | 32" not in story and "Where does the path pass?" in story


def test_without_gradients_what_needs_them_is_left_out():
    records = tbgrad.summarize(tbgrad.landscape(quadratic(), PLANE, path=PATH, points=9, gradients=False))
    tags = {record.tag for record in records}
    assert {"surface/contour", "surface/contour3d", "surface/mesh", "surface/story"} <= tags
    assert not any("gradient" in tag for tag in tags)
    (contour,) = [r for r in records if r.tag == "surface/contour"]
    assert "arrows" not in contour.description
    (story,) = [r.text[0] for r in records if isinstance(r, Texts)]
    assert "gradient" not in story and "no gradient" not in story


def test_a_sweep_tells_of_its_path():
    records = tbgrad.summarize(tbgrad.landscape(quadratic(), LINE, path=PATH, steps=STEPS, points=41))
    (story,) = [r.text[0] for r in records if isinstance(r, Texts)]
    assert "projected on a line that holds" in story and "one direction; on known numbers; way from" in story
    assert f"| start | 0 | {OWN[0]:.6g} |" in story
    assert {r.tag for r in records if isinstance(r, Images)} >= {"sweep/curve", "sweep/tangent"}


def test_it_is_written_and_read_like_any_result(surface, tmp_path):
    with tbgrad.open_run(tmp_path / "run") as run:
        run.write(tbgrad.summarize(surface))
    found = tbgrad.read_run(tmp_path / "run")
    assert {"surface/contour", "surface/gradient_norm", "surface/gradient/first"} <= set(found.images)
    assert set(found.meshes) == {"surface/mesh"} and set(found.texts) == {"surface/story"}
