"""Which faces of a rig can carry splats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.rig import Rig

_CLEAR = ("cornea", "eye film")  # regions of ICT-FaceKit: layers in front of the eyes that one looks through


def faces_to_bind(rig: Rig) -> NDArray[np.bool_]:
    """[F], the faces that splats are bound to: all but those of clear layers, by the names of the rig's regions.

    A face is of a clear layer if all its corners are.
    """
    if rig.region is None:
        return np.ones(len(rig.faces), bool)
    clear = np.array([name.lower() in _CLEAR for name in rig.regions])
    found: NDArray[np.bool_] = np.logical_not(clear[rig.region[rig.faces]].all(axis=1))
    return found
