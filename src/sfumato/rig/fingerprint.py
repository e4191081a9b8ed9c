"""What tells one rig from another, whoever's face it is fitted to."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfumato.rig.model import Rig

_ARRAYS = ("shapes", "parents", "skin", "joint_regressor", "correctives")


def fingerprint_of(rig: Rig) -> str:
    """SHA-256, hexadecimal, of what moves the mesh of a rig: shapes, joints and weights, by name and number.

    Where vertices and joints of the neutral lie does not count, so that it is the same for every person that one rig
    was fitted to; nor do faces, texture coordinates, regions and the names of ARKit.
    """
    digest = hashlib.sha256(json.dumps([rig.shape_names, rig.joint_names]).encode())
    for name in _ARRAYS:
        array = getattr(rig, name)
        if array is not None:
            digest.update(f"{name} {list(array.shape)} ".encode())
            positive = array + array.dtype.type(0)  # one zero: -0 has other bits
            digest.update(positive.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
