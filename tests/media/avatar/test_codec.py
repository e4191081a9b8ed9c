"""Chunks of a forest come back exactly, in any prefix; damaged ones raise what a reader expects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.avatar.samples import bent, dressed, grown, sphere
from sfumato.coding import Coder, SymbolDecoder, SymbolEncoder, code_points
from sfumato.coding.columns import Model
from sfumato.coding.contexts import WIDE_TABLES, WideModel
from sfumato.coding.tables import table_set
from sfumato.errors import ChunkError, FormatError, InputError, LimitError
from sfumato.media.avatar.codec import Walk, code_chunk, decode_chunk, decode_forest, encode_forest
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import Stream, stream
from sfumato.media.avatar.header import MAX_CHUNK, Header
from sfumato.media.avatar.known import Known, Template
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import (
    SCALE,
    SPLIT_LIMITS,
    face_levels,
    face_limits,
    face_steps,
    quantise_faces,
    quantise_splits,
    split_steps,
)
from sfumato.media.scene.quantise import step_log

VERTICES, FACES = sphere(1)


class Sample:
    """A small avatar, its stream and its chunks."""

    def __init__(self, sh_degree=1, chunk_splats=12, seed=0, patched=True, fineness=0):
        self.forest = grown(Forest(FACES, len(VERTICES)), 3, seed=seed)
        self.avatar = dressed(self.forest, sh_degree, seed)
        if not patched:
            for name in ("patch_opacity", "patch_log_scale", "patch_color"):
                getattr(self.avatar.parameters, name)[:] = 0
        worth = np.random.default_rng(seed).lognormal(0, 1.5, len(self.forest))
        self.stream, self.level, self.fineness = stream(self.forest, worth, chunk_splats), face_levels(worth), fineness
        pairs = list(encode_forest(self.avatar, self.stream, self.level, fineness))
        self.payloads, self.known = [payload for payload, _ in pairs], [known for _, known in pairs]
        self.template = Template(FACES, len(VERTICES), sh_degree)

    @property
    def chunks(self):
        return list(zip(self.stream.levels, self.payloads, strict=True))


SAMPLE = Sample()


def same(one, other):
    return (
        np.array_equal(one.forest.faces, other.forest.faces)
        and np.array_equal(one.there, other.there)
        and np.array_equal(one.units, other.units)
        and np.array_equal(one.shade, other.shade)
        and np.array_equal(one.splits, other.splits)
    )


@given(st.integers(0, 3), st.integers(0, 1000), st.booleans(), st.sampled_from([-127, -16, 0, 24, 127]))
@settings(max_examples=8, deadline=None)
def test_every_integer_comes_back_after_every_chunk(sh_degree, seed, patched, fineness):
    sample = Sample(sh_degree, 24, seed, patched, fineness)
    known = Known.start(sample.template)
    for (level, payload), expected in zip(sample.chunks, sample.known, strict=True):
        known = decode_chunk(known, level, payload)
        assert same(known, expected)
    assert known.there.all()
    np.testing.assert_array_equal(known.forest.is_split, sample.forest.is_split)


def test_the_integers_are_those_of_the_quantiser():
    faces = quantise_faces(SAMPLE.avatar.parameters, SAMPLE.level, 0)
    shade = step_log(faces[:, 0], 0)
    splits = quantise_splits(SAMPLE.avatar.parameters, shade[SAMPLE.forest.is_split])
    last = SAMPLE.known[-1]
    steps = face_steps(shade, last.units[:, SCALE].astype(np.int64), last.units.shape[1]).steps
    np.testing.assert_array_equal(last.shade, shade)
    np.testing.assert_array_equal(last.units, faces * steps)
    np.testing.assert_array_equal(last.splits, splits * split_steps(shade[SAMPLE.forest.is_split]))


def test_every_prefix_shows_the_faces_of_its_chunks_with_their_patches():
    whole, _ = decode_forest(SAMPLE.template, SAMPLE.chunks)
    mesh = bent(VERTICES)
    for count in range(len(SAMPLE.chunks) + 1):
        avatar, shown = decode_forest(SAMPLE.template, SAMPLE.chunks[:count])
        found, expected = avatar.posed(mesh, shown), whole.posed(mesh, SAMPLE.stream.prefix(count))
        for name in ("mean", "rotation", "scale", "opacity", "sh"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6)


def test_an_avatar_of_one_level_and_one_face_comes_back():
    for faces in (FACES, FACES[:1]):
        forest = Forest(faces, len(VERTICES))
        order = stream(forest, np.ones(len(forest)))
        ((payload, known),) = encode_forest(dressed(forest), order, np.zeros(len(forest), np.int64))
        assert same(decode_chunk(Known.start(Template(faces, len(VERTICES))), 1, payload), known)


def test_chunks_of_one_level_come_in_any_order():
    first = [number for number, level in enumerate(SAMPLE.stream.levels) if level == 1]
    assert len(first) > 2
    other = stream(SAMPLE.forest, -np.arange(len(SAMPLE.forest), dtype=float)[::-1], 12)
    payloads = [payload for payload, _ in encode_forest(SAMPLE.avatar, other, SAMPLE.level)]
    known = Known.start(SAMPLE.template)
    for level, payload in zip(other.levels, payloads, strict=True):
        known = decode_chunk(known, level, payload)
    assert same(known, SAMPLE.known[-1])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_chunks_raise_format_errors_alone(data):
    at = data.draw(st.integers(0, len(SAMPLE.chunks) - 1))
    level, payload = SAMPLE.chunks[at]
    known = SAMPLE.known[at - 1] if at else Known.start(SAMPLE.template)
    damaged = bytearray(payload)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(payload) - 1), st.integers(0, 255)), max_size=4)
    ):
        damaged[place] = value
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(damaged))))
    level = data.draw(st.sampled_from([level, level, level, 0, 1, 2, 3, 4, 5]))
    try:
        found = decode_chunk(known, level, bytes(damaged[:cut]))
    except FormatError:
        return
    assert found.count > known.count
    posed = found.avatar().posed(VERTICES, found.there)
    assert np.isfinite(posed.mean).all()
    assert np.isfinite(posed.scale).all()


class Noise(Coder):
    """A decoder of a stream in which every symbol of a table comes equally often."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def code(self, tables, symbols=None):
        return self._rng.integers(0, np.diff(table_set().bases)[tables]).astype(np.uint16)

    def _refusal(self, reason):
        return ChunkError(reason)


