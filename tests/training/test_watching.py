"""The watch: planted faults are found, with layer and step, told once; health is not accused."""

import dataclasses

import numpy as np
import pytest
from training_samples import make_layers, make_training

from tbgrad.errors import OptionError
from tbgrad.results import Layer, NotFinite
from tbgrad.training.watching import Rules, Watch

ROWS, DEPTH = 60, 8
RULES = Rules(sustained=10)


def noisy(rows=ROWS, layers=DEPTH, seed=0):
    """Root mean squares of a sound network: all alike, but for a factor of some."""
    return 10 ** np.random.default_rng(seed).uniform(-0.5, 0.5, (rows, layers))


def look(training, rules=RULES):
    return Watch(rules).look(training)


def faded(factor, rows=ROWS, layers=DEPTH):
    """From the output, the last, each layer's gradient is so many times that of the layer above."""
    return noisy(rows, layers) * factor ** np.arange(layers - 1, -1, -1)


@pytest.mark.parametrize("seed", range(3))
def test_a_sound_training_is_not_accused(seed):
    assert look(make_training(noisy(seed=seed), np.geomspace(2, 0.5, ROWS))) == []


def test_a_tower_whose_gradient_fades_has_one_fault_that_names_where_it_dies():
    layers = make_layers(DEPTH, "sigmoid")
    # A factor of 10 a layer: the median is between layers 3 and 4. Layer 2 has 1/32 of it and 1/1e5 of the output.
    rms = 10.0 ** np.arange(DEPTH) * np.ones((ROWS, 1))
    (fault,) = look(make_training(rms, layers=layers, step=np.arange(ROWS) + 5))
    assert (fault.kind, fault.layer, fault.shared, fault.step) == (
        "vanishing",
        "net/dense_2",
        tuple(f"net/dense_{k}" for k in (0, 1)),
        5,
    )
    for word in ("'net/dense_2' and 2 more layers below it, since step 5", "at step 14", "is 1e+02, 32 times less",
                 "1e5 times less than in 'net/dense_7', nearer to the output (1e+07)"):  # fmt: skip
        assert word in fault.sentence
    assert fault.cure.startswith("Take ReLU or GELU instead of sigmoid")


def test_where_tanh_fades_small_weights_are_asked_for_first():
    rms = 10.0 ** np.arange(DEPTH) * np.ones((ROWS, 1))
    (fault,) = look(make_training(rms, layers=make_layers(DEPTH, "tanh")))
    assert fault.cure.startswith("Initialise with Glorot if the weights begin smaller")
    assert "instead of tanh" in fault.cure


def test_a_gradient_that_grows_towards_the_input_explodes_and_does_not_vanish():
    rms = 200.0 ** np.arange(DEPTH - 1, -1, -1) * np.ones((ROWS, 1))
    (fault,) = look(make_training(rms))
    assert (fault.kind, fault.layer, fault.shared) == ("exploding", "net/dense_2", ("net/dense_0", "net/dense_1"))
    assert "2,828 times the median layer's" in fault.sentence and "'net/dense_0', 1.3e+16" in fault.sentence


def test_a_head_that_begins_at_zero_lets_little_through_and_is_not_accused():
    rms = noisy()
    rms[:, :-1] *= 1e-7
    assert look(make_training(rms)) == []


def test_a_skip_past_branches_that_are_closed_does_not_explode():
    # The first layer gets its gradient past the branches, those get next to none.
    rms = noisy()
    rms[:, 1:-1] *= 1e-5
    assert look(make_training(rms)) == []


