"""What cannot be read is refused in one sentence that names the file, the reason and what to do."""

from __future__ import annotations

import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from picture_files import save
from PIL import Image

from sfumato.errors import InputError
from sfumato.sources import opening
from sfumato.sources.photo import read_photo

Colors = NDArray[np.uint8]


def refusal(path: Path) -> str:
    """The sentence with which `path` is refused."""
    with pytest.raises(InputError) as caught:
        read_photo(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"cannot read '{path}': ") and "; " in sentence and "\n" not in sentence
    return sentence


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_missing_files_folders_and_empty_files_are_named(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.png")
    assert "it is a folder" in refusal(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "the file is empty" in refusal(tmp_path / "empty.png")
    (tmp_path / "file").write_bytes(b"x")
    refusal(tmp_path / "file" / "inside.png")
    refusal(tmp_path / ("long" * 200))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a regular file" in refusal(tmp_path / "pipe.png")


def test_a_file_without_permission_is_named(tmp_path: Path, colors: Colors, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", colors)

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    assert "permission denied" in refusal(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello, this is text\n" * 9, "not a picture in a supported format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture in a supported format"),
        (b"\x89PNG\r\n\x1a\n", "damaged near its beginning"),
        (b"\xff\xd8\xff\xe0", "truncated or damaged"),
        (b"\xff\x0a" + bytes(40), "JPEG XL is not supported"),
        (b"II*\0" + bytes(40), "TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "damaged"),
    ],
)
def test_other_content_is_refused_whatever_the_suffix(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_a_picture_without_pixels_is_refused(tmp_path: Path) -> None:
    for size in ((0, 5), (5, 0), (0, 0)):
        (tmp_path / "a.png").write_bytes(png_header(*size))
        refusal(tmp_path / "a.png")


def test_a_picture_above_the_cap_is_refused_by_size_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path.write_bytes(png_header(10_001, 10_000))
        assert "10001 x 10000" in refusal(path) and "limit is 100 megapixels" in refusal(path)
        path.write_bytes(png_header(100_000, 100_000))
        assert "10000 megapixels, the limit is 100 megapixels" in refusal(path)


def test_a_picture_below_the_cap_is_read_without_warnings(
    tmp_path: Path, colors: Colors, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png", colors)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 23 * 31 - 1)  # Pillow warns from here on, far below our own cap
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(path).pixels.shape == (23, 31, 3)
    monkeypatch.setattr(opening, "MAX_PIXELS", 23 * 31 - 1)
    assert "31 x 23" in refusal(path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {"quality": 90}),
        ("a.jpeg", {"quality": 90, "progressive": True}),
        ("a.png", {}),
        ("a.webp", {}),
        ("a.tif", {}),
        ("a.tiff", {"compression": "tiff_lzw"}),
        ("a.bmp", {}),
        ("a.gif", {}),
    ],
)
def test_a_truncated_file_is_an_error_and_never_half_a_picture(
    tmp_path: Path, colors: Colors, name: str, options: dict[str, object]
) -> None:
    whole = save(tmp_path / name, np.kron(colors, np.ones((3, 3, 1), np.uint8)), **options).read_bytes()
    expected = read_photo(tmp_path / name).pixels
    cut = tmp_path / f"cut-{name}"
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        cut.write_bytes(whole[: int(len(whole) * share)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own words on the TIFF directory; the error is what counts
            refusal(cut)
    for missing in (1, 2, 4, 12):
        cut.write_bytes(whole[:-missing])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                shown = read_photo(cut).pixels
        except InputError:
            continue
        np.testing.assert_array_equal(shown, expected)  # only the end mark was lost


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    position=st.floats(0, 1, exclude_max=True),
    value=st.integers(1, 255),
    kind=st.sampled_from(["png", "jpg", "tif", "webp"]),
)
def test_damage_gives_a_picture_or_an_input_error_and_nothing_else(
    tmp_path: Path, colors: Colors, position: float, value: int, kind: str
) -> None:
    data = bytearray(save(tmp_path / f"whole.{kind}", colors).read_bytes())
    data[int(position * len(data))] ^= value
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = read_photo(path).pixels
        except InputError:
            return
    assert pixels.dtype == np.float32 and pixels.min() >= 0 and pixels.max() <= 1


def test_a_heic_file_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "phone.heic"
    path.write_bytes(struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(50))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pip install 'sfumato[heif]'" in refusal(path)


def test_broken_exif_is_ignored_with_a_warning_and_the_picture_shown(tmp_path: Path, colors: Colors) -> None:
    path = save(tmp_path / "a.png", colors, exif=b"Exif\0\0garbage that is not TIFF")
    with pytest.warns(UserWarning, match=r"a\.png.*EXIF data is broken"):
        photo = read_photo(path)
    np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))
