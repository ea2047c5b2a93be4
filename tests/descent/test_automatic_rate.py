"""The learning rate that `auto` stands for, on functions whose curvature is known by hand."""

import numpy as np
import pytest

import tbgrad
from tbgrad.descent.optimizers import OPTIMIZERS
from tbgrad.descent.rates import automatic_rate
from tbgrad.descent.starts import choose_starts
from tbgrad.errors import RangeError, ShapeError

WIDE = (-100.0, 100.0)


def rate_of(f, *starts, optimizer="sgd", dtype="float64"):
    return automatic_rate(f, optimizer, np.array(starts, dtype=dtype))


def formula(text, *domain):
    return tbgrad.Function.of_formula(text, name="f", domain=domain or None)


def test_the_sphere():
    sphere = tbgrad.resolve("sphere")
    rate, rule = rate_of(sphere, (0.5, 0.0))
    assert rate == pytest.approx(0.5, rel=1e-14) and "Hessian" in rule
    # From its published start the update would be 5 long; a tenth of the domain's width is 1.024, the gradient 10.
    capped, rule = rate_of(sphere, (4.0, 3.0))
    assert capped == pytest.approx(0.1024, rel=1e-14) and "tenth" in rule
    # Just too long: at (5, 1) of the ellipse 1/20 would go 1.118 far, a tenth of the width is 1.
    assert rate_of(tbgrad.resolve("ellipse"), (5.0, 1.0))[0] == pytest.approx(1 / np.hypot(10, 20), rel=1e-14)


@pytest.mark.parametrize("condition", [1.0, 10.0, 50.0, 1e4])
def test_the_ellipse(condition):
    f = tbgrad.resolve("ellipse").with_parameters(condition=condition)
    assert rate_of(f, (0.01, 0.01))[0] == pytest.approx(1 / (2 * condition), rel=1e-13)


@pytest.mark.parametrize(
    ("text", "start", "curvature"),
    [
        ("-3*x**2", (0.1,), 6.0),
        ("x*y", (0.1, 0.1), 1.0),
        ("x**2 - 5*y**2", (0.1, 0.1), 10.0),
        ("x**2 + 4*x*y + y**2", (0.1, 0.1), 6.0),
        ("sin(3*x)", (0.5,), 9 * np.sin(1.5)),
    ],
)
def test_the_largest_curvature_in_absolute_value(text, start, curvature):
    rate, _ = rate_of(formula(text, *[WIDE] * len(start)), start)
    assert rate == pytest.approx(1 / curvature, rel=1e-12)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [(((-5.0, 5.0), (-5.0, 5.0)), 0.1), (((-5.0, 5.0), (-1.0, 1.0)), 0.02), (((0.0, 200.0), (0.0, 200.0)), 0.5)],
)
def test_the_first_update_is_at_most_a_tenth_of_the_smallest_width(domain, expected):
    # At (6, 8) the gradient of the sphere is 20 long, and 1/2 would go 10 far.
    rate, _ = rate_of(formula("x**2 + y**2", *domain), (6.0, 8.0))
    assert rate == pytest.approx(expected / 2 if expected < 0.5 else 0.5, rel=1e-13)
    assert rate * 20 <= 0.1 * min(high - low for low, high in domain) * (1 + 1e-12)


def test_the_smallest_over_the_starts():
    f = formula("x**4", WIDE)
    assert rate_of(f, (1.0,))[0] == pytest.approx(1 / 12)
    assert rate_of(f, (1.0,), (2.0,), (0.5,))[0] == pytest.approx(1 / 48)
    assert rate_of(f, (2.0,), (0.0,))[0] == pytest.approx(1 / 48)


@pytest.mark.parametrize("text", ["x + y", "2*x - y + 1"])
def test_a_zero_hessian(text):
    rate, rule = rate_of(formula(text, (0.0, 4.0), (0.0, 30.0)), (1.0, 2.0))
    assert rate == pytest.approx(0.04) and "zero or not finite" in rule


@pytest.mark.parametrize(("text", "start"), [("sqrt(x)", 0.0), ("log(x)", 0.0), ("1/x", 0.0)])
def test_a_hessian_that_is_not_finite(text, start):
    rate, rule = rate_of(formula(text, (-1.0, 1.0)), (start,))
    assert rate == pytest.approx(0.02) and "zero or not finite" in rule


@pytest.mark.parametrize(("start", "expected"), [((0.25,), 0.01), ((-300.0,), 3.0), ((7.0,), 0.07)])
def test_without_a_domain_the_start_gives_the_scale(start, expected):
    assert rate_of(formula("3*x"), start)[0] == pytest.approx(expected)
    assert rate_of(formula("x**2"), start, optimizer="adam")[0] == pytest.approx(expected)


def test_without_a_domain_curvature_comes_first():
    assert rate_of(formula("x**2"), (0.01,))[0] == pytest.approx(0.5)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "sgd"])
def test_every_other_optimizer_takes_a_hundredth_of_the_width(name):
    rate, rule = rate_of(formula("x**2 + y**2", (0.0, 3.0), (-10.0, 10.0)), (1.0, 1.0), optimizer=name)
    assert rate == pytest.approx(0.03) and rule.startswith("0.01")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_descent_says_which_rule_gave_its_rate(dtype):
    f = tbgrad.resolve("rosenbrock")
    descent = tbgrad.descend(f, "sgd", [[-1.2, 1.0]], 5, dtype=dtype)
    rate, rule = rate_of(f, (-1.2, 1.0), dtype=dtype)
    assert descent.learning_rate == rate and descent.rate_rule == rule
    # The Hessian there, by hand: [[1330, 480], [480, 200]].
    curvature = np.linalg.eigvalsh([[1330.0, 480.0], [480.0, 200.0]]).max()
    assert rate == pytest.approx(min(1 / curvature, 0.4096 / np.hypot(215.6, 88.0)), rel=1e-5)


def test_starts_are_points_then_random_ones_or_the_published_one():
    f = tbgrad.resolve("rosenbrock")
    np.testing.assert_array_equal(choose_starts(f), [[-1.2, 1.0]])
    drawn = choose_starts(f, [(0.0, 1.0)], random=50, seed=3)
    assert drawn.shape == (51, 2) and drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn[0], [0.0, 1.0])
    assert (np.abs(drawn[1:]) <= 2.048).all() and np.ptp(drawn[1:], axis=0).min() > 2
    np.testing.assert_array_equal(drawn, choose_starts(f, [(0.0, 1.0)], random=50, seed=3))
    assert (drawn[1:] != choose_starts(f, [(0.0, 1.0)], random=50, seed=4)[1:]).any()


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("x*y", {}, ShapeError),
        ("x*y", {"points": [(1.0,)]}, ShapeError),
        ("x*y", {"points": [(1.0, float("inf"))]}, RangeError),
        ("x*y", {"random": 3}, RangeError),
        ("x*y", {"random": -1}, RangeError),
    ],
)
def test_starts_that_cannot_be(text, options, error):
    with pytest.raises(error):
        choose_starts(formula(text), **options)