def test_a_factor_of_its_own_may_get_much():
    rms = noisy()
    rms[:, 3] *= 1e4
    assert look(make_training(rms)) == []
    rms[:, 3] *= 1e4
    assert [(f.kind, f.layer) for f in look(make_training(rms))] == [("exploding", "net/dense_3")]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_faults_do_not_depend_on_how_the_rows_come(size):
    rms, dead = faded(0.1), np.full((ROWS, DEPTH), np.nan)
    rms[:12], rms[30:34] = noisy(12), noisy(4)
    rms[:, -1] *= np.where(np.arange(ROWS) > 50, 1e7, 1)
    dead[20:, 3:5] = 0.95
    loss = np.where(np.arange(ROWS) > 50, 500.0, 1.0)
    loss[55:] = np.nan
    training = make_training(rms, loss, dead=dead)
    watch, found = Watch(RULES), []
    for at in range(0, ROWS, size):
        found += watch.look(training.rows(slice(at, at + size)))
    assert sorted(map(repr, found)) == sorted(map(repr, look(training)))
    assert {(f.kind, f.step) for f in found} == {("vanishing", 12), ("dead", 20), ("diverging", 51)}


def test_it_has_to_last():
    rms = noisy()
    rms[20:29, :2] *= 1e-5
    assert look(make_training(rms)) == []
    rms[29, :2] *= 1e-5
    (fault,) = look(make_training(rms))
    assert (fault.kind, fault.layer, fault.step) == ("vanishing", "net/dense_1", 20)


def test_a_fault_is_told_once_and_so_is_a_block_that_grows():
    rms = noisy(200)
    rms[20:40, :2] *= 1e-5
    rms[60:, :4] *= 1e-5
    found = look(make_training(rms))
    assert [(f.layer, f.step) for f in found] == [("net/dense_1", 20)]


def test_a_block_that_shrinks_is_not_told_again():
    rms = noisy(200)
    rms[20:40, 2] *= 1e-5
    rms[25:33, :2] *= 1e-5
    rms[60:, :2] *= 1e-5
    found = look(make_training(rms))
    assert [(f.layer, f.step) for f in found] == [("net/dense_2", 20)]


def test_a_branch_alone_may_get_little_but_not_next_to_nothing():
    rms = noisy()
    rms[:, 3] *= 1e-3
    assert look(make_training(rms)) == []
    rms[:, 3] *= 1e-3
    assert [f.layer for f in look(make_training(rms))] == ["net/dense_3"]


def test_sparse_layers_and_biases_and_layers_without_weights_are_not_accused():
    sparse = Layer("emb", "Embedding", ("embeddings",), (100,), is_sparse=True)
    shift = Layer("shift", "LayerNormalization", ("beta",), (3,))
    layers = (sparse, shift, Layer("drop", "Dropout"), *make_layers(4))
    rms = np.hstack([1e-9 * np.ones((ROWS, 2)), np.full((ROWS, 1), np.nan), noisy(layers=4)])
    assert look(make_training(rms, layers=layers)) == []
    # Nor do they count for the median.
    rms[:, 3] *= 1e-5
    assert [f.layer for f in look(make_training(rms, layers=layers))] == ["net/dense_0"]


def test_the_queries_and_keys_of_an_even_attention_are_not_accused():
    layers = [dataclasses.replace(layer, name=f"attention/{layer.name[4:]}") for layer in make_layers(DEPTH)]
    layers[:2] = [dataclasses.replace(layers[k], name=f"attention/{name}") for k, name in enumerate(("query", "key"))]
    rms = noisy()
    rms[:, :2] *= 1e-5
    assert look(make_training(rms, layers=tuple(layers))) == []


def test_a_small_network_is_compared_with_care():
    assert look(make_training(np.ones((ROWS, 1)))) == []
    # Of two, the share of their geometric mean is the square root of that of the other: together the power 3/4.
    assert look(make_training([[1.1e-2 ** (4 / 3), 1.0]] * ROWS)) == []
    assert [f.layer for f in look(make_training([[0.9e-2 ** (4 / 3), 1.0]] * ROWS))] == ["net/dense_0"]
    assert look(make_training([[1.1e-2, 1.0, 1.0]] * ROWS)) == []
    assert [f.layer for f in look(make_training([[0.9e-2, 1.0, 1.0]] * ROWS))] == ["net/dense_0"]


