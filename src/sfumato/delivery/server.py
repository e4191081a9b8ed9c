"""A server for assets on one's own machine: files, a gallery, the viewer. In production any static host does.

What the answers promise is written down in docs/delivery.md and is what `check.check_url` looks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sfumato.delivery.answers import AsAnnounced, WithHeaders, is_news
from sfumato.delivery.describe import Description, describe
from sfumato.delivery.gallery import POLICY, Card, gallery, viewer_link, viewer_missing
from sfumato.delivery.headers import IMMUTABLE, PAGE_TYPES, PREFLIGHT, REVALIDATE, hash_in_name
from sfumato.delivery.poster import poster
from sfumato.delivery.shelf import MAX_LISTED, Hashes, Shelf
from sfumato.delivery.throttle import Throttle
from sfumato.errors import FormatError, InputError, SettingsError, SfumatoError

VIEWER = Path(__file__).parent.parent / "viewer_dist"
"""Where the built viewer lies, if this installation has it."""

_METHODS = ["GET", "HEAD", "OPTIONS"]
_RANGES = re.compile(r"bytes\s*=\s*(\d+-\d*|-\d+)(\s*,\s*(\d+-\d*|-\d+))*")
_MAX_POSTERS = 512  # remembered, about 30 KB each
_SECONDS_TO_FINISH = 1  # for answers under way when the server is stopped


def application(shelf: Shelf, *, rate: float | None = None, viewer: Path = VIEWER) -> ASGIApp:
    """The ASGI application that serves `shelf`.

    rate: bytes a second on every connection, None for as fast as it goes. viewer: the folder of the built viewer, which
        need not be there.
    """
    host = _Host(shelf, viewer)
    routes = [
        Route("/", host.front),
        Route("/viewer/{name:path}", host.viewer, methods=_METHODS),
        Route("/{name:path}", host.asset, methods=_METHODS),
    ]
    app: ASGIApp = AsAnnounced(WithHeaders(Starlette(routes=routes)))
    return app if rate is None else Throttle(app, rate)


def serve(
    shelf: Shelf,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    rate: float | None = None,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until interrupted.

    port: 0 for a free one. rate: as in `application`. started: called with the address once it answers.
    Raises: SettingsError if the address cannot be had.
    """
    listener = _listen(host, port)
    server = _server(application(shelf, rate=rate))
    with listener, contextlib.suppress(KeyboardInterrupt):
        # The socket listens already: what is asked from now on is answered as soon as the loop runs.
        started(_address(listener))
        server.run(sockets=[listener])


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application from a thread while the block runs; gives its address, such as "http://127.0.0.1:41234"."""
    with _listen("127.0.0.1", 0) as listener:
        server = _server(app)
        thread = threading.Thread(target=partial(server.run, sockets=[listener]), daemon=True)
        thread.start()
        try:
            yield _address(listener).rstrip("/")
        finally:
            server.should_exit = True
            thread.join()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (")[0].lower()
        raise SettingsError(
            f"cannot serve at {host}, port {port}: {reason}; another port may be free, --port 0 finds one"
        ) from error


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # answers that are cut off here are no news
        await super().shutdown(sockets)


def _server(app: ASGIApp) -> uvicorn.Server:
    server = _Server(
        uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )
    logging.getLogger("uvicorn.error").addFilter(is_news)  # once, however often: it is the same function
    return server


def _address(listener: socket.socket) -> str:
    """Where this machine reaches the server."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # every address is no address to open
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class _Host:
    """Answers requests for the files of a shelf, the gallery of them and the viewer."""

    def __init__(self, shelf: Shelf, viewer: Path) -> None:
        self._shelf = shelf
        self._viewer = Shelf.folder(viewer, PAGE_TYPES) if viewer.is_dir() else None
        self._hashes = Hashes()
        self._posters: dict[str, bytes | None] = {}  # by the file's hash
        self._drawing = asyncio.Lock()  # one poster at a time, in one thread: others answer for files meanwhile

    async def front(self, request: Request) -> Response:
        """The gallery; where one file alone is served, the viewer with it."""
        if self._shelf.only is not None and self._viewer is not None:
            return RedirectResponse(viewer_link(self._shelf.only))
        cards = await to_thread.run_sync(lambda: [self._card(name) for name in self._shelf.assets()])
        title = self._shelf.only or self._shelf.root.name or "/"
        return _html(gallery(title, cards, self._viewer is not None))

    async def viewer(self, request: Request) -> ASGIApp:
        """A file of the viewer, compressed as hosts do; what the shelf has in a folder of that name otherwise."""
        name = request.path_params["name"]
        if self._viewer is None and name in ("", "missing"):
            return _html(viewer_missing(request.query_params.get("src", "").lstrip("/")))
        page = name or "index.html"
        if self._viewer is not None and (path := self._viewer.find(page)):
            return GZipMiddleware(await self._file(request, path, self._viewer.media_type(page)), compresslevel=6)
        return await self._asset(request, f"viewer/{name}")

    async def asset(self, request: Request) -> Response:
        """A file of the shelf, or its poster."""
        return await self._asset(request, request.path_params["name"])

    async def _asset(self, request: Request, name: str) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        path = await to_thread.run_sync(self._shelf.find, name)
        if path is None:
            return Response("There is no such file here.\n", 404, media_type="text/plain")
        if "poster" in request.query_params:
            return await self._poster(request, path)
        return await self._file(request, path, self._shelf.media_type(name))

    async def _file(self, request: Request, path: Path, media_type: str) -> Response:
        try:
            status = path.stat()
            digest = await to_thread.run_sync(self._hashes.of, path, status)
        except OSError:  # removed or made unreadable a moment ago
            return Response("The file cannot be read.\n", 404, media_type="text/plain")
        tag = f'"{digest[:32]}"'
        named = hash_in_name(path.name)
        caching = IMMUTABLE if named is not None and digest.startswith(named) else REVALIDATE
        headers = {"ETag": tag, "Cache-Control": caching}
        if (wanted := request.headers.get("if-match")) and tag not in _tags(wanted) and wanted.strip() != "*":
            return Response(status_code=412, headers=headers)
        response = FileResponse(path, headers=headers, media_type=media_type, stat_result=status)
        if _unchanged(request, tag, response.headers["last-modified"]):
            return Response(status_code=304, headers={**headers, "Last-Modified": response.headers["last-modified"]})
        if not _RANGES.fullmatch(request.headers.get("range", "").strip().lower()):
            # What is no range of bytes is ignored (RFC 9110, 14.2).
            raw = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
            request.scope["headers"] = raw
        return response

    async def _poster(self, request: Request, path: Path) -> Response:
        missing = Response("There is no picture of this file.\n", 404, media_type="text/plain")
        try:
            digest = await to_thread.run_sync(self._hashes.of, path, path.stat())
        except OSError:
            return missing
        headers = {"Cache-Control": REVALIDATE, "ETag": f'"{digest[:32]}-p"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if digest not in self._posters:
            async with self._drawing:
                # Whoever left the page meanwhile wants no picture any more.
                if digest not in self._posters and not await request.is_disconnected():
                    await to_thread.run_sync(self._draw, path, digest)
        data = self._posters.get(digest)
        return missing if data is None else Response(data, media_type="image/jpeg", headers=headers)

    def _draw(self, path: Path, digest: str) -> None:
        try:
            data = poster(path, describe(path).medium)
        except (OSError, SfumatoError):
            data = None
        while len(self._posters) >= _MAX_POSTERS:
            del self._posters[next(iter(self._posters))]
        self._posters[digest] = data

    def _card(self, name: str) -> Card:
        path = self._shelf.find(name)
        try:
            if path is None:
                return Card(name, None, "it is not there any more")
            status = path.stat()
            return Card(name, *_described(path, status.st_mtime_ns, status.st_size))
        except (OSError, InputError) as error:
            return Card(name, None, getattr(error, "strerror", None) or str(error))


@lru_cache(2 * MAX_LISTED)
def _described(path: Path, modified_ns: int, size: int) -> tuple[Description | None, str]:
    """What a file is, or what is wrong with it; read again when its time or size has changed."""
    try:
        return describe(path), ""
    except FormatError as error:
        return None, str(error)


def _html(text: str) -> Response:
    return HTMLResponse(text, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]


def _unchanged(request: Request, tag: str, modified: str) -> bool:
    """Whether a 304 answers the request (RFC 9110, 13.2.2)."""
    if (known := request.headers.get("if-none-match")) is not None:
        return known.strip() == "*" or tag in [found.removeprefix("W/") for found in _tags(known)]
    return request.headers.get("if-modified-since") == modified
