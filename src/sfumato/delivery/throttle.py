"""A slow line, made by the server: answers leave as slowly as a phone would receive them."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sfumato.errors import SettingsError

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([kmg]?)bit(?:/s)?")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SLICE_SECONDS = 0.02  # of the line's time in one piece: pictures come out smoothly, timers are not strained
_MAX_LINES = 1024  # remembered; a connection that was silent for so long starts afresh

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


def parse_rate(text: str) -> float:
    """Bytes a second of a rate such as "1mbit", "500kbit" or "1.5 Mbit/s".

    Raises: SettingsError if it is not understood or less than 1 kbit/s.
    """
    found = _RATE.fullmatch(text.strip().lower())
    rate = float(found[1]) * _UNITS[found[2]] / 8 if found else 0.0
    if rate < 125:
        raise SettingsError(f"cannot understand the rate {text!r}: write it like 500kbit or 1mbit; at least 1kbit")
    return rate


class Line:
    """A token bucket: what passes takes as long as on a line of `rate` bytes a second; idle time is not saved up."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._free_at = 0.0

    async def carry(self, count: int) -> None:
        """Wait until `count` more bytes would have arrived."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + count / self.rate
        await asyncio.sleep(self._free_at - now)


class Throttle:
    """An ASGI application whose bodies pass a `Line`, one for each connection.

    rate: bytes a second.
    """

    def __init__(self, application: Application, rate: float) -> None:
        self._application = application
        self._rate = rate
        self._lines: OrderedDict[Any, Line] = OrderedDict()

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer as the application does, slowly."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        line = self._line(scope.get("client"))
        size = max(1, int(self._rate * _SLICE_SECONDS))

        async def slowly(message: MutableMapping[str, Any]) -> None:
            body = message.get("body", b"") if message["type"] == "http.response.body" else b""
            for start in range(0, len(body), size):
                piece = body[start : start + size]
                await line.carry(len(piece))
                more = message.get("more_body", False) or start + size < len(body)
                await send({"type": "http.response.body", "body": piece, "more_body": more})
            if not body:
                await send(message)

        await self._application(scope, receive, slowly)

    def _line(self, client: Any) -> Line:
        """The line of the connection from `client`, its address and port."""
        line = self._lines.pop(client, None) or Line(self._rate)
        self._lines[client] = line
        while len(self._lines) > _MAX_LINES:
            self._lines.popitem(last=False)
        return line
