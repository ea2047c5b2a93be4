"""Formulas made at random, and what mpmath at 50 digits says of them at a point: defined, differentiable, which slopes.

Shares no code with tbgrad: a formula is a tree of tuples, written as text and computed by tables of its own.
"""

import random
from dataclasses import dataclass

import mpmath
import numpy as np

DIGITS = 150
NAMES = ("x", "y")
UNARY = ["sin", "cos", "tan", "exp", "log", "sqrt", "abs", "sinh", "cosh", "tanh", "atan", "asin", "sign"]
COMMON = ["sin", "cos", "exp", "sqrt", "abs", "tanh"]
NUMBERS = ["2", "3", "0.5", "1", "1.5", "10", "0.1", "1e-3", "100"]
EXPONENTS = ["2", "3", "4", "0.5", "1.5", "(-1)"]
# Steps of the oracle's one-sided slopes; far below what float64 can see.
STEPS = [mpmath.mpf(2) ** -k for k in (200, 205, 210)]


class Undefined(Exception):
    """The formula has no real value there."""


@dataclass(frozen=True)
class Truth:
    """What mpmath says of a formula at a point.

    `smooth`: differentiable along both axes and the diagonals. `edge`: along some axis defined on one side only, and
    with finite slopes. `gradient`: the partial derivatives; at an edge the slope of the side that is there. `along`:
    whether it is differentiable along each axis.
    """

    defined: bool
    smooth: bool = False
    edge: bool = False
    value: float = float("nan")
    gradient: tuple = ()
    along: tuple = ()


def make_tree(rng, depth=4):
    """A tree: ("number", text), ("variable", name) or (operation, arguments...)."""
    if depth == 0 or rng.random() < 0.12:
        return ("variable", rng.choice(NAMES)) if rng.random() < 0.7 else ("number", rng.choice(NUMBERS))
    kind = rng.random()
    if kind < 0.45:
        return (rng.choice("+-*/"), make_tree(rng, depth - 1), make_tree(rng, depth - 1))
    if kind < 0.58:
        return ("**", make_tree(rng, depth - 1), ("number", rng.choice(EXPONENTS)))
    return (rng.choice(UNARY if rng.random() < 0.5 else COMMON), make_tree(rng, depth - 1))


def text_of(tree):
    kind = tree[0]
    if kind in ("number", "variable"):
        return tree[1]
    if len(tree) == 3:
        return f"({text_of(tree[1])} {kind} {text_of(tree[2])})"
    return f"{kind}({text_of(tree[1])})"


def formulas(count, seed=0):
    """So many (tree, text, points): texts with both variables, and points of which half have dyadic coordinates."""
    rng, found = random.Random(seed), []
    while len(found) < count:
        tree = make_tree(rng)
        text = text_of(tree)
        if not all(name in text.replace("exp", "") for name in NAMES):
            continue
        points = [[rng.uniform(-3, 3), rng.uniform(-3, 3)] for _ in range(3)]
        points += [[rng.choice([-2, -1, -0.5, 0, 0.5, 1, 2]) for _ in NAMES] for _ in range(3)]
        found.append((tree, f"x, y -> {text}", points))
    return found


def _real(value):
    value = mpmath.mpmathify(value)
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        raise Undefined
    return value


def _power(a, b):
    if a == 0 and b < 0:
        raise Undefined
    return mpmath.power(a, b)


def value(tree, at):
    """By mpmath; raises `Undefined`."""
    kind = tree[0]
    if kind == "variable":
        return at[tree[1]]
    if kind == "number":
        # The formula's numbers are those of float64.
        return mpmath.mpf(float(eval(tree[1])))
    arguments = [value(argument, at) for argument in tree[1:]]
    try:
        if len(arguments) == 2:
            a, b = arguments
            if kind == "**":
                return _real(_power(a, b))
            return _real(a + b if kind == "+" else a - b if kind == "-" else a * b if kind == "*" else a / b)
        if kind in ("exp", "sinh", "cosh") and abs(arguments[0]) > 1e6:
            raise Undefined
        return _real(getattr(mpmath, {"abs": "fabs"}.get(kind, kind))(*arguments))
    except (ZeroDivisionError, ValueError, OverflowError):
        raise Undefined from None


def _side(tree, at, direction, sign, center):
    """The limit of one-sided slopes, None where undefined on this side, infinite where they grow."""
    slopes = []
    for h in STEPS:
        moved = {name: x + sign * h * u for (name, x), u in zip(at.items(), direction, strict=True)}
        try:
            slopes.append((value(tree, moved) - center) / (sign * h))
        except Undefined:
            return None
    a, b, c = slopes
    if abs(c) > 2 * abs(b) > 4 * abs(a) and abs(c) > 1e6:
        return mpmath.inf
    before, fell = b - a, c - b
    if fell == 0 or before == 0:
        return c
    ratio = fell / before
    limit = c + fell * ratio / (1 - ratio) if abs(ratio) < 1 else c
    # A slope that falls like a power of the step has the limit zero.
    return limit if abs(limit) > mpmath.mpf("1e-6") * abs(c) else mpmath.mpf(0)


