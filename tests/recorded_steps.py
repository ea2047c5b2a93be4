"""Steps made by hand: positions that a test chooses, values and gradients by NumPy formulas of its own."""

import numpy as np

from tbgrad.instruments.instrument import Steps


def recorded(f, path, value, gradient, **known):
    """Steps along a path `[rows + 1, starts, d]`, of which the last row is only arrived at."""
    path = np.asarray(path)
    values, gradients = (compute(path).astype(path.dtype) for compute in (value, gradient))
    known = {"optimizer": "sgd", "settings": {}, "rate": None, "step": np.arange(len(path) - 1)} | known
    return Steps(
        f,
        position=path[:-1],
        value=values[:-1],
        gradient=gradients[:-1],
        next_position=path[1:],
        next_value=values[1:],
        next_gradient=gradients[1:],
        **known,
    )


def quadratic(matrix):
    """Value and gradient of pᵀAp / 2 in float64."""
    matrix = np.asarray(matrix, np.float64)
    return (
        lambda p: np.einsum("...i,ij,...j->...", p.astype(np.float64), matrix, p) / 2,
        lambda p: p.astype(np.float64) @ matrix.T,
    )


def rosenbrock_value(p):
    x, y = np.moveaxis(p.astype(np.float64), -1, 0)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def rosenbrock_gradient(p):
    x, y = np.moveaxis(p.astype(np.float64), -1, 0)
    return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=-1)


def rosenbrock_hessian(p):
    x, y = np.moveaxis(p.astype(np.float64), -1, 0)
    rows = [[2 - 400 * (y - 3 * x**2), -400 * x], [-400 * x, np.full_like(x, 200.0)]]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))
