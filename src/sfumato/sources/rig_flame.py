"""FLAME (Li, Bolkart, Black, Li and Romero, SIGGRAPH Asia 2017): 2020, 2023 and 2023 Open, from the user's own .pkl.

The pickle is read without running anything in it; see `sfumato.sources.unpickle`. Axes and units are those of `Rig`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.rig.arkit import responses
from sfumato.sources.rig_file import as_input_error, check_counts, read_bytes
from sfumato.sources.teeth import Teeth, teeth_for
from sfumato.sources.unpickle import read_arrays

JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")

IDENTITIES = 300
"""The first columns of `shapedirs` are identities, the others expressions."""

MAX_FLAME_BYTES = 1 << 28

_NECK, _JAW, _EYES = 1, 2, (3, 4)
_KEYS = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")


def read_flame(path: Path, *, teeth: bool = True) -> Rig:
    """Read the FLAME model pickled at `path`.

    The rig has the shapes `shape0` ... `shape299` (identities) and `expr0` ... `expr99` (expressions), as far as they
    are there, and the joints root, neck, jaw, eye_left and eye_right. FLAME's own formula holds: joints move with the
    shapes, correctives with the joints.

    teeth: append 120 vertices and 168 faces in the mouth, the upper row bound to the neck, the lower one to the jaw;
        identities move them with the lips, expressions do not.

    Raises: InputError with file, array and reason.
    """
    arrays = _arrays(path, read_arrays(path, read_bytes(path, MAX_FLAME_BYTES)))
    vertices, faces, shapes, skin = (arrays[name] for name in ("v_template", "f", "shapedirs", "weights"))
    shapes = np.ascontiguousarray(np.moveaxis(shapes, 2, 0), np.float32)
    correctives = np.ascontiguousarray(np.moveaxis(arrays["posedirs"], 2, 0), np.float32)
    regressor = arrays["J_regressor"].astype(np.float32)
    joints = (arrays["J_regressor"] @ vertices).astype(np.float32)
    parents = arrays["kintree_table"][0].astype(np.int64)
    parents[0] = -1  # stored as 2^32 - 1
    vertices, skin, faces = vertices.astype(np.float32), skin.astype(np.float32), faces.astype(np.int64)
    region = np.where(skin[:, _EYES].sum(axis=1) > 0.9, 1, 0).astype(np.uint8)
    if ((faces < 0) | (faces >= len(vertices))).any():
        raise InputError(f"cannot read '{path}': array f: faces use vertices that are not there; fetch it again")
    if teeth:
        found = teeth_for(vertices, faces.astype(np.int32), skin[:, _JAW])
        if found is None:
            raise InputError(
                f"cannot read '{path}': there is no hole behind the lips that the jaw opens, so that teeth find no "
                "place; read it without them (teeth=False)"
            )
        faces = np.concatenate([faces, found.faces + len(vertices)])
        shapes = np.concatenate([shapes, _moves(found, shapes)], axis=1)
        vertices, region = np.concatenate([vertices, found.vertices]), np.append(region, np.full(120, 2, np.uint8))
        rows = np.repeat(np.eye(len(JOINTS), dtype=np.float32)[[_NECK, _JAW]], 60, axis=0)
        skin = np.concatenate([skin, rows])
        correctives = np.pad(correctives, ((0, 0), (0, 120), (0, 0)))
        regressor = np.pad(regressor, ((0, 0), (0, 120)))
    identities = min(IDENTITIES, len(shapes))
    names = [f"shape{k}" for k in range(identities)] + [f"expr{k}" for k in range(len(shapes) - identities)]
    with as_input_error(path):
        return Rig(
            vertices, faces.astype(np.int32), tuple(names), shapes, JOINTS, parents.astype(np.int32), joints, skin,
            regressor, correctives, regions=("skin", "eyes", "teeth") if teeth else ("skin", "eyes"), region=region,
            arkit=responses((), JOINTS),
        )  # fmt: skip


def _arrays(path: Path, found: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays of a FLAME file, of shapes that belong together."""
    arrays = {name: found[name] for name in _KEYS if isinstance(found.get(name), np.ndarray) and found[name].ndim}
    if missing := [name for name in _KEYS if name not in arrays]:
        raise InputError(f"cannot read '{path}': it has no array {missing[0]}; is it a FLAME model (.pkl)?")
    v, f, j = len(arrays["v_template"]), len(arrays["f"]), len(JOINTS)
    wanted = {
        "v_template": (v, 3), "f": (f, 3), "shapedirs": (v, 3, arrays["shapedirs"].shape[-1]), "weights": (v, j),
        "posedirs": (v, 3, 9 * (j - 1)), "J_regressor": (j, v), "kintree_table": (2, j),
    }  # fmt: skip
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise InputError(
                f"cannot read '{path}': array {name} is {list(arrays[name].shape)} instead of {list(shape)}; "
                "only models with the five joints of FLAME are read"
            )
    check_counts(path, v, f, wanted["shapedirs"][2])
    return arrays


def _moves(teeth: Teeth, shapes: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each shape does to the teeth, [K, 120, 3]."""
    moves = np.zeros((len(shapes), len(teeth.vertices), 3), np.float32)
    moves[:IDENTITIES] = np.matmul(teeth.follow, shapes[:IDENTITIES, teeth.anchors])
    return moves
