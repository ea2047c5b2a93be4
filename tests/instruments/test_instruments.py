"""Readings against formulas in NumPy and by hand, over steps that are made by hand."""

import dataclasses

import numpy as np
import pytest
from recorded_steps import quadratic, recorded, rosenbrock_gradient, rosenbrock_hessian, rosenbrock_value

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.instruments import ALL_INSTRUMENTS, INSTRUMENTS, named
from tbgrad.instruments.instrument import Steps, length

BY_NAME = {i.name: i for i in ALL_INSTRUMENTS}
ROSENBROCK = tbgrad.resolve("rosenbrock")
SPHERE = tbgrad.resolve("x**2 + y**2")
SGD = {"momentum": 0.0, "nesterov": False, "weight_decay": None}


def measure(name, steps):
    reading = BY_NAME[name].measure(steps)
    assert reading.shape == steps.value.shape and reading.dtype == steps.value.dtype
    return reading


def sphere(path, **known):
    return recorded(SPHERE, path, *quadratic(2 * np.eye(2)), **known)


@pytest.fixture(params=["float64", "float32"])
def rosenbrock(request):
    path = np.random.default_rng(6).uniform(-2, 2, (31, 3, 2)).astype(request.param)
    return recorded(
        ROSENBROCK,
        path,
        rosenbrock_value,
        rosenbrock_gradient,
        settings=SGD,
        rate=np.full(30, 0.001),
        step=np.arange(30),
    )


def wide(steps):
    """The arrays of steps in float64."""
    names = ("position", "value", "gradient", "next_position", "next_value", "next_gradient")
    return [np.asarray(getattr(steps, name), np.float64) for name in names]


def test_they_are_as_promised():
    assert [i.name for i in INSTRUMENTS] == [
        "gradient_norm",
        "update_norm",
        "decrease_ratio",
        "gradient_cosine",
        "update_cosine",
        "effective_step",
        "distance",
    ]
    assert [i.name for i in ALL_INSTRUMENTS[7:]] == ["curvature", "sharpness", "sharpness_over_edge"]
    assert all(i.needs_second_derivatives == (i not in INSTRUMENTS) for i in ALL_INSTRUMENTS)
    assert [i.name for i in ALL_INSTRUMENTS if not i.of_update] == ["gradient_norm", "distance", "sharpness"]
    assert all(i.description.endswith(".") for i in ALL_INSTRUMENTS)


def test_names_are_found_once_and_in_order():
    assert named("sharpness") == named(["sharpness"]) == (BY_NAME["sharpness"],)
    assert [i.name for i in named(["distance", "curvature", "distance"])] == ["distance", "curvature"]
    assert named(["all"]) == named(["all", "distance"]) == ALL_INSTRUMENTS and named([]) == ()
    with pytest.raises(OptionError, match=r"no instrument named 'sharpnes'\. Did you mean 'sharpness'.*update_norm"):
        named(["distance", "sharpnes"])


def test_norms(rosenbrock):
    position, _, gradient, there, *_ = wide(rosenbrock)
    rtol = 8 * np.finfo(rosenbrock.dtype).eps
    np.testing.assert_allclose(measure("gradient_norm", rosenbrock), np.hypot(*np.moveaxis(gradient, -1, 0)), rtol=rtol)
    went = np.hypot(*np.moveaxis(there - position, -1, 0))
    np.testing.assert_allclose(measure("update_norm", rosenbrock), went, rtol=2 * rtol)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lengths_whose_squares_leave_the_floats(dtype):
    big, small = np.finfo(dtype).max / 8, np.finfo(dtype).tiny * 8
    vectors = np.array([[3 * big, 4 * big], [-3 * small, 4 * small], [0, 0], [np.inf, 1], [np.nan, 1]], dtype)
    expected = np.array([5 * big, 5 * small, 0, np.inf, np.nan], dtype)
    found = length(vectors)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps, atol=0)
    # Squares that are still numbers, but of a few bits.
    small = np.sqrt(np.finfo(dtype).tiny) / 1024
    np.testing.assert_allclose(length(vectors[1:2] / vectors[1, 1] * small), 1.25 * small, rtol=4 * np.finfo(dtype).eps)


def test_the_decrease_ratio(rosenbrock):
    position, value, gradient, there, after, _ = wide(rosenbrock)
    foretold = -((there - position) * gradient).sum(-1)
    ratio = measure("decrease_ratio", rosenbrock)
    unit = np.finfo(rosenbrock.dtype).eps
    assert np.isfinite(ratio).mean() > 0.9
    clear = np.abs(foretold) > 1000 * unit * np.maximum(value, after)
    error = np.abs(ratio * foretold - (value - after))
    # The products of a foretold drop may be larger than their sum.
    parts = np.abs((there - position) * gradient).sum(-1)
    assert clear.mean() > 0.9
    assert (error <= 8 * unit * (value + after + parts * np.abs(ratio)))[clear].all()


