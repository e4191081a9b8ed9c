"""Scenes in the formats of today: each is written or taken as given, read back, and weighed in real bytes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.exports.scene import write_scene
from sfumato.kernels.splats3d import importance
from sfumato.sources.scene import read_scene
from sfumato.sources.sog_chain import SogChain
from sfumato.splats import SH_C0, Splats3D

UNCOMPRESSED = ".splat"  # a yardstick for prefixes, no rival in bytes
NAMES = {".spz": "SPZ v4", ".sog": "SOG", ".splat": UNCOMPRESSED}
COMPRESSED_PLY = "compressed PLY, written again"
SPLAT_BYTES = 32  # of one splat in a `.splat`

_CHUNK = 256
_SH_SCALE = 8.0
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


@dataclass(frozen=True)
class Rival:
    """A file in another format: its whole length, and the splats that a reader finds in it."""

    name: str
    bytes: int
    splats: Splats3D


def written(splats: Splats3D, suffix: str, antialiased: bool) -> Rival:
    """`splats` through our own writer and reader of a format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"scene{suffix}")
        write_scene(splats, path, antialiased=antialiased)
        return Rival(NAMES[suffix], path.stat().st_size, read_scene(path).splats)


def given(path: Path) -> Rival:
    """A file as its makers wrote it."""
    scene = read_scene(path)
    return Rival(f"{scene.format}, as given", path.stat().st_size, scene.splats)


def compressed_ply(splats: Splats3D) -> Rival:
    """`splats` as PlayCanvas' compressed PLY, in chunks of 256 along a Morton curve."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scene.compressed.ply")
        path.write_bytes(_compressed_ply(splats))
        return Rival(COMPRESSED_PLY, path.stat().st_size, read_scene(path).splats)


def ordered_splat(splats: Splats3D, cameras: list[Camera], antialiased: bool) -> Splats3D:
    """The splats in a `.splat` that is sorted by what they add to the very views it is measured in, the most first.

    Its first n splats are what its first `SPLAT_BYTES * n` bytes hold. No viewer knows those views beforehand, so this
    order is generous to the rival.
    """
    order = np.argsort(-importance(splats, cameras, antialias=antialiased), kind="stable")
    return written(splats[order], ".splat", antialiased).splats


def levels_fetched(chain: SogChain, finest: int) -> list[Rival]:
    """What a viewer of a streamed SOG has after each level, coarsest first: a level replaces the one before it.

    The bytes are those of all files of the levels so far. lod-meta.json, which names levels that are not here, is left
    out; that is generous to the rival.
    """
    found, total = [], 0
    for level in range(len(chain.levels) - 1, finest - 1, -1):
        total += sum(file.stat().st_size for file in chain.files(level))
        found.append(Rival(f"level {level}", total, chain.read(level).splats))
    return found


def finest_level(chain: SogChain, most: int | None) -> int:
    """The finest level whose files are there, with at most so many splats."""
    for level in range(len(chain.levels)):
        here = chain.levels[level] and all(meta.exists() for meta in chain.levels[level])
        if here and (most is None or chain.count(level) <= most):
            return level
    raise SystemExit(f"'{chain.path}' has no level of at most {most} splats")


def _compressed_ply(splats: Splats3D) -> bytes:
    """After the format's description at developer.playcanvas.com; what the reader undoes, step for step."""
    splats = splats[np.argsort(_morton(splats.mean), kind="stable")]
    rgb, log_scale = 0.5 + SH_C0 * splats.sh[:, 0], np.log(splats.scale)
    bounds = [_bounds(values) for values in (splats.mean, log_scale, rgb)]
    place, size, color = (
        _shares(values, *ends) for values, ends in zip((splats.mean, log_scale, rgb), bounds, strict=True)
    )
    unit = splats.rotation / np.linalg.norm(splats.rotation, axis=1, keepdims=True)
    largest = np.abs(unit).argmax(axis=1)[:, None]
    unit = unit * np.where(np.take_along_axis(unit, largest, 1) < 0, -1, 1)
    others = np.take_along_axis(unit, _OTHERS[largest[:, 0]], 1) * np.sqrt(0.5) + 0.5
    rotation = _packed(others, (10, 10, 10)) | largest[:, 0].astype(np.uint32) << 30
    words = [_packed(place, (11, 10, 11)), rotation, _packed(size, (11, 10, 11))]
    words.append(_packed(np.column_stack([color, splats.opacity]), (8, 8, 8, 8)))
    chunks = np.column_stack([end for ends in bounds for end in ends]).astype("<f4")
    rest = splats.sh[:, 1:].transpose(0, 2, 1).reshape(len(splats), -1)
    steps = np.clip(np.floor((rest / _SH_SCALE + 0.5) * 256), 0, 255).astype(np.uint8)
    body: bytes = chunks.tobytes() + np.column_stack(words).astype("<u4").tobytes() + steps.tobytes()
    return _header(len(chunks), len(splats), steps.shape[1]) + body


def _header(chunks: int, splats: int, harmonics: int) -> bytes:
    fields = [f"{end}_{kind}{axis}" for kind in ("", "scale_") for end in ("min", "max") for axis in "xyz"]
    fields += [f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"]
    lines = ["ply", "format binary_little_endian 1.0", f"element chunk {chunks}"]
    lines += [f"property float {name}" for name in fields]
    lines.append(f"element vertex {splats}")
    lines += [f"property uint packed_{name}" for name in ("position", "rotation", "scale", "color")]
    if harmonics:
        lines.append(f"element sh {splats}")
        lines += [f"property uchar f_rest_{k}" for k in range(harmonics)]
    return "\n".join([*lines, "end_header", ""]).encode()


def _bounds(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Least and greatest values of every chunk, [chunks, 3] each."""
    starts = np.arange(0, len(values), _CHUNK)
    return np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)


def _shares(values: NDArray[np.float32], least: NDArray[np.float32], most: NDArray[np.float32]) -> NDArray[np.float64]:
    """Where `values` [n, 3] lie between the ends of their chunk, 0..1."""
    low, high = (np.repeat(ends.astype(np.float64), _CHUNK, axis=0)[: len(values)] for ends in (least, most))
    return (values - low) / np.where(high > low, high - low, 1)


def _packed(shares: NDArray[np.floating], bits: tuple[int, ...]) -> NDArray[np.uint32]:
    """Columns of numbers in 0..1 as bit fields of one word each, the first column highest."""
    words = np.zeros(len(shares), np.uint32)
    for column, width in zip(shares.T, bits, strict=True):
        words = words << width | np.clip(np.rint(column * (2**width - 1)), 0, 2**width - 1).astype(np.uint32)
    return words


def _morton(mean: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Keys whose bits take turns between the axes, 16 bits each: near keys are near places."""
    least = mean.min(axis=0)
    steps = ((mean - least) / max(float(np.ptp(mean, axis=0).max()), 1e-30) * 65535).astype(np.uint64)
    keys = np.zeros(len(mean), np.uint64)
    for bit in range(16):
        for axis in range(3):
            keys |= (steps[:, axis] >> np.uint64(bit) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return keys
