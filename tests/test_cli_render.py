"""`sfumato render` and `sfumato.render`: scenes as pictures, numbered pictures and films."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import sfumato
from sfumato.camera import Camera
from sfumato.cli import main
from sfumato.exports.scene import write_scene
from sfumato.kernels.splats3d import render
from sfumato.media.views import MAX_PIXELS
from sfumato.splats import SH_C0, Splats3D


def totem() -> Splats3D:
    """A red ball above a blue one; y points down."""
    colours = (np.array([[1.0, 0, 0], [0, 0, 1]]) - 0.5) / SH_C0
    return Splats3D(
        np.array([[0, -1.0, 0], [0, 1, 0]]),
        np.array([[1.0, 0, 0, 0]] * 2),
        np.full((2, 3), 0.2),
        np.full(2, 0.95),
        colours[:, None],
    )


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    write_scene(totem(), tmp_path / "totem.ply")
    return tmp_path / "totem.ply"


@pytest.fixture
def cameras_file(tmp_path: Path) -> Path:
    """Three cameras in half a second, which come nearer."""
    cameras = [{"position": [0, 0, -6 + z], "target": [0, 0, 0], "time": z / 4} for z in range(3)]
    path = tmp_path / "path.json"
    path.write_text(json.dumps({"width": 64, "height": 48, "fov": 50, "cameras": cameras}))
    return path


def pixels(path: Path) -> NDArray[np.float64]:
    return np.asarray(Image.open(path)) / 255


@pytest.mark.parametrize("suffix", [".ply", ".spz", ".sog", ".splat"])
def test_a_picture_of_every_format_is_upright_and_transparent(tmp_path: Path, suffix: str) -> None:
    scene, picture = tmp_path / f"a{suffix}", tmp_path / "a.png"
    write_scene(totem(), scene)
    assert main(["render", str(scene), "-o", str(picture), "--size", "80x120", "--quiet"]) == 0
    shown = pixels(picture)
    assert shown.shape == (120, 80, 4)
    assert shown[0, 0, 3] == 0 and shown[..., 3].max() > 0.9
    upper, lower = shown[:60][shown[:60, :, 3] > 0.3].mean(axis=0), shown[60:][shown[60:, :, 3] > 0.3].mean(axis=0)
    assert upper[0] > 0.9 and upper[2] < 0.1 and lower[2] > 0.9 and lower[0] < 0.1


def test_upward_and_the_background_can_be_chosen(scene_file: Path, tmp_path: Path) -> None:
    options = ["--size", "80x120", "--background", "255,255,255", "--up=y"]
    assert main(["render", str(scene_file), "-o", str(tmp_path / "a.png"), *options]) == 0
    shown = pixels(tmp_path / "a.png")
    assert shown.shape == (120, 80, 3) and shown[0, 0].tolist() == [1, 1, 1]
    upper, lower = shown[:60].mean(axis=(0, 1)), shown[60:].mean(axis=(0, 1))
    assert upper[2] > upper[0] and lower[0] > lower[2]


def test_what_has_no_transparency_gets_black(scene_file: Path, tmp_path: Path) -> None:
    assert main(["render", str(scene_file), "-o", str(tmp_path / "a.jpg"), "--size", "64x64"]) == 0
    assert pixels(tmp_path / "a.jpg")[0, 0].max() < 0.05


def test_a_picture_is_what_the_kernel_draws(scene_file: Path, tmp_path: Path) -> None:
    camera = sfumato.Camera.look_at(np.array([0, 0, -5.0]), np.zeros(3), width=60, height=40)
    for antialias in (False, True):
        report = sfumato.render(
            scene_file, [camera], tmp_path / "a.png", background=(0.2, 0.4, 0.6), antialias=antialias
        )
        exact = render(totem(), camera, background=(0.2, 0.4, 0.6), antialias=antialias).color
        assert np.abs(pixels(tmp_path / "a.png") - exact).max() < 0.01
        assert report == sfumato.RenderReport((tmp_path / "a.png",), 1, 60, 40, 2)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("a-{frame}.png", "a-0000.png", "a-0002.png"), ("%d.png", "0.png", "2.png"), ("%02db.png", "00b.png", "02b.png")],
)
def test_a_path_becomes_numbered_pictures(
    scene_file: Path, cameras_file: Path, tmp_path: Path, name: str, first: str, last: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    out.mkdir()
    assert main(["render", str(scene_file), "--camera", str(cameras_file), "-o", str(out / name)]) == 0
    assert capsys.readouterr().out == f"{out / first} to {last}: 3 frames of 64 x 48, 2 splats\n"
    names = sorted(os.listdir(out))
    assert names[0] == first and names[-1] == last and len(names) == 3
    covered = [pixels(out / picture)[..., 3].mean() for picture in names]
    assert covered == sorted(covered) and covered[0] < covered[-1]


def test_one_picture_of_several_cameras_is_refused_before_anything_is_read(
    cameras_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in (["--camera", str(cameras_file)], ["--frames", "3"]):
        assert main(["render", "missing.ply", "-o", str(tmp_path / "a.png"), *options]) == 2
        said = capsys.readouterr().err
        assert "there are 3 cameras, and one picture shows one; write 'a-{frame}.png'" in said
    assert os.listdir(tmp_path) == ["path.json"]


def test_films_follow_frames_times_and_size(scene_file: Path, cameras_file: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="films need PyAV")
    film = tmp_path / "a.mp4"
    for options, count, size in (
        (["--frames", "4", "--size", "65x49"], 4, (64, 48)),  # an even size, which H.264 needs
        (["--camera", str(cameras_file), "--fps", "10"], 6, (64, 48)),  # half a second, both ends included
        (["--camera", str(cameras_file), "--frames", "5", "--size", "32x32"], 5, (32, 32)),
    ):
        assert main(["render", str(scene_file), "-o", str(film), "--quiet", *options]) == 0
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            assert (stream.frames, (stream.width, stream.height)) == (count, size)


def test_progress_reaches_the_end(scene_file: Path, cameras_file: Path, tmp_path: Path) -> None:
    seen: list[sfumato.Progress] = []
    sfumato.render(scene_file, cameras_file, tmp_path / "{frame}.png", progress=seen.append)
    assert [step.fraction for step in seen] == pytest.approx([1 / 3, 2 / 3, 1])


def test_pictures_of_a_failed_run_do_not_stay(scene_file: Path, cameras_file: Path, tmp_path: Path) -> None:
    def stop(progress: sfumato.Progress) -> None:
        if progress.fraction > 0.5:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    out.mkdir()
    for name in ("{frame}.png", "a.mp4"):
        with pytest.raises((KeyboardInterrupt, sfumato.SettingsError)):  # the latter where PyAV is missing
            sfumato.render(scene_file, cameras_file, out / name, progress=stop)
        assert not os.listdir(out)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--budget", "5%"], "cannot use a budget on .*only .sfu files have prefixes"),
        (["--fps", "0"], "cannot render with fps = 0.0: it must be 0.01 to 1000"),
        (["--fov", "nan"], "cannot render with fov_degrees = nan"),
        (["--elevation", "90"], "elevation_degrees = 90.0: it must be -89 to 89"),
        (["--size", "0x5"], "at least 1 x 1"),
        (["--size", "100000x100000"], f"at most {MAX_PIXELS // 10**6} megapixels"),
        (["--frames", "200000"], "frames = 200000"),
        (["--camera", "none.json"], "cannot read 'none.json'"),
        (["--camera", "{path}", "--fov", "60"], "cannot use fov_degrees with a path of cameras"),
        (["--up", "0,0,0"], "'0,0,0' is neither x, y, z"),
        (["--up", "w"], "'w' is neither x, y, z"),
        (["--background", "0.5,1,1"], "'0.5,1,1' is not of the form R,G,B"),
        (["--background", "256,1,1"], "'256,1,1' goes beyond 255"),
        (["-o", "{folder}/a.gif"], "the suffix '.gif' is not one of"),
        (["-o", "{folder}/a-%d-{frame}.png"], "2 places for a number"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_leaves_nothing_behind(
    scene_file: Path, cameras_file: Path, tmp_path: Path, options: list[str], says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = sorted(os.listdir(tmp_path))
    places = {"{path}": str(cameras_file), "{folder}": str(tmp_path)}
    for word, place in places.items():
        options = [option.replace(word, place) for option in options]
    assert main(["render", str(scene_file), "-o", str(tmp_path / "a.png"), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sfumato: cannot ")
    assert re.search(says, line), line
    assert sorted(os.listdir(tmp_path)) == before


def test_a_progressive_scene_is_shown_at_any_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sfumato.media.scene.encode import encode_scene

    rng = np.random.default_rng(4)
    n = 600
    splats = Splats3D(rng.normal(size=(n, 3)), np.tile([1.0, 0, 0, 0], (n, 1)), np.full((n, 3), 0.05),
                      np.full(n, 0.9), rng.normal(size=(n, 1, 3)))  # fmt: skip
    asset = tmp_path / "a.sfu"
    asset.write_bytes(encode_scene(splats))
    assert isinstance(sfumato.open(asset), sfumato.SceneAsset)
    shown = []
    for budget in (["--budget", "level 0"], []):
        assert main(["render", str(asset), "-o", str(tmp_path / "a.png"), "--size", "64x64", *budget]) == 0
        shown.append(pixels(tmp_path / "a.png"))
    assert np.abs(shown[0] - shown[1]).max() > 0.05
    assert main(["render", str(asset), "-o", str(tmp_path / "a.png"), "--budget", "3 bytes"]) == 2
    assert main(["decode", str(asset), "-o", str(tmp_path / "a.png")]) == 2
    assert "it holds a scene; use 'sfumato render'" in capsys.readouterr().err


def test_an_orbit_is_the_same_at_every_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sfumato.media import views
    from sfumato.media.scene.encode import encode_scene

    rng = np.random.default_rng(5)
    n = 600
    splats = Splats3D(rng.normal(size=(n, 3)), np.tile([1.0, 0, 0, 0], (n, 1)), np.full((n, 3), 0.05),
                      np.full(n, 0.9), rng.normal(size=(n, 1, 3)))  # fmt: skip
    asset = tmp_path / "a.sfu"
    asset.write_bytes(encode_scene(splats))
    used = []

    def note(shown: Splats3D, camera: Camera, **options: Any) -> Any:
        used.append((len(shown), camera))
        return render(shown, camera, **options)

    monkeypatch.setattr(views, "render", note)
    for budget in ("level 0", None):
        sfumato.render(asset, "orbit", tmp_path / "a.png", size=(64, 64), budget=budget)
    (few, first), (many, last) = used
    assert few < many
    np.testing.assert_array_equal(first.rotation, last.rotation)
    np.testing.assert_array_equal(first.translation, last.translation)


def test_an_image_is_no_scene(asset_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(asset_file), "-o", str(tmp_path / "a.png")]) == 2
    assert "it holds no scene but an image; decode it instead" in capsys.readouterr().err


def test_cameras_of_different_sizes_make_pictures_but_no_film(scene_file: Path, tmp_path: Path) -> None:
    cameras = [sfumato.Camera.look_at(np.array([0, 0, -5.0]), np.zeros(3), width=side, height=32) for side in (32, 48)]
    report = sfumato.render(scene_file, cameras, tmp_path / "{frame}.png")
    assert [Image.open(path).size for path in report.paths] == [(32, 32), (48, 32)]
    pytest.importorskip("av", reason="films need PyAV")
    with pytest.raises(sfumato.SettingsError, match="pictures of 2 sizes, and a film has one"):
        sfumato.render(scene_file, cameras, tmp_path / "a.mp4")
    assert sfumato.render(scene_file, cameras, tmp_path / "a.mp4", size=(32, 32)).frames == 2


def test_a_scene_trained_with_a_low_pass_filter_is_shown_with_it(tmp_path: Path) -> None:
    small = totem()
    small = Splats3D(small.mean, small.rotation, small.scale / 100, small.opacity, small.sh)
    write_scene(small, tmp_path / "mip.ply", antialiased=True)
    shown = []
    for antialias in (None, True, False):
        sfumato.render(tmp_path / "mip.ply", "orbit", tmp_path / "a.png", size=(64, 64), antialias=antialias)
        shown.append(pixels(tmp_path / "a.png")[..., 3].sum())
    assert shown[0] == shown[1] < shown[2]


DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
OBJECTS = ("splat_biker/biker.spz", "splat_guitar/guitar.compressed.ply", "splat_playbot_lod_dev/4_0/meta.json")


@pytest.mark.parametrize("name", OBJECTS)
def test_real_objects_fill_the_view_and_stay_inside(name: str, tmp_path: Path) -> None:
    if not (DATA / name).exists():
        pytest.skip("the scene is not on this machine")
    report = sfumato.render(DATA / name, "orbit", tmp_path / "{frame}.png", frames=3, size=(192, 108))
    covered = np.max([pixels(path)[..., 3] for path in report.paths], axis=0) > 0.5
    rows = np.flatnonzero(covered.any(axis=1))
    columns = np.flatnonzero(covered.any(axis=0))
    share = max((np.ptp(rows) + 1) / 108, (np.ptp(columns) + 1) / 192)
    assert share > 0.8
    border = np.concatenate([covered[0], covered[-1], covered[:, 0], covered[:, -1]])
    assert border.mean() < 0.01
