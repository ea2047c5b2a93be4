"""Every optimizer of Keras: against an eager Keras loop, alone and in a batch, and what is refused."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import sgd

import tbgrad
from tbgrad.descent.optimizers import OPTIMIZERS, GivenOptimizer
from tbgrad.errors import CoupledStartsError, OptionError, UnknownOptimizerError

COUPLED = ("adafactor", "lamb", "muon")
STARTS = [[-1.2, 1.0], [0.5, -0.75], [1.5, 1.75]]


def rosenbrock_gradient(p):
    x, y = p
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def keras_class(name):
    return next(c for n, c in vars(keras.optimizers).items() if n.lower() == name)


def eager(optimizer, start, steps):
    """Positions [steps + 1, d] of Keras's own eager loop on a float32 variable."""
    variable = keras.Variable(np.array(start), dtype="float32")
    path = [variable.numpy()]
    for _ in range(steps):
        gradient = rosenbrock_gradient(path[-1].astype(np.float64))
        optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
        path.append(variable.numpy())
    return np.array(path)


@pytest.fixture(scope="module")
def rosenbrock():
    return tbgrad.resolve("rosenbrock")


def test_the_list_holds_all_concrete_optimizers_of_keras():
    wrappers = {"LossScaleOptimizer", "MultiOptimizer", "OptimizerMap", "Optimizer"}
    offered = {
        name.lower() for name, c in vars(keras.optimizers).items() if inspect.isclass(c) and name not in wrappers
    }
    assert set(OPTIMIZERS) == offered
    assert len(set(OPTIMIZERS)) == len(OPTIMIZERS)


SETTINGS = [
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("sgd", {"weight_decay": 0.1}),
    ("sgd", {"gradient_accumulation_steps": 3}),
    ("adam", {"amsgrad": True, "clipvalue": 0.5}),
    ("adam", {"use_ema": True, "ema_overwrite_frequency": 7}),
    ("rmsprop", {"centered": True, "momentum": 0.5}),
]


@pytest.mark.parametrize(
    ("name", "settings"), [(name, {}) for name in OPTIMIZERS] + SETTINGS + [("sgd", {"clipnorm": 1.0})]
)
def test_float32_agrees_with_keras_in_eager_mode(rosenbrock, name, settings):
    start = np.array([STARTS[0]], dtype=np.float32)
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer(name, 0.001, **settings), start, 50)
    assert descent.position.dtype == np.float32
    expected = eager(keras_class(name)(learning_rate=0.001, **settings), start[0], 50)
    np.testing.assert_allclose(descent.position[:, 0], expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float64_goes_the_same_way_at_higher_precision(rosenbrock, name):
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer(name, 0.001), STARTS[:1], 50)
    assert descent.position.dtype == descent.value.dtype == descent.gradient.dtype == np.float64
    expected = eager(keras_class(name)(learning_rate=0.001), STARTS[0], 50)
    np.testing.assert_allclose(descent.position[:, 0], expected, rtol=1e-4, atol=1e-4)
    assert (descent.position[-1] != descent.position[-1].astype(np.float32)).any()


@pytest.mark.parametrize(("name", "settings"), [(name, {}) for name in OPTIMIZERS if name not in COUPLED] + SETTINGS)
def test_a_start_in_a_batch_goes_as_it_goes_alone(rosenbrock, name, settings):
    optimizer = tbgrad.Optimizer(name, 0.001, **settings)
    together = tbgrad.descend(rosenbrock, optimizer, STARTS, 40)
    for k, start in enumerate(STARTS):
        alone = tbgrad.descend(rosenbrock, optimizer, [start], 40)
        np.testing.assert_allclose(together.position[:, k], alone.position[:, 0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(together.value[:, k], alone.value[:, 0], rtol=1e-10, atol=1e-14)


COUPLED_CASES = [(name, {}) for name in COUPLED]
COUPLED_CASES += [("sgd", {"clipnorm": 1.0}), ("adam", {"global_clipnorm": 0.5})]


@pytest.mark.parametrize(("name", "settings"), COUPLED_CASES)
def test_what_mixes_starts_refuses_several_and_takes_one(rosenbrock, name, settings):
    optimizer = tbgrad.Optimizer(name, 0.001, **settings)
    with pytest.raises(CoupledStartsError, match=f"{next(iter(settings), name)}.*3 starts"):
        tbgrad.descend(rosenbrock, optimizer, STARTS, 5)
    assert np.isfinite(tbgrad.descend(rosenbrock, optimizer, STARTS[:1], 5).value).all()


def test_a_given_optimizer_that_mixes_starts_is_refused_too(rosenbrock):
    with pytest.raises(CoupledStartsError, match="clipnorm"):
        tbgrad.descend(rosenbrock, keras.optimizers.SGD(0.001, clipnorm=1.0), STARTS, 5)
    with pytest.raises(CoupledStartsError, match="lamb"):
        tbgrad.descend(rosenbrock, keras.optimizers.Lamb(0.001), STARTS, 5)

    class Homemade(keras.optimizers.SGD):
        pass

    with pytest.raises(CoupledStartsError, match="Homemade"):
        tbgrad.descend(rosenbrock, Homemade(0.001), STARTS, 5)


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_a_given_optimizer_is_left_as_it_was(rosenbrock, used):
    given = keras.optimizers.SGD(0.001, momentum=0.5)
    if used:
        variable = keras.Variable([1.0, 2.0])
        given.apply([tf.constant([0.5, 0.25])], [variable])
    before = given.get_config(), [v.numpy() for v in given.variables], given.built
    descent = tbgrad.descend(rosenbrock, given, STARTS[:1], 20)
    after = given.get_config(), [v.numpy() for v in given.variables], given.built
    assert str(after) == str(before)
    # It computes with its own float32 rate, which is not 0.001.
    expected = sgd(rosenbrock_gradient, STARTS[0], float(np.float32(0.001)), 20, momentum=0.5)
    np.testing.assert_allclose(descent.position[:, 0], expected, rtol=1e-12)
    assert descent.learning_rate == float(np.float32(0.001)) and descent.optimizer == "sgd"
    assert descent.settings["momentum"] == 0.5
    assert "float32" in descent.rate_rule


def test_a_schedule_is_followed(rosenbrock):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.001, decay_steps=10, decay_rate=0.5)
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer("sgd", schedule), STARTS[:1], 30)
    position = np.array(STARTS[0])
    for t in range(30):
        position = position - 0.001 * 0.5 ** (t / 10) * rosenbrock_gradient(position)
    np.testing.assert_allclose(descent.position[-1, 0], position, rtol=1e-5)
    assert descent.learning_rate is None


