"""ICT-FaceKit (Li and others, CVPR 2020; MIT licence): the user's folder of OBJ files, or the same packed as .npz.

The folder is `FaceXModel` of the original: `generic_neutral_mesh.obj`, one OBJ for each expression, and
`identity000.obj` to `identity099.obj`. The .npz has `vertices` [V, 3], `faces` [F, 4] (-1 in the fourth place of
triangles), `expression_names` [K], `expressions` [K, V, 3] (differences from the neutral), and if wanted `uv`,
`faces_uv`, `identity_ids` and `identities`. Both are in centimetres; axes are those of `Rig`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.rig.arkit import responses
from sfumato.sources.npz import read_npz
from sfumato.sources.obj import read_obj, read_obj_vertices
from sfumato.sources.rig_file import as_input_error, check_counts

NEUTRAL = "generic_neutral_mesh.obj"
PACKED = "ict_face_model.npz"

Float32Array = NDArray[np.float32]

_METRES = 0.01  # the files are in centimetres

# The parts of the light model's 26,719 vertices, in order: the last vertex of each, plus 1, and its name.
_PARTS = (
    (9409, "face"), (11248, "head"), (13294, "mouth"), (14062, "eye sockets"), (17039, "mouth"), (21451, "teeth"),
    (22221, "cornea"), (23021, "eyes"), (23791, "cornea"), (24591, "eyes"), (25351, "eye film"), (26719, "lashes"),
)  # fmt: skip
_EYES = ((22221, 23021), (23791, 24591))  # the eyeballs below the corneas, of the person's left and right
_EYEBALLS = ((21451, 23021), (23021, 24591))  # with the corneas
_INNER = 11248  # from here on vertices lie inside the head or on it: mouth, teeth, eyes

# The model ends below the neck and has no joints. Ours is a joint in the middle of the neck, which moves nothing below
# the plane y + z / 2 = -13 cm (the collar), everything above -4.5 cm (the chin, the back of the head), smooth between.
_NECK = (0.0, -0.07, -0.02)
_NECK_RAMP = (-0.13, -0.045)


def is_ict(path: Path) -> bool:
    """Whether `path` is a folder in the layout of ICT-FaceKit, or the packed model (any .npz, or a folder with it)."""
    return _folder(path) is not None or path.suffix.lower() == ".npz" or (path / PACKED).is_file()


def read_ict(path: Path, *, identities: int = 0) -> Rig:
    """Read ICT-FaceKit from a folder (`FaceXModel` or the one around it) or from its packed .npz.

    The rig has the file's expressions as shapes, then `identity0` ... for the first `identities` modes of identity (at
    most those that are there), and the joints root, neck, eye_left and eye_right. Vertices are those of the file; quads
    become two triangles. The eyeballs turn by their joints: the file's eyeLook shapes only move the lids.

    Raises: InputError with file, place and reason.
    """
    folder = _folder(path)
    if folder is None:
        return _read_packed(path / PACKED if path.is_dir() else path, identities)
    mesh = read_obj(folder / NEUTRAL)
    files = sorted(file.stem for file in folder.glob("*.obj") if file.name != NEUTRAL)
    modes = [name for name in files if name.startswith("identity")][:identities]
    expressions = [name for name in files if not name.startswith("identity")]
    wanted = expressions + modes
    check_counts(folder / NEUTRAL, len(mesh.vertices), len(mesh.faces), len(wanted))
    shapes = np.empty((len(wanted), *mesh.vertices.shape), np.float32)
    for k, name in enumerate(wanted):
        shapes[k] = read_obj_vertices(folder / f"{name}.obj", len(mesh.vertices)) - mesh.vertices
    names = (*expressions, *(f"identity{k}" for k in range(len(modes))))
    return _rig(folder / NEUTRAL, mesh.vertices, mesh.faces, names, shapes, mesh.uv, mesh.uv_faces)


def _folder(path: Path) -> Path | None:
    """The folder with the OBJ files, if there is one at `path`."""
    return next((folder for folder in (path, path / "FaceXModel") if (folder / NEUTRAL).is_file()), None)


def _read_packed(path: Path, identities: int) -> Rig:
    needed = ("vertices", "faces", "expression_names", "expressions")
    optional = ("uv", "faces_uv", *(("identities",) if identities else ()))
    found = read_npz(path, (*needed, *optional))
    if missing := [name for name in needed if name not in found]:
        raise InputError(f"cannot read '{path}': it has no array {missing[0]}; it is not a packed ICT-FaceKit")
    vertices, quads, names = found["vertices"], found["faces"], found["expression_names"]
    shapes = found["expressions"]
    modes = found.get("identities", np.zeros((0, *vertices.shape), np.float16))[:identities]
    uv, uv_quads = found.get("uv"), found.get("faces_uv")
    fitting = shapes.shape == (len(names), *vertices.shape) and modes.shape[1:] == vertices.shape
    if not fitting or quads.shape[1:] != (4,) or (uv_quads is not None and uv_quads.shape != quads.shape):
        raise InputError(
            f"cannot read '{path}': vertices {list(vertices.shape)}, faces {list(quads.shape)}, expression_names "
            f"{list(names.shape)} and expressions {list(shapes.shape)} do not belong together; pack it again"
        )
    check_counts(path, len(vertices), 2 * len(quads), len(shapes) + len(modes))
    if uv is None or uv_quads is None:
        uv = uv_quads = None
    moves = np.concatenate([shapes.astype(np.float32), modes.astype(np.float32)])
    faces = _triangles(quads, quads)
    all_names = (*map(str, names), *(f"identity{k}" for k in range(len(modes))))
    return _rig(path, vertices, faces, all_names, moves, uv, None if uv_quads is None else _triangles(uv_quads, quads))


def _triangles(quads: NDArray[np.integer], pattern: NDArray[np.integer]) -> NDArray[np.int32]:
    """Two triangles for each row of `quads`, one where the fourth corner of `pattern` is -1."""
    both = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1)
    there = np.ones((len(quads), 2), bool)
    there[:, 1] = pattern[:, 3] >= 0
    return both[there].astype(np.int32)


def _rig(
    path: Path,
    vertices: NDArray[np.floating],
    faces: NDArray[np.int32],
    names: tuple[str, ...],
    shapes: Float32Array,
    uv: NDArray[np.floating] | None,
    uv_faces: NDArray[np.int32] | None,
) -> Rig:
    """The rig in metres, with joints and parts where the mesh is the light model."""
    shapes *= np.float32(_METRES)
    vertices = (vertices * _METRES).astype(np.float32)
    extras: dict[str, object] = {}
    if len(vertices) == _PARTS[-1][0]:
        joints, skin = _joints(vertices)
        parts = tuple(dict.fromkeys(name for _, name in _PARTS))
        region = np.zeros(len(vertices), np.uint8)
        for (end, name), start in zip(_PARTS, (0, *(end for end, _ in _PARTS)), strict=False):
            region[start:end] = parts.index(name)
        extras = {
            "joint_names": ("root", "neck", "eye_left", "eye_right"), "parents": [-1, 0, 1, 1], "joints": joints,
            "skin": skin, "regions": parts, "region": region,
        }  # fmt: skip
    arkit = responses(names, ("eye_left", "eye_right") if extras else ())
    with as_input_error(path):
        return Rig.rigid(
            vertices, faces, shape_names=names, shapes=shapes, uv=uv, uv_faces=uv_faces, arkit=arkit, **extras
        )


def _joints(vertices: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Places of root, neck and the eyes, [4, 3], and how much each moves each vertex, [V, 4]."""
    low, high = _NECK_RAMP
    share = np.clip((vertices[:, 1] + vertices[:, 2] / 2 - low) / (high - low), 0, 1)
    skin = np.zeros((len(vertices), 4), np.float32)
    skin[:, 1] = share * share * (3 - 2 * share)
    skin[_INNER:, 1] = 1
    skin[:, 0] = 1 - skin[:, 1]
    joints = np.zeros((4, 3), np.float32)
    joints[1] = _NECK
    for joint, (ball, eyeball) in enumerate(zip(_EYES, _EYEBALLS, strict=True), 2):
        skin[slice(*eyeball)] = np.eye(4, dtype=np.float32)[joint]
        low_end, high_end = vertices[slice(*ball)].min(axis=0), vertices[slice(*ball)].max(axis=0)
        joints[joint] = (low_end + high_end) / 2
        # The front of an eyeball bulges: its middle lies half a width before its back.
        joints[joint, 2] = low_end[2] + (high_end[0] - low_end[0]) / 2
    return joints, skin
