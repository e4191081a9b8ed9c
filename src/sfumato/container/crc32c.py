"""CRC-32C (Castagnoli), the checksum of every chunk: compiled where possible, else a table in Python.

Both give the same number for every input; the test vectors are those of RFC 3720, appendix B.4.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from sfumato.kernels.library import NativeLibrary, native

_REFLECTED_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits in reverse, RFC 3720 section 12.1


def _table() -> tuple[int, ...]:
    """What each byte value does to an empty checksum register."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_REFLECTED_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()


def crc32c_reference(data: bytes, crc: int = 0) -> int:
    """The same as `crc32c`, one byte at a time in Python: the law, and the fallback (about 10 MB/s)."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@functools.lru_cache(1)
def _checksum(library: NativeLibrary | None) -> Callable[[bytes, int], int]:
    """The checksum that `library` compiled, or the reference where the compiled kernels are missing."""
    if library is None:
        return crc32c_reference
    compiled = library.function(
        "sfu_crc32c", ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t, restype=ctypes.c_uint32
    )
    return lambda data, crc: int(compiled(crc, data, len(data)))


def crc32c(data: bytes, crc: int = 0) -> int:
    """The CRC-32C, 0 .. 2**32 - 1, of the bytes that gave `crc` (0 for none) followed by `data`.

    `crc32c(b, crc32c(a)) == crc32c(a + b)`, so that a checksum can be taken piece by piece.
    """
    return _checksum(native())(data, crc)
