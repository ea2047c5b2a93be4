"""A thousand steps against loops written out in NumPy, and the paths on a quadratic that have a closed form."""

import numpy as np
import pytest

import tbgrad

STEPS = 1000
WAVES = "sin(x)*cos(y) + x**2/10 + y**2/5"
STARTS = {
    "rosenbrock": np.array([[-1.2, 1.0], [0.5, -0.75], [1.5, 1.75], [-0.3, 0.2]]),
    WAVES: np.array([[2.0, 1.0], [-3.0, 0.5], [0.1, -2.5], [4.0, 4.0]]),
}


def rosenbrock_gradient(p):
    x, y = p.T
    return np.stack([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], axis=-1)


def waves_gradient(p):
    x, y = p.T
    return np.stack([np.cos(x) * np.cos(y) + x / 5, -np.sin(x) * np.sin(y) + 2 * y / 5], axis=-1)


GRADIENTS = {"rosenbrock": rosenbrock_gradient, WAVES: waves_gradient}


def follow(update, gradient, starts, steps=STEPS):
    """Positions [steps + 1, starts, d] of `update(gradient, memory, t)`, which keeps what it likes in the memory."""
    path, memory = [np.array(starts)], {}
    for t in range(1, steps + 1):
        path.append(path[-1] + update(gradient(path[-1]), memory, t))
    return np.array(path)


# The rules as their papers have them, with Keras's places for epsilon.
def sgd(rate, momentum=0.0, nesterov=False):
    def update(g, memory, t):
        velocity = memory["v"] = momentum * memory.get("v", 0.0) - rate * g
        return momentum * velocity - rate * g if nesterov else velocity

    return update


def rmsprop(rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    def update(g, memory, t):
        square = memory["s"] = rho * memory.get("s", 0.0) + (1 - rho) * g * g
        mean = memory["g"] = rho * memory.get("g", 0.0) + (1 - rho) * g
        increment = rate * g / np.sqrt(square - mean * mean * centered + epsilon)
        increment = memory["m"] = momentum * memory.get("m", 0.0) + increment
        return -increment

    return update


def adam(rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    def update(g, memory, t):
        m = memory["m"] = beta_1 * memory.get("m", 0.0) + (1 - beta_1) * g
        v = memory["v"] = beta_2 * memory.get("v", 0.0) + (1 - beta_2) * g * g
        return -rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)

    return update


# The rates are such that a rounding is not multiplied on the way: bouncing between walls would do that.
CASES = [
    ("sgd", sgd, {"rosenbrock": 0.0005, WAVES: 0.1}, {}),
    ("sgd", sgd, {"rosenbrock": 0.0003, WAVES: 0.02}, {"momentum": 0.9}),
    ("sgd", sgd, {"rosenbrock": 0.0003, WAVES: 0.02}, {"momentum": 0.9, "nesterov": True}),
    ("rmsprop", rmsprop, {"rosenbrock": 0.0001, WAVES: 0.001}, {}),
    ("rmsprop", rmsprop, {"rosenbrock": 0.0001, WAVES: 0.001}, {"rho": 0.99, "momentum": 0.5, "epsilon": 1e-4}),
    ("rmsprop", rmsprop, {"rosenbrock": 0.0001, WAVES: 0.001}, {"centered": True, "momentum": 0.5, "epsilon": 1.0}),
    ("adam", adam, {"rosenbrock": 0.01, WAVES: 0.01}, {}),
    ("adam", adam, {"rosenbrock": 0.002, WAVES: 0.01}, {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4}),
]


@pytest.fixture(scope="module")
def functions():
    return {text: tbgrad.resolve(text) for text in GRADIENTS}


@pytest.mark.parametrize("text", GRADIENTS)
@pytest.mark.parametrize(("name", "rule", "rates", "settings"), CASES)
def test_a_thousand_steps(functions, text, name, rule, rates, settings):
    expected = follow(rule(rates[text], **settings), GRADIENTS[text], STARTS[text])
    assert np.abs(expected[-1] - expected[0]).max() > 0.05
    optimizer = tbgrad.Optimizer(name, rates[text], **settings)
    for starts in (STARTS[text][:1], STARTS[text]) if text == WAVES else (STARTS[text],):
        descent = tbgrad.descend(functions[text], optimizer, starts, STEPS, instruments=())
        assert descent.position.shape == (STEPS + 1, len(starts), 2)
        # Coordinates pass zero: there a rounding is measured by the size of the path.
        np.testing.assert_allclose(descent.position, expected[:, : len(starts)], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(descent.end.position, descent.position[-1])


def ellipse_path(start, curvature, rate, momentum, steps):
    """One coordinate of gradient descent with momentum on curvature·x²/2: powers of its 2×2 matrix, diagonalised.

    x₊ = x + v₊ and v₊ = momentum·v - rate·curvature·x, from v = 0; Goh (2017), Why Momentum Really Works.
    """
    t = np.arange(steps + 1)
    if momentum == 0:
        return start * (1 - rate * curvature) ** t
    # λ² - (1 + momentum - rate·curvature)·λ + momentum = 0, and x₁ = (1 - rate·curvature)·x₀.
    trace = 1 + momentum - rate * curvature
    root = np.sqrt(complex(trace**2 - 4 * momentum))
    first, second = (trace + root) / 2, (trace - root) / 2
    share = (1 - rate * curvature - second) / (first - second)
    return (start * (share * first**t + (1 - share) * second**t)).real


RATES_AND_MOMENTA = [(0.9, 0.0), (1.9, 0.0), (0.5, 0.9), (0.05, 0.3), (3.6, 0.9)]


@pytest.mark.parametrize("condition", [10.0, 300.0])
@pytest.mark.parametrize("which", [slice(0, 1), slice(None)], ids=["descent", "momentum"])
def test_the_closed_form_on_the_ellipse(condition, which):
    f = tbgrad.resolve("ellipse").with_parameters(condition=condition)
    curvatures = np.array([2.0, 2 * condition])
    np.testing.assert_allclose(tbgrad.hessian(f, [[0.3, -0.7]])[0], np.diag(curvatures), rtol=1e-14)
    rates, momenta = np.array(RATES_AND_MOMENTA[which]).T
    rates, start = rates / curvatures.max(), np.array([5.0, -0.25])
    settings = {"momentum": momenta} if momenta.any() else {}
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", rates, **settings), [start] * len(rates), 400)
    for k, (rate, momentum) in enumerate(zip(rates, momenta, strict=True)):
        paths = [ellipse_path(x, c, rate, momentum, 400) for x, c in zip(start, curvatures, strict=True)]
        expected = np.stack(paths, axis=-1)
        # A power of 400 multiplies the rounding of its base by that much.
        np.testing.assert_allclose(descent.position[:, k], expected, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(descent.value[:, k], (expected**2) @ curvatures / 2, rtol=1e-9, atol=1e-11)


def test_the_largest_rate_that_converges_on_the_ellipse():
    # Momentum moves the edge from 2 to 2·(1 + momentum), over the largest curvature.
    f = tbgrad.resolve("ellipse").with_parameters(condition=10.0)
    momenta = np.repeat([0.0, 0.5, 0.9], 2)
    rates = 2 * (1 + momenta) / 20 * np.tile([0.98, 1.02], 3)
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", rates, momentum=momenta), [[0.0, 1.0]] * 6, 2000, record="end")
    assert [status.value for status in descent.status] == ["converged", "diverged"] * 3
