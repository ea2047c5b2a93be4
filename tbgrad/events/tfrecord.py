"""The frame around each event: length, checksum of the length, payload, checksum of the payload.

    uint64 length | uint32 masked crc32c(length) | bytes payload | uint32 masked crc32c(payload)     little-endian

Source: TensorFlow's TFRecord format; RFC 3720, appendix B.4, for CRC32C.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8


def masked_checksum(data: bytes) -> int:
    """CRC32C, rotated and shifted: a checksum of data that holds its own checksum would be weak."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """Wraps one payload."""
    length = struct.pack("<Q", len(payload))
    head = length + _TAIL.pack(masked_checksum(length))
    return head + payload + _TAIL.pack(masked_checksum(payload))


@dataclass(frozen=True)
class Frame:
    """One frame of a file: where it begins, and its payload or what is wrong with it."""

    offset: int
    payload: bytes | None
    damage: str = ""


def frames(path: Path) -> Iterator[Frame]:
    """Reads the frames of a file one by one.

    A frame whose payload is damaged is told and passed over. Reading ends at a damaged length, behind which no
    frame can be found, and at a tail that is not complete, which a writer at work leaves behind.

    Args:
      path: of the file.

    Yields:
      `Frame`s in order.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while head := file.read(_HEAD.size):
            if len(head) < _HEAD.size:
                return
            length, checksum = _HEAD.unpack(head)
            if masked_checksum(head[:8]) != checksum:
                yield Frame(offset, None, "the length's checksum is wrong; the rest of the file is not read")
                return
            if offset + _HEAD.size + length + _TAIL.size > size:
                return
            payload, tail = file.read(length), file.read(_TAIL.size)
            if len(tail) < _TAIL.size:
                return
            good = masked_checksum(payload) == _TAIL.unpack(tail)[0]
            yield Frame(offset, payload) if good else Frame(offset, None, "the payload's checksum is wrong")
            offset += _HEAD.size + length + _TAIL.size


def count(path: Path) -> int:
    """How many frames a file holds, by their lengths alone."""
    total, offset, size = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while offset + _HEAD.size <= size:
            file.seek(offset)
            length, _ = _HEAD.unpack(file.read(_HEAD.size))
            offset += _HEAD.size + length + _TAIL.size
            total += offset <= size
    return total