@given(st.integers(0, 2**32 - 1), st.integers(0, len(SAMPLE.chunks) - 1))
@settings(max_examples=60, deadline=None)
def test_whatever_a_stream_says_splats_are_finite_and_integers_in_bounds(seed, at):
    rng = np.random.default_rng(seed)
    level, payload = SAMPLE.chunks[at]
    header, _ = Header.from_bytes(payload, level, 1)
    models = [
        Model(
            WideModel(int(rng.integers(WIDE_TABLES)), int(rng.integers(-128, 128))),
            int(rng.integers(-(1 << 15), 1 << 15)),
            int(rng.integers(256)),
        )
        for _ in header.models
    ]
    known = SAMPLE.known[at - 1] if at else Known.start(SAMPLE.template)
    # As if all that is left were in the chunk: which that is takes no symbols.
    header = Header(len(known.candidates(level)), int(rng.integers(-127, 128)), header.patched, tuple(models))
    found = code_chunk(Walk(Noise(seed), header.models), known, level, header, None)
    assert (np.abs(found.units) <= face_limits(found.units.shape[1])).all()
    assert (np.abs(found.splits) <= SPLIT_LIMITS).all()
    posed = found.avatar().posed(VERTICES, found.there)
    for values in (posed.mean, posed.rotation, posed.scale, posed.opacity, posed.sh):
        assert np.isfinite(values).all()


def test_a_face_that_comes_twice_in_a_chunk_is_refused():
    encoder = SymbolEncoder()
    code_points(encoder, np.zeros((3, 2), np.int64), 3, len(FACES), 1)
    header = Header.from_bytes(SAMPLE.payloads[0], 1, 1)[0]
    payload = Header(3, 0, False, header.models).to_bytes() + encoder.finish()
    with pytest.raises(ChunkError, match="twice"):
        decode_chunk(Known.start(SAMPLE.template), 1, payload)


def test_a_level_that_is_there_takes_no_more_chunks():
    known = SAMPLE.known[-1]
    with pytest.raises(ChunkError, match="0 are left"):
        decode_chunk(known, 1, SAMPLE.payloads[0])


