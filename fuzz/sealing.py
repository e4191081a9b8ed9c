"""Makes the checksums of mutated files right, so that the fuzzer gets past them."""

from __future__ import annotations

from sfumato.container import crc32c
from sfumato.container.layout import CHUNK_HEADER


def seal(data: bytes) -> bytes:
    """The same bytes with the signature and the checksum of every complete chunk made right."""
    sealed = bytearray(b"\x89SFU\r\n\x1a\n" + data[8:])
    start = 8
    while start + CHUNK_HEADER.size + 4 <= len(sealed):
        end = start + CHUNK_HEADER.size + int.from_bytes(sealed[start + 6 : start + CHUNK_HEADER.size], "little")
        if end + 4 > len(sealed):
            break
        sealed[end : end + 4] = crc32c(bytes(sealed[start:end])).to_bytes(4, "little")
        start = end + 4
    return bytes(sealed)
