import mpmath
import numpy as np
import pytest
import tensorflow as tf

from tbgrad.calculus.sines import cosine, sine, with_polynomial_sines

CASES = pytest.mark.parametrize("ours, exact", [(sine, mpmath.sin), (cosine, mpmath.cos)])


def compiled(function):
    return tf.function(function, autograph=False, jit_compile=True)


def arguments(farthest, dtype):
    """Of every size, and those nearest to the zeros of sine and cosine."""
    rng = np.random.default_rng(5)
    sizes = np.exp(rng.uniform(np.log(1e-9), np.log(farthest), 3000)) * rng.choice([-1, 1], 3000)
    with mpmath.workdps(40):
        turns = rng.integers(1, int(farthest / 1.6), 1000)
        zeros = np.array([float(int(k) * mpmath.pi / 2) for k in turns])
    return np.concatenate([sizes, zeros, -zeros, [0.0, farthest]]).astype(dtype)


@CASES
@pytest.mark.parametrize("dtype, farthest, digits", [("float64", 1e6, 4e-16), ("float32", 1e4, 3e-7)])
def test_relative_error_against_mpmath(ours, exact, dtype, farthest, digits):
    """Relative, also beside the zeros: there is no allowance for the condition of the argument, in float32 a small one.

    There π is held in 46 bits; a rounding of x would be allowed 2²² times as much.
    """
    allowed = 2.0**-46 if dtype == "float32" else 0.0
    x = arguments(farthest, dtype)
    found = compiled(ours)(tf.constant(x)).numpy()
    assert found.dtype == dtype
    with mpmath.workdps(40):
        expected = [exact(mpmath.mpf(float(each))) for each in x]
        errors = [abs(float(got) - want) for got, want in zip(found, expected, strict=True)]
        within = [
            error <= digits * abs(want) + allowed * abs(float(each))
            for error, want, each in zip(errors, expected, x, strict=True)
        ]
    assert all(within)


@CASES
def test_without_xla_the_same(ours, exact):
    x = arguments(1e6, "float64")[::20]
    with mpmath.workdps(40):
        expected = np.array([float(exact(mpmath.mpf(float(each)))) for each in x])
    np.testing.assert_allclose(ours(tf.constant(x)), expected, rtol=4e-16, atol=0)


@CASES
def test_nan_and_infinity_give_nan(ours, exact):
    assert np.isnan(compiled(ours)(tf.constant([np.nan, np.inf, -np.inf]))).all()


def traced(function, *, dtype="float64"):
    signature = [tf.TensorSpec([None, 2], dtype)]
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def types_of(call, x):
    graph = traced(call).graph.as_graph_def()
    return {node.op for node in graph.node} | {n.op for f in graph.library.function for n in f.node_def}


def test_every_sine_of_a_program_is_replaced():
    program = traced(lambda x: (tf.sin(x) * tf.cos(3.0 * x), tf.exp(x)))
    call = with_polynomial_sines(program, "float64")
    x = np.random.default_rng(6).uniform(-5, 5, (50, 2))
    product, exponential, *far = compiled(call)(tf.constant(x))
    np.testing.assert_allclose(product, np.sin(x) * np.cos(3 * x), rtol=2e-14)
    np.testing.assert_allclose(exponential, np.exp(x), rtol=1e-15)
    assert len(far) == 2 and not any(np.any(each) for each in far)
    assert not {"Sin", "Cos", "Placeholder_1"} & types_of(call, x)


def test_far_arguments_are_told():
    call = compiled(with_polynomial_sines(traced(lambda x: (tf.sin(x),)), "float64"))
    _, far = call(tf.constant(np.array([[0.0, 1e6], [1.1e6, -np.inf], [np.nan, -1e22]])))
    np.testing.assert_array_equal(far, [[False, False], [True, True], [False, True]])


def test_a_program_without_sines_stays_what_it_is():
    found = compiled(with_polynomial_sines(traced(lambda x: (x * x,)), "float64"))(tf.constant(np.array([[3.0, 4.0]])))
    assert [each.numpy().tolist() for each in found] == [[[9.0, 16.0]]]
