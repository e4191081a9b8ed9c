"""SOG version 2, PlayCanvas' Spatially Ordered Gaussians: planes of lossless WebP and a meta.json in one zip.

After the format's specification (developer.playcanvas.com, "The SOG Format"). The values, and so the axes, are those of
the PLY files of 3DGS: x right, y down, z forward.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.errors import OutputError
from sfumato.exports.checks import check_splats
from sfumato.exports.clusters import codebook, palette
from sfumato.files import save
from sfumato.splats import Splats3D

Plane = NDArray[np.uint8]

_MAX_PALETTE = 1 << 16  # labels have 16 bits
_SMALL_PALETTE = 1 << 10  # up to here every splat may have an entry of its own
_PALETTE_WIDTH = 64  # entries of the palette in one row of its image
_FIRST_TAG = 252  # the largest component of a quaternion: 252 w, 253 x, 254 y, 255 z

# Exact: libwebp would otherwise clear the colour below an opacity of 0.
_WEBP: dict[str, Any] = {"format": "WEBP", "lossless": True, "exact": True, "quality": 75, "method": 4}


def write_sog(splats: Splats3D, path: str | os.PathLike[str], *, antialiased: bool = False) -> None:
    """Write `splats` to `path` as one SOG file (.sog), version 2.

    The format sorts and rounds: the splats come back in Morton order, positions with 16 bits per axis on a logarithmic
    scale, quaternions with 8 bits per component, scales and base colours as one of 256 values each, opacity with 8
    bits, higher harmonics as one of up to 65,536 palette entries (the largest power of two up to their number, at least
    1,024). On one machine the same splats give the same bytes.

    antialiased: say that the scene was trained with the filter of Mip-Splatting (arXiv 2311.16493).

    Raises: OutputError if there are no splats, if their values have no meaning or if the file cannot be written.
    """
    check_splats(splats, path)
    logs = np.sign(splats.mean) * np.log1p(np.abs(splats.mean.astype(np.float64)))  # [N, 3]
    lows, highs = logs.min(axis=0), logs.max(axis=0)
    steps = np.rint((logs - lows) / np.where(highs > lows, highs - lows, 1) * 65535).astype(np.uint16)
    order = np.argsort(_morton(steps), kind="stable")
    splats, steps = splats[order], steps[order]

    scales, scale_labels = codebook(np.log(splats.scale.astype(np.float64)))
    colors, color_labels = codebook(splats.sh[:, 0])
    alpha = np.rint(splats.opacity * 255)[:, None]
    planes = {
        "means_l.webp": steps & 255,
        "means_u.webp": steps >> 8,
        "quats.webp": _quaternions(splats.rotation),
        "scales.webp": scale_labels,
        "sh0.webp": np.concatenate([color_labels, alpha], axis=1),
    }
    images = {name: _plane(values) for name, values in planes.items()}
    meta: dict[str, Any] = {
        "version": 2,
        "asset": {"generator": "sfumato"},
        "count": len(splats),
        "means": {"mins": lows.tolist(), "maxs": highs.tolist(), "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": _short(scales), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": _short(colors), "files": ["sh0.webp"]},
    }
    if antialiased:
        meta["antialias"] = True
    if splats.sh_degree:
        meta["shN"], higher = _higher_bands(splats)
        images |= higher
    save(path, _zipped(path, meta, images))


def _morton(steps: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Keys whose bits take turns between the axes, x lowest: near keys are near places."""
    bits = steps.astype(np.uint64)
    for shift, mask in ((32, 0xFFFF00000000FFFF), (16, 0xFF0000FF0000FF), (8, 0xF00F00F00F00F00F)):
        bits = (bits | bits << np.uint64(shift)) & np.uint64(mask)
    for shift, mask in ((4, 0x30C30C30C30C30C3), (2, 0x9249249249249249)):
        bits = (bits | bits << np.uint64(shift)) & np.uint64(mask)
    keys: NDArray[np.uint64] = bits[:, 0] | bits[:, 1] << np.uint64(1) | bits[:, 2] << np.uint64(2)
    return keys


def _quaternions(rotation: NDArray[np.float32]) -> Plane:
    """The three smaller components, which lie within +-1/sqrt(2), with 8 bits; which one is left out as alpha."""
    unit = rotation.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    largest = np.abs(unit).argmax(axis=1)[:, None]
    unit *= np.where(np.take_along_axis(unit, largest, axis=1) < 0, -1, 1)
    small = np.take_along_axis(unit, np.arange(3) + (np.arange(3) >= largest), axis=1)
    packed = np.rint(np.clip(small * math.sqrt(0.5) + 0.5, 0, 1) * 255)
    return np.concatenate([packed, largest + _FIRST_TAG], axis=1).astype(np.uint8)


def _higher_bands(splats: Splats3D) -> tuple[dict[str, Any], dict[str, Plane]]:
    """The harmonics above degree 0: their part of meta.json and their images."""
    count = len(splats)
    vectors = splats.sh[:, 1:].reshape(count, -1)
    found, labels = palette(vectors, min(_MAX_PALETTE, max(_SMALL_PALETTE, 1 << (count.bit_length() - 1))))
    numbers, entries = codebook(found)
    per_entry = splats.sh.shape[1] - 1
    rows = -(-len(found) // _PALETTE_WIDTH)
    image = np.zeros((rows * _PALETTE_WIDTH, per_entry, 3), np.uint8)
    image[: len(found)] = entries.reshape(-1, per_entry, 3)
    part = {
        "count": len(found),
        "bands": splats.sh_degree,
        "codebook": _short(numbers),
        "files": ["shN_centroids.webp", "shN_labels.webp"],
    }
    planes = {
        "shN_centroids.webp": image.reshape(rows, _PALETTE_WIDTH * per_entry, 3),
        "shN_labels.webp": _plane(np.stack([labels & 255, labels >> 8, np.zeros_like(labels)], axis=1)),
    }
    return part, planes


def _plane(values: NDArray[Any]) -> Plane:
    """Values 0..255 [N, 3 or 4] as the pixels of a nearly square image [H, W, 3 or 4], row by row, zeros at the end."""
    width = -(-math.ceil(math.sqrt(len(values))) // 4) * 4  # both sides multiples of 4, as all known writers have it
    height = -(-len(values) // (width * 4)) * 4
    image = np.zeros((height * width, values.shape[1]), np.uint8)
    image[: len(values)] = values
    return image.reshape(height, width, -1)


def _short(numbers: NDArray[np.float64]) -> list[float]:
    """Seven digits, as many as readers keep: they hold the codebooks as float32."""
    return [float(f"{number:.7g}") for number in numbers]


def _zipped(path: str | os.PathLike[str], meta: dict[str, Any], images: dict[str, Plane]) -> bytes:
    members = {"meta.json": json.dumps(meta, separators=(",", ":")).encode()}
    for name, pixels in images.items():
        file = io.BytesIO()
        try:
            Image.fromarray(pixels).save(file, **_WEBP)
        except (OSError, ValueError, KeyError) as error:  # KeyError: this Pillow was built without the format
            raise OutputError(
                f"cannot write '{os.fspath(path)}': {name}: Pillow cannot make this WebP ({error}); use .ply"
            ) from error
        members[name] = file.getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # its date is 1980, always
    return packed.getvalue()