@pytest.mark.parametrize(("rate", "ratio"), [(0.25, 0.75), (0.5, 0.5), (1.0, 0.0), (1.25, -0.25), (2.0, -1.0)])
def test_ratios_on_a_parabola(rate, ratio):
    # p goes to (1 - 2η)p: the actual drop is 4η(1 - η)|p|², the foretold one 4η|p|².
    start = np.array([[3.0, -1.0]])
    steps = sphere([start, start * (1 - 2 * rate)])
    assert measure("decrease_ratio", steps)[0, 0] == pytest.approx(ratio, abs=1e-14)


@pytest.mark.parametrize(("start", "rate", "constant"), [(1e-4, 0.01, 1e9), (0.0, 0.1, 0.0), (1e-9, 0.25, -1.0)])
def test_a_drop_that_is_lost_in_rounding_has_no_ratio(start, rate, constant):
    path = np.full((2, 1, 1), start)
    path[1] *= 1 - 2 * rate
    steps = recorded(tbgrad.resolve("x**2"), path, lambda p: constant + p[..., 0] ** 2, lambda p: 2 * p)
    assert np.isnan(measure("decrease_ratio", steps)).all()
    assert np.isfinite(measure("update_norm", steps)).all()


def test_the_cosines(rosenbrock):
    position, _, gradient, there, _, after = wide(rosenbrock)
    atol = 8 * np.finfo(rosenbrock.dtype).eps

    def cosine(a, b):
        return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)

    np.testing.assert_allclose(measure("gradient_cosine", rosenbrock), cosine(gradient, after), rtol=0, atol=atol)
    found = measure("update_cosine", rosenbrock)
    np.testing.assert_allclose(found, cosine(there - position, -gradient), rtol=0, atol=atol)
    assert found.min() < 0 < found.max()


def test_cosines_by_hand():
    # Straight on, back over the valley, a right angle, straight uphill.
    path = np.array([[[4, 0]], [[2, 0]], [[-1, 0]], [[0, 1]], [[0, 3]]], np.float64)
    steps = sphere(path)
    np.testing.assert_allclose(measure("gradient_cosine", steps)[:, 0], [1, -1, 0, 1], atol=1e-15)
    np.testing.assert_allclose(measure("update_cosine", steps)[:, 0], [1, 1, np.sqrt(0.5), -1], atol=1e-15)


def test_cosines_of_vectors_whose_squares_leave_the_floats():
    for size in (1e200, 1e-200):
        steps = sphere(np.array([[[3.0, 4.0]], [[-4.0, 3.0]], [[-8.0, 6.0]]]) * size)
        np.testing.assert_allclose(measure("gradient_cosine", steps)[:, 0], [0, 1], atol=1e-15)
        np.testing.assert_allclose(measure("update_cosine", steps)[:, 0], [np.sqrt(0.5), -1], atol=1e-15)


def test_cosines_stay_between_minus_one_and_one():
    path = np.random.default_rng(1).normal(size=(2000, 1, 2)).cumsum(axis=0)
    path[1::2] = path[::2] * 0.5
    for name in ("gradient_cosine", "update_cosine"):
        assert np.abs(measure(name, sphere(path))).max() <= 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_effective_step_of_gradient_descent_is_its_learning_rate(dtype):
    path = [np.array([[3, -1], [0.5, 2]], dtype)]
    for _ in range(20):
        path.append(path[-1] - np.array(0.3, dtype) * 2 * path[-1])
    steps = sphere(path)
    np.testing.assert_allclose(measure("effective_step", steps), 0.3, rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(measure("update_cosine", steps), 1.0, rtol=20 * np.finfo(dtype).eps)


def test_an_update_that_is_lost_in_rounding_has_no_angle_and_no_step():
    path = np.array([[[1.0, 1.0]], [[1.0 + 2**-50, 1.0]], [[1.0 + 2**-50, 1.0]], [[1.0 + 2**-50, 1.0 - 2**-40]]])
    steps = sphere(path)
    for name in ("update_cosine", "effective_step"):
        assert np.isnan(measure(name, steps)[:, 0]).tolist() == [True, True, False]
    assert measure("update_norm", steps)[:, 0].tolist() == [2**-50, 0, 2**-40]


def test_momentum_over_a_minimum_has_no_effective_step():
    steps = sphere(np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]]))
    np.testing.assert_allclose(measure("effective_step", steps)[:, 0], [np.nan, np.sqrt(0.5)], rtol=1e-15)


