"""Rendered pixels leave as ordinary picture files, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from sfumato.errors import OutputError
from sfumato.exports.picture import write_picture
from sfumato.pixels import to_uint8


def picture(channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (13, 17, channels)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".TIFF"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lossless_formats_give_back_every_8_bit_value(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = picture(channels)
    path = tmp_path / f"a{suffix}"
    write_picture(path, pixels.astype(np.float32) / 255)
    back = Image.open(path).convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    np.testing.assert_array_equal(np.asarray(back).reshape(pixels.shape), pixels)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-2, 3, width=32)))
def test_values_are_clipped_and_rounded_half_up(values: NDArray[np.float32]) -> None:
    expected = np.floor(np.clip(values.astype(np.float64), 0, 1) * 255 + 0.5)
    assert np.abs(to_uint8(values) - expected).max() <= (np.abs(np.clip(values, 0, 1) * 255 % 1 - 0.5) < 1e-4).max()
    np.testing.assert_array_equal(to_uint8(values.astype(np.float64)), expected)


def test_all_256_values_survive_the_way_through_floats() -> None:
    every = np.arange(256, dtype=np.uint8)
    for kind in (np.float32, np.float64):
        np.testing.assert_array_equal(to_uint8((every / 255).astype(kind)), every)
    assert to_uint8(np.array([-np.inf, np.inf])).tolist() == [0, 255]
    assert to_uint8(every) is every


@pytest.mark.parametrize("values", [np.array([0.5, np.nan]), np.array([1, 2], np.int64), np.array([True])])
def test_values_without_a_defined_white_are_refused(values: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        to_uint8(values)


def test_a_png_says_that_it_is_srgb(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", picture())
    assert Image.open(tmp_path / "a.png").info["srgb"] == 0


def test_a_jpeg_stays_close_and_keeps_its_colours_apart(tmp_path: Path) -> None:
    smooth = np.kron(picture()[:4, :4], np.ones((8, 8, 1), np.uint8))
    write_picture(tmp_path / "a.jpg", smooth)
    assert np.abs(np.asarray(Image.open(tmp_path / "a.jpg")).astype(int) - smooth).max() <= 8


def test_a_jpeg_shows_transparent_pixels_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 4), np.float32)
    pixels[:, 8:] = (0, 0, 0, 0.6)
    write_picture(tmp_path / "a.jpeg", pixels)
    shown = np.asarray(Image.open(tmp_path / "a.jpeg"))
    assert shown.shape == (16, 16, 3)
    assert abs(int(shown[8, 2, 0]) - 255) <= 3 and abs(int(shown[8, 13, 0]) - 102) <= 3


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.xyz.*'\.xyz' is not one of \.png, \.jpg"):
        write_picture(tmp_path / "a.xyz", picture())


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2), (0, 4, 3), (3, 4, 5)])
def test_an_array_of_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[H, W, C\]"):
        write_picture(tmp_path / "a.png", np.zeros(shape, np.float32))
    assert not list(tmp_path.iterdir())


def test_a_picture_too_wide_for_its_format_names_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"16384 x 1 WEBP.*try \.png"):
        write_picture(tmp_path / "a.webp", np.zeros((1, 16384, 3), np.float32))
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.png.*there is no folder"):
        write_picture(tmp_path / "none" / "a.png", picture())
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=r"folder\.png.*is a folder"):
        write_picture(tmp_path / "folder.png", picture())
    assert [p.name for p in tmp_path.iterdir()] == ["folder.png"]


def test_a_full_disk_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"a\.png.*No space left"):
        write_picture(path, picture())
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(height=st.integers(1, 20), width=st.integers(1, 20), channels=st.sampled_from([1, 3, 4]))
def test_every_size_can_be_written(tmp_path: Path, height: int, width: int, channels: int) -> None:
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        write_picture(tmp_path / f"a{suffix}", np.full((height, width, channels), 0.5, np.float32))
        assert Image.open(tmp_path / f"a{suffix}").size == (width, height)
