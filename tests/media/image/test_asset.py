"""An open image: its budgets, its prefixes and its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media.image.samples import equal, picture
from sfumato.container import Chunk, Parser, Part, assemble, cut
from sfumato.errors import BudgetError, InputError, SettingsError, SignatureError, TruncatedError
from sfumato.kernels.splats2d import render
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.codec import KIND
from sfumato.media.image.encode import EncodeSettings, encode_pixels
from sfumato.media.image.measure import measure_curve, prefix_qualities
from sfumato.quality.metrics import psnr


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode_pixels(picture(), EncodeSettings(splats=200, levels=3, iterations=60))


@pytest.fixture(scope="module")
def asset(data: bytes) -> ImageAsset:
    return ImageAsset.open(data)


def test_an_asset_says_what_it_holds(asset, data):
    assert (asset.width, asset.height, asset.channels) == (48, 32, 3)
    assert asset.complete and len(asset.splats()) == 200
    assert asset.prefixes[-1].length == len(data) and asset.prefixes[-1].splats == 200
    assert sum(level.splats for level in asset.head.levels) == 200 and len(asset.head.levels) == 3


def test_every_prefix_cut_out_renders_as_the_budget_does(asset, data):
    for prefix in asset.prefixes:
        short = ImageAsset.open(data[: prefix.length])
        assert equal(short.splats(), asset.splats(f"{prefix.length} bytes"))
        assert len(short.splats()) == prefix.splats
        assert short.complete == (prefix.length == len(data))
        np.testing.assert_array_equal(short.render(), asset.render(f"{prefix.splats} splats"))


def test_the_container_cuts_to_the_same_splats(asset, data):
    for budget in ("60%", "level 1", "120 splats", f"{len(data) - 1} bytes"):
        assert equal(ImageAsset.open(cut(data, budget)).splats(), asset.splats(budget))


def test_chunks_that_are_skipped_are_not_counted_as_splats(asset, data):
    base, *later = Parser(kinds={KIND}).feed(data)
    note = Part(Chunk("note", 0, payload=b"?"))
    parts = [Part(chunk, len(part)) for chunk, part in zip([base, *later], asset.parts(), strict=True)]
    parts = [note, parts[0], note, parts[1], Part(Chunk("note", 1)), *parts[2:]]
    noted = ImageAsset.open(assemble("image", asset.head.fields, parts))
    assert len(noted.splats()) == len(noted.splats("100%")) == 200
    for prefix in noted.prefixes:
        assert len(noted.splats(f"{prefix.length} bytes")) == prefix.splats
        assert equal(noted.splats(f"{prefix.length} bytes"), asset.splats(f"{prefix.splats} splats"))
    within = noted._parser.prefixes(within_base=True)
    assert [len(noted.splats(f"{prefix.length} bytes")) for prefix in within[1:4]] == [len(asset.parts()[0])] * 3
    with pytest.raises(BudgetError, match="its first chunk of splats ends at byte"):
        noted.splats(f"{within[0].length} bytes")


def test_a_file_of_skipped_chunks_alone_has_no_splats(asset):
    empty = ImageAsset.open(assemble("image", asset.head.fields, [Part(Chunk("note", 0))]))
    assert len(empty.splats()) == len(empty.splats("100%")) == 0
    assert not empty.render().any()


def test_quality_in_the_index_is_the_measured_psnr(asset):
    for prefix in asset.prefixes:
        shown = asset.render(f"{prefix.length} bytes")
        assert prefix.quality_db == pytest.approx(psnr(shown, picture()), abs=0.006)


def test_measured_curve_agrees_with_the_index(asset):
    curve = measure_curve(picture(), asset)
    assert [point.bytes for point in curve.points] == [prefix.length for prefix in asset.prefixes]
    for point, prefix in zip(curve.points, asset.prefixes, strict=True):
        assert point.psnr == pytest.approx(prefix.quality_db, abs=0.006)
    np.testing.assert_allclose(prefix_qualities(picture(), asset.parts())[-1], curve.points[-1].psnr, atol=1e-3)


def test_another_picture_cannot_be_compared(asset):
    with pytest.raises(InputError, match="cannot compare"):
        measure_curve(picture(40, 32), asset)


def test_a_prefix_refuses_budgets_beyond_it(asset, data):
    short = ImageAsset.open(cut(data, "level 0"))
    assert not short.complete and len(short.prefixes) == 1
    with pytest.raises(TruncatedError, match="it holds"):
        short.splats("100%")


@pytest.mark.parametrize("budget", ["3 bytes", "1 splat", "nonsense", "-1%"])
def test_budgets_without_a_chunk_are_refused(asset, budget):
    with pytest.raises(BudgetError):
        asset.splats(budget)


def test_pictures_have_any_size_and_crop(asset):
    whole = asset.render()
    assert whole.shape == (32, 48, 3) and whole.dtype == np.float32
    assert whole.min() >= 0 and whole.max() <= 1
    assert asset.render(size=(24, 16)).shape == (16, 24, 3)
    np.testing.assert_allclose(asset.render(crop=(5, 7, 20, 10)), whole[7:17, 5:25], atol=1e-5)
    half = whole.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
    assert psnr(asset.render(size=(24, 16)), half) > 30


@pytest.mark.parametrize(
    ("size", "crop"),
    [
        ((0, 5), None),
        ((-3, 5), None),
        (None, (0, 0, 0, 4)),
        (None, (-1, 0, 4, 4)),
        (None, (40, 0, 9, 4)),
        ((24, 16), (0, 0, 48, 32)),
        ((20_000, 20_000), None),
        ((2_000_000, 1), (0, 0, 1, 1)),
    ],
)
def test_a_part_without_pixels_or_with_too_many_is_refused_before_memory_is_set_aside(asset, size, crop):
    with pytest.raises(SettingsError, match="cannot render"):
        asset.render(size=size, crop=crop)


def test_a_small_crop_of_a_huge_size_is_rendered(asset):
    assert asset.render(size=(480_000, 320_000), crop=(1000, 1000, 8, 6)).shape == (6, 8, 3)


def test_the_picture_of_all_splats_is_their_sum(asset):
    np.testing.assert_array_equal(asset.render(), np.clip(render(asset.splats(), 48, 32), 0, 1))


def test_files_open_like_their_bytes(asset, data, tmp_path):
    path = tmp_path / "a.sfu"
    path.write_bytes(data)
    opened = ImageAsset.open(path)
    assert opened.path == path and equal(opened.splats(), asset.splats())


def test_what_is_no_file_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="missing"):
        ImageAsset.open(tmp_path / "missing.sfu")
    with pytest.raises(SignatureError):
        ImageAsset.open(b"\x89PNG\r\n\x1a\n and so on")
    with pytest.raises(TruncatedError):
        ImageAsset.open(b"")