def test_what_has_converged_is_not_accused():
    rms = noisy()
    rms[45:, :2] *= 1e-5
    assert look(make_training(rms, np.where(np.arange(ROWS) < 45, 1.0, 0.009))) == []
    assert len(look(make_training(rms, np.where(np.arange(ROWS) < 45, 1.0, 0.011)))) == 1
    assert len(look(make_training(rms, np.full(ROWS, -1.0)))) == 1
    # Nor what converges before its start is known for good.
    assert look(make_training(faded(0.1, 15), [1.0] * 8 + [0.001] * 7)) == []
    assert len(look(make_training(faded(0.1, 15), [1.0] * 12 + [0.001] * 3))) == 1


def test_zero_initialised_layers_that_wake_up_are_not_accused():
    rms = noisy()
    rms[0, :-1], rms[1:6, :-1] = 0.0, 1e-6
    assert look(make_training(rms)) == []


def test_a_gradient_that_is_exactly_zero_is_told_as_such():
    rms = noisy()
    rms[30:, :3] = 0.0
    (fault,) = look(make_training(rms))
    assert (fault.kind, fault.layer, fault.step, len(fault.shared)) == ("vanishing", "net/dense_2", 30, 2)
    assert "zero in every element" in fault.sentence and "dead ReLU" in fault.cure


def test_a_gradient_whose_square_is_lost_has_vanished():
    training = make_training(np.hstack([np.zeros((ROWS, 2)), noisy(layers=4)]))
    training = dataclasses.replace(training, zeros=np.zeros_like(training.zeros))
    (fault,) = look(training)
    assert fault.layer == "net/dense_1" and "too small for float32" in fault.sentence


def test_a_dead_layer_is_told_and_what_lies_behind_it_does_not_vanish():
    rms, dead = noisy(), np.full((ROWS, DEPTH), np.nan)
    dead[:, :-1] = 0.4
    dead[25:, 3], rms[25:, :4] = 1.0, 0.0
    (fault,) = look(make_training(rms, dead=dead))
    assert (fault.kind, fault.layer, fault.step) == ("dead", "net/dense_3", 25)
    assert "all of its units give zero for the whole batch" in fault.sentence
    assert "through it no gradient reaches 3 layers below it" in fault.sentence
    assert set(fault.shared) == {f"net/dense_{k}" for k in range(3)}


def test_dead_layers_side_by_side_are_one_fault():
    dead = np.full((ROWS, DEPTH), np.nan)
    dead[:, 0::2] = 0.2
    dead[5:, [2, 4]] = 0.93
    (fault,) = look(make_training(noisy(), dead=dead))
    assert (fault.layer, fault.shared, fault.step) == ("net/dense_2", ("net/dense_4",), 5)
    assert "93 % of its units" in fault.sentence and "so is 1 more layer above it" in fault.sentence
    assert look(make_training(noisy(), dead=np.minimum(dead, 0.89))) == []


def test_a_loss_that_runs_away_diverges():
    loss = np.full(ROWS, 2.0)
    loss[40:] = 2.0 * 10.0 ** np.arange(20)
    rms = noisy() * (loss / 2)[:, None]
    (fault,) = look(make_training(rms, loss))
    assert (fault.kind, fault.layer, fault.step) == ("diverging", "", 42)
    assert "the loss rose to 2e+04, 1e4 times its lowest (2)" in fault.sentence
    assert "0.001 instead of 0.01" in fault.cure


def test_a_loss_that_leaves_the_floats_at_once_diverges_too():
    loss = np.full(ROWS, 2.0)
    loss[10], loss[11:] = 1e6, np.nan
    (fault,) = look(make_training(noisy(), loss))
    assert (fault.kind, fault.step) == ("diverging", 10)
    assert "rose to 1e+06" in fault.sentence and "left the floats" in fault.sentence


def test_spikes_and_late_noise_do_not_diverge():
    loss = np.full(ROWS, 2.0)
    loss[[10, 20, 30]] = 1e6
    assert look(make_training(noisy(), loss)) == []
    # Far above its lowest, and yet below where it began.
    assert look(make_training(noisy(), np.where(np.arange(ROWS) % 7 < 4, 2.0, 1e-7))) == []
    loss[:] = np.nan
    assert look(make_training(noisy(), loss)) == []


