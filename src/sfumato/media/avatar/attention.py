"""Where people look: the faces of a template that the eyes and the mouth move."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.forest import Floats
from sfumato.rig import Rig

_LOOKED_AT = re.compile("eye|mouth|jaw", re.IGNORECASE)
_MOVED = 0.3
"""Of the furthest that a name moves any vertex: what it moves less is only pulled along."""


def attention(rig: Rig, factor: float) -> Floats:
    """[F], `factor` for the faces that ARKit's names of eyes, mouth and jaw move, 1 for the others.

    A rig that answers to none of them has 1 everywhere.
    """
    looked = np.zeros(len(rig.vertices), bool)
    for name in filter(_LOOKED_AT.search, rig.arkit):
        weights, turns = rig.driven({name: 1.0})
        looked |= _moved(rig, weights, turns)
    found: Floats = np.where(looked[rig.faces].any(axis=1), factor, 1.0)
    return found


def _moved(rig: Rig, weights: Mapping[str, Any], turns: Mapping[str, Any]) -> NDArray[np.bool_]:
    """[V], which vertices an expression moves clearly."""
    way = np.linalg.norm(rig.pose(weights, turns) - rig.vertices, axis=1)
    clearly: NDArray[np.bool_] = way > max(_MOVED * float(way.max()), 1e-9)
    return clearly
