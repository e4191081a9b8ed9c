"""The compiled decoder finds the integers that `Walk` finds, refuses what it refuses, and gives the same splats."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.compiled import Inventor, compiled
from media.scene.samples import FIELDS, SEEDS, chunks, columns, encoded, equal, rebuilt, scene, scenes
from sfumato.coding.columns import Model
from sfumato.coding.halving import Boxes
from sfumato.container import Chunk
from sfumato.errors import ChunkError
from sfumato.media.scene import payload, quantise
from sfumato.media.scene.codec import (
    BAND_MODELS,
    BANDS,
    LEAVES,
    MODELS,
    NODES,
    Header,
    Leaves,
    Nodes,
    Portion,
    Walk,
    WideModel,
)
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import SceneSettings
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.native_codec import NativeCodec, Parents
from sfumato.media.scene.packed import narrow
from sfumato.media.scene.quantise import QuantisedSplats, Quantiser
from sfumato.splats import Splats3D

WORD = st.integers(-(1 << 15), (1 << 15) - 1) | st.sampled_from([-(1 << 15), 0, (1 << 15) - 1])
MODEL = st.builds(Model, st.builds(WideModel, st.integers(0, 191), st.integers(-128, 127)), WORD, st.integers(0, 255))
HEADERS = st.builds(Header, st.just(0), st.integers(-128, 127), st.tuples(*[MODEL] * MODELS))
BAND_HEADERS = st.builds(Header, st.just(0), st.just(0), st.tuples(*[MODEL] * BAND_MODELS))
LAYOUTS = st.builds(
    Layout,
    origin=st.just((0.0, 0.0, 0.0)),
    exponent=st.integers(-60, 60),
    size=st.tuples(*[st.sampled_from([1, 2, 32, 1 << 21])] * 3),  # any symbols lie in a grid of 2^k cells
    splats=st.integers(1, 31),
    leaves=st.sampled_from([(9, 3), (4, 1), (40, 40)]),
)


CODECS = compiled(NativeCodec)
pytestmark = pytest.mark.skipif(not CODECS, reason="the kernels are not compiled")


def same(a: list[NDArray[np.int64]], b: list[NDArray[np.int64]]) -> bool:
    return len(a) == len(b) and all(x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def integers_of(decoder: SceneDecoder) -> list[NDArray[np.int64]]:
    found = []
    for group in decoder.groups:
        found += columns(group.nodes) if group.nodes is not None else []
        for leaves, bands in zip(group.leaves, group.bands, strict=True):
            found += [*columns(leaves), *(band.astype(np.int64) for band in bands)]
    return found


def outcome(data: bytes, codec: NativeCodec | None) -> tuple[str, list[NDArray[np.int64]]]:
    """What a decoder says of a file, and the integers that it has got to."""
    decoder, said = SceneDecoder(), ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payload, "native_codec", lambda: codec)
        try:
            decoder.feed(data)
        except ChunkError as error:
            said = str(error)
    return said, integers_of(decoder)


def assert_same(data: bytes) -> None:
    said, integers = outcome(data, None)
    for codec in CODECS:
        also_said, found = outcome(data, codec)
        assert also_said == said and same(found, integers)


@given(scenes(), st.sampled_from([1 / 16, 1.0, 64.0]), st.booleans(), st.booleans())
@settings(max_examples=12)
@example(scene(1, 3), 1.0, False, False)
@example(scene(300, 3, seed=9), 1.0, False, True)
def test_files_of_an_encoder_decode_alike(splats: Splats3D, quality: float, single: bool, small: bool) -> None:
    assert_same(encoded(splats, SceneSettings(quality, single_level=single), small=small))


def test_every_prefix_decodes_alike() -> None:
    data = encoded(scene(400, 1, seed=5), small=True)
    original = chunks(data)
    for count in range(1, len(original)):
        assert_same(rebuilt(data, original[:count]))


def test_nothing_an_encoder_writes_is_left_to_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    def walked(*_: object) -> None:
        raise AssertionError("the compiled decoder refused a chunk")

    data = encoded(scene(400, 2, seed=6), small=True)
    monkeypatch.setattr(payload, "start", walked)
    for codec in CODECS:
        assert outcome(data, codec)[0] == ""


@pytest.mark.parametrize("count", [3000, 12_000])
def test_large_chunks_decode_alike(count: int) -> None:
    assert_same(encoded(scene(count, 0, seed=count)))


def invented(seed: int, rare: int, header: Header, code: Callable[[Walk], object]) -> tuple[bytes, object]:
    """A payload of symbols that no encoder would choose, and what the walk makes of them."""
    inventor = Inventor(seed, rare)
    made = code(Walk(inventor, header.models))
    return header.to_bytes() + inventor.encoder.finish([1, 2, 4][seed % 3]), made


@given(SEEDS, st.sampled_from([2, 20]), LAYOUTS, st.tuples(HEADERS, HEADERS, HEADERS), BAND_HEADERS, st.integers(1, 3))
@settings(max_examples=100)
def test_any_header_and_any_symbols_decode_alike(
    seed: int, rare: int, layout: Layout, headers: tuple[Header, Header, Header], last: Header, degree: int
) -> None:
    try:
        made = chain(seed, rare, layout, headers, last, degree)
    except ChunkError:
        return  # shares that no box can have
    for codec in CODECS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(payload, "native_codec", lambda codec=codec: codec)
            patch.setattr(payload, "start", None)
            assert_chain(layout, headers, degree, *made)


Made = tuple[list[bytes], Nodes, Nodes, Leaves, NDArray[np.int64]]


def chain(
    seed: int, rare: int, layout: Layout, headers: tuple[Header, Header, Header], last: Header, degree: int
) -> Made:
    """The payloads of one chunk of each kind, with what the walk makes of them."""
    first, second, third = (header.quantiser(layout.exponent) for header in headers)
    size, leaf = layout.size, layout.leaves
    payloads: list[bytes] = []

    def add(header: Header, code: Callable[[Walk], object]) -> object:
        data, made = invented(seed + len(payloads), rare, header, code)
        payloads.append(data)
        return made

    coarse = add(headers[0], lambda walk: walk.nodes(first, size, layout.splats, leaf[0], None, None))
    assert isinstance(coarse, Nodes)
    nodes = add(headers[1], lambda walk: walk.nodes(second, size, coarse, leaf[1], None, None))
    assert isinstance(nodes, Nodes)
    leaves = add(headers[2], lambda walk: walk.leaves(third, size, nodes, Portion.FIRST, None))
    assert isinstance(leaves, Leaves)
    values = add(last, lambda walk: walk.band(leaves, degree, None))
    assert isinstance(values, np.ndarray)
    return payloads, coarse, nodes, leaves, values


def assert_chain(
    layout: Layout, headers: tuple[Header, Header, Header], degree: int,
    payloads: list[bytes], coarse: Nodes, nodes: Nodes, leaves: Leaves, values: NDArray[np.int64],
) -> None:  # fmt: skip
    found = payload.decode_nodes(payloads[0], headers[0], layout, None).unpack()
    assert same(columns(found), columns(coarse)) and found.quantiser == coarse.quantiser
    found = payload.decode_nodes(payloads[1], headers[1], layout, coarse).unpack()
    assert same(columns(found), columns(nodes)) and found.quantiser == nodes.quantiser
    splats, share, quantiser = payload.decode_leaves(payloads[2], headers[2], layout, nodes, Portion.FIRST)
    assert same([*columns(splats.unpack()), share], [*columns(leaves.q), leaves.share])
    assert quantiser == leaves.quantiser
    for name in ("cell", "level", "scale", "color", "fine"):
        small, wide = getattr(splats.small, name), getattr(leaves.q, name)
        assert small.dtype == narrow(wide).dtype
    assert same([payload.decode_band(payloads[3], splats, quantiser, degree)], [values])


FILES = {degree: encoded(scene(40 + 30 * degree, degree, seed=degree), small=degree > 0) for degree in range(3)}


@given(
    st.sampled_from(sorted(FILES)),
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(2, 10**6), st.integers(0, 255)), max_size=3),
    st.integers(0, 4),
    st.binary(max_size=4),
)
@settings(max_examples=100)
def test_damaged_chunks_are_refused_alike_and_with_the_same_words(
    degree: int, which: int, changes: list[tuple[int, int]], cut: int, extra: bytes
) -> None:
    data = FILES[degree]
    original = chunks(data)
    number = which % len(original)
    damaged = bytearray(original[number].payload)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    changed = dataclasses.replace(original[number], payload=bytes(damaged[: len(damaged) - cut]) + extra)
    assert_same(rebuilt(data, [*original[:number], changed, *original[number + 1 :]]))


@given(st.binary(max_size=200), st.sampled_from([NODES, LEAVES, BANDS]), st.integers(0, 191), WORD)
@settings(max_examples=60)
def test_streams_of_any_bytes_are_refused_alike(stream: bytes, kind: str, table: int, centre: int) -> None:
    data = FILES[1]
    original = chunks(data)
    number = next(i for i, chunk in enumerate(original) if chunk.kind == kind)
    model = Model(WideModel(table, 1), centre, 8)
    header = Header(0, 0, (model,) * (BAND_MODELS if kind == BANDS else MODELS))
    strange = dataclasses.replace(original[number], payload=header.to_bytes() + stream)
    assert_same(rebuilt(data, [*original[:number], strange]))


def test_boxes_that_no_chunk_can_have_are_refused() -> None:
    data = encoded(scene(30))
    first: Chunk = chunks(data)[0]
    for corner, depth, count in (((9, 0, 0), 0, 30), ((0, 0, 0), 99, 30), ((-1, 0, 0), 0, 30)):
        boxes = Boxes(np.array([corner]), np.array([depth]), np.array([count]))
        above = Parents(boxes, np.zeros((5, 0), np.int64), 0)
        for codec in CODECS:
            assert codec.nodes(first.payload, (8, 8, 8), 0, above, 5) is None
            assert codec.nodes(first.payload, (0, 8, 8), 0, above, 5) is None


def largest_difference(found: NDArray[np.float32], law: NDArray[np.float64] | NDArray[np.float32]) -> float:
    """In units of the last digit of the largest number of the splat."""
    flat = law.reshape(len(law), -1).astype(np.float64)
    largest = np.maximum(np.abs(flat).max(axis=1, keepdims=True), 2.0**-100)
    return float((np.abs(found.reshape(flat.shape) - flat) / largest).max() * 2**23)


@given(SEEDS, st.integers(-128, 127), st.integers(-60, 60), st.sampled_from([5, 30, 200, 1 << 22]), st.booleans())
@settings(max_examples=60)
def test_integers_become_the_splats_of_the_law_up_to_their_last_digit(
    seed: int, fineness: int, exponent: int, spread: int, coarse: bool
) -> None:
    rng, n = np.random.default_rng(seed), 150
    shapes = ((n, 3), (n,), (n, 3), (n,), (n, 3), (n, 3))
    level, *others = (rng.integers(-spread, spread + 1, shape) for shape in shapes[1:])
    q = QuantisedSplats(rng.integers(0, 1 << 21, (n, 3)), level, *others, rng.integers(0, 2, (n, 3)))
    quantiser, origin = Quantiser(fineness, exponent), np.zeros(3)
    law = quantise.dequantise_reference(q, quantiser, origin, coarse=coarse)
    small = tuple(np.asfortranarray(narrow(column)) for column in columns(q))
    first, *rest = [codec.dequantise(small, fineness, exponent, origin, coarse=coarse) for codec in CODECS]
    for name in FIELDS:
        assert largest_difference(getattr(first, name), getattr(law, name)) <= 1, name
    wide = [codec.dequantise(tuple(columns(q)), fineness, exponent, origin, coarse=coarse) for codec in CODECS]
    assert all(equal(first, other) for other in [*rest, *wide])


@given(SEEDS, st.integers(-128, 127), st.sampled_from([3, 300, 1 << 20]), st.integers(1, 3))
@settings(max_examples=30)
def test_integers_become_the_harmonics_of_the_law_up_to_their_last_digit(
    seed: int, fineness: int, spread: int, degree: int
) -> None:
    rng, n, each = np.random.default_rng(seed), 150, 2 * degree + 1
    level, values = rng.integers(-14, 15, n), rng.integers(-spread, spread + 1, (n, each, 3))
    law = quantise.dequantise_band_reference(values, level, Quantiser(fineness, 0))
    small = narrow(np.ascontiguousarray(values.transpose(2, 0, 1))).transpose(1, 2, 0)
    found = [codec.dequantise_band(v, level, fineness) for codec in CODECS for v in (values, small)]
    assert largest_difference(found[0].reshape(-1, 3), law.reshape(-1, 3)) <= 1
    assert all(other.tobytes() == found[0].tobytes() for other in found)


def test_what_does_not_fit_together_is_refused() -> None:
    fields = [np.zeros((5, 3) if several else 5, np.int8) for several in (1, 0, 1, 0, 1, 1, 1)]
    for codec in CODECS:
        assert len(codec.dequantise(tuple(fields), 0, 0, np.zeros(3), coarse=False)) == 5
        with pytest.raises(ValueError, match="shapes"):
            codec.dequantise((*fields[:1], fields[1][:4], *fields[2:]), 0, 0, np.zeros(3), coarse=False)
        with pytest.raises(ValueError, match="signed"):
            codec.dequantise((fields[0].astype(np.uint8), *fields[1:]), 0, 0, np.zeros(3), coarse=False)
        with pytest.raises(ValueError, match="exponent of 61"):
            codec.dequantise(tuple(fields), 0, 61, np.zeros(3), coarse=False)
        with pytest.raises(ValueError, match="4 harmonics"):
            codec.dequantise_band(np.zeros((5, 4, 3), np.int64), fields[1], 0)
