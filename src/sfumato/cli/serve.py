"""`sfumato serve` and `sfumato view`: assets in a browser, from this machine."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import threading
import webbrowser
from typing import TYPE_CHECKING, Any

from sfumato.errors import InputError, SettingsError, TruncatedError

if TYPE_CHECKING:
    from sfumato.delivery.shelf import Shelf


def add_arguments(verbs: Any) -> None:
    """Add both verbs to the command's parser."""
    text = "show the assets of a folder in a browser, from this machine"
    verb = verbs.add_parser("serve", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    verb.set_defaults(run=serve, verb="serve")
    verb.add_argument("file", metavar="FOLDER", help="a folder with .sfu files")
    _add_line(verb, port=8000)

    text = "show one file in a browser"
    verb = verbs.add_parser("view", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    verb.set_defaults(run=view, verb="view")
    verb.add_argument("file", metavar="FILE", help="an .sfu file, or a prefix of one")
    _add_line(verb, port=0)
    verb.add_argument("--no-browser", action="store_true", help="print the address only")


def _add_line(verb: argparse.ArgumentParser, port: int) -> None:
    verb.add_argument("--rate", metavar="RATE", help="as slowly as a line of this rate, such as 1mbit")
    verb.add_argument("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1: this machine alone)")
    shown = str(port) if port else "any free one"
    verb.add_argument("--port", type=_port, default=port, metavar="N", help=f"0 finds a free one ({shown})")


def serve(arguments: argparse.Namespace) -> None:
    """Serve a folder until interrupted."""
    _check_installed()
    from sfumato.delivery.shelf import Shelf

    _run(Shelf.folder(arguments.file), arguments, browser=False)


def view(arguments: argparse.Namespace) -> None:
    """Serve one file until interrupted, and open it. Raises: InputError or FormatError if it is none to view."""
    _check_installed()
    from sfumato.delivery.describe import describe
    from sfumato.delivery.shelf import Shelf
    from sfumato.files import is_url

    if is_url(arguments.file):
        raise InputError(f"cannot view '{arguments.file}': it is no file of this machine; download it first")
    shelf = Shelf.file(arguments.file)
    with contextlib.suppress(TruncatedError):  # as much as there is shows
        describe(arguments.file)  # what is no asset is better told here than on an empty page
    _run(shelf, arguments, browser=not arguments.no_browser)


def _run(shelf: Shelf, arguments: argparse.Namespace, *, browser: bool) -> None:
    from sfumato.delivery.server import serve
    from sfumato.delivery.throttle import parse_rate

    def started(url: str) -> None:
        print(f"{arguments.file}: {url} (Ctrl-C ends it)", flush=True)
        if browser:  # from a thread: some browsers hold the terminal until they end
            threading.Thread(target=_open, args=(url,), daemon=True).start()

    rate = None if arguments.rate is None else parse_rate(arguments.rate)
    serve(shelf, host=arguments.host, port=arguments.port, rate=rate, started=started)


def _open(url: str) -> None:
    if not webbrowser.open(url):
        print("no browser could be opened: open the address yourself", flush=True)


def _check_installed() -> None:
    """Raise SettingsError where what serving needs is missing."""
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(f"cannot serve: {' and '.join(missing)} missing; pip install 'sfumato[serve]'")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)
