"""Rigs of others in the place of the procedural head, so that the same paint and the same cameras fit them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sfumato.media.avatar.synth_mesh import Part
from sfumato.media.avatar.synth_skin import EYE
from sfumato.media.avatar.synth_texture import Int64Array
from sfumato.rig import Rig

# Words in the names of a rig's regions, and the parts that they are painted as; the rest is skin.
_WORDS = (("teeth", Part.UPPER_TEETH), ("tongue", Part.TONGUE), ("mouth", Part.MOUTH), ("gum", Part.MOUTH))
_HEAD_HEIGHT = 0.234  # crown to chin of the procedural head


def foreign_head(rig: Rig) -> tuple[Rig, Int64Array]:
    """The rig moved and scaled so that its eyes (or else its height) are those of the procedural head, and the `Part`
    of each of its faces by the names of its regions."""
    low, high = rig.vertices.min(axis=0).astype(float), rig.vertices.max(axis=0).astype(float)
    eyes = [rig.joints[rig.joint_names.index(name)] for name in ("eye_left", "eye_right") if name in rig.joint_names]
    if len(eyes) == 2 and np.linalg.norm(eyes[0] - eyes[1]) > 0:
        scale = 2 * EYE[0] / float(np.linalg.norm(eyes[0] - eyes[1]))
        origin, target = (eyes[0] + eyes[1]) / 2, EYE * [0, 1, 1]
    else:
        scale = _HEAD_HEIGHT / float(high[1] - low[1])
        origin, target = np.array([(low[0] + high[0]) / 2, high[1], high[2]]), np.array([0.0, 0.126, 0.112])
    shift = target - scale * origin
    moved = replace(
        rig,
        vertices=scale * rig.vertices + shift,
        shapes=scale * rig.shapes,
        joints=scale * rig.joints + shift,
        correctives=None if rig.correctives is None else scale * rig.correctives,
    )
    part = np.full(len(rig.faces), int(Part.SKIN), np.int64)
    if rig.region is not None:
        names = np.array([_part(name) for name in rig.regions])
        part = names[rig.region[rig.faces[:, 0]]]
        middle = moved.vertices[rig.faces].mean(axis=1)
        part[(part == Part.LEFT_EYE) & (middle[:, 0] < 0)] = Part.RIGHT_EYE
        part[(part == Part.UPPER_TEETH) & (middle[:, 1] < _bite(middle[part == Part.UPPER_TEETH, 1]))] = (
            Part.LOWER_TEETH
        )
    return moved, part


def _part(region: str) -> int:
    name = region.lower()
    if "eye" in name and "lash" not in name and "socket" not in name and "brow" not in name:
        return Part.LEFT_EYE
    return next((part for word, part in _WORDS if word in name), Part.SKIN)


def _bite(heights: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    """Between the rows of teeth."""
    return float((heights.min() + heights.max()) / 2) if len(heights) else 0.0
