"""Chunks to the bytes of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfumato.container.head import Head, Level
from sfumato.container.index import Entry, Index, Region
from sfumato.container.layout import HEAD, INDX, SIGNATURE, Chunk, pack
from sfumato.container.parser import Parser
from sfumato.errors import SettingsError


@dataclass(frozen=True)
class Part:
    """A chunk to be written and what INDX shall say of it.

    splats: splats the chunk adds, 0 for one that only refines or retires earlier ones.
    quality_db: measured PSNR in dB of the prefix that ends with the chunk; None where it was not measured. Of the base
        level's chunks only the last one's is kept.
    region: where the chunk shows something; not kept of the base level's chunks.
    """

    chunk: Chunk
    splats: int = 0
    quality_db: float | None = None
    region: Region | None = None


def assemble(medium: str, fields: Mapping[str, Any], parts: Sequence[Part]) -> bytes:
    """The bytes of a file: signature, HEAD, the base level, INDX, refinement chunks.

    medium, fields: as in `Head`; what the levels hold is counted here.
    parts: the chunks in the order in which they shall arrive, first those of level 0 (at least one), then the others,
        which may mix their levels; level numbers have no gap.
    The result is read back before it is returned, so it obeys every rule a reader checks.
    Raises: SettingsError if the order or the numbers of the parts are impossible; LimitError if there are too many or
        they are too long; ChunkError for a kind or level no chunk can have.
    """
    by_level: dict[int, list[Part]] = {}
    for part in parts:
        by_level.setdefault(part.chunk.level, []).append(part)
    if sorted(by_level) != list(range(len(by_level))) or not by_level:
        raise SettingsError(f"cannot assemble a file: it needs levels 0, 1, 2 and so on, but has {sorted(by_level)}")
    base, later = parts[: len(by_level[0])], parts[len(by_level[0]) :]
    if any(part.chunk.level for part in base):
        raise SettingsError("cannot assemble a file: all chunks of level 0 come before the others")
    levels = [Level(len(by_level[n]), sum(part.splats for part in by_level[n])) for n in range(len(by_level))]
    head = Head(medium, tuple(levels), fields)
    entries = [
        Entry(p.chunk.kind, p.chunk.level, p.chunk.flags, len(p.chunk.payload), p.splats, p.quality_db, p.region)
        for p in later
    ]
    index = Index(levels[0].splats, base[-1].quality_db, tuple(entries))
    chunks = [
        Chunk(HEAD, 0, payload=head.to_bytes()),
        *(part.chunk for part in base),
        Chunk(INDX, 0, payload=index.to_bytes()),
        *(part.chunk for part in later),
    ]
    data = SIGNATURE + b"".join(pack(chunk) for chunk in chunks)
    parser = Parser("the assembled file")
    parser.feed(data)
    parser.close()
    return data
