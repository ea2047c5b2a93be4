"""Training to records: the series of each layer in network order, the charts, and the verdict's page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from tbgrad.figures.canvas import encode
from tbgrad.figures.training import layers_figure
from tbgrad.records import Chart, Layout, Record, Scalars
from tbgrad.results import Readings, Training
from tbgrad.summaries.summarizing import in_unit, picture, summarize
from tbgrad.summaries.training_pages import training_verdict
from tbgrad.summaries.training_tags import chosen_layers, layer_tags

_GRADIENT = "loss per weight"
# Quantity, what it is, its unit; those of which NaN means that there is nothing to tell, not that something is wrong.
_QUANTITIES = (
    ("gradient_norm", "Length of the gradient before clipping", _GRADIENT),
    ("gradient_norm_clipped", "Length of the gradient after clipping", _GRADIENT),
    ("largest", "The largest |element| of the gradient", _GRADIENT),
    ("update_ratio", "Length of the update over that of the weights; about 1e-3 is usual", ""),
    ("zeros", "Share of the gradient's elements that are exactly zero", ""),
    ("cosine", "Cosine of the gradient to that of the step before: 1 the same way, 0 across, -1 back", ""),
)
_SILENT = {"update_ratio", "zeros", "cosine"}
_QUARTILES = {"lower": 0.25, "median": 0.5, "upper": 0.75}
_FEWEST_IN_A_BAND = 3


@summarize.register
def _(training: Training) -> tuple[Record, ...]:
    return (
        training_verdict(training),
        *training_picture(training),
        *training_scalars(training),
        training_layout(training),
    )


def training_picture(training: Training) -> list[Record]:
    """The gradient of each layer over the steps; none before the first step."""
    if not len(training.step):
        return []
    what = (
        "The gradient of each layer over the steps, and the loss: where it goes dark towards the input, it dies. "
        "Axes: step; the layers in network order, the output at the top; colours: root mean square of the gradient, "
        "logarithmic."
    )
    return [picture("training/layers", int(training.step[-1]), encode(layers_figure(training)), what)]


def training_scalars(
    part: Training, layers: str | Sequence[str] | None = None, wall_time: float | np.ndarray | None = None
) -> list[Scalars]:
    """The series of new rows: loss and learning rate, and of each quantity the whole and each layer.

    Args:
      part: new rows of a training.
      layers: names, or patterns such as `encoder/*`, of the layers that have series of their own; None for all.
      wall_time: seconds since 1970, one or `[rows]`; now where it is None.

    Returns:
      Scalars, those of the same steps side by side; none of what is not measured.

    Raises:
      OptionError: no layer fits a name.
    """
    chosen = chosen_layers(part.layers, layers)
    # Series of one time share their events in the file.
    now = time.time() if wall_time is None else wall_time
    when = np.broadcast_to(np.asarray(now, np.float64), part.step.shape)
    return [
        Scalars(f"training/{tag}", part.step[kept], value[kept], when[kept], description=in_unit(words, unit))
        for tag, value, words, unit, kept in _series(part, chosen)
        if kept.any()
    ]


def _series(part: Training, chosen: Sequence[int]) -> Iterator[tuple[str, np.ndarray, str, str, np.ndarray]]:
    """(tag, values, what it is, unit, which rows are written) of each series."""
    every = np.ones(len(part.step), bool)
    yield "loss", part.loss, "Loss of the batch, before the update.", "loss", every
    yield (
        "learning_rate",
        part.learning_rate,
        "Learning rate of the update; its unit is that of plain gradient descent.",
        "weight² per loss",
        ~np.isnan(part.learning_rate),
    )
    tags, total, by_layer = layer_tags(part.layers), part.total, part.by_layer
    is_measured = np.isfinite(part.layer_sizes)
    for name, words, unit in _QUANTITIES:
        whole, columns = _quantity(total, name), _quantity(by_layer, name)
        if whole is None or columns is None:
            continue
        yield name, whole, f"{words}, of all weights together.", unit, _told(name, whole, is_measured.any())
        if name == "gradient_norm" and is_measured.sum() >= _FEWEST_IN_A_BAND:
            yield from _band(columns[:, is_measured])
        for k in chosen:
            told = _told(name, columns[:, k], is_measured[k])
            yield f"{name}/{tags[k]}", columns[:, k], f"{words}, of layer {part.layers[k].name}.", unit, told
    for k in chosen:
        said = f"Share of the units of layer {part.layers[k].name} that give zero for the whole batch."
        yield f"dead/{tags[k]}", part.dead[:, k], said, "", ~np.isnan(part.dead[:, k])


def _quantity(readings: Readings, name: str) -> np.ndarray | None:
    return getattr(readings, {"gradient_norm_clipped": "clipped_norm"}.get(name, name))


def _told(name: str, value: np.ndarray, is_measured: bool) -> np.ndarray:
    """Which rows are written: NaN of a gradient is what somebody wants to see, NaN of a ratio is nothing."""
    return ~np.isnan(value) if name in _SILENT else np.full(len(value), is_measured)


def _band(norms: np.ndarray) -> Iterator[tuple[str, np.ndarray, str, str, np.ndarray]]:
    # A gradient that is not finite is longer than any other.
    ranked = np.where(np.isnan(norms), np.inf, norms)
    quartiles = np.quantile(ranked, list(_QUARTILES.values()), axis=1, method="nearest")
    for (name, _), value in zip(_QUARTILES.items(), quartiles, strict=True):
        words = {"median": "Median"}.get(name, f"{name.capitalize()} quartile")
        said = f"{words} of the lengths of the layers' gradients."
        yield f"gradient_norm/{name}", value, said, _GRADIENT, np.ones(len(value), bool)


def training_layout(training: Training) -> Layout:
    """All layers in one chart for each quantity, the band across them, and loss and gradient together."""
    categories = {
        "training": [
            Chart("loss and gradient norm", ("^training/loss$", "^training/gradient_norm$")),
            Chart(
                "gradient norm of each layer: second button for a logarithmic axis", (r"^training/gradient_norm/\d+_",)
            ),
            Chart("update over weights of each layer", (r"^training/update_ratio/\d+_",)),
            Chart("share of zeros of each layer", (r"^training/zeros/\d+_",)),
        ]
    }
    if np.isfinite(training.layer_sizes).sum() >= _FEWEST_IN_A_BAND:
        tags = tuple(f"training/gradient_norm/{end}" for end in ("median", "lower", "upper"))
        band = Chart("gradient norm: median and quartiles of the layers", tags, is_margin=True)
        categories["training: across layers"] = [band]
    if np.isfinite(training.dead).any():
        dead = Chart("share of units that give zero for the whole batch", ("^training/dead/",))
        categories["training: dead units"] = [dead]
    return Layout(categories)
