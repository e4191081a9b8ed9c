"""The rig decoders' fuzz target: bytes that claim to be a MESH or a SHAP may raise a FormatError and nothing else.

Beyond that the target holds them to what they promise: both coders find the same rig, and what is decoded can be posed.
"""

from __future__ import annotations

import numpy as np

from sfumato.coding import SymbolDecoder
from sfumato.coding.rans import PythonRans
from sfumato.errors import FormatError
from sfumato.media.avatar import rig_codec
from sfumato.media.avatar.rig_codec import decode_mesh, decode_shapes, encode_rig, reference_of
from sfumato.rig import Response, Rig

_MOST = 3000  # vertices and faces that a MESH may announce, so that an input takes no seconds; the caps have tests
_SIZES = slice(1, 9)


def seeds() -> list[bytes]:
    """Payloads of small rigs: bare, with all that there is, by reference; the first byte says MESH or SHAP."""
    whole, bare = _rig(), Rig.rigid(np.eye(3), [[0, 1, 2]])
    mesh, shapes = encode_rig(whole)
    meshes = [mesh, encode_rig(bare)[0], encode_rig(whole, by_reference=True, name="it")[0]]
    return [*(b"\x00" + payload for payload in meshes), *(b"\x80" + payload for payload in shapes)]


def one_input(data: bytes) -> None:
    """Judge the bytes as a SHAP if the first one is 128 or more, else as a MESH."""
    if not data:
        return
    if data[0] >= 128:
        _judge_shapes(data[1:])
    else:
        _judge_mesh(data[1:])


def _judge_mesh(payload: bytes) -> None:
    sizes = payload[_SIZES].ljust(8, b"\0")
    if max(int.from_bytes(sizes[:4], "little"), int.from_bytes(sizes[4:], "little")) > _MOST:
        return
    try:
        rig = decode_mesh(payload)
        reference = reference_of(payload)
    except FormatError as error:
        assert _python(lambda: decode_mesh(payload)) == str(error), "the two coders disagree"
        return
    again = _python(lambda: decode_mesh(payload))
    assert isinstance(again, Rig), "the two coders disagree"
    for name in ("vertices", "faces", "skin", "joints"):
        assert (getattr(rig, name) == getattr(again, name)).all(), "the two coders disagree"
    assert reference is None or len(reference.fingerprint) == 64
    assert np.isfinite(rig.pose()).all(), "a vertex is not finite"


def _judge_shapes(payload: bytes) -> None:
    rig = _rig()
    try:
        found = decode_shapes(payload, rig)
    except FormatError as error:
        assert _python(lambda: decode_shapes(payload, rig)) == str(error), "the two coders disagree"
        return
    again = _python(lambda: decode_shapes(payload, rig))
    assert isinstance(again, Rig) and (found.shapes == again.shapes).all(), "the two coders disagree"
    assert np.isfinite(found.shapes).all() and found.faces is rig.faces, "a shape is not finite"


def _python(decode: object) -> object:
    """What `decode` gives with the reference coder: its result, or the message of its error."""
    compiled = rig_codec.SymbolDecoder
    rig_codec.SymbolDecoder = lambda payload: SymbolDecoder(payload, PythonRans())  # type: ignore[misc, assignment]
    try:
        return decode()  # type: ignore[operator]
    except FormatError as error:
        return str(error)
    finally:
        rig_codec.SymbolDecoder = compiled  # type: ignore[misc]


def _rig() -> Rig:
    """A folded strip of 40 vertices with shapes, joints and all that follows them."""
    rng = np.random.default_rng(0)
    at = np.arange(38)
    faces = np.where(at[:, None] % 2, [1, 0, 2], [0, 1, 2]) + at[:, None]
    skin = np.stack([np.linspace(0, 1, 40), np.linspace(1, 0, 40)], axis=1)
    regressor = np.zeros((2, 40))
    regressor[1, 3:7] = 0.25
    return Rig(
        np.stack([np.arange(40) * 0.01, np.arange(40) % 2 * 0.01, np.sin(np.arange(40)) * 0.01], axis=1),
        faces,
        ("jawOpen", "smile"),
        rng.normal(0, 0.01, (2, 40, 3)),
        ("root", "jaw"),
        [-1, 0],
        np.zeros((2, 3)),
        skin,
        regressor,
        rng.normal(0, 0.001, (9, 40, 3)),
        arkit={"jawOpen": Response((("jawOpen", 1.0),), (("jaw", (0.4, 0.0, 0.0)),))},
    )
