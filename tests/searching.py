"""A random search that shares no code with tbgrad: Python's own eval with NumPy's functions, and no gradients."""

import functools
import operator
import re

import numpy as np

_NAMES = {name: getattr(np, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "sign")}
_NAMES |= {"atan": np.arctan, "atan2": np.arctan2, "pi": np.pi, "e": np.e, "tau": 2 * np.pi}
_NAMES |= {"sum": sum, "range": range, "prod": functools.partial(functools.reduce, operator.mul)}


def body(f):
    """The formula's text without its head."""
    return f.formula.text.rpartition("->")[2].strip()


def named(f, columns):
    """What the names of the body stand for: a vector is a list, `n` its length."""
    vector = re.search(r"(\w+)\[", body(f))
    variables = (
        {vector[1]: list(columns), "n": len(columns)} if vector else dict(zip(f.variables, columns, strict=True))
    )
    return variables | dict(f.parameters)


def values(f, points):
    """The values [n] at points [n, d]; infinity where there is none."""
    with np.errstate(all="ignore"):
        found = eval(body(f), {"__builtins__": {}} | _NAMES | named(f, points.T))
    return np.where(np.isfinite(found), found, np.inf)


def lowest(f, low, high, seed, samples=20_000, kept=200, rounds=240):
    """Low points [kept, d] of a box and their values [kept]: the best of each group of random ones, then polished.

    The polish is a (1 + 1) evolution strategy with a step for each point that grows with success (Rechenberg 1973).
    """
    rng = np.random.default_rng(seed)
    samples = rng.uniform(low, high, (kept, samples // kept, len(low)))
    value = values(f, samples.reshape(-1, len(low))).reshape(samples.shape[:2])
    best = value.argmin(axis=1)
    points, value = samples[np.arange(kept), best], value.min(axis=1)
    step = np.full(kept, 0.02)
    for _ in range(rounds):
        moved = np.clip(points + step[:, None] * (high - low) * rng.normal(size=points.shape), low, high)
        there = values(f, moved)
        better = there < value
        points[better], value[better] = moved[better], there[better]
        step = np.clip(step * np.where(better, 1.6, 0.88), 1e-12, 0.1)
    return points, value
