"""Bytes to splats as they arrive: any prefix shows, portions do not matter, strangers' files are refused by name."""

from __future__ import annotations

import dataclasses
import random
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.scene.samples import chunks, decoded, encoded, equal, group_of, rebuilt, scene, with_head
from sfumato.container import Chunk, Part, assemble
from sfumato.container.layout import SIGNATURE
from sfumato.errors import ChecksumError, ChunkError, FormatError, LimitError, TruncatedError, UnsupportedError
from sfumato.media.scene.codec import BANDS, LEAVES, NODES
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.splats import Splats3D

DEGREE = 2


@pytest.fixture(scope="module")
def data() -> bytes:
    return encoded(scene(400, DEGREE, seed=1), small=True)


@pytest.fixture(scope="module")
def shown(data: bytes) -> list[Splats3D]:
    """What the whole file shows after each of its chunks, HEAD and INDX included."""
    decoder, found, at = SceneDecoder(), [], 0
    for end in ends(data):
        decoder.feed(data[at:end])
        found.append(decoder.splats)
        at = end
    return found


def ends(data: bytes) -> list[int]:
    """The bytes at which the chunks end, HEAD first."""
    found, at = [], len(SIGNATURE)
    while at < len(data):
        at += 14 + int.from_bytes(data[at + 6 : at + 10], "little")
        found.append(at)
    return found


def refused(data: bytes) -> tuple[FormatError, SceneDecoder]:
    """The error that these bytes raise, and the decoder that raised it."""
    decoder = SceneDecoder("room.sfu")
    with pytest.raises(FormatError) as caught:
        decoder.feed(data)
        decoder.close()
    assert str(caught.value).startswith("cannot decode 'room.sfu': ")
    with pytest.raises(type(caught.value)):
        decoder.feed(b"")
    return caught.value, decoder


def test_every_prefix_shows_what_the_whole_file_shows_after_its_chunks(data: bytes, shown: list[Splats3D]) -> None:
    for end, expected in zip(ends(data), shown, strict=True):
        prefix = decoded(data[:end])
        prefix.close(partial=True)
        assert equal(prefix.splats, expected)


@pytest.mark.parametrize("seed", range(6))
def test_portions_do_not_matter(data: bytes, shown: list[Splats3D], seed: int) -> None:
    chance = random.Random(seed)
    decoder, at, completed = SceneDecoder(), 0, 0
    where = ends(data)
    while at < len(data):
        step = chance.choice([1, 13, 500, 5000])
        completed += decoder.feed(data[at : at + step])
        at += step
        there = sum(end <= at for end in where)
        if chance.random() < 0.1 and there:
            assert equal(decoder.splats, shown[there - 1])
    decoder.close()
    assert completed == len(where) - 2
    assert equal(decoder.splats, shown[-1])


def test_a_scene_fills_in_node_by_node_then_splat_by_splat(data: bytes, shown: list[Splats3D]) -> None:
    kinds = ["HEAD", NODES, "INDX"] + [chunk.kind for chunk in chunks(data)[1:]]
    counts = [len(splats) for splats in shown]
    assert counts[0] == 0 and 0 < counts[1] == counts[2] < counts[-1] == 400
    nodes = [number for number, kind in enumerate(kinds) if kind == NODES]
    assert counts[nodes[-1]] > counts[nodes[0]]
    assert kinds[3 : 2 + len(nodes)] == [NODES] * (len(nodes) - 1)


