"""The command line and the public functions on a scene of splats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sfumato
from media.scene.samples import scene
from sfumato.cli import main
from sfumato.exports.scene import write_scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """room.ply and what `sfumato encode` makes of it."""
    folder = tmp_path_factory.mktemp("scene")
    write_scene(scene(300, 1, seed=4), folder / "room.ply")
    assert main(["encode", str(folder / "room.ply"), "-o", str(folder / "room.sfu"), "--quiet"]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 0
    return capsys.readouterr().out


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 2
    return capsys.readouterr().err


def test_encode_says_what_it_wrote(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "b.sfu"
    line = said(capsys, "encode", folder / "room.ply", "-o", out, "--detail", 4)
    assert line.startswith(f"{out}: {out.stat().st_size:,} bytes, 300 splats in ") and "dB to 3DGS PLY" in line
    assert out.stat().st_size > (folder / "room.sfu").stat().st_size
    report = json.loads(said(capsys, "encode", folder / "room.ply", "-o", out, "--json", "--quiet"))
    assert report["bytes"] == out.stat().st_size == report["prefixes"][-1]["length"] and report["dropped"] == 0
    assert out.read_bytes() == (folder / "room.sfu").read_bytes()


def test_info_verify_and_cut(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room = folder / "room.sfu"
    text = said(capsys, "info", room)
    assert "scene, from (" in text and "harmonics of degree 1, 5 levels" in text
    described = json.loads(said(capsys, "info", room, "--json"))
    assert described["medium"] == "scene" and described["sh_degree"] == 1 and described["complete"]
    assert np.array(described["bounds"]).shape == (2, 3)
    for rows in (described["chunks"], described["levels"]):
        assert sum(row["bytes"] for row in rows) == room.stat().st_size
        assert sum(row["splats"] for row in rows) == described["splats"] == 300
        nodes = sum(row["nodes"] for row in rows)
    assert f"300 splats and {nodes:,} nodes, " in text and "nodes  splats" in text.splitlines()[2]
    base, *later = described["chunks"]
    assert base["group"] is None and base["bounds"] is None
    assert all(row["group"] == 0 and np.array(row["bounds"], float).shape == (2, 3) for row in later)
    table = said(capsys, "info", room, "--chunks").splitlines()
    assert table[2].split()[-1] == "bounds" and all("from (" in line for line in table[4:])
    assert said(capsys, "verify", room)
    said(capsys, "cut", room, "--budget", "60%", "-o", tmp_path / "cut.sfu")
    small = (tmp_path / "cut.sfu").read_bytes()
    assert room.read_bytes().startswith(small) and len(small) <= 0.6 * room.stat().st_size
    assert "not here" in said(capsys, "info", tmp_path / "cut.sfu")


def test_convert_writes_what_a_budget_shows(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said(capsys, "convert", folder / "room.sfu", tmp_path / "a.ply")
    assert "300 splats" in line and "from Sfumato with harmonics of degree 1" in line
    said(capsys, "convert", folder / "room.sfu", tmp_path / "b.ply", "--budget", "level 0")
    few, all_ = (sfumato.convert(tmp_path / name, tmp_path / "c.splat").splats for name in ("b.ply", "a.ply"))
    assert 0 < len(few) < len(all_) == 300
    message = complaint(capsys, "convert", folder / "room.ply", tmp_path / "d.ply", "--budget", "5%")
    assert "cannot use a budget on" in message and "only .sfu files have prefixes" in message


def test_render_shows_a_file_and_its_prefixes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = []
    for budget in ("level 0", "100%"):
        said(capsys, "render", folder / "room.sfu", "--camera", "orbit", "--frames", 1, "--size", "48x32",
             "--budget", budget, "-o", tmp_path / "a.png")  # fmt: skip
        pictures.append(np.asarray(Image.open(tmp_path / "a.png")).astype(float))
    assert pictures[0].shape[:2] == (32, 48) and np.abs(pictures[0] - pictures[1]).max() > 5


def test_python_encodes_and_opens_scenes(folder: Path, tmp_path: Path) -> None:
    report = sfumato.encode(folder / "room.ply", tmp_path / "a.sfu", quality=2.0, single_level=True)
    assert isinstance(report, sfumato.SceneReport)
    asset = sfumato.open(tmp_path / "a.sfu")
    assert isinstance(asset, sfumato.SceneAsset) and len(asset.splats()) == 300
    assert isinstance(sfumato.open((tmp_path / "a.sfu").read_bytes()), sfumato.SceneAsset)
    assert len(sfumato.open(folder / "room.sfu").splats("level 0")) < 300


@pytest.mark.parametrize(
    "options",
    [["--splats", "5"], ["--levels", "3"], ["--quality", "30"], ["--bytes", "9KB"], ["--seconds", "3"], ["--resume"],
     ["--iterations", "5"], ["--resolution-levels", "2"]],
)  # fmt: skip
def test_options_of_pictures_are_refused_by_name(
    options: list[str], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = complaint(capsys, "encode", folder / "room.ply", "-o", tmp_path / "a.sfu", *options)
    assert f"cannot use {options[0]} on " in message and "it is a scene, which knows --detail" in message
    assert not list(tmp_path.iterdir())


def test_settings_of_pictures_are_refused_in_python_too(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(sfumato.SettingsError, match="with splats: scenes know quality, single_level, optimise"):
        sfumato.encode(folder / "room.ply", tmp_path / "a.sfu", splats=100)
    with pytest.raises(sfumato.SettingsError, match="cannot resume"):
        sfumato.encode(folder / "room.ply", tmp_path / "a.sfu", resume=True)
    with pytest.raises(sfumato.SettingsError, match="1/16 to 64"):
        sfumato.encode(folder / "room.ply", tmp_path / "a.sfu", quality=1000)
    assert not list(tmp_path.iterdir())


def test_what_only_pictures_can_do_is_refused_for_scenes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "it holds a scene" in complaint(capsys, "decode", folder / "room.sfu", "-o", tmp_path / "a.png")


def test_a_bad_splat_or_field_is_named_and_nothing_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (folder / "room.ply").read_bytes()
    (tmp_path / "a.ply").write_bytes(data.replace(b"property float opacity", b"property float opac!ty", 1))
    assert "opacity" in complaint(capsys, "encode", tmp_path / "a.ply", "-o", tmp_path / "a.sfu")
    (tmp_path / "a.ply").write_bytes(data.replace(b"property float opacity", b"property \xff\xfe opacity", 1))
    message = complaint(capsys, "encode", tmp_path / "a.ply", "-o", tmp_path / "a.sfu")
    assert message.startswith(f"sfumato: cannot read '{tmp_path / 'a.ply'}': ")
    (tmp_path / "a.ply").write_bytes(data[:-5])
    assert "cannot read" in complaint(capsys, "encode", tmp_path / "a.ply", "-o", tmp_path / "a.sfu")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ply"]
