"""How exact value and gradient of every function of the catalogue are: against mpmath at 50 digits.

    python benchmarks/accuracy.py [--points 10000] [NAME]...

The exact values come from the formula's text, read by Python and computed by mpmath; the exact derivatives from dual
numbers over mpmath (forward mode), which share no code with tbgrad or TensorFlow. The condition number is measured: by
how many roundings of 50, 53 and 56 bits the formula and its derivative lose, computed in such arithmetic. A partial
derivative is within the goal if its relative error is at most 1e-12, or what the condition number makes of one
rounding, times 64.

Source: Griewank & Walther (2008), Evaluating Derivatives, chapter 3; Higham (2002), Accuracy and Stability of Numerical
Algorithms, section 1.6.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import math
import os

import mpmath
import numpy as np

from tbgrad.functions.catalogue import catalogue, lookup

DIGITS, GOAL, EPSILON, ROUNDINGS = 50, 1e-12, 2.0**-53, 64
ROUGH_BITS = (50, 53, 56)
POINTS_AT_ONCE = 250


class Dual:
    """A value with its partial derivatives."""

    def __init__(self, value, partials):
        self.value, self.partials = value, partials

    def chain(self, value, slope):
        """A function of this, with its slope here."""
        return Dual(value, [slope * p for p in self.partials])

    def __neg__(self):
        return self.chain(-self.value, -1)

    def __add__(self, other):
        if isinstance(other, Dual):
            return Dual(self.value + other.value, [a + b for a, b in zip(self.partials, other.partials, strict=True)])
        return Dual(self.value + other, self.partials)

    def __mul__(self, other):
        if isinstance(other, Dual):
            pairs = zip(self.partials, other.partials, strict=True)
            return Dual(self.value * other.value, [a * other.value + self.value * b for a, b in pairs])
        return self.chain(self.value * other, other)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * other**-1 if isinstance(other, Dual) else self.chain(self.value / other, 1 / mpmath.mpf(other))

    def __rtruediv__(self, other):
        return self**-1 * other

    def __pow__(self, exponent):
        if isinstance(exponent, Dual):
            return exp(exponent * log(self))
        if exponent == 0:
            return self.chain(mpmath.mpf(1), 0)
        return self.chain(self.value**exponent, exponent * self.value ** (exponent - 1))

    def __rpow__(self, base):
        return exp(self * mpmath.log(base))

    __radd__, __rmul__ = __add__, __mul__


def _function(value, slope):
    def apply(u):
        return u.chain(value(u.value), slope(u.value)) if isinstance(u, Dual) else value(mpmath.mpf(u))

    return apply


exp, log = _function(mpmath.exp, mpmath.exp), _function(mpmath.log, lambda u: 1 / u)


def _atan2(u, v):
    square = u.value**2 + v.value**2
    partials = [(v.value * a - u.value * b) / square for a, b in zip(u.partials, v.partials, strict=True)]
    return Dual(mpmath.atan2(u.value, v.value), partials)


NAMES = {
    "exp": exp,
    "log": log,
    "sin": _function(mpmath.sin, mpmath.cos),
    "cos": _function(mpmath.cos, lambda u: -mpmath.sin(u)),
    "sqrt": _function(mpmath.sqrt, lambda u: 1 / (2 * mpmath.sqrt(u))),
    "abs": _function(mpmath.fabs, mpmath.sign),
    "atan2": _atan2,
    "range": range,
    "sum": lambda terms: sum(terms, start=mpmath.mpf(0)),
    "prod": lambda terms: math.prod(terms, start=mpmath.mpf(1)),
}


def differentiated(name: str, point) -> list:
    """Value and partial derivatives of a function of the catalogue, in mpmath's working precision."""
    f = lookup(name)
    d = f.dimensions
    inputs = [Dual(mpmath.mpf(x), [mpmath.mpf(i == j) for j in range(d)]) for i, x in enumerate(point)]
    formula = f.formula
    given = {formula.vector: inputs, "n": d} if formula.vector else dict(zip(f.variables, inputs, strict=True))
    given |= {name: mpmath.mpf(value) for name, value in f.parameters.items()}
    given |= {"pi": +mpmath.pi, "e": +mpmath.e, "tau": 2 * mpmath.pi}
    body = formula.text.rpartition("->")[2].strip().replace("^", "**")
    found = eval(body, {"__builtins__": {}} | NAMES | given)
    return [found.value, *found.partials]


def measured(name: str, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of value and each partial derivative at points `[n, d]`: exact and condition number, `[n, d + 1]`."""
    exact, condition = [], []
    for point in points:
        with mpmath.workdps(DIGITS):
            right = differentiated(name, point)
        lost = []
        for bits in ROUGH_BITS:
            with mpmath.workprec(bits):
                rough = differentiated(name, point)
            with mpmath.workdps(DIGITS):
                pairs = zip(rough, right, strict=True)
                lost.append([float(abs((a - b) / b)) * 2.0**bits if b else 0.0 for a, b in pairs])
        # Two floats hold more digits than one: the error of the nearest float must not count.
        exact.append([(float(x), float(x - mpmath.mpf(float(x)))) for x in right])
        condition.append(np.maximum(1.0, np.max(lost, axis=0)))
    return np.array(exact), np.array(condition)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--points", type=int, default=10_000)
    options = parser.parse_args()
    print(f"{options.points:,} random points of each domain, float64, against mpmath at {DIGITS} digits")
    heads = ("worst value", "cond.", "worst gradient", "cond.", "beyond 1e-12", "beyond goal")
    print(f"{'function':<24} {'d':>2} " + " ".join(f"{head:>14}" for head in heads))
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for name in options.names or catalogue():
            report(name, options.points, pool)


def report(name: str, count: int, pool: concurrent.futures.Executor) -> None:
    """Prints one line of the table."""
    from tbgrad.calculus.derivatives import evaluate

    f = lookup(name)
    low, high = np.array(f.domain).T
    points = np.random.default_rng(0).uniform(low, high, (count, f.dimensions))
    parts = [points[i : i + POINTS_AT_ONCE] for i in range(0, count, POINTS_AT_ONCE)]
    exact, condition = (np.concatenate(x) for x in zip(*pool.map(measured, [name] * len(parts), parts), strict=True))
    found = evaluate(f, points)
    computed = np.column_stack([found.value, found.gradient])
    nearest, rest = exact[..., 0], exact[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs((computed - nearest) - rest) / np.abs(nearest)
    error[computed == nearest] = 0.0
    # What is too small for a float64 of full precision has no relative error of interest.
    error[np.abs(nearest) < 1e-290] = 0.0
    error[~np.isfinite(computed)] = math.inf
    allowed = np.maximum(GOAL, ROUNDINGS * EPSILON * condition)
    value, gradient = error[:, 0].argmax(), np.unravel_index(error[:, 1:].argmax(), error[:, 1:].shape)
    cells = [f"{error[value, 0]:14.1e}", f"{condition[value, 0]:14.1e}"]
    cells += [f"{error[:, 1:][gradient]:14.1e}", f"{condition[:, 1:][gradient]:14.1e}"]
    cells += [f"{(error > GOAL).any(1).sum():14,}", f"{(error > allowed).any(1).sum():14,}"]
    print(f"{name:<24} {f.dimensions:>2} " + " ".join(cells), flush=True)


if __name__ == "__main__":
    main()
