"""Files from servers: all of one or its first bytes, taken up again where a connection broke."""

from __future__ import annotations

from dataclasses import dataclass

from sfumato.container import Budget
from sfumato.delivery.download import Download, FetchSettings
from sfumato.files import is_url

__all__ = ["Download", "FetchSettings", "Fetched", "fetch", "is_url"]


@dataclass(frozen=True)
class Fetched:
    """What was fetched: a whole file or a prefix of one, every chunk of it checked.

    received: bytes of answers read, those that came twice or lay behind the budget included.
    requests: how many were made. resumed: how many of them asked for the rest after a break. restarted: how many of
        them had to read the file from its beginning again.
    """

    data: bytes
    received: int
    requests: int
    resumed: int
    restarted: int


def fetch(url: str, budget: Budget | str | None = None, settings: FetchSettings | None = None) -> Fetched:
    """The file at `url`, or the longest prefix of it that keeps `budget`.

    budget: "5%", "30KB", "2000 splats", "level 2" or a `Budget`. From a server that knows ranges little more is asked
        for than the prefix; from another one the answer is closed behind it.

    Raises: NetworkError if the server cannot be reached, refuses, compresses or keeps breaking off; ChangedError if the
        file became another one meanwhile; LimitError for more than `settings.max_bytes`; BudgetError if the budget
        cannot hold the base level; FormatError, of the subclass that fits, for damage; SettingsError for an address
        that is none.
    """
    download = Download(url, budget, settings)
    for _ in download:
        pass
    return Fetched(bytes(download.data), download.received, download.requests, download.resumed, download.restarted)
