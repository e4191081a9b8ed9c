"""What can be told from the head of one answer, and how a finding looks."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal

from sfumato.delivery.headers import SFU_TYPE, hash_in_name
from sfumato.delivery.http import Answer, fault_of, reason_of
from sfumato.delivery.remedies import REMEDIES
from sfumato.errors import NetworkError

Verdict = Literal["ok", "advice", "fault"]

ORIGIN = "https://viewer.example"
"""A page elsewhere, for which requests are made; the name is reserved (RFC 2606)."""

_EXPOSED = ("content-range", "etag")  # of what a viewer reads, all that browsers hide otherwise
_TYPES = (SFU_TYPE, "application/octet-stream")
_EMBEDDING = {"Cross-Origin-Resource-Policy": "cross-origin", "Timing-Allow-Origin": "*"}
_DAY = 86_400


@dataclass(frozen=True)
class Finding:
    """What one check found.

    name: "range", "cors" and so on (docs/delivery.md). verdict: "fault" breaks viewers, "advice" costs bytes, time or
    comfort. found: one sentence. mend: by kind of host ("nginx", "s3", "cloudflare"), what to do; empty if all is well.
    """

    name: str
    verdict: Verdict
    found: str
    mend: Mapping[str, str] = field(default_factory=dict)


def finding(name: str, verdict: Verdict, found: str, remedy: str | None = None) -> Finding:
    """A finding, with what to do about it unless all is well: the check's own remedy if no other is named."""
    return Finding(name, verdict, found, {} if verdict == "ok" else REMEDIES[remedy or name])


def no_answer(error: Exception) -> Finding:
    """Why the host has no answer that could be judged."""
    if isinstance(error, NetworkError):
        return finding("answer", "fault", f"there is none: {error}", "redirect")
    remedy = "https" if isinstance(fault_of(error), ssl.SSLError) else "host"
    return finding("answer", "fault", f"there is none: {reason_of(error)}", remedy)


def allows_all(answer: Answer) -> bool:
    """Whether pages elsewhere may read the answer."""
    return _allows_all(answer.headers)


def _allows_all(headers: Message) -> bool:
    return str(headers.get("Access-Control-Allow-Origin", "")).strip() in ("*", ORIGIN)


def names(answer: Answer, header: str) -> set[str]:
    """The names that a header lists, in lower case."""
    return {name.strip().lower() for name in answer.header(header).split(",")}


def length_told(answer: Answer) -> Finding:
    """Whether the answer says how long it is."""
    if answer.length is None:
        return finding("length", "advice", "there is no Content-Length: no progress to show, and CDNs drop ranges")
    return finding("length", "ok", f"Content-Length says {answer.length:,} bytes")


def entity_tag(answer: Answer) -> Finding:
    """Whether the answer names its version so that ranges of it can be told apart from others."""
    tag = answer.header("ETag")
    if tag.startswith('"'):
        return finding("etag", "ok", "there is a strong ETag")
    what = "the ETag is weak" if tag else "there is no ETag"
    return finding("etag", "advice", f"{what}: a broken download cannot be resumed safely")


def media_type(answer: Answer) -> Finding:
    """Whether the type is one that nobody takes for text."""
    found = answer.header("Content-Type")
    if found.partition(";")[0].strip().lower() in _TYPES:
        return finding("type", "ok", f"Content-Type is {found}")
    return finding("type", "advice", f"Content-Type is '{found}', not {SFU_TYPE}: CDNs may change or compress it")


def caching(answer: Answer) -> Finding:
    """Whether caches keep what never changes, and ask again for what may."""
    parts = [part.strip().lower() for part in answer.header("Cache-Control").split(",")]
    ages = [int(part[8:]) for part in parts if re.fullmatch(r"max-age=[0-9]{1,10}", part)]
    age = max(ages, default=None)
    hashed = hash_in_name(answer.url.partition("?")[0].partition("#")[0]) is not None
    if "no-store" in parts:
        return finding("caching", "advice", "no-store: every visit fetches everything again")
    if hashed and (age or 0) < _DAY:
        return finding("caching", "advice", "the name holds a hash, but the file may not be kept for long")
    if not hashed and age is None and "no-cache" not in parts:
        return finding("caching", "advice", "there is no Cache-Control: browsers guess how long the file stays good")
    if not hashed and "immutable" in parts:
        return finding("caching", "advice", "immutable, but the name holds no hash: a new version would not be seen")
    return finding("caching", "ok", f"Cache-Control is {answer.header('Cache-Control')}")


def cross_origin(answer: Answer) -> Iterator[Finding]:
    """What pages of other origins may do with the answer."""
    if not all(map(_allows_all, answer.redirects)):
        text = "a redirect on the way lacks Access-Control-Allow-Origin: pages of other origins cannot follow it"
        yield finding("cors", "fault", text, "redirect")
    elif allows_all(answer):
        yield finding("cors", "ok", "pages of every origin may read the file")
        exposed = names(answer, "Access-Control-Expose-Headers")
        hidden = [] if "*" in exposed else [name for name in _EXPOSED if name not in exposed]
        if hidden:
            yield finding("expose", "advice", f"pages elsewhere do not see {', '.join(hidden)}")
        else:
            yield finding("expose", "ok", "pages elsewhere see length, range and ETag")
    else:
        yield finding("cors", "fault", "Access-Control-Allow-Origin does not let pages of other origins read it")
    missing = [f"{name}: {wanted}" for name, wanted in _EMBEDDING.items() if answer.header(name).lower() != wanted]
    if missing:
        yield finding("embedding", "advice", f"{' and '.join(missing)} would let isolated pages load and time it")
    else:
        yield finding("embedding", "ok", "isolated pages may load it, and see how fast it came")
