"""Bytes of an avatar as they arrive: portions do not matter, prefixes are exact, strangers' bytes are refused."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden.avatar.make_golden import _moving_rig
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.avatar.heads import ends, small_file, small_rig
from sfumato.container import Chunk, Parser, Part, assemble
from sfumato.errors import ChunkError, FormatError, InputError, LimitError, TruncatedError, UnsupportedError
from sfumato.media.avatar.decoder import AvatarDecoder, AvatarState
from sfumato.media.avatar.layout import MESH, SHAPES, TREE

GOLDEN = Path(__file__).parents[2] / "golden" / "avatar"

DATA = small_file()


def decoded(data: bytes, **options: Any) -> AvatarDecoder:
    decoder = AvatarDecoder("head.sfu", **options)
    decoder.feed(data)
    return decoder


def states() -> list[AvatarState | None]:
    """What the whole file shows after each of its chunks, HEAD and INDX included."""
    decoder, found, at = AvatarDecoder(), [], 0
    for end in ends(DATA):
        decoder.feed(DATA[at:end])
        found.append(decoder.state)
        at = end
    return found


SHOWN = states()
BASE = 1 + sum(chunk.level == 0 for chunk in Parser().feed(DATA))
"""Chunks before the end of INDX."""


def same(one: AvatarState | None, other: AvatarState | None) -> bool:
    """Whether two states are equal, bit for bit, and show the same in a pose."""
    if one is None or other is None:
        return one is other
    if not np.array_equal(one.rig.shapes, other.rig.shapes) or not np.array_equal(one.shown, other.shown):
        return False
    mesh = one.rig.drive({"jawOpen": 0.7})
    a, b = one.posed(mesh), other.posed(mesh)
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("mean", "rotation", "scale", "opacity", "sh"))


def chunks(data: bytes = DATA) -> list[Chunk]:
    return Parser().feed(data)


def rebuilt(parts: list[Chunk], **fields: Any) -> bytes:
    """A file of these chunks, with what INDX announces as it is in `DATA`, and with some members of HEAD changed."""
    head = decoded(DATA).head
    assert head is not None
    index = decoded(DATA).parser.index
    assert index is not None
    splats = {(e.kind, e.payload, e.level): e.splats for e in index.entries}
    splats |= {(c.kind, len(c.payload), 0): int.from_bytes(c.payload[:2], "little") for c in chunks() if c.kind == TREE}
    announced = [splats.get((c.kind, len(c.payload), c.level), 0) for c in parts]
    return assemble("avatar", {**head.fields, **fields}, [Part(c, n) for c, n in zip(parts, announced, strict=True)])


def refused(data: bytes, **options: Any) -> FormatError:
    decoder = AvatarDecoder("head.sfu", **options)
    with pytest.raises(FormatError, match=r"cannot decode 'head\.sfu': ") as caught:
        decoder.feed(data)
        decoder.close()
    with pytest.raises(type(caught.value)):
        decoder.feed(b"")
    return caught.value


def test_every_prefix_is_exactly_the_first_chunks_of_the_whole_file() -> None:
    for end, expected in zip(ends(DATA), SHOWN, strict=True):
        prefix = decoded(DATA[:end])
        prefix.close(partial=True)
        assert same(prefix.state, expected)


@pytest.mark.parametrize("seed", range(4))
def test_portions_do_not_matter(seed: int) -> None:
    chance, where = random.Random(seed), ends(DATA)
    decoder, at, completed = AvatarDecoder(), 0, 0
    while at < len(DATA):
        step = chance.choice([1, 13, 200, 2000])
        completed += decoder.feed(DATA[at : at + step])
        at += step
        there = sum(end <= at for end in where)
        if chance.random() < 0.1 and there:
            assert same(decoder.state, SHOWN[there - 1])
    decoder.close()
    assert completed == len(where) - 2
    assert same(decoder.state, SHOWN[-1])


def test_the_mesh_comes_first_and_then_face_after_face() -> None:
    where, decoder = ends(DATA), AvatarDecoder()
    decoder.feed(DATA[: where[0]])
    assert decoder.layout is not None and decoder.rig is None and decoder.avatar is None
    assert len(decoder.posed(small_rig().vertices)) == 0
    decoder.feed(DATA[where[0] : where[1]])
    assert decoder.rig is not None and decoder.rig.shape_names == small_rig().shape_names
    assert len(decoder.posed(decoder.rig.vertices)) == 0 and len(decoder.shown) == 32
    counts = []
    for start, end in itertools.pairwise(where[1:]):
        decoder.feed(DATA[start:end])
        counts.append(len(decoder.posed(decoder.rig.vertices)))
        assert counts[-1] == decoder.shown.sum()
    assert counts == sorted(counts) and counts[0] == 8 and counts[-1] == 152


def test_names_are_announced_before_their_shapes_move_anything() -> None:
    first, last = SHOWN[1], SHOWN[-1]
    assert first is not None and last is not None
    assert first.rig.shape_names == last.rig.shape_names
    np.testing.assert_array_equal(first.rig.drive({"jawOpen": 1.0}), first.rig.vertices)
    assert np.abs(last.rig.drive({"jawOpen": 1.0}) - last.rig.vertices).max() > 0.005


def test_the_base_level_has_every_face_of_the_mesh_and_the_first_shapes() -> None:
    decoder = decoded(DATA[: ends(DATA)[BASE]])
    assert decoder.levels_complete == 1 and decoder.shown.all() and len(decoder.shown) == 32
    assert decoder.rig is not None and decoder.rig.shapes.any()


def test_a_state_stays_as_it_is_while_more_arrives() -> None:
    decoder, end = AvatarDecoder(), ends(DATA)[8]
    decoder.feed(DATA[:end])
    before = decoder.state
    decoder.feed(DATA[end:])
    assert same(before, SHOWN[8]) and same(decoder.state, SHOWN[-1])


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_a_truncated_file_shows_every_complete_chunk(number: int) -> None:
    length = number % len(DATA)
    where = ends(DATA)
    decoder = decoded(DATA[:length])
    there = sum(end <= length for end in where)
    if there:
        assert same(decoder.state, SHOWN[there - 1])
    if length not in where[BASE:]:
        with pytest.raises(TruncatedError, match=r"cannot decode 'head\.sfu'"):
            decoder.close()


@given(st.integers(0, 10**6), st.integers(0, 7))
@example(len(DATA) - 1, 7)
@settings(max_examples=40)
def test_a_flipped_bit_is_found_and_what_came_before_it_stays(number: int, bit: int) -> None:
    place = number % len(DATA)
    broken = bytearray(DATA)
    broken[place] ^= 1 << bit
    decoder = AvatarDecoder("head.sfu")
    with pytest.raises(FormatError):
        decoder.feed(broken)
        decoder.close()
    there = sum(end <= place for end in ends(DATA))
    if there:
        assert same(decoder.state, SHOWN[there - 1])


@given(st.data())
@settings(max_examples=60)
def test_hostile_payloads_with_right_checksums_raise_format_errors_alone(draw: st.DataObject) -> None:
    original = chunks()
    number = draw.draw(st.integers(0, len(original) - 1))
    payload = bytearray(original[number].payload)
    for _ in range(draw.draw(st.integers(1, 3))):
        payload[draw.draw(st.integers(0, len(payload) - 1))] = draw.draw(st.integers(0, 255))
    chunk = Chunk(original[number].kind, original[number].level, payload=bytes(payload))
    decoder = AvatarDecoder("head.sfu")
    try:
        decoder.feed(rebuilt([*original[:number], chunk, *original[number + 1 :]]))
    except FormatError as error:
        assert str(error).startswith("cannot decode 'head.sfu': ")
    if decoder.state is not None:
        splats = decoder.posed(decoder.state.rig.vertices)
        assert all(np.isfinite(getattr(splats, name)).all() for name in ("mean", "rotation", "scale", "sh"))


def test_chunks_in_another_order_are_refused() -> None:
    mesh, first, shapes, *rest = [chunk for chunk in chunks() if not chunk.level]
    trees = [first, *rest]
    later = [chunk for chunk in chunks() if chunk.level]

    def refusal(*parts: Chunk) -> str:
        error = refused(rebuilt(list(parts)))
        assert isinstance(error, ChunkError)
        return str(error)

    assert "TREE of level 0 at byte" in refusal(trees[0], mesh)
    assert "it comes before the mesh" in refusal(shapes, mesh)
    assert "the mesh comes twice" in refusal(mesh, *trees, mesh)
    assert "belong to another level" in refusal(mesh, *trees, Chunk(MESH, 1, payload=mesh.payload))
    assert "TREE of level 0" in refusal(mesh, *trees, trees[-1])
    assert "TREE of level 1" in refusal(mesh, Chunk(TREE, 1, payload=next(c for c in later if c.level == 2).payload))
    deeper = [Chunk(SHAPES, number, payload=shapes.payload) for number in (1, 2)]
    assert "SHAP of level 2" in refusal(mesh, *trees, *deeper)


def test_a_base_level_without_a_mesh_shows_nothing_and_is_no_error_of_a_decoder() -> None:
    head = decoded(DATA).head
    assert head is not None
    empty = assemble("avatar", head.fields, [Part(Chunk("note", 0, payload=b"?"))])
    decoder = decoded(empty)
    decoder.close()
    assert decoder.state is None and len(decoder.posed(np.zeros((18, 3), np.float32))) == 0


def test_flags_of_later_versions_are_refused() -> None:
    mesh, tree, *_ = chunks()
    error = refused(rebuilt([mesh, Chunk(TREE, 0, 1, tree.payload)]))
    assert isinstance(error, UnsupportedError) and "it has flags 1" in str(error)


def test_chunks_that_hold_other_than_their_announced_splats_are_refused() -> None:
    mesh, first, shapes, *rest = [chunk for chunk in chunks() if not chunk.level]
    trees = [first, *rest]
    second = next(chunk for chunk in chunks() if chunk.level == 1)
    head = decoded(DATA).head
    assert head is not None
    counts = [8] * len(trees)
    for changed, later, says in (
        ([7, *counts[1:]], [Part(second, 9)], "the base level holds 32 splats, INDX announces 31"),
        (counts, [Part(second, 2)], "it holds 9 splats, INDX announces 2"),
        (counts, [Part(Chunk(SHAPES, 1, payload=shapes.payload), 1)], "it holds 0 splats, INDX announces 1"),
    ):
        base = [Part(mesh), *(Part(tree, count) for tree, count in zip(trees, changed, strict=True))]
        assert says in str(refused(assemble("avatar", head.fields, [*base, *later])))


def test_head_is_held_to_the_mesh_and_to_what_the_caller_takes() -> None:
    assert "HEAD declares 18 and 31" in str(refused(rebuilt(chunks(), faces=31)))
    error = refused(rebuilt(chunks(), splats=40))
    assert isinstance(error, LimitError) and "40 splats" in str(error)
    error = refused(DATA, max_splats=100)
    assert isinstance(error, LimitError) and "this reader takes 100 (max_splats)" in str(error)
    assert "no sh_degree" in str(refused(rebuilt(chunks(), sh_degree=None)))
    assert isinstance(refused(assemble("image", {}, [Part(chunks()[0])])), UnsupportedError)


def test_unknown_chunks_are_skipped_if_they_are_not_critical() -> None:
    mesh, *rest = chunks()
    assert same(decoded(rebuilt([mesh, Chunk("note", 0, payload=b"hello"), *rest])).state, SHOWN[-1])
    assert isinstance(refused(rebuilt([*chunks(), Chunk("NOTE", 1)])), UnsupportedError)


def test_a_rig_by_reference_shows_the_neutral_and_moves_with_the_users_own() -> None:
    data = small_file(by_reference="small")
    assert SHAPES not in {chunk.kind for chunk in chunks(data)} and len(data) < len(DATA)
    alone, own = decoded(data), decoded(data, rig=small_rig())
    assert alone.reference is not None and alone.reference.name == "small"
    assert alone.rig is not None and alone.rig.shape_names == () and own.rig is not None
    last = SHOWN[-1]
    assert last is not None
    np.testing.assert_array_equal(alone.posed(alone.rig.vertices).mean, last.posed(last.rig.vertices).mean)
    assert np.abs(own.rig.drive({"jawOpen": 1.0}) - own.rig.vertices).max() > 0.005
    other = small_rig()
    other.shapes[0] *= 2
    decoder = AvatarDecoder("head.sfu", rig=other)
    for _ in range(2):
        with pytest.raises(InputError, match="needs the rig 'small'"):
            decoder.feed(data)


def test_shapes_in_a_file_that_only_names_its_rig_are_refused_with_the_rig_at_hand_too() -> None:
    data = (GOLDEN / "hostile-shape-of-a-stranger.sfu").read_bytes()
    for rig in (None, _moving_rig()):
        with pytest.raises(ChunkError, match="only names"):
            AvatarDecoder(rig=rig).feed(data)
