"""`sfumato decode`, `info`, `cut` and `verify`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sfumato
from sfumato.cli import main
from sfumato.pixels import to_uint8


@pytest.fixture
def asset(asset_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(asset_file, tmp_path / "cat.sfu"))


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def refused(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(folder.iterdir())
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("sfumato: cannot ") and err.count("\n") == 1
    assert sorted(folder.iterdir()) == before
    return err


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_decode_writes_the_format_of_the_suffix(suffix: str, asset: Path, tmp_path: Path) -> None:
    output = tmp_path / f"cat.{suffix}"
    assert main(["decode", str(asset), "-o", str(output)]) == 0
    assert pixels_of(output).shape == (64, 96, 3)


def test_decode_with_a_budget_shows_what_the_first_bytes_show(asset: Path, tmp_path: Path) -> None:
    assert main(["cut", str(asset), "--budget", "50%", "-o", str(tmp_path / "half.sfu")]) == 0
    assert main(["decode", str(asset), "--budget", "50%", "-o", str(tmp_path / "budget.png")]) == 0
    assert main(["decode", str(tmp_path / "half.sfu"), "-o", str(tmp_path / "cut.png")]) == 0
    assert np.array_equal(pixels_of(tmp_path / "budget.png"), pixels_of(tmp_path / "cut.png"))


def test_a_fresh_process_decodes_the_same_pixels(asset: Path, tmp_path: Path) -> None:
    output = tmp_path / "fresh.png"
    subprocess.run([sys.executable, "-m", "sfumato", "decode", asset, "-o", output], check=True, capture_output=True)
    assert np.array_equal(pixels_of(output), to_uint8(sfumato.open(asset).render()))


def test_size_and_crop_choose_what_is_rendered(asset: Path, tmp_path: Path) -> None:
    assert main(["decode", str(asset), "-o", str(tmp_path / "large.png"), "--size", "192x128"]) == 0
    assert pixels_of(tmp_path / "large.png").shape == (128, 192, 3)
    assert main(["decode", str(asset), "-o", str(tmp_path / "whole.png")]) == 0
    assert main(["decode", str(asset), "-o", str(tmp_path / "part.png"), "--crop", "10,20,30,15"]) == 0
    part, whole = pixels_of(tmp_path / "part.png").astype(int), pixels_of(tmp_path / "whole.png").astype(int)
    assert np.abs(part - whole[20:35, 10:40]).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        ["--budget", "lots"],
        ["--budget", "1 splat"],
        ["--size", "0x10"],
        ["--crop", "90,0,30,10"],
        ["--crop", "0,0,0,5"],
    ],
    ids=" ".join,
)
def test_decode_refuses_what_cannot_be_shown(
    options: list[str], asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(["decode", str(asset), "-o", str(tmp_path / "cat.png"), *options], tmp_path, capsys)


@pytest.mark.parametrize("output", ["cat.gif", "cat", "nowhere/cat.png"])
def test_decode_refuses_an_output_it_cannot_write(
    output: str, asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert output in refused(["decode", str(asset), "-o", str(tmp_path / output)], tmp_path, capsys)


@pytest.mark.parametrize("verb", ["decode", "info", "cut", "verify", "curve", "strip"])
@pytest.mark.parametrize("kind", ["picture", "empty", "damaged", "truncated", "missing", "folder"])
def test_what_is_no_intact_file_is_refused_by_every_verb(
    verb: str, kind: str, asset: Path, picture_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = asset.read_bytes()
    position = len(data) - 20
    contents = {
        "picture": picture_file.read_bytes(),
        "empty": b"",
        "damaged": data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :],
        "truncated": data[:-5],
    }
    path = tmp_path / "bad.sfu"
    if kind == "folder":
        path.mkdir()
    elif kind in contents:
        path.write_bytes(contents[kind])
    output = ["-o", str(tmp_path / "out.png")]
    rest = {
        "decode": [str(path), *output],
        "info": [str(path)],
        "cut": [str(path), "--budget", "100%", *output],
        "verify": [str(path)],
        "curve": [str(picture_file), str(path), *output],
        "strip": [str(path), *output],
    }
    assert "bad.sfu" in refused([verb, *rest[verb]], tmp_path, capsys)


def test_damage_is_named_with_its_chunk_and_byte(
    asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(asset.read_bytes())
    data[-20] ^= 1
    asset.write_bytes(data)
    sentence = refused(["verify", str(asset)], tmp_path, capsys)
    assert "chunk" in sentence and "at byte" in sentence and "intact" in sentence


def test_a_cut_is_exactly_the_first_bytes(asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "small.sfu"
    assert main(["cut", str(asset), "--budget", "60%", "-o", str(output)]) == 0
    small, whole = output.read_bytes(), asset.read_bytes()
    assert 0 < len(small) <= 0.6 * len(whole) and whole.startswith(small)
    assert f"{len(small):,} of {len(whole):,} bytes" in capsys.readouterr().out
    assert main(["verify", str(output)]) == 0
    assert "valid prefix" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("budget", "reason"), [("10 bytes", "base level"), ("lots", "write it like"), ("200%", "whole")]
)
def test_cut_refuses_a_budget_it_cannot_keep(
    budget: str, reason: str, asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["cut", str(asset), "--budget", budget, "-o", str(tmp_path / "small.sfu")]
    assert reason in refused(arguments, tmp_path, capsys)


def test_cut_never_overwrites_its_input(asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = asset.read_bytes()
    assert "is the input" in refused(["cut", str(asset), "--budget", "60%", "-o", str(asset)], tmp_path, capsys)
    assert asset.read_bytes() == before


def test_info_adds_up_to_the_file(asset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(asset), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    size = asset.stat().st_size
    assert (info["bytes"], info["complete"], info["width"], info["height"]) == (size, True, 96, 64)
    for rows in (info["levels"], info["chunks"]):
        assert sum(row["bytes"] for row in rows) == rows[-1]["cumulative_bytes"] == size
        assert sum(row["splats"] for row in rows) == 300
    qualities = [row["psnr_db"] for row in info["levels"]]
    assert qualities == sorted(qualities)


def test_info_is_a_table_of_levels_or_chunks(asset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(asset)]) == 0
    levels = capsys.readouterr().out
    assert main(["info", str(asset), "--chunks"]) == 0
    chunks = capsys.readouterr().out
    assert "96 x 64" in levels and "dB" in levels and "100.0%" in levels
    assert len(levels.splitlines()) == 3 + 3
    assert len(chunks.splitlines()) > len(levels.splitlines())


def test_info_of_a_cut_says_what_is_not_here(asset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.sfu"
    assert main(["cut", str(asset), "--budget", "50%", "-o", str(small)]) == 0
    capsys.readouterr()
    assert main(["info", str(small)]) == 0
    shown = capsys.readouterr().out
    assert f"the first {small.stat().st_size:,} of {asset.stat().st_size:,} bytes" in shown
    assert "not here" in shown.splitlines()[-1]


@pytest.mark.parametrize("verb", ["info", "cut", "verify", "curve", "strip", "render", "convert", "encode"])
def test_an_address_is_not_taken_for_a_missing_file(capsys, verb):
    assert main([verb, *(["a.png"] if verb == "curve" else []), "https://example.org/x.sfu", "-o", "x.png"]) == 2
    told = capsys.readouterr().err
    assert "'https://example.org/x.sfu' is an address; download it first" in told and told.count("\n") == 1
