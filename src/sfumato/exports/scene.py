"""Splats as a file of another tool; the suffix decides the format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from sfumato.errors import OutputError
from sfumato.exports.antimatter import write_antimatter
from sfumato.exports.gltf import write_glb
from sfumato.exports.sog import write_sog
from sfumato.exports.splat_ply import write_splat_ply
from sfumato.exports.spz import write_spz
from sfumato.splats import Splats3D


class _Write(Protocol):
    def __call__(self, splats: Splats3D, path: Path, *, antialiased: bool) -> None: ...


def _antimatter(splats: Splats3D, path: Path, *, antialiased: bool) -> None:
    del antialiased  # the format has no place for it
    write_antimatter(splats, path)


def _glb(splats: Splats3D, path: Path, *, antialiased: bool) -> None:
    del antialiased  # nor has this one
    write_glb(splats, path)


# A new format is one line here and one file beside this one.
_WRITERS: dict[str, _Write] = {
    ".ply": write_splat_ply,
    ".spz": write_spz,
    ".sog": write_sog,
    ".glb": _glb,
    ".splat": _antimatter,
}

SCENES = tuple(_WRITERS)
"""The suffixes that `write_scene` knows."""


def write_scene(splats: Splats3D, path: str | os.PathLike[str], *, antialiased: bool = False) -> None:
    """Write `splats` to `path`; the suffix decides the format: .ply (3DGS), .spz (version 4), .sog
    (version 2), .glb (KHR_gaussian_splatting) or .splat.

    antialiased: say that the scene was trained with the filter of Mip-Splatting, where the format has a place for it.

    The file appears whole or not at all. Raises: OutputError with the reason if it cannot be written.
    """
    path = Path(path)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise OutputError(f"cannot write '{path}': the suffix '{path.suffix}' is not one of {', '.join(_WRITERS)}")
    write(splats, path, antialiased=antialiased)