def test_the_distance_to_one_and_to_the_nearest_of_several_minima(rosenbrock):
    expected = np.hypot(*np.moveaxis(rosenbrock.position.astype(np.float64) - 1, -1, 0))
    np.testing.assert_allclose(measure("distance", rosenbrock), expected, rtol=4 * np.finfo(rosenbrock.dtype).eps)

    himmelblau = tbgrad.resolve("himmelblau")
    path = np.random.default_rng(2).uniform(-5, 5, (5, 40, 2))
    roots = np.array(
        [
            [3, 2],
            [-2.805118086952745, 3.131312518250573],
            [-3.779310253377747, -3.283185991286170],
            [3.584428340330492, -1.848126526964404],
        ]
    )
    apart = np.sqrt(((path[:-1, :, None] - roots) ** 2).sum(-1))
    assert set(apart.argmin(-1).ravel()) == {0, 1, 2, 3}
    steps = recorded(himmelblau, path, *quadratic(np.eye(2)))
    np.testing.assert_allclose(measure("distance", steps), apart.min(-1), rtol=1e-12)


def test_the_distance_to_a_ring():
    path = np.random.default_rng(3).uniform(-12, 12, (3, 500, 2))
    ripple = tbgrad.resolve("ripple")
    expected = np.abs(np.hypot(*np.moveaxis(path[:-1], -1, 0)) - 1.5 * np.pi)
    found = measure("distance", recorded(ripple, path, *quadratic(np.eye(2))))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    # Between two of the ring's points, and in its middle.
    angle = 2 * np.pi * 10.5 / 180
    special = np.array([[[np.cos(angle), np.sin(angle)], [0, 0]]]) * 1.5 * np.pi
    found = measure("distance", recorded(ripple, np.concatenate([special, special]), *quadratic(np.eye(2))))
    np.testing.assert_allclose(found[0], [0, 1.5 * np.pi], atol=1e-13)


def test_a_curve_with_corners_is_as_near_as_its_points():
    corner = dataclasses.replace(
        tbgrad.resolve("ripple"), minima=(tbgrad.functions.function.Minimum(("abs(cos(t))", "sin(t)"), 0.0),)
    )
    t = np.linspace(0, 2 * np.pi, 181)
    points = np.stack([np.abs(np.cos(t)), np.sin(t)], axis=-1)
    between = 1.2 * np.array([np.cos(t[5] + t[1] / 2), np.sin(t[5] + t[1] / 2)])
    path = np.array([[[0.0, 1.2], between], [[0, 0], [0, 0]]])
    expected = np.sqrt(((path[0, :, None] - points) ** 2).sum(-1)).min(-1)
    found = measure("distance", recorded(corner, path, *quadratic(np.eye(2))))
    np.testing.assert_allclose(found[0], expected, rtol=1e-14)


def test_without_a_known_minimum_there_is_no_distance():
    path = np.array([[[1.0, 2.0]], [[np.inf, 1.0]], [[1.0, 1.0]]])
    for f, expected in ((SPHERE, [np.nan, np.nan]), (ROSENBROCK, [1.0, np.inf])):
        steps = recorded(f, path, lambda p: p[..., 0], lambda p: p)
        np.testing.assert_array_equal(measure("distance", steps)[:, 0], expected)


def test_the_curvature_along_the_update(rosenbrock):
    position, _, _, there, *_ = wide(rosenbrock)
    update = there - position
    hessian = rosenbrock_hessian(position)
    expected = np.einsum("...i,...ij,...j->...", update, hessian, update) / (update**2).sum(-1)
    atol = 32 * np.finfo(rosenbrock.dtype).eps * np.abs(hessian).max()
    np.testing.assert_allclose(measure("curvature", rosenbrock), expected, rtol=0, atol=atol)


def test_the_curvature_of_an_ellipse_along_its_axes():
    path = np.array([[[1.0, 1.0], [0, 0]], [[2.0, 1.0], [0, 0]], [[2.0, 1.0 - 1e-9], [1e-200, 0]]])
    steps = recorded(tbgrad.resolve("ellipse"), path, *quadratic(np.diag([2, 20])))
    np.testing.assert_allclose(measure("curvature", steps), [[2, np.nan], [20, 2]], rtol=1e-14)


def test_the_sharpness(rosenbrock):
    hessian = rosenbrock_hessian(rosenbrock.position)
    half = (hessian[..., 0, 0] + hessian[..., 1, 1]) / 2
    spread = np.hypot((hessian[..., 0, 0] - hessian[..., 1, 1]) / 2, hessian[..., 0, 1])
    atol = 32 * np.finfo(rosenbrock.dtype).eps * np.abs(hessian).max()
    np.testing.assert_allclose(measure("sharpness", rosenbrock), half + spread, rtol=0, atol=atol)
    over = measure("sharpness_over_edge", rosenbrock)
    np.testing.assert_allclose(over, (half + spread) / 2000, rtol=0, atol=atol / 2000)


