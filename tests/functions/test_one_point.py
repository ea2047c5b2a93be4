"""Functions of a million variables that take one point at a time: against NumPy's formulas, and nothing tried out."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.calculus.derivatives import value_only
from tbgrad.functions.function import Function
from tbgrad.results.subjects import Numbered

RNG = np.random.default_rng(14)
D = 7


def make(d=D, calls=None, **known):
    """Σ p cos p, which refuses more than one point."""

    def call(p):
        if calls is not None:
            calls.append(p.shape)
        assert p.shape.rank == 1
        return tf.reduce_sum(tf.cos(p) * p)

    return Function(call, Numbered("x", d), name="one", takes_vector=True, takes_one_point=True, **known)


def value_of(p):
    return np.sum(np.cos(p) * p, axis=-1)


def gradient_of(p):
    return np.cos(p) - np.sin(p) * p


def test_values_gradients_and_products_are_the_formulas():
    f, points, vectors = make(), RNG.normal(size=(5, D)), RNG.normal(size=(5, D))
    found = tbgrad.evaluate(f, points)
    np.testing.assert_allclose(found.value, value_of(points), rtol=1e-14)
    np.testing.assert_allclose(found.gradient, gradient_of(points), rtol=1e-13)
    np.testing.assert_allclose(value_only(f, "float64")(points), value_of(points), rtol=1e-14)
    second = -2 * np.sin(points) - np.cos(points) * points
    np.testing.assert_allclose(tbgrad.hvp(f, points, vectors), second * vectors, rtol=1e-12)
    np.testing.assert_allclose(tbgrad.hessian(f, points[:1])[0], np.diag(second[0]), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(f(tf.constant(points.reshape(1, 5, D))), value_of(points)[None], rtol=1e-14)


def test_on_a_plane_it_is_the_formula_there():
    f, origin, directions = make(), RNG.normal(size=D), RNG.normal(size=(2, D))
    surface = tbgrad.surface(tbgrad.restrict(f, origin, directions), [("along", -1, 1), ("across", -2, 1)], points=4)
    points = origin + surface.position @ directions
    np.testing.assert_allclose(surface.value, value_of(points), rtol=1e-13)
    np.testing.assert_allclose(surface.gradient, gradient_of(points) @ directions.T, rtol=1e-12)


def test_nothing_is_tried_out():
    calls = []
    f = make(calls=calls)
    tbgrad.evaluate(f, RNG.normal(size=(40, D)))
    assert len(calls) == 1
    assert tbgrad.calculus.pointwise.notes(f) == ()


def test_numbered_names_are_a_tuple_that_nobody_wrote():
    few, names = Numbered("x", 12), tuple(f"x{i}" for i in range(12))
    assert tuple(few) == names and len(few) == 12 and few[3] == "x3" and few[-1] == "x11" and few[2:5] == names[2:5]
    for name in (*names, "x12", "x03", "x", "y1", "x-1", "x1.0", "x٣", 3):
        assert (name in few) == (name in names)
    assert all(few.index(name) == i for i, name in enumerate(names))
    with pytest.raises(ValueError, match="none of x0 to x11"):
        few.index("x12")
    with pytest.raises(IndexError):
        few[12]


def test_a_million_variables_are_cheap():
    f = make(3_000_000)
    assert f.dimensions == 3_000_000 and f.request()["variables"] == ["x0", "...", "x2999999"]
    assert f.subject().variables is f.variables
    assert make(3_000_001).request() != f.request()