@pytest.mark.parametrize("name", ["Adam", "ADAM", "SGD", "RMSprop"])
def test_names_are_taken_in_any_case(name):
    assert tbgrad.Optimizer(name).name == name.lower()


@pytest.mark.parametrize(("name", "meant"), [("adm", "adam"), ("rmsprob", "rmsprop"), ("zzz", None), ("", None)])
def test_an_unknown_optimizer_is_told_the_nearest(name, meant):
    with pytest.raises(UnknownOptimizerError) as caught:
        tbgrad.Optimizer(name)
    assert isinstance(caught.value, LookupError) and caught.value.exit_code == 2
    assert (f"'{meant}'" in str(caught.value)) if meant else ("Did you mean" not in str(caught.value))


@pytest.mark.parametrize(
    "rate", [float("nan"), float("inf"), -0.1, 0, 0.0, True, "fast", "0.1", None, [0.1], 1 + 2j, np.float64("-inf")]
)
def test_a_rate_that_is_no_positive_number(rate):
    with pytest.raises(OptionError, match="learning rate"):
        tbgrad.Optimizer("sgd", learning_rate=rate)


@pytest.mark.parametrize("rate", [1, 0.5, np.float32(0.5), np.int64(2)])
def test_rates_of_all_kinds_of_numbers(rate):
    optimizer = tbgrad.Optimizer("sgd", rate)
    assert type(optimizer.learning_rate) is float and optimizer.learning_rate == rate


def test_an_unknown_option_is_told_the_nearest(rosenbrock):
    with pytest.raises(OptionError, match=r"no option 'momentun'.*'momentum'"):
        tbgrad.descend(rosenbrock, tbgrad.Optimizer("sgd", 0.1, momentun=0.9), STARTS, 5)
    with pytest.raises(OptionError, match="no option 'momentum'"):
        tbgrad.descend(rosenbrock, tbgrad.Optimizer("adam", 0.1, momentum=0.9), STARTS, 5)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sgd", {"momentum": "much"}),
        ("sgd", {"momentum": 2.0}),
        ("sgd", {"momentum": [0.9]}),
        ("adam", {"beta_1": "0.9"}),
        ("sgd", {"nesterov": "maybe"}),
        ("adam", {"clipnorm": "1"}),
        ("sgd", {"clipvalue": "1"}),
        ("sgd", {"weight_decay": "much"}),
        ("adam", {"clipnorm": 1.0, "clipvalue": 1.0}),
    ],
)
def test_an_option_of_the_wrong_type_or_range(rosenbrock, name, settings):
    with pytest.raises(OptionError, match=name):
        tbgrad.descend(rosenbrock, tbgrad.Optimizer(name, 0.1, **settings), STARTS[:1], 5)


@pytest.mark.parametrize("thing", [3, None, keras.optimizers.SGD, object()])
def test_what_is_no_optimizer_at_all(rosenbrock, thing):
    with pytest.raises(OptionError, match="Keras optimizer"):
        tbgrad.descend(rosenbrock, thing, STARTS, 5)


def test_equal_optimizers_have_equal_keys():
    assert tbgrad.Optimizer("sgd", 1, momentum=0.9).key() == tbgrad.Optimizer("SGD", 1.0, momentum=0.9).key()
    assert tbgrad.Optimizer("sgd", 1).key() != tbgrad.Optimizer("sgd", 2).key()
    assert GivenOptimizer(keras.optimizers.SGD(0.5)).key() == GivenOptimizer(keras.optimizers.SGD(0.5)).key()
    assert GivenOptimizer(keras.optimizers.SGD(0.5)).key() != GivenOptimizer(keras.optimizers.SGD(0.25)).key()
    text = repr(tbgrad.Optimizer("sgd", 0.001, momentum=0.9))
    assert text == "Optimizer('sgd', learning_rate=0.001, momentum=0.9)"
