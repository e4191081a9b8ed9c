"""Lines that break."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PAUSE = 0.5  # seconds before hanging up: browsers throw away what they have not handed on when a line breaks


@contextlib.contextmanager
def breaking(origin: str, name: str, after: int) -> Iterator[tuple[str, list[str | None]]]:
    """A server in front of `origin` that hangs up after so many bytes of the file `name`, the first time it is asked.

    Gives its address, and the Range headers with which it is asked for the file.
    """
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = {key: value for key, value in self.headers.items() if key in ("Range", "If-Range")}
            mine = name in self.path and "/viewer/" not in self.path
            if mine:
                asked.append(self.headers.get("Range"))
            try:
                answer = urllib.request.urlopen(urllib.request.Request(origin + self.path, headers=wanted))
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                body = answer.read()
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    if key.lower() not in ("connection", "date", "server"):
                        self.send_header(key, value)
                self.end_headers()
            if mine and len(asked) == 1:
                self.wfile.write(body[:after])
                time.sleep(_PAUSE)
            else:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
