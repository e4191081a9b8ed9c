"""Scenes from PlayCanvas' compressed PLY: 16 bytes a splat, quantised within chunks of 256 splats.

Written from the format's description at developer.playcanvas.com (user manual, Gaussian splatting, PLY format).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.sources.checked import Scene, check_count, gather, ranges
from sfumato.sources.ply import Ply, open_ply
from sfumato.sources.quaternions import from_smallest_three
from sfumato.sources.splat_ply import harmonics
from sfumato.splats import SH_C0, Splats3D

_CHUNK = 256
_PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_BOUNDS = tuple(f"{end}_{kind}{axis}" for kind in ("", "scale_") for end in ("min", "max") for axis in "xyz")
_COLOR_BOUNDS = tuple(f"{end}_{channel}" for end in ("min", "max") for channel in "rgb")
_SH_RANGE = 8.0  # eight bits span -4..4

Float64 = NDArray[np.float64]


def read_splat_compressed_ply(path: Path, *, repair: bool = False) -> Scene:
    """Read a PlayCanvas compressed PLY with harmonics of degree 0..3.

    Raises: InputError if fields or rows are missing, if the file is cut off, or with field and row of a bad splat
    (which a chunk's bounds can make) unless `repair` leaves such splats out.
    """
    ply = open_ply(path)
    _check_fields(ply, "vertex", dict.fromkeys(_PACKED, "u4"))
    colored = "min_r" in (ply.elements["chunk"].names if "chunk" in ply.elements else ())
    _check_fields(ply, "chunk", dict.fromkeys((*_BOUNDS, *(_COLOR_BOUNDS if colored else ())), "f4"))
    vertices, chunks = ply.rows("vertex"), ply.rows("chunk")
    check_count(path, len(vertices))
    if len(chunks) * _CHUNK < len(vertices):
        raise ply.error(
            f"element chunk: {len(chunks):,} rows bound only the first {len(chunks) * _CHUNK:,} of "
            f"{len(vertices):,} splats; export it again"
        )
    sh = ply.rows("sh") if "sh" in ply.elements else None
    degree = 0 if sh is None else _check_harmonics(ply, len(vertices))
    blocks = _blocks(vertices, chunks, sh, degree, colored)
    splats, dropped = gather(path, len(vertices), degree, blocks, repair=repair)
    return Scene(splats, "compressed PLY", dropped=dropped)


def _check_fields(ply: Ply, name: str, wanted: dict[str, str]) -> None:
    found = dict(ply.elements[name].fields) if name in ply.elements else {}
    wrong = [field for field, kind in wanted.items() if found.get(field, "")[1:] != kind]
    if wrong:
        raise ply.error(
            f"element {name}: the fields {', '.join(wrong)} are missing or of another type; export it again"
        )


def _check_harmonics(ply: Ply, splats: int) -> int:
    """The degree of the element sh."""
    element = ply.elements["sh"]
    count = len(element.fields)
    if count not in (9, 24, 45) or element.count != splats:
        raise ply.error(
            f"element sh: it has {element.count:,} rows of {count} fields, not {splats:,} of 9, 24 or 45; "
            "export it again"
        )
    _check_fields(ply, "sh", {f"f_rest_{i}": "u1" for i in range(count)})
    return (9, 24, 45).index(count) + 1


def _blocks(
    vertices: NDArray[Any], chunks: NDArray[Any], sh: NDArray[Any] | None, degree: int, colored: bool
) -> Iterator[Splats3D]:
    for part in ranges(len(vertices), 256 * _CHUNK):
        packed = vertices[part]
        bounds = np.repeat(chunks[part.start // _CHUNK : -(-part.stop // _CHUNK)], _CHUNK)[: len(packed)]
        rgba = _unpacked(packed["packed_color"], (24, 8), (16, 8), (8, 8), (0, 8))
        color = _within(bounds, rgba[:, :3], "", "rgb") if colored else rgba[:, :3]
        constant = ((color - 0.5) / SH_C0).astype(np.float32)
        log_scale = _within(bounds, _unpacked(packed["packed_scale"], (21, 11), (11, 10), (0, 11)), "scale_", "xyz")
        position = _unpacked(packed["packed_position"], (21, 11), (11, 10), (0, 11))
        yield Splats3D(
            mean=_within(bounds, position, "", "xyz").astype(np.float32),
            rotation=_rotations(packed["packed_rotation"]),
            scale=np.exp(log_scale).astype(np.float32),
            opacity=rgba[:, 3].astype(np.float32),
            sh=constant[:, None] if sh is None else _harmonics(constant, sh[part], degree),
        )


def _unpacked(words: NDArray[Any], *fields: tuple[int, int]) -> Float64:
    """Bit fields (lowest bit, bits) of `words` [n] as numbers in 0..1, [n, len(fields)]."""
    return np.stack([(words >> low & (1 << bits) - 1) / ((1 << bits) - 1) for low, bits in fields], axis=1)


def _within(bounds: NDArray[Any], share: Float64, kind: str, axes: str) -> Float64:
    """`share` [n, 3] in 0..1 as numbers between the least and the greatest of their chunk."""
    least, most = (
        np.stack([bounds[f"{end}_{kind}{axis}"].astype(np.float64) for axis in axes], axis=1) for end in ("min", "max")
    )
    return least * (1 - share) + most * share


def _rotations(words: NDArray[Any]) -> NDArray[np.float32]:
    """(w, x, y, z) without the largest, which the upper two bits name; the others span -sqrt(1/2)..sqrt(1/2)."""
    others = (_unpacked(words, (20, 10), (10, 10), (0, 10)) - 0.5) * np.sqrt(2)
    return from_smallest_three(words >> 30, others)


def _harmonics(constant: NDArray[np.float32], block: NDArray[Any], degree: int) -> NDArray[np.float32]:
    """Eight bits each: the middle of their step, but the outermost values exactly."""
    sh = harmonics(constant, block, len(block.dtype.names or ()) // 3, degree)
    steps = sh[:, 1:]
    share = np.where(steps == 0, 0, np.where(steps == 255, 1, (steps + 0.5) / 256))
    sh[:, 1:] = (share - 0.5) * _SH_RANGE
    return sh
