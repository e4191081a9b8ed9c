"""Servers for tests: ours on a free port, one that follows a script, and files that are large enough to break."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sfumato.container import Chunk, Part, assemble

GOLDEN = Path(__file__).parent.parent / "golden"


def large(chunks: int = 40, size: int = 5_000, seed: int = 1) -> bytes:
    """A file of `chunks` refinements of `size` bytes each, which mean nothing, behind a base level of 3,000 bytes."""
    noise = random.Random(seed)
    parts = [Part(Chunk("DEMO", 0, 0, noise.randbytes(3_000)), 100, 20.0)]
    parts += [Part(Chunk("DEMO", 1, 0, noise.randbytes(size)), 50, 21.0 + n / 10) for n in range(chunks)]
    return assemble("image", {"width": 8, "height": 8, "channels": 3}, parts)


def exchange(url: str, request: bytes) -> bytes:
    """What a server answers to exactly these bytes, until it closes or 5 seconds have passed."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
    return answer


def get(url: str, target: str | bytes, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name, and body of the answer to a request for `target`, which goes out as it is."""
    target = target.encode() if isinstance(target, str) else target
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: localhost", b"Connection: close"]
    head, _, body = exchange(url, b"\r\n".join([*lines, *(header.encode() for header in headers), b"", b""])).partition(
        b"\r\n\r\n"
    )
    status, *named = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in named)
    return int(status.split()[1]), {name.lower(): value.strip() for name, value in pairs}, body


class Script(BaseHTTPRequestHandler):
    """Answers as the test's function says, which is called with this handler and the number of the request from 1."""

    def _answer(self) -> None:
        server: Any = self.server
        with server.counting:
            server.asked.append((self.command, self.path, dict(self.headers)))
            number = len(server.asked)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            server.play(self, number)

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def say(self, status: int, body: bytes = b"", /, *, break_after: int | None = None, **headers: str) -> None:
        """Send an answer, of its body `break_after` bytes; underscores of header names stand for hyphens."""
        self.send_response_only(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:break_after])
        self.wfile.flush()
        self.close_connection = True

    def part(self, data: bytes, *, break_after: int | None = None, **headers: str) -> None:
        """Answer as a good server of `data` does."""
        headers = {"ETag": '"one"', **headers}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or self.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
            self.say(200, data, break_after=break_after, **headers)
            return
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        told = f"bytes {first}-{last}/{len(data)}"
        self.say(206, data[first : last + 1], break_after=break_after, Content_Range=told, **headers)


@contextlib.contextmanager
def scripted(
    play: Callable[[Any, int], None], secure: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[tuple[str, str, dict[str, str]]]]]:
    """A server that follows `play`; gives its address and what it was asked: (method, path, headers)."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    if secure is not None:
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    server.play, server.asked, server.counting = play, [], threading.Lock()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if secure else ''}://127.0.0.1:{server.server_port}/cat.sfu", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