def test_the_sharpness_is_the_largest_eigenvalue_not_the_largest_in_size():
    saddle = recorded(tbgrad.resolve("x**2 - 3*y**2"), np.ones((2, 1, 2)), *quadratic(np.diag([2, -6])))
    assert measure("sharpness", saddle)[0, 0] == pytest.approx(2, rel=1e-14)
    hill = recorded(tbgrad.resolve("-x**2 - 3*y**2"), np.ones((2, 1, 2)), *quadratic(np.diag([-2, -6])))
    assert measure("sharpness", hill)[0, 0] == pytest.approx(-2, rel=1e-14)


def test_the_sharpness_in_twenty_variables():
    f = tbgrad.resolve("rotated_hyper_ellipsoid").with_dimensions(20)
    # f = Σᵢ(x₁ + ... + xᵢ)², so that H = 2LᵀL with a lower triangle L of ones.
    lower = np.tril(np.ones((20, 20)))
    matrix = 2 * lower.T @ lower
    path = np.random.default_rng(4).normal(size=(4, 2, 20))
    steps = recorded(f, path, *quadratic(matrix))
    np.testing.assert_allclose(measure("sharpness", steps), np.linalg.svd(lower)[1][0] ** 2 * 2, rtol=1e-13)


def test_many_matrices_are_taken_in_parts(monkeypatch):
    path = np.random.default_rng(5).uniform(-2, 2, (12, 5, 2))
    steps = [recorded(ROSENBROCK, path, rosenbrock_value, rosenbrock_gradient) for _ in range(2)]
    expected = [measure(name, steps[0]) for name in ("sharpness", "curvature")]
    monkeypatch.setattr("tbgrad.instruments.eigenvalues._ENTRIES_AT_ONCE", 28)
    monkeypatch.setattr("tbgrad.instruments.curvature._NUMBERS_AT_ONCE", 14)
    for name, whole in zip(("sharpness", "curvature"), expected, strict=True):
        np.testing.assert_array_equal(measure(name, steps[1]), whole)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", BY_NAME)
def test_a_start_that_leaves_the_floats_leaves_the_others_as_they_are(name, dtype):
    path = np.random.default_rng(7).uniform(-2, 2, (6, 4, 2)).astype(dtype)
    broken = path.copy()
    broken[2:, 1] = np.inf
    broken[1:, 3, 0] = np.nan
    broken[3:, 2] = np.finfo(dtype).max
    known = {"settings": SGD, "rate": np.full(5, 0.01)}
    with np.errstate(all="ignore"):
        whole, steps = (recorded(ROSENBROCK, p, rosenbrock_value, rosenbrock_gradient, **known) for p in (path, broken))
    with np.errstate(all="raise"):
        found = measure(name, steps)
    np.testing.assert_array_equal(found[:, 0], measure(name, whole)[:, 0])
    assert not np.isfinite(found[1:, 3]).any() and not np.isfinite(found[3:, 1]).any()


@pytest.mark.parametrize("name", BY_NAME)
def test_where_nothing_moves_there_is_no_angle_and_no_step(name):
    # At the minimum, and resting at a slope.
    path = np.array([[[0.0, 0.0], [1.0, 2.0]]] * 3)
    f = tbgrad.resolve("ellipse")
    steps = recorded(f, path, *quadratic(np.diag([2, 20])), settings=SGD, rate=np.full(2, 0.1))
    expected = {
        "gradient_norm": [0, np.hypot(2, 40)],
        "update_norm": [0, 0],
        "gradient_cosine": [np.nan, 1],
        "distance": [0, np.sqrt(5)],
        "sharpness": [20, 20],
        "sharpness_over_edge": [1, 1],
    }.get(name, [np.nan, np.nan])
    np.testing.assert_allclose(measure(name, steps), [expected, expected], rtol=1e-14)


def test_what_is_known_of_all_rows_is_not_computed_again():
    path = np.random.default_rng(8).uniform(-2, 2, (9, 2, 2))
    rows = recorded(
        ROSENBROCK,
        path,
        rosenbrock_value,
        rosenbrock_gradient,
        rate=np.linspace(0.1, 0.2, 8),
        second_moment=path[1:] ** 2,
    )
    arrays = {f.name: getattr(rows, f.name) for f in dataclasses.fields(Steps)}
    arrays = {name: array[:-1] for name, array in arrays.items() if isinstance(array, np.ndarray)}
    updates = dataclasses.replace(rows, **arrays, whole=rows)
    expected = measure("sharpness", rows)
    assert np.shares_memory(updates.largest_eigenvalue, rows.largest_eigenvalue)
    np.testing.assert_array_equal(measure("sharpness", updates), expected[:-1])
