"""Functions, optimizers, schedules and rules that users write themselves, and what is easily mistaken for the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.descent.stopping import StoppingRule
from tbgrad.errors import OptionError, RangeError, TbgradError

SGD = tbgrad.Optimizer("sgd", 0.1)
STARTS = [[1.0, -2.0], [0.5, 0.75]]


@pytest.fixture(scope="module")
def bowl():
    return tbgrad.resolve("x**2 + 3*y**2")


def test_a_function_that_turns_out_to_mix_points():
    def mixing(p):
        return tf.reduce_sum(p**2, axis=-1) * tf.reduce_mean(tf.reduce_sum(p**4, axis=-1))

    f = tbgrad.Function.of_vector(mixing, 2)
    optimizer = tbgrad.Optimizer("sgd", 0.01)
    # Of equal points nobody can tell.
    tbgrad.descend(f, optimizer, [[1.0, 1.0], [1.0, 1.0]], 5)
    together = tbgrad.descend(f, optimizer, [[1.0, 1.0], [2.0, -1.0]], 5)
    alone = tbgrad.descend(tbgrad.Function.of_vector(mixing, 2), optimizer, [[2.0, -1.0]], 5)
    np.testing.assert_allclose(together.position[:, 1], alone.position[:, 0], rtol=1e-12)


def test_a_functions_assertions_hold():
    def asserting(x):
        tf.debugging.assert_greater(tf.reduce_min(x), tf.constant(-1.0, x.dtype))
        return x + 0.0 * x * x

    f = tbgrad.Function(asserting, ("x",))
    assert tbgrad.descend(f, SGD, [[0.0]], 5).end.position[0, 0] == pytest.approx(-0.5)
    with pytest.raises(TbgradError):
        tbgrad.descend(f, SGD, [[0.0]], 50)


def test_a_function_in_python():
    f = tbgrad.Function(lambda x: tf.py_function(lambda x: x * x, [x], x.dtype), ("x",))
    descent = tbgrad.descend(f, SGD, [[1.0], [2.0]], 3)
    np.testing.assert_allclose(descent.position[:, :, 0], 0.8 ** np.arange(4)[:, None] * [1.0, 2.0], rtol=1e-12)


def test_many_variables_are_left_undecided():
    f = tbgrad.Function.of_vector(lambda p: tf.reduce_sum(p * p, axis=-1), 20_000)
    descent = tbgrad.descend(f, SGD, np.ones((1, 20_000)), 100, record="end", instruments=())
    assert descent.verdicts[0].status.value == "converged" and descent.verdicts[0].point == "undecided"


def test_rules_that_are_no_dataclasses_are_not_confused(bowl):
    class Below(StoppingRule):
        def __init__(self, limit):
            self.limit = limit

        def bootstrap(self, row):
            return row.value <= self.limit, ()

        def one_step(self, before, after, state):
            return after.value <= self.limit, ()

    made = [tbgrad.descend(bowl, SGD, [[1.0, 0.0]], 100, stop=Below(limit)).steps_made[0] for limit in (0.5, 1e-3)]
    # The value is 0.64 ^ t.
    assert made == [2, 16]


@pytest.mark.parametrize("rates", [(0.01, 0.2)])
def test_schedules_of_one_name_are_not_confused(bowl, rates):
    ends = []
    for rate in rates:

        class Constant(keras.optimizers.schedules.LearningRateSchedule):
            def __call__(self, step, rate=rate):
                return rate

            def get_config(self):
                return {}

        descent = tbgrad.descend(bowl, tbgrad.Optimizer("sgd", Constant()), [[1.0, 0.0]], 5)
        ends.append(descent.end.position[0, 0])
    np.testing.assert_allclose(ends, [(1 - 2 * rate) ** 5 for rate in rates], rtol=1e-6)


def test_a_schedule_is_read_by_the_instruments(bowl):
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1.0)
    descent = tbgrad.descend(
        bowl, tbgrad.Optimizer("sgd", schedule), [[1.0, 1.0]], 300, instruments="sharpness_over_edge"
    )
    # λ = 6 against 2/η.
    expected = 6 * (0.1 / (1 + np.arange(300))) / 2
    np.testing.assert_allclose(descent.readings["sharpness_over_edge"].value[:-1, 0], expected, rtol=1e-12)


@keras.saving.register_keras_serializable("tests")
def a_rate_that_is_called():
    return 0.1


def test_a_given_optimizer_with_a_callable_rate(bowl):
    descent = tbgrad.descend(bowl, keras.optimizers.SGD(a_rate_that_is_called), [[1.0, 0.0]], 5)
    np.testing.assert_allclose(descent.position[:, 0, 0], 0.8 ** np.arange(6), rtol=1e-6)


class Forgetful(keras.optimizers.SGD):
    """Its configuration lacks an argument, so that a copy would be another optimizer."""

    def __init__(self, learning_rate=0.01, gamma=1.0, **others):
        super().__init__(learning_rate, **others)
        self.gamma = gamma


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Forgetful(0.01, gamma=5.0), "gamma"),
        (lambda: keras.optimizers.SGD(lambda: 0.1), "cannot be copied"),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)), "wrapper"),
        (lambda: tbgrad.Optimizer("adamw", 0.1, weight_decay=None), "weight_decay"),
        (lambda: tbgrad.Optimizer("adagrad", 0.1, initial_accumulator_value=np.array([0.1, 0.2])), "same for all"),
        (lambda: tbgrad.Optimizer("sgd", 0.1, momentum=np.array([0.1, 5.0])), "momentum"),
        (lambda: tbgrad.Optimizer(None), "None"),
    ],
)
def test_what_would_be_another_optimizer_is_refused(bowl, make, says):
    with pytest.raises(OptionError, match=says):
        tbgrad.descend(bowl, make(), STARTS, 5)


def test_another_class_of_a_known_name_is_another_optimizer(bowl):
    def steps(self, gradient, variable, learning_rate):
        self.assign_sub(variable, tf.sign(gradient) * tf.cast(learning_rate, gradient.dtype))

    own = type("SGD", (keras.optimizers.SGD,), {"update_step": steps, "__module__": __name__})
    descent = tbgrad.descend(bowl, own(0.5), STARTS, 1)
    np.testing.assert_allclose(np.abs(np.diff(descent.position, axis=0)), 0.5, rtol=1e-6)
    assert descent.optimizer == "SGD" and not any("gradient descent" in remark for remark in descent.remarks)


def test_momenta_that_are_all_zero(bowl):
    none = tbgrad.descend(bowl, tbgrad.Optimizer("sgd", 0.1, momentum=np.zeros(2)), STARTS, 20)
    plain = tbgrad.descend(bowl, SGD, STARTS, 20)
    np.testing.assert_allclose(none.position, plain.position, rtol=1e-13, atol=1e-300)
    some = tbgrad.descend(bowl, tbgrad.Optimizer("sgd", 0.1, momentum=np.array([0.0, 0.9])), STARTS, 20)
    np.testing.assert_allclose(some.position[:, 0], plain.position[:, 0], rtol=1e-13, atol=1e-300)


def test_settings_are_the_optimizers_own(bowl):
    given = np.array([0.5, 0.6])
    descent = tbgrad.descend(bowl, tbgrad.Optimizer("adam", 0.1, beta_1=given), STARTS, 5)
    given[:] = 0.9
    np.testing.assert_array_equal(descent.settings["beta_1"], [0.5, 0.6])


def test_numbers_of_steps_of_all_kinds(bowl):
    assert tbgrad.descend(bowl, SGD, [[1.0, 1.0]], np.int64(10)).steps == 10
    for steps in (2**31, 10**10):
        with pytest.raises(RangeError, match="at most"):
            tbgrad.descend(bowl, SGD, [[1.0, 1.0]], steps, record="end")


@pytest.mark.parametrize(
    "wrong", [{"stop": "gradient"}, {"stop": 1e-6}, {"instruments": "speed"}, {"instruments": [3]}, {"record": True}]
)
def test_things_that_are_something_else(bowl, wrong):
    with pytest.raises(OptionError):
        tbgrad.descend(bowl, SGD, [[1.0, 1.0]], 5, **wrong)


def test_results_are_not_to_be_written_to(bowl):
    for record in ("every", "log", "end"):
        descent = tbgrad.descend(bowl, SGD, STARTS, 30, record=record)
        for array in (descent.position, descent.value, descent.gradient):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1.0