def truth(tree, point):
    """What mpmath says of a formula at a point."""
    with mpmath.workdps(DIGITS):
        at = {name: mpmath.mpf(x) for name, x in zip(NAMES, point, strict=True)}
        try:
            center = value(tree, at)
        except Undefined:
            return Truth(False)
        gradient, along, smooth, edge, whole = [], [], True, False, True
        for direction in [(1, 0), (0, 1), (1, 1), (1, -1)]:
            sides = [_side(tree, at, direction, sign, center) for sign in (1, -1)]
            known = [side for side in sides if side is not None]
            on_axis = 0 in direction
            if not known:
                if on_axis:
                    return Truth(False)
                continue
            finite = all(mpmath.isfinite(side) for side in known)
            same = finite and abs(known[0] - known[-1]) <= mpmath.mpf("1e-12") * (1 + abs(known[0]))
            smooth &= bool(same and len(known) == 2)
            if on_axis:
                whole &= bool(same)
                edge |= len(known) == 1
                gradient.append(known[0])
                along.append(bool(same and len(known) == 2))
            elif smooth and direction == (1, 1):
                smooth = bool(abs(known[0] - sum(gradient)) <= mpmath.mpf("1e-12") * (1 + abs(known[0])))
        slopes = tuple(float(slope) for slope in gradient)
        return Truth(True, smooth, edge and whole, float(center), slopes, tuple(along))


def expected(tree, point, reverse, right_within):
    """The verdict that mpmath comes to, as a word; a gradient is right within so much of it.

    None where float64 does not compute the formula that mpmath does, or where what is wrong with the gradient is less
    than 1e-4 of it or hidden by the rounding of a large value, or where a partial derivative is NaN at a point at
    which only another one does not exist.
    """
    known, computed = truth(tree, point), float_value(tree, point)
    if not np.isfinite(computed):
        return "undefined here"
    if not known.defined or abs(known.value - computed) > 1e-6 * abs(known.value) + 1e-12:
        return None
    gradient = np.array(known.gradient)
    with np.errstate(all="ignore"):
        off, largest = np.abs(reverse - gradient), np.abs(gradient)[np.isfinite(gradient)].max(initial=0.0)
        right = off <= right_within * np.abs(gradient) + 1e-13 * largest + 1e-14 * abs(computed)
        plainly = ~(off <= 1e-4 * np.abs(gradient) + 1e-12 * largest + 1e-11 * abs(computed))
    along = np.array(known.along)
    if not (right | plainly)[along | known.edge].all():
        return None
    # Along an axis without a kink a partial derivative can be wrong whatever the other does.
    if (plainly & along & (np.isfinite(reverse) | known.smooth)).any():
        return "disagrees"
    if (plainly & along).any():
        return None
    return "agrees" if (known.smooth or known.edge) and right.all() else "not differentiable here"


def size(tree):
    """The number of nodes."""
    return 1 + sum(size(argument) for argument in tree[1:] if isinstance(argument, tuple))


def tensor_of(tree, columns, dropped=-1, place=0):
    """The value by TensorFlow, built from the tree; node `dropped`, in preorder, passes no gradient back."""
    import tensorflow as tf

    kind = tree[0]
    if kind == "variable":
        value = columns[NAMES.index(tree[1])]
    elif kind == "number":
        value = tf.constant(float(eval(tree[1])), columns[0].dtype) * tf.ones_like(columns[0])
    else:
        arguments, next_place = [], place + 1
        for argument in tree[1:]:
            arguments.append(tensor_of(argument, columns, dropped, next_place))
            next_place += size(argument)
        infix = {"+": tf.add, "-": tf.subtract, "*": tf.multiply, "/": tf.divide, "**": tf.pow}
        value = (infix.get(kind) or getattr(tf.math, kind))(*arguments)
    return tf.stop_gradient(value) if place == dropped else value


def flipped(tree):
    """A callable of x and y whose gradient by x has the wrong sign."""
    import tensorflow as tf

    @tf.custom_gradient
    def call(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = tensor_of(tree, [x, y])
        by_x, by_y = tape.gradient(value, [x, y], unconnected_gradients="zero")
        return value, lambda up: (-up * by_x, up * by_y)

    return lambda x, y: call(x, y)


def with_a_term_dropped(tree, seed):
    """A callable of x and y whose gradient lacks what comes by way of one node."""
    node = random.Random(seed).randrange(1, size(tree))
    return lambda x, y: tensor_of(tree, [x, y], node)


# Of each kind of gradient: what has it, and within how much a partial derivative is right. A right gradient is rounded;
# of a wrong one less may be missing than rounding explains.
KINDS = {
    "as it is": (lambda tree, text, seed: text, 1e-6),
    "sign flipped": (lambda tree, text, seed: flipped(tree), 1e-9),
    "term dropped": (lambda tree, text, seed: with_a_term_dropped(tree, seed), 1e-9),
}


def float_value(tree, point):
    """The value in float64 by NumPy."""
    names = {"abs": np.abs, "asin": np.arcsin, "atan": np.arctan, "sign": np.sign}
    kind = tree[0]
    if kind == "variable":
        return np.float64(point[NAMES.index(tree[1])])
    if kind == "number":
        return np.float64(eval(tree[1]))
    with np.errstate(all="ignore"):
        arguments = [float_value(argument, point) for argument in tree[1:]]
        if len(arguments) == 2:
            a, b = arguments
            operations = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power}
            return operations[kind](a, b)
        return names.get(kind, getattr(np, kind, None))(*arguments)
