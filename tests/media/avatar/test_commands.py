"""The command line and the public functions on an avatar: it is described, cut, rendered, driven and exported."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import sfumato
from media.avatar.heads import small_file, small_rig
from sfumato.cli import main
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.sources.capture_folder import npz_bytes
from sfumato.sources.scene import read_scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An avatar, drives in both forms, and cameras."""
    place = tmp_path_factory.mktemp("avatar")
    (place / "head.sfu").write_bytes(small_file())
    (place / "reference.sfu").write_bytes(small_file(by_reference="small"))
    frames = [{"jawOpen": 0.2 * k, "headYaw": 8.0 * k} for k in range(4)]
    (place / "weights.json").write_text(json.dumps({"fps": 12.5, "frames": frames}))
    rig = small_rig()
    meshes = np.stack([rig.drive({"jawOpen": 0.3 * k}) for k in range(3)])
    (place / "frames.npz").write_bytes(npz_bytes({"vertices": meshes, "faces": rig.faces}))
    path = [{"position": [x, 0, 1], "target": [0, 0, 0], "up": [0, 1, 0]} for x in (-0.2, 0.2)]
    (place / "cams.json").write_text(json.dumps({"width": 48, "height": 64, "fov": 20, "cameras": path}))
    return place


def pixels(path: Path) -> NDArray[np.float64]:
    return np.asarray(Image.open(path)) / 255


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sfumato: cannot ")
    return line


def test_a_picture_is_a_portrait_from_the_front(folder: Path, tmp_path: Path) -> None:
    options = ["--budget", "level 0", "--quiet"]  # deeper splats of the sample lie anywhere
    assert run("render", folder / "head.sfu", "-o", tmp_path / "a.png", *options) == 0
    shown = pixels(tmp_path / "a.png")
    assert shown.shape == (802, 550, 4)
    covered = shown[..., 3] > 0.5
    assert covered[390:410, 265:285].all() and not covered[:10].any() and not covered[:, :10].any()
    wide = np.flatnonzero(covered.any(axis=0))
    assert np.ptp(wide) > 0.7 * 550
    report = sfumato.render(folder / "head.sfu", "front", tmp_path / "b.png", budget="level 0")
    assert (report.frames, report.width, report.height, report.splats) == (1, 550, 802, 32)
    np.testing.assert_array_equal(shown, pixels(tmp_path / "b.png"))


def test_the_camera_stands_in_front_of_the_face_with_y_up(folder: Path, tmp_path: Path) -> None:
    """The person's left is at the right of the picture."""
    pictures = {}
    for name, shift in (("still", [0, 0, 0]), ("left", [0.03, 0, 0]), ("up", [0, 0.03, 0])):
        drive = tmp_path / f"{name}.npz"
        drive.write_bytes(npz_bytes({"translation": np.array([shift], np.float32)}))
        sfumato.render(folder / "head.sfu", "front", tmp_path / "a.png", drive=drive, size=(64, 96))
        covered = pixels(tmp_path / "a.png")[..., 3]
        pictures[name] = np.array(np.nonzero(covered > 0.3)).mean(axis=1)
    assert pictures["left"][1] > pictures["still"][1] + 2
    assert pictures["up"][0] < pictures["still"][0] - 2


def test_pictures_are_what_the_posed_avatar_renders(folder: Path, tmp_path: Path) -> None:
    asset = sfumato.open(folder / "head.sfu")
    assert isinstance(asset, AvatarAsset)
    camera = sfumato.Camera.look_at(
        np.array([0.2, 0, 1]), np.zeros(3), width=48, height=64, fov_degrees=20, up=(0, 1, 0)
    )
    exact = asset.pose(jaw_open=0.4, head_yaw=10).render(camera, "60%")
    sfumato.render(
        folder / "head.sfu", [camera], tmp_path / "a.png", drive={"jaw_open": 0.4, "head_yaw": 10}, budget="60%",
        background=asset.layout.background,
    )  # fmt: skip
    assert np.abs(pixels(tmp_path / "a.png") - exact).max() < 0.01


