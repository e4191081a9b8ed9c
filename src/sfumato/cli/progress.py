"""Progress on stderr: a bar with the time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from sfumato.media.image.encode import Progress

_REDRAW_SECONDS = 0.1
_LINE_SECONDS = 5.0  # in logs: often enough to see that it is alive, rare enough to read
_BAR_WIDTH = 24


class ProgressDisplay:
    """Shows the `Progress` it is called with; leaves a clean line behind as a context manager.

    stream: where to write, by default stderr. Nothing is written if it is closed or `quiet` is set.
    """

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        stream = sys.stderr if stream is None else stream
        self._stream = None if quiet else stream
        self._terminal = self._stream is not None and self._stream.isatty()
        self._next = 0.0
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Show `progress`, unless something was shown a moment ago."""
        now = time.monotonic()
        if self._stream is None or now < self._next:
            return
        self._next = now + (_REDRAW_SECONDS if self._terminal else _LINE_SECONDS)
        with contextlib.suppress(OSError):
            if self._terminal:
                columns = shutil.get_terminal_size().columns
                self._stream.write("\r\x1b[K" + self._line(progress, bar=True)[: columns - 1])
                self._drawn = True
            else:
                self._stream.write(f"sfumato: {self._line(progress, bar=False)}\n")
            self._stream.flush()

    def _line(self, progress: Progress, bar: bool) -> str:
        fraction = min(max(progress.fraction, 0.0), 1.0)
        parts = [progress.stage, f"{100 * fraction:3.0f}%"]
        if bar:
            parts.insert(1, self._bar(fraction))
        if progress.psnr_db is not None:
            parts.append(f"{progress.psnr_db:.2f} dB")
        if progress.seconds_left is not None:
            parts.append(f"{clock(progress.seconds_left)} left")
        return "  ".join(parts)

    def _bar(self, fraction: float) -> str:
        full = round(fraction * _BAR_WIDTH)
        try:
            "━╌".encode(getattr(self._stream, "encoding", None) or "ascii")
        except UnicodeEncodeError:
            return "#" * full + "." * (_BAR_WIDTH - full)
        return "━" * full + "╌" * (_BAR_WIDTH - full)

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn and self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.write("\r\x1b[K")
                self._stream.flush()


def clock(seconds: float) -> str:
    """A duration as people read it: "0:07", "12:30", "1:02:03"."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
