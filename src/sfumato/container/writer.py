"""Chunks to the bytes of a file, and those bytes safely to disk."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.container.head import Head, Level
from sfumato.container.index import Entry, Index
from sfumato.container.layout import HEAD, INDX, SIGNATURE, Chunk, pack
from sfumato.container.parser import Parser
from sfumato.errors import OutputError, SettingsError


@dataclass(frozen=True)
class Part:
    """A chunk to be written and what INDX shall say of it.

    splats: splats the chunk adds, 0 for one that only refines or retires earlier ones.
    quality_db: measured PSNR in dB of the prefix that ends with the chunk; None where it was not measured. Of the base
        level's chunks only the last one's is kept.
    """

    chunk: Chunk
    splats: int = 0
    quality_db: float | None = None


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
        Entry(p.chunk.kind, p.chunk.level, p.chunk.flags, len(p.chunk.payload), p.splats, p.quality_db) for p in later
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


def save(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` completely or not at all.

    The bytes go to a temporary file in the same folder, to the disk, and only then under the final name; whatever
    happens, no half-written file stays behind, and a file that was there before is replaced in one step.
    Raises: OutputError with the reason: no such folder, no permission, disk full, not a regular file.
    """
    temporary: Path | None = None
    try:
        target = Path(os.path.realpath(path))  # a link stays a link; what it points to is replaced
        if target.exists() and not target.is_file():
            raise OutputError(f"cannot write {os.fspath(path)!r}: it is there already and is not a regular file")
        if not target.parent.is_dir():
            raise OutputError(f"cannot write {os.fspath(path)!r}: {str(target.parent)!r} is not a folder")
        temporary = target.with_name(f".sfumato-{secrets.token_hex(8)}.tmp")
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(f"cannot write {os.fspath(path)!r}: {reason}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk where the system can; the file's own bytes are there already."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
