"""Steps as protobuf writes them: seven bits a byte, the lowest first, the top bit set on all bytes but the last.

A negative step is its two's complement of 64 bits: nine bytes with their top bits set, and a tenth that is always 1.
So at most nine bytes vary, and the top bit of the ninth is the step's sign.

Source: Protocol Buffers, Encoding, "Base 128 Varints".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NEGATIVE = 10


def width(step: int) -> int:
    """How many bytes a step takes, 1 to 10."""
    return NEGATIVE if step < 0 else max(1, -(-step.bit_length() // 7))


def widths(step: np.ndarray) -> np.ndarray:
    """How many bytes each step takes: int64 `[n]` of int64 `[n]`."""
    found = np.ones(len(step), np.int64)
    for bits in range(7, 63, 7):
        found += step >= 1 << bits
    found[step < 0] = NEGATIVE
    return found


def encode(step: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """The varying bytes of steps that all take as many.

    Args:
      step: int64 `[n]`.
      sizes: of the integers in which the bytes are given: 1, 2, 4 or 8; together as many as vary.

    Returns:
      Little-endian unsigned integers `[n]` of these sizes, in the order of the bytes.
    """
    groups = np.ascontiguousarray(step).view(np.uint64)
    parts, place, last = [], 0, sum(sizes) - 1
    for size in sizes:
        # The narrowest integers are the fastest.
        kind = np.dtype(f"<u{size}")
        groups_here = (groups >> np.uint64(7 * place) if place else groups).astype(kind)
        part = np.full(len(step), sum(0x80 << 8 * i for i in range(size) if place + i < last), kind)
        for index in range(size):
            spread = groups_here << kind.type(index)
            spread &= kind.type(_mask(place) << 8 * index)
            part |= spread
            place += 1
        parts.append(part)
    return parts


def decode(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The inverse of `encode`: int64 `[n]`."""
    step, place = np.zeros(len(parts[0]), np.uint64), 0
    for part in parts:
        kind = part.dtype
        groups_here = np.zeros(len(part), kind)
        for index in range(kind.itemsize):
            group = part & kind.type(_mask(place + index) << 8 * index)
            group >>= kind.type(index)
            groups_here |= group
        step |= groups_here.astype(np.uint64) << np.uint64(7 * place)
        place += kind.itemsize
    return step.view(np.int64)


def _mask(place: int) -> int:
    return 0xFF if place == NEGATIVE - 2 else 0x7F
