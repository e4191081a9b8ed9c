"""Ctrl-C between the steps of a fit, not inside them: a state that is half changed is worth nothing."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """While it is entered, a first Ctrl-C is only noted, for `check`; a second one interrupts at once.

    Outside the main thread, and where something else than Python's own handler waits for Ctrl-C, nothing changes.
    at_once: whether a second one came, which may have been in the middle of anything.
    """

    def __init__(self) -> None:
        self.at_once = False
        self._noted = False
        self._before: Any = None

    def check(self) -> None:
        """Raise the KeyboardInterrupt that was noted, if one was."""
        if self._noted:
            self._noted = False
            raise KeyboardInterrupt

    def __enter__(self) -> Interruption:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if kind is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._noted:
            self.at_once = True
            raise KeyboardInterrupt
        self._noted = True
