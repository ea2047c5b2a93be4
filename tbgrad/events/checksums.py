"""CRC32C of one record, and of a whole column of records that differ in a few places only.

TensorFlow guards each record with CRC32C, masked. A checksum of n records takes n calls of a library; but CRC32C is
affine over GF(2): for messages of one length

    crc(a XOR b XOR c) = crc(a) XOR crc(b) XOR crc(c)

Take for `a` a record with zeros where records differ, for `b` the zeros with one of its fields filled in, for `c` the
zeros alone: the field changes the checksum by `effect = crc(b) XOR crc(c)`, whatever stands in `a`. Leading zeros do
not matter to an effect: it depends on the field's bytes and on how many bytes follow them. So each record's checksum is
that of the template, XORed with one entry of a table for each 16 bits in which it differs.

Source: RFC 3720, appendix B.4, for CRC32C; TensorFlow's TFRecord format for the mask; M. Stigge, H. Plötz, W. Müller,
J.-P. Redlich (2006), Reversing CRC: Theory and Practice, for the algebra.
"""

from __future__ import annotations

import functools

import google_crc32c
import numpy as np

_MASK_DELTA = 0xA282EAD8
# A table of words is 256 KiB: this many are kept, for the tags of a run or two.
_TABLES_KEPT = 128

checksum = google_crc32c.value


def mask(crc):
    """Rotates a checksum and shifts it, since a checksum of data that holds its own checksum would be weak.

    Args:
      crc: int, or uint32 array.

    Returns:
      The same kind, modulo 2^32.
    """
    rotated = crc >> 15 | crc << 17
    return (rotated & 0xFFFFFFFF) + _MASK_DELTA & 0xFFFFFFFF if isinstance(crc, int) else rotated + _MASK_DELTA


def masked_checksum(data: bytes) -> int:
    """CRC32C of some bytes, masked."""
    return mask(checksum(data))


def effects(column: np.ndarray, behind: int) -> np.ndarray:
    """By how much each entry of a column changes the checksum of its record, against zeros in its place.

    Args:
      column: little-endian unsigned integers `[n]`, contiguous, n ≥ 1: the bytes of one field of each record.
      behind: how many bytes of the record follow the field.

    Returns:
      uint32 `[n]`, to be XORed with the checksum of the record that has zeros there; or `[1]` where all are equal.
    """
    size = column.itemsize
    width = min(size, 2)
    words = column.view(f"<u{width}").reshape(len(column), -1)
    # Most words of a wall time are the same throughout a series; to see that is cheaper than to look all of them up.
    varying = int(np.bitwise_or.reduce(column ^ column[0]))
    found = np.zeros(1, np.uint32)
    for index in range(size // width):
        table = _table(width, behind + size - width * (index + 1))
        if varying >> 8 * width * index & 0xFFFF:
            looked_up = table.take(words[:, index])
            looked_up ^= found
            found = looked_up
        else:
            found ^= table[words[0, index]]
    return found


@functools.lru_cache(_TABLES_KEPT)
def _table(width: int, behind: int) -> np.ndarray:
    """The effect of each little-endian word of so many bytes, by its value: uint32 `[256 ** width]`."""
    zeros = checksum(bytes(width + behind))
    table = np.zeros(1, np.uint32)
    for bit in range(8 * width):
        effect = checksum((1 << bit).to_bytes(width, "little") + bytes(behind)) ^ zeros
        table = np.concatenate([table, table ^ np.uint32(effect)])
    return table
