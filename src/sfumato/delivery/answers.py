"""What every answer of our server keeps to, whatever is behind it: its headers, and the length that it announced."""

from __future__ import annotations

import logging
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sfumato.delivery.headers import CROSS_ORIGIN

_CUT_OFF = "ASGI callable returned without completing response."  # how uvicorn calls what `AsAnnounced` does


class WithHeaders:
    """Adds what every answer says, errors included, so that a page sees why something failed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        common = {**CROSS_ORIGIN, "X-Content-Type-Options": "nosniff"}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in common.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*cast(list[tuple[bytes, bytes]], message["headers"]), *self._headers]
            await send(message)

        await self._app(scope, receive, with_headers)


class AsAnnounced:
    """Holds bodies to their Content-Length when a file is written anew while it is sent.

    What was added behind is left out. Where bytes are missing the connection ends, so that the client sees that it did
    not get all of them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, for as many bytes as it announced."""
        left: int | None = None  # bytes of the body that are still to come; None if their number was not announced
        complete = False

        async def exactly(message: Message) -> None:
            nonlocal left, complete
            if message["type"] == "http.response.start" and scope["method"] != "HEAD":
                told = dict(cast(list[tuple[bytes, bytes]], message["headers"])).get(b"content-length")
                left = None if told is None else int(told)
            elif message["type"] == "http.response.body" and left is not None:
                body, more = message.get("body", b"")[:left], message.get("more_body", False)
                left -= len(body)
                if complete or (left and not more):
                    return
                complete = left == 0
                message = {**message, "body": body, "more_body": not complete}
            await send(message)

        try:
            await self._app(scope, receive, exactly)
        except OSError:  # the file went away or cannot be read any further
            if complete or left is None:
                raise


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's log says more than that an answer was cut off on purpose."""
    return record.getMessage() != _CUT_OFF
