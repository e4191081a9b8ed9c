"""Makes the golden files of avatars: what they decode to must never change.

    PYTHONPATH=src:tests python tests/golden/avatar/make_golden.py

Files that exist stay as they are, as do their lines in expected.json; only new ones are added. A golden file that no
longer decodes as expected shows a change of the format, which needs a new version instead.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from golden.avatar.digests import digests
from golden.making import error_of, make_missing
from media.avatar.heads import small_rig
from media.avatar.samples import dressed, grown, sphere
from numpy.typing import NDArray

from sfumato.container import Chunk, Parser, Part, assemble
from sfumato.media.avatar import rig_codec
from sfumato.media.avatar.assemble import assemble_avatar
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.layout import MESH, SHAPES, TREE
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import face_levels
from sfumato.rig import Rig

HERE = Path(__file__).parent
WHOLE = "avatar-degree-1-patches.sfu"


def _file(
    rig: Rig,
    *,
    depth: int = 3,
    degree: int = 0,
    patches: bool = True,
    spread: float = 1.0,
    chunk: int = 12,
    shapes_bytes: int = 4096,
    **options: Any,
) -> bytes:
    """Random splats on the mesh of a rig. spread: how far from the usual. chunk: splats of a TREE, about.
    shapes_bytes: of a SHAP, about."""
    forest = Forest(rig.faces.astype(np.intp), len(rig.vertices))
    avatar = _scaled(dressed(grown(forest, depth) if depth > 1 else forest, degree), spread, patches)
    worth = np.random.default_rng(1).lognormal(0, 1.5, len(avatar))
    with patch.object(rig_codec, "_SHAPES_BYTES", shapes_bytes):
        return assemble_avatar(avatar, stream(avatar.forest, worth, chunk), face_levels(worth), rig, **options)


def _scaled(avatar: Avatar, spread: float, patches: bool) -> Avatar:
    given = {field.name: getattr(avatar.parameters, field.name) * spread for field in fields(avatar.parameters)}
    given |= {name: values * patches for name, values in given.items() if name.startswith("patch_")}
    return Avatar(avatar.forest, replace(avatar.parameters, **given))


def _moving_rig() -> Rig:
    """The small rig, with joints that follow the shapes, and correctives."""
    rig, random = small_rig(), np.random.default_rng(5)
    regressor = np.zeros((3, len(rig.vertices)))
    regressor[1, :4], regressor[2, 5:7] = 0.25, 0.5
    return replace(rig, joint_regressor=regressor, correctives=random.normal(0, 0.002, (18, len(rig.vertices), 3)))


def _odd_rig() -> Rig:
    """Vertices that no face uses, a face that uses one twice, an edge of three faces, faces that are the same."""
    faces = np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4], [0, 1, 2], [4, 4, 6], [6, 2, 4], [8, 6, 2]])
    return Rig.rigid(_places(9), faces)


def _places(count: int) -> NDArray[np.float64]:
    return np.random.default_rng(3).uniform(-0.1, 0.1, (count, 3))


def _ball(halvings: int = 0) -> Rig:
    vertices, faces = sphere(halvings)
    return Rig.rigid(0.1 * vertices, faces)


GOOD: dict[str, Callable[[], bytes]] = {
    "avatar-degree-0.sfu": lambda: _file(_ball(), depth=2, patches=False),
    WHOLE: lambda: _file(small_rig(), degree=1, shapes_bytes=120, background=(0.2, 0.4, 0.6)),
    "avatar-degree-3-deep.sfu": lambda: _file(_ball(), depth=4, degree=3, patches=False, chunk=60),
    "avatar-fine.sfu": lambda: _file(small_rig(), degree=1, fineness=24, chunk=40),
    "avatar-coarse.sfu": lambda: _file(small_rig(), fineness=-20, chunk=99),
    "avatar-larger.sfu": lambda: _file(_ball(2), depth=2, chunk=130),
    "avatar-extreme-splats.sfu": lambda: _file(_ball(), degree=1, spread=90, fineness=3),
    "avatar-odd-mesh.sfu": lambda: _file(_odd_rig(), degree=1, depth=2, chunk=3),
    "avatar-one-face.sfu": lambda: _file(Rig.rigid(_places(3), [[0, 1, 2]]), depth=1),
    "avatar-one-level.sfu": lambda: _file(small_rig(), depth=1, degree=2, shapes_bytes=1),
    "avatar-moving-rig.sfu": lambda: _file(_moving_rig(), depth=2, shapes_bytes=700),
    "avatar-by-reference.sfu": lambda: _file(_moving_rig(), depth=2, patches=False, by_reference="ball 1.0"),
}


def chunks(data: bytes) -> list[Chunk]:
    """The chunks of a file without HEAD and INDX."""
    return Parser().feed(data)


def rebuilt(data: bytes, changed: list[Chunk], fewer: int = 0, **members: Any) -> bytes:
    """A file of other chunks and members of HEAD; None leaves one out. fewer: splats that INDX misses in the last."""
    parser = Parser()
    parser.feed(data)
    assert parser.head is not None
    found = {name: value for name, value in {**parser.head.fields, **members}.items() if value is not None}
    parts = [Part(chunk, splats=_splats(chunk)) for chunk in changed]
    parts[-1] = replace(parts[-1], splats=parts[-1].splats - fewer)
    return assemble("avatar", found, parts)


def _splats(chunk: Chunk) -> int:
    """How many splats a chunk adds."""
    return int.from_bytes(chunk.payload[:2], "little") * (3 if chunk.level else 1) if chunk.kind == TREE else 0


def _changed(data: bytes, kind: str, change: Callable[[bytearray], None], level: int = 0, which: int = 0) -> bytes:
    """The file with another payload of one chunk of a kind and level; its checksums are right."""
    parts = chunks(data)
    number = [at for at, chunk in enumerate(parts) if (chunk.kind, chunk.level) == (kind, level)][which]
    payload = bytearray(parts[number].payload)
    change(payload)
    parts[number] = replace(parts[number], payload=bytes(payload))
    return rebuilt(data, parts)


def _put(place: int, form: str, *values: float) -> Callable[[bytearray], None]:
    """Other numbers at a place of a payload."""
    return lambda payload: struct.pack_into(form, payload, place, *values)


def _shorten(payload: bytearray) -> None:
    del payload[-2:]


def _lower_parent(payload: bytearray) -> None:
    """The last joint as its own parent."""
    places = small_rig().joints.astype("<f4").tobytes()
    struct.pack_into("<H", payload, payload.index(places) + len(places) + 2, 2)


def _moved(data: bytes, kind: str, level: int, to: int, new_level: int | None = None) -> bytes:
    """The first chunk of a kind and level at another place, or in another level."""
    parts = chunks(data)
    number = next(at for at, chunk in enumerate(parts) if (chunk.kind, chunk.level) == (kind, level))
    chunk = parts.pop(number)
    parts.insert(to, chunk if new_level is None else replace(chunk, level=new_level))
    return rebuilt(data, parts)


def _again(data: bytes, kind: str) -> bytes:
    """The first chunk of a kind twice."""
    parts = chunks(data)
    number = next(at for at, chunk in enumerate(parts) if chunk.kind == kind)
    return rebuilt(data, [*parts[: number + 1], *parts[number:]])


def _orphans(data: bytes) -> bytes:
    """Splits of faces of level 2 before there are any."""
    parts = chunks(data)
    base = sum(chunk.level == 0 for chunk in parts)
    first = next(at for at, chunk in enumerate(parts) if chunk.level == 2)
    return rebuilt(data, [*parts[:base], parts[first], *parts[base:first], *parts[first + 1 :]])


def _stranger(data: bytes) -> bytes:
    """A rig by reference with a SHAP."""
    parts = chunks((HERE / "avatar-by-reference.sfu").read_bytes())
    shape = next(chunk for chunk in chunks(data) if chunk.kind == SHAPES)
    return rebuilt((HERE / "avatar-by-reference.sfu").read_bytes(), [parts[0], shape, *parts[1:]])


def _flagged(data: bytes) -> bytes:
    parts = chunks(data)
    parts[-1] = replace(parts[-1], flags=1)
    return rebuilt(data, parts)


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "hostile-cut.sfu": lambda data: data[: len(data) * 2 // 3 + 1],
    "hostile-bit.sfu": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    ),
    "hostile-head-faces.sfu": lambda data: rebuilt(data, chunks(data), faces=31),
    "hostile-head-splats.sfu": lambda data: rebuilt(data, chunks(data), splats=10**12),
    "hostile-head-fewer-splats.sfu": lambda data: rebuilt(data, chunks(data), splats=50),
    "hostile-head-levels.sfu": lambda data: rebuilt(data, chunks(data), max_depth=17),
    "hostile-head-fewer-levels.sfu": lambda data: rebuilt(data, chunks(data), max_depth=2),
    "hostile-head-degree.sfu": lambda data: rebuilt(data, chunks(data), sh_degree=4),
    "hostile-head-other-degree.sfu": lambda data: rebuilt(data, chunks(data), sh_degree=0),
    "hostile-head-bounds.sfu": lambda data: rebuilt(data, chunks(data), bounds=[[0, 0, 0], [1, -1, 1]]),
    "hostile-head-no-background.sfu": lambda data: rebuilt(data, chunks(data), background=None),
    "hostile-index-splats.sfu": lambda data: rebuilt(data, chunks(data), fewer=1),
    "hostile-flags.sfu": _flagged,
    "hostile-tree-first.sfu": lambda data: _moved(data, TREE, 0, 0),
    "hostile-mesh-twice.sfu": lambda data: _again(data, MESH),
    "hostile-mesh-level.sfu": lambda data: _moved(data, MESH, 0, 9, 1),
    "hostile-mesh-cut.sfu": lambda data: _changed(data, MESH, _shorten),
    "hostile-mesh-flags.sfu": lambda data: _changed(data, MESH, _put(0, "<B", 3)),
    "hostile-mesh-vertices.sfu": lambda data: _changed(data, MESH, _put(1, "<I", 17)),
    "hostile-mesh-huge.sfu": lambda data: _changed(data, MESH, _put(5, "<I", 2**32 - 1)),
    "hostile-mesh-nan.sfu": lambda data: _changed(data, MESH, _put(13, "<f", float("nan"))),
    "hostile-mesh-step.sfu": lambda data: _changed(data, MESH, _put(25, "<f", 0.0)),
    "hostile-mesh-parents.sfu": lambda data: _changed(data, MESH, _lower_parent),
    "hostile-shape-number.sfu": lambda data: _changed(data, SHAPES, _put(6, "<H", 5)),
    "hostile-shape-none.sfu": lambda data: _changed(data, SHAPES, _put(0, "<H", 0)),
    "hostile-shape-level.sfu": lambda data: _moved(data, SHAPES, 1, len(chunks(data)) - 1, 2),
    "hostile-shape-of-a-stranger.sfu": _stranger,
    "hostile-tree-twice.sfu": lambda data: _again(data, TREE),
    "hostile-tree-orphans.sfu": _orphans,
    "hostile-tree-count.sfu": lambda data: _changed(data, TREE, _put(0, "<H", 65535)),
    "hostile-tree-none.sfu": lambda data: _changed(data, TREE, _put(0, "<H", 0)),
    "hostile-tree-patches.sfu": lambda data: _changed(data, TREE, _put(3, "<B", 1)),
    "hostile-tree-flags.sfu": lambda data: _changed(data, TREE, _put(3, "<B", 2), 1),
    "hostile-tree-table.sfu": lambda data: _changed(data, TREE, _put(4, "<B", 192), 1),
    "hostile-tree-cut.sfu": lambda data: _changed(data, TREE, _shorten, 1),
    "hostile-tree-header.sfu": lambda data: _changed(data, TREE, lambda payload: payload.__delitem__(slice(60, None))),
}


def refusal(data: bytes) -> dict[str, int | str]:
    """The class of the error that stops the decoder, and how many splats it would draw by then."""
    decoder = AvatarDecoder()

    def feed() -> None:
        decoder.feed(data)
        decoder.close()

    return {"error": error_of(feed), "splats": int(decoder.shown.sum())}


if __name__ == "__main__":
    make_missing(HERE, GOOD, digests, WHOLE, HOSTILE, refusal)
