"""The learning rate that `auto` stands for, on functions whose curvature is known by hand."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.descent.optimizers import OPTIMIZERS
from tbgrad.descent.rates import automatic_rate

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


def diagonal(spectrum, domain=None):
    """½ Σ λᵢ pᵢ²: its Hessian has these eigenvalues, everywhere."""

    def call(p):
        return tf.reduce_sum(tf.constant(spectrum, p.dtype) * p**2, axis=-1) / 2

    return tbgrad.Function.of_vector(call, len(spectrum), name="diagonal", domain=domain)


SPECTRA = {
    "one": [3.0] * 100,
    "spaced": np.linspace(-7.0, 2.0, 200),
    "an outlier": [1.0] * 400 + [-50.0] + [20.0] * 99,
    "logarithmic": np.geomspace(1e-6, 1e4, 300),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_many_variables(spectrum, dtype):
    starts = 1e-6 * np.random.default_rng(1).normal(size=(3, len(spectrum)))
    rate, rule = rate_of(diagonal(spectrum), *starts, dtype=dtype)
    assert rate == pytest.approx(1 / np.abs(spectrum).max(), rel=1e-5)
    assert "Hessian" in rule and "50" in rule and "Lanczos" in rule


@pytest.mark.parametrize("d", [64, 65, 2000])
def test_many_variables_by_the_formula_of_each_start(d):
    # The Hessian of Σ x⁴ is diag(12 x²).
    f = tbgrad.Function.of_vector(lambda p: tf.reduce_sum(p**4, axis=-1), d, name="f", domain=((-1e6, 1e6),) * d)
    starts = np.random.default_rng(d).uniform(-1, 1, (4, d))
    starts[2, 5] = 3.0
    rate, rule = rate_of(f, *starts)
    assert rate == pytest.approx(1 / 108, rel=1e-9)
    assert ("Lanczos" in rule) == (d > 64)


def test_the_cap_and_the_rule_hold_in_many_variables_too():
    spectrum = np.linspace(1.0, 4.0, 80)
    f = diagonal(spectrum, ((-1.0, 1.0),) * 80)
    rate, rule = rate_of(f, np.ones(80))
    assert rate == pytest.approx(0.2 / np.linalg.norm(spectrum)) and "tenth" in rule
    rate, rule = rate_of(diagonal(np.zeros(80), ((-1.0, 1.0),) * 80), np.ones(80))
    assert rate == pytest.approx(0.02) and "zero or not finite" in rule
    f = tbgrad.Function.of_vector(lambda p: tf.reduce_sum(tf.math.log(p), axis=-1), 80, name="f")
    rate, rule = rate_of(f, np.ones(80), -np.ones(80))
    assert rate == pytest.approx(0.01) and "zero or not finite" in rule


def coupled_hessian(x, y, z):
    """Of x⁴y + xyz² + z³, by hand."""
    return np.array(
        [
            [12 * x**2 * y, 4 * x**3 + z**2, 2 * y * z],
            [4 * x**3 + z**2, 0, 2 * x * z],
            [2 * y * z, 2 * x * z, 2 * x * y + 6 * z],
        ]
    )


def test_the_largest_of_many_hessians_is_that_of_all_of_them():
    f = formula("x**4*y + x*y*z**2 + z**3", *[(-1e6, 1e6)] * 3)
    starts = np.random.default_rng(5).uniform(-2, 2, (3000, 3))
    eigenvalues = [np.abs(np.linalg.eigvalsh(coupled_hessian(*start))).max() for start in starts]
    assert rate_of(f, *starts)[0] == pytest.approx(1 / max(eigenvalues), rel=1e-12)


def test_a_million_starts_take_little_memory():
    f = formula("x**4 + x*y", (-1e6, 1e6), (-1e6, 1e6))
    starts = np.random.default_rng(6).uniform(-1, 1, (1_000_000, 2))
    # In the last part of all, which is not full.
    starts[-3] = 0.0, 1.0
    starts[-2] = 2.0, 1.0
    rate_of(f, starts[0])
    tracemalloc.start()
    rate, rule = automatic_rate(f, "sgd", starts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # [[48, 1], [1, 0]]
    assert rate == pytest.approx(1 / (24 + np.sqrt(577)), rel=1e-13) and "Hessian" in rule
    # The gradients at all starts, and a part of the Hessians; all of these would be 32 MB, their copies twice that.
    assert peak < 80e6


@pytest.mark.parametrize("where", [0, 499_999])
def test_one_start_whose_hessian_is_not_finite(where):
    starts = np.random.default_rng(7).uniform(1, 2, (500_000, 2))
    starts[where] = -1.0
    rate, rule = automatic_rate(formula("log(x)*y", (0.0, 4.0), (0.0, 4.0)), "sgd", starts)
    assert rate == pytest.approx(0.04) and "zero or not finite" in rule


def test_more_hessians_than_are_computed_at_once(monkeypatch):
    monkeypatch.setattr("tbgrad.calculus.hessians._MOST_GIBIBYTES", 0.01)
    f = tbgrad.Function.of_vector(lambda p: tf.reduce_sum(p**4, axis=-1), 64, name="f", domain=((-1e6, 1e6),) * 64)
    starts = np.full((2000, 64), 0.5)
    starts[1777, 3] = 2.0
    assert automatic_rate(f, "sgd", starts)[0] == pytest.approx(1 / 48)
