"""The prefixes of a file: where they end, and what a viewer has by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sfumato.container.head import Head
from sfumato.container.index import Index


@dataclass(frozen=True)
class Prefix:
    """The first bytes of a file up to the end of a chunk.

    chunks: chunks in it, HEAD and (after the base level) INDX included; at least 2.
    length: bytes.
    levels: levels that are complete, counted from the base level; 0 while the base level is not.
    splats: splats its chunks add up to; None while the base level is incomplete, because INDX counts that as a whole.
    quality_db: measured PSNR in dB; None where it is unknown.
    """

    chunks: int
    length: int
    levels: int
    splats: int | None
    quality_db: float | None


def prefixes(head: Head, index: Index, ends: Sequence[int], within_base: bool = False) -> list[Prefix]:
    """Every prefix of the whole file that is a valid file, shortest first; the last is the whole file.

    ends: the bytes at which the chunks up to INDX end, HEAD first; [2 + base chunks] or more.
    within_base: also the shorter prefixes that a viewer can render but that are no valid files: those that end with
        a chunk of the base level, before INDX.
    """
    base = head.levels[0].chunks
    found = []
    if within_base:
        found = [Prefix(chunks, ends[chunks - 1], 0, None, None) for chunks in range(2, base + 1)]
        found.append(Prefix(base + 1, ends[base], 1, index.base_splats, index.base_quality_db))
    chunks, length, splats = base + 2, ends[base + 1], index.base_splats
    left = [level.chunks for level in head.levels]
    left[0] = 0
    levels = 1
    found.append(Prefix(chunks, length, levels, splats, index.base_quality_db))
    for entry in index.entries:
        chunks += 1
        length += entry.length
        splats += entry.splats
        left[entry.level] -= 1
        while levels < len(left) and left[levels] == 0:
            levels += 1
        found.append(Prefix(chunks, length, levels, splats, entry.quality_db))
    return found
