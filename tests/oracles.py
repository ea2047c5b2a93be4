"""Oracles that share no code with tbgrad: mpmath reads a formula's text as Python, NumPy loops run the optimizers."""

import functools

import mpmath
import numpy as np

DIGITS = 50


def _prod(terms):
    product = mpmath.mpf(1)
    for term in terms:
        product *= term
    return product


def _cbrt(u):
    return mpmath.sign(u) * mpmath.cbrt(abs(u))


@functools.cache
def _mpmath_names(precision):
    """The names of formulas, by mpmath in this many bits: where it has none, by its definition."""
    assert precision == mpmath.mp.prec
    same = "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp expm1 log log1p sqrt sign"
    same += " floor ceil erf erfc"
    one, phi = mpmath.mpf(1), lambda u: (1 + mpmath.erf(u / mpmath.sqrt(2))) / 2

    def sigmoid(u):
        return one / (1 + mpmath.exp(-u))

    scale, alpha = mpmath.mpf("1.0507009873554805"), mpmath.mpf("1.6732632423543772")
    return {name: getattr(mpmath, name) for name in same.split()} | {
        "abs": mpmath.fabs,
        "digamma": mpmath.digamma,
        "polygamma": lambda order, u: mpmath.psi(int(order), u),
        "lgamma": lambda u: mpmath.log(abs(mpmath.gamma(u))),
        "log2": lambda u: mpmath.log(u) / mpmath.log(2),
        "log10": lambda u: mpmath.log(u) / mpmath.log(10),
        "log1p": lambda u: mpmath.log(1 + u),
        "square": lambda u: u * u,
        "rsqrt": lambda u: one / mpmath.sqrt(u),
        "cbrt": _cbrt,
        "round": mpmath.nint,
        "maximum": max,
        "minimum": min,
        "where": lambda condition, a, b: a if condition else b,
        "sigmoid": sigmoid,
        "log_sigmoid": lambda u: mpmath.log(sigmoid(u)),
        "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)),
        "softsign": lambda u: u / (1 + abs(u)),
        "relu": lambda u: max(u, mpmath.mpf(0)),
        "elu": lambda u: u if u > 0 else mpmath.expm1(u),
        "selu": lambda u: scale * (u if u > 0 else alpha * mpmath.expm1(u)),
        "gelu": lambda u: u * phi(u),
        "silu": lambda u: u * sigmoid(u),
        "pi": mpmath.pi,
        "e": mpmath.e,
        "tau": 2 * mpmath.pi,
        "sum": lambda terms: mpmath.fsum(list(terms)),
        "prod": _prod,
        "range": lambda *bounds: range(*map(int, bounds)),
    }


def _evaluated(code, values):
    """Evaluates a formula as Python; comprehensions see only globals."""
    return eval(code, {"__builtins__": {}} | _mpmath_names(mpmath.mp.prec) | values)


def _mpf(value):
    return [mpmath.mpf(x) for x in value] if isinstance(value, list | tuple) else mpmath.mpf(value)


def mp_value(text, **values):
    """The value of a formula's text at 50 digits, by Python's own eval and mpmath's functions.

    A vector is a list, `n` its length.
    """
    with mpmath.workdps(DIGITS):
        names = {name: value if name == "n" else _mpf(value) for name, value in values.items()}
        return mpmath.mpf(_evaluated(text.replace("^", "**"), names))


def mp_gradient(text, variables, point, **parameters):
    """All partial derivatives at 50 digits, by mpmath's own differentiation (differences at raised precision)."""
    with mpmath.workdps(DIGITS):
        code = compile(text.replace("^", "**"), "formula", "eval")
        given = {name: mpmath.mpf(value) for name, value in parameters.items()}

        def f(*position):
            return _evaluated(code, given | dict(zip(variables, position, strict=True)))

        return _partials(f, point)


def mp_vector_gradient(text, vector, point, **parameters):
    """The same of a formula of a vector."""
    with mpmath.workdps(DIGITS):
        code = compile(text.replace("^", "**"), "formula", "eval")
        given = {name: mpmath.mpf(value) for name, value in parameters.items()} | {"n": len(point)}
        return _partials(lambda *position: _evaluated(code, given | {vector: list(position)}), point)


def _partials(f, point):
    at = [mpmath.mpf(x) for x in point]
    orders = np.eye(len(at), dtype=int).tolist()
    return [mpmath.diff(f, tuple(at), tuple(order)) for order in orders]


class Exact:
    """A Function's formula at 50 digits, whether of single variables or of a vector; floats in, floats out."""

    def __init__(self, f):
        self.dimensions, self.variables = f.dimensions, f.variables
        self.vector = f.formula.vector
        self.code = compile(f.formula.text.rpartition("->")[2].strip().replace("^", "**"), "formula", "eval")
        self.parameters = dict(f.parameters)

    def _value(self, *position):
        named = {self.vector: list(position), "n": len(position)} if self.vector else {}
        named = named or dict(zip(self.variables, position, strict=True))
        return _evaluated(self.code, {name: mpmath.mpf(x) for name, x in self.parameters.items()} | named)

    def value(self, point):
        with mpmath.workdps(DIGITS):
            return float(self._value(*map(mpmath.mpf, point)))

    def gradient(self, point):
        with mpmath.workdps(DIGITS):
            return np.array([float(x) for x in _partials(self._value, point)])

    def hessian(self, point):
        unit = np.eye(self.dimensions, dtype=int)
        matrix = np.zeros(unit.shape)
        with mpmath.workdps(DIGITS):
            at = tuple(map(mpmath.mpf, point))
            for i in range(self.dimensions):
                for j in range(i + 1):
                    orders = tuple((unit[i] + unit[j]).tolist())
                    matrix[i, j] = matrix[j, i] = mpmath.diff(self._value, at, orders)
        return matrix


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
