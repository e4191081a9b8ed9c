"""A scene that is optimised comes nearer to the original early on, is no farther off at the end, and reproducible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import sfumato
from media.scene.samples import chunks, decoded, encoded, equal, scene, scenes, with_fields
from sfumato.cli import main
from sfumato.container import Parser
from sfumato.errors import SettingsError
from sfumato.exports.scene import write_scene
from sfumato.kernels.splats3d import render
from sfumato.media.image.settings import Progress
from sfumato.media.scene import optimise, targets
from sfumato.media.scene.encode import SceneSettings
from sfumato.media.scene.measure import views
from sfumato.splats import Splats3D


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few small pictures, drawn by one thread (several wait for one another), so that a fit takes a moment."""
    monkeypatch.setenv("SFUMATO_THREADS", "1")
    for name, value in (("VIEWS", 12), ("WIDTH", 64), ("HEIGHT", 48)):
        monkeypatch.setattr(targets, name, value)


def ball(count: int, degree: int = 0) -> Splats3D:
    """Splats on a coloured ball: neighbours look alike, as they do in scenes."""
    splats = scene(count, degree, seed=1, sigma=(0.03, 0.12), opacity=(0.4, 1.0), color=0.1)
    outward = splats.mean / np.linalg.norm(splats.mean, axis=1, keepdims=True)
    sh = splats.sh.copy()
    sh[:, 0] += 1.5 * np.sin(2 * outward)
    return with_fields(splats, mean=outward, sh=sh)


def error(shown: Splats3D, original: Splats3D) -> float:
    """Mean squared error from the cameras by which quality in a file is measured."""
    pairs = [[np.clip(render(s, camera).color, 0, 1) for s in (shown, original)] for camera in views(original)[::3]]
    return float(np.mean([np.mean((a - b) ** 2) for a, b in pairs]))


def base_of(data: bytes) -> Splats3D:
    """What the base level alone shows."""
    parser = Parser()
    parser.feed(data)
    return decoded(data[: parser.prefixes()[0].length]).splats


def fitted(splats: Splats3D, steps: int, **more: int) -> bytes:
    return encoded(splats, SceneSettings(optimise_steps=steps, **more), small=True)


def test_the_base_comes_nearer_and_the_whole_does_not_move_away() -> None:
    splats = ball(600, 1)
    plain, better = fitted(splats, 0), fitted(splats, 600)
    assert error(base_of(better), splats) < 0.8 * error(base_of(plain), splats)
    assert error(decoded(better).splats, splats) < 1.01 * error(decoded(plain).splats, splats)
    assert [(c.kind, c.level) for c in chunks(better)][:3] == [(c.kind, c.level) for c in chunks(plain)][:3]
    assert len(better) < 1.05 * len(plain)


def test_all_of_a_scene_is_still_there_in_its_places() -> None:
    splats = ball(300)
    plain, better = (decoded(fitted(splats, steps)).splats for steps in (0, 60))
    for name in ("mean", "rotation", "scale", "opacity"):
        assert getattr(plain, name).tobytes() == getattr(better, name).tobytes()


def test_equal_steps_and_seeds_give_equal_bytes() -> None:
    splats = ball(200)
    assert fitted(splats, 40) == fitted(splats, 40)
    assert fitted(splats, 40) != fitted(splats, 40, seed=1)


@given(scenes())
@settings(max_examples=8, deadline=None)
def test_hard_scenes_survive_it(splats: Splats3D) -> None:
    shown = decoded(fitted(splats, 20)).splats
    assert len(shown) == len(splats) and all(
        np.isfinite(getattr(shown, name)).all() for name in ("mean", "scale", "sh")
    )


def test_without_coarse_levels_colours_alone_are_fitted() -> None:
    splats = ball(100)
    data = encoded(splats, SceneSettings(single_level=True, optimise_steps=30))
    assert len(decoded(data).splats) == 100


def test_a_fit_that_does_not_help_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.Targets, "nearer", lambda *_: False)
    splats = ball(150)
    assert equal(decoded(fitted(splats, 20)).splats, decoded(fitted(splats, 0)).splats)
    assert fitted(splats, 20) == fitted(splats, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"optimise": -1}, "optimised for 0 to 86,400 seconds, not -1"),
        ({"optimise": float("nan")}, "optimised for 0 to 86,400 seconds, not nan"),
        ({"optimise": 1e9}, "optimised for 0 to 86,400 seconds"),
        ({"optimise_steps": -1}, "optimised in 0 steps or more, not -1"),
        ({"seed": -1}, "a seed is 0 or more, not -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        SceneSettings(**wrong)  # type: ignore[arg-type]


def test_the_clock_ends_a_fit_and_progress_tells_how_far_it_is() -> None:
    told: list[float] = []
    pace = optimise.Pace(0.05, None, told.append)
    shares = [share for end in (0.5, 1.0) for share in pace.until(end)]
    assert told == sorted(told) and told[-1] == 1 and all(0 <= share < 1 for share in shares)
    assert pace.reached(1.0) and not optimise.Pace(0.05, 10, told.append).reached(0.0)


def test_the_command_optimises_scenes_and_refuses_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, path = tmp_path / "ball.ply", tmp_path / "ball.sfu"
    write_scene(ball(80), source)
    assert main(["encode", str(source), "-o", str(path), "--optimise", "0.3", "--quiet"]) == 0
    assert len(sfumato.open(path).splats()) == 80  # type: ignore[union-attr]
    assert main(["encode", str(source), "-o", str(path), "--optimise", "-3"]) == 2
    assert "optimised for 0 to 86,400 seconds, not -3" in capsys.readouterr().err
    (tmp_path / "a.png").write_bytes(b"")
    assert main(["encode", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.sfu"), "--optimise", "3"]) == 2
    assert "cannot use --optimise on" in capsys.readouterr().err


def test_an_interrupted_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    write_scene(ball(80), tmp_path / "ball.ply")
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sfumato.encode(tmp_path / "ball.ply", tmp_path / "ball.sfu", optimise_steps=50, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["ball.ply"]
    assert all(one.seconds_left is not None and 0 < one.fraction < 1 for one in told)
