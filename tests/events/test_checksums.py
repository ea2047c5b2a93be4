"""Checksums of single records against published values, of columns against CRC32C written bit by bit; varints."""

import numpy as np
import pytest
from google.protobuf.internal.encoder import _VarintBytes
from hypothesis import given, settings
from hypothesis import strategies as st

from tbgrad.events import varints
from tbgrad.events.checksums import checksum, masked_checksum, masked_checksums

FEW = settings(max_examples=100, deadline=None, derandomize=True)
STEPS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 62).flatmap(lambda k: st.sampled_from([2**k - 1, 2**k, -(2**k), -(2**k) - 1])),
)


def bitwise(data):
    """CRC32C by its definition: the remainder of a division by the reflected polynomial."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def masked(crc):
    """TensorFlow's mask rotates by 15 bits and adds a constant."""
    return ((crc >> 15 | crc << 17) % 2**32 + 0xA282EAD8) % 2**32


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_the_checksum_has_the_published_values(data, expected):
    # RFC 3720, appendix B.4.
    assert bitwise(data) == checksum(data) == expected
    assert masked_checksum(data) == masked(expected)


@FEW
@given(
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, 40),
    st.binary(max_size=20),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8),
    st.integers(0, 2**64 - 1),
)
def test_a_field_makes_the_checksum_of_every_message(size, behind, before, numbers, varying):
    # Bits that are the same throughout are looked up once: `varying` makes some.
    numbers = [(number & varying | numbers[0] & ~varying) % 2 ** (8 * size) for number in numbers]
    after = bytes(range(behind))
    column = np.array(numbers, f"<u{size}")
    found = masked_checksums(checksum(before + bytes(size) + after), [(column, behind)])
    expected = [masked(bitwise(before + number.to_bytes(size, "little") + after)) for number in numbers]
    assert found.dtype == np.uint32 and found.tolist() == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(STEPS)
def test_a_step_takes_the_bytes_that_protobuf_gives_it(step):
    expected = _VarintBytes(step % 2**64)
    steps = np.array([step, step])
    assert varints.width(step) == len(expected) and varints.widths(steps).tolist() == [len(expected)] * 2
    varying = expected[:9]
    sizes = [size for size in (8, 4, 2, 1) if len(varying) & size]
    parts = varints.encode(steps, sizes)
    assert [part.dtype for part in parts] == [np.dtype(f"<u{size}") for size in sizes]
    assert b"".join(part[1:].tobytes() for part in parts) == varying and expected[9:] in (b"", b"\1")
    assert varints.decode(parts).tolist() == [step, step]
