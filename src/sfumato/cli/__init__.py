"""The `sfumato` command: every verb calls one public function and prints what came out.

Exit codes: 0 done; 1 a bug, or check-url found a fault; 2 the input, a setting or a file is at fault, with one sentence
on stderr; 130 interrupted; 141 the program that read the output went away.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence

from sfumato.cli.arguments import command_parser
from sfumato.errors import SfumatoError

__all__ = ["main"]

_BUG, _FAULT, _INTERRUPTED, _PIPE_CLOSED = 1, 2, 130, 141  # the last two: 128 + SIGINT, 128 + SIGPIPE, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (by default those of the process); returns the exit code."""
    with _warnings_as_lines():
        task = "understand the command"
        try:
            chosen = command_parser().parse_args(arguments)
            task = f"{chosen.verb} '{chosen.file}'"
            chosen.run(chosen)
            if sys.stdout is not None:  # None: it was closed before the program began
                sys.stdout.flush()
            return 0
        except SfumatoError as error:
            _say(_as_sentence(str(error), task))
            return error.exit_code
        except MemoryError:
            _say("cannot go on: there is not enough memory; use a smaller picture or fewer splats")
            return _FAULT
        except KeyboardInterrupt as stop:
            _say(f"interrupted: {str(stop) or 'nothing was written'}")
            return _INTERRUPTED
        except BrokenPipeError:
            _drop_output()
            return _PIPE_CLOSED
        except Exception as error:  # whatever else comes up is a bug, and its report needs the place
            if os.environ.get("SFUMATO_TRACEBACK"):
                traceback.print_exc()
            _say(
                f"unexpected {type(error).__name__}: {error}. This is a bug in Sfumato: run the command again with "
                "SFUMATO_TRACEBACK=1 in the environment and report what it prints"
            )
            return _BUG


def _as_sentence(text: str, task: str) -> str:
    """An error's text on one line, beginning with what cannot be done."""
    line = " ".join(text.split())
    return line if line.startswith("cannot ") else f"cannot {task}: {line}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(f"sfumato: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show warnings as one line each, without the place in the source."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
        yield


def _drop_output() -> None:
    """Let what is still buffered for stdout vanish, so that the interpreter does not complain when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
