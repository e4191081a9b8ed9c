"""An asset opens as what its HEAD says it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import sfumato
from sfumato.container import Head
from sfumato.container.head import Level
from sfumato.container.layout import HEAD, SIGNATURE, Chunk, pack
from sfumato.media.opening import is_asset, medium_of, open_asset


def test_the_medium_is_known_from_the_first_bytes(asset_file: Path) -> None:
    data = asset_file.read_bytes()
    assert medium_of(asset_file) == medium_of(data) == medium_of(data[: len(data) // 4]) == "image"
    assert medium_of(data[:20]) is None and medium_of(b"") is None and medium_of("none.sfu") is None
    for medium in ("video", "avatar"):
        head = Head(medium, (Level(1, 1),)).to_bytes()
        assert medium_of(SIGNATURE + pack(Chunk(HEAD, 0, payload=head))) == medium


def test_a_file_is_an_asset_by_its_signature_alone(asset_file: Path, picture_file: Path) -> None:
    assert is_asset(asset_file)
    assert not is_asset(picture_file) and not is_asset("none.sfu") and not is_asset("zero\0byte")


def test_a_medium_that_cannot_be_shown_is_named() -> None:
    head = Head("video", (Level(1, 1),)).to_bytes()
    with pytest.raises(sfumato.UnsupportedError, match="the medium 'video'"):
        sfumato.open(SIGNATURE + pack(Chunk(HEAD, 0, payload=head)))


def test_what_is_no_asset_is_refused_as_before(tmp_path: Path, asset_file: Path) -> None:
    assert isinstance(open_asset(asset_file), sfumato.ImageAsset)
    with pytest.raises(sfumato.SignatureError):
        open_asset(b"ply\nformat")
    with pytest.raises(sfumato.InputError, match="cannot read"):
        open_asset(tmp_path / "none.sfu")
