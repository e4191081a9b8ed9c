"""What all decoders promise, whatever their medium."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media.avatar.heads import small_file
from sfumato.errors import ChecksumError, TruncatedError, UnsupportedError
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.decoding import Decoder, with_article
from sfumato.media.image.decoder import ImageDecoder
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import encode_scene
from sfumato.splats import Splats3D

MEDIA: list[type[Decoder]] = [ImageDecoder, SceneDecoder, AvatarDecoder]


@pytest.fixture(scope="module")
def files(asset_file: Path) -> dict[str, bytes]:
    """A file of every medium."""
    rng = np.random.default_rng(0)
    n = 60
    turns = np.tile([1.0, 0, 0, 0], (n, 1))
    splats = Splats3D(rng.normal(size=(n, 3)), turns, np.full((n, 3), 0.1), np.full(n, 0.5), np.zeros((n, 1, 3)))
    return {"image": asset_file.read_bytes(), "scene": encode_scene(splats), "avatar": small_file()}


@pytest.mark.parametrize("kind", MEDIA)
def test_an_end_inside_a_chunk_is_told_again_by_whatever_is_called_next(
    kind: type[Decoder], files: dict[str, bytes]
) -> None:
    data = files[kind.medium]
    decoder = kind("a.sfu")
    decoder.feed(data[:-3])
    for _ in range(2):
        with pytest.raises(TruncatedError, match=r"cannot decode 'a\.sfu'"):
            decoder.close()
    with pytest.raises(TruncatedError):
        decoder.feed(data[-3:])


@pytest.mark.parametrize("kind", MEDIA)
def test_damage_is_told_once_the_chunks_before_it_are_there_and_again_ever_after(
    kind: type[Decoder], files: dict[str, bytes]
) -> None:
    broken = bytearray(files[kind.medium])
    broken[-6] ^= 1
    decoder = kind("a.sfu")
    with pytest.raises(ChecksumError):
        for at in range(len(broken)):
            decoder.feed(broken[at : at + 1])
    for call in (decoder.close, lambda: decoder.feed(b"")):
        with pytest.raises(ChecksumError, match=r"a\.sfu"):
            call()


@pytest.mark.parametrize("kind", MEDIA)
def test_a_file_of_another_medium_is_refused_by_name(kind: type[Decoder], files: dict[str, bytes]) -> None:
    for other in files.keys() - {kind.medium}:
        says = f"says that the file is {with_article(other)}, which is no {kind.medium}"
        with pytest.raises(UnsupportedError, match=says):
            kind("a.sfu").feed(files[other])


@pytest.mark.parametrize("kind", MEDIA)
def test_a_decoder_knows_head_and_the_levels_that_are_there(kind: type[Decoder], files: dict[str, bytes]) -> None:
    decoder = kind()
    assert decoder.head is None and decoder.levels_complete == 0
    decoder.feed(files[kind.medium])
    decoder.close()
    assert decoder.head is not None and decoder.levels_complete == len(decoder.head.levels)
