"""INDX, the chunk after the base level: where each later chunk lies, what it adds and what it buys.

version u8 · entry size u8 · entries u16 · splats of the base level u32 · quality of the base level u16
then per later chunk, in file order:
kind (4 ASCII letters) · level u8 · flags u8 · payload length u32 · splats u32 · quality u16
and in files of media that lie in space: group u16 · lowest corner 3 x u16 · highest corner 3 x u16
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from sfumato.container.head import Head
from sfumato.container.layout import HEAD, INDX, OVERHEAD, check_kind, check_payload_length
from sfumato.errors import ChunkError, SettingsError, UnsupportedError

VERSION = 1

_PREAMBLE = struct.Struct("<BBHIH")
_ENTRY = struct.Struct("<4sBBIIH")
_REGION = struct.Struct("<7H")
_FARTHEST = 65535  # a corner here may lie farther still
_UNKNOWN = 65535  # quality that was never measured
_BEST_DB = (_UNKNOWN - 1) / 100  # an exact copy has infinite PSNR; it is written as 655.34 dB


def _centi_db(quality_db: float | None) -> int:
    """Quality as it stands in INDX: hundredths of a decibel, 0 .. 65534, or 65535 for unknown."""
    if quality_db is None:
        return _UNKNOWN
    if math.isnan(quality_db):
        raise SettingsError("a quality in dB is a number, or None where it is unknown; got nan")
    return round(min(max(quality_db, 0.0), _BEST_DB) * 100)


def _decibels(centi_db: int) -> float | None:
    return None if centi_db == _UNKNOWN else centi_db / 100


Corner = tuple[int, int, int]


@dataclass(frozen=True)
class Region:
    """Which part of an asset a chunk belongs to, and where in space it shows something.

    group: 0 .. 65535; what groups are and how the chunks of one build on one another is the medium's to say.
    low, high: corners (x, y, z) of a box in steps 0 .. 65535 of the medium's own frame, low <= high. The box holds what
        the chunk shows, so its corners are rounded outwards; 0 in `low` and 65535 in `high` also stand for whatever
        lies farther out.
    """

    group: int
    low: Corner = (0, 0, 0)
    high: Corner = (_FARTHEST,) * 3


@dataclass(frozen=True)
class Entry:
    """What INDX says of one chunk after it.

    kind, level, flags: as in the chunk itself; level 1 .. 255.
    payload: bytes of the payload.
    splats: splats the chunk adds, 0 for one that only refines or retires earlier ones.
    quality_db: PSNR in dB of the prefix that ends with this chunk, in steps of 0.01 from 0 to 655.34 (which also
        stands for an exact copy); None where it was not measured.
    region: None in a file whose INDX has no regions.
    """

    kind: str
    level: int
    flags: int
    payload: int
    splats: int
    quality_db: float | None = None
    region: Region | None = None

    @property
    def length(self) -> int:
        """Bytes the whole chunk takes in the file."""
        return self.payload + OVERHEAD


@dataclass(frozen=True)
class Index:
    """The refinement chunks of a file in file order.

    base_splats, base_quality_db: splats of the base level and PSNR in dB of the prefix that ends with it.
    entries: one per chunk after INDX, [chunks after INDX].
    """

    base_splats: int
    base_quality_db: float | None
    entries: tuple[Entry, ...]

    def to_bytes(self) -> bytes:
        """The payload of INDX. If one entry has a region, those without get group 0 and a box that holds everything.

        Raises: SettingsError for a number that its field cannot hold; otherwise the errors of `from_bytes`.
        """
        regions = any(e.region is not None for e in self.entries)
        size = _ENTRY.size + (_REGION.size if regions else 0)
        try:
            parts = [
                _PREAMBLE.pack(VERSION, size, len(self.entries), self.base_splats, _centi_db(self.base_quality_db))
            ]
            for e in self.entries:
                kind = check_kind(e.kind.encode("ascii", "replace")).encode("ascii")
                parts.append(_ENTRY.pack(kind, e.level, e.flags, e.payload, e.splats, _centi_db(e.quality_db)))
                if regions:
                    region = e.region or Region(0)
                    parts.append(_REGION.pack(region.group, *region.low, *region.high))
        except struct.error as error:
            raise SettingsError(f"INDX cannot hold one of its numbers: {error}") from error
        payload = b"".join(parts)
        Index.from_bytes(payload)
        return payload

    @classmethod
    def from_bytes(cls, payload: bytes) -> Index:
        """Read the payload of INDX; bytes of an entry beyond those of version 1 are skipped.

        Entries too short for a region have none.

        Raises: UnsupportedError for another version; ChunkError if the sizes do not add up or an entry contradicts
            docs/format.md; LimitError if an entry announces more than a chunk may hold.
        """
        if len(payload) < _PREAMBLE.size:
            raise ChunkError(f"INDX has {len(payload)} bytes; it starts with {_PREAMBLE.size}")
        version, size, count, splats, quality = _PREAMBLE.unpack_from(payload)
        if version != VERSION:
            raise UnsupportedError(f"INDX has version {version}, this reader knows version {VERSION}")
        if size < _ENTRY.size:
            raise ChunkError(f"an entry of INDX has {size} bytes; version {VERSION} needs {_ENTRY.size}")
        expected = _PREAMBLE.size + size * count
        if len(payload) != expected:
            raise ChunkError(f"INDX has {len(payload):,} bytes, but {count:,} entries make {expected:,}")
        regions = size >= _ENTRY.size + _REGION.size
        entries = tuple(_entry(payload, start, regions) for start in range(_PREAMBLE.size, expected, size))
        return cls(splats, _decibels(quality), entries)

    def check_against(self, head: Head) -> None:
        """Hold INDX to what HEAD announced.

        Raises: ChunkError if the chunks or splats of a level differ, or a level exists in one of the two alone.
        """
        if self.base_splats != head.levels[0].splats:
            raise ChunkError(f"INDX gives level 0 {self.base_splats:,} splats, HEAD {head.levels[0].splats:,}")
        chunks = [0] * len(head.levels)
        splats = [0] * len(head.levels)
        for entry in self.entries:
            if entry.level >= len(head.levels):
                raise ChunkError(f"INDX names level {entry.level}, but HEAD announces {len(head.levels)} levels")
            chunks[entry.level] += 1
            splats[entry.level] += entry.splats
        for number, level in enumerate(head.levels[1:], start=1):
            if (chunks[number], splats[number]) != (level.chunks, level.splats):
                raise ChunkError(
                    f"INDX gives level {number} {chunks[number]:,} chunks and {splats[number]:,} splats, "
                    f"HEAD {level.chunks:,} and {level.splats:,}"
                )


def max_payload(later_chunks: int) -> int:
    """The longest INDX payload, in bytes, that `later_chunks` entries can make."""
    return _PREAMBLE.size + 255 * later_chunks


def _entry(payload: bytes, start: int, regions: bool) -> Entry:
    kind, level, flags, length, splats, quality = _ENTRY.unpack_from(payload, start)
    name = check_kind(kind)
    check_payload_length(length)
    if name in (HEAD, INDX) or level == 0:
        raise ChunkError(f"INDX announces a chunk {name} of level {level}; only refinement chunks follow INDX")
    region = _region(payload, start + _ENTRY.size) if regions else None
    return Entry(name, level, flags, length, splats, _decibels(quality), region)


def _region(payload: bytes, start: int) -> Region:
    group, *corners = _REGION.unpack_from(payload, start)
    low, high = (corners[0], corners[1], corners[2]), (corners[3], corners[4], corners[5])
    if any(a > b for a, b in zip(low, high, strict=True)):
        raise ChunkError(
            f"INDX gives a chunk of group {group} the box from {low} to {high}, which ends before it begins"
        )
    return Region(group, low, high)
