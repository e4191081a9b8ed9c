"""Scenes of splats from files of any format that is read; the contents decide which it is, then the suffix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sfumato.errors import InputError
from sfumato.sources.antimatter import read_antimatter
from sfumato.sources.checked import Scene
from sfumato.sources.ply import MAX_HEADER_BYTES
from sfumato.sources.sog import read_sog
from sfumato.sources.splat_compressed_ply import read_splat_compressed_ply
from sfumato.sources.splat_ply import read_splat_ply
from sfumato.sources.spz import read_spz

__all__ = ["Scene", "is_scene", "read_scene"]


class _Read(Protocol):
    def __call__(self, path: Path, *, repair: bool) -> Scene: ...


@dataclass(frozen=True)
class _Reader:
    """One format: whether a file's first bytes and suffix (in lower case) are its own, and how it is read."""

    fits: Callable[[bytes, str], bool]
    read: _Read


# Asked in this order. A new format is one line here and one file beside this one.
_READERS = (
    _Reader(
        lambda head, _: head.startswith(b"ply") and b" packed_position" in _ply_header(head), read_splat_compressed_ply
    ),
    _Reader(lambda head, _: head.startswith(b"ply"), read_splat_ply),
    _Reader(
        lambda head, suffix: head.startswith(b"NGSP") or (head.startswith(b"\x1f\x8b") and suffix == ".spz"), read_spz
    ),
    _Reader(lambda head, suffix: head.startswith(b"PK\3\4") or (head[:1] == b"{" and suffix == ".json"), read_sog),
    _Reader(lambda _, suffix: suffix == ".splat", read_antimatter),
)


def is_scene(path: str | os.PathLike[str]) -> bool:
    """Whether the file at `path` can be read and looks like one of the formats of `read_scene`."""
    try:
        head = _head(Path(path))
    except InputError:
        return False
    return any(reader.fits(head, Path(path).suffix.lower()) for reader in _READERS)


def read_scene(path: str | os.PathLike[str], *, repair: bool = False) -> Scene:
    """Read the splats in the file at `path`: 3DGS PLY, compressed PLY, SPZ, SOG (zip or the meta.json of a folder) or
    antimatter15's `.splat`.

    repair: leave out splats that are broken (not finite, without extent, without rotation) instead of refusing the
        file; `Scene.dropped` counts them. A file that is damaged otherwise is refused all the same.

    Raises: InputError with file, place and reason.
    """
    path = Path(path)
    head = _head(path)
    for reader in _READERS:
        if reader.fits(head, path.suffix.lower()):
            return reader.read(path, repair=repair)
    raise InputError(
        f"cannot read '{path}': neither its first bytes nor its suffix are those of a scene; "
        "use 3DGS .ply, compressed .ply, .spz, .sog or .splat"
    )


def _head(path: Path) -> bytes:
    """The first bytes of the regular, not empty file at `path`."""
    try:
        if path.is_dir():
            raise InputError(f"cannot read '{path}': it is a folder; name a file inside it")
        if path.exists() and not path.is_file():
            raise InputError(f"cannot read '{path}': it is not a regular file; save the scene to one first")
        with path.open("rb") as file:
            head = file.read(MAX_HEADER_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read '{path}': {reason.lower()}; check the path and the permissions") from None
    if not head:
        raise InputError(f"cannot read '{path}': the file is empty; fetch or save it again")
    return head


def _ply_header(head: bytes) -> bytes:
    return head.partition(b"end_header")[0]
