"""CRC32C of one record, and of a whole column of records that differ in a few places only.

TensorFlow guards each record with CRC32C, masked. A checksum of n records takes n calls of a library; but CRC32C is
affine over GF(2): for messages of one length

    crc(a XOR b XOR c) = crc(a) XOR crc(b) XOR crc(c)

Take for `a` a record with zeros where records differ, for `b` the zeros with one of its fields filled in, for `c` the
zeros alone: the field changes the checksum by `effect = crc(b) XOR crc(c)`, whatever stands in `a`. Leading zeros do
not matter to an effect: it depends on the field's bytes and on how many bytes follow them. So each record's checksum is
that of the template, XORed with one entry of a table for each byte, or each two bytes, in which it differs.

Source: RFC 3720, appendix B.4, for CRC32C; TensorFlow's TFRecord format for the mask; M. Stigge, H. Plötz, W. Müller,
J.-P. Redlich (2006), Reversing CRC: Theory and Practice, for the algebra.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import google_crc32c
import numpy as np

_MASK_DELTA = 0xA282EAD8
_WORDS = {1: np.dtype("u1"), 2: np.dtype("<u2")}
# From so many records on the large tables are faster: they serve two bytes at once, but must come into the cache first.
_MANY = 1 << 11
# So many are looked up at a time: they and a table share the processor's cache.
_CACHED = 1 << 14
# A table of bytes is 1 KiB, one of words 256 KiB.
_BYTE_TABLES_KEPT, _WORD_TABLES_KEPT = 4096, 96

checksum = google_crc32c.value


def masked_checksum(data: bytes) -> int:
    """CRC32C of some bytes, rotated and shifted: a checksum of data that holds its own checksum would be weak."""
    crc = checksum(data)
    return ((crc >> 15 | crc << 17) & 0xFFFFFFFF) + _MASK_DELTA & 0xFFFFFFFF


def masked_checksums(blank: int, fields: Iterable[tuple[np.ndarray, int]]) -> np.ndarray:
    """The masked checksums of records that differ in a few fields.

    Args:
      blank: CRC32C, not masked, of a record that has zeros in these fields.
      fields: of each, (column, behind): little-endian unsigned integers `[n]`, contiguous, n ≥ 1, which are the bytes
        of the field in each record; and how many bytes of the record follow it. At least one.

    Returns:
      uint32 `[n]`.
    """
    alike, found = blank, None
    for column, behind in fields:
        if found is None:
            found = np.zeros(len(column), np.uint32)
            most = min(len(column), _CACHED)
            places, effect = np.empty(most, np.intp), np.empty(most, np.uint32)
        width = 2 if column.itemsize > 1 and len(column) >= _MANY else 1
        words = column.view(_WORDS[width]).reshape(len(column), -1)
        # Most words of a wall time are the same throughout a series; to see that is cheaper than to look them all up.
        varying = int(np.bitwise_or.reduce(column ^ column[0]))
        for index in range(words.shape[1]):
            table = _EFFECTS[width](behind + column.itemsize - width * (index + 1))
            if not varying >> 8 * width * index & (1 << 8 * width) - 1:
                alike ^= int(table[words[0, index]])
                continue
            for begin in range(0, len(column), _CACHED):
                some = words[begin : begin + _CACHED, index]
                np.copyto(places[: len(some)], some)
                # No word is out of the table's bounds. To say so by the mode saves the copy that a check needs.
                table.take(places[: len(some)], out=effect[: len(some)], mode="wrap")
                found[begin : begin + _CACHED] ^= effect[: len(some)]
    found ^= np.uint32(alike)
    masked = found >> 15
    found <<= 17
    masked |= found
    masked += np.uint32(_MASK_DELTA)
    return masked


@functools.lru_cache(_BYTE_TABLES_KEPT)
def _effects_of_bytes(behind: int) -> np.ndarray:
    """The effect of each byte that so many others follow: uint32 `[256]`."""
    zeros = checksum(bytes(1 + behind))
    table = np.zeros(1, np.uint32)
    for bit in range(8):
        effect = checksum(bytes([1 << bit]) + bytes(behind)) ^ zeros
        table = np.concatenate([table, table ^ np.uint32(effect)])
    return table


@functools.lru_cache(_WORD_TABLES_KEPT)
def _effects_of_words(behind: int) -> np.ndarray:
    """The effect of each little-endian 16-bit word that so many bytes follow: uint32 `[65536]`."""
    return np.bitwise_xor.outer(_effects_of_bytes(behind), _effects_of_bytes(behind + 1)).reshape(-1)


_EFFECTS = {1: _effects_of_bytes, 2: _effects_of_words}
