"""Oracles that share no code with tbgrad: mpmath reads a formula's text as Python, NumPy loops run the optimizers."""

import mpmath
import numpy as np

DIGITS = 50


def _names():
    functions = ["sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "log", "sqrt"]
    functions += ["sign"]
    return {name: getattr(mpmath, name) for name in functions} | {
        "abs": mpmath.fabs,
        "pi": mpmath.pi,
        "e": mpmath.e,
        "tau": 2 * mpmath.pi,
    }


def mp_value(text, **values):
    """The value of a formula's text at 50 digits, by Python's own eval and mpmath's functions."""
    with mpmath.workdps(DIGITS):
        names = _names() | {name: mpmath.mpf(value) for name, value in values.items()}
        return mpmath.mpf(eval(text.replace("^", "**"), {"__builtins__": {}}, names))


def mp_gradient(text, variables, point, **parameters):
    """All partial derivatives at 50 digits, by mpmath's own differentiation (differences at raised precision)."""
    with mpmath.workdps(DIGITS):
        code = compile(text.replace("^", "**"), "formula", "eval")
        names = _names() | {name: mpmath.mpf(value) for name, value in parameters.items()}

        def f(*position):
            return eval(code, {"__builtins__": {}}, names | dict(zip(variables, position, strict=True)))

        at = [mpmath.mpf(x) for x in point]
        orders = np.eye(len(at), dtype=int).tolist()
        return [mpmath.diff(f, tuple(at), tuple(order)) for order in orders]


def sgd(gradient, start, rate, steps, momentum=0.0, nesterov=False):
    """Positions [steps + 1, d] of gradient descent in float64, with Keras's momentum."""
    position, velocity = np.array(start, dtype=np.float64), np.zeros(len(start))
    path = [position]
    for _ in range(steps):
        g = gradient(position)
        velocity = momentum * velocity - rate * g
        step = momentum * velocity - rate * g if nesterov else velocity
        position = position + step
        path.append(position)
    return np.array(path)


def adam(gradient, start, rate, steps, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Positions [steps + 1, d] of Adam (Kingma & Ba 2015, with epsilon outside the corrected root) in float64."""
    position = np.array(start, dtype=np.float64)
    m, v = np.zeros(len(position)), np.zeros(len(position))
    path = [position]
    for t in range(1, steps + 1):
        g = gradient(position)
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        corrected = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        position = position - corrected * m / (np.sqrt(v) + epsilon)
        path.append(position)
    return np.array(path)
