"""Requests over HTTP with the standard library: a few schemes, few redirects, no answer taken on trust."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from sfumato.errors import NetworkError, SettingsError

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_TRUSTED = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")

# What reading an answer may raise: the connection broke, or the server does not speak HTTP.
BROKEN = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class ContentRange:
    """The bytes an answer holds: from `first` to before `end`, of `total` (None: the server does not say)."""

    first: int
    end: int
    total: int | None


class Answer:
    """An answer whose head has arrived; its body is read piece by piece.

    status: 200, 404 and so on. url: where it came from in the end. headers: by name, letter case ignored.
    redirects: the headers of the redirects that led there.
    """

    def __init__(self, response: Any, redirects: list[Message]) -> None:
        self._response = response
        self.redirects = tuple(redirects)
        self.status: int = response.status
        self.url: str = response.url
        self.headers: Message = response.headers

    def header(self, name: str) -> str:
        """A header's value, "" if there is none."""
        return str(self.headers.get(name, "")).strip()

    @property
    def length(self) -> int | None:
        """Bytes of the body as Content-Length announces them."""
        text = self.header("Content-Length")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    @property
    def range(self) -> ContentRange | None:
        """What Content-Range says, None if it is not there or makes no sense."""
        found = _CONTENT_RANGE.fullmatch(self.header("Content-Range"))
        if found is None:
            return None
        first, end = int(found[1]), int(found[2]) + 1
        total = None if found[3] == "*" else int(found[3])
        return ContentRange(first, end, total) if first < end <= (end if total is None else total) else None

    @property
    def ends_marked(self) -> bool:
        """Whether the body says where it ends, though not at its beginning (chunked transfer)."""
        return "chunked" in self.header("Transfer-Encoding").lower()

    @property
    def encoding(self) -> str:
        """How the body is compressed, "" if it is not."""
        return self.header("Content-Encoding").lower().replace("identity", "")

    def read(self, most: int) -> bytes:
        """The next bytes of the body, at most so many, as soon as there are some; b"" at its end.

        Raises: one of `BROKEN`. A body that ends too early does not, so that its length has to be compared.
        """
        data: bytes = self._response.read1(most)
        return data

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()


def check_url_text(url: str) -> None:
    """Refuse what is no plain http or https address.

    Raises: SettingsError.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError(
            f"cannot fetch {url!r}: write an address like https://host/name.sfu, with special characters as %20"
        )
    if parts.username is not None:
        raise SettingsError("cannot fetch an address with a name or a password in it; leave them out")


def request(url: str, headers: Mapping[str, str], *, timeout_s: float, method: str = "GET") -> Answer:
    """Ask for `url`; GET and HEAD follow up to `MAX_REDIRECTS` redirects, none from https to http.

    timeout_s: the longest wait for a connection and for any further byte.
    Raises: one of `BROKEN` if there is no answer; NetworkError for a redirect that is not followed. Any status is an
        answer.
    """
    asked = _Asked(url, headers=dict(headers), method=method)
    try:
        return Answer(_OPENER.open(asked, timeout=timeout_s), asked.redirects)
    except urllib.error.HTTPError as error:
        if error.status in _REDIRECTS and method in ("GET", "HEAD"):
            raise NetworkError(
                f"cannot fetch '{url}': it redirects more than {MAX_REDIRECTS} times, in circles, or to no web server"
            ) from error
        return Answer(error, asked.redirects)
    except ValueError as error:  # a status line or a length that is no number
        raise http.client.HTTPException(str(error)) from error


def fault_of(error: Exception) -> Exception:
    """What is behind one of `BROKEN`."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, Exception) else error


def reason_of(error: Exception) -> str:
    """Why there is no answer, in a few words."""
    fault = fault_of(error)
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"the certificate is not to be trusted ({fault.verify_message.rstrip('.')})"
    if isinstance(fault, ssl.SSLError):
        return f"https does not work there ({(fault.reason or 'no TLS').lower().replace('_', ' ')})"
    if isinstance(fault, socket.gaierror):
        return "there is no host of this name"
    text = str(getattr(fault, "strerror", None) or fault or type(fault).__name__)
    return text[:1].lower() + text[1:]


def is_lasting(error: Exception) -> bool:
    """Whether asking again would fail in the same way: a bad certificate, no https, a name that no host has."""
    fault = fault_of(error)
    if isinstance(fault, socket.gaierror):
        return fault.errno != socket.EAI_AGAIN
    return isinstance(fault, ssl.SSLError) and fault.reason in _NOT_TRUSTED


class _Asked(urllib.request.Request):
    """A request that remembers the headers of the redirects on its way."""

    redirects: list[Message]

    def __init__(self, *arguments: Any, redirects: list[Message] | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.redirects = [] if redirects is None else redirects


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows at most `MAX_REDIRECTS` redirects, none from https to http."""

    max_redirections = MAX_REDIRECTS
    max_repeats = 2

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request that follows a redirect. Raises: NetworkError if it would not be encrypted any more."""
        if req.type == "https" and not newurl.lower().startswith("https://"):
            raise NetworkError(f"cannot fetch '{req.full_url}': it redirects to '{newurl}', which is not encrypted")
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if found is None or not isinstance(req, _Asked):
            return found
        req.redirects.append(headers)
        return _Asked(
            found.full_url,
            headers=dict(found.headers),
            origin_req_host=found.origin_req_host,
            unverifiable=True,
            method=found.get_method(),
            redirects=req.redirects,
        )


def _opener() -> urllib.request.OpenerDirector:
    """http and https alone (no files, no FTP), through the proxies of the environment."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()
