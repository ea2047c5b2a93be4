"""A Keras callback that logs the gradients of `model.fit`, from the very step that makes the updates."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tbgrad.errors import OptionError, WriteError
from tbgrad.results import Training
from tbgrad.summaries.training_tags import chosen_layers, layer_tags
from tbgrad.training.attaching import Attachment
from tbgrad.training.readings import Reader
from tbgrad.training.recording import Recorder
from tbgrad.training.schedules import Schedule
from tbgrad.training.settings import settings_of
from tbgrad.training.sharpness import CHARTS, QUESTIONS, Sharpness, sharpness_scalars
from tbgrad.training.watching import Rules

_ON_NOT_FINITE = ("continue", "stop")


class GradientCallback(keras.callbacks.Callback):
    """Logs loss, learning rate and gradients of `model.fit`, and says what is wrong with them.

    The gradients are looked at where the optimizer gets them: there is no second backward pass, and the training is the
    same to the last bit. Row t is about the update that is made after t others. What is found wrong is said once, on
    the terminal and in the text `training/verdict`: layers whose gradient vanishes or explodes, dead layers, weights
    that get no gradient, and what is NaN or infinite, for which every step is watched.

    The same callback in another `fit` goes on in its run. A new one, where a run is already, takes the next free name
    (`logs/mnist-2`) and says so; so does the same one where other layers are trained than before. It holds three copies
    of the weights, four with histograms, until `fit` ends; after that neither those nor the model.

    Args:
      logdir: the run's directory.
      every: which steps are measured: every n-th; by default every step up to the hundredth, then every tenth.
      histograms: every how many steps gradients and weights are logged as histograms; by default never. Under
        `steps_per_execution`, of the steps in one execution the last one.
      layers: names or patterns (`block_*`) of the layers that have charts of their own; by default all. The verdict and
        the total are always about all.
      rules: by which the training is judged.
      on_not_finite: what to do after a step with a NaN or an infinity: `continue`, or `stop` the training.
      save_batch: whether the batch that made the first one is kept, as `batch_step<step>.npz` in the run's directory.
      sharpness: a `Sharpness`, to measure the largest eigenvalue of the Hessian along the training, or None.
      quiet: whether nothing is said on the terminal.
      overwrite: whether a run of tbgrad's that is in the directory already is replaced.

    Attributes:
      directory: the run's.
      training: `Training`, everything measured so far, or None; of very many rows, evenly spaced ones.
      faults: what was found wrong so far.

    Raises:
      OptionError: an option is not what it should be; in `fit`, the model has no optimizer, or no layer of that name.

    Example:
      >>> model.fit(x, y, epochs=5, callbacks=[tbgrad.GradientCallback("logs/mnist")])
    """

    def __init__(
        self,
        logdir: str | Path,
        *,
        every: int | None = None,
        histograms: int | None = None,
        layers: Sequence[str] | None = None,
        rules: Rules | None = None,
        on_not_finite: str = "continue",
        save_batch: bool = False,
        sharpness: Sharpness | None = None,
        quiet: bool = False,
        overwrite: bool = False,
    ):
        super().__init__()
        if on_not_finite not in _ON_NOT_FINITE:
            raise OptionError(f"on_not_finite is {on_not_finite!r}; expected {' or '.join(_ON_NOT_FINITE)}.")
        if not isinstance(sharpness, Sharpness | None):
            raise OptionError(f"sharpness is {sharpness!r}; expected a tbgrad.Sharpness, or None.")
        self._schedule, self._stops = Schedule(every), on_not_finite == "stop"
        self._histograms = None if histograms is None else Schedule(histograms)
        self._save_batch, self._sharpness = save_batch, sharpness
        further = {"charts": CHARTS, "questions": QUESTIONS} if sharpness else {}
        self._recorder = Recorder(logdir, rules, layers, quiet, overwrite, **further)
        self._attachment: Attachment | None = None
        self._reader: Reader | None = None
        self._last_step, self._last_histogram, self._told = -1, -1, False
        self._shift, self._looked_at = 0, -1

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self._recorder.directory

    @property
    def training(self) -> Training | None:
        """Everything measured so far, or None."""
        return self._recorder.training

    @property
    def faults(self) -> tuple:
        """What was found wrong so far."""
        return tuple(self._recorder.faults)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Puts the probe into the training step, and opens the run."""
        # What an interrupted fit left behind.
        self._failed()
        self._attachment = Attachment(
            self.model, self._schedule, self._histograms, self._save_batch, on_error=self._failed
        )
        self._reader, self._told, self._last_histogram = None, False, -1
        # A new optimizer, or one that was restored, counts from an earlier number.
        begin = self._attachment.iterations
        self._shift = self._last_step + 1 - begin if begin <= self._last_step else 0
        self._looked_at = begin - 1
        try:
            self._recorder.open(self._settings(), self._attachment.layers)
        except BaseException:
            self._attachment.detach()
            raise

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Measures the sharpness, at the steps that were asked for."""
        if self._sharpness is not None and self._attachment is not None:
            with self._out_on_error():
                self._measure_sharpness()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reads what was measured, now and then; looks after each batch whether something was not finite."""
        with self._out_on_error():
            self._after_batch(logs)

    def _after_batch(self, logs: Mapping[str, Any] | None) -> None:
        probe = self._attachment.probe if self._attachment else None
        if probe is None:
            return
        measured, bad, histogram = probe.status.value().numpy().tolist()
        is_new = bad >= 0 and not self._told
        # A loss that only the logs tell is that of the last row.
        if (
            is_new
            or not probe.has_loss
            or 2 * (measured - (self._reader.read if self._reader else 0)) >= probe.capacity
            or (self._recorder.is_due)
        ):
            self._drain(logs)
        if is_new:
            self._told = True
            self._keep_batch()
            self.model.stop_training |= self._stops
        if histogram > self._last_histogram:
            self._last_histogram = histogram
            self._write_histograms(histogram)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Writes what was measured."""
        with self._out_on_error():
            self._drain(logs)
            self._recorder.flush()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Writes the verdict, closes the run, and gives the model back as it was."""
        with self._out_on_error():
            self._drain(logs)
        self._end("complete")
        # Keras's own reference, which nobody asks for any more.
        self._model = None

    @contextlib.contextmanager
    def _out_on_error(self) -> Iterator[None]:
        """Gives the model back as it was where something goes wrong here: nobody else would."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(WriteError):
                self._end("failed")
            raise

    def _failed(self) -> None:
        """The training step raised: writes what was measured until then."""
        with contextlib.suppress(Exception):
            self._drain()
        self._end("failed")

    def _end(self, status: str) -> None:
        """Takes the probe out and closes the run, whatever happened."""
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()
        if self._reader is not None:
            self._last_step, self._reader = self._reader.last, None
        if self._sharpness is not None:
            self._sharpness.close()
        self._recorder.close(status)

    def _drain(self, logs: Mapping[str, Any] | None = None) -> None:
        attachment = self._attachment
        if attachment is None or attachment.probe is None:
            return
        if self._reader is None:
            self._recorder.open(self._settings(), attachment.network.layers)
            self._reader = Reader(
                attachment.probe,
                attachment.network.layers,
                tuple(place for place, _ in attachment.network.rectified),
                self.model.name,
                type(attachment.optimizer).__name__.lower(),
                attachment.clips,
                self._last_step,
                self._shift,
            )
        loss = (logs or {}).get("loss", np.nan)
        self._recorder.add(self._reader.new_rows(attachment.without_gradient, float(loss)))

    def _settings(self) -> dict[str, bool | float | str]:
        return settings_of(self.model, self._attachment.optimizer, self.params or {})

    def _measure_sharpness(self) -> None:
        model, step = self.model, self._attachment.iterations
        # One execution may make several steps.
        passed, self._looked_at = range(self._looked_at + 1, step + 1), step
        if model.built and any(map(self._sharpness.is_due, passed)):
            told = np.array([step + self._shift])
            self._recorder.write(sharpness_scalars(told, *self._sharpness.measure(model)))

    def _keep_batch(self) -> None:
        held = self._attachment.batch
        if held:
            step = self._reader.shifted(int(self._attachment.probe.status.numpy()[1]))
            self._recorder.keep_batch(step, [x.numpy() for x in held])

    def _write_histograms(self, step: int) -> None:
        if self._reader is None:
            self._drain()
        layers, probe, told = self._reader.layers, self._attachment.probe, self._reader.shifted(step)
        tags, chosen = layer_tags(layers), chosen_layers(layers, self._recorder.layers)
        names = [
            f"{tags[k]}/{weight}" if k in chosen else "" for k, layer in enumerate(layers) for weight in layer.weights
        ]
        asked = [place for place, name in enumerate(names) if name]
        with_gradient = [place for place in asked if place not in self._attachment.without_gradient]
        gradients = {names[place]: probe.kept[place].numpy() for place in with_gradient}
        weights = {names[place]: probe.weights[place].numpy() for place in asked}
        self._recorder.add_histograms("gradients", told, gradients)
        self._recorder.add_histograms("weights", told, weights)
