"""Landscapes of a quadratic with a known Hessian: against its formula, and NumPy's least squares and SVD."""

import dataclasses

import numpy as np
import pytest
from landscape_samples import (
    HESSIAN,
    LINE,
    ORIGIN,
    PATH,
    PLANE,
    SLANTED,
    STEPS,
    feet_of,
    quadratic,
    value_of,
)

import tbgrad
from tbgrad.calculus import landscapes
from tbgrad.errors import OptionError, ShapeError
from tbgrad.results import Plane, Surface, Sweep


@pytest.mark.parametrize("gradients", [True, False])
def test_a_surface_on_a_slanted_plane_is_the_formula(gradients):
    over = [("first", -2.0, 1.0), ("second", -1.0, 3.0)]
    found = tbgrad.landscape(quadratic(), PLANE, over=over, points=7, gradients=gradients)
    assert isinstance(found, Surface) and found.axes == ("first", "second") and found.trail is None
    assert found.labels == ("first: a direction", "second")
    s, t = np.meshgrid(np.linspace(-2, 1, 7), np.linspace(-1, 3, 7))
    position = ORIGIN + s[..., None] * SLANTED[0] + t[..., None] * SLANTED[1]
    np.testing.assert_allclose(found.value, value_of(position), rtol=1e-12)
    assert found.has_gradients == gradients
    if gradients:
        np.testing.assert_allclose(found.slopes, position @ HESSIAN @ SLANTED.T, rtol=1e-11)
    else:
        assert np.isnan(found.gradient).all()


def test_the_path_is_projected_and_keeps_its_own_values():
    found = tbgrad.landscape(quadratic(), PLANE, path=PATH, steps=STEPS, points=5)
    trail, feet = found.trail, feet_of(PATH)
    np.testing.assert_allclose(trail.at, feet, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(trail.step, STEPS)
    np.testing.assert_allclose(trail.value, value_of(PATH.astype(float)), rtol=1e-12)
    off = np.linalg.norm(PATH - ORIGIN - feet @ SLANTED, axis=1)
    np.testing.assert_allclose(trail.off, off, rtol=1e-9)
    # Those of the feet are others.
    assert np.abs(value_of(ORIGIN + feet @ SLANTED) - trail.value).max() > 0.1
    basis = np.linalg.qr(SLANTED.T)[0]
    centred = PATH.astype(float) - PATH.astype(float).mean(axis=0)
    assert trail.explained == pytest.approx(((centred @ basis) ** 2).sum() / (centred**2).sum(), rel=1e-9)
    assert f"holds {100 * trail.explained:.3g} % of the path's variance" in trail.words


def test_what_the_principal_directions_explain_is_what_the_singular_values_say():
    path = PATH.astype(float)
    sizes, rows = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)[1:]
    plane = Plane(path[-1], rows[:2] * [[3.0], [0.1]])
    found = tbgrad.landscape(quadratic(), plane, path=path, points=3)
    assert found.trail.explained == pytest.approx((sizes[:2] ** 2).sum() / (sizes**2).sum(), rel=1e-9)
    np.testing.assert_array_equal(found.trail.step, np.arange(len(path)))


def test_ranges_hold_the_path_and_a_margin():
    found = tbgrad.landscape(quadratic(), PLANE, path=PATH, points=5)
    feet, coordinates = feet_of(PATH), (found.x, found.y)
    lengths = np.linalg.norm(SLANTED, axis=1)
    longest = (np.ptp(feet, axis=0) * lengths).max()
    for k, along in enumerate(coordinates):
        assert along[0] < feet[:, k].min() and along[-1] > feet[:, k].max()
        side = max(np.ptp(feet[:, k]), 0.8 * longest / lengths[k])
        assert np.ptp(along) == pytest.approx(1.5 * side, rel=1e-9)
        assert along[[0, -1]].mean() == pytest.approx((feet[:, k].min() + feet[:, k].max()) / 2)


@pytest.mark.parametrize("count", [1, 2])
def test_without_a_path_from_minus_one_to_one(count):
    found = tbgrad.landscape(quadratic(), Plane(ORIGIN, SLANTED[:count]), points=3)
    along = found.x if count == 2 else found.coordinate
    np.testing.assert_array_equal(along, [-1, 0, 1])


def test_a_path_that_rests():
    found = tbgrad.landscape(quadratic(), PLANE, path=np.tile(ORIGIN, (3, 1)), points=3)
    np.testing.assert_allclose([found.x, found.y], [[-1, 0, 1]] * 2, atol=1e-12)
    assert found.trail.explained is None and "does not move" in found.trail.words


def test_where_the_plane_holds_little_of_the_path_the_function_is_seen_around_it():
    away = np.linalg.svd(SLANTED)[2][-1]
    path = ORIGIN + np.outer(np.arange(5), 10 * away) + np.outer([0, 1, 0, 1, 0], 0.01 * SLANTED[0])
    found = tbgrad.landscape(quadratic(), PLANE, path=path, points=3)
    assert 0 < found.trail.explained < 1e-4
    np.testing.assert_array_equal([found.x, found.y], [[-1, 0, 1]] * 2)
    # A path that is perpendicular to all of it too.
    straight = tbgrad.landscape(quadratic(), PLANE, path=ORIGIN + np.outer(np.arange(5), away), points=3)
    assert straight.trail.explained < 1e-20 and straight.x.tolist() == [-1, 0, 1]


