"""The progress display: a bar on a terminal, few plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import io

import pytest

from sfumato.cli.progress import ProgressDisplay, clock
from sfumato.media.image.encode import Progress


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class AsciiTerminal(Terminal):
    encoding = "ascii"


def test_a_terminal_sees_share_quality_and_time_left_on_one_line() -> None:
    terminal = Terminal()
    with ProgressDisplay(stream=terminal) as show:
        show(Progress("fitting", 0.5, 31.25, 75.0))
        drawn = terminal.getvalue()
        assert all(part in drawn for part in ("fitting", "50%", "31.25 dB", "1:15 left", "━"))
        assert "\n" not in drawn
    assert terminal.getvalue().endswith("\r\x1b[K"), "the line is wiped at the end"


def test_a_terminal_without_unicode_gets_a_plain_bar() -> None:
    terminal = AsciiTerminal()
    with ProgressDisplay(stream=terminal) as show:
        show(Progress("fitting", 0.25, None, None))
    assert "######.." in terminal.getvalue()
    assert terminal.getvalue().isascii()


def test_a_log_gets_a_line_only_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    log = io.StringIO()
    with ProgressDisplay(stream=log) as show:
        for step in range(200):  # 20 seconds
            now = 100.0 + step / 10
            show(Progress("fitting", step / 200, None, None))
    lines = log.getvalue().splitlines()
    assert 3 <= len(lines) <= 5
    assert lines[0] == "sfumato: fitting    0%"


def test_quiet_shows_nothing() -> None:
    terminal = Terminal()
    with ProgressDisplay(quiet=True, stream=terminal) as show:
        show(Progress("fitting", 0.5, None, None))
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (750, "12:30"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
