"""The avatar decoder's fuzz target: bytes that claim to be a file or a TREE may raise a FormatError and nothing else.

Beyond that the target holds the decoder to what it promises: portions do not matter, what is shown is finite and drawn
by unit quaternions, and both coders find the same rig and the same splats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from reading import portions, read
from sealing import seal

from sfumato.coding import SymbolDecoder
from sfumato.coding.rans import PythonRans
from sfumato.container.layout import CHUNK_HEADER
from sfumato.errors import FormatError
from sfumato.media.avatar import codec, rig_codec
from sfumato.media.avatar.assemble import assemble_avatar
from sfumato.media.avatar.codec import decode_chunk, encode_forest
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.known import Known, Template
from sfumato.media.avatar.layout import MESH
from sfumato.media.avatar.model import Avatar, Parameters
from sfumato.rig import Response, Rig

_MOST = 3000  # vertices and faces that a MESH may announce, so that an input takes no seconds; the caps have tests
_FACES = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
Decoded = TypeVar("Decoded")
_FIELDS = ("mean", "rotation", "scale", "opacity", "sh")


def seeds() -> list[bytes]:
    """Whole files, with a rig and by reference, and single payloads; the first byte says which."""
    found = [b"\xff" + _file(degree, by_reference) for degree, by_reference in ((0, None), (1, None), (0, "it"))]
    for degree in range(2):
        avatar, _ = _avatar(degree)
        order = stream(avatar.forest, np.arange(len(avatar), dtype=float), 15)
        payloads = [payload for payload, _ in encode_forest(avatar, order, np.zeros(len(avatar), np.int64))]
        found += [bytes([2 * (level - 1) + degree]) + one for level, one in zip(order.levels, payloads, strict=True)]
    return found


def one_input(data: bytes) -> None:
    """Judge the bytes as a file with right checksums if the first one is 128 or more, else as a TREE.

    The lowest bit is the degree of harmonics, the two above it the level, 0 to 3; all before has arrived.
    """
    if not data:
        return
    if data[0] >= 128:
        _judge_file(seal(data[1:]))
    else:
        _judge_tree(_STARTS[data[0] % 8], data[0] % 8 // 2, data[1:])


def _judge_tree(before: Known, level: int, payload: bytes) -> None:
    found, twin = _decoded(before, level, payload), _with_python(lambda: _decoded(before, level, payload))
    if isinstance(found, str) or isinstance(twin, str):
        assert found == twin, "the two coders disagree"
        return
    for name in ("there", "units", "shade", "splits"):
        assert np.array_equal(getattr(found, name), getattr(twin, name)), "the two coders disagree"
    assert before.count < found.count <= before.template.max_splats, "splats vanish, or are too many"
    _judge_splats(found)


def _decoded(before: Known, level: int, payload: bytes) -> Known | str:
    """What is known after the chunk, or the class of its error."""
    try:
        return decode_chunk(before, level + 1, payload)
    except FormatError as error:
        return type(error).__name__


def _judge_splats(known: Known) -> None:
    splats = known.avatar().posed(_vertices(known.template.mesh_vertices), known.there)
    assert all(np.isfinite(getattr(splats, name)).all() for name in _FIELDS), "a value is not finite"
    assert (splats.scale >= 0).all() and (np.abs(splats.opacity - 0.5) <= 0.5).all(), "a value is out of range"
    assert (np.abs(np.linalg.norm(splats.rotation, axis=1) - 1) < 1e-5).all(), "a rotation is not of length 1"


def _judge_file(data: bytes) -> None:
    if _announced(data) > _MOST:
        return
    whole = read(AvatarDecoder(), [data])
    _same(whole, read(AvatarDecoder(), portions(data)), "portions matter")
    _same(whole, _with_python(lambda: read(AvatarDecoder(), [data])), "the two coders disagree")
    if whole.state is not None:
        splats = whole.posed(whole.state.rig.drive({"jawOpen": 0.5}))
        assert len(splats) == whole.shown.sum(), "splats vanished"


def _same(a: AvatarDecoder, b: AvatarDecoder, promise: str) -> None:
    assert (a.state is None) == (b.state is None), promise
    if a.state is None or b.state is None:
        return
    for name in ("vertices", "faces", "skin", "joints", "shapes"):
        assert np.array_equal(getattr(a.state.rig, name), getattr(b.state.rig, name)), promise
    for field in Parameters.__dataclass_fields__:
        one, other = getattr(a.state.avatar.parameters, field), getattr(b.state.avatar.parameters, field)
        assert np.array_equal(one, other), promise
    assert np.array_equal(a.shown, b.shown), promise


def _announced(data: bytes) -> int:
    """The vertices or faces that a MESH of the file announces, whichever are more."""
    most, start = 0, 8
    while start + CHUNK_HEADER.size + 9 <= len(data):
        sizes = data[start + CHUNK_HEADER.size + 1 : start + CHUNK_HEADER.size + 9]
        if data[start : start + 4] == MESH.encode():
            most = max(most, *np.frombuffer(sizes, "<u4").tolist())
        start += CHUNK_HEADER.size + int.from_bytes(data[start + 6 : start + CHUNK_HEADER.size], "little") + 4
    return most


def _python(payload: bytes) -> SymbolDecoder:
    return SymbolDecoder(payload, PythonRans())


def _with_python(decode: Callable[[], Decoded]) -> Decoded:
    """The same with the reference coder."""
    compiled = codec.SymbolDecoder
    codec.SymbolDecoder = rig_codec.SymbolDecoder = _python  # type: ignore[misc, assignment]
    try:
        return decode()
    finally:
        codec.SymbolDecoder = rig_codec.SymbolDecoder = compiled  # type: ignore[misc]


def _vertices(count: int) -> np.ndarray:
    """Those of an octahedron."""
    found = np.zeros((count, 3))
    found[np.arange(6), np.arange(6) // 2] = [1, -1] * 3
    return found


def _avatar(degree: int) -> tuple[Avatar, Rig]:
    """Random splats in three levels on an octahedron that a shape and a joint move."""
    rng = np.random.default_rng(degree)
    forest = Forest(_FACES, 6).split(np.arange(0, 8, 2)).forest
    forest = forest.split(np.arange(9, 15)).forest
    start = Avatar.start(forest, degree).parameters
    fields = {name: getattr(start, name) for name in Parameters.__dataclass_fields__}
    avatar = Avatar(forest, Parameters(**{name: v + rng.normal(0, 0.3, v.shape) for name, v in fields.items()}))
    skin = np.stack([np.linspace(0, 1, 6), np.linspace(1, 0, 6)], axis=1)
    rig = Rig(
        _vertices(6),
        _FACES,
        ("jawOpen", "smile"),
        rng.normal(0, 0.1, (2, 6, 3)),
        ("root", "jaw"),
        [-1, 0],
        np.zeros((2, 3)),
        skin,
        arkit={"jawOpen": Response((("jawOpen", 1.0),), (("jaw", (0.4, 0.0, 0.0)),))},
    )
    return avatar, rig


def _file(degree: int, by_reference: str | None) -> bytes:
    avatar, rig = _avatar(degree)
    order = stream(avatar.forest, np.arange(len(avatar), dtype=float), 15)
    return assemble_avatar(avatar, order, np.zeros(len(avatar), np.int64), rig, by_reference=by_reference)


def _starts() -> list[Known]:
    """What is known before the first chunk of levels 0 to 3, for each degree of harmonics."""
    found: list[Known] = []
    for level in range(4):
        for degree in range(2):
            avatar, _ = _avatar(degree)
            order = stream(avatar.forest, np.arange(len(avatar), dtype=float), 15)
            known = Known.start(Template(_FACES, 6, degree, 4, 60))
            chunks = encode_forest(avatar, order, np.zeros(len(avatar), np.int64))
            for number, (payload, _) in zip(order.levels, chunks, strict=True):
                known = decode_chunk(known, number, payload) if number <= level else known
            found.append(known)
    return found


_STARTS = _starts()
