"""Bytes to splats as they arrive: portions do not matter, damage does not reach back, strangers' HEADs are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from media.image.samples import equal, payloads, picture
from sfumato.container import Chunk, Part, assemble, pack
from sfumato.container.layout import SIGNATURE
from sfumato.errors import ChecksumError, ChunkError, FormatError, LimitError, TruncatedError, UnsupportedError
from sfumato.kernels.splats2d import render
from sfumato.media.image.codec import KIND, decode_splats
from sfumato.media.image.decoder import MAX_SIDE, ImageDecoder
from sfumato.media.image.encode import EncodeSettings, encode_pixels
from sfumato.splats import Splats2D


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode_pixels(picture(), EncodeSettings(splats=200, levels=3, iterations=30))


def ends(data: bytes) -> list[int]:
    """The bytes at which the chunks end, HEAD first."""
    found, at = [], len(SIGNATURE)
    while at < len(data):
        at += 14 + int.from_bytes(data[at + 6 : at + 10], "little")
        found.append(at)
    return found


def head(fields: dict[str, Any], medium: str = "image") -> bytes:
    return assemble(medium, fields, [Part(Chunk(KIND, 0, payload=b""), splats=0)])


@pytest.mark.parametrize("portion", [1, 7, 100, 4096])
def test_portions_do_not_matter(data, portion):
    decoder, completed = ImageDecoder(), 0
    for at in range(0, len(data), portion):
        completed += decoder.feed(data[at : at + portion])
        assert completed == len(decoder.parts)
    decoder.close()
    whole = ImageDecoder()
    whole.feed(data)
    assert len(whole.parts) == completed
    assert equal(decoder.splats, whole.splats)


def test_every_prefix_shows_exactly_the_first_chunks_of_the_whole_file(data):
    whole = ImageDecoder()
    whole.feed(data)
    for end in ends(data)[1:]:
        prefix = ImageDecoder()
        prefix.feed(data[:end])
        prefix.close(partial=True)
        first = Splats2D.concatenate(whole.parts[: len(prefix.parts)])
        assert equal(prefix.splats, first)
        np.testing.assert_array_equal(render(prefix.splats, 48, 32), render(first, 48, 32))


def test_chunks_decode_without_one_another(data):
    whole = ImageDecoder()
    whole.feed(data)
    for payload, part in reversed(list(zip(payloads(data), whole.parts, strict=True))):
        assert equal(decode_splats(payload, 3, 48, 32), part)


def test_before_head_there_is_nothing_and_after_it_a_canvas(data):
    decoder = ImageDecoder()
    decoder.feed(data[:20])
    assert decoder.head is None and decoder.canvas is None and len(decoder.splats) == 0
    decoder.feed(data[20 : ends(data)[0]])
    assert decoder.canvas == (48, 32, 3) and decoder.parts == [] and decoder.levels_complete == 0
    decoder.feed(data[ends(data)[0] :])
    assert decoder.levels_complete == 3


def test_damage_keeps_the_chunks_before_it(data):
    places = ends(data)
    bad = bytearray(data)
    bad[places[5] + 20] ^= 4
    decoder = ImageDecoder("cat.sfu")
    decoder.feed(bytes(bad))
    intact = ImageDecoder()
    intact.feed(data[: places[5]])
    assert equal(decoder.splats, intact.splats)
    with pytest.raises(ChecksumError, match=r"cat\.sfu"):
        decoder.close()
    assert equal(decoder.splats, intact.splats)


def test_a_cut_inside_a_chunk_is_told(data):
    decoder = ImageDecoder()
    decoder.feed(data[:-3])
    with pytest.raises(TruncatedError):
        decoder.close()


def _with_a_bad_chunk(data: bytes) -> bytes:
    """Chunk of splats number 3 holds what no encoder wrote; its checksum is right."""
    places = ends(data)
    payload = data[places[3] + 10 : places[4] - 4]
    bad = pack(Chunk(KIND, data[places[3] + 4], payload=payload[:-2] + b"\xff\xff"))
    return data[: places[3]] + bad + data[places[4] :]


def test_a_chunk_that_does_not_decode_is_named_with_its_place(data):
    decoder = ImageDecoder("cat.sfu")
    with pytest.raises(ChunkError, match=rf"cat\.sfu.*byte {ends(data)[3]:,}.*2 chunks"):
        decoder.feed(_with_a_bad_chunk(data))
    assert len(decoder.parts) == 2


def test_nothing_is_shown_after_a_chunk_that_does_not_decode(data):
    bad = _with_a_bad_chunk(data)
    decoder = ImageDecoder()
    with pytest.raises(ChunkError):
        for at in range(0, len(bad), 50):
            decoder.feed(bad[at : at + 50])
    with pytest.raises(ChunkError):
        decoder.feed(bad[at + 50 :])
    assert len(decoder.parts) == 2


def test_a_chunk_with_other_than_its_announced_splats_is_refused(data):
    (first, *_) = payloads(data)
    lying = assemble(
        "image", {"width": 48, "height": 32, "channels": 3}, [Part(Chunk(KIND, 0, payload=first), splats=100_000)]
    )
    decoder = ImageDecoder()
    with pytest.raises(ChunkError):
        decoder.feed(lying)


@pytest.mark.parametrize(("liar", "shown"), [(0, 2), (1, 2), (2, 2), (3, 3), (4, 4)])
@pytest.mark.parametrize("portion", [1, 100, 10**6])
def test_a_chunk_that_breaks_its_announcement_is_not_shown_however_the_bytes_are_portioned(data, portion, liar, shown):
    chunks = payloads(data)[:5]
    counts = [int.from_bytes(payload[:2], "little") for payload in chunks]
    counts[liar] += 1
    parts = [
        Part(Chunk(KIND, max(0, number - 1), payload=payload), splats=count)
        for number, (payload, count) in enumerate(zip(chunks, counts, strict=True))
    ]  # two chunks of the base level, then three of a level each
    lying = assemble("image", {"width": 48, "height": 32, "channels": 3}, parts)
    decoder = ImageDecoder("cat.sfu")
    with pytest.raises(ChunkError, match=r"cat\.sfu.* splats, INDX announces"):
        for at in range(0, len(lying), portion):
            decoder.feed(lying[at : at + portion])
    assert len(decoder.parts) == shown


def test_a_base_level_may_hold_chunks_of_unknown_kinds(data):
    first, second = payloads(data)[:2]
    parts = [
        Part(Chunk(KIND, 0, payload=first), splats=first[0]),
        Part(Chunk("note", 0, payload=b"?"), splats=0),
        Part(Chunk(KIND, 1, payload=second), splats=second[0]),
    ]
    decoder = ImageDecoder()
    decoder.feed(assemble("image", {"width": 48, "height": 32, "channels": 3}, parts))
    decoder.close()
    assert list(map(len, decoder.parts)) == [first[0], second[0]]


SIZE: dict[str, Any] = {"width": 48, "height": 32, "channels": 3}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"width": 0}, ChunkError),
        ({"width": -5}, ChunkError),
        ({"width": 4.5}, ChunkError),
        ({"width": "48"}, ChunkError),
        ({"width": True}, ChunkError),
        ({"height": None}, ChunkError),
        ({"height": [32]}, ChunkError),
        ({"channels": None}, ChunkError),
        ({"channels": 2}, UnsupportedError),
        ({"channels": 10**9}, UnsupportedError),
        ({"width": MAX_SIDE + 1}, LimitError),
        ({"width": 2**53 - 1, "height": 2**53 - 1}, LimitError),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(change, error):
    decoder = ImageDecoder("cat.sfu")
    with pytest.raises(error, match=r"cat\.sfu.*HEAD"):
        decoder.feed(head(SIZE | change))
    with pytest.raises(FormatError):
        decoder.feed(b"more")
    assert decoder.parts == []


def test_another_medium_is_refused():
    with pytest.raises(UnsupportedError, match="video"):
        ImageDecoder().feed(head(SIZE, "video"))


def test_chunks_of_unknown_critical_kinds_are_refused():
    strange = assemble("image", SIZE, [Part(Chunk("WHAT", 0, payload=b"?"), splats=1)])
    decoder = ImageDecoder()
    with pytest.raises(UnsupportedError):
        decoder.feed(strange)
        decoder.close()
    assert decoder.parts == []
