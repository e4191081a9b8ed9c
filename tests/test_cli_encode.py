"""`sfumato encode`: what it writes, what it prints, and what it refuses in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import sfumato
from sfumato.cli import main
from sfumato.quality.metrics import psnr
from sfumato.sources.photo import read_photo

FAST = ("--splats", "200", "--levels", "3", "--iterations", "60")


def refused(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence with which a command is refused, once it is sure that it left nothing behind."""
    before = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    after = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    assert out == ""
    assert after == before
    sentence = err.splitlines()[-1]
    assert sentence.startswith("sfumato: cannot ")
    assert len(err.splitlines()) == 1
    return sentence


@pytest.fixture
def picture(picture_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(picture_file, tmp_path / "cat.png"))


def test_a_picture_survives_the_way_to_a_file_and_back(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset, back = tmp_path / "cat.sfu", tmp_path / "back.png"
    assert main(["encode", str(picture), "-o", str(asset), "--splats", "300", "--iterations", "200"]) == 0
    assert main(["decode", str(asset), "-o", str(back)]) == 0
    assert psnr(read_photo(back).pixels, read_photo(picture).pixels) > 22
    assert f"{asset.stat().st_size:,} bytes" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.png", "cat.png", "cat.sfu"]


def test_json_reports_the_real_length_of_the_file(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset = tmp_path / "cat.sfu"
    assert main(["encode", str(picture), "-o", str(asset), *FAST, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bytes"] == asset.stat().st_size == report["prefixes"][-1]["length"]
    assert report["splats"] == 200
    assert report["path"] == str(asset)


def test_quiet_prints_nothing(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encode", str(picture), "-o", str(tmp_path / "cat.sfu"), *FAST, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_levels_can_be_given_as_splat_counts(picture: Path, tmp_path: Path) -> None:
    asset = tmp_path / "cat.sfu"
    assert main(["encode", str(picture), "-o", str(asset), "--levels", "20,80,150", "--iterations", "40"]) == 0
    assert [level.splats for level in sfumato.open(asset).head.levels] == [20, 60, 70]


def test_a_size_in_bytes_is_kept(picture: Path, tmp_path: Path) -> None:
    asset = tmp_path / "cat.sfu"
    assert main(["encode", str(picture), "-o", str(asset), "--bytes", "1.5KB", "--iterations", "60"]) == 0
    assert asset.stat().st_size <= 1500


def test_a_quality_is_reached_and_the_report_says_so(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset, back = tmp_path / "cat.sfu", tmp_path / "back.png"
    wanted = ["--quality", "24", "--iterations", "100", "--json"]
    assert main(["encode", str(picture), "-o", str(asset), *wanted]) == 0
    report = json.loads(capsys.readouterr().out)
    assert main(["decode", str(asset), "-o", str(back)]) == 0
    assert psnr(read_photo(back).pixels, read_photo(picture).pixels) >= 24
    assert 24 <= report["psnr_db"] < 25.5


def test_a_quality_out_of_reach_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = tmp_path / "noise.png"
    Image.effect_noise((64, 64), 120).save(noise)
    options = ["--quality", "60", "--iterations", "5", "--quiet"]
    sentence = refused(["encode", str(noise), "-o", str(tmp_path / "a.sfu"), *options], tmp_path, capsys)
    assert "cannot reach 60 dB" in sentence and "splats" in sentence and "ask for" in sentence


def test_the_same_seed_gives_the_same_bytes(picture: Path, tmp_path: Path) -> None:
    for name in ("one.sfu", "two.sfu"):
        assert main(["encode", str(picture), "-o", str(tmp_path / name), *FAST, "--seed", "7"]) == 0
    assert (tmp_path / "one.sfu").read_bytes() == (tmp_path / "two.sfu").read_bytes()


def _broken_pictures(folder: Path) -> dict[str, Path]:
    photo = folder / "whole.jpg"
    Image.effect_noise((64, 64), 50).save(photo, quality=90)
    files = {
        "text.png": b"this is not a picture\n",
        "empty.png": b"",
        "no-pixels.pgm": b"P5\n0 0\n255\n",
        "truncated.jpg": photo.read_bytes()[: photo.stat().st_size // 2],
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "folder.png").mkdir()
    return {name: folder / name for name in (*files, "folder.png", "missing.png")}


@pytest.mark.parametrize(
    "name", ["text.png", "empty.png", "no-pixels.pgm", "truncated.jpg", "folder.png", "missing.png"]
)
def test_what_is_no_picture_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _broken_pictures(tmp_path)[name]
    sentence = refused(["encode", str(path), "-o", str(tmp_path / "out.sfu")], tmp_path, capsys)
    assert name in sentence


@pytest.mark.parametrize(
    ("output", "reason"),
    [("nowhere/cat.sfu", "no folder"), ("taken", "is a folder"), ("cat.png", "is the input")],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_fit(
    output: str, reason: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").mkdir()
    sentence = refused(["encode", str(picture), "-o", str(tmp_path / output)], tmp_path, capsys)
    assert reason in sentence and output in sentence


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_read_only_folder_is_refused_before_the_fit(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    assert "denied" in refused(["encode", str(picture), "-o", str(folder / "cat.sfu")], tmp_path, capsys)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody may write")
def test_a_folder_in_which_nobody_may_write_is_refused(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "/proc/cat.sfu" in refused(["encode", str(picture), "-o", "/proc/cat.sfu"], tmp_path, capsys)


@pytest.mark.parametrize(
    "options",
    [
        ["--quality", "30", "--bytes", "30KB"],
        ["--quality", "-3"],
        ["--quality", "nan"],
        ["--bytes", "200"],
        ["--bytes", "5%"],
        ["--bytes", "lots"],
        ["--seconds", "0"],
        ["--levels", "100,50"],
        ["--levels", "0"],
        ["--splats", "3", "--levels", "6"],
        ["--levels", "3", "--resolution-levels", "3"],
    ],
    ids=" ".join,
)
def test_settings_that_cannot_be_met_are_refused(
    options: list[str], picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(["encode", str(picture), "-o", str(tmp_path / "cat.sfu"), "--iterations", "20", *options], tmp_path, capsys)


def test_resuming_needs_a_checkpoint(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refused(["encode", str(picture), "-o", str(tmp_path / "cat.sfu"), *FAST, "--resume"], tmp_path, capsys)
    assert "no checkpoint" in sentence


def _heed_interrupts() -> None:
    """What a shell starts in the background, such as a test run, ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_an_interrupted_encode_can_be_resumed(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset, checkpoint = tmp_path / "cat.sfu", tmp_path / "cat.sfu.checkpoint"
    settings = ["encode", str(picture), "-o", str(asset), "--splats", "400", "--iterations", "3000"]
    command = [sys.executable, "-m", "sfumato", *settings]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts) as running:
        assert running.stderr is not None
        running.stderr.readline()  # the first sign of progress
        running.send_signal(signal.SIGINT)
        shown = running.stderr.read()
        assert running.wait() == 130
    assert "interrupted" in shown and "--resume" in shown and str(checkpoint) in shown
    assert "Traceback" not in shown
    assert checkpoint.exists() and not asset.exists()
    assert len(list(tmp_path.iterdir())) == 2

    other = [*settings[:-1], "2999", "--resume"]
    assert "iterations" in refused(other, tmp_path, capsys)
    assert main([*settings, "--resume"]) == 0
    assert asset.exists() and not checkpoint.exists()
