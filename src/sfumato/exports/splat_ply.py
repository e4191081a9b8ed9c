"""Splats as the PLY of 3D Gaussian Splatting (arXiv 2308.04079), the format that every tool of the field reads."""

from __future__ import annotations

import os

import numpy as np

from sfumato.exports.checks import check_splats
from sfumato.files import save
from sfumato.splats import Splats3D

_MAX_LOGIT = 20.0  # 1 / (1 + exp(-20)) is 1.0 in float32; the logit of 1 itself is infinite, which readers refuse
_BLOCK = 1 << 16


def write_splat_ply(splats: Splats3D, path: str | os.PathLike[str], *, antialiased: bool = False) -> None:
    """Write a binary PLY of float32 fields: x y z, f_dc, f_rest (channel by channel), opacity, scale, rot.

    Opacity is stored as logit, limited to -20..20, scales as natural logarithm. What is read back agrees within
    float32's rounding. There are no normals; the trainers write zeros there.

    antialiased: say in a comment that the scene is to be shown with the filter of Mip-Splatting (arXiv 2311.16493).

    Raises: OutputError if the file cannot be written; nothing is left behind then.
    """
    check_splats(splats, path)
    rest = splats.sh.shape[1] - 1
    names = ["x", "y", "z", *_numbered("f_dc", 3), *_numbered("f_rest", 3 * rest), "opacity"]
    names += [*_numbered("scale", 3), *_numbered("rot", 4)]
    lines = ["ply", "format binary_little_endian 1.0", "comment made by Sfumato"]
    lines += ["comment SplatRenderMode: mip"] if antialiased else []
    lines += [f"element vertex {len(splats)}", *(f"property float {name}" for name in names), "end_header", ""]
    header = "\n".join(lines).encode("ascii")
    data = bytearray(len(header) + 4 * len(names) * len(splats))
    data[: len(header)] = header
    rows = np.frombuffer(data, np.dtype("<f4"), offset=len(header)).reshape(len(splats), len(names))
    for start in range(0, len(splats), _BLOCK):
        _fill(rows[start : start + _BLOCK], splats[start : start + _BLOCK])
    save(path, data)


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}_{i}" for i in range(count)]


def _fill(rows: np.ndarray[tuple[int, int], np.dtype[np.float32]], splats: Splats3D) -> None:
    """Write `splats` into `rows` [n, fields]."""
    end = rows.shape[1]
    opacity = splats.opacity.astype(np.float64)
    with np.errstate(divide="ignore"):
        logit = np.log(opacity) - np.log1p(-opacity)
    rows[:, :3] = splats.mean
    rows[:, 3:6] = splats.sh[:, 0]
    rows[:, 6 : end - 8] = splats.sh[:, 1:].transpose(0, 2, 1).reshape(len(rows), -1)
    rows[:, end - 8] = np.clip(logit, -_MAX_LOGIT, _MAX_LOGIT)
    rows[:, end - 7 : end - 4] = np.log(splats.scale)
    rows[:, end - 4 :] = splats.rotation