def test_counts_are_checked_before_anything_is_decoded():
    header = Header.from_bytes(SAMPLE.payloads[0], 1, 1)[0]

    def payload(count):
        return Header(count, 0, False, header.models).to_bytes() + bytes([0, 0, 1, 0])

    start = Known.start(SAMPLE.template)
    with pytest.raises(ChunkError, match="are left"):
        decode_chunk(start, 1, payload(len(FACES) + 1))
    with pytest.raises(ChunkError, match="0 members"):
        decode_chunk(start, 1, payload(0))
    with pytest.raises(ChunkError, match="are left"):
        decode_chunk(start, 2, Header(1, 0, False, header.models + header.models[:1]).to_bytes())
    with pytest.raises(ChunkError, match="levels 1 to 4"):
        decode_chunk(start, 5, payload(1))
    small = Known.start(Template(FACES, len(VERTICES), 1, max_splats=5))
    with pytest.raises(LimitError, match="5 splats"):
        decode_chunk(small, 1, payload(6))
    many = np.tile(FACES, (1000, 1))
    with pytest.raises(LimitError, match="cap"):
        decode_chunk(Known.start(Template(many, len(VERTICES), 1)), 1, payload(MAX_CHUNK + 1))


def test_more_faces_than_a_grid_is_wide_can_be_told_apart():
    members = np.sort(np.random.default_rng(0).choice(200_000, 300, replace=False))
    for which in (members, np.setdiff1d(np.arange(200_000), members)):
        encoder = SymbolEncoder()
        np.testing.assert_array_equal(Walk(encoder).members(200_000, len(which), which), which)
        assert len(encoder.finish()) < 300 * 12 / 8
        decoder = SymbolDecoder(encoder.finish())
        np.testing.assert_array_equal(Walk(decoder).members(200_000, len(which), None), which)


def test_an_avatar_of_20000_splats_takes_less_than_9_bytes_a_splat():
    """Colours, sizes and worth vary over the head, and each splat differs from those around it."""
    vertices, faces = sphere(5)
    forest = grown(Forest(faces, len(vertices)), 3, 0.27)
    rng = np.random.default_rng(0)
    mesh = vertices[forest.faces[: len(faces)]].mean(axis=1)
    own = np.concatenate([mesh, np.zeros((len(forest) - len(faces), 3))])
    for split, face in enumerate(forest.is_split):
        own[forest.children(np.array([split]))[0]] = own[face]
    avatar = Avatar.start(forest, 1)
    p = avatar.parameters
    p.sh[:, 0] = np.sin(9 * own) + rng.normal(0, 0.15, own.shape)
    p.sh[:, 1:] = rng.normal(0, 0.12, p.sh[:, 1:].shape)
    p.offset[:] = rng.normal(0, 0.1, p.offset.shape)
    p.log_scale[:] += rng.normal(0, 0.35, p.log_scale.shape)
    p.rotation[:, 1:] = rng.normal(0, 0.2, (len(forest), 3))
    p.opacity[:] += rng.normal(0, 1, len(forest))
    p.point[:] = rng.normal(0, 0.3, p.point.shape)
    p.patch_opacity[:] = rng.normal(-0.3, 0.4, forest.splits)
    worth = np.exp(np.sin(3 * own[:, 0]) + rng.normal(0, 0.7, len(forest)))
    chunks = stream(forest, worth)
    payloads = [payload for payload, _ in encode_forest(avatar, chunks, face_levels(worth))]
    assert len(forest) > 19_000
    assert len(payloads) >= 24
    assert sum(map(len, payloads)) < 9 * len(forest)


@pytest.mark.parametrize(("name", "value"), [("offset", np.nan), ("patch_color", np.inf), ("rotation", 0)])
def test_parameters_that_are_no_numbers_are_named(name, value):
    avatar = dressed(SAMPLE.forest, 1)
    getattr(avatar.parameters, name)[5] = value
    with pytest.raises(InputError, match=f"{name} of .* 5"):
        next(encode_forest(avatar, SAMPLE.stream, SAMPLE.level))


def test_a_stream_that_shows_children_before_their_parents_is_refused():
    backwards = Stream(SAMPLE.forest, SAMPLE.stream.chunks[::-1], SAMPLE.stream.levels[::-1])
    with pytest.raises(ValueError, match="after its parent"):
        list(encode_forest(SAMPLE.avatar, backwards, SAMPLE.level))


def test_a_template_knows_which_faces_share_an_edge():
    beside = Template(FACES, len(VERTICES)).beside
    assert (beside >= 0).all()
    for face, others in enumerate(beside):
        for corner, other in enumerate(others):
            assert {FACES[face][corner], FACES[face][(corner + 1) % 3]} <= set(FACES[other])
            assert other != face
    fan = np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]])  # an edge of three faces
    assert Template(fan, 5).beside.tolist() == [[1, -1, -1], [0, -1, -1], [1, -1, -1]]