def lost(step, loss, gradients=(), weights=(), batch=None, count=2 * DEPTH):
    where = [np.isin(np.arange(count), which) for which in (gradients, weights)]
    return NotFinite(step, loss, *where, batch)


EVERY = range(2 * DEPTH)


@pytest.mark.parametrize(("found", "layer", "weight", "words", "cure"), [
    (lost(7, np.nan, EVERY, batch=True), "", "", "The batch at step 7 held NaN or infinity", "Check the data"),
    (lost(7, np.nan, EVERY, [4, 6], False), "net/dense_2", "kernel", "(and 1 more weight) was NaN", "learning rate"),
    (lost(0, np.nan, EVERY, [5]), "net/dense_2", "bias", "from the beginning", "weights that were loaded"),
    (lost(7, np.inf, EVERY), "", "", "The loss became infinity at step 7", "logarithms"),
    (lost(7, 0.5, range(5)), "net/dense_2", "kernel", "while the loss was finite (0.5)", "square root"),
])  # fmt: skip
def test_the_first_nan_is_traced_to_where_it_came_from(found, layer, weight, words, cure):
    training = dataclasses.replace(make_training(noisy(5)), not_finite=found)
    watch = Watch(RULES)
    (fault,) = watch.look(training)
    assert (fault.kind, fault.layer, fault.weight, fault.step) == ("not finite", layer, weight, found.step)
    assert words in fault.sentence and cure in fault.cure
    assert watch.look(dataclasses.replace(training, step=training.step + 5)) == []


def test_a_nan_after_a_growing_loss_blames_the_rate():
    training = make_training(noisy(3), [1.0, 20.0, 30.0])
    training = dataclasses.replace(training, not_finite=lost(3, np.nan, EVERY))
    (fault,) = look(training)
    assert "had grown 30 times" in fault.sentence and "learning rate a tenth" in fault.cure


def without(*cut):
    """A training whose weights `(layer, weight, reason)` get no gradient."""
    training = make_training(noisy())
    named = {(layer, weight) for layer, weight, _ in cut}
    lost = [(layer.name, weight) in named for layer in training.layers for weight in layer.weights]
    return dataclasses.replace(training, norm=np.where(lost, np.nan, training.norm), without_gradient=cut)


def test_weights_without_a_gradient_are_named_once():
    reason = "nothing that follows uses it"
    watch = Watch(RULES)
    training = without(*((f"net/dense_{k}", w, reason) for k in (0, 1, 2) for w in ("kernel", "bias")))
    (fault,) = watch.look(training)
    assert (fault.kind, fault.layer, fault.weight, fault.step) == ("no gradient", "net/dense_2", "", 0)
    assert fault.shared == ("net/dense_0", "net/dense_1")
    assert fault.sentence == (
        "The weights 'kernel' and 'bias' of layer 'net/dense_2', and those of 2 more layers (net/dense_0, "
        "net/dense_1), get no gradient at all: nothing that follows uses it."
    )
    assert watch.look(dataclasses.replace(training, step=training.step + ROWS)) == []


def test_each_reason_why_weights_get_no_gradient_is_told():
    found = look(without(("net/dense_1", "bias", "one."), ("net/dense_4", "kernel", "another")))
    assert [(f.layer, f.weight, f.shared) for f in found] == [
        ("net/dense_1", "bias", ()),
        ("net/dense_4", "kernel", ()),
    ]
    assert found[0].sentence == "The weight 'bias' of layer 'net/dense_1' gets no gradient at all: one."


def test_the_worst_is_told_first_and_no_step_is_nothing():
    rms = noisy()
    rms[:, :2] *= 1e-5
    training = dataclasses.replace(make_training(rms), not_finite=lost(9, 1.0, [3]))
    assert [f.kind for f in look(training)] == ["not finite", "vanishing"]
    assert look(make_training(noisy()).rows(slice(0, 0))) == []


def test_the_rules_can_be_set():
    rms = noisy()
    rms[:, :2] *= 1e-3
    assert len(look(make_training(rms))) == 1
    assert look(make_training(rms), Rules(vanishing=1e-5, sustained=10)) == []
    with pytest.raises(OptionError):
        Rules(vanishing=2.0)
