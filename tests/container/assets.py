"""Small assets that the container's tests share."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from sfumato.container import Chunk, Part, Region, assemble, crc32c
from sfumato.container.layout import SIGNATURE

KINDS = st.sampled_from(["DEMO", "MOVE", "note", "xtra"])
QUALITIES = st.none() | st.integers(0, 65534).map(lambda n: n / 100)


@st.composite
def _regions(draw: st.DrawFn) -> Region:
    sides = [sorted(draw(st.tuples(*[st.integers(0, 65535)] * 2))) for _ in range(3)]
    (x, right), (y, bottom), (z, far) = sides
    return Region(draw(st.integers(0, 65535)), (x, y, z), (right, bottom, far))


REGIONS = _regions()


def tiny() -> bytes:
    """The file that docs/format.md spells out: one chunk each of levels 0 and 1."""
    parts = [Part(Chunk("DEMO", 0, 0, b"abc"), 2, 20.0), Part(Chunk("DEMO", 1, 0, b"de"), 1)]
    return assemble("image", {"size": [2, 1]}, parts)


def small_parts() -> list[Part]:
    """Two base chunks and five refinements of three levels; 4 + 5 chunks in the file."""
    return [
        Part(Chunk("DEMO", 0, 0, b"base one"), 100),
        Part(Chunk("DEMO", 0, 1, b"base two"), 50, 24.0),
        Part(Chunk("DEMO", 1, 0, b"first" * 9), 30, 26.5),
        Part(Chunk("DEMO", 2, 0, b"second" * 5), 40, 27.25),
        Part(Chunk("note", 1, 0, b"a comment")),
        Part(Chunk("DEMO", 2, 7, b"third"), 0, 27.5),
        Part(Chunk("MOVE", 3, 0, b""), 10, None),
    ]


def small() -> bytes:
    return assemble("image", {"size": [640, 480], "title": "Büste"}, small_parts())


def ends(data: bytes) -> list[int]:
    """The bytes at which the signature and every chunk of `data` end, by lengths alone."""
    found = [len(SIGNATURE)]
    while found[-1] < len(data):
        found.append(found[-1] + 14 + struct.unpack_from("<I", data, found[-1] + 6)[0])
    return found


def raw_chunk(kind: bytes, level: int, flags: int, payload: bytes) -> bytes:
    """One chunk by the words of docs/format.md, without asking the writer whether it is allowed."""
    body = kind + struct.pack("<BBI", level, flags, len(payload)) + payload
    return body + struct.pack("<I", crc32c(body))


def raw_head(text: str) -> bytes:
    return raw_chunk(b"HEAD", 0, 0, text.encode())


def raw_index(base_splats: int, *entries: bytes, version: int = 1, size: int = 16) -> bytes:
    payload = struct.pack("<BBHIH", version, size, len(entries), base_splats, 65535) + b"".join(entries)
    return raw_chunk(b"INDX", 0, 0, payload)


def raw_entry(kind: bytes, level: int, flags: int, payload: int, splats: int, more: bytes = b"") -> bytes:
    return kind + struct.pack("<BBIIH", level, flags, payload, splats, 65535) + more


@st.composite
def part_lists(draw: st.DrawFn) -> list[Part]:
    """Parts of a whole file: a base level and up to three more levels in any mixture."""
    levels = draw(st.lists(st.integers(1, 3), max_size=8))
    regions = draw(st.booleans())
    renumber = {level: number for number, level in enumerate(sorted(set(levels)), start=1)}
    levels = [0] * draw(st.integers(1, 3)) + [renumber[level] for level in levels]
    return [
        Part(
            Chunk(draw(KINDS), level, draw(st.integers(0, 255)), draw(st.binary(max_size=60))),
            draw(st.integers(0, 1000)),
            draw(QUALITIES),
            draw(REGIONS) if regions else None,
        )
        for level in levels
    ]
