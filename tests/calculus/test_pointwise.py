"""Functions that mix points, or take one at a time, are differentiated at each point alone; random ones are refused.

The oracle is an eager GradientTape at one point after the other.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.calculus.pointwise import Manner, manner, notes
from tbgrad.errors import FunctionCallError
from tbgrad.functions.function import Function

RNG = np.random.default_rng(5)
PAIRS = RNG.uniform(0.5, 2.0, (7, 2))
TRIPLES = RNG.uniform(0.5, 2.0, (6, 3))
MATRIX = RNG.normal(size=(3, 3))


@tf.custom_gradient
def scaled_by_hand(x):
    return tf.reduce_sum(x**2), lambda upstream: 100.0 * upstream * x


# Of two numbers.
OF_PAIRS = {
    "mean": lambda x, y: (x - 2.0 * tf.reduce_mean(x)) ** 2 + x * y,
    "sum over all": lambda x, y: tf.reduce_sum(x**2) * y,
    "norm": lambda x, y: tf.norm([x, y]),
    "determinant": lambda x, y: tf.linalg.det([[x, y], [-y, x * x * x]]),
    "sorted": lambda x, y: tf.sort(tf.stack([x, y]))[0] * x,
    "custom gradient": lambda x, y: scaled_by_hand(x) * y,
    "branch": tf.function(lambda x, y: tf.cond(tf.reduce_sum(x) > 1.0, lambda: x * y * y, lambda: x + y)),
    "loop": lambda x, y: tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, a * y), (0, tf.reduce_max(x)))[1],
}
# Of one vector.
OF_TRIPLES = {
    "picks": lambda p: p[0] ** 2 + tf.sin(p[1]) * p[2],
    "sum": lambda p: tf.reduce_sum(p**2),
    "quadratic form": lambda p: tf.einsum("i,ij,j->", p, tf.constant(MATRIX, p.dtype), p),
    "matvec": lambda p: tf.tensordot(p, tf.linalg.matvec(tf.constant(MATRIX, p.dtype), p), 1),
    "centred": lambda p: tf.reduce_sum((p - tf.reduce_mean(p)) ** 2) + p[0],
    "centred by rows": lambda p: tf.reduce_sum((p - tf.reduce_mean(p)) ** 2 * p, axis=-1),
    "softmax": lambda p: tf.nn.softmax(p)[0],
    "one of three": lambda p: tf.unstack(p, num=3)[2] ** 2 + 0.0 * p[0] + 0.0 * p[1],
    "product": tf.reduce_prod,
}
# Of any number of points at once.
TOGETHER = {
    "rows": lambda p: p[:, 0] * p[:, 1] + p[:, 2],
    "any shape": lambda p: tf.reduce_sum(p**3, axis=-1),
    "column": lambda p: tf.exp(p) @ tf.constant(MATRIX[:, :1], p.dtype),
}


def eagerly(call, point, takes_vector):
    """Value and gradient at one point, as a user would compute them."""
    position = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(position)
        value = call(position) if takes_vector else call(*tf.unstack(position))
    return float(value), np.asarray(tape.gradient(value, position))


def functions():
    yield from ((name, tbgrad.resolve(call), call, PAIRS) for name, call in OF_PAIRS.items())
    yield from ((name, tbgrad.resolve(call, dimensions=3), call, TRIPLES) for name, call in OF_TRIPLES.items())


CASES = pytest.mark.parametrize(
    ("f", "call", "points"), [case[1:] for case in functions()], ids=[c[0] for c in functions()]
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@CASES
def test_value_and_gradient_are_those_of_each_point_alone(f, call, points, dtype):
    points = points.astype(dtype)
    found = tbgrad.evaluate(f, points)
    assert manner(f, dtype) is Manner.ALONE
    expected = [eagerly(call, point, f.takes_vector) for point in points]
    precision = {"float64": 1e-13, "float32": 2e-5}[dtype]
    np.testing.assert_allclose(found.value, [v for v, _ in expected], rtol=precision, atol=precision)
    np.testing.assert_allclose(found.gradient, [g for _, g in expected], rtol=precision, atol=precision)
    assert {found.value.dtype.name, found.gradient.dtype.name} == {dtype}


@CASES
def test_one_point_and_many_agree_whichever_comes_first(f, call, points):
    alone = [tbgrad.evaluate(f, points[i : i + 1]) for i in range(3)]
    many = tbgrad.evaluate(f, points)
    np.testing.assert_allclose(np.concatenate([a.value for a in alone]), many.value[:3], rtol=1e-13)
    np.testing.assert_allclose(np.concatenate([a.gradient for a in alone]), many.gradient[:3], rtol=1e-12, atol=1e-13)
    assert tbgrad.evaluate(f, points[:0]).gradient.shape == (0, f.dimensions)


@pytest.mark.parametrize(
    "name", ["mean", "norm", "determinant", "custom gradient", "branch", "picks", "quadratic form", "centred by rows"]
)
def test_graphs_sweeps_surfaces_and_descents(name):
    call = OF_PAIRS.get(name) or OF_TRIPLES[name]
    points = PAIRS if name in OF_PAIRS else TRIPLES
    f = tbgrad.resolve(call, dimensions=None if name in OF_PAIRS else 3)
    assert tbgrad.trace_graph(f).counts["gradient"]
    first, second, *rest = f.variables
    fix = dict.fromkeys(rest, 1.25)
    along = tbgrad.sweep(f, over=(first, 0.5, 1.5), fix={second: 1.5, **fix}, points=3)
    grid = tbgrad.surface(f, over=[(first, 0.5, 1.5), (second, 0.75, 1.0)], fix=fix, points=3)
    for result in (along, grid):
        flat = result.position.reshape(-1, f.dimensions)
        expected = [eagerly(call, point, f.takes_vector)[1] for point in flat]
        np.testing.assert_allclose(result.gradient.reshape(flat.shape), expected, rtol=1e-12, atol=1e-13)
    for starts in (points[:1], points[:3]):
        descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 1e-3), starts, 3)
        for k, start in enumerate(starts):
            position = start
            for t in range(4):
                np.testing.assert_allclose(descent.position[t, k], position, rtol=1e-12)
                position = position - 1e-3 * eagerly(call, position, f.takes_vector)[1]


@pytest.mark.parametrize("name", TOGETHER)
def test_functions_of_many_points_take_them_together(name):
    f = tbgrad.resolve(TOGETHER[name], dimensions=3)
    found = tbgrad.evaluate(f, TRIPLES)
    assert manner(f, "float64") is Manner.TOGETHER and notes(f) == ()
    for i, point in enumerate(TRIPLES):
        value, gradient = eagerly(lambda p, call=TOGETHER[name]: tf.reshape(call(p[None]), []), point, True)
        np.testing.assert_allclose(found.value[i], value, rtol=1e-13)
        np.testing.assert_allclose(found.gradient[i], gradient, rtol=1e-13)


@pytest.mark.parametrize(
    "call", [lambda x, y: x * tf.cumsum(y), lambda x, y: tf.reduce_sum(x[:, None] * y[None, :], axis=1)]
)
def test_what_needs_a_batch_gets_a_batch_of_one(call):
    f = tbgrad.resolve(call)
    found = tbgrad.evaluate(f, PAIRS)
    assert manner(f, "float64") is Manner.BATCH_OF_ONE
    np.testing.assert_allclose(found.value, PAIRS.prod(-1))
    np.testing.assert_allclose(found.gradient, PAIRS[:, ::-1])


def test_batch_normalization_in_training_is_of_a_batch_of_one():
    keras.utils.set_random_seed(0)
    layer = keras.layers.BatchNormalization(dtype="float64")
    layer.build((None, 3))
    mixing = tbgrad.resolve(lambda p: tf.reduce_sum(layer(p, training=True) * p, axis=-1), dimensions=3)
    tbgrad.evaluate(mixing, TRIPLES)
    assert manner(mixing, "float64") is Manner.BATCH_OF_ONE
    steady = tbgrad.resolve(lambda p: tf.reduce_sum(layer(p) * p, axis=-1), dimensions=3)
    tbgrad.evaluate(steady, TRIPLES)
    assert manner(steady, "float64") is Manner.TOGETHER


def test_mixing_shows_where_the_function_is_defined():
    f = tbgrad.resolve(lambda x, y: tf.sqrt(x) * tf.reduce_max(y))
    points = np.array([[-1.0, 1.0]] * 5 + [[4.0, 2.0], [9.0, 3.0]] + [[-1.0, 1.0]] * 5)
    np.testing.assert_allclose(tbgrad.evaluate(f, points).value[5:7], [4.0, 9.0])


def decided_by(x, y):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * y, lambda: y)


@tf.function
def counted_by(x, y):
    while tf.reduce_max(x) > 1.0:
        x = x / 2.0
    return x * y


@pytest.mark.parametrize("call", [decided_by, tf.function(decided_by), counted_by])
def test_a_decision_by_what_the_points_hold_is_one_for_each_point(call):
    # On these points, all alike, it cannot be seen.
    f = tbgrad.resolve(call)
    tbgrad.evaluate(f, PAIRS)
    assert manner(f, "float64") is Manner.ALONE
    points = np.array([[-3.0, 2.0], [4.0, 5.0], [-1.0, 1.0]])
    expected = [eagerly(call, point, False) for point in points]
    found = tbgrad.evaluate(f, points)
    np.testing.assert_allclose(found.value, [v for v, _ in expected])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * y), (0, x))[1],
        lambda x, y: tf.cond(tf.size(x) > 0, lambda: x * y, lambda: y),
        tf.function(lambda x, y: tf.where(x > 0.0, x * y, y)),
    ],
    ids=["counted", "size", "where"],
)
def test_other_loops_and_branches_take_all_points_together(call):
    f = tbgrad.resolve(call)
    tbgrad.evaluate(f, PAIRS)
    assert manner(f, "float64") is Manner.TOGETHER


def test_equal_points_settle_nothing():
    f = tbgrad.resolve(lambda x, y: x * y - x * tf.math.reduce_std(y))
    tbgrad.evaluate(f, np.ones((4, 2)))
    np.testing.assert_allclose(tbgrad.evaluate(f, PAIRS).value, PAIRS.prod(-1))


def test_the_note_says_so():
    f = tbgrad.resolve(OF_PAIRS["mean"])
    assert notes(f) == ()
    tbgrad.evaluate(f, PAIRS)
    assert "each point alone (tf.vectorized_map)" in notes(f)[0]
    assert notes(tbgrad.resolve("ripple")) == ()


def test_nothing_is_logged_where_vectorization_fails(capfd):
    tbgrad.evaluate(tbgrad.resolve(OF_PAIRS["determinant"]), PAIRS)
    assert "pfor" not in "".join(capfd.readouterr())


def test_formulas_are_called_once_with_all_points():
    shapes = []
    known = tbgrad.resolve("x*y")
    f = Function(lambda x, y: shapes.append(x.shape) or x * y, ("x", "y"), formula=known.formula)
    tbgrad.evaluate(f, PAIRS)
    assert len(shapes) == 1


DROPOUT = keras.layers.Dropout(0.5, dtype="float64")
COUNT = tf.Variable(0.0, dtype=tf.float64)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: x * y + tf.random.normal([], dtype=x.dtype),
        lambda x, y: x * y * tf.random.uniform(tf.shape(x), dtype=x.dtype),
        lambda x, y: tf.reduce_sum(x) * tf.random.normal([], dtype=x.dtype) + y,
        lambda x, y: tf.reduce_sum(DROPOUT(tf.ones([60], x.dtype), training=True)) * x * y,
        lambda x, y: x * y + COUNT.assign_add(1.0),
        lambda x, y: tf.random.Generator.from_seed(1).normal([], dtype=x.dtype) * x * y,
        lambda x, y: x * y * tf.numpy_function(np.random.normal, [], tf.float64),
    ],
    ids=["scalar", "each", "mixed", "dropout", "count", "generator", "numpy"],
)
@pytest.mark.parametrize("count", [1, 40])
def test_a_random_function_is_refused(call, count):
    with pytest.raises(FunctionCallError, match=r"gives another value each time|singleton tf\.Variables"):
        tbgrad.evaluate(tbgrad.resolve(call), np.resize(PAIRS, (count, 2)))


def test_a_fixed_seed_is_not_random():
    f = tbgrad.resolve(lambda x, y: x * y * tf.random.stateless_normal([], [1, 2], dtype=x.dtype))
    assert np.isfinite(tbgrad.evaluate(f, PAIRS).value).all()


def test_an_assertion_is_not_vectorized_away():
    def f(x, y):
        tf.debugging.assert_less(tf.reduce_max(x), tf.constant(1.0, x.dtype), message="too far right")
        return x * y

    with pytest.raises(FunctionCallError, match="too far right"):
        tbgrad.evaluate(tbgrad.resolve(f), PAIRS)


def test_a_vector_in_a_function_of_one_number_is_hinted_at():
    with pytest.raises(FunctionCallError, match="If p is a vector, say how long it is: --dimensions 2"):
        tbgrad.evaluate(tbgrad.resolve(lambda p: p[0] ** 2 + p[1]), [[1.0], [2.0]])
