"""The loss of Keras models as a Function: against tapes on the real model, and formulas; the model stays untouched."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tbgrad
from tbgrad.calculus.derivatives import value_only
from tbgrad.errors import FunctionCallError, OptionError, RangeError, ShapeError
from tbgrad.functions.samples import Samples

N = 20
RNG = np.random.default_rng(20)
X, Y = RNG.normal(size=(N, 6)).astype("float32"), RNG.normal(size=(N, 1)).astype("float32")
CLASSES, WORDS = RNG.integers(0, 3, N), RNG.integers(0, 12, (N, 5))
WEIGHT = RNG.uniform(0.5, 2.0, N).astype("float32")


def sequential():
    model = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, "tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    # The statistics differ from those of a fresh model.
    model.fit(X, CLASSES, epochs=2, verbose=0)
    return model, X, CLASSES


def frozen():
    model, x, y = sequential()
    model.layers[0].trainable = False
    return model, x, y


def two_inputs_and_outputs():
    one, other = layers.Input((6,)), layers.Input((2,))
    shared = layers.Dense(4, "tanh")
    a, b = shared(one), shared(layers.Dense(6)(other))
    model = keras.Model([one, other], [layers.Dense(1, name="p")(layers.add([a, b])), layers.Dense(3, name="q")(a)])
    model.compile("sgd", {"p": "mse", "q": keras.losses.SparseCategoricalCrossentropy(True)}, loss_weights=[0.3, 2.0])
    return model, [X, X[:, :2]], [Y, CLASSES]


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.norm, self.out = layers.Dense(5, "tanh"), layers.BatchNormalization(), layers.Dense(1)

    def call(self, x, training=False):
        h = self.norm(self.hidden(x), training=training)
        self.add_loss(0.1 * tf.reduce_mean(h**4))
        return self.out(h)


def subclassed():
    model = Own()
    model.compile("sgd", "mse")
    model(X)
    return model, X, Y


def recurrent():
    model = keras.Sequential(
        [layers.Input((5,)), layers.Embedding(12, 3, mask_zero=True), layers.LSTM(4), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    return model, WORDS, Y


def convolutional():
    model = keras.Sequential([layers.Input((3, 2, 1)), layers.Conv2D(2, 2, activation="tanh"), layers.Flatten()])
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    return model, X.reshape(N, 3, 2, 1), Y


def mixed():
    model = keras.Sequential([layers.Input((6,)), layers.Dense(4, "tanh", dtype="mixed_bfloat16"), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model, X, Y


def double():
    model = keras.Sequential([layers.Input((6,)), layers.Dense(4, "tanh", dtype="float64")])
    model.add(layers.Dense(1, dtype="float64"))
    model.compile("sgd", keras.losses.MeanSquaredError(dtype="float64"))
    return model, X, Y


MODELS = [sequential, frozen, two_inputs_and_outputs, subclassed, recurrent, convolutional, mixed, double]


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
def case(request):
    keras.utils.set_random_seed(7)
    return request.param()


def by_tape(model, x, y, weight=None):
    """Loss and gradient of the real model."""
    x, y = (tf.nest.map_structure(tf.constant, part) for part in (x, y))
    weights = [v.value for v in model.trainable_weights]
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False), sample_weight=weight, training=False)
    return float(loss), np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in tape.gradient(loss, weights)])


def state(model):
    return [v.numpy().tobytes() for v in [*model.variables, *model.optimizer.variables, *model.metrics_variables]]


def test_loss_and_gradient_are_a_tapes(case):
    model, x, y = case
    f = tbgrad.model_loss(model, x, y)
    loss, gradient = by_tape(*case)
    precision = np.float64 if model.trainable_weights[0].dtype == "float64" else np.float32
    for dtype in ("float64", "float32"):
        found = tbgrad.evaluate(f, [f.weights()], dtype=dtype)
        assert found.value.dtype == found.gradient.dtype == dtype and f.dimensions == len(gradient)
        np.testing.assert_allclose(found.value, [loss], rtol=4 * np.finfo(np.float32).eps)
        np.testing.assert_allclose(found.gradient[0], gradient, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())
    assert f.weights().dtype == precision and f.precision == ("" if precision == np.float64 else "float32")


def test_elsewhere_it_is_the_model_with_those_weights(case):
    model, x, y = case
    f, before = tbgrad.model_loss(model, x, y), model.get_weights()
    moved = f.weights() + RNG.normal(size=f.dimensions) * 0.1
    value, gradient = tbgrad.evaluate(f, [moved]).value, tbgrad.evaluate(f, [moved]).gradient[0]
    for variable, weight in zip(model.trainable_weights, f.layout.unflatten(moved), strict=True):
        variable.assign(weight)
    loss, expected = by_tape(model, x, y)
    np.testing.assert_allclose(value, [loss], rtol=1e-5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(f.weights(), moved, rtol=1e-6)
    model.set_weights(before)


def test_the_model_is_left_as_it_was(case):
    model, x, y = case
    # What somebody else has put on a layer stays, too.
    for layer in model.layers[1:]:
        layer.__dict__["call"] = layer.call
    before, attributes = state(model), [dict(layer.__dict__) for layer in model.layers]
    f = tbgrad.model_loss(model, x, y, batch_norm="batch")
    tbgrad.evaluate(f, [f.weights() * 1.5])
    # Of several outputs Keras makes metrics when the loss is first computed.
    assert state(model)[: len(before)] == before
    for layer, held in zip(model.layers, attributes, strict=True):
        assert layer.__dict__.keys() == held.keys() and layer.__dict__.get("call") is held.get("call")


def test_in_batches_it_is_the_mean_over_batches(case):
    model, x, y = case
    f = tbgrad.model_loss(model, x, y, batch_size=8)
    parts = [slice(0, 8), slice(8, 16), slice(16, N)]
    found = [by_tape(model, *(tf.nest.map_structure(lambda a, p=p: a[p], d) for d in (x, y))) for p in parts]
    shares = np.array([8, 8, 4]) / N
    at = [f.weights()]
    np.testing.assert_allclose(tbgrad.evaluate(f, at).value, [shares @ [loss for loss, _ in found]], rtol=1e-5)
    expected = shares @ np.array([gradient for _, gradient in found])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(tbgrad.evaluate(f, at).gradient[0], expected, rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize(
    ("make", "batch_size"), [(sequential, None), (recurrent, None), (convolutional, 8), (double, 8)]
)
def test_hessian_products_are_differences_of_gradients(make, batch_size):
    keras.utils.set_random_seed(7)
    model, x, y = make()
    f = tbgrad.model_loss(model, x, y, batch_size=batch_size)
    vector = RNG.normal(size=f.dimensions)
    vector /= np.linalg.norm(vector)
    step = 1e-5 if make is double else 5e-3
    ends = tbgrad.evaluate(f, f.weights().astype(float) + step * np.outer([1.0, -1.0], vector)).gradient
    expected = (ends[0] - ends[1]) / (2 * step)
    found = tbgrad.hvp(f, [f.weights()], vector)[0]
    tolerance = 1e-7 if make is double else 3e-3
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


def linear(weight=None, **known):
    """A linear model without a bias: its loss is |Xw - y|² / n."""
    model = keras.Sequential([layers.Input((6,)), layers.Dense(1, use_bias=False, dtype="float64")])
    model.compile("sgd", keras.losses.MeanSquaredError(dtype="float64"))
    return tbgrad.model_loss(model, X, Y, sample_weight=weight, **known)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_linear_model_is_the_formula(batch_size):
    f, x, y = linear(batch_size=batch_size), X.astype(float), Y[:, 0].astype(float)
    points = RNG.normal(size=(3, 6))
    rest = points @ x.T - y
    found = tbgrad.evaluate(f, points)
    np.testing.assert_allclose(found.value, (rest**2).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.gradient, 2 * rest @ x / N, rtol=1e-11)
    np.testing.assert_allclose(tbgrad.hessian(f, points[:1])[0], 2 * x.T @ x / N, rtol=1e-11, atol=1e-13)


def test_on_any_plane_a_linear_model_is_a_quadratic():
    f, x, y = linear(), X.astype(float), Y[:, 0].astype(float)
    origin, directions = RNG.normal(size=6), RNG.normal(size=(2, 6))
    surface = tbgrad.surface(tbgrad.restrict(f, origin, directions), [("along", -1, 2), ("across", -1, 1)], points=7)
    rest = (origin + surface.position @ directions) @ x.T - y
    np.testing.assert_allclose(surface.value, (rest**2).mean(axis=-1), rtol=1e-12)
    np.testing.assert_allclose(surface.gradient, 2 * rest @ x @ directions.T / N, rtol=1e-10, atol=1e-12)
    assert f.data == f.caption == "20 samples of 6" and surface.subject.caption == f.caption


def test_samples_are_weighted():
    f, x, y = linear(WEIGHT), X.astype(float), Y[:, 0].astype(float)
    w = RNG.normal(size=6)
    value = (WEIGHT * (x @ w - y) ** 2).mean()
    np.testing.assert_allclose(tbgrad.evaluate(f, [w]).value, [value], rtol=1e-12)


def test_batch_norm_with_the_batch_normalizes_by_the_batch():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([layers.Input((6,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("sgd", "mse")
    dense, norm, out = model.layers
    h = X @ dense.kernel.numpy() + dense.bias.numpy()
    stored = h / np.sqrt(1 + norm.epsilon)
    of_batch = (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + norm.epsilon)
    for how, normal in (("stored", stored), ("batch", of_batch)):
        f = tbgrad.model_loss(model, X, Y, batch_norm=how)
        expected = np.mean((normal @ out.kernel.numpy() - Y) ** 2)
        np.testing.assert_allclose(tbgrad.evaluate(f, [f.weights()]).value, [expected], rtol=1e-5)
        assert f"batch norm with {'the batch' if how == 'batch' else 'stored'} statistics" in f.data


def test_a_loss_may_be_given_and_penalties_left_out():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([layers.Input((6,)), layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))])
    rest, squares = model.predict(X, verbose=0) - Y, float(np.sum(model.layers[0].kernel.numpy() ** 2))
    for loss in ("mse", keras.losses.MeanSquaredError(), lambda y, p: tf.reduce_mean((y - p) ** 2, axis=-1)):
        f = tbgrad.model_loss(model, X, Y, loss=loss)
        np.testing.assert_allclose(tbgrad.evaluate(f, [f.weights()]).value, [np.mean(rest**2) + 0.1 * squares], 1e-6)
    f = tbgrad.model_loss(model, X, Y, loss="mae", regularization=False)
    np.testing.assert_allclose(tbgrad.evaluate(f, [f.weights()]).value, [np.abs(rest).mean()], rtol=1e-6)
    assert "without penalties" in f.data and not model.compiled


def test_a_compiled_call_does_not_keep_the_old_weights():
    class Compiled(Own):
        def build(self, shape):
            self.hidden.build(shape)
            self.out.build((None, 5))

        @tf.function
        def call(self, x, training=False):
            return self.out(self.hidden(x))

    model = Compiled()
    model.compile("sgd", "mse")
    model(X)
    f = tbgrad.model_loss(model, X, Y)
    hidden = np.tanh(X @ model.hidden.kernel.numpy() + model.hidden.bias.numpy())
    rest = hidden @ model.out.kernel.numpy() * 2 - Y
    weights = f.layout.unflatten(f.weights().copy())
    weights[2] *= 2
    found = tbgrad.evaluate(f, [f.layout.flatten(weights)])
    np.testing.assert_allclose(found.value, [np.mean(rest**2)], rtol=1e-6)
    expected = 2 * hidden.T @ rest / N
    np.testing.assert_allclose(f.layout.unflatten(found.gradient[0])[2], expected, rtol=1e-4, atol=1e-6)


def test_it_stays_one_function_while_the_model_is_trained():
    keras.utils.set_random_seed(3)
    model, x, y = sequential()
    f = tbgrad.model_loss(model, x, y)
    at = f.weights()
    before = tbgrad.evaluate(f, [at]).value
    x += 1.0
    model.fit(x, y, epochs=2, verbose=0)
    x -= 1.0
    model.compile("sgd", "mse")
    assert (f.weights() != at).any()
    assert tbgrad.evaluate(f, [at]).value == before
    # A program that is traced after all this is of the same function, too.
    vector = np.ones(f.dimensions)
    slope = tbgrad.evaluate(f, [at]).gradient[0] @ vector
    np.testing.assert_allclose(tbgrad.jvp(f, [at], vector), [slope], rtol=1e-5)
    np.testing.assert_allclose(value_only(f, "float64")([at]), before, rtol=1e-6)


def test_fingerprints_tell_functions_apart():
    keras.utils.set_random_seed(3)
    model, x, y = sequential()
    other = x.copy()
    other[0, 0] += 1
    makes = [
        lambda: tbgrad.model_loss(model, x, y),
        lambda: tbgrad.model_loss(model, other, y),
        lambda: tbgrad.model_loss(model, x, y, batch_size=5),
        lambda: tbgrad.model_loss(model, x, y, batch_norm="batch"),
        lambda: tbgrad.model_loss(model, x, y, regularization=False),
        lambda: tbgrad.model_loss(model, x, y, sample_weight=WEIGHT),
        lambda: tbgrad.model_loss(model, x, y, loss="sparse_categorical_crossentropy"),
    ]
    first = [make().request() for make in makes]
    assert [make().request() for make in makes] == first
    assert len({request["fingerprint"] for request in first}) == len(makes)
    model.fit(x, y, verbose=0)
    assert makes[0]().fingerprint != first[0]["fingerprint"], "the statistics of batch norm are another constant now"


def test_the_check_accuses_no_right_gradient_of_a_float32_model():
    keras.utils.set_random_seed(3)
    model, x, y = convolutional()
    f = tbgrad.model_loss(model, x, y)
    plane = tbgrad.restrict(f, f.weights(), RNG.normal(size=(2, f.dimensions)))
    check = tbgrad.check_gradient(plane, RNG.uniform(-1, 1, size=(10, 2)))
    assert {p.verdict for p in check.points} == {"agrees"} and check.dtype == "float32"
    assert np.median([p.digits for p in check.points]) > 2


def test_the_check_finds_a_wrong_gradient_in_a_layer():
    @tf.custom_gradient
    def wrong(x):
        return x**3, lambda upstream: 2.5 * upstream * x**2

    keras.utils.set_random_seed(3)
    model = keras.Sequential([layers.Input((6,)), layers.Dense(3), layers.Lambda(wrong), layers.Dense(1)])
    model.compile("sgd", "mse")
    f = tbgrad.model_loss(model, X, Y)
    plane = tbgrad.restrict(f, f.weights(), RNG.normal(size=(2, f.dimensions)))
    check = tbgrad.check_gradient(plane, RNG.uniform(-1, 1, size=(4, 2)))
    assert "disagrees" in {p.verdict for p in check.points}


def test_basins_on_a_plane():
    f = linear()
    plane = tbgrad.restrict(f, np.zeros(6), np.eye(6)[:2])
    basins = tbgrad.find_basins(
        plane, tbgrad.Optimizer("sgd", learning_rate=0.2), [("along", -1, 1), ("across", -1, 1)], points=4, steps=400
    )
    best = np.linalg.lstsq(X[:, :2].astype(float), Y[:, 0].astype(float), rcond=None)[0]
    assert len(basins.ends) == 1
    np.testing.assert_allclose(basins.position.reshape(-1, 2), np.tile(best, (16, 1)), atol=1e-5)


def test_mistakes_are_told():
    model, x, y = convolutional()
    fresh = keras.Sequential([layers.Dense(1)])
    with pytest.raises(OptionError, match="has no weights yet"):
        tbgrad.model_loss(fresh, X, Y)
    with pytest.raises(OptionError, match="not compiled; expected loss="):
        tbgrad.model_loss(keras.Sequential([layers.Input((6,)), layers.Dense(1)]), X, Y)
    with pytest.raises(OptionError, match="expected a Keras model"):
        tbgrad.model_loss(lambda x: x, X, Y)
    with pytest.raises(OptionError, match="expected y"):
        tbgrad.model_loss(model, x)
    with pytest.raises(OptionError, match="batch_norm is 'none'; expected one of stored, batch"):
        tbgrad.model_loss(model, x, y, batch_norm="none")
    with pytest.raises(RangeError, match="batch_size is 0"):
        tbgrad.model_loss(model, x, y, batch_size=0)
    with pytest.raises(OptionError, match="Keras does not take the loss 'mze'"):
        tbgrad.model_loss(model, x, y, loss="mze")
    with pytest.raises(ShapeError, match="as many rows in each"):
        tbgrad.model_loss(model, x, y[:5])
    with pytest.raises(OptionError, match="collect it"):
        tbgrad.model_loss(model, tf.data.Dataset.from_tensor_slices((x, y)))
    f = tbgrad.model_loss(model, x, y)
    with pytest.raises(ShapeError, match=r"expected \(\d+,\), all trainable weights"):
        f.layout.unflatten(np.zeros(3))
    with pytest.raises(ShapeError, match="kernel' has shape"):
        f.layout.flatten([w.T for w in model.get_weights()])
    with pytest.raises(FunctionCallError):
        wrong = tbgrad.model_loss(model, X, Y)
        tbgrad.evaluate(wrong, [wrong.weights()])
    model.trainable = False
    with pytest.raises(OptionError, match=r"all weights of .* are frozen"):
        tbgrad.model_loss(model, x, y)


def test_a_layer_that_is_built_only_now_is_told():
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.out, self.late, self.uses_late = layers.Dense(1), layers.Dense(6), False

        def build(self, shape):
            self.out.build(shape)

        def call(self, x):
            return self.out(self.late(x) if self.uses_late else x)

    model = Late()
    model(X)
    model.uses_late = True
    f = tbgrad.model_loss(model, X, Y, loss="mse")
    with pytest.raises(FunctionCallError, match="a layer was not built"):
        tbgrad.evaluate(f, [f.weights()])


def test_samples_are_counted_and_copied():
    given = {"a": np.ones((4, 2), np.int32), "b": [[1.0], [2.0], [3.0], [4.0]]}
    samples = Samples.of(given, None, None, "float32")
    given["a"][:] = 5
    assert samples.count == 4 and samples.words == "4 samples of 2 and 1"
    assert (
        samples.x["a"].dtype == tf.int32 and samples.x["b"].dtype == tf.float32 and (samples.x["a"].numpy() == 1).all()
    )
    x, y, weight = samples.part(tf.constant(1), 2)
    assert x["b"].numpy().tolist() == [[2.0], [3.0]] and y is None and weight is None
