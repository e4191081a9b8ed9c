"""Integers to bytes and back exactly, whatever the scene, by the compiled coder and by the Python one alike."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media.scene.samples import chunks, decoded, encoded, equal, rebuilt, scene, scenes
from sfumato.coding import SymbolDecoder
from sfumato.coding.coder import SymbolDecoder as Decoder
from sfumato.coding.rans import PythonRans
from sfumato.errors import ChunkError
from sfumato.media.scene import codec, payload
from sfumato.media.scene.codec import MODELS, Header, Portion
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import SceneSettings
from sfumato.media.scene.measure import sight
from sfumato.media.scene.quantise import Quantiser, levels, quantise, quantise_band
from sfumato.splats import Splats3D

Rows = list[list[int]]


def rows(*columns: NDArray[np.int64]) -> Rows:
    """One row of integers per splat, sorted."""
    found: Rows = np.concatenate([c.reshape(len(c), -1) for c in columns], axis=1).tolist()
    return sorted(found)


def integers_of(decoder: SceneDecoder) -> Rows:
    found: Rows = []
    for group in decoder.groups:
        for leaves, bands in zip(group.leaves, group.bands, strict=True):
            found += rows(*(getattr(leaves.q, f.name) for f in dataclasses.fields(leaves.q)), *bands)
    return sorted(found)


def expected_integers(splats: Splats3D, decoder: SceneDecoder, quality: float) -> Rows:
    layout = decoder.layout
    assert layout is not None
    quantiser = Quantiser(round(8 * np.log2(quality)), layout.exponent)
    energy = sight(splats).energy
    level = levels(energy, float(np.exp(np.log(energy).mean())))
    q = quantise(splats, level, quantiser, np.array(layout.origin), np.array(layout.size))
    sh = splats.sh.astype(np.float64)
    bands = [quantise_band(sh[:, b * b : (b + 1) ** 2], level, quantiser) for b in range(1, splats.sh_degree + 1)]
    return rows(*(getattr(q, f.name) for f in dataclasses.fields(q)), *bands)


@given(scenes(), st.sampled_from([1 / 16, 1.0, 64.0]), st.booleans())
@settings(max_examples=40)
def test_every_integer_of_every_splat_comes_back(splats: Splats3D, quality: float, single_level: bool) -> None:
    data = encoded(splats, SceneSettings(quality, single_level=single_level))
    decoder = decoded(data)
    decoder.close()
    assert integers_of(decoder) == expected_integers(splats, decoder, quality)


@pytest.mark.parametrize("degree", [0, 2])
def test_every_integer_comes_back_from_many_groups(degree: int) -> None:
    splats = scene(500, degree, seed=4)
    decoder = decoded(encoded(splats, small=True))
    assert len(decoder.groups) > 3
    assert integers_of(decoder) == expected_integers(splats, decoder, 1.0)


def test_the_compiled_and_the_python_coder_find_the_same_splats(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(scene(300, 1, seed=2), small=True)
    compiled = decoded(data)

    def in_python(payload: bytes) -> Decoder:
        return SymbolDecoder(payload, PythonRans())

    monkeypatch.setattr(payload, "native_codec", lambda: None)
    monkeypatch.setattr(codec, "SymbolDecoder", in_python)
    reference = decoded(data)
    assert integers_of(reference) == integers_of(compiled)
    assert equal(reference.splats, compiled.splats)


def test_a_header_is_what_was_written() -> None:
    payload = chunks(encoded(scene(30), small=True))[1].payload
    header, stream = Header.from_bytes(payload, MODELS)
    assert header.to_bytes() + stream == payload


def test_a_header_that_breaks_a_promise_is_refused() -> None:
    payload = bytearray(chunks(encoded(scene(30)))[0].payload)
    payload[3] = 192
    with pytest.raises(ChunkError, match="table that does not exist"):
        Header.from_bytes(bytes(payload), MODELS)
    with pytest.raises(ChunkError, match=r"starts with 58 bytes; this one has 57"):
        Header.from_bytes(bytes(payload[:57]), MODELS)


def test_extreme_numbers_in_a_header_are_decoded_or_refused_but_never_crash() -> None:
    data = encoded(scene(60, 1, seed=3))
    original = chunks(data)
    for group, fineness in ((b"\x00\x00", b"\x80"), (b"\x00\x00", b"\x7f"), (b"\xff\xff", b"\x7f")):
        for model in (b"\xbf\x80\xff\x7f\xff", b"\x00\x7f\x00\x80\xff", b"\x3f\x00\xff\x7f\x08"):
            for number, chunk in enumerate(original):
                models, fixed = (3, group) if chunk.kind == codec.BANDS else (MODELS, group + fineness)
                payload = fixed + models * model + chunk.payload[len(fixed) + 5 * models :]
                changed = [*original[:number], dataclasses.replace(chunk, payload=payload), *original[number + 1 :]]
                decoder = SceneDecoder()
                try:
                    decoder.feed(rebuilt(data, changed))
                except ChunkError:
                    assert not number or len(decoder.splats)
                assert all(np.isfinite(getattr(decoder.splats, name)).all() for name in ("mean", "scale", "sh"))


def test_harmonics_do_not_repeat_the_steps_of_their_splats() -> None:
    payload = next(c.payload for c in chunks(encoded(scene(30, 1))) if c.kind == codec.BANDS)
    header, stream = Header.from_bytes(payload, 3)
    assert len(payload) - len(stream) == 2 + 3 * 5 and header.to_bytes() + stream == payload


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_two_portions_make_a_whole(count: list[int]) -> None:
    counts = np.array(count)
    first, second = Portion.FIRST.counts(counts), Portion.SECOND.counts(counts)
    assert (first + second == Portion.ALL.counts(counts)).all()
    assert (first >= second).all() and (first - second <= 1).all()


@given(st.integers(-(1 << 22), 1 << 22), st.integers(-500, 500))
def test_predictions_are_scaled_as_the_format_says(value: int, sixteenths: int) -> None:
    """docs/format.md, "The attributes", written down a second time."""
    roots = [65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752,
             92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515]  # fmt: skip
    d = min(max(sixteenths, -320), 320)
    w, x = (d >> 4) - 16, min(max(value, -(1 << 20)), 1 << 20) * roots[d % 16]
    expected = x << w if w >= 0 else (x + (1 << (-w - 1))) >> -w
    assert codec._rescale(np.array([value]), np.array([sixteenths]))[0] == expected
