import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tbgrad.calculus import kernels
from tbgrad.calculus.derivatives import differentiate, evaluate, value_and_gradient, value_only
from tbgrad.calculus.kernels import CHUNK, Kernel
from tbgrad.errors import FunctionCallError
from tbgrad.functions.catalogue import catalogue
from tbgrad.functions.function import Function
from tbgrad.functions.imports import from_callable

CATALOGUE = catalogue()
SIZE = CHUNK // 2
NINE = np.float64(9)
MANY = 4 * SIZE
FORMULAS = {
    "tilted_waves": "cos(x)*sin(y) + x/y",
    "rosenbrock": "(1 - x)**2 + 100*(y - x**2)**2",
    "rastrigin": "20 + x**2 - 10*cos(2*pi*x) + y**2 - 10*cos(2*pi*y)",
    "mixture": "tanh(x)*exp(-y**2) + sqrt(abs(x)) + log(1 + x**2) + atan2(y, x)",
}


@pytest.fixture(autouse=True)
def fused_early(monkeypatch):
    """XLA compiles from fewer points on than it pays for, so that the tests see it."""
    monkeypatch.setattr(kernels, "FUSED_AFTER", 2 * MANY - 1)


def points_of(count, dtype="float64", dimensions=2, seed=3):
    return np.random.default_rng(seed).uniform(-5, 5, (count, dimensions)).astype(dtype)


def whole(f, position):
    """Without chunks, threads and compilation: eager TensorFlow."""
    return [tensor.numpy() for tensor in differentiate(f, tf.constant(position))]


def assert_within_roundings(found, expected, digits):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        # Where terms cancel, what is left has the roundings of the terms.
        assert (np.abs(one - other) <= digits * (np.abs(other) + np.median(np.abs(other)))).all()


@pytest.mark.parametrize("count", [1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 2 * SIZE + 1])
def test_chunks_equal_the_whole(count):
    f, position = CATALOGUE["tilted_waves"], points_of(count)
    found = value_and_gradient(f, "float64")(position)
    assert_within_roundings(found, whole(f, position), 1e-15)


@pytest.mark.parametrize("count", [1, SIZE + 1, MANY + 1])
def test_values_alone_are_those_with_gradients(count):
    f, position = CATALOGUE["tilted_waves"], points_of(count)
    found = value_only(f, "float64")(position)
    # The chunks of many points are compiled by XLA.
    assert_within_roundings([found], whole(f, position)[:1], 1e-15)
    assert found.shape == (count,)


def test_values_alone_take_no_gradient():
    taken = []

    @tf.custom_gradient
    def call(x, y):
        def gradient(upstream):
            tf.py_function(lambda u: taken.append(len(u)), [upstream], [])
            return upstream, upstream

        return x + y, gradient

    f, position = from_callable(call), points_of(100)
    value_and_gradient(f, "float64")(position[:8])
    taken.clear()
    np.testing.assert_array_equal(value_only(f, "float64")(position), position.sum(axis=1))
    assert not taken


@pytest.mark.parametrize("mixes", [False, True])
def test_values_alone_of_a_python_function_that_mixes_points(mixes):
    def call(x, y):
        value = tf.sin(x) * y
        return value + 0.1 * (value - tf.reduce_mean(value)) if mixes else value

    position = points_of(SIZE + 1)
    found = value_only(from_callable(call), "float64")(position)
    np.testing.assert_allclose(found, np.sin(position[:, 0]) * position[:, 1], rtol=1e-14)


def test_no_points():
    assert value_only(CATALOGUE["tilted_waves"], "float32")(points_of(0, "float32")).shape == (0,)
    value, gradient = value_and_gradient(CATALOGUE["tilted_waves"], "float32")(points_of(0, "float32"))
    assert value.shape == (0,) and gradient.shape == (0, 2) and value.dtype == gradient.dtype == "float32"


@pytest.mark.parametrize("count", [MANY, MANY + 1, 5 * SIZE - 1])
@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("dtype, digits", [("float64", 1e-13), ("float32", 1e-4)])
def test_fused_chunks_equal_the_whole_within_roundings(text, dtype, digits, count):
    f, position = Function.of_formula(text), points_of(count, dtype)
    found = value_and_gradient(f, dtype)(position)
    assert_within_roundings(found, whole(f, position), digits)


