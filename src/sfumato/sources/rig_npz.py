"""Rigs in Sfumato's own file, an .npz with all that a `Rig` holds; see docs/rigs.md."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.files import save
from sfumato.rig import Response, Rig
from sfumato.sources.npz import npz_bytes, read_npz
from sfumato.sources.rig_file import as_input_error, check_counts

FORMAT = "sfumato rig 1"

_ARRAYS = ("vertices", "faces", "shapes", "parents", "joints", "skin")
_OPTIONAL = ("joint_regressor", "correctives", "uv", "uv_faces", "region")


def rig_bytes(rig: Rig) -> bytes:
    """The file of a rig; the same rig gives the same bytes."""
    words = {
        "format": FORMAT,
        "shape_names": rig.shape_names,
        "joint_names": rig.joint_names,
        "regions": rig.regions,
        "arkit": {
            name: {"shapes": response.shapes, "turns": response.turns} for name, response in sorted(rig.arkit.items())
        },
    }
    arrays = {name: getattr(rig, name) for name in (*_ARRAYS, *_OPTIONAL)}
    there = {name: array for name, array in arrays.items() if array is not None}
    return npz_bytes({"rig": np.array(json.dumps(words)), **there})


def write_rig(path: str | os.PathLike[str], rig: Rig) -> None:
    """Write a rig as `read_rig_npz` and `read_rig` read it. Raises: OutputError."""
    save(path, rig_bytes(rig))


def is_rig_npz(path: Path) -> bool:
    """Whether the file is an .npz that has the words of a rig of ours. Raises: InputError if it is no .npz."""
    return path.is_file() and path.suffix.lower() == ".npz" and "rig" in read_npz(path, ["rig"])


def read_rig_npz(path: str | os.PathLike[str]) -> Rig:
    """The rig that `write_rig` wrote, bit for bit. Raises: InputError with file, array and reason."""
    path = Path(path)
    found: dict[str, Any] = read_npz(path, ["rig", *_ARRAYS, *_OPTIONAL])
    if missing := [name for name in ("rig", *_ARRAYS) if name not in found]:
        raise InputError(f"cannot read '{path}': it has no array {missing[0]}; it is not a rig, see docs/rigs.md")
    words = _words(path, found.pop("rig"))
    for name in ("vertices", "faces", "shapes", "skin"):
        if found[name].ndim < 2:
            raise InputError(f"cannot read '{path}': array {name} is {list(found[name].shape)}; write the rig again")
    for name, array in found.items():
        if array.dtype.kind not in "iuf":
            raise InputError(f"cannot read '{path}': array {name} is of type {array.dtype}; write the rig again")
    check_counts(path, len(found["vertices"]), len(found["faces"]), len(found["shapes"]))
    with as_input_error(path):
        return Rig(**(found | words))


def _words(path: Path, text: NDArray[Any]) -> dict[str, Any]:
    """Names, and what ARKit's names do."""
    try:
        words = json.loads(str(text[()]) if text.ndim == 0 else "")
        if words["format"] != FORMAT:
            raise InputError(
                f"cannot read '{path}': it is a '{words['format']}', and '{FORMAT}' is read; update Sfumato"
            )
        arkit = {
            str(name): Response(
                tuple((str(shape), float(weight)) for shape, weight in entry["shapes"]),
                tuple((str(joint), _turn(turn)) for joint, turn in entry["turns"]),
            )
            for name, entry in words["arkit"].items()
        }
        names = {key: tuple(map(str, words[key])) for key in ("shape_names", "joint_names", "regions")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"cannot read '{path}': array rig: it does not say what a rig's names are; write the rig again"
        ) from None
    return {**names, "arkit": arkit}


def _turn(values: Any) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z
