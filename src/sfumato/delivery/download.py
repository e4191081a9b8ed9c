"""One file on its way from a server: which bytes to ask for next, and whether they are still those of the same file."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from sfumato.container import Budget, Parser, select
from sfumato.delivery.http import BROKEN, Answer, check_url_text, is_lasting, reason_of, request
from sfumato.errors import BudgetError, ChangedError, LimitError, NetworkError, SettingsError

_PIECE = 64 * 1024  # read at once, at most
_FIRST_WINDOW = 64 * 1024  # asked for before the budget's end is known: HEAD, base level and INDX of most files
_MAX_REQUESTS = 1000  # of one download: a server that gives a few bytes at a time is not worth more
_MAX_PAUSE_S = 30.0
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses that another attempt may not meet


@dataclass(frozen=True)
class FetchSettings:
    """How patient a client is, and how much it takes.

    timeout_s: the longest wait for an answer, and for any further byte of it.
    max_bytes: more is not kept, whoever announces it.
    attempts: requests that may fail one after the other without a single new byte.
    pause_s: after the first failure; doubled after every further one.

    Raises: SettingsError if one is outside its range.
    """

    timeout_s: float = 30.0
    max_bytes: int = 1 << 30
    attempts: int = 4
    pause_s: float = 0.5

    def __post_init__(self) -> None:
        for name, value, good, range_ in (
            ("timeout_s", self.timeout_s, 0 < self.timeout_s <= 3600, "more than 0, at most 3600"),
            ("max_bytes", self.max_bytes, self.max_bytes >= 1, "at least 1"),
            ("attempts", self.attempts, 1 <= self.attempts <= 100, "1 to 100"),
            ("pause_s", self.pause_s, 0 <= self.pause_s <= _MAX_PAUSE_S, f"0 to {_MAX_PAUSE_S:.0f}"),
        ):
            if not good:
                raise SettingsError(f"cannot fetch with {name} = {value}: it must be {range_}")


class Download:
    """A file on its way: iterating gives its bytes in order as they arrive, each of them once.

    >>> decoder = ImageDecoder()
    >>> for data in Download("https://host/cat.sfu", "25%"):
    ...     decoder.feed(data)

    Without a budget it is one GET, read as a stream. With one, ranges are asked for until INDX has said where the
    budget ends, and then the rest. After a break the file is asked for from its last complete chunk on; what came
    already is compared with what comes again. Arguments and errors are those of `client.fetch`.

    data: the bytes so far. received, requests, resumed, restarted: see `client.Fetched`.
    """

    def __init__(self, url: str, budget: Budget | str | None = None, settings: FetchSettings | None = None) -> None:
        check_url_text(url)
        self.url = url
        self.data = bytearray()
        self.received = self.requests = self.resumed = self.restarted = 0
        self._budget = Budget.parse(budget) if isinstance(budget, str) else budget
        self._settings = settings or FetchSettings()
        self._parser = Parser(unquote(urlsplit(url).path.rpartition("/")[2]) or url)
        self._end: int | None = None  # of the prefix that keeps the budget, once it is known
        self._origin = _Origin(url)

    def __iter__(self) -> Iterator[bytes]:
        failures = 0
        while not self._finished:
            before = len(self.data)
            try:
                yield from self._ask(again=failures > 0)
                fault: Exception = OSError("the server sends nothing")
            except BROKEN as error:
                if is_lasting(error):
                    raise NetworkError(f"cannot fetch '{self.url}': {reason_of(error)}; check the address") from error
                fault = error
            else:
                if len(self.data) > before:
                    failures = 0
                    continue
            failures = 1 if len(self.data) > before else failures + 1
            if failures >= self._settings.attempts or self.requests >= _MAX_REQUESTS:
                raise NetworkError(self._given_up(fault, failures)) from fault
            time.sleep(min(self._settings.pause_s * 2 ** (failures - 1), _MAX_PAUSE_S))
        if self._end is None or len(self.data) < self._end:
            self._parser.close()

    @property
    def _finished(self) -> bool:
        if self._end is not None and len(self.data) >= self._end:
            return True
        total = self._origin.total
        return self._parser.finished if total is None else len(self.data) >= total

    def _ask(self, *, again: bool) -> Iterator[bytes]:
        """One request and its answer. again: after a break, when what is no complete chunk is not relied on."""
        first = self._parser.position if again else len(self.data)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self._origin.ranges is not False and (first or self._budget is not None):
            headers["Range"] = f"bytes={first}-{'' if self._budget is None else self._window() - 1}"
            if first and self._origin.validator:
                headers["If-Range"] = self._origin.validator
        self.requests += 1
        with request(self.url, headers, timeout_s=self._settings.timeout_s) as answer:
            at = self._origin.check(answer, first, ranged="Range" in headers)
            if at < first and not self.restarted:
                warnings.warn(
                    f"'{self.url}': the server does not know ranges, so the file is read from its beginning again; "
                    "'sfumato check-url' says how to mend that",
                    UserWarning,
                    stacklevel=2,
                )
            self.restarted += at < first
            self.resumed += again and at == first > 0
            if self._budget is None and self._origin.total is not None:
                self._check_length(self._origin.total)
            yield from self._take(answer, at)

    def _window(self) -> int:
        """The byte up to which to ask, so that the budget is kept as well as it is known."""
        budget, have, total = self._budget, len(self.data), self._origin.total
        assert budget is not None
        if self._end is not None:
            return self._end
        guess = max(2 * have, _FIRST_WINDOW)
        if budget.unit == "bytes":
            guess = math.floor(budget.amount)
        elif budget.unit == "percent" and total is not None:
            guess = math.floor(budget.amount * total / 100)
        # A budget that is too small is read beyond, up to INDX, so that the error can say what it takes.
        return guess if guess > have else 2 * have + _FIRST_WINDOW

    def _take(self, answer: Answer, at: int) -> Iterator[bytes]:
        """The new bytes of an answer whose body begins at byte `at` of the file."""
        left = answer.length
        while left != 0 and not (self._end is not None and len(self.data) >= self._end):
            piece = answer.read(_PIECE)
            if not piece:
                if left is not None:
                    raise OSError(f"the connection broke off {left:,} bytes before the answer's end")
                if answer.ends_marked and answer.status == 200:
                    self._origin.total = len(self.data)
                return
            self.received += len(piece)
            left = None if left is None else left - len(piece)
            known = self.data[at : at + len(piece)]
            if piece[: len(known)] != known:
                raise ChangedError(f"cannot go on with '{self.url}': its bytes are no longer the same; fetch it anew")
            at += len(piece)
            if new := self._keep(piece[len(known) :]):
                yield new

    def _keep(self, new: bytes) -> bytes:
        """Check and keep the file's next bytes; returns those within the budget."""
        before = len(self.data)
        self.data += new
        self._parser.feed(new)
        if self._end is None and self._budget is not None and self._parser.index is not None:
            try:
                self._end = select(self._parser.prefixes(), self._budget).length
            except BudgetError as error:
                raise BudgetError(f"cannot fetch '{self.url}': {error}") from None
        if self._end is not None:
            del self.data[self._end :]
        self._check_length(self._end or len(self.data))
        return new[: len(self.data) - before]

    def _check_length(self, length: int) -> None:
        if length > self._settings.max_bytes:
            raise LimitError(
                f"cannot fetch '{self.url}': it takes {length:,} bytes or more, and max_bytes allows "
                f"{self._settings.max_bytes:,}; use a budget or allow more"
            )

    def _given_up(self, fault: Exception, failures: int) -> str:
        safe = f"; the first {self._parser.position:,} bytes are intact" if self._parser.position else ""
        times = f" ({failures} times)" if failures > 1 else ""
        return f"cannot fetch '{self.url}': {reason_of(fault)}{times}{safe}; try again later"


