import mpmath
import numpy as np
import pytest
import tensorflow as tf

from tbgrad.calculus.sines import cosine, sine

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
