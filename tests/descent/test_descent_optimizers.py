"""Every optimizer of Keras: against an eager Keras loop, alone and in a batch, and what is refused."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import sgd

import tbgrad
from tbgrad.descent.optimizers import OPTIMIZERS, GivenOptimizer
from tbgrad.errors import OptionError, ShapeError, UnknownOptimizerError

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


@pytest.mark.parametrize("xla", [True, False], ids=["xla", "plain"])
@pytest.mark.parametrize(("name", "settings"), COUPLED_CASES)
def test_what_mixes_coordinates_runs_each_start_on_its_own(rosenbrock, name, settings, xla, monkeypatch):
    # As one matrix of coordinates, the starts would share a norm, a mean or a product.
    f = rosenbrock if xla else without_xla(monkeypatch)
    optimizer = tbgrad.Optimizer(name, 0.001, **settings)
    together = tbgrad.descend(f, optimizer, STARTS, 40)
    for k, start in enumerate(STARTS):
        alone = tbgrad.descend(f, optimizer, [start], 40)
        np.testing.assert_allclose(together.position[:, k], alone.position[:, 0], rtol=1e-12, atol=1e-14)


def without_xla(monkeypatch):
    """Rosenbrock's function where no program is compiled by XLA."""
    traced = tf.function

    def plain(*arguments, jit_compile=None, **options):
        return traced(*arguments, **options)

    monkeypatch.setattr(tf, "function", plain)
    return tbgrad.Function.of_formula("(1 - x)**2 + 100*(y - x**2)**2")


@pytest.mark.parametrize(("name", "settings"), [(name, {}) for name in OPTIMIZERS if name not in COUPLED] + SETTINGS)
def test_it_goes_the_same_way_without_xla(rosenbrock, name, settings, monkeypatch):
    optimizer = tbgrad.Optimizer(name, 0.001, **settings)
    compiled = tbgrad.descend(rosenbrock, optimizer, STARTS, 40)
    plain = tbgrad.descend(without_xla(monkeypatch), optimizer, STARTS, 40)
    np.testing.assert_allclose(plain.position, compiled.position, rtol=1e-11, atol=1e-13)


class Homemade(keras.optimizers.SGD):
    """Nobody can know whether it treats each coordinate on its own; this one does not."""

    def update_step(self, gradient, variable, learning_rate):
        self.assign_sub(variable, gradient * tf.cast(learning_rate, gradient.dtype) / (1 + tf.norm(gradient)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.001, clipnorm=1.0),
        lambda: keras.optimizers.Lamb(0.001),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.InverseTimeDecay(0.01, 5, 0.5)),
        lambda: Homemade(0.001),
    ],
    ids=["clipnorm", "lamb", "schedule", "homemade"],
)
def test_a_given_optimizer_goes_with_many_starts_as_with_one(rosenbrock, make):
    together = tbgrad.descend(rosenbrock, make(), STARTS, 20)
    for k, start in enumerate(STARTS):
        alone = tbgrad.descend(rosenbrock, make(), [start], 20)
        np.testing.assert_allclose(together.position[:, k], alone.position[:, 0], rtol=1e-12, atol=1e-14)
    expected = eager(make(), STARTS[0], 20)
    np.testing.assert_allclose(together.position[:, 0], expected, rtol=2e-5, atol=2e-5)


RATES = np.array([0.001, 0.0005, 0.002])
EACH = [
    ("sgd", {"momentum": np.array([0.9, 0.5, 0.0])}),
    ("sgd", {"momentum": np.array([0.9, 0.5, 0.1]), "nesterov": True}),
    ("adam", {"beta_1": np.array([0.9, 0.8, 0.5]), "beta_2": np.array([0.999, 0.9, 0.99])}),
    ("rmsprop", {"rho": np.array([0.9, 0.8, 0.5]), "momentum": np.array([0.1, 0.2, 0.3])}),
    ("nadam", {"beta_1": np.array([0.9, 0.8, 0.5])}),
    ("lamb", {"beta_1": np.array([0.9, 0.8, 0.5])}),
    ("adamw", {"weight_decay": np.array([0.1, 0.2, 0.3])}),
    ("ftrl", {"beta": np.array([0.1, 0.2, 0.3])}),
]


