"""What is read of a training by layer and in total: against the vectors that the lengths are of."""

import dataclasses
import itertools

import numpy as np
import pytest
from training_samples import make_training

import tbgrad
from tbgrad.errors import OptionError, ShapeError
from tbgrad.results import Fault, Layer, NotFinite, Rules, joined, worst_first

LAYERS = (
    Layer("a", "Dense", ("kernel", "bias"), (6, 2)),
    Layer("relu", "ReLU"),
    Layer("b", "Embedding", ("embeddings",), (5,), is_sparse=True),
    Layer("c", "Dense", ("kernel", "bias"), (4, 1)),
)
OWNER = np.array([0, 0, 2, 3, 3])


def vectors(seed=1, rows=4, scale=1.0):
    """The gradients, updates and weights themselves, by row and weight, and the training that is measured of them."""
    rng = np.random.default_rng(seed)
    sizes = [size for layer in LAYERS for size in layer.sizes]
    kinds = {}
    for name in ("gradient", "update", "weight"):
        kinds[name] = [[scale * rng.normal(size=n) * (rng.uniform(size=n) > 0.3) for n in sizes] for _ in range(rows)]
    before = [[np.full(n, np.nan) for n in sizes], *kinds["gradient"][:-1]]

    def of(function, *lists):
        return np.array([[function(*parts) for parts in zip(*row, strict=True)] for row in zip(*lists, strict=True)])

    g = kinds["gradient"]
    training = tbgrad.results.Training(
        "net", "sgd", LAYERS, np.arange(rows), np.linspace(2, 1, rows), np.full(rows, 0.1),
        norm=of(np.linalg.norm, g), clipped_norm=of(np.linalg.norm, g) / 2, largest=of(lambda v: np.abs(v).max(), g),
        zeros=of(lambda v: (v == 0).mean(), g), product=of(np.dot, g, before), norm_before=of(np.linalg.norm, before),
        update_norm=of(np.linalg.norm, kinds["update"]), weight_norm=of(np.linalg.norm, kinds["weight"]),
        dead=np.full((rows, 4), np.nan),
    )  # fmt: skip
    return kinds, training


def whole(row, layer=None):
    """All numbers of a layer, or of all of them, in one vector."""
    return np.concatenate([v for v, owner in zip(row, OWNER, strict=True) if layer is None or owner == layer])


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30, 1e-160, 1e150])
@pytest.mark.parametrize("layer", [0, 2, 3, None])
def test_readings_are_those_of_the_vectors(layer, scale):
    kinds, training = vectors()
    names = ["norm", "clipped_norm", "largest", "norm_before", "update_norm", "weight_norm"]
    scaled = {name: scale * getattr(training, name) for name in names}
    with np.errstate(under="ignore"):
        training = dataclasses.replace(training, product=scale * (scale * training.product), **scaled)
    read = training.total if layer is None else training.by_layer
    column = (slice(None),) if layer is None else (slice(None), layer)
    g, u, w = ([whole(row, layer) for row in kinds[name]] for name in ("gradient", "update", "weight"))
    length = np.linalg.norm
    close = {"rtol": 1e-12}
    np.testing.assert_allclose(read.gradient_norm[column] / scale, [length(v) for v in g], **close)
    np.testing.assert_allclose(read.clipped_norm[column] / scale, [length(v) / 2 for v in g], **close)
    np.testing.assert_allclose(read.largest[column] / scale, [np.abs(v).max() for v in g], **close)
    np.testing.assert_allclose(read.zeros[column], [(v == 0).mean() for v in g], **close)
    ratio = [length(v) / length(x) for v, x in zip(u, w, strict=True)]
    np.testing.assert_allclose(read.update_ratio[column], ratio, **close)
    cosine = [np.nan, *(a @ b / length(a) / length(b) for a, b in itertools.pairwise(g))]
    if 1e-100 < scale < 1e100:
        np.testing.assert_allclose(read.cosine[column], cosine, **close)
    if layer is not None:
        rms = [np.sqrt(np.mean(v**2)) for v in g]
        np.testing.assert_allclose(training.rms[:, layer] / scale, rms, **close)


def test_a_layer_without_weights_has_nothing_to_read():
    _, training = vectors()
    for name in ("gradient_norm", "clipped_norm", "largest", "zeros", "cosine", "update_norm", "update_ratio"):
        assert np.isnan(getattr(training.by_layer, name)[:, 1]).all(), name
    assert np.isnan(training.rms[:, 1]).all() and np.isnan(training.layer_sizes[1])


