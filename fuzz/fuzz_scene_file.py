"""The scene decoder's fuzz target: bytes that claim to be a scene file may raise a FormatError and nothing else.

Beyond that the target holds the decoder to what it promises: portions do not matter, what is shown is finite and drawn
by unit quaternions, and both coders find the same splats.
"""

from __future__ import annotations

import numpy as np
from reading import portions, read
from sealing import seal

from sfumato.coding import SymbolDecoder
from sfumato.coding.rans import PythonRans
from sfumato.container import Parser, Part, assemble
from sfumato.errors import FormatError
from sfumato.media.scene import codec
from sfumato.media.scene.codec import BANDS, LEAVES, NODES
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import SceneSettings, encode_scene
from sfumato.splats import Splats3D

_FIELDS = ("mean", "rotation", "scale", "opacity", "sh")
_MOST = 5000  # splats that HEAD may announce, so that an input takes no seconds; the cap itself has a test


def seeds() -> list[bytes]:
    """Whole files of few splats: one, several, all in one place, with harmonics, without levels, in small groups."""
    found = [encode_scene(_scene(count, degree)) for count, degree in ((1, 0), (40, 0), (25, 2))]
    found.append(encode_scene(_scene(1, 0)[np.zeros(50, np.int64)]))
    found.append(encode_scene(_scene(30, 1), SceneSettings(single_level=True)))
    return [*found, _small_groups(found[1])]


def one_input(data: bytes) -> None:
    """Judge the bytes as a file whose checksums are made right."""
    sealed = seal(data)
    if _announced(sealed) > _MOST:
        return
    whole = read(SceneDecoder(), [sealed]).splats
    _same(whole, read(SceneDecoder(), portions(sealed)).splats, "portions matter")
    assert all(np.isfinite(getattr(whole, name)).all() for name in _FIELDS), "a value is not finite"
    assert (whole.scale > 0).all() and (np.abs(whole.opacity - 0.5) <= 0.5).all(), "a value is out of range"
    assert (np.abs(np.linalg.norm(whole.rotation, axis=1) - 1) < 1e-5).all(), "a rotation is not of length 1"
    compiled, codec.SymbolDecoder = codec.SymbolDecoder, _python  # type: ignore[misc, assignment]
    try:
        _same(whole, read(SceneDecoder(), [sealed]).splats, "the two coders disagree")
    finally:
        codec.SymbolDecoder = compiled  # type: ignore[misc]


def _python(payload: bytes) -> SymbolDecoder:
    return SymbolDecoder(payload, PythonRans())


def _scene(count: int, degree: int) -> Splats3D:
    rng = np.random.default_rng(count)
    rotation = rng.normal(size=(count, 4))
    return Splats3D(
        rng.uniform(-1, 1, (count, 3)).astype(np.float32),
        (rotation / np.linalg.norm(rotation, axis=1, keepdims=True)).astype(np.float32),
        rng.uniform(0.02, 0.3, (count, 3)).astype(np.float32),
        rng.uniform(0, 1, count).astype(np.float32),
        rng.normal(0, 0.5, (count, (degree + 1) ** 2, 3)).astype(np.float32),
    )


def _small_groups(data: bytes) -> bytes:
    """The same chunks under a HEAD that makes groups of a few splats: an error that names a group comes early."""
    parser = Parser(kinds={NODES, LEAVES, BANDS})
    chunks = parser.feed(data)
    assert parser.head is not None
    return assemble("scene", {**parser.head.fields, "group": 4}, [Part(chunk) for chunk in chunks])


def _announced(data: bytes) -> int:
    """The splats that HEAD announces; 0 if it cannot be read."""
    decoder = SceneDecoder()
    try:
        decoder.feed(data[: 8 + 14 + int.from_bytes(data[14:18], "little")])
    except FormatError:
        return 0
    return decoder.layout.splats if decoder.layout else 0


def _same(a: Splats3D, b: Splats3D, promise: str) -> None:
    assert all(np.array_equal(getattr(a, name), getattr(b, name)) for name in _FIELDS), promise
