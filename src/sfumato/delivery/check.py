"""What a host does wrong with a file, found by asking it as viewers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sfumato.container import Parser
from sfumato.delivery.findings import (
    ORIGIN,
    Finding,
    Verdict,
    allows_all,
    caching,
    cross_origin,
    entity_tag,
    finding,
    length_told,
    media_type,
    names,
    no_answer,
)
from sfumato.delivery.http import BROKEN, Answer, check_url_text, reason_of, request
from sfumato.errors import FormatError, NetworkError, SettingsError

__all__ = ["CheckReport", "Finding", "check_url"]

_MOST = 4 * 1024 * 1024  # read of the file in search of INDX
_PIECE = 64 * 1024
_BROWSER = {"Origin": ORIGIN, "Accept-Encoding": "gzip, deflate, br, zstd"}
_PLAIN = {"Origin": ORIGIN, "Accept-Encoding": "identity"}
_ASKED = ("range", "if-range")  # what a resuming viewer sends beyond what needs no permission


@dataclass(frozen=True)
class CheckReport:
    """All findings about one address, in the order of the checks."""

    url: str
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the checks that found a fault."""
        return tuple(each.name for each in self.findings if each.verdict == "fault")


def check_url(url: str, *, timeout_s: float = 20.0) -> CheckReport:
    """Ask the host of `url`, which should be an `.sfu` file, about ten times, and judge its answers.

    timeout_s: the longest wait for an answer and for any further byte; more than 0, at most 3600.
    Raises: SettingsError for an address that is none. Whatever the host does is a finding, not an error.
    """
    check_url_text(url)
    if not 0 < timeout_s <= 3600:
        raise SettingsError(f"cannot wait for {timeout_s:g} seconds: it must be more than 0, at most 3600")
    return CheckReport(url, tuple(_Checks(url, timeout_s).run()))


