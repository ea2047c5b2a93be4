import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.calculus.derivatives import compiled as program_of
from tbgrad.calculus.derivatives import differentiate
from tbgrad.calculus.fusing import ready_for_xla


def compiled(function):
    return tf.function(function, autograph=False, jit_compile=True)


def traced(function, *, dtype="float64"):
    signature = [tf.TensorSpec([None, 2], dtype)]
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def types_of(call, x):
    graph = traced(call).graph.as_graph_def()
    return {node.op for node in graph.node} | {n.op for f in graph.library.function for n in f.node_def}


def test_every_sine_of_a_program_is_replaced():
    program = traced(lambda x: (tf.sin(x) * tf.cos(3.0 * x), tf.exp(x)))
    call = ready_for_xla(program, "float64")
    x = np.random.default_rng(6).uniform(-5, 5, (50, 2))
    product, exponential, *far = compiled(call)(tf.constant(x))
    np.testing.assert_allclose(product, np.sin(x) * np.cos(3 * x), rtol=2e-14)
    np.testing.assert_allclose(exponential, np.exp(x), rtol=1e-15)
    assert len(far) == 2 and not any(np.any(each) for each in far)
    assert not {"Sin", "Cos", "Placeholder_1"} & types_of(call, x)


def test_far_arguments_are_told():
    call = compiled(ready_for_xla(traced(lambda x: (tf.sin(x),)), "float64"))
    _, far = call(tf.constant(np.array([[0.0, 1e6], [1.1e6, -np.inf], [np.nan, -1e22]])))
    np.testing.assert_array_equal(far, [[False, False], [True, True], [False, True]])


def test_a_program_without_sines_stays_what_it_is():
    found = compiled(ready_for_xla(traced(lambda x: (x * x,)), "float64"))(tf.constant(np.array([[3.0, 4.0]])))
    assert [each.numpy().tolist() for each in found] == [[[9.0, 16.0]]]


# Zero comes back to a root of zero, from above or from a branch that is not taken; and the kink of selu.
AT_ROOTS = ["drop_wave", "cross_in_tray", "sqrt(x)**2 + y", "where(x > 0, 3, sqrt(-x)) + y", "0*rsqrt(x) + y"]
AT_ROOTS += ["selu(x)*selu(y)", "sqrt(x*x + y*y)", "rsqrt(x) + sqrt(y)"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", AT_ROOTS)
def test_at_roots_and_kinks_xla_gives_what_tensorflow_gives(text, dtype):
    f = tbgrad.resolve(text)
    program = program_of(f, dtype, lambda position: differentiate(f, position))
    some = [-2.5, -1.0, -0.0, 0.0, 0.8, 3.0]
    x = tf.constant(np.array([(a, b) for a in some for b in some], dtype))
    value, gradient = program(x)
    found = compiled(ready_for_xla(program, dtype))(x)[:2]
    digits = {"rtol": 1e-13, "atol": 1e-14} if dtype == "float64" else {"rtol": 2e-5, "atol": 1e-6}
    np.testing.assert_allclose(found[0], value, **digits)
    np.testing.assert_allclose(found[1], gradient, **digits)


def test_the_sines_may_be_left_alone():
    program = traced(lambda x: (tf.sin(x) * tf.cos(x),))
    call = ready_for_xla(program, "float64", sines=False)
    assert {"Sin", "Cos"} <= types_of(call, tf.zeros((1, 2), tf.float64))
    assert len(compiled(call)(tf.zeros((1, 2), tf.float64))) == 1