def test_a_line():
    found = tbgrad.landscape(quadratic(), LINE, path=PATH, steps=STEPS, points=9)
    assert isinstance(found, Sweep) and found.axis == "way"
    position = ORIGIN + found.coordinate[:, None] * SLANTED[0]
    np.testing.assert_allclose(found.value, value_of(position), rtol=1e-12)
    np.testing.assert_allclose(found.trail.at, feet_of(PATH, SLANTED[:1]), rtol=1e-9)
    # The value along the line is lowest where its slope is zero.
    lowest = -(SLANTED[0] @ HESSIAN @ ORIGIN) / (SLANTED[0] @ HESSIAN @ SLANTED[0])
    wide = tbgrad.landscape(quadratic(), LINE, over=[("way", lowest - 1, lowest + 2)], points=9)
    assert [p.coordinate for p in wide.stationary] == pytest.approx([lowest], rel=1e-9)


def test_the_caption_says_what_was_normalised_on_which_data_over_which_range():
    found = tbgrad.landscape(quadratic(), PLANE, over=[("first", -0.5, 1.0), ("second", -1, 2)], points=3)
    expected = "nothing normalised; on known numbers; first from -0.5 to 1, second from -1 to 2"
    assert found.subject.caption == expected
    bare = tbgrad.landscape(quadratic(caption=""), dataclasses.replace(PLANE, caption=""), points=3)
    assert bare.subject.caption == "first and second from -1 to 1"


def test_the_first_range_goes_along_columns_and_the_path_with_it():
    over = [("second", -1.0, 3.0), ("first", -2.0, 1.0)]
    found = tbgrad.landscape(quadratic(), PLANE, over=over, path=PATH, points=5)
    assert found.axes == ("second", "first") and found.labels == ("second", "first: a direction")
    np.testing.assert_allclose(found.trail.at, feet_of(PATH)[:, ::-1], rtol=1e-9)


def test_of_a_long_path_some_positions_are_shown():
    t = np.linspace(0, 3, 5000)
    path = np.column_stack([np.cos(t * k) for k in range(1, 7)])
    found = tbgrad.landscape(quadratic(), PLANE, path=path, points=3).trail
    assert len(found.step) <= 400 and found.step[0] == 0 and found.step[-1] == 4999
    assert found.step[10] < 20 and np.diff(found.step).max() < 60
    np.testing.assert_allclose(found.value, value_of(path[found.step]), rtol=1e-12)
    basis, centred = np.linalg.qr(SLANTED.T)[0], path - path.mean(axis=0)
    assert found.explained == pytest.approx(((centred @ basis) ** 2).sum() / (centred**2).sum(), rel=1e-9)


def test_a_path_in_a_file_is_read_in_parts(monkeypatch, tmp_path):
    monkeypatch.setattr(landscapes, "_NUMBERS_AT_ONCE", 13)
    np.save(tmp_path / "path.npy", PATH)
    whole = tbgrad.landscape(quadratic(), PLANE, path=PATH, points=3).trail
    parts = tbgrad.landscape(quadratic(), PLANE, path=np.load(tmp_path / "path.npy", mmap_mode="r"), points=3).trail
    for name in ("at", "value", "off", "step"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)
    assert parts.explained == pytest.approx(whole.explained, rel=1e-12)


def test_a_catalogue_function_of_ten_variables():
    f = tbgrad.resolve("rosenbrock", dimensions=10)
    descent = tbgrad.descend(f, tbgrad.Optimizer("adam", learning_rate=0.05), [[-1.2, 1.0] * 5], steps=50)
    path = descent.position[:, 0]
    rows = np.linalg.svd(path - path[-1], full_matrices=False)[2][:2]
    found = tbgrad.landscape(f, Plane(path[-1], rows), path=path, steps=descent.step, points=5)
    np.testing.assert_allclose(found.trail.value, descent.value[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.trail.at, (path - path[-1]) @ rows.T, atol=1e-9)
    x = path[-1] + found.x[1] * rows[0] + found.y[3] * rows[1]
    expected = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    assert found.value[3, 1] == pytest.approx(expected, rel=1e-12)


def test_in_float32():
    found = tbgrad.landscape(quadratic(), PLANE, path=PATH, points=3, dtype="float32")
    assert found.value.dtype == found.trail.value.dtype == "float32"
    np.testing.assert_allclose(found.trail.value, value_of(PATH.astype(float)), rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"path": PATH[:, :5]}, ShapeError, r"path has shape \(7, 5\); expected \(n, 6\)"),
        ({"path": PATH[0]}, ShapeError, r"path has shape \(6,\)"),
        ({"path": np.zeros((0, 6))}, ShapeError, r"path has shape \(0, 6\)"),
        ({"path": PATH, "steps": STEPS[:3]}, OptionError, "expected 7 increasing whole numbers"),
        ({"path": PATH, "steps": STEPS[::-1]}, OptionError, "increasing"),
        ({"path": PATH, "steps": STEPS * 1.5}, OptionError, "whole numbers"),
        ({"steps": STEPS}, OptionError, "no path"),
        ({"path": np.where(np.arange(7)[:, None] > 4, np.nan, PATH), "steps": STEPS}, OptionError, "at step 16;"),
        ({"over": [("third", -1, 1), ("first", -1, 1)]}, OptionError, "no variable 'third'"),
    ],
)
def test_mistakes_are_told(given, error, said):
    with pytest.raises(error, match=said):
        tbgrad.landscape(quadratic(), PLANE, points=3, **given)


def test_planes_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="3 directions; a landscape is drawn along one or two"):
        tbgrad.landscape(quadratic(), Plane(ORIGIN, np.eye(3, 6), axes=("a", "b", "c")))
    with pytest.raises(OptionError, match="one coordinate, way; got ranges of 2"):
        tbgrad.landscape(quadratic(), LINE, over=[("way", 0, 1), ("other", 0, 1)])
    with pytest.raises(ShapeError):
        tbgrad.landscape(quadratic(), Plane(np.zeros(3), np.eye(2, 3)))