def test_harmonics_are_zero_before_they_arrive_and_then_change_nothing_else(data: bytes, shown: list[Splats3D]) -> None:
    kinds = ["HEAD", NODES, "INDX"] + [chunk.kind for chunk in chunks(data)[1:]]
    first = kinds.index(BANDS)
    assert kinds[first:] == [BANDS] * (len(kinds) - first)
    before, last = shown[first - 1], shown[-1]
    assert before.sh.shape == last.sh.shape == (400, 9, 3)
    assert (before.sh[:, 1:] == 0).all()
    for splats in shown[first:]:
        for name in ("mean", "rotation", "scale", "opacity"):
            np.testing.assert_array_equal(getattr(splats, name), getattr(before, name))
        np.testing.assert_array_equal(splats.sh[:, 0], before.sh[:, 0])
    degree_one = shown[first + (len(kinds) - first) // 2 - 1]
    assert (degree_one.sh[:, 1:4] != 0).any() and (degree_one.sh[:, 4:] == 0).all()
    assert (last.sh[:, 4:] != 0).any()


def test_half_of_a_group_keeps_a_share_of_its_nodes(data: bytes, shown: list[Splats3D]) -> None:
    kinds = ["HEAD", NODES, "INDX"] + [chunk.kind for chunk in chunks(data)[1:]]
    first = kinds.index(LEAVES)
    before, after = shown[first - 1], shown[first]
    decoder = decoded(data[: ends(data)[first]])
    (group,) = [group for group in decoder.groups if group.leaves]
    assert group.nodes is not None
    kept = int((group.leaves[0].share > 0).sum())
    assert 0 < kept < len(group.nodes.boxes)
    assert len(after) == len(before) - len(group.nodes.boxes) + len(group.leaves[0].q) + kept


def test_nothing_is_there_before_head_and_levels_complete_one_by_one(data: bytes) -> None:
    decoder = SceneDecoder()
    decoder.feed(data[:20])
    assert decoder.head is None and decoder.layout is None and len(decoder.splats) == 0
    levels, at = [], 20
    for end in ends(data):
        decoder.feed(data[at:end])
        levels.append(decoder.levels_complete)
        at = end
    assert levels == sorted(levels) and levels[0] == 0 and levels[1] == 1 and levels[-1] == 4 + DEGREE


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_a_truncated_file_shows_every_complete_chunk(data: bytes, shown: list[Splats3D], number: int) -> None:
    length = number % len(data)
    where = ends(data)
    decoder = decoded(data[:length])
    there = sum(end <= length for end in where)
    if there:
        assert equal(decoder.splats, shown[there - 1])
    if length not in where[2:]:
        with pytest.raises(TruncatedError, match=r"cannot decode 'scene\.sfu'"):
            decoder.close()


@given(st.integers(0, 10**6), st.integers(0, 7))
@example(310, 0)  # a chunk's length that reaches beyond the end of the file: seen when it is closed
@settings(max_examples=40)
def test_a_flipped_bit_is_found_and_what_came_before_it_stays(
    data: bytes, shown: list[Splats3D], number: int, bit: int
) -> None:
    place = number % len(data)
    broken = bytearray(data)
    broken[place] ^= 1 << bit
    error, decoder = refused(bytes(broken))
    there = sum(end <= place for end in ends(data))
    if there:
        assert equal(decoder.splats, shown[there - 1])
        assert f"at byte {ends(data)[there - 1]:,}" in str(error)
        assert isinstance(error, (ChecksumError, ChunkError, LimitError, TruncatedError, UnsupportedError))


@given(st.data())
@settings(max_examples=60)
def test_hostile_payloads_with_right_checksums_raise_format_errors_alone(data: bytes, draw: st.DataObject) -> None:
    original = chunks(data)
    number = draw.draw(st.integers(0, len(original) - 1))
    payload = bytearray(original[number].payload)
    for _ in range(draw.draw(st.integers(1, 3))):
        payload[draw.draw(st.integers(0, len(payload) - 1))] = draw.draw(st.integers(0, 255))
    del payload[draw.draw(st.integers(0, 3 * len(payload))) :]
    decoder = SceneDecoder("room.sfu")
    chunk = dataclasses.replace(original[number], payload=bytes(payload))
    changed = [*original[:number], chunk, *original[number + 1 :]]
    try:
        decoder.feed(rebuilt(data, changed))
    except ChunkError as error:
        place = f"cannot decode 'room.sfu': {chunk.kind} of level {chunk.level} at byte "
        later = any(str(error).startswith(f"cannot decode 'room.sfu': {c.kind}") for c in changed[number:])
        assert str(error).startswith(place) or later
    assert not number or len(decoder.splats)
    assert all(np.isfinite(getattr(decoder.splats, name)).all() for name in ("mean", "rotation", "scale", "sh"))


def without(data: bytes, *which: int) -> bytes:
    return rebuilt(data, [chunk for number, chunk in enumerate(chunks(data)) if number not in which])


def test_chunks_whose_group_is_not_ready_are_refused_with_kind_level_and_place(data: bytes) -> None:
    original = chunks(data)
    nodes = next(n for n, c in enumerate(original) if n and c.kind == NODES)
    leaves = next(n for n, c in enumerate(original) if c.kind == LEAVES and group_of(c) == group_of(original[nodes]))
    bands = next(n for n, c in enumerate(original) if c.kind == BANDS)

    def order(*numbers: int) -> str:
        # Level numbers may not have gaps, so every chunk after the base stands in level 1.
        file = rebuilt(data, [dataclasses.replace(original[n], level=min(i, 1)) for i, n in enumerate(numbers)])
        error, decoder = refused(file)
        assert isinstance(error, ChunkError)
        assert (len(decoder.splats) > 0) == (numbers[0] == 0)
        assert f"{original[numbers[-1]].kind} of level {min(len(numbers) - 1, 1)} at byte " in str(error)
        return str(error)

    group = group_of(original[nodes])
    assert "come before its nodes" in order(0, leaves)
    assert f"the nodes of group {group} come twice" in order(0, nodes, nodes)
    assert "come before its splats" in order(0, nodes, bands)
    assert "come before its splats" in order(0, bands)
    assert "the scene has 0" in order(leaves)


def test_more_portions_or_bands_than_head_announces_are_refused(data: bytes) -> None:
    original = chunks(data)
    nodes = next(c for c in original[1:] if c.kind == NODES)
    same = [c for c in original if group_of(c) == group_of(nodes) and c.kind != NODES]
    first, second = [c for c in same if c.kind == LEAVES]
    one = [original[0], nodes, first]
    band = next(c for c in same if c.kind == BANDS and c.level == 4 and c.flags == 0)

    def refusal(*more: Chunk, **fields: int) -> str:
        parts = [dataclasses.replace(chunk, level=min(number, 1)) for number, chunk in enumerate([*one, *more])]
        return str(refused(rebuilt(data, parts, **fields))[0])

    assert "once too often" in refusal(second, second)
    assert "one band too many" in refusal(band, sh_degree=0)
    assert "one band too many" in refusal(dataclasses.replace(band, flags=1))
    assert "one band too many" in refusal(dataclasses.replace(band, flags=255))


def test_a_group_beyond_the_last_is_refused(data: bytes) -> None:
    original = chunks(data)
    payload = struct.pack("<H", 65535) + original[1].payload[2:]
    error, _ = refused(rebuilt(data, [original[0], dataclasses.replace(original[1], payload=payload), *original[2:]]))
    assert "there is no group 65535; the scene has" in str(error)


def test_another_count_of_splats_in_head_is_found(data: bytes) -> None:
    for splats in (1, 399, 401, 20_000_000):
        error, decoder = refused(with_head(data, splats=splats))
        assert isinstance(error, ChunkError) and len(decoder.splats) < 400


def test_a_head_that_is_no_scenes_is_refused(data: bytes) -> None:
    base = [Part(chunks(data)[0])]
    error, decoder = refused(assemble("image", {}, base))
    assert isinstance(error, UnsupportedError) and "which is no scene" in str(error) and len(decoder.splats) == 0
    assert "HEAD gives no origin" in str(refused(with_head(data, origin=None))[0])
    assert isinstance(refused(with_head(data, splats=2**53 - 1))[0], LimitError)


def test_unknown_chunks_are_skipped_if_they_are_not_critical(data: bytes, shown: list[Splats3D]) -> None:
    original = chunks(data)
    more = decoded(rebuilt(data, [original[0], Chunk("note", 1, payload=b"hello"), *original[1:]]))
    assert equal(more.splats, shown[-1])
    assert isinstance(refused(rebuilt(data, [*original, Chunk("NOTE", 1)]))[0], UnsupportedError)


def test_a_few_bytes_do_not_make_a_reader_allocate_what_they_announce() -> None:
    data = encoded(scene(2))
    hostile = rebuilt(data, chunks(data)[:1], splats=2_000_000, leaves=[1, 1], group=1)
    tracemalloc.start()
    try:
        refused(hostile)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2_000_000


def test_memory_stays_in_proportion_to_the_splats_that_head_announces() -> None:
    one = scene(1, opacity=(0, 0))  # where nothing is seen, nothing differs
    data = encoded(one[np.zeros(8_000, np.int64)])
    assert len(data) < 1_000
    tracemalloc.start()
    try:
        splats = decoded(data).splats
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(splats) == 8_000 and peak < 400 * 8_000


@pytest.mark.parametrize(("degree", "most"), [(0, 40), (3, 130)])
def test_what_stays_in_memory_is_a_few_dozen_bytes_a_splat(degree: int, most: int) -> None:
    data = encoded(scene(8_000, degree))
    decoded(data)  # tables that stay
    tracemalloc.start()
    try:
        decoder = decoded(data)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(decoder.splats) == 8_000 and kept < most * 8_000


def test_a_decoder_refuses_more_splats_than_its_caller_takes(data: bytes) -> None:
    decoder = SceneDecoder("room.sfu", max_splats=399)
    with pytest.raises(LimitError, match=r"cannot decode 'room\.sfu': HEAD declares 400 splats; .* 399 \(max_splats\)"):
        decoder.feed(data)
    assert decoder.layout is None and len(decoder.splats) == 0
    assert len(SceneDecoder(max_splats=400).splats) == 0


def test_what_is_shown_does_not_depend_on_how_much_is_computed_at_once(
    data: bytes, shown: list[Splats3D], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfumato.media.scene.packed._ROWS", 7)
    for end, expected in zip(ends(data), shown, strict=True):
        splats = decoded(data[:end]).splats
        for name in ("mean", "rotation", "scale", "opacity", "sh"):
            np.testing.assert_allclose(getattr(splats, name), getattr(expected, name), rtol=1e-6, atol=1e-6)


def test_more_groups_than_a_chunk_can_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfumato.media.scene.decoder.MAX_GROUPS", 5)
    data = encoded(scene(300), small=True)
    error, _ = refused(with_head(data, group=1))
    assert isinstance(error, LimitError) and "groups; the cap is 5" in str(error)
