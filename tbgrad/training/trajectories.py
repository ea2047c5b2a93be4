"""The way of a network's weights through a training, kept for landscapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

from tbgrad.errors import OptionError, RangeError, ShapeError, WriteError

# Snapshots for which there is room at first; it is doubled when it is full.
_FIRST_ROOM = 16


class WeightTrajectory(keras.callbacks.Callback):
    """A callback of `model.fit` that keeps snapshots of the trainable weights; it changes nothing in the training.

    The first one is taken before the training, the last one after it. In a second `fit` it goes on. It lets go of the
    model when `fit` ends.

    Args:
      every: updates between two snapshots, or `epoch` for one after each epoch.
      file: where snapshots go as they are made, or None for memory. It must not exist. `numpy.load` reads it, also by
        memory map, while the training goes on and after it was interrupted: its rows have the fields `step` and
        `position`.

    Attributes:
      every: as given.
      file: as given, a `Path`, or None.

    Raises:
      RangeError: `every` is no whole number ≥ 1.
      OptionError: `every` is another word than `epoch`.

    Example:
      >>> trajectory = tbgrad.WeightTrajectory(every=10)
      >>> model.fit(x, y, callbacks=[trajectory])
      >>> plane = tbgrad.principal_directions(trajectory.position)
      >>> tbgrad.landscape(tbgrad.model_loss(model, x, y), plane, path=trajectory.position, steps=trajectory.step)
    """

    def __init__(self, every: int | str = "epoch", file: str | Path | None = None):
        super().__init__()
        if isinstance(every, str) and every != "epoch":
            raise OptionError(f"every is {every!r}; expected a number of updates, or 'epoch'.")
        if not isinstance(every, str) and (isinstance(every, bool) or int(every) != every or every < 1):
            raise RangeError(f"every is {every!r}; expected a whole number of updates, at least 1, or 'epoch'.")
        self.every = every
        self.file = None if file is None else Path(file)
        self._kept: _Memory | _File = _Memory() if file is None else _File(self.file)

    @property
    def position(self) -> np.ndarray:
        """float32 `[n, d]`, the weights in the order of `model.trainable_weights`; of a file its memory map."""
        return self._kept.rows()[1]

    @property
    def step(self) -> np.ndarray:
        """int64 `[n]`, the updates made before each snapshot, increasing."""
        return self._kept.rows()[0]

    def on_train_begin(self, logs: Any = None) -> None:
        """Keeps the weights before the first update."""
        step = self._made()
        if self._kept.last is not None and step < self._kept.last:
            raise OptionError(
                f"this trajectory has come to step {self._kept.last:,}, and the training begins at {step:,}: it is "
                "another one. Make a new WeightTrajectory for it."
            )
        self._keep(step)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keeps the weights where so many updates have been made since the last multiple of them."""
        if self.every != "epoch" and (step := self._made()) // self.every > self._kept.last // self.every:
            self._keep(step)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps the weights after each epoch, if that is asked for."""
        if self.every == "epoch":
            self._keep(self._made())

    def on_train_end(self, logs: Any = None) -> None:
        """Keeps the weights after the last update, and lets go of the model."""
        self._keep(self._made())
        self._kept.close()
        self._model = None

    def _made(self) -> int:
        """The updates made so far."""
        if getattr(self.model, "optimizer", None) is None:
            raise OptionError(f"the model '{self.model.name}' has no optimizer, which counts the updates; compile it.")
        return int(self.model.optimizer.iterations)

    def _keep(self, step: int) -> None:
        """Adds a snapshot, unless there is one of this step."""
        if step == self._kept.last:
            return
        weights = [keras.ops.convert_to_numpy(w.value).ravel() for w in self.model.trainable_weights]
        position = np.concatenate([weight.astype(np.float32, copy=False) for weight in weights])
        if self._kept.dimensions not in (None, len(position)):
            raise ShapeError(
                f"the model has {len(position):,} trainable numbers, and had {self._kept.dimensions:,} before; "
                "expected the same layers to be trained throughout. Make a new WeightTrajectory where some are frozen."
            )
        self._kept.add(step, position)


class _Memory:
    """Snapshots in memory."""

    def __init__(self):
        self._steps: list[int] = []
        self._room = np.zeros((0, 0), np.float32)

    @property
    def last(self) -> int | None:
        return self._steps[-1] if self._steps else None

    @property
    def dimensions(self) -> int | None:
        return self._room.shape[1] if self._steps else None

    def add(self, step: int, position: np.ndarray) -> None:
        count = len(self._steps)
        if count == len(self._room):
            larger = np.empty((max(_FIRST_ROOM, 2 * count), len(position)), np.float32)
            larger[:count] = self._room[:count] if count else 0
            self._room = larger
        self._room[count] = position
        self._steps.append(step)

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self._steps, np.int64), self._room[: len(self._steps)]

    def close(self) -> None:
        pass


class _File:
    """Snapshots in a file of NumPy's format, whose head says how many rows are whole."""

    def __init__(self, path: Path):
        self._path, self._target = path, None
        self._count = 0
        self.last: int | None = None
        self.dimensions: int | None = None

    def add(self, step: int, position: np.ndarray) -> None:
        self.dimensions = len(position)
        row = np.zeros(1, [("step", "<i8"), ("position", "<f4", (len(position),))])
        row["step"], row["position"] = step, position
        try:
            target = self._opened(row.dtype)
            target.seek(0, 2)
            target.write(row.tobytes())
            target.flush()
            # What is interrupted before this line is no row yet.
            self._count, self.last = self._count + 1, step
            self._write_head(target, row.dtype)
        except OSError as error:
            raise WriteError(f"cannot write the trajectory to '{self._path}': {error.strerror}.") from error

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        if not self._count:
            return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
        rows = np.load(self._path, mmap_mode="r")
        return np.array(rows["step"]), rows["position"]

    def close(self) -> None:
        if self._target is not None:
            self._target.close()
        self._target = None

    def _opened(self, dtype: np.dtype) -> BinaryIO:
        if self._target is None and self._count:
            self._target = self._path.open("r+b")
        elif self._target is None:
            try:
                self._target = self._path.open("x+b")
            except FileExistsError:
                raise OptionError(
                    f"'{self._path}' exists, and is not written over; choose another file, or delete it."
                ) from None
            self._write_head(self._target, dtype)
        return self._target

    def _write_head(self, target: BinaryIO, dtype: np.dtype) -> None:
        """NumPy leaves room in it for the count to grow."""
        target.seek(0)
        descr = np.lib.format.dtype_to_descr(dtype)
        head = {"descr": descr, "fortran_order": False, "shape": (self._count,)}
        np.lib.format.write_array_header_1_0(target, head)
        target.flush()