def test_the_same_points_give_the_same_bits():
    kernel, position = value_and_gradient(CATALOGUE["rosenbrock"], "float64"), points_of(MANY + 77)
    for one, other in zip(kernel(position), kernel(position), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_callers_arrays_are_its_own_and_positions_are_read_only_once():
    kernel, position = value_and_gradient(CATALOGUE["rosenbrock"], "float64"), points_of(MANY)
    position.setflags(write=False)
    value, gradient = kernel(position)
    before = value.copy()
    value_again, _ = kernel(position + 1)
    gradient[:] = 0
    np.testing.assert_array_equal(value, before)
    assert not np.array_equal(value_again, value)


@pytest.mark.parametrize("made", [lambda p: p[:, ::-1], np.asfortranarray, lambda p: p.repeat(2, axis=0)[::2]])
def test_any_layout_of_positions(made):
    kernel, position = value_and_gradient(CATALOGUE["rosenbrock"], "float64"), made(points_of(MANY))
    for one, other in zip(kernel(position), kernel(np.ascontiguousarray(position)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_far_arguments_of_sines_get_tensorflows_own():
    f, position = Function.of_formula("sin(x)*y"), points_of(MANY + 5)
    position[[7, -1], 0] = 1e22, -3e15
    value, gradient = value_and_gradient(f, "float64")(position)
    # The sine of 1e22: Muller (2016), Elementary Functions, chapter 11.
    assert value[7] == pytest.approx(-0.8522008497671888 * position[7, 1], rel=1e-15)
    np.testing.assert_allclose(value, np.sin(position[:, 0]) * position[:, 1], rtol=1e-14)
    np.testing.assert_allclose(gradient[:, 0], np.cos(position[:, 0]) * position[:, 1], rtol=1e-14)


def test_undefined_points_stay_where_they_are():
    f, position = Function.of_formula("log(x) + sqrt(y)/x"), points_of(MANY)
    found, expected = value_and_gradient(f, "float64")(position), whole(f, position)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        np.testing.assert_array_equal(np.isinf(one), np.isinf(other))


def test_a_constant_and_an_unused_variable():
    for text in ("x, y -> 3", "x, y -> sin(y)"):
        f, position = Function.of_formula(text), points_of(MANY)
        assert_within_roundings(value_and_gradient(f, "float64")(position), whole(f, position), 1e-15)


def test_python_functions_too():
    table = tf.constant(np.linspace(0, 1, 11))

    def call(x, y):
        return tf.where(x > 0, tf.sin(x), x) * y + tf.gather(table, 3) * x

    f, position = from_callable(call), points_of(MANY + 1)
    assert_within_roundings(value_and_gradient(f, "float64")(position), whole(f, position), 1e-15)


def test_what_xla_cannot_compile_is_run_without_it():
    def program(position):
        value = tf.numpy_function(lambda p: p.sum(axis=1), [position], tf.float64)
        return tf.ensure_shape(value, [None]), tf.ones_like(position)

    position = points_of(MANY)
    value, gradient = Kernel(traced(program), elementary=True)(position)
    np.testing.assert_array_equal(value, position.sum(axis=1))
    assert (gradient == 1).all()


def traced(program):
    signature = [tf.TensorSpec([None, 2], tf.float64)]
    return tf.function(program, input_signature=signature, autograph=False).get_concrete_function()


@pytest.mark.parametrize("elementary", [True, False])
@pytest.mark.parametrize("where", [0, SIZE + 3, -1])
def test_an_error_in_any_chunk_passes_through(elementary, where, monkeypatch):
    # XLA leaves assertions out.
    monkeypatch.setattr(kernels, "FUSED_AFTER", 2**60)

    def program(position):
        with tf.control_dependencies([tf.debugging.assert_less(position, NINE, message="nine is too much")]):
            return position[:, 0] * 2, position * 2

    kernel, position = Kernel(traced(program), elementary=elementary), points_of(3 * SIZE)
    kernel(position)
    position[where] = 9
    with pytest.raises(tf.errors.InvalidArgumentError, match="nine is too much"):
        kernel(position)
    position[where] = 0
    assert kernel(position)[0][where] == 0


def test_an_error_of_the_users_function_is_told_as_ever():
    def call(x):
        with tf.control_dependencies([tf.debugging.assert_less(x, NINE, message="nine is too much")]):
            return x * 2

    position = points_of(2 * CHUNK, dimensions=1)
    position[-1] = 9
    with pytest.raises(FunctionCallError, match="nine is too much"):
        evaluate(from_callable(call), position)


def test_values_that_vanish_are_an_error():
    kernel = Kernel(traced(lambda p: (tf.boolean_mask(p[:, 0], p[:, 0] > 0), p)), elementary=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"values for {SIZE} points"):
        kernel(points_of(2 * SIZE))


MEMORY = """
import sys, numpy as np
from tbgrad.calculus.derivatives import value_and_gradient
from tbgrad.functions.function import Function
kernel = value_and_gradient(Function.of_formula(sys.argv[1]), "float64")
kernel(np.ones((2**20, 2)))
position = np.ones((int(sys.argv[2]), 2))
value, gradient = kernel(position)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) * 1024)
"""


def peak_bytes(text, count):
    run = [sys.executable, "-c", MEMORY, text, str(count)]
    return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()[-1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the peak")
@pytest.mark.parametrize("text", ["cos(x)*sin(y) + x/y", "(1 - x)**2 + 100*(y - x**2)**2"])
def test_beyond_the_results_memory_is_flat(text):
    few, many = 2**21, 2**23
    per_point = 8 * (2 + 1 + 2)
    grown = peak_bytes(text, many) - peak_bytes(text, few)
    # Peaks vary by tens of MiB between processes; without chunks the ratio is 2.7 and more.
    assert grown < 1.5 * per_point * (many - few)
