"""A picture to a file: what the settings promise holds for the file."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media.image.samples import picture
from sfumato.errors import BudgetError, CheckpointError, InputError, OutputError, SettingsError
from sfumato.media.image import learn, regions
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.encode import EncodeSettings, encode_image, encode_pixels
from sfumato.media.image.settings import Progress
from sfumato.quality.metrics import psnr
from sfumato.splats import Float32Array

SMALL = EncodeSettings(splats=200, levels=3, iterations=60)


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode_pixels(picture(), SMALL)


def test_psnr_rises_with_every_prefix(data):
    qualities = [prefix.quality_db or 0 for prefix in ImageAsset.open(data).prefixes]
    assert len(qualities) > 3
    assert all(worse < better for worse, better in pairwise(qualities)), qualities


def test_equal_seeds_give_equal_files_and_others_do_not(data):
    assert encode_pixels(picture(), SMALL) == data
    assert encode_pixels(picture(), replace(SMALL, seed=1)) != data


@pytest.mark.parametrize("limit", [700, 1000, 1777])
def test_a_budget_of_bytes_is_never_exceeded_and_used_well(limit):
    whole = encode_pixels(picture(), EncodeSettings(bytes=limit, iterations=60))
    assert 0.75 * limit < len(whole) <= limit
    assert ImageAsset.open(whole).complete


def test_more_bytes_show_more():
    files = [encode_pixels(picture(), EncodeSettings(bytes=limit, iterations=60)) for limit in (800, 2400)]
    few, many = (psnr(ImageAsset.open(file).render(), picture()) for file in files)
    assert many > few + 1


@pytest.mark.xfail(reason="after four tries the file is written even if it misses the quality")
def test_a_wanted_quality_is_reached():
    wanted = EncodeSettings(quality_db=27, iterations=150)
    assert psnr(ImageAsset.open(encode_pixels(picture(), wanted)).render(), picture()) >= 26.99


def test_levels_given_as_counts_end_there():
    levels = (10, 50, 120)
    asset = ImageAsset.open(encode_pixels(picture(), EncodeSettings(levels=levels, iterations=20)))
    assert np.cumsum([level.splats for level in asset.head.levels]).tolist() == list(levels)


def test_grey_stays_grey_and_alpha_is_kept():
    grey = ImageAsset.open(encode_pixels(picture(channels=1), SMALL))
    assert grey.channels == 1 and psnr(grey.render(), picture(channels=1)) > 27
    wanted = picture(channels=4)
    clear = ImageAsset.open(encode_pixels(wanted, SMALL))
    assert clear.channels == 4
    assert psnr(clear.render()[..., 3:], wanted[..., 3:]) > 24


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 30), (31, 2)])
def test_tiny_pictures_are_encoded(width, height):
    file = encode_pixels(picture(width, height), EncodeSettings(splats=6, levels=2, iterations=20))
    assert ImageAsset.open(file).render().shape == (height, width, 3)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_pictures_are_encoded(value):
    flat = np.full((20, 30, 3), value, np.float32)
    asset = ImageAsset.open(encode_pixels(flat, EncodeSettings(splats=40, levels=2, iterations=40)))
    assert psnr(asset.render(), flat) > 18


@pytest.mark.parametrize("shape", [(4, 4, 2), (0, 4, 3), (4, 4, 5)])
def test_arrays_that_are_no_pictures_are_refused(shape):
    with pytest.raises(InputError):
        encode_pixels(np.zeros(shape, np.float32), SMALL)


@pytest.mark.parametrize(
    ("wishes", "error"),
    [
        ({"splats": 5, "bytes": 5000}, SettingsError),
        ({"quality_db": 30, "bytes": 5000}, SettingsError),
        ({"levels": (5, 9), "splats": 10}, SettingsError),
        ({"levels": 0}, SettingsError),
        ({"splats": 0}, SettingsError),
        ({"quality_db": 99}, SettingsError),
        ({"bytes": 10}, BudgetError),
        ({"seconds": 0}, SettingsError),
        ({"seconds": 1, "iterations": 5}, SettingsError),
        ({"iterations": 0}, SettingsError),
        ({"seed": -1}, SettingsError),
    ],
)
def test_wishes_that_contradict_or_overreach_are_refused(wishes, error):
    with pytest.raises(error):
        EncodeSettings(**wishes)


def _interrupted(source: Path, target: Path, settings: EncodeSettings, stage: str) -> None:
    def stop(part: Progress) -> None:
        if part.stage == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_image(source, target, settings, progress=stop)
    assert not target.exists()


@pytest.mark.parametrize("stage", ["fit", "quantise"])
def test_an_interrupted_encode_goes_on_to_the_identical_file(picture_file, tmp_path, stage):
    settings = EncodeSettings(splats=300, levels=3, iterations=1000)
    straight, resumed = tmp_path / "straight.sfu", tmp_path / "resumed.sfu"
    report = encode_image(picture_file, straight, settings)
    assert report.bytes == straight.stat().st_size and report.splats == 300
    _interrupted(picture_file, resumed, settings, stage)
    with pytest.raises(CheckpointError, match="seed"):
        encode_image(picture_file, resumed, replace(settings, seed=5), resume=True)
    encode_image(picture_file, resumed, settings, resume=True)
    assert resumed.read_bytes() == straight.read_bytes()
    assert [path.name for path in tmp_path.glob("*.checkpoint")] == []


def test_resuming_with_another_picture_is_refused(picture_file, tmp_path):
    target, other = tmp_path / "a.sfu", tmp_path / "other.png"
    _interrupted(picture_file, target, SMALL, "quantise")
    with Image.open(picture_file) as image:
        image.rotate(180).save(other)
    with pytest.raises(CheckpointError, match="picture"):
        encode_image(other, target, SMALL, resume=True)


def test_resuming_without_a_checkpoint_is_refused(picture_file, tmp_path):
    with pytest.raises(CheckpointError, match="without --resume"):
        encode_image(picture_file, tmp_path / "a.sfu", SMALL, resume=True)


def test_a_target_that_cannot_be_written_is_refused_before_the_work(picture_file, tmp_path):
    for target in (tmp_path, tmp_path / "none" / "a.sfu", picture_file):
        with pytest.raises(OutputError):
            encode_image(picture_file, target, SMALL)


@pytest.fixture
def four_regions(monkeypatch: pytest.MonkeyPatch) -> list[regions.Region]:
    """Makes a picture of 96 x 64 pixels four regions."""
    monkeypatch.setattr(regions, "OVERLAP", 16)
    split = regions.split
    monkeypatch.setattr(learn, "split", lambda width, height: split(width, height, 1536))
    found = split(96, 64, 1536)
    assert [region.core for region in found] == [(0, 0, 48, 32), (48, 0, 96, 32), (0, 32, 48, 64), (48, 32, 96, 64)]
    return found


def _error(data: bytes, wanted: Float32Array) -> Float32Array:
    found: Float32Array = np.square(ImageAsset.open(data).render() - wanted).mean(axis=2)
    return found


def test_a_picture_in_four_regions_has_no_seams(four_regions, monkeypatch):
    wanted, settings = picture(96, 64), EncodeSettings(splats=500, levels=3, iterations=150)
    error = _error(encode_pixels(wanted, settings), wanted)
    monkeypatch.setattr(learn, "split", regions.split)
    undivided = _error(encode_pixels(wanted, settings), wanted)
    border = np.zeros((64, 96), np.bool_)
    border[:, 46:50] = border[30:34] = True
    assert -10 * np.log10(error.mean()) > 26
    # The disc's edge crosses the borders, so that there is more to get wrong there also in one piece.
    assert error[border].mean() / error.mean() < 2 * undivided[border].mean() / undivided.mean()


def test_regions_share_the_levels_and_resume(four_regions, picture_file, tmp_path):
    settings = EncodeSettings(splats=300, levels=3, iterations=60)
    straight, resumed = tmp_path / "straight.sfu", tmp_path / "resumed.sfu"
    encode_image(picture_file, straight, settings)
    asset = ImageAsset.open(straight)
    assert abs(len(asset.splats()) - 300) <= 4 and len(asset.head.levels) == 3
    calls = 0

    def stop(part: Progress) -> None:
        nonlocal calls
        calls += part.stage == "quantise" and part.fraction > 0.6
        if calls > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_image(picture_file, resumed, settings, progress=stop)
    encode_image(picture_file, resumed, settings, resume=True)
    assert resumed.read_bytes() == straight.read_bytes()


@pytest.mark.xfail(reason="25.4 dB with and 25.9 dB without on this picture")
def test_resolution_levels_bring_the_base_closer_to_the_small_picture():
    rng = np.random.default_rng(3)
    wanted = np.clip(picture() + rng.normal(0, 0.2, (32, 48, 1)).astype(np.float32), 0, 1)
    small = wanted.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
    quality = []
    for count in (0, 1):
        settings = EncodeSettings(levels=(400, 800), resolution_levels=count, iterations=200)
        asset = ImageAsset.open(encode_pixels(wanted, settings))
        quality.append(psnr(asset.render("level 0", size=(24, 16)), small))
    assert quality[1] > quality[0], quality
