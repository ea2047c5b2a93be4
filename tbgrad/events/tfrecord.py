"""The frame around each event, and files of frames.

    uint64 length | uint32 masked crc32c(length) | bytes payload | uint32 masked crc32c(payload)     little-endian

Source: TensorFlow's TFRecord format.
"""

from __future__ import annotations

import functools
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from tbgrad.events.checksums import checksum, masked_checksum, masked_checksums

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
HEAD_SIZE, TAIL_SIZE = _HEAD.size, _TAIL.size
_LENGTH_SIZE = HEAD_SIZE - TAIL_SIZE
# So much of a file is in memory at a time, unless a single frame is larger; and so much when a frame is sought.
_WINDOW, _SOUGHT = 1 << 20, 1 << 16
# While it is sought, at most so many times the file's size is read.
_PATIENCE = 8
# Heads of the same length are the same.
_HEADS_KEPT = 256


def frame(payload: bytes) -> bytes:
    """Wraps one payload."""
    return _head(len(payload)) + payload + _TAIL.pack(masked_checksum(payload))


@functools.lru_cache(_HEADS_KEPT)
def _head(length: int) -> bytes:
    return _HEAD.pack(length, masked_checksum(length.to_bytes(_LENGTH_SIZE, "little")))


@dataclass(frozen=True)
class Frame:
    """One frame of a file: where it begins and ends, and its payload, or None and what is wrong with it."""

    offset: int
    end: int
    payload: bytes | None
    damage: str = ""


class FrameFile:
    """A file of frames, seen through a window that moves: memory is bounded by the largest frame, not by the file.

    A context manager. What is appended to the file after it was opened is not seen.

    Attributes:
      path: of the file.
      size: in bytes.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file = path.open("rb", buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size
        self._begin, self._window = 0, b""

    def __enter__(self) -> FrameFile:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def window(self, offset: int, least: int) -> memoryview:
        """What is in memory from `offset` on: at least so many bytes, or fewer where the file ends before."""
        wanted = min(least, self.size - offset)
        if not self._begin <= offset <= self._begin + len(self._window) - wanted:
            self._begin, self._window = offset, self._read(offset, min(max(wanted, _WINDOW), self.size - offset))
            if len(self._window) < wanted:
                # Somebody truncated the file meanwhile.
                self.size = offset + len(self._window)
        return memoryview(self._window)[offset - self._begin :]

    def _read(self, offset: int, count: int) -> bytes:
        self._file.seek(offset)
        parts = []
        while count > 0 and (part := self._file.read(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def end(self, offset: int) -> int | None:
        """Where the frame that begins here ends, by its length alone; None where the length is damaged or cut off."""
        view = self.window(offset, HEAD_SIZE)
        if len(view) < HEAD_SIZE:
            return None
        length = int.from_bytes(view[:_LENGTH_SIZE], "little")
        return offset + HEAD_SIZE + length + TAIL_SIZE if view[:HEAD_SIZE] == _head(length) else None

    def frame(self, offset: int) -> Frame | None:
        """Reads the frame that begins here.

        A frame whose payload is damaged is told and passed over. Behind a damaged length the next whole frame is
        sought.

        Returns:
          The `Frame`, or None at the end of the file.
        """
        if offset >= self.size:
            return None
        end = self.end(offset)
        left = self.size - offset
        if end is None and left >= HEAD_SIZE:
            return self._passed_over(offset, "the length's checksum is wrong")
        if end is None or end > self.size:
            whole = "an event" if end is None else f"the {end - offset} bytes of an event"
            return self._passed_over(offset, f"{left} bytes are left of {whole}: it is cut off, or still being written")
        frame = self._whole(offset)
        if frame is None:
            return self.frame(offset)
        if frame.payload is None and end != self.size and self.end(end) is None:
            # Bytes were lost, so that it does not end where it says.
            return self._passed_over(offset, frame.damage)
        return frame

    def _whole(self, offset: int) -> Frame | None:
        """The frame that begins here, whose length is right and fits; None if the file was truncated meanwhile."""
        end = self.end(offset)
        if end is None or len(view := self.window(offset, end - offset)) < end - offset:
            return None
        payload = bytes(view[HEAD_SIZE : end - offset - TAIL_SIZE])
        if masked_checksum(payload) != _TAIL.unpack_from(view, end - offset - TAIL_SIZE)[0]:
            return Frame(offset, end, None, "the payload's checksum is wrong")
        return Frame(offset, end, payload)

    def _passed_over(self, offset: int, damage: str) -> Frame:
        end = self._next_whole(offset + 1)
        return Frame(offset, end, None, damage if end == self.size else f"{damage}; reading goes on at byte {end}")

    def _next_whole(self, offset: int) -> int:
        """Where the next frame begins, told by both of its checksums; the file's size if there is none."""
        # Heads that claim the rest of the file again and again would take time that grows with its square.
        patience = _PATIENCE * self.size
        while patience > 0 and self.size - offset >= HEAD_SIZE + TAIL_SIZE:
            view = self.window(offset, _SOUGHT + HEAD_SIZE)
            sought = min(_SOUGHT, len(view) - HEAD_SIZE - TAIL_SIZE + 1)
            if sought < 1:
                break
            lengths = np.ndarray(sought, "<u8", view, 0, (1,))
            room = self.size - offset - HEAD_SIZE - TAIL_SIZE - np.arange(sought)
            near = np.flatnonzero(lengths <= room.astype(np.uint64))
            if len(near):
                expected = np.ndarray(sought, "<u4", view, _LENGTH_SIZE, (1,))
                found = masked_checksums(checksum(bytes(_LENGTH_SIZE)), [(lengths[near], 0)])
                for place in near[found == expected[near]].tolist():
                    frame = self._whole(offset + place)
                    if frame is not None and frame.payload is not None:
                        return offset + place
                    patience -= int(lengths[place])
                    if patience <= 0:
                        break
            offset += sought
        return self.size


def count(path: Path, offset: int = 0) -> tuple[int, int]:
    """How many frames a file holds from an offset on, by their lengths alone, and where the last of them ends."""
    total = 0
    with FrameFile(path) as file:
        while (end := file.end(offset)) is not None and end <= file.size:
            total, offset = total + 1, end
    return total, offset
