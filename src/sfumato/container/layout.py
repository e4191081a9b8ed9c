"""The bytes of one chunk, and the caps every reader keeps; docs/format.md says the same in prose.

kind (4 ASCII letters) · level u8 · flags u8 · payload length u32 · payload · CRC-32C u32, all little-endian
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sfumato.container.crc32c import crc32c
from sfumato.errors import ChecksumError, ChunkError, LimitError

# Like PNG's (RFC 2083, section 12.11): the first byte shows lost eighth bits, CR LF and LF show text-mode transfers,
# 0x1A stops a listing on old terminals.
SIGNATURE = b"\x89SFU\r\n\x1a\n"

CHUNK_HEADER = struct.Struct("<4sBBI")
_CHECKSUM = struct.Struct("<I")
OVERHEAD = CHUNK_HEADER.size + _CHECKSUM.size  # bytes a chunk takes besides its payload: 14

# The largest payload: a chunk is decoded as a whole, and 64 MiB is what a phone can hold beside its picture.
MAX_PAYLOAD = 64 * 1024 * 1024

# Signature and HEAD together: three TCP segments of 1,460 bytes, so that the first paint waits for content.
MAX_HEAD_PAYLOAD = 4096 - len(SIGNATURE) - OVERHEAD

# Chunks of a file, HEAD and INDX included; keeps INDX near 1 MiB and its entry count in 16 bits.
MAX_CHUNKS = 65536

# A chunk's level is one byte.
MAX_LEVELS = 256

HEAD = "HEAD"
INDX = "INDX"


@dataclass(frozen=True)
class Chunk:
    """The smallest piece of a file that is checksummed and decoded as a whole.

    kind: four ASCII letters; a reader that does not know the kind skips it if the first letter is lower case and
        refuses the file if it is upper case.
    level: 0 (the base level) .. 255, the refinement layer it belongs to.
    flags: 0 .. 255, with the meaning its kind gives them.
    payload: at most `MAX_PAYLOAD` bytes, with the meaning its kind gives them.
    offset: the byte of the file where the chunk begins; it says where a chunk lies, not what it is, so two chunks
        that differ in nothing else are equal.
    """

    kind: str
    level: int
    flags: int = 0
    payload: bytes = b""
    offset: int = field(default=0, compare=False)

    @property
    def length(self) -> int:
        """Bytes the chunk takes in the file, header and checksum included."""
        return len(self.payload) + OVERHEAD


@dataclass(frozen=True)
class ChunkHeader:
    """What a chunk's first ten bytes say; `payload` is the number of bytes that the payload takes."""

    kind: str
    level: int
    flags: int
    payload: int

    @property
    def length(self) -> int:
        """Bytes the whole chunk takes in the file."""
        return self.payload + OVERHEAD


def check_kind(kind: bytes) -> str:
    """The chunk kind as text.

    Raises: ChunkError if it is not four ASCII letters.
    """
    if len(kind) != 4 or not kind.isalpha():
        raise ChunkError(f"the chunk kind {kind!r} is not four ASCII letters")
    return kind.decode("ascii")


def check_payload_length(length: int, cap: int = MAX_PAYLOAD) -> None:
    """Refuse a declared payload length before anything is allocated for it.

    Raises: LimitError if it is beyond `cap` bytes.
    """
    if length > cap:
        raise LimitError(f"its payload is said to take {length:,} bytes; the cap is {cap:,}")


def unpack_header(data: bytes | memoryview) -> ChunkHeader:
    """Read the first ten bytes of a chunk.

    Raises: ChunkError if the kind is not four letters; LimitError if the payload is beyond `MAX_PAYLOAD`.
    """
    kind, level, flags, length = CHUNK_HEADER.unpack_from(data)
    check_payload_length(length)
    return ChunkHeader(check_kind(kind), level, flags, length)


def pack(chunk: Chunk) -> bytes:
    """The chunk as it stands in a file; `unpack(pack(chunk)) == chunk`.

    Raises: ChunkError for a kind, level or flags that the header cannot hold; LimitError for too long a payload.
    """
    kind = check_kind(chunk.kind.encode("ascii", "replace"))
    check_payload_length(len(chunk.payload))
    for name, value in (("level", chunk.level), ("flags", chunk.flags)):
        if not 0 <= value <= 255:
            raise ChunkError(f"{name} of a chunk is one byte, not {value}")
    header = CHUNK_HEADER.pack(kind.encode("ascii"), chunk.level, chunk.flags, len(chunk.payload))
    return header + chunk.payload + _CHECKSUM.pack(crc32c(chunk.payload, crc32c(header)))


def unpack(data: bytes | memoryview, offset: int = 0) -> Chunk:
    """One whole chunk from exactly its bytes, such as an HTTP range fetched through INDX.

    offset: where the chunk lies in its file, kept in the result.
    Raises: ChunkError if the bytes are not one chunk's; LimitError; ChecksumError if the checksum differs.
    """
    if len(data) < OVERHEAD:
        raise ChunkError(f"{len(data)} bytes cannot hold a chunk, which takes at least {OVERHEAD}")
    header = unpack_header(data)
    if len(data) != header.length:
        raise ChunkError(f"the chunk takes {header.length:,} bytes, but {len(data):,} were given")
    payload = bytes(data[CHUNK_HEADER.size : -_CHECKSUM.size])
    (stored,) = _CHECKSUM.unpack_from(data, len(data) - _CHECKSUM.size)
    if crc32c(payload, crc32c(bytes(data[: CHUNK_HEADER.size]))) != stored:
        raise ChecksumError("checksum differs")
    return Chunk(header.kind, header.level, header.flags, payload, offset)
