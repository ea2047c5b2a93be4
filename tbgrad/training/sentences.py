"""What is said of a fault, and its cure: plain sentences with layer, step and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tbgrad.naming import listed
from tbgrad.results import Fault, Layer, NotFinite

_SATURATING = {
    "sigmoid": "the slope of a sigmoid is at most 1/4, and each layer multiplies by it",
    "hard_sigmoid": "the slope of a hard sigmoid is at most 1/6, and each layer multiplies by it",
    "tanh": "the slope of tanh is below 1 and falls to zero where it saturates, and each layer multiplies by it",
    "softsign": "the slope of softsign is below 1, and each layer multiplies by it",
}
# Their slope is one at zero, where only weights that are too small lose anything.
_CENTRED = {"tanh", "softsign"}
_RECTIFIED = {"relu", "relu6"}
# What goes wrong in the first steps may lie in how the weights begin.
_EARLY = 10
_SMALLER_RATE = (
    "Take a learning rate a tenth of this one{rate}, or let it warm up; clip the gradient (global_clipnorm=1)."
)


@dataclass(frozen=True)
class Block:
    """Neighbouring layers of which the same is true, in network order.

    Attributes:
      layers: at least one.
      rms: of their gradients, at `step`.
      median: of the median layer.
      since: the step at which it began.
      rows: recorded rows in a row.
      step: at which it was found.
    """

    layers: Sequence[Layer]
    rms: Sequence[float]
    median: float
    since: int
    rows: int
    step: int

    @property
    def below(self) -> str:
        """Further layers than the last, in words."""
        return f" and {_others(len(self.layers) - 1, 'below it')}" if len(self.layers) > 1 else ""

    def fault(self, kind: str, sentence: str, cure: str) -> Fault:
        """A fault that names the last layer, and the others as those that share it."""
        return Fault(kind, self.layers[-1].name, "", self.since, sentence, cure, _names(self.layers[:-1]))


def vanishing(block: Block, above: tuple[Layer, float]) -> Fault:
    """A gradient that dies on its way from the output to the input.

    Args:
      block: where; its last layer, nearest to the output, is where it dies.
      above: of the layers between it and the output that with the largest gradient, and its root mean square.
    """
    dies, rms = block.layers[-1], block.rms[-1]
    if rms > 0:
        there = f"is {rms:.2g}, {_times(block.median / rms)} less than the median layer's ({block.median:.2g}) and "
        there += f"{_times(above[1] / rms)} less than in '{above[0].name}', nearer to the output ({above[1]:.2g})"
    else:
        there = f"is too small for float32, where the median layer has {block.median:.2g}"
    sentence = (
        f"The gradient vanishes at layer '{dies.name}'{block.below}, since step {block.since:,}: at step "
        f"{block.step:,} its root mean square there {there}."
    )
    return block.fault("vanishing", sentence, _vanishing_cure(block.layers))


def zero(block: Block) -> Fault:
    """A gradient of which every element is exactly zero."""
    where = f"The gradient of layer '{block.layers[-1].name}'{block.below}"
    sentence = f"{where} is zero in every element, since step {block.since:,}, in {block.rows} recorded rows."
    cure = (
        "Look at what this layer feeds: units that give zero for every sample (dead ReLU: a smaller learning rate, He "
        "initialisation, LeakyReLU or GELU), a factor or a mask that is zero, or float16 without loss scaling."
    )
    return block.fault("vanishing", sentence, cure)


def exploding(block: Block) -> Fault:
    """A gradient that grows on its way from the output to the input."""
    rms, k = block.rms[-1], max(range(len(block.rms)), key=block.rms.__getitem__)
    most = f"; the most has '{block.layers[k].name}', {block.rms[k]:.2g}" if block.rms[k] > rms else ""
    sentence = (
        f"The gradient explodes at layer '{block.layers[-1].name}'{block.below}, since step {block.since:,}: at step "
        f"{block.step:,} its root mean square there is {rms:.2g}, {_times(rms / block.median)} the median layer's "
        f"({block.median:.2g}){most}."
    )
    cure = (
        "Initialise with smaller weights (Glorot for tanh, He for ReLU), put a normalisation between the layers, or "
        "clip the gradient (clipnorm=1); in a recurrent network clip it, or take shorter sequences."
    )
    return block.fault("exploding", sentence, cure)


def dead(layers: Sequence[Layer], cut: Sequence[Layer], share: float, since: int, rows: int) -> Fault:
    """Rectified layers that give zero for the whole batch, the first in the network first.

    Args:
      layers: neighbours.
      cut: layers below them that get no gradient through them, the first in the network first.
      share: of the units of the first layer.
      since: the step at which it began.
      rows: recorded rows in a row.
    """
    first, above = layers[0], _others(len(layers) - 1, "above it")
    what = "all of its units give" if share >= 1 else f"{100 * share:.0f} % of its units give"
    so = f"; so {'are' if len(layers) > 2 else 'is'} {above}" if above else ""
    sentence = (
        f"Layer '{first.name}' is dead since step {since:,}: {what} zero for the whole batch, in {rows} rows{so}."
    )
    if cut:
        through = f"; through it no gradient reaches {_others(len(cut), 'below it').replace(' more', '')}"
        sentence = sentence[:-1] + through + "."
    cure = (
        "Take a smaller learning rate, He initialisation and biases at zero; or LeakyReLU, ELU or GELU, whose slope "
        "does not end. Dead units get no gradient and stay dead: begin anew."
    )
    return Fault("dead", first.name, "", since, sentence, cure, _names((*cut, *layers[1:])))


def diverging(since: int, loss: float, lowest: float, norm_ratio: float, rate: float, is_lost: bool) -> Fault:
    """A loss that runs away.

    Args:
      since: the step at which it began.
      loss: the last finite one.
      lowest: the lowest before.
      norm_ratio: the length of the whole gradient over its first; NaN where it is not finite.
      rate: the learning rate, or NaN.
      is_lost: whether the loss is not finite by now.
    """
    times = f", {_times(loss / lowest)} its lowest ({lowest:.3g})" if lowest > 0 else ""
    lost = " and then left the floats" if is_lost else ""
    norm = f", and the gradient of all layers together is {_times(norm_ratio)} its first" if norm_ratio >= 10 else ""
    sentence = f"The training diverges from step {since:,} on: the loss rose to {loss:.3g}{times}{lost}{norm}."
    weights = "" if since > _EARLY else " If the loss is huge from the start, initialise with smaller weights."
    return Fault("diverging", "", "", since, sentence, _smaller_rate(rate) + weights)


def no_gradient(cut: Sequence[tuple[str, str]], reason: str, step: int) -> Fault:
    """Weights that are cut off from the loss.

    Args:
      cut: (layer, weight) of those that share the reason, in network order; at least one.
      reason: the likely one.
      step: since which they are.
    """
    layer, weight = cut[-1]
    own = [f"'{name}'" for at, name in cut if at == layer]
    others = [name for name in dict.fromkeys(at for at, _ in cut) if name != layer]
    what = f"The weight '{weight}'" if len(own) == 1 else f"The weights {' and '.join(own)}"
    verb = "gets" if len(cut) == 1 else "get"
    more = f", and those of {_others(len(others))} ({listed(others)})," if others else ""
    sentence = f"{what} of layer '{layer}'{more} {verb} no gradient at all: {reason.rstrip('.')}."
    cure = (
        "Let the loss depend on them without a break (no stop_gradient, rounding, argmax, NumPy or .numpy() on the "
        "way), or set trainable=False where that is meant."
    )
    return Fault("no gradient", layer, weight if len(cut) == 1 else "", step, sentence, cure, tuple(others))


def not_finite(found: NotFinite, owners: Sequence[tuple[Layer, str]], grown: float, rate: float) -> Fault:
    """The first NaN or infinity, and where it came from.

    Args:
      found: what was seen.
      owners: (layer, name of the weight), in network order.
      grown: how many times its first the loss or the gradient was in the last row before.
      rate: the learning rate, or NaN.
    """
    at = f"at step {found.step:,}"
    hit = [owner for owner, is_hit in zip(owners, found.gradients, strict=True) if is_hit]
    lost = [owner for owner, is_lost in zip(owners, found.weights, strict=True) if is_lost]
    value = "" if found.loss is None else f"{found.loss:.3g}".replace("nan", "NaN").replace("inf", "infinity")
    if found.batch:
        told = f"; the loss is {value}" if value else ""
        sentence = f"The batch {at} held NaN or infinity{told}."
        return Fault("not finite", "", "", found.step, sentence, "Check the data and its scaling: a division by a "
                     "standard deviation of zero, a logarithm of zero, missing values.")  # fmt: skip
    if lost:
        layer, weight = lost[0]
        more = f" (and {len(lost) - 1} more weight{'s' * (len(lost) > 2)})" if len(lost) > 1 else ""
        before = "they were so from the beginning" if found.step == 0 else "the update before made it so"
        sentence = f"The weight '{weight}' of layer '{layer.name}'{more} was NaN or infinite {at} already: {before}."
        cure = "Check the weights that were loaded, and the initialisation." if not found.step else _smaller_rate(rate)
        return Fault("not finite", layer.name, weight, found.step, sentence, cure, _shared(lost, layer))
    rose = f" The loss or the gradient had grown {_times(grown)} before." if grown >= 10 else ""
    if found.loss is not None and not math.isfinite(found.loss):
        sentence = f"The loss became {value} {at}, before any gradient: batch and weights were finite."
        cure = (
            "In the loss, keep logarithms, divisions, square roots and exponentials within their range: "
            "from_logits=True instead of softmax and logarithm, an epsilon in the denominator, float32 for the loss."
        )
        return Fault("not finite", "", "", found.step, sentence + rose, _smaller_rate(rate) if rose else cure)
    layer, weight = hit[-1]
    below = len({owner.name for owner, _ in hit} - {layer.name})
    others = f" It is so in {_others(below, 'below it')} as well." if below else ""
    meanwhile = f" while the loss was finite ({value})" if value else ", of a loss that was not told"
    sentence = (
        f"The gradient of '{weight}' in layer '{layer.name}' became NaN or infinite {at}{meanwhile}: it arose there, "
        "or in what follows that layer."
    )
    cure = (
        "Look for a square root, a norm or a power at zero, a division, or tf.where with a NaN in the branch that is "
        "not taken, in or behind that layer: its slope is infinite where its value is not."
    )
    return Fault("not finite", layer.name, weight, found.step, sentence + others + rose,
                 _smaller_rate(rate) if rose else cure, _shared(hit, layer))  # fmt: skip


def _vanishing_cure(layers: Sequence[Layer]) -> str:
    activations = [layer.activation for layer in layers if layer.activation]
    common = max(dict.fromkeys(activations), key=activations.count, default="")
    if common in _SATURATING:
        first = "Initialise with Glorot if the weights begin smaller; or take" if common in _CENTRED else "Take"
        other = f"ReLU or GELU instead of {common} ({_SATURATING[common]}), with He initialisation"
        return f"{first} {other}; or put a normalisation or residual connections between the layers."
    first = "He initialisation" if common in _RECTIFIED else "Glorot or He initialisation (the weights are too small)"
    return f"Take {first}, a normalisation between the layers, residual connections, or fewer layers."


def _smaller_rate(rate: float) -> str:
    return _SMALLER_RATE.format(rate=f" ({rate / 10:.1g} instead of {rate:.3g})" if rate > 0 else "")


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio < 1e4 else f"{ratio:.0e} times".replace("e+0", "e").replace("e+", "e")


def _others(count: int, where: str = "") -> str:
    return f"{count} more layer{'s' * (count > 1)} {where}".rstrip() if count else ""


def _names(layers: Sequence[Layer]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers)


def _shared(owners: Sequence[tuple[Layer, str]], named: Layer) -> tuple[str, ...]:
    return tuple(dict.fromkeys(layer.name for layer, _ in owners if layer != named))
