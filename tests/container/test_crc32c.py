import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container.crc32c import _checksum, crc32c, crc32c_reference
from sfumato.kernels.library import native

# RFC 3720, appendix B.4 (there printed byte by byte, so the numbers appear reversed), and the usual check string.
KNOWN = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(reversed(range(32))), 0x113FDB5C),
    (
        bytes.fromhex(
            "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000"
        ),
        0xD9963A56,
    ),
    (b"123456789", 0xE3069283),
    (b"", 0),
]


def compiled(isa: str, data: bytes, crc: int) -> int:
    library = native()
    if library is None:
        pytest.skip("the compiled kernels are not here")
    try:
        function = getattr(library._handle, f"sfu_crc32c_{isa}")
    except AttributeError:
        pytest.skip(f"this build has no {isa}")
    if ("base", "v3", "v4").index(isa) > ("base", "v3", "v4").index(library.isa):
        pytest.skip(f"this processor has no {isa}")
    function.argtypes = (ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t)
    function.restype = ctypes.c_uint32
    return int(function(crc, data, len(data)))


@pytest.mark.parametrize(("data", "expected"), KNOWN)
def test_the_published_vectors_give_the_published_checksums(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected
    assert crc32c_reference(data) == expected


@pytest.mark.parametrize("isa", ["base", "v3", "v4"])
@given(data=st.binary(max_size=200), crc=st.integers(0, 2**32 - 1))
def test_every_instruction_set_gives_the_checksum_of_the_reference(isa: str, data: bytes, crc: int) -> None:
    assert compiled(isa, data, crc) == crc32c_reference(data, crc)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_checksum_can_be_taken_piece_by_piece(first: bytes, second: bytes) -> None:
    assert crc32c(second, crc32c(first)) == crc32c(first + second)


@given(st.binary(max_size=40))
def test_the_checksum_is_the_remainder_of_a_polynomial_division(data: bytes) -> None:
    register = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            carry = (register >> 31) ^ (byte >> bit & 1)
            register = (register << 1 & 0xFFFFFFFF) ^ (0x1EDC6F41 if carry else 0)
    assert crc32c(data) == int(f"{register:032b}"[::-1], 2) ^ 0xFFFFFFFF


def test_the_checksum_follows_the_instruction_set_that_is_asked_for(kernels: str) -> None:
    chosen = _checksum(native())
    assert (chosen is crc32c_reference) == (kernels == "none")
    assert crc32c(b"123456789") == 0xE3069283 and _checksum(native()) is chosen