class _Checks:
    """One run of the checks.

    start: the file's first bytes. length: all of its bytes, None if it is not told. open: whether pages elsewhere may
    read it.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._start = b""
        self._length: int | None = None
        self._tag = ""
        self._open = False

    def run(self) -> Iterator[Finding]:
        try:
            whole = self._ask(_BROWSER, most=_MOST)
            plain = self._ask(_PLAIN, most=_MOST) if whole.encoding else whole
        except (*BROKEN, NetworkError) as error:
            yield no_answer(error)
            return
        if whole.status != 200:
            yield finding("answer", "fault", f"its status is {whole.status}, not 200")
            return
        moved = f", by way of a redirect to {whole.url}" if whole.url != self._url else ""
        yield finding("answer", "ok", f"its status is 200{moved}")
        if whole.encoding:
            text = f"the body is compressed ({whole.encoding}): sizes and ranges are not the file's"
            yield finding("encoding", "fault", text)
        else:
            yield finding("encoding", "ok", "the body is not compressed")
        self._length, self._tag, self._open = plain.length, plain.header("ETag"), allows_all(plain)
        yield self._file()
        yield length_told(plain)
        yield entity_tag(plain)
        yield media_type(plain)
        yield caching(plain)
        yield from cross_origin(plain)
        for name, check in (
            ("range", self._range),
            ("if-range", self._if_range),
            ("beyond", self._beyond),
            ("head", self._head),
            ("preflight", self._preflight),
        ):
            yield self._guarded(name, check)

    def _ask(self, headers: Mapping[str, str], method: str = "GET", most: int = _PIECE) -> Answer:
        """An answer; `self._body` is what came of its body, at most about `most` bytes."""
        with request(self._url, headers, timeout_s=self._timeout_s, method=method) as answer:
            body = bytearray()
            parser = Parser()
            while len(body) < most and (piece := answer.read(_PIECE)):
                body += piece
                if most == _MOST and _seen_enough(parser, piece):
                    break
        self._body = bytes(body)
        if most == _MOST:
            self._start = self._body
        return answer

    def _guarded(self, name: str, check: Callable[[], Finding]) -> Finding:
        try:
            return check()
        except (*BROKEN, NetworkError) as error:
            verdict: Verdict = "fault" if name == "range" else "advice"
            return finding(name, verdict, f"there is no answer: {reason_of(error)}")

    def _file(self) -> Finding:
        parser = Parser(self._url)
        try:
            parser.feed(self._start)
            if self._length == len(self._start):
                parser.close()
        except FormatError as error:
            reason = str(error).removeprefix(f"cannot decode {self._url!r}: ")
            return finding("file", "fault", f"it is no intact .sfu file: {reason}")
        whole = parser.announced_length
        if whole is None or self._length in (None, whole):
            return finding("file", "ok", "it begins as an .sfu file does, checksums included")
        if (self._length or 0) > whole:
            return finding("file", "fault", f"it has {self._length:,} bytes, but announces {whole:,}")
        return finding("file", "advice", f"it is a cut: the first {self._length:,} of {whole:,} bytes")

    def _range(self) -> Finding:
        first = len(self._start) // 3
        last = min(first + 99, max(len(self._start) - 1, 0))
        answer = self._ask({**_PLAIN, "Range": f"bytes={first}-{last}"})
        if answer.status == 200:
            return finding("range", "fault", "ranges are ignored: after a break everything has to come again")
        found = answer.range
        if answer.status != 206 or found is None:
            return finding(
                "range", "fault", f"a range is answered with status {answer.status} and no sound Content-Range"
            )
        if (found.first, found.end) != (first, last + 1) or self._body != self._start[first : last + 1]:
            return finding("range", "fault", "a range is answered with other bytes than those of the file")
        if found.total is not None and self._length not in (None, found.total):
            return finding("range", "fault", f"a range speaks of {found.total:,} bytes, the file has {self._length:,}")
        if answer.encoding:
            return finding("range", "fault", f"ranges are compressed ({answer.encoding})")
        if self._open and not allows_all(answer):
            return finding("range", "fault", "answers with ranges lack Access-Control-Allow-Origin", "cors")
        return finding("range", "ok", "ranges are answered with 206 and the right bytes")

    def _if_range(self) -> Finding:
        if not self._tag.startswith('"'):
            return finding("if-range", "advice", "it cannot be used without a strong ETag")
        same = self._ask({**_PLAIN, "Range": "bytes=0-0", "If-Range": self._tag})
        other = self._ask({**_PLAIN, "Range": "bytes=0-0", "If-Range": '"another"'}, most=1)
        if other.status == 206:
            return finding("if-range", "advice", "it is ignored: parts of two versions of a file could be mixed")
        if same.status != 206:
            return finding("if-range", "advice", "the file's own ETag is not honoured: resuming starts all over")
        return finding("if-range", "ok", "it is honoured: what was replaced is sent anew")

    def _beyond(self) -> Finding:
        if self._length is None:
            return finding("beyond", "advice", "it cannot be tried without Content-Length")
        answer = self._ask({**_PLAIN, "Range": f"bytes={self._length}-"}, most=1)
        told = answer.header("Content-Range")
        if answer.status == 416 and told == f"bytes */{self._length}":
            return finding("beyond", "ok", "a range behind the end is answered with 416 and the length")
        return finding(
            "beyond", "advice", f"a range behind the end is answered with {answer.status}, Content-Range '{told}'"
        )

    def _head(self) -> Finding:
        answer = self._ask(_PLAIN, "HEAD")
        if answer.status != 200:
            return finding("head", "advice", f"HEAD is answered with {answer.status}")
        if self._length is not None and answer.length != self._length:
            return finding("head", "advice", f"HEAD says {answer.length} bytes, GET {self._length}")
        return finding("head", "ok", "HEAD says the same as GET")

    def _preflight(self) -> Finding:
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": ",".join(sorted(_ASKED))}
        answer = self._ask({"Origin": ORIGIN, **asked}, "OPTIONS")
        allowed = names(answer, "Access-Control-Allow-Headers")
        if answer.status in (200, 204) and allows_all(answer) and ("*" in allowed or allowed.issuperset(_ASKED)):
            return finding("preflight", "ok", "Range with If-Range is allowed to pages elsewhere")
        return finding(
            "preflight",
            "advice",
            f"OPTIONS is answered with {answer.status} and does not allow Range with If-Range: pages elsewhere cannot "
            "resume",
        )


def _seen_enough(parser: Parser, piece: bytes) -> bool:
    try:
        parser.feed(piece)
    except FormatError:
        return True
    return parser.index is not None