def test_a_drive_makes_as_many_pictures_as_it_has_frames(folder: Path, tmp_path: Path) -> None:
    options = ["--drive", folder / "weights.json", "--budget", "70%", "--quiet"]
    assert run("render", folder / "head.sfu", "-o", tmp_path / "{frame}.png", "--size", "40x60", *options) == 0
    shown = [pixels(tmp_path / f"{number:04d}.png") for number in range(4)]
    assert len(list(tmp_path.iterdir())) == 4
    assert all(np.abs(a - b).max() > 0.05 for a, b in itertools.pairwise(shown))
    one = tmp_path / "one.png"
    assert run("render", folder / "head.sfu", "-o", one, "--size", "40x60", "--frame", 2, *options) == 0
    np.testing.assert_array_equal(pixels(one), shown[2])


def test_a_path_of_cameras_lasts_as_long_as_the_drive_and_one_camera_stands_still(folder: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    report = sfumato.render(
        folder / "head.sfu", folder / "cams.json", tmp_path / "{frame}.png", drive=folder / "weights.json",
        progress=lambda step: seen.append(step.fraction),
    )  # fmt: skip
    assert report.frames == 4 and (report.width, report.height) == (48, 64) and seen == [0.25, 0.5, 0.75, 1.0]
    one = json.loads((folder / "cams.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps({**one, "cameras": one["cameras"][:1]}))
    report = sfumato.render(
        folder / "head.sfu", tmp_path / "one.json", tmp_path / "a-{frame}.jpg", drive=folder / "frames.npz"
    )
    assert report.frames == 3
    corner = pixels(report.paths[0])[0, 0]
    np.testing.assert_allclose(corner, [0.2, 0.4, 0.6], atol=0.03)  # the colour on which the avatar was learned


def test_a_film_has_the_frames_and_the_rate_of_the_drive(folder: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="films need PyAV")
    film = tmp_path / "talk.mp4"
    for options, rate in (([], 12.5), (["--fps", "24"], 24)):
        drive = ["--drive", folder / "weights.json", "--size", "40x60", "--quiet"]
        assert run("render", folder / "head.sfu", "-o", film, *drive, *options) == 0
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            assert (
                stream.frames == 4 and float(stream.average_rate) == rate and (stream.width, stream.height) == (40, 60)
            )


def test_an_avatar_that_stands_still_is_orbited(folder: Path, tmp_path: Path) -> None:
    report = sfumato.render(folder / "head.sfu", None, tmp_path / "{frame}.png", frames=4, size=(40, 60))
    front, left, back, right = (pixels(path) for path in report.paths)
    assert min(np.abs(front - other).max() for other in (left, back, right)) > 0.1
    alone = sfumato.render(folder / "head.sfu", None, tmp_path / "a.png", size=(40, 60))
    assert alone.frames == 1


def test_a_pose_is_exported_to_formats_of_other_tools_at_any_budget(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset = sfumato.open(folder / "head.sfu")
    assert isinstance(asset, AvatarAsset)
    expected = asset.pose(jaw_open=0.4, head_yaw=10).splats("60%")
    for verb, name in (("export", "a.ply"), ("convert", "b.ply"), ("export", "a.spz"), ("export", "a.glb")):
        options = ["--pose", "jawOpen=0.4,headYaw=10", "--budget", "60%"]
        assert run(verb, folder / "head.sfu", tmp_path / name, *options) == 0
        assert f"{name}: {len(expected)} splats" in capsys.readouterr().out
    written = read_scene(tmp_path / "a.ply").splats
    # Scenes of other tools have y down and z away from who looks.
    np.testing.assert_allclose(written.mean, expected.mean * [1, -1, -1], atol=1e-6)
    assert (tmp_path / "a.ply").read_bytes() == (tmp_path / "b.ply").read_bytes()
    np.testing.assert_allclose(read_scene(tmp_path / "a.spz").splats.mean, written.mean, atol=1e-3)


def test_a_frame_of_a_drive_is_exported(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, out = folder / "head.sfu", tmp_path / "a.ply"
    assert run("export", head, out, "--drive", folder / "frames.npz", "--frame", 2) == 0
    asset = sfumato.open(head)
    assert isinstance(asset, AvatarAsset)
    expected = asset.drive(folder / "frames.npz")[2].splats()
    np.testing.assert_allclose(read_scene(out).splats.mean, expected.mean * [1, -1, -1], atol=1e-6)
    capsys.readouterr()
    assert "choose one with frame= (--frame)" in complaint(
        capsys, "export", head, out, "--drive", folder / "frames.npz"
    )


def test_an_exported_head_stands_upright_where_y_points_down(folder: Path, tmp_path: Path) -> None:
    """Half a turn about x leads from an avatar's axes to a scene's: the same camera sees the same."""
    sfumato.convert(folder / "head.sfu", tmp_path / "a.ply", drive={"headYaw": 15})
    options: dict[str, Any] = {"width": 40, "height": 60, "fov_degrees": 20}
    avatar = sfumato.Camera.look_at(np.array([0.2, 0.1, 1]), np.zeros(3), up=(0, 1, 0), **options)
    scene = sfumato.Camera.look_at(np.array([0.2, -0.1, -1]), np.zeros(3), up=(0, -1, 0), **options)
    sfumato.render(folder / "head.sfu", [avatar], tmp_path / "a.png", drive={"headYaw": 15})
    sfumato.render(tmp_path / "a.ply", [scene], tmp_path / "b.png")
    assert np.abs(pixels(tmp_path / "a.png") - pixels(tmp_path / "b.png")).max() < 0.02


def test_info_describes_an_avatar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", folder / "head.sfu") == 0
    said = capsys.readouterr().out
    assert "avatar, 32 faces, 5 shapes and 3 joints, harmonics of degree 1, 3 levels" in said and "152 splats" in said
    assert run("info", folder / "reference.sfu") == 0
    assert "to be moved by the rig 'small'" in capsys.readouterr().out
    assert run("info", folder / "head.sfu", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["medium"] == "avatar" and told["splats"] == 152 and told["faces"] == 32 and told["vertices"] == 18
    assert told["shapes"][0] == "jawOpen" and told["joints"] == ["root", "neck", "eye_left"] and told["rig"] is None
    assert [row["kind"] for row in told["chunks"]][:2] == [None, "TREE"]
    assert sum(row["bytes"] for row in told["chunks"]) == told["bytes_of_whole"] == told["bytes"]
    assert run("info", folder / "head.sfu", "--chunks") == 0
    assert "TREE" in capsys.readouterr().out


def test_a_cut_avatar_is_an_avatar(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut.sfu"
    assert run("cut", folder / "head.sfu", "-o", cut, "--budget", "60%") == 0
    assert run("verify", cut) == 0
    assert "valid prefix" in capsys.readouterr().out
    assert run("render", cut, "-o", tmp_path / "a.png", "--pose", "head_yaw=10", "--size", "40x60") == 0
    assert run("info", cut) == 0
    assert "not here" in capsys.readouterr().out


def test_a_rig_by_reference_is_given_by_its_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sfumato.sources.rig_npz import rig_bytes

    (tmp_path / "rig.npz").write_bytes(rig_bytes(small_rig()))
    out = tmp_path / "a.png"
    options = ["-o", out, "--pose", "jawOpen=0.4", "--size", "40x60"]
    assert "names the rig 'small' without having it" in complaint(capsys, "render", folder / "reference.sfu", *options)
    assert run("render", folder / "reference.sfu", *options, "--rig", tmp_path / "rig.npz") == 0
    assert run("export", folder / "reference.sfu", tmp_path / "a.ply", "--rig", tmp_path / "rig.npz") == 0


def test_a_wrong_option_is_one_sentence(
    folder: Path, tmp_path: Path, asset_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, out = folder / "head.sfu", tmp_path / "a.png"
    (tmp_path / "bad.json").write_text('{"frames": [{}, {"jawOpn": 1}]}')
    drive = ["--drive", folder / "weights.json"]
    for options, says in (
        (drive, r"there are 4 frames, and one picture shows one; choose one \(--frame\), write 'a-{frame}\.png'"),
        ([*drive, "--frame", 4], "cannot show frame 4: there are 4, counted from 0"),
        ([*drive, "--frames", 2], "cannot render 2 frames: the drive has 4"),
        ([*drive, "--pose", "jawOpen=1"], "cannot use --pose with --drive"),
        (["--pose", "jawOpen"], "'jawOpen' is not of the form NAME=NUMBER"),
        (["--pose", "jawOpn=1"], r"cannot pose 'head\.sfu': 'jawOpn' is neither .* did you mean jawOpen"),
        (["--drive", tmp_path / "bad.json", "--frame", 0], r"cannot follow '.*bad\.json': frame 1 .*field 'jawOpn'"),
        (["--drive", tmp_path / "none.json"], "cannot read"),
        (["--budget", "3 bytes"], "cannot hold the first chunk"),
        (["--rig", folder / "head.sfu"], "it is no rig"),
    ):
        assert re.search(says, complaint(capsys, "render", head, "-o", out, *options)), says
        assert not out.exists()
    assert "only .sfu avatars move" in complaint(capsys, "render", write_ply(tmp_path), "-o", out, *drive)
    assert "it holds an avatar; use 'sfumato render'" in complaint(capsys, "decode", head, "-o", out)
    assert "it holds an image" in complaint(capsys, "convert", asset_file, tmp_path / "b.ply")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a fit is asked for, without one."""
    from sfumato.container import Prefix
    from sfumato.media.avatar import encode

    calls: list[dict[str, Any]] = []

    def stand_in(source: Any, destination: Any, settings: Any, **options: Any) -> encode.AvatarReport:
        calls.append({"source": source, "destination": destination, "settings": settings, **options})
        last = Prefix(9, 5580, 3, 152, 31.5)
        return encode.AvatarReport(Path(destination), 5580, 152, 9, 32, 31.5, (), 75.0, (last,))

    monkeypatch.setattr(encode, "encode_capture", stand_in)
    return calls


def test_the_folder_of_a_capture_becomes_an_avatar(
    told: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture, out = tmp_path / "capture", tmp_path / "head.sfu"
    capture.mkdir()
    (capture / "capture.json").write_text("{}")
    options = ["--splats", 152, "--seconds", 60, "--sh-degree", 0, "--depth", 3, "--scale", 0.5, "--seed", 7]
    options += ["--attention", 3, "--tune-meshes", "--device", "cuda"]
    assert run("encode", capture, "-o", out, *options, "--rig", "rig.npz", "--rig-by-reference", "--resume") == 0
    said = capsys.readouterr().out
    assert said == f"{out}: 5,580 bytes, 152 splats in 3 levels and 9 chunks, 31.50 dB, fitted in 1:15\n"
    assert run("encode", capture, "-o", out, "--iterations", 10, "--json") == 0
    assert json.loads(capsys.readouterr().out)["psnr_db"] == 31.5
    first, second = told
    assert first["settings"] == sfumato.AvatarSettings(
        splats=152, seconds=60, sh_degree=0, depth=3, scale=0.5, seed=7, rig_by_reference=True,
        attention=3, tune_meshes=True, device="cuda",
    )  # fmt: skip
    assert first["rig"] == "rig.npz" and first["resume"] and first["checkpoint"] == Path(f"{out}.checkpoint")
    assert second["settings"] == sfumato.AvatarSettings(steps=10) and second["rig"] is None and not second["resume"]


def test_options_that_captures_do_not_know_are_refused(
    told: list[dict[str, Any]], tmp_path: Path, picture_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cameras.json").write_text("{}")
    out = tmp_path / "a.sfu"
    for options in (["--quality", 30], ["--levels", 3], ["--bytes", "9KB"], ["--optimise", 3], ["--detail", 2]):
        line = complaint(capsys, "encode", tmp_path, "-o", out, *options)
        assert f"cannot use {options[0]} on" in line and "it is a capture, which knows --splats" in line
    for options in (["--rig", "a.npz"], ["--sh-degree", 0], ["--depth", 3], ["--scale", 0.5], ["--rig-by-reference"]):
        assert f"cannot use {options[0]} on" in complaint(capsys, "encode", picture_file, "-o", out, *options)
    with pytest.raises(sfumato.SettingsError, match="with levels: captures know splats, steps"):
        sfumato.encode(tmp_path, out, levels=3)
    with pytest.raises(sfumato.SettingsError, match="only captures have one"):
        sfumato.encode(picture_file, out, rig="a.npz")
    assert not told and not out.exists()


def write_ply(folder: Path) -> Path:
    from sfumato.exports.scene import write_scene
    from sfumato.splats import Splats3D

    turns = np.array([[1.0, 0, 0, 0]])
    one = Splats3D(np.zeros((1, 3)), turns, np.ones((1, 3)), np.full(1, 0.5), np.zeros((1, 1, 3)))
    write_scene(one, folder / "one.ply")
    return folder / "one.ply"