@pytest.mark.parametrize(("name", "settings"), EACH)
def test_each_start_may_have_its_own_rate_and_settings(rosenbrock, name, settings):
    together = tbgrad.descend(rosenbrock, tbgrad.Optimizer(name, RATES, **settings), STARTS, 40)
    for k, start in enumerate(STARTS):
        own = {n: float(v[k]) if isinstance(v, np.ndarray) else v for n, v in settings.items()}
        alone = tbgrad.descend(rosenbrock, tbgrad.Optimizer(name, float(RATES[k]), **own), [start], 40)
        np.testing.assert_allclose(together.position[:, k], alone.position[:, 0], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(together.learning_rate, RATES)


@pytest.mark.parametrize(
    ("rate", "settings", "error"),
    [
        (np.array([0.1, 0.2]), {}, ShapeError),
        (np.array([0.1, -0.2, 0.3]), {}, OptionError),
        (np.array([0.1, np.nan, 0.3]), {}, OptionError),
        (np.array([]), {}, OptionError),
        (0.1, {"momentum": np.array([0.1, 0.2])}, ShapeError),
        (0.1, {"momentum": np.array([0.1, 2.0, 0.3])}, OptionError),
        (0.1, {"nesterov": np.array([True, False, True])}, OptionError),
    ],
)
def test_numbers_for_each_start_that_are_none(rosenbrock, rate, settings, error):
    with pytest.raises(error):
        tbgrad.descend(rosenbrock, tbgrad.Optimizer("sgd", rate, **settings), STARTS, 5)


def test_another_rate_compiles_nothing(rosenbrock):
    f = rosenbrock.with_parameters(b=50.0)
    tbgrad.descend(f, tbgrad.Optimizer("adam", 0.01), STARTS, 5)
    programs = set(f._programs)
    moved = tbgrad.descend(f, tbgrad.Optimizer("adam", 0.02), STARTS, 5)
    assert set(f._programs) == programs
    alone = tbgrad.descend(f.with_parameters(b=50.0), tbgrad.Optimizer("adam", 0.02), STARTS, 5)
    np.testing.assert_array_equal(moved.position, alone.position)


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


SCHEDULES = keras.optimizers.schedules
# Each with its formula in float64, from Keras's documentation.
FOLLOWED = [
    (SCHEDULES.ExponentialDecay(0.001, 10, 0.5), lambda t: 0.001 * 0.5 ** (t / 10)),
    (SCHEDULES.ExponentialDecay(0.001, 10, 0.5, staircase=True), lambda t: 0.001 * 0.5 ** (t // 10)),
    (SCHEDULES.InverseTimeDecay(0.001, 10, 0.5), lambda t: 0.001 / (1 + 0.5 * t / 10)),
    (SCHEDULES.PolynomialDecay(0.001, 20, 1e-5, 2.0), lambda t: 0.00099 * (1 - min(t, 20) / 20) ** 2 + 1e-5),
    (SCHEDULES.PiecewiseConstantDecay([10, 20], [1e-3, 5e-4, 1e-4]), lambda t: [1e-3, 5e-4, 1e-4][(t > 10) + (t > 20)]),
    (SCHEDULES.CosineDecay(0.001, 25), lambda t: 0.001 * (1 + np.cos(np.pi * min(t, 25) / 25)) / 2),
]


@pytest.mark.parametrize(("schedule", "rate"), FOLLOWED, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("starts", [1, 3])
def test_a_schedule_is_followed_in_float64(rosenbrock, schedule, rate, starts):
    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer("sgd", schedule), STARTS[:starts], 30)
    position = np.array(STARTS[0])
    for t in range(30):
        position = position - rate(t) * rosenbrock_gradient(position)
    np.testing.assert_allclose(descent.position[-1, 0], position, rtol=1e-12)
    assert descent.learning_rate is None and type(schedule).__name__ in descent.rate_rule


def test_a_schedule_of_ones_own_is_followed(rosenbrock):
    class Halving(SCHEDULES.LearningRateSchedule):
        def __call__(self, step):
            return 0.001 * 0.5 ** tf.cast(step, tf.float64)

        def get_config(self):
            return {}

    descent = tbgrad.descend(rosenbrock, tbgrad.Optimizer("sgd", Halving()), STARTS[:1], 5)
    position = np.array(STARTS[0])
    for t in range(5):
        position = position - 0.001 * 0.5**t * rosenbrock_gradient(position)
    np.testing.assert_allclose(descent.position[-1, 0], position, rtol=1e-14)


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
    # The rate is a number that the program is given.
    assert tbgrad.Optimizer("sgd", 1).key() == tbgrad.Optimizer("sgd", 2).key()
    assert tbgrad.Optimizer("sgd", 1, momentum=0.9).key() != tbgrad.Optimizer("sgd", 1, momentum=0.8).key()
    assert GivenOptimizer(keras.optimizers.SGD(0.5)).key() == GivenOptimizer(keras.optimizers.SGD(0.5)).key()
    assert GivenOptimizer(keras.optimizers.SGD(0.5)).key() != GivenOptimizer(keras.optimizers.SGD(0.25)).key()
    text = repr(tbgrad.Optimizer("sgd", 0.001, momentum=0.9))
    assert text == "Optimizer('sgd', learning_rate=0.001, momentum=0.9)"
