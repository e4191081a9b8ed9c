"""Splats as binary glTF (.glb) with KHR_gaussian_splatting, the extension ratified by Khronos.

Written from its text at github.com/KhronosGroup/glTF. Viewers that do not know it show a coloured point cloud.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import OutputError
from sfumato.exports.checks import check_splats
from sfumato.files import save
from sfumato.splats import SH_C0, Splats3D

EXTENSION = "KHR_gaussian_splatting"

# What splats of 3DGS are: Gaussians cut off at 3 sigma, colours in sRGB, sorted by distance.
_KIND = {
    "kernel": "ellipse",
    "colorSpace": "srgb_rec709_display",
    "projection": "perspective",
    "sortingMethod": "cameraDistance",
}

_FLOAT, _UNSIGNED_BYTE = 5126, 5121
_POINTS = 0
_VERTICES = 34962  # the target of a buffer view
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_CHUNK = struct.Struct("<I4s")
_MAX_BYTES = (1 << 32) - 1


def write_glb(splats: Splats3D, path: str | os.PathLike[str]) -> None:
    """Write a .glb with one mesh of all `splats`, in their order, as float32 without any loss.

    The axes become those of glTF: x right, y up, z backward. The bytes are 60 a splat and 36, 96 or 180 more for
    harmonics of degree 1, 2 or 3; 4 of them are COLOR_0, the base colour (linear, 8 bits) for viewers that know no
    splats.

    Raises: OutputError if there are no splats, if they do not fit into 4 GiB or if the file cannot be written.
    """
    check_splats(splats, path)
    arrays = _attributes(splats.with_axes_flipped(1, -1, -1))
    size = sum(array.nbytes for array in arrays.values())
    header = _padded(json.dumps(_document(arrays, size), separators=(",", ":")).encode(), b" ")
    total = 12 + 2 * _CHUNK.size + len(header) + size
    if total > _MAX_BYTES:
        raise OutputError(
            f"cannot write '{os.fspath(path)}': {len(splats):,} splats take {total:,} bytes and a .glb holds "
            f"{_MAX_BYTES:,}; lower the degree of the harmonics or write .ply"
        )
    parts = [struct.pack("<4sII", b"glTF", 2, total), _CHUNK.pack(len(header), b"JSON"), header]
    parts += [_CHUNK.pack(size, b"BIN\0"), *(array.tobytes() for array in arrays.values())]
    save(path, b"".join(parts))


def _attributes(splats: Splats3D) -> dict[str, NDArray[Any]]:
    """The vertex attributes by name, [N, 1, 3 or 4] each; every row takes a multiple of 4 bytes."""
    rotation = splats.rotation[:, [1, 2, 3, 0]].astype(np.float64)
    arrays: dict[str, NDArray[Any]] = {
        "POSITION": splats.mean,
        "COLOR_0": _fallback(splats),
        f"{EXTENSION}:ROTATION": rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        f"{EXTENSION}:SCALE": splats.scale,
        f"{EXTENSION}:OPACITY": splats.opacity[:, None],
    }
    for degree in range(splats.sh_degree + 1):
        for order in range(2 * degree + 1):
            arrays[f"{EXTENSION}:SH_DEGREE_{degree}_COEF_{order}"] = splats.sh[:, degree * degree + order]
    return {name: array if array.dtype == np.uint8 else array.astype("<f4") for name, array in arrays.items()}


def _fallback(splats: Splats3D) -> NDArray[np.uint8]:
    """Base colour and opacity, uint8 [N, 4]; colours of glTF are linear (IEC 61966-2-1 undone)."""
    srgb = np.clip(0.5 + SH_C0 * splats.sh[:, 0].astype(np.float64), 0, 1)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    rgba: NDArray[np.uint8] = np.rint(np.column_stack([linear, splats.opacity]) * 255).astype(np.uint8)
    return rgba


def _document(arrays: dict[str, NDArray[Any]], size: int) -> dict[str, Any]:
    """The JSON of the file: one accessor and one buffer view for every attribute, one behind the other."""
    views, accessors = [], []
    offset = 0
    for index, (name, array) in enumerate(arrays.items()):
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": _VERTICES})
        offset += array.nbytes
        accessor = {
            "bufferView": index,
            "componentType": _UNSIGNED_BYTE if array.dtype == np.uint8 else _FLOAT,
            "count": len(array),
            "type": _TYPES[array.shape[1]],
        }
        if array.dtype == np.uint8:
            accessor["normalized"] = True
        if name == "POSITION":
            accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        accessors.append(accessor)
    primitive = {
        "attributes": {name: index for index, name in enumerate(arrays)},
        "mode": _POINTS,
        "extensions": {EXTENSION: _KIND},
    }
    return {
        "asset": {"version": "2.0", "generator": "Sfumato"},
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": size}],
    }


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % 4)
