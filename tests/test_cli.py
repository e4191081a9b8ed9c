"""What holds for every verb: exit codes, one sentence per fault, no traceback, closed pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import sfumato
from sfumato.cli import main

VERBS = ("encode", "decode", "info", "cut", "verify", "render", "curve", "strip")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "sfumato", *map(str, arguments)]


def test_help_names_every_verb_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0
    assert all(f"    {verb}" in shown for verb in VERBS)
    assert "exit codes" in shown


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert "--output" in capsys.readouterr().out or verb in ("info", "verify", "serve", "view", "publish", "check-url")


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=True)
    assert done.stdout == f"sfumato {sfumato.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["encode"],
        ["encode", "a.png"],
        ["encode", "a.png", "-o", "a.sfu", "--splats", "0"],
        ["encode", "a.png", "-o", "a.sfu", "--splats", "many"],
        ["encode", "a.png", "-o", "a.sfu", "--levels", "3,,4"],
        ["encode", "a.png", "-o", "a.sfu", "--seed", "-1"],
        ["decode", "a.sfu", "-o", "a.png", "--size", "640"],
        ["decode", "a.sfu", "-o", "a.png", "--crop", "1,2,3"],
        ["cut", "a.sfu", "-o", "b.sfu"],
        ["info", "a.sfu", "--jsn"],
    ],
)
def test_a_command_line_that_makes_no_sense_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sfumato: cannot understand the command: ")
    assert "--help" in err
    assert err.count("\n") == 1


def test_a_fault_names_what_was_asked_for(
    picture_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["encode", str(picture_file), "-o", str(tmp_path / "a.sfu"), "--quality", "99"]
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"sfumato: cannot encode '{picture_file}': ")


def test_a_bug_says_so_without_a_traceback(
    asset_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(source: object) -> None:
        raise RuntimeError("the impossible happened")

    monkeypatch.setattr(sfumato, "verify", broken)
    monkeypatch.delenv("SFUMATO_TRACEBACK", raising=False)
    assert main(["verify", str(asset_file)]) == 1
    err = capsys.readouterr().err
    assert "RuntimeError: the impossible happened" in err and "SFUMATO_TRACEBACK=1" in err
    assert "Traceback" not in err
    monkeypatch.setenv("SFUMATO_TRACEBACK", "1")
    assert main(["verify", str(asset_file)]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_lack_of_memory_is_a_fault_of_the_size_not_a_bug(
    asset_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def greedy(source: object) -> None:
        raise MemoryError

    monkeypatch.setattr(sfumato, "verify", greedy)
    assert main(["verify", str(asset_file)]) == 2
    assert "not enough memory" in capsys.readouterr().err


def test_a_warning_is_one_line(
    asset_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warns(source: object) -> str:
        warnings.warn("the second page is ignored", UserWarning, stacklevel=2)
        return "fine"

    monkeypatch.setattr(sfumato, "verify", warns)
    assert main(["verify", str(asset_file)]) == 0
    assert capsys.readouterr().err == "sfumato: warning: the second page is ignored\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes behave otherwise here")
def test_a_reader_that_goes_away_is_no_error_message(asset_file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            command("info", asset_file, "--json"), stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_a_closed_stdout_does_not_matter(asset_file: Path) -> None:
    line = 'exec "$0" -m sfumato verify "$1" >&-'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, str(asset_file)], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
