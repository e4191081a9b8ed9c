"""The arrays of a rig as whole numbers and back.

Places and moves are whole steps; weights of joints are whole parts of 1 that sum to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.contexts import Ints
from sfumato.errors import InputError
from sfumato.media.avatar.rig_columns import LIMIT
from sfumato.media.avatar.rig_header import REGRESSOR, MeshHeader
from sfumato.media.avatar.rig_reader import COARSEST, Place
from sfumato.rig import Rig

Float32Array = NDArray[np.float32]

WHOLE = 1024
"""Parts of a weight of 1: a head that turns by 30 degrees is 0.03 mm off where neck and head share a vertex."""

REGRESSOR_PARTS = 1 << 14
"""Parts of 1 of the weights by which joints follow vertices."""

# Of the longest side of the mesh: 0.05 mm of a head, for vertices and shapes alike. With it no vertex of a synthetic
# head of 10,000 faces or of ICT-FaceKit is further than 0.1 mm off under the expressions of the synthetic capture;
# shapes of steps twice as large save a quarter of their bytes and miss that.
_STEPS = 1 << 13


def steps_of(vertices: Float32Array) -> tuple[Place, float]:
    """The middle of a mesh [V, 3], and the step of its vertices and shapes, as float32 has them. InputError."""
    low, high = vertices.min(axis=0).astype(np.float64), vertices.max(axis=0).astype(np.float64)
    middle = ((low + high) / 2).astype(np.float32)
    side = float((high - low).max())
    if side > COARSEST * _STEPS / 2:
        raise InputError(f"cannot write the rig: its mesh is {side:g} long; check the units")
    step = float(np.float32(max(side, 1e-6) / _STEPS))
    return (float(middle[0]), float(middle[1]), float(middle[2])), step


def quantise(what: str, values: NDArray[np.floating], step: float) -> Ints:
    """The nearest whole steps; InputError where they are too many."""
    found: Ints = np.rint(values.astype(np.float64) / step).astype(np.int64)
    if found.size and np.abs(found).max() > LIMIT:
        raise InputError(f"cannot write the rig: its {what} reach over {LIMIT:,} steps of {step:g}; check the units")
    return found


def quantise_vertices(vertices: Float32Array, middle: Place, step: float) -> Ints:
    """Places [V, 3] around the middle."""
    return quantise("vertices", vertices.astype(np.float64) - middle, step)


def dequantise_vertices(whole: Ints, middle: Place, step: float) -> Float32Array:
    """Places [V, 3]."""
    places: Float32Array = (whole * step + np.array(middle)).astype(np.float32)
    return places


def quantise_skin(skin: Float32Array) -> Ints:
    """Weights [V, J] of rows that sum to 1 as whole numbers whose rows sum to WHOLE, each less than 1 off."""
    exact = skin.astype(np.float64)
    exact *= WHOLE / exact.sum(axis=1, keepdims=True)
    found = np.floor(exact).astype(np.int64)
    left = WHOLE - found.sum(axis=1)
    place = np.argsort(np.argsort(found - exact, axis=1, kind="stable"), axis=1, kind="stable")
    found += place < left[:, None]  # where most was cut off
    return found


def dequantise_skin(whole: Ints) -> Float32Array:
    """Weights [V, J] whose rows sum to exactly 1."""
    return (whole / WHOLE).astype(np.float32)


def used_vertices(rig: Rig) -> NDArray[np.bool_]:
    """Which vertices are in a face, [V]."""
    found = np.zeros(len(rig.vertices), bool)
    found[rig.faces] = True
    return found


def column_sizes(header: MeshHeader) -> list[tuple[int, int]]:
    """Columns, and parts of each, of the arrays of a MESH in their order: vertices, weights, regressor."""
    joints = len(header.joint_names)
    found = [(1, 3)]
    if not header.by_reference and joints > 1:
        found.append((joints - 1, 1))
    if header.flags & REGRESSOR:
        found.append((joints, 1))
    return found


def columns_of(rig: Rig, header: MeshHeader) -> list[Ints]:
    """The arrays of a MESH as `column_sizes` lists them, zero where no face uses a vertex."""
    used = used_vertices(rig)
    places = np.where(used[:, None], rig.vertices, np.array(header.middle, np.float32))
    found = [quantise_vertices(places, header.middle, header.step)[:, None]]
    if not header.by_reference and len(rig.joints) > 1:
        found.append(np.delete(quantise_skin(rig.skin), header.rest, axis=1)[:, :, None])
    if header.flags & REGRESSOR and rig.joint_regressor is not None:
        found.append(quantise("regressor's weights", rig.joint_regressor.T, 1 / REGRESSOR_PARTS)[:, :, None])
    return [values * used[:, None, None] for values in found]
