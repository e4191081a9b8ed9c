"""A fit: every prefix is worth showing, equal seeds give equal splats, an interruption changes nothing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from media.image.samples import equal, picture
from sfumato.errors import CheckpointError, SettingsError
from sfumato.kernels.splats2d import render
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.fit import fit_image
from sfumato.media.image.measure import prefix_qualities
from sfumato.media.image.model import MARGIN, Layers
from sfumato.media.image.settings import FitSettings, Progress
from sfumato.quality.metrics import psnr

LEVELS = (20, 60, 200)


def fitted(**changes: object) -> Layers:
    return fit_image(picture(), FitSettings(**{"levels": LEVELS, "iterations": 120} | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def layers() -> Layers:
    return fitted()


def test_the_fit_looks_like_the_picture(layers):
    assert psnr(render(layers.splats, 48, 32), picture()) > 28


def test_every_prefix_is_closer_to_the_picture_than_the_one_before(layers):
    qualities = prefix_qualities(picture(), layers.parts())
    assert all(worse < better for worse, better in pairwise(qualities)), qualities


def test_levels_end_where_the_settings_say(layers):
    assert tuple(layers.plan.cuts[k] for k in layers.plan.level_ends) == LEVELS
    assert len(layers.splats) == 200 == sum(len(part) for part in layers.parts())
    assert equal(layers.prefix(60), layers.splats[:60])


def test_splats_are_ready_to_be_coded(layers):
    assert (layers.splats.chol[:, [0, 2]] > 0).all()
    assert (layers.splats.xy >= -MARGIN).all() and (layers.splats.xy <= np.array([48, 32]) + MARGIN).all()


def test_equal_seeds_give_equal_splats_and_others_do_not(layers):
    assert equal(fitted().splats, layers.splats)
    assert not equal(fitted(seed=1).splats, layers.splats)


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_pictures_are_fitted_too(channels):
    wanted = picture(channels=channels)
    found = fit_image(wanted, FitSettings(LEVELS, iterations=80))
    assert psnr(render(found.splats, 48, 32), wanted) > 26


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 40), (40, 1), (3, 2)])
def test_tiny_pictures_are_fitted(width, height):
    found = fit_image(picture(width, height), FitSettings((4, 8), iterations=20))
    assert len(found.splats) == 8
    assert np.isfinite(render(found.splats, width, height)).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_pictures_are_fitted(value):
    flat = np.full((24, 30, 3), value, np.float32)
    found = fit_image(flat, FitSettings((10, 40), iterations=60))
    assert psnr(render(found.splats, 30, 24), flat) > 20


def test_a_time_budget_is_kept():
    found = fit_image(picture(), FitSettings(LEVELS, seconds=0.3))
    assert len(found.splats) == 200


def test_progress_goes_up_to_the_end():
    told: list[Progress] = []
    fit_image(picture(), FitSettings(LEVELS, seconds=0.6), report=told.append)
    assert told and all(a.fraction <= b.fraction for a, b in pairwise(told))
    assert all(0 <= part.fraction <= 1 for part in told)


def test_an_interrupted_fit_goes_on_to_the_same_splats(tmp_path: Path):
    path, settings = tmp_path / "fit.checkpoint", FitSettings(LEVELS, iterations=2000)
    whole = fit_image(picture(), settings)

    def stop(part: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_image(picture(), settings, report=stop, checkpoint=Checkpoint.new(path, {"a": 1}))
    assert path.exists()
    resumed = fit_image(picture(), settings, checkpoint=Checkpoint.load(path, {"a": 1}))
    assert equal(resumed.splats, whole.splats)


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path):
    path = tmp_path / "fit.checkpoint"
    Checkpoint.new(path, {"seed": 1, "splats": 5}).finish_part("x", {"y": np.arange(3)})
    assert Checkpoint.load(path, {"seed": 1, "splats": 5}).part("x") is not None
    with pytest.raises(CheckpointError, match="another seed"):
        Checkpoint.load(path, {"seed": 2, "splats": 5})
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Checkpoint.load(tmp_path / "other", {})


@pytest.mark.parametrize("keep", [0, 10, 300, -40])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, keep):
    path = tmp_path / "fit.checkpoint"
    Checkpoint.new(path, {}).finish_part("x", {"y": np.arange(100)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoint.load(path, {})


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04" + bytes(60)])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content):
    path = tmp_path / "fit.checkpoint"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        Checkpoint.load(path, {})


def test_arrays_that_are_no_checkpoint_are_refused(tmp_path: Path):
    path = tmp_path / "fit.npz"
    np.savez(path, meta=np.frombuffer(b"[1, 2]", np.uint8))
    with pytest.raises(CheckpointError):
        Checkpoint.load(path, {})
    np.save(tmp_path / "fit.npy", np.arange(4))
    with pytest.raises(CheckpointError):
        Checkpoint.load(tmp_path / "fit.npy", {})


@pytest.mark.parametrize(
    "changes",
    [{"levels": ()}, {"levels": (5, 5)}, {"iterations": 0}, {"seconds": 0}, {"resolution_levels": 3}],
)
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(SettingsError):
        fitted(**changes)
