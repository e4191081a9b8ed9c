"""Captures in any layout that is read, and the rig that goes with them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.sources.capture import Capture
from sfumato.sources.capture_folder import CAMERAS, CAPTURE, read_capture
from sfumato.sources.capture_rig import capture_rig
from sfumato.sources.capture_vhap import read_vhap
from sfumato.sources.rig import read_rig

_VHAP = "transforms_train.json"


def is_capture(path: str | os.PathLike[str]) -> bool:
    """Whether the path is a folder that says it is a capture, of Sfumato's or of VHAP's layout."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: a zero byte in the path
        return any((Path(path) / name).is_file() for name in (CAPTURE, CAMERAS, _VHAP))
    return False


def open_capture(
    folder: str | os.PathLike[str], rig: str | os.PathLike[str] | Rig | None = None
) -> tuple[Capture, Rig | None]:
    """The capture in a folder, and its rig: the given one, or what the capture's own driving.npz names.

    rig: the file of a rig (docs/rigs.md), or a rig. Captures in VHAP's layout need one of FLAME, which makes their
        meshes. None where a capture of Sfumato's layout names none: its meshes then are all that is known.

    Raises: InputError that names the file, and frame or camera where it is about one; also if the rig's mesh is not
        that of the capture.
    """
    root = Path(folder)
    given = read_rig(rig) if isinstance(rig, (str, os.PathLike)) else rig
    if not is_capture(root):
        raise InputError(
            f"cannot read '{root}': it is not the folder of a capture: it has neither {CAPTURE} nor {_VHAP}; see "
            "docs/captures.md"
        )
    if not (root / CAPTURE).is_file() and (root / _VHAP).is_file():
        if given is None:
            raise InputError(
                f"cannot read '{root}': the meshes of VHAP's layout are made by a rig of FLAME; name its file (--rig)"
            )
        return read_vhap(root, given), given
    capture = read_capture(root)
    if given is None:
        return capture, capture_rig(capture)
    capture.check_template(given.faces, len(given.vertices))
    return capture, given
