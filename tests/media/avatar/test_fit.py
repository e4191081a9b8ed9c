from __future__ import annotations

import signal
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from media.avatar.samples import PaintedSphere
from sfumato.errors import InputError, SettingsError
from sfumato.media.avatar.fit import Fit
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.model import Parameters
from sfumato.media.avatar.pictures import Pictures
from sfumato.media.avatar.settings import AvatarSettings
from sfumato.media.avatar.tuning import MeshTuning
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.settings import Progress

SPHERE = PaintedSphere()
STEPS = 240


def made(tuning: MeshTuning | None = None, meshes=None, **changes) -> Fit:
    capture = SPHERE.capture()
    settings = AvatarSettings(**{"steps": STEPS, "splats": 130, "depth": 3, **changes})
    return Fit(
        Forest(SPHERE.faces, len(SPHERE.meshes[0]), max_depth=settings.depth),
        SPHERE.meshes if meshes is None else meshes,
        Pictures(capture, capture.pairs("train"), 1.0),
        settings,
        held_out=Pictures(capture, capture.pairs("novel view"), 1.0),
        tuning=tuning,
    )


def same(a, b) -> bool:
    return (a.forest.is_split == b.forest.is_split).all() and all(
        (getattr(a.parameters, f.name) == getattr(b.parameters, f.name)).all() for f in fields(Parameters)
    )


@pytest.fixture(scope="module")
def fitted() -> Fit:
    fit = made()
    fit.run()
    return fit


def test_a_fit_shows_what_the_pictures_show_from_views_that_it_never_saw(fitted: Fit):
    before = made().level_psnr(fitted.held_out)
    after = fitted.level_psnr(fitted.held_out)
    assert after[-1] > before[-1] + 8
    assert after[-1] > 24


def test_every_level_is_better_than_the_one_above(fitted: Fit):
    levels = fitted.level_psnr(fitted.held_out)
    assert len(levels) == 3
    assert levels[0] < levels[1] < levels[2]
    assert levels[0] > 17  # on its own, with 32 splats


def test_a_fit_uses_its_budget_and_not_more(fitted: Fit):
    assert 130 - 3 < len(fitted.state.avatar) <= 130


def test_a_seed_makes_a_fit_reproducible(fitted: Fit):
    again, other = made(), made(seed=1)
    assert same(again.run(), fitted.state.avatar)
    assert not same(other.run(), fitted.state.avatar)


def test_a_fit_that_was_interrupted_goes_on_to_the_same_result(fitted: Fit, tmp_path: Path):
    path, broken = tmp_path / "head.checkpoint", made()

    def stop(progress: Progress) -> None:
        if progress.fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.run(stop, Checkpoint.new(path, {"a": 1}))
    assert 0 < broken.state.step < STEPS
    resumed = made()
    assert same(resumed.run(checkpoint=Checkpoint.load(path, {"a": 1})), fitted.state.avatar)


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(fitted: Fit, tmp_path: Path, monkeypatch):
    path, broken = tmp_path / "head.checkpoint", made()
    learn = broken.state.learner.step

    def pressed(parameters, slopes, rate):
        if broken.state.step == 100:
            signal.raise_signal(signal.SIGINT)
        learn(parameters, slopes, rate)

    monkeypatch.setattr(broken.state.learner, "step", pressed)
    with pytest.raises(KeyboardInterrupt):
        broken.run(checkpoint=Checkpoint.new(path, {"a": 1}))
    assert broken.state.step == 101
    assert same(made().run(checkpoint=Checkpoint.load(path, {"a": 1})), fitted.state.avatar)


def test_a_second_ctrl_c_ends_a_fit_at_once_and_keeps_the_older_checkpoint(tmp_path: Path, monkeypatch):
    path, broken = tmp_path / "head.checkpoint", made()

    def pressed(parameters, slopes, rate):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it went on")

    monkeypatch.setattr(broken.state.learner, "step", pressed)
    with pytest.raises(KeyboardInterrupt):
        broken.run(checkpoint=Checkpoint.new(path, {"a": 1}))
    assert not path.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_fit_tells_how_far_it_is_and_how_good_on_what_is_held_out():
    told: list[Progress] = []
    made(steps=400).run(told.append)
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)
    assert all(p.psnr_db is not None for p in told)
    assert any(p.seconds_left is not None for p in told)


def test_a_time_budget_is_kept():
    fit = made(seconds=0.5)
    fit.run()
    assert 0.5 <= fit.state.elapsed < 3
    assert 32 <= len(fit.state.avatar) <= 130


def test_without_supervision_of_prefixes_a_coarse_level_falls_apart(fitted: Fit):
    whole = made(supervise="whole")
    whole.run()
    assert whole.level_psnr(whole.held_out)[0] < fitted.level_psnr(fitted.held_out)[0] - 2


@pytest.mark.parametrize("changes", [{"supervise": "levels"}, {"growth": "uniform"}, {"patches": False}])
def test_every_switch_still_fits(changes):
    fit = made(**changes)
    fit.run()
    assert fit.level_psnr(fit.held_out)[-1] > 20
    assert changes.get("patches", True) or not fit.state.avatar.parameters.patch_opacity.any()


def test_meshes_that_were_tracked_badly_are_moved_back():
    shaken = SPHERE.meshes + np.random.default_rng(0).normal(0, 0.04, (4, 1, 3)).astype(np.float32)
    fixed = made(meshes=shaken)
    fixed.run()
    tuning = MeshTuning(shaken, SPHERE.faces, None, None)
    tuned = made(tuning=tuning, meshes=shaken)
    tuned.run()
    errors = [tuned.mesh(frame) - SPHERE.meshes[frame] for frame in range(3)]
    apart = [shaken[frame] - SPHERE.meshes[frame] for frame in range(3)]
    # Only how frames lie to one another can be seen; where all lie together is the splats' affair.
    spread, before = (np.linalg.norm(np.std([e.mean(axis=0) for e in some], axis=0)) for some in (errors, apart))
    assert spread < 0.6 * before
    judges = range(len(tuned.pictures))
    every = [np.ones(len(tuned.state.avatar), bool)]
    assert tuned.psnr(tuned.state.avatar, every, tuned.pictures, judges) > fixed.psnr(
        fixed.state.avatar, [np.ones(len(fixed.state.avatar), bool)], fixed.pictures, judges
    )


def test_fewer_splats_than_faces_are_refused():
    with pytest.raises(SettingsError, match="the mesh has 32 faces, and each has one"):
        made(splats=20)


def test_a_capture_without_training_pictures_is_refused():
    with pytest.raises(InputError, match="no picture"):
        Fit(Forest(SPHERE.faces, 18), SPHERE.meshes, Pictures(SPHERE.capture(), [], 1.0), AvatarSettings())


@pytest.mark.parametrize("wrong", [{"splats": 0}, {"sh_degree": 4}, {"scale": 2.0}, {"depth": 0}, {"attention": 0.5}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=f"cannot fit an avatar with {next(iter(wrong))}"):
        AvatarSettings(**wrong)
