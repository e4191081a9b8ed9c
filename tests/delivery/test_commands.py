"""`sfumato serve`, `view`, `publish` and `check-url`."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

import sfumato
from delivery.hosts import GOLDEN, large, scripted
from sfumato.cli import check_url, publish, serve
from sfumato.errors import InputError, NetworkError, SettingsError, SignatureError

RGB = GOLDEN / "image-rgb.sfu"

# The verbs in a parser of their own, run as a process.
ALONE = """
import argparse, sys
from sfumato.cli import check_url, publish, serve
parser = argparse.ArgumentParser()
verbs = parser.add_subparsers(required=True)
for module in (serve, publish, check_url):
    module.add_arguments(verbs)
chosen = parser.parse_args()
chosen.run(chosen)
"""


def run(*arguments: str | Path) -> None:
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    for module in (serve, publish, check_url):
        module.add_arguments(verbs)
    chosen = parser.parse_args([str(argument) for argument in arguments])
    chosen.run(chosen)


def start(arguments: Sequence[str | Path]) -> tuple[subprocess.Popen[str], str]:
    """A process that serves, and its address."""
    environment = {**os.environ, "PYTHONPATH": str(Path(sfumato.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", ALONE, *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line + process.communicate()[1]
    return process, found[0]


def test_serve_answers_until_ctrl_c_and_ends_quietly(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    shutil.copy(RGB, tmp_path / "rgb.sfu")
    (tmp_path / "large.sfu").write_bytes(large(chunks=1000))
    process, url = start(["serve", tmp_path, "--port", "0", "--rate", "10mbit"])
    try:
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}rgb.sfu", timeout=5) as answer:
            assert answer.read() == RGB.read_bytes()
        slow = urllib.request.urlopen(f"{url}large.sfu", timeout=5)  # still under way when the server ends
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=10)
        slow.close()
    assert process.returncode == 0
    assert complaints == ""


def test_view_opens_a_browser_at_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    server = pytest.importorskip("sfumato.delivery.server", reason="starlette is not installed")
    opened: list[str] = []
    monkeypatch.setattr(serve.webbrowser, "open", lambda url: not opened.append(url))
    monkeypatch.setattr(serve.threading.Thread, "start", lambda thread: thread.run())
    monkeypatch.setattr(server, "serve", lambda shelf, **line: line["started"](f"http://here/{shelf.only}"))
    run("view", RGB)
    assert opened == ["http://here/image-rgb.sfu"]
    run("view", RGB, "--no-browser")
    assert len(opened) == 1
    assert capsys.readouterr().out.count("http://here/image-rgb.sfu") == 2


def test_view_refuses_what_has_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = pytest.importorskip("sfumato.delivery.server", reason="starlette is not installed")
    served: list[str] = []
    monkeypatch.setattr(server, "serve", lambda shelf, **_: served.append(shelf.only))
    (tmp_path / "text.sfu").write_text("hello")
    (tmp_path / "early.sfu").write_bytes(RGB.read_bytes()[:300])
    with pytest.raises(InputError, match="'sfumato serve' shows folders"):
        run("view", GOLDEN)
    with pytest.raises(InputError, match="'sfumato encode' makes them"):
        run("view", __file__)
    with pytest.raises(InputError, match="no file of this machine; download it first"):
        run("view", "https://host/cat.sfu")
    with pytest.raises(SignatureError, match=r"text\.sfu"):
        run("view", tmp_path / "text.sfu")
    assert served == []
    run("view", tmp_path / "early.sfu", "--no-browser")  # ends inside the base level: as much as there is shows
    assert served == ["early.sfu"]


def test_an_address_in_use_is_a_fault_of_the_command() -> None:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="in use; another"):
        run("serve", GOLDEN, "--port", str(taken.getsockname()[1]))
    with pytest.raises(SettingsError, match="cannot serve at no-such-host"):
        run("serve", GOLDEN, "--host", "no-such-host.invalid")


@pytest.mark.parametrize("rate", ["1", "fast", "1mb", "0mbit", "-1mbit", "1e9mbit", "0.5kbit"])
def test_a_rate_that_makes_no_sense_is_refused(rate: str) -> None:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    with pytest.raises(SettingsError, match="cannot understand the rate"):
        run("serve", GOLDEN, f"--rate={rate}")


def test_check_url_shows_what_to_mend_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    data = RGB.read_bytes()
    with scripted(lambda host, _: host.say(200, data)) as (url, _):
        with pytest.raises(NetworkError, match="faults in cors, range") as caught:
            run("check-url", url, "--host", "nginx")
        shown = capsys.readouterr().out
        with pytest.raises(NetworkError):
            run("check-url", url, "--json")
        report = json.loads(capsys.readouterr().out)
    assert caught.value.exit_code == 1
    assert re.search(r"^fault   range .*\n {20}nginx: ", shown, re.MULTILINE)
    assert "Cloudflare" not in shown
    assert report["faults"] == ["cors", "range"]
    assert {"name", "verdict", "found", "mend"} == report["findings"][0].keys()


def test_publish_says_which_names_it_gave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed")
    run("publish", RGB, GOLDEN / "image-grey.sfu", tmp_path)
    assert capsys.readouterr().out.startswith("image-rgb.sfu: image-rgb.644aa3a5.sfu, 2,042 bytes\n")
    run("publish", RGB, tmp_path, "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["written"] == []
    assert report["assets"][0]["file"] == "image-rgb.644aa3a5.sfu"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["serve", "."], "sfumato[serve]"),
        (["view", "x.sfu"], "sfumato[serve]"),
        (["publish", "a", "b"], "sfumato[publish]"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_installs_it(
    arguments: list[str], hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=re.escape(f"pip install '{hint}'")):
        run(*arguments)
