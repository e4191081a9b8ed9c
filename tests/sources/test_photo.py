"""A photo comes in upright, in sRGB, with the precision and the transparency of its file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from picture_files import ADOBE_RGB, SRGB, icc_profile, save
from PIL import Image, ImageCms

from sfumato.sources.photo import Photo, read_photo

Colors = NDArray[np.uint8]


def read_quietly(path: Path) -> Photo:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_photo(path)


def eight(photo: Photo) -> NDArray[np.float64]:
    return photo.pixels.astype(np.float64) * 255


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.ppm"])
def test_a_lossless_file_gives_exactly_its_values(tmp_path: Path, colors: Colors, name: str) -> None:
    path = save(tmp_path / name, colors)
    photo = read_quietly(path)
    assert photo.pixels.dtype == np.float32 and photo.pixels.flags.c_contiguous
    np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))
    assert (photo.bit_depth, photo.profile, photo.orientation) == (8, None, 1)
    assert photo.file_bytes == path.stat().st_size


@pytest.mark.parametrize(("name", "file_format"), [("a.jpg", "JPEG"), ("a.webp", "WEBP"), ("a.avif", "AVIF")])
def test_a_lossy_file_is_read_as_what_it_is(tmp_path: Path, colors: Colors, name: str, file_format: str) -> None:
    if name == "a.avif" and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow has no AVIF")
    photo = read_quietly(save(tmp_path / name, colors, quality=95))
    assert photo.format == file_format
    assert np.abs(eight(photo) - colors).mean() < 8


def test_a_heic_photo_is_read_where_its_package_is_installed(tmp_path: Path, colors: Colors) -> None:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    heif.register_heif_opener()
    big = np.kron(colors, np.ones((4, 4, 1), np.uint8))
    photo = read_quietly(save(tmp_path / "a.heic", big, quality=95))
    assert photo.format == "HEIF"
    assert np.abs(eight(photo) - big).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_every_exif_orientation_shows_the_upright_picture(
    tmp_path: Path, colors: Colors, orientation: int, name: str
) -> None:
    # What a camera held in each of the eight ways stores, by the definition of EXIF 2.32: where row 0 and column 0 are.
    stored = {
        1: colors,
        2: colors[:, ::-1],
        3: colors[::-1, ::-1],
        4: colors[::-1],
        5: colors.transpose(1, 0, 2),
        6: colors.transpose(1, 0, 2)[::-1],
        7: colors.transpose(1, 0, 2)[::-1, ::-1],
        8: colors.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_quietly(save(tmp_path / name, np.ascontiguousarray(stored), exif=exif))
    np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))


def test_a_nonsense_orientation_leaves_the_picture_as_it_is(tmp_path: Path, colors: Colors) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    photo = read_photo(save(tmp_path / "a.png", colors, exif=exif))
    np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))


def adobe_to_srgb(values: NDArray[np.uint8]) -> NDArray[np.float64]:
    xyz = (values / 255) ** 2.19921875 @ np.array(ADOBE_RGB)
    linear = np.clip(xyz @ np.linalg.inv(np.array(SRGB)), 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_a_wide_gamut_picture_is_converted_to_srgb(
    tmp_path: Path, colors: Colors, wide_gamut: bytes, name: str
) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    photo = read_quietly(save(tmp_path / name, colors, icc_profile=wide_gamut, **options))
    assert photo.profile == "Wide gamut"
    difference = np.abs(eight(photo) - adobe_to_srgb(colors))
    assert difference.max() < 3 and difference.mean() < 0.6
    assert np.abs(eight(photo) - colors).max() > 10


def test_a_picture_tagged_as_srgb_keeps_every_value(tmp_path: Path, colors: Colors) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = read_quietly(save(tmp_path / "a.png", colors, icc_profile=srgb))
    assert photo.profile == "sRGB built-in"
    np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))


def test_alpha_is_not_touched_by_the_colour_profile(tmp_path: Path, colors: Colors, wide_gamut: bytes) -> None:
    alpha = colors[..., :1] // 2 + 1
    photo = read_quietly(save(tmp_path / "a.png", np.concatenate([colors, alpha], 2), icc_profile=wide_gamut))
    np.testing.assert_allclose(eight(photo)[..., 3:], alpha, atol=1e-4)
    assert np.abs(eight(photo)[..., :3] - adobe_to_srgb(colors)).max() < 3


@pytest.mark.parametrize("primaries", [(), ADOBE_RGB], ids=["grey profile", "RGB profile"])
def test_a_grey_picture_follows_its_profile(tmp_path: Path, primaries: tuple[tuple[float, ...], ...]) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    photo = read_quietly(save(tmp_path / "a.png", ramp, icc_profile=icc_profile(1.0, primaries)))
    linear = ramp / 255
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert photo.pixels.shape == (1, 256, 1)
    assert np.abs(eight(photo)[..., 0] - expected).max() < 2


@pytest.mark.parametrize(
    "profile", [b"not a profile at all", icc_profile(2.2)], ids=["broken", "grey profile on a colour picture"]
)
def test_an_unusable_profile_warns_once_and_counts_as_srgb(tmp_path: Path, colors: Colors, profile: bytes) -> None:
    path = save(tmp_path / "a.png", colors, icc_profile=profile)
    with pytest.warns(UserWarning, match=r"a\.png.*profile is not usable") as caught:
        photo = read_photo(path)
    assert len(caught) == 1 and photo.profile is None
    np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_without_a_profile_becomes_rgb(tmp_path: Path, name: str) -> None:
    Image.new("CMYK", (16, 8), (0, 255, 255, 0)).save(tmp_path / name)
    photo = read_quietly(tmp_path / name)
    assert photo.pixels.shape == (8, 16, 3)
    np.testing.assert_allclose(photo.pixels, np.broadcast_to([1, 0, 0], (8, 16, 3)), atol=0.02)


def test_grey_and_one_bit_pictures_have_one_channel(tmp_path: Path, colors: Colors) -> None:
    grey = read_quietly(save(tmp_path / "a.jpg", colors[..., 0]))
    assert grey.pixels.shape == (23, 31, 1)
    Image.fromarray(colors[..., 0] > 99).save(tmp_path / "b.png")
    line_art = read_quietly(tmp_path / "b.png")
    np.testing.assert_array_equal(line_art.pixels[..., 0], colors[..., 0] > 99)


def test_a_palette_shows_its_colours_and_its_transparent_entry(tmp_path: Path) -> None:
    indexed = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "L").convert("P")
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    indexed.save(tmp_path / "plain.png")
    plain = read_quietly(tmp_path / "plain.png")
    np.testing.assert_array_equal(plain.pixels, [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [0, 1, 0]]])
    indexed.save(tmp_path / "clear.png", transparency=2)
    clear = read_quietly(tmp_path / "clear.png")
    np.testing.assert_array_equal(clear.pixels[..., 3], [[1, 1], [0, 1]])
    np.testing.assert_array_equal(clear.pixels[0, :, :3], [[1, 0, 0], [0, 1, 0]])
    indexed.save(tmp_path / "soft.png", transparency=bytes([255, 51, 255]))
    soft = read_quietly(tmp_path / "soft.png")
    np.testing.assert_allclose(soft.pixels[..., 3], [[1, 0.2], [1, 0.2]], rtol=1e-6)


def test_a_single_transparent_colour_becomes_alpha(tmp_path: Path, colors: Colors) -> None:
    colors[3, 4] = colors[20, 20] = (9, 8, 7)
    Image.fromarray(colors).save(tmp_path / "rgb.png", transparency=(9, 8, 7))
    rgb = read_quietly(tmp_path / "rgb.png").pixels
    np.testing.assert_array_equal(rgb[..., 3], (colors != (9, 8, 7)).any(2))
    assert rgb[3, 4, 3] == 0
    Image.fromarray(colors[..., 0]).save(tmp_path / "grey.png", transparency=9)
    grey = read_quietly(tmp_path / "grey.png").pixels
    np.testing.assert_array_equal(grey[..., 3], colors[..., 0] != 9)


def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path, colors: Colors) -> None:
    opaque = np.full_like(colors[..., :1], 255)
    rgba = read_quietly(save(tmp_path / "rgba.png", np.concatenate([colors, opaque], 2)))
    np.testing.assert_array_equal(rgba.pixels, (colors / 255).astype(np.float32))
    grey = read_quietly(save(tmp_path / "la.png", np.concatenate([colors[..., :1], opaque], 2)))
    np.testing.assert_array_equal(grey.pixels, (colors[..., :1] / 255).astype(np.float32))


def test_grey_with_alpha_becomes_rgb_with_alpha(tmp_path: Path, colors: Colors) -> None:
    photo = read_quietly(save(tmp_path / "la.png", np.maximum(colors[..., :2], 1)))
    expected = np.maximum(colors[..., [0, 0, 0, 1]], 1)
    np.testing.assert_array_equal(photo.pixels, (expected / 255).astype(np.float32))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 40), width=st.integers(1, 40), share=st.floats(0, 1))
def test_hidden_colours_continue_the_visible_ones(
    tmp_path: Path, seed: int, height: int, width: int, share: float
) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 4)).astype(np.uint8)
    pixels[..., :3] = 100 + pixels[..., :3] % 50
    hidden = random.random((height, width)) < share
    pixels[..., 3] = np.where(hidden, 0, np.maximum(pixels[..., 3], 1))
    pixels[hidden, :3] = (255, 0, 255)
    photo = read_quietly(save(tmp_path / "a.png", pixels))
    if photo.pixels.shape[2] == 3:
        assert not hidden.any()
        return
    np.testing.assert_array_equal(photo.pixels[~hidden], (pixels[~hidden] / 255).astype(np.float32))
    if not hidden.all():
        visible = eight(photo)[~hidden][:, :3]
        filled = eight(photo)[hidden][:, :3]
        assert (filled >= visible.min(0) - 1e-3).all() and (filled <= visible.max(0) + 1e-3).all()
    else:
        assert not photo.pixels.any()


def test_an_animation_gives_its_first_frame_with_a_warning(tmp_path: Path, colors: Colors) -> None:
    frames = [Image.fromarray(colors), Image.fromarray(255 - colors)]
    for name in ("a.webp", "a.png", "a.tif"):
        options = {"lossless": True} if name == "a.webp" else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        with pytest.warns(UserWarning, match="2 frames or pages; only the first"):
            photo = read_photo(tmp_path / name)
        np.testing.assert_array_equal(photo.pixels, (colors / 255).astype(np.float32))


def test_real_photos_are_read_exactly(real_photos: Path) -> None:
    path = sorted(real_photos.glob("*.png"))[0]
    np.testing.assert_array_equal(read_quietly(path).pixels, (np.asarray(Image.open(path)) / 255).astype(np.float32))