class _Origin:
    """What a server said of a file, and whether it goes on saying the same.

    total: bytes of the file, None until it is known. ranges: whether the server knows ranges, None likewise.
    """

    def __init__(self, url: str) -> None:
        self.total: int | None = None
        self.ranges: bool | None = None
        self._start = f"cannot fetch '{url}'"
        self._tag = self._modified = ""

    @property
    def validator(self) -> str:
        """For If-Range: a strong ETag, else the time of the last change."""
        return self._tag if self._tag.startswith('"') else self._modified

    def check(self, answer: Answer, first: int, *, ranged: bool) -> int:
        """Hold an answer to what was asked: the file from byte `first` on; returns the byte at which its body begins.

        Raises: OSError for what may pass; ChangedError; NetworkError.
        """
        if answer.status in _PASSING:
            raise OSError(f"the server answers {answer.status}")
        if answer.status == 416 and first:
            raise ChangedError(f"{self._start}: the file is shorter than it was; fetch it anew")
        if answer.status not in (200, 206):
            raise NetworkError(f"{self._start}: the server answers {answer.status}; check the address")
        if answer.encoding:
            raise NetworkError(
                f"{self._start}: the server compresses it ({answer.encoding}), which spoils sizes and ranges; "
                "'sfumato check-url' says how to mend that"
            )
        self._check_same(answer)
        if answer.status == 200:
            self.ranges = False if ranged else self.ranges
            self._learn_total(answer.length)
            return 0
        found = answer.range
        if not ranged or found is None or found.first != first:
            raise NetworkError(f"{self._start}: the server answers with another range than was asked for")
        self.ranges = True
        self._learn_total(found.total)
        return first

    def _check_same(self, answer: Answer) -> None:
        tag, modified = answer.header("ETag"), answer.header("Last-Modified")
        changed = self._tag != tag if self._tag and tag else self._modified != modified and self._modified and modified
        if changed:
            raise ChangedError(f"{self._start}: it was replaced by another file meanwhile; fetch it anew")
        self._tag, self._modified = self._tag or tag, self._modified or modified

    def _learn_total(self, total: int | None) -> None:
        if total is not None and self.total not in (None, total):
            raise ChangedError(f"{self._start}: it had {self.total:,} bytes, now it has {total:,}; fetch it anew")
        self.total = self.total if total is None else total
