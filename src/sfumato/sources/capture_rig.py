"""The rig that moves the mesh of a capture."""

from __future__ import annotations

from pathlib import Path

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.sources.capture import Capture
from sfumato.sources.rig import read_rig


def capture_rig(capture: Capture) -> Rig | None:
    """The rig that a capture names in its driving.npz; None if it names none.

    Raises: InputError if its file does not lie in the capture's folder or is no rig, or its mesh is not the capture's.
    """
    if capture.driving is None or not capture.driving.rig:
        return None
    name = capture.driving.rig
    if Path(name).name != name or "\\" in name:
        raise InputError(
            f"cannot read '{capture.place}': driving.npz: the rig '{name}' is not a file of this folder; copy it there"
        )
    rig = read_rig(Path(capture.place) / name)
    capture.check_template(rig.faces, len(rig.vertices))
    return rig
