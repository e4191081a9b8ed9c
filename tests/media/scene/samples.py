"""Small scenes that the tests of scenes share, and what they measure."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfumato.container import Chunk, Parser, Part, assemble
from sfumato.media.scene import encode, prepare
from sfumato.media.scene.codec import BANDS, LEAVES, NODES
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import SceneSettings
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.quantise import Quantiser
from sfumato.splats import Splats3D

FIELDS = ("mean", "rotation", "scale", "opacity", "sh")
KINDS = {NODES, LEAVES, BANDS}
SEEDS = st.integers(0, 2**32 - 1)


def scene(
    count: int,
    degree: int = 0,
    seed: int = 0,
    *,
    spread: float = 1.0,
    sigma: tuple[float, float] = (0.02, 0.2),
    opacity: tuple[float, float] = (0.05, 1.0),
    color: float = 0.5,
) -> Splats3D:
    """Random splats of all shapes and directions in a cube of twice `spread`."""
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    return Splats3D(
        rng.uniform(-spread, spread, (count, 3)),
        rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        np.exp(rng.uniform(*np.log(sigma), (count, 3))),
        rng.uniform(*opacity, count),
        rng.normal(0, color, (count, (degree + 1) ** 2, 3)),
    )


def with_fields(splats: Splats3D, **fields: Any) -> Splats3D:
    """The same splats with some fields replaced."""
    return Splats3D(*(np.asarray(fields.get(name, getattr(splats, name)), np.float32) for name in FIELDS))


@st.composite
def scenes(draw: st.DrawFn) -> Splats3D:
    """Scenes of 1 to 60 splats, among them those that are hard: duplicates, one place, outliers, extreme values."""
    count, degree = draw(st.integers(1, 60)), draw(st.integers(0, 3))
    sigma = draw(st.sampled_from([(0.02, 0.2), (1e-15, 1e-14), (1e9, 1e10), (1e-9, 1e9), (0.1, 0.1)]))
    opacity = draw(st.sampled_from([(0.05, 1.0), (0.0, 0.0), (1.0, 1.0), (0.0, 1e-3)]))
    spread, color = draw(st.sampled_from([0.0, 1e-12, 1.0, 1e12])), draw(st.sampled_from([0.0, 0.5, 1e6]))
    splats = scene(count, degree, draw(st.integers(0, 99)), spread=spread, sigma=sigma, opacity=opacity, color=color)
    if draw(st.booleans()):
        splats = splats[np.arange(count) // draw(st.integers(2, 40))]
    if draw(st.booleans()):
        splats.mean[0] = draw(st.sampled_from([1e3, 1e6, -1e15]))
    return splats


def decoded(data: bytes) -> SceneDecoder:
    """A decoder that has taken all of `data`."""
    decoder = SceneDecoder("scene.sfu")
    decoder.feed(data)
    return decoder


def chunks(data: bytes) -> list[Chunk]:
    """The chunks of a file without HEAD and INDX."""
    return Parser(kinds=KINDS).feed(data)


def rebuilt(data: bytes, changed: list[Chunk], **fields: Any) -> bytes:
    """A file with other chunks (they keep their splats' number of 0) and members of HEAD; None leaves one out."""
    head = decoded(data).head
    assert head is not None
    members = {name: value for name, value in {**head.fields, **fields}.items() if value is not None}
    return assemble("scene", members, [Part(Chunk(c.kind, c.level, c.flags, c.payload)) for c in changed])


def with_head(data: bytes, **fields: Any) -> bytes:
    """A file with other members of HEAD; None leaves one out."""
    return rebuilt(data, chunks(data), **fields)


def group_of(chunk: Chunk) -> int:
    """The group that a chunk names."""
    return int(struct.unpack_from("<H", chunk.payload)[0])


def sorted_splats(splats: Splats3D) -> Splats3D:
    """The splats in an order that only their values decide."""
    return splats[np.lexsort(np.concatenate([getattr(splats, name).reshape(len(splats), -1).T for name in FIELDS]))]


def equal(a: Splats3D, b: Splats3D) -> bool:
    """Whether all values agree, bit by bit."""
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in FIELDS)


@dataclass(frozen=True)
class SmallLayout(Layout):
    """Small groups and boxes, so that a few hundred splats fill several."""

    leaves: tuple[int, int] = (40, 6)
    group: int = 100


def encoded(splats: Splats3D, settings: SceneSettings | None = None, *, small: bool = False) -> bytes:
    """The scene's file without measured qualities, which take most of the time; small: see `SmallLayout`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "measured", lambda _splats, _fields, parts: parts)
        if small:
            patch.setattr(prepare, "Layout", SmallLayout)
        return encode.encode_scene(splats, settings)


def columns(thing: Any) -> list[NDArray[np.int64]]:
    """All arrays in a dataclass, and in those among its fields, in their order, int64."""
    found: list[NDArray[np.int64]] = []
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, np.ndarray):
            found.append(value.astype(np.int64))
        elif dataclasses.is_dataclass(value) and not isinstance(value, Quantiser):
            found += columns(value)
    return found


def digests(data: bytes) -> list[dict[str, int | str]]:
    """What is known after every chunk of a scene: splats to be drawn and a digest of all integers, int64 little-endian.

    Of every group its nodes (boxes, places within them, attributes), the portions of its splats and their harmonics.
    """
    decoder, found = SceneDecoder("scene.sfu"), []
    end = 8
    while end < len(data):
        start, end = end, end + 14 + int.from_bytes(data[end + 6 : end + 10], "little")
        decoder.feed(data[start if start > 8 else 0 : end])
        hashed = hashlib.sha256()
        for group in decoder.groups:
            nodes = group.nodes
            arrays = [] if nodes is None else columns(dataclasses.replace(nodes, parent=np.zeros(0, np.int64)))
            for leaves, bands in zip(group.leaves, group.bands, strict=True):
                arrays += [*columns(leaves), *bands]
            for array in arrays:
                hashed.update(array.astype("<i8").tobytes())
        found.append({"bytes": end, "splats": sum(map(len, decoder.groups)), "sha256": hashed.hexdigest()})
    decoder.close()
    return found