def test_weights_without_a_gradient_do_not_count():
    kinds, training = vectors()
    cut = [("a", "bias", "?"), ("b", "embeddings", "?")]
    norm = np.where(np.isin(np.arange(5), [1, 2]), np.nan, training.norm)
    training = dataclasses.replace(training, norm=norm, without_gradient=tuple(cut))
    left = [np.concatenate([row[0], row[3], row[4]]) for row in kinds["gradient"]]
    np.testing.assert_allclose(training.total.gradient_norm, [np.linalg.norm(v) for v in left])
    np.testing.assert_allclose(training.rms[:, 0], [np.sqrt(np.mean(row[0] ** 2)) for row in kinds["gradient"]])
    assert np.isnan(training.rms[:, 2]).all()


def test_ratio_and_cosine_are_missing_where_they_have_no_meaning():
    training = make_training(np.array([[1.0, 1.0, 1.0], [0.0, np.inf, 1.0], [1.0, 1.0, np.nan]]))
    training = dataclasses.replace(training, weight_norm=np.zeros((3, 6)))
    assert np.isnan(training.by_layer.update_ratio).all() and np.isnan(training.total.update_ratio).all()
    # The length is zero or infinite in row 1, that of the step before in row 2.
    assert np.isnan(training.by_layer.cosine[:, 0]).all() and np.isnan(training.by_layer.cosine[:, 1]).all()
    assert np.isfinite(training.by_layer.cosine[:, 2]).tolist() == [False, True, False]
    finite = dataclasses.replace(training, product=np.ones((3, 6)))
    assert np.isnan(finite.by_layer.cosine[1:, 1]).all()
    assert np.isinf(training.gradient_norm[1, 1]) and np.isnan(training.gradient_norm[2, 2])


def test_parts_joined_are_the_whole():
    whole = make_training(np.random.default_rng(0).uniform(size=(10, 3)))
    bad = NotFinite(7, np.nan, np.zeros(6, bool), np.zeros(6, bool))
    parts = [whole.rows(slice(0, 4)), whole.rows(np.arange(4, 9)), whole.rows(slice(9, 10))]
    parts[1] = dataclasses.replace(parts[1], not_finite=bad)
    parts[2] = dataclasses.replace(parts[2], clipped_norm=parts[2].norm / 2)
    again = joined(parts)
    for name in ("step", "loss", "norm", "zeros", "product", "dead"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    np.testing.assert_array_equal(again.clipped_norm, [*whole.norm[:9], *whole.norm[9:] / 2])
    assert again.not_finite is bad and joined([whole]).clipped_norm is None


def test_what_does_not_belong_together_is_not_joined():
    whole = make_training(np.ones((4, 3)))
    with pytest.raises(ShapeError, match="expected the same layers, and steps that increase"):
        joined([whole, whole])
    with pytest.raises(ShapeError, match="no parts of one training"):
        joined([whole, make_training(np.ones((4, 2)), step=np.arange(4, 8))])


def test_the_table_has_a_row_for_each_layer():
    fault = Fault("vanishing", "net/dense_1", "", 3, "It vanishes.", "Mend it.", ("net/dense_0",))
    training = dataclasses.replace(make_training(np.ones((5, 3))), faults=(fault,))
    text = repr(training)
    assert "gradients of net with adam, steps 0 to 4 in 5 rows, loss 1 to 1; 1 fault" in text
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["net/dense_0", "net/dense_1", "net/dense_2"]
    assert [line.split()[-1] for line in lines[2:]] == ["vanishing", "vanishing", "healthy"]
    assert training._repr_html_().count("<tr>") == 4
    assert "no steps yet" in repr(training.rows(slice(0, 0)))


def test_the_worst_fault_comes_first():
    kinds = ["dead", "vanishing", "not finite", "exploding", "no gradient", "diverging"]
    faults = [Fault(kind, "", "", step, "", "") for step in (9, 2) for kind in kinds]
    told = [(fault.kind, fault.step) for fault in worst_first(faults)]
    order = ["not finite", "diverging", "no gradient", "exploding", "vanishing", "dead"]
    assert told == [(kind, step) for kind in order for step in (2, 9)]


@pytest.mark.parametrize("rule", [
    {"vanishing": 0}, {"vanishing": 1.0}, {"exploding": 1.0}, {"exploding": np.inf}, {"sustained": 0},
    {"sustained": 2.5}, {"sustained": True}, {"dead": 0}, {"dead": 1.1}, {"converged": 1}, {"diverging": np.nan},
])  # fmt: skip
def test_rules_outside_their_range_are_refused(rule):
    (name, value), *_ = rule.items()
    with pytest.raises(OptionError, match=f"the rule '{name}' is {value!r}; expected"):
        Rules(**rule)
