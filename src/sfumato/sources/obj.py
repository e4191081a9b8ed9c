"""Meshes in Wavefront OBJ: vertices, texture coordinates and faces; everything else in the file is passed over."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.sources.rig_file import as_input_error, check_counts, read_bytes

MAX_OBJ_BYTES = 1 << 26
"""Text takes some twenty times its size while it is read; ICT-FaceKit's files have 4 MB."""


@dataclass(frozen=True)
class ObjMesh:
    """vertices: float64 [V, 3] as the file has them. faces: int32 [F, 3], polygons are cut into fans of triangles.

    uv: float64 [U, 2], v up, and uv_faces: int32 [F, 3]; both None unless every face has texture coordinates.
    groups: the faces [n, 3] of each name that follows a `g`, "" for those before the first.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    uv: NDArray[np.float64] | None
    uv_faces: NDArray[np.int32] | None
    groups: dict[str, NDArray[np.int32]]


def read_obj_rig(path: Path) -> Rig:
    """The mesh at `path` as a rig that only turns and moves as a whole; units and axes as the file has them."""
    mesh = read_obj(path)
    with as_input_error(path):
        return Rig.rigid(mesh.vertices, mesh.faces, uv=mesh.uv, uv_faces=mesh.uv_faces)


def read_obj(path: Path) -> ObjMesh:
    """Read the mesh at `path`. Raises: InputError with file and line."""
    lines = _lines(path)
    vertices = _rows(path, lines, b"v", 3)
    uv = _rows(path, lines, b"vt", 2)
    check_counts(path, len(vertices), 1, 0)
    corners: list[tuple[int, int, int]] = []
    uv_corners: list[tuple[int, int, int]] = []
    seen_vertices = seen_uv = 0
    starts = [("", 0)]
    for number, line in enumerate(lines, 1):
        kind, _, rest = line.partition(b" ")
        seen_vertices += kind == b"v"
        seen_uv += kind == b"vt"
        if kind == b"g":
            starts.append((rest.strip().decode("latin-1"), len(corners)))
        if kind != b"f":
            continue
        try:
            words = [word.split(b"/") for word in rest.split()]
            places = [_place(int(word[0]), seen_vertices, len(vertices)) for word in words]
            textures = [_place(int(word[1]), seen_uv, len(uv)) for word in words if len(word) > 1 and word[1]]
        except (ValueError, IndexError):
            raise InputError(
                f"cannot read '{path}': line {number:,}: a face of {rest[:60].decode('latin-1')!r}, where numbers of "
                f"vertices 1..{len(vertices):,} must be; export it again"
            ) from None
        if len(places) < 3:
            raise InputError(f"cannot read '{path}': line {number:,}: a face of {len(places)} corners; export it again")
        corners += [(places[0], b, c) for b, c in itertools.pairwise(places[1:])]
        if len(textures) == len(places):
            uv_corners += [(textures[0], b, c) for b, c in itertools.pairwise(textures[1:])]
    check_counts(path, len(vertices), len(corners), 0)
    textured = len(uv_corners) == len(corners)
    faces = np.array(corners, np.int32)
    return ObjMesh(
        vertices,
        faces,
        uv if textured else None,
        np.array(uv_corners, np.int32) if textured else None,
        _groups(faces, starts),
    )


def _groups(faces: NDArray[np.int32], starts: list[tuple[str, int]]) -> dict[str, NDArray[np.int32]]:
    """The faces of each group; starts: names and the numbers of the faces from which they hold."""
    parts: dict[str, list[NDArray[np.int32]]] = {}
    for (name, start), (_, end) in itertools.pairwise([*starts, ("", len(faces))]):
        if end > start:
            parts.setdefault(name, []).append(faces[start:end])
    return {name: np.concatenate(part) for name, part in parts.items()}


def read_obj_vertices(path: Path, count: int) -> NDArray[np.float64]:
    """The vertices of the OBJ at `path` alone, [count, 3]; InputError if it has another number of them."""
    vertices = _rows(path, _lines(path), b"v", 3)
    if len(vertices) != count:
        raise InputError(
            f"cannot read '{path}': it has {len(vertices):,} vertices and the neutral has {count:,}; "
            "all files of a rig must share one topology"
        )
    return vertices


def _lines(path: Path) -> list[bytes]:
    return [line.strip().replace(b"\t", b" ") for line in read_bytes(path, MAX_OBJ_BYTES).splitlines()]


def _rows(path: Path, lines: list[bytes], kind: bytes, width: int) -> NDArray[np.float64]:
    """The numbers of all lines of a kind, float64 [lines, width]; further numbers in a line are left out."""
    start = kind + b" "
    try:
        rows = [line.split()[1 : width + 1] for line in lines if line.startswith(start)]
        values = np.array(rows, dtype=np.float64).reshape(-1, width)
    except ValueError:
        values = np.full((1, width), np.nan)
    if not np.isfinite(values).all():
        raise InputError(f"cannot read '{path}': {_bad_line(lines, start, width)}; export it again")
    return values


def _bad_line(lines: list[bytes], start: bytes, width: int) -> str:
    """Which line, and what is wrong with it."""
    for number, line in enumerate(lines, 1):
        if line.startswith(start):
            try:
                numbers = [float(word) for word in line.split()[1 : width + 1]]
            except ValueError:
                numbers = []
            if len(numbers) != width or not np.isfinite(numbers).all():
                return f"line {number:,}: {line[:60].decode('latin-1')!r} does not have {width} finite numbers"
    return f"its lines '{start.decode()}' do not have {width} finite numbers each"


def _place(number: int, seen: int, count: int) -> int:
    """The place, counted from 0, that an OBJ means by a number: from 1, or backwards from the last one seen."""
    place = number - 1 if number > 0 else seen + number
    if not number or not 0 <= place < count:
        raise IndexError
    return place
