"""`sfumato curve` and `sfumato strip`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sfumato
from sfumato.cli import main
from sfumato.quality.curve import RateCurve


def test_a_curve_has_a_point_for_every_prefix(
    asset_file: Path, picture_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "curve.json"
    assert main(["curve", str(picture_file), str(asset_file), "-o", str(output), "--json"]) == 0
    text = output.read_text()
    assert capsys.readouterr().out == text
    curve = RateCurve.from_json(text)
    assert [point.bytes for point in curve.points] == [prefix.length for prefix in sfumato.open(asset_file).prefixes]
    assert curve.points[-1].psnr > curve.points[0].psnr
    assert [path.name for path in tmp_path.iterdir()] == ["curve.json"]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_plot_comes_with_its_numbers(suffix: str, asset_file: Path, picture_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert main(["curve", str(picture_file), str(asset_file), "-o", str(tmp_path / f"curve.{suffix}")]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"curve.{suffix}", "curve.json"}


def test_a_plot_without_matplotlib_names_the_extra_before_measuring(
    asset_file: Path,
    picture_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["curve", str(picture_file), str(asset_file), "-o", str(tmp_path / "curve.png")]) == 2
    err = capsys.readouterr().err
    assert "sfumato[plot]" in err and "curve.json" in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_curve_against_another_picture_is_refused(
    asset_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (50, 40)).save(other)
    assert main(["curve", str(other), str(asset_file), "-o", str(tmp_path / "curve.json")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("sfumato: cannot ") and "50 x 40" in err and "96 x 64" in err
    assert not (tmp_path / "curve.json").exists()


def test_a_strip_shows_the_prefixes_and_the_original(asset_file: Path, picture_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "strip.png"
    arguments = ["strip", str(asset_file), "-o", str(output), "--height", "64", "--original", str(picture_file)]
    assert main(arguments) == 0
    many = np.asarray(Image.open(output)).shape
    assert main([*arguments[:-2], "--budgets", "50%,100%"]) == 0
    two = np.asarray(Image.open(output)).shape
    assert many[1] > two[1] > 2 * 96


def test_a_strip_refuses_a_budget_below_the_base_level(
    asset_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["strip", str(asset_file), "-o", str(tmp_path / "strip.png"), "--budgets", "10 bytes"]) == 2
    assert "base level" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_numbers_of_a_curve_are_plain_json(asset_file: Path, picture_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "curve.json"
    assert main(["curve", str(picture_file), str(asset_file), "-o", str(output)]) == 0
    read = json.loads(output.read_text())
    assert read["width"] == 96 and {"bytes", "splats", "psnr", "ssim", "ms_ssim"} <= read["points"][0].keys()
