"""Sixteen bits per channel arrive whole, not as their upper eight."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_files import icc_profile
from PIL import Image

from sfumato.errors import InputError
from sfumato.sources.photo import read_photo

_COLOR_TYPES = {1: 0, 3: 2, 2: 4, 4: 6}  # PNG specification 11.2.1


def png16(samples: NDArray[np.uint16], extra: bytes = b"", interlaced_filter: int = 1) -> bytes:
    """A 16-bit PNG of [H, W, C], every row filtered by its left neighbour (1) or not at all (0)."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)  # [H, 2 W C]
    if interlaced_filter:
        left = np.zeros_like(rows)
        left[:, 2 * channels :] = rows[:, : -2 * channels]
        rows = rows - left
    data = b"".join(bytes([interlaced_filter]) + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff16(samples: NDArray[np.uint16], order: str, tags: dict[int, int] | None = None) -> bytes:
    """An uncompressed TIFF of one strip (TIFF 6.0, sections 2 and 4)."""
    height, width, channels = samples.shape
    data = samples.astype(f"{order}u2").tobytes()
    values = {256: width, 257: height, 258: 16, 259: 1, 262: 2 if channels > 2 else 1, 273: 8, 277: channels}
    values |= {278: height, 279: len(data)} | (tags or {})
    bits_at = 8 + len(data)
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    directory = struct.pack(f"{order}H", len(values))
    for tag, value in sorted(values.items()):
        if tag == 258 and channels > 2:
            directory += struct.pack(f"{order}HHII", tag, 3, channels, bits_at)
        else:
            directory += struct.pack(f"{order}HHII", tag, 4, 1, value)
    directory += struct.pack(f"{order}I", 0)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, bits_at + len(bits))
    return head + data + bits + directory


@pytest.fixture
def samples() -> NDArray[np.uint16]:
    """uint16 [19, 27, 4], every value a different mix of both bytes."""
    return np.random.default_rng(3).integers(1, 65536, (19, 27, 4)).astype(np.uint16)


def expected(samples: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (samples / 65535).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("row_filter", [0, 1])
def test_a_16_bit_png_keeps_both_bytes(
    tmp_path: Path, samples: NDArray[np.uint16], channels: int, row_filter: int
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png16(samples[..., :channels], interlaced_filter=row_filter))
    photo = read_photo(path)
    assert photo.bit_depth == 16
    np.testing.assert_array_equal(photo.pixels, expected(samples[..., :channels]))


def test_16_bit_grey_with_alpha_keeps_both_bytes(tmp_path: Path, samples: NDArray[np.uint16]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png16(samples[..., :2]))
    np.testing.assert_array_equal(read_photo(path).pixels, expected(samples[..., [0, 0, 0, 1]]))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_16_bit_colour_is_matched_in_all_its_bits(
    tmp_path: Path, samples: NDArray[np.uint16], channels: int
) -> None:
    picture = samples[..., :channels].copy()
    picture[2, 3] = 0x1234
    picture[2, 4] = 0x1235  # the same in eight bits
    path = tmp_path / "a.png"
    path.write_bytes(png16(picture, chunk(b"tRNS", struct.pack(f">{channels}H", *[0x1234] * channels))))
    alpha = read_photo(path).pixels[..., 3]
    assert alpha[2, 3] == 0 and alpha[2, 4] == 1 and (alpha == 0).sum() == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_16_bit_tiff_keeps_both_bytes(tmp_path: Path, samples: NDArray[np.uint16], channels: int, order: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff16(samples[..., :channels], order, {338: 2} if channels == 4 else None))
    photo = read_photo(path)
    assert photo.bit_depth == 16
    np.testing.assert_array_equal(photo.pixels, expected(samples[..., :channels]))


def test_a_turned_16_bit_tiff_is_shown_upright(tmp_path: Path, samples: NDArray[np.uint16]) -> None:
    stored = samples[..., :3].transpose(1, 0, 2)[::-1]
    path = tmp_path / "a.tif"
    path.write_bytes(tiff16(stored, "<", {274: 6}))
    np.testing.assert_array_equal(read_photo(path).pixels, expected(samples[..., :3]))


def test_a_tiff_whose_zero_is_white_is_not_shown_as_a_negative(tmp_path: Path, samples: NDArray[np.uint16]) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff16(samples[..., :1], "<", {262: 0}))
    np.testing.assert_array_equal(read_photo(path).pixels, expected(65535 - samples[..., :1]))


def test_a_compressed_16_bit_tiff_keeps_both_bytes(tmp_path: Path, samples: NDArray[np.uint16]) -> None:
    repeated = np.ascontiguousarray(np.tile(samples[:2, :3, :3], (10, 9, 1)))  # [20, 27, 3], shrinks well
    raw = repeated.astype("<u2").tobytes()
    packed = zlib.compress(raw)
    whole = tiff16(repeated, "<", {259: 8, 279: len(packed)})  # 8: deflate
    (tmp_path / "a.tif").write_bytes(whole[:8] + packed.ljust(len(raw), b"\0") + whole[8 + len(raw) :])
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, expected(repeated))


def test_a_16_bit_picture_with_another_profile_is_converted(tmp_path: Path) -> None:
    ramp = np.arange(0, 65536, 257, dtype=np.uint16)[None, :, None]
    path = tmp_path / "a.png"
    profile = chunk(b"iCCP", b"linear\0\0" + zlib.compress(icc_profile(1.0)))
    path.write_bytes(png16(ramp, profile))
    photo = read_photo(path)
    linear = np.arange(256) / 255
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert photo.bit_depth == 8
    assert np.abs(photo.pixels[0, :, 0] - shown).max() < 2 / 255


def test_floating_point_and_32_bit_integers_are_refused_with_the_reason(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(InputError, match=r"float\.tif.*floating-point.*8 or 16 bits"):
        read_photo(tmp_path / "float.tif")
    Image.fromarray(np.ones((4, 4), np.int32)).save(tmp_path / "long.tif")
    with pytest.raises(InputError, match=r"long\.tif.*32-bit integer.*8 or 16 bits"):
        read_photo(tmp_path / "long.tif")
