"""Writes what is measured of a training into its run while it goes on, and tells once what is wrong with it."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad.errors import OptionError, WriteError
from tbgrad.records import Chart, Histograms, HParams, Images, Layout, Record, Texts
from tbgrad.results import Fault, Layer, Training
from tbgrad.results.training import joined
from tbgrad.runs.directories import reason
from tbgrad.runs.opening import Run, open_run
from tbgrad.runs.versions import versions
from tbgrad.summaries.pages import select_run
from tbgrad.summaries.training import training_layout, training_picture, training_scalars, training_verdict
from tbgrad.training.watching import Rules, Watch

# Rows that are kept for the picture and the verdict; of more, every second one goes.
_MOST_ROWS = 8192
_BUCKETS = 40
_SECONDS = 5.0


class Recorder:
    """A training's run.

    Args:
      directory: where; if a run is there already, the next free name is taken, and that is said.
      rules: by which a training is judged, or None for those that stand.
      layers: names or patterns of the layers that have series of their own, or None for all.
      quiet: whether nothing is said on the terminal.
      overwrite: whether a run of tbgrad's that is there already is replaced instead.
      charts: further ones for the dashboard Custom Scalars, by category.
      questions: further ones that the verdict says where to look for.

    Attributes:
      layers: as given.
      training: everything measured so far, or None; of very many rows, evenly spaced ones.
      faults: those that were found.

    Raises:
      OptionError: layers or rules are not what they should be.
    """

    def __init__(
        self,
        directory: str | Path,
        rules: Rules | None = None,
        layers: Sequence[str] | None = None,
        quiet: bool = False,
        overwrite: bool = False,
        charts: Mapping[str, Sequence[Chart]] | None = None,
        questions: Sequence[tuple[str, str, str]] = (),
    ):
        rules = Rules() if rules is None else rules
        if isinstance(layers, str):
            raise OptionError(f"layers is '{layers}'; expected a list of names or patterns, as ['{layers}'].")
        if layers is not None and not (isinstance(layers, Sequence) and all(isinstance(each, str) for each in layers)):
            raise OptionError(f"layers is {layers!r}; expected a list of names or patterns, as ['dense_*'].")
        if not isinstance(rules, Rules):
            raise OptionError(f"rules is {rules!r}; expected tbgrad.Rules(...), or None.")
        self._asked, self.directory = Path(directory), Path(directory)
        self.layers, self._quiet, self._rules, self._watch = layers, quiet, rules, Watch(rules)
        self._exists = "replace" if overwrite else "number"
        self._charts, self._questions = charts or {}, questions
        self._run: Run | None = None
        self._parts: list[Training] = []
        self.faults: list[Fault] = []
        self._written = time.monotonic()
        self._hparams: Mapping[str, Any] | None = None
        # By tag, step and content of the last text or picture.
        self._last_told: dict[str, tuple[int, str | bytes]] = {}

    @property
    def is_open(self) -> bool:
        """Whether it writes."""
        return self._run is not None

    @property
    def is_due(self) -> bool:
        """Whether a few seconds have passed since something was written."""
        return time.monotonic() - self._written > _SECONDS

    @property
    def training(self) -> Training | None:
        """Everything measured so far, or None where nothing was."""
        if len(self._parts) > 1:
            self._parts = [joined(self._parts)]
        return dataclasses.replace(self._parts[0], faults=tuple(self.faults)) if self._parts else None

    def open(self, about: Mapping[str, Any], layers: Sequence[Layer] | None = None) -> None:
        """Opens the run: a new one at first and for other layers, and later the same again.

        Args:
          about: the settings of the training, for run.json and HParams.
          layers: that are trained, or None while they are not known.

        Raises:
          LogdirError, RunExistsError, RunLockedError, WriteError: see `tbgrad.open_run`.
        """
        asked = {"asked": {"command": "training", **about}, "versions": versions()}
        others = layers is not None and bool(self._parts) and self._parts[0].layers != tuple(layers)
        if others:
            self._start_anew()
        if self._run is None and not self._begun:
            self._run = open_run(self._asked, self._exists, asked)
            self.directory = self._run.directory
            if self.directory != self._asked:
                there = "a run of other layers" if others else "a run already"
                self.say(f"'{self._asked}' holds {there}; this one goes to '{self.directory}'.")
        elif self._run is None:
            self._run = open_run(self.directory, "append", asked)
        if about != self._hparams:
            self._run.write(HParams(dict(about)))
            self._hparams = about

    @property
    def _begun(self) -> bool:
        return self._hparams is not None

    def _start_anew(self) -> None:
        """Leaves the run that it has, and forgets what was measured there: other layers are another training."""
        run, self._run = self._run, None
        if run is not None:
            run.close()
        self._exists, self._hparams = "number", None
        self._watch, self._parts, self.faults = Watch(self._rules), [], []
        self._last_told = {}

    def add(self, part: Training) -> list[Fault]:
        """Writes new rows; tells and returns what they show to be wrong, if nothing was said of it before."""
        part = dataclasses.replace(part, rules=self._rules)
        if len(part.step):
            self._run.write(training_scalars(part, self.layers))
            self._parts.append(part)
            if sum(len(each.step) for each in self._parts) > _MOST_ROWS:
                self._parts = [self.training.rows(slice(None, None, 2))]
        found = self._watch.look(part)
        self.faults += found
        if found and not self._parts:
            # Of a training that never made an update.
            self._parts.append(part)
        for fault in found:
            self.say(f"step {fault.step:,}: {fault.sentence} {fault.cure}")
        if found and self.training is not None:
            self._write_verdict()
        self._written = time.monotonic()
        return found

    def write(self, records: Record | Sequence[Record]) -> None:
        """Writes further records of the training."""
        self._run.write(records)

    def add_histograms(self, kind: str, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Writes histograms `training/<kind>/<name>` of the finite numbers in arrays."""
        records = []
        for name, array in arrays.items():
            values = np.asarray(array, np.float64).ravel()
            values = values[np.isfinite(values)]
            if values.size:
                counts, edges = np.histogram(values, bins=_BUCKETS)
                buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
                records.append(Histograms(f"training/{kind}/{name}", step, [buckets]))
        self._run.write(records)

    def keep_batch(self, step: int, arrays: Sequence[np.ndarray]) -> None:
        """Writes a batch beside the run's events, and says where.

        Raises:
          WriteError: it cannot be written.
        """
        file = self.directory / f"batch_step{step}.npz"
        try:
            np.savez(file, **{f"array_{i}": array for i, array in enumerate(arrays)})
        except OSError as error:
            raise WriteError(f"cannot write '{file}': {reason(error)}.") from error
        self.say(f"the batch of step {step:,} is kept in '{file}'.")

    def flush(self) -> None:
        """Makes what was written visible to TensorBoard."""
        if self._run is not None:
            self._run.flush()

    def close(self, status: str = "complete") -> None:
        """Writes the verdict and the picture, and closes the run; it can be opened again."""
        if self._run is None:
            return
        run, self._run = self._run, None
        try:
            training = self.training
            if training is not None:
                run.write([*self._news([self._verdict(training)]), self._layout(training)])
                run.write(self._news(training_picture(training)))
        finally:
            run.close(status)

    def _layout(self, training: Training) -> Layout:
        return Layout({**training_layout(training).categories, **self._charts})

    def _write_verdict(self) -> None:
        self._run.write(self._news([self._verdict(self.training)]))
        self._run.flush()

    def _news(self, records: Sequence[Texts | Images]) -> list[Record]:
        """Those that are not what their tag holds already: a step is written once."""
        fresh = []
        for record in records:
            content = record.text if isinstance(record, Texts) else record.image
            told = int(record.step[-1]), content[-1]
            if self._last_told.get(record.tag) != told:
                fresh.append(record)
            self._last_told[record.tag] = told
        return fresh

    def _verdict(self, training: Training) -> Texts:
        page = training_verdict(training, questions=self._questions)
        return Texts(
            page.tag,
            page.step,
            [select_run(text, self.directory.name) for text in page.text],
            description=page.description,
        )

    def say(self, sentence: str) -> None:
        """Says something on the terminal, below a progress bar."""
        if not self._quiet:
            print(f"\ntbgrad: {sentence}", file=sys.stderr, flush=True)
