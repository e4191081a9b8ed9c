"""SOG files of both versions, written down a second time, independently of the exporter."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Members = dict[str, bytes]


def webp(pixels: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "WEBP", **{"lossless": True, "exact": True, **options})
    return file.getvalue()


def planes(count: int, width: int, seed: int) -> dict[str, NDArray[np.uint8]]:
    """Random planes with one pixel for each of `count` splats and some to spare; tags of rotations are valid."""
    rng = np.random.default_rng(seed)
    shape = (-(-count // width) + 1, width)
    found = {name: rng.integers(0, 256, (*shape, 3)) for name in ("means_l", "means_u", "scales")}
    found |= {name: rng.integers(0, 256, (*shape, 4)) for name in ("quats", "sh0")}
    found["quats"][..., 3] = rng.integers(252, 256, shape)
    return {name: plane.astype(np.uint8) for name, plane in found.items()}


def palette(degree: int, entries: int, shape: tuple[int, ...], seed: int) -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, entries, shape)
    coefficients = (degree + 1) ** 2 - 1
    return {
        "shN_centroids": rng.integers(0, 256, (-(-entries // 64), 64 * coefficients, 3)).astype(np.uint8),
        "shN_labels": np.stack([labels & 255, labels >> 8, 0 * labels], axis=-1).astype(np.uint8),
    }


def sog(count: int = 11, degree: int = 0, version: int = 2, entries: int = 300) -> tuple[dict[str, Any], Members]:
    """The meta.json, as an object, and the pictures."""
    pixels = planes(count, 4, 1)
    if degree:
        pixels |= palette(degree, entries, pixels["sh0"].shape[:2], 2)
    book = {"codebook": np.linspace(-3, 3, 256).tolist()}
    meta: dict[str, Any] = {
        "means": {"mins": [-2, -1, -0.5], "maxs": [2, 3, 0.5], "files": ["means_l.webp", "means_u.webp"]},
        "scales": {**book, "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {**book, "files": ["sh0.webp"]},
    }
    if degree:
        meta["shN"] = {**book, "count": entries, "bands": degree, "files": ["shN_centroids.webp", "shN_labels.webp"]}
    if version == 2:
        meta |= {"version": 2, "count": count}
    else:
        meta["means"] |= {"shape": [count, 3], "dtype": "float32"}
        meta["scales"] = {"mins": [-9, -8, -7], "maxs": [-1, 0, 1], "files": ["scales.webp"]}
        meta["sh0"] = {"mins": [-1, -2, -3, -6], "maxs": [1, 2, 3, 6], "files": ["sh0.webp"]}
        if degree:
            meta["shN"] = {"mins": -2, "maxs": 2, "files": meta["shN"]["files"]}
    return meta, {f"{name}.webp": webp(plane) for name, plane in pixels.items()}


def zipped(path: Path, meta: Any, members: Members, *, folder: str = "", method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in ({"meta.json": json.dumps(meta).encode()} | members).items():
            archive.writestr(folder + name, data)
    return path


def unpacked(folder: Path, meta: Any, members: Members) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in ({"meta.json": json.dumps(meta).encode()} | members).items():
        (folder / name).write_bytes(data)
    return folder
