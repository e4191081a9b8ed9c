"""Scenes from the PLY of 3D Gaussian Splatting (arXiv 2308.04079), with harmonics of degree 0..3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.sources.checked import Scene, check_count, gather, ranges
from sfumato.sources.ply import Element, Ply, open_ply
from sfumato.splats import SH_COEFFICIENTS, Splats3D

_MEAN, _COLOR = ("x", "y", "z"), ("f_dc_0", "f_dc_1", "f_dc_2")
_SCALE, _ROTATION = ("scale_0", "scale_1", "scale_2"), ("rot_0", "rot_1", "rot_2", "rot_3")
_REQUIRED = (*_MEAN, *_COLOR, "opacity", *_SCALE, *_ROTATION)

# Harmonics beyond the constant, all three channels, of degree 0..4; files of degree 4 exist and are read up to 3.
_REST = (0, 9, 24, 45, 72)


def read_splat_ply(path: Path, *, repair: bool = False) -> Scene:
    """Read a 3DGS PLY: opacity as logit, scales as natural logarithm, rotation (w, x, y, z) of any length.

    Fields that are not splats' (normals, labels) are passed over. Opacities of 1 and 0 have infinite logits, which
    splat-transform and Niantic's tools do write; they are taken as what they mean, with a note. No other field may be
    infinite.

    Raises: InputError if a field is missing, repeated or a list, if the file is cut off, if it holds 2D Gaussians
    (surfels), or with field and row of a bad splat unless `repair` leaves such splats out.
    """
    ply = open_ply(path)
    rest = _check_fields(ply)
    rows = ply.rows("vertex")
    check_count(path, len(rows))
    degree = min(_REST.index(rest), 3)
    splats, dropped = gather(path, len(rows), degree, _blocks(rows, rest, degree), repair=repair)
    notes = []
    infinite = sum(int(np.isinf(rows[part]["opacity"]).sum()) for part in ranges(len(rows)))
    if infinite:
        notes.append(f"{infinite:,} opacities are infinite logits; they are read as 1 (opaque) or 0")
    if rest == _REST[4]:
        notes.append("the harmonics of degree 4 are left out")
    if "filter_3D" in ply.elements["vertex"].names:
        notes.append("the field filter_3D of Mip-Splatting is not applied; fuse it into scales and opacities first")
    return Scene(splats, "3DGS PLY", _antialiased(ply.comments), dropped, tuple(notes))


def _check_fields(ply: Ply) -> int:
    """Whether every field is there as a number; returns how many f_rest there are."""
    vertex = ply.elements.get("vertex", Element("vertex", 0, (), ()))
    if vertex.lists:
        raise ply.error(f"field {vertex.lists[0]} is a list where one number is due; export it again")
    missing = [name for name in _REQUIRED if name not in vertex.names]
    modes = [text.split(":", 1)[1].strip() for text in ply.comments if text.startswith("SplatRenderMode:")]
    if missing == ["scale_2"] or "2dgs" in modes:
        raise ply.error(
            "it holds 2D Gaussians (2DGS surfels: two scales and no thickness), which a renderer of 3D Gaussians would "
            "show wrongly; train or export the scene as 3DGS"
        )
    if len(missing) == len(_REQUIRED) or set(missing) == {*_REQUIRED} - {*_MEAN}:
        raise ply.error("it is a mesh or a point cloud and has no splats; fit splats to it first")
    if missing:
        raise ply.error(f"the fields {', '.join(missing)} of its splats are missing; export it again")
    rest = sum(name.startswith("f_rest_") for name in vertex.names)
    absent = [f"f_rest_{i}" for i in range(rest) if f"f_rest_{i}" not in vertex.names]
    if rest not in _REST or absent:
        reason = f"{absent[0]} is missing" if absent else f"they are {rest}, not 0, 9, 24 or 45"
        raise ply.error(f"its harmonics f_rest are not whole degrees: {reason}; export it again")
    return rest


def _blocks(rows: NDArray[Any], rest: int, degree: int) -> Iterator[Splats3D]:
    for part in ranges(len(rows)):
        block = rows[part]
        yield Splats3D(
            mean=_columns(block, _MEAN),
            rotation=_columns(block, _ROTATION),
            scale=np.exp(_columns(block, _SCALE)),
            opacity=_sigmoid(block["opacity"]),
            sh=harmonics(_columns(block, _COLOR), block, rest // 3, degree),
        )


def _columns(block: NDArray[Any], names: tuple[str, ...]) -> NDArray[np.float32]:
    """The fields `names` of the structured `block` as float32 [n, len(names)]."""
    return np.stack([block[name].astype(np.float32) for name in names], axis=1)


def harmonics(color: NDArray[np.float32], block: NDArray[Any], rest: int, degree: int) -> NDArray[np.float32]:
    """Harmonics float32 [n, K, 3]: the constant `color` [n, 3], then the f_rest of `block`, channel by channel.

    rest: coefficients per channel in the file. degree: the ones to keep.
    """
    sh = np.empty((len(block), SH_COEFFICIENTS[degree], 3), np.float32)
    sh[:, 0] = color
    for channel in range(3):
        for k in range(1, sh.shape[1]):
            sh[:, k, channel] = block[f"f_rest_{channel * rest + k - 1}"]
    return sh


def _sigmoid(logit: NDArray[Any]) -> NDArray[np.float32]:
    """1 / (1 + exp(-logit)) without overflow; 1 and 0 for infinite logits."""
    share: NDArray[np.float64] = np.exp(-np.logaddexp(0, -logit.astype(np.float64)))
    return share.astype(np.float32)


def _antialiased(comments: tuple[str, ...]) -> bool:
    """Whether a comment says so: `SplatRenderMode: mip` (Brush) or `antialiased 1` (Postshot)."""
    said = [text.lower().replace(":", " ").split() for text in comments]
    return ["splatrendermode", "mip"] in said or ["antialiased", "1"] in said
