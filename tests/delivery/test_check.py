"""Checking hosts: a good one passes, and every fault is found by name, with what to do about it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from delivery.hosts import large, scripted
from sfumato.container import cut
from sfumato.delivery.check import CheckReport, Finding, check_url
from sfumato.delivery.remedies import REMEDIES
from sfumato.errors import SettingsError

DATA = large(chunks=4)
GOOD = {
    "Content_Type": "application/vnd.sfu",
    "Cache_Control": "no-cache",
    "Access_Control_Allow_Origin": "*",
    "Access_Control_Expose_Headers": "ETag, Content-Range",
    "Cross_Origin_Resource_Policy": "cross-origin",
    "Timing_Allow_Origin": "*",
}


def good(host: Any, data: bytes = DATA, **changed: str) -> None:
    """Answers as a host should, but for the headers in `changed`; empty ones are left out."""
    headers = {**GOOD, **changed}
    if host.command == "OPTIONS":
        host.say(204, Access_Control_Allow_Headers="range, if-range", Content_Length="", **headers)
    elif host.headers.get("Range") == f"bytes={len(data)}-":
        host.say(416, Content_Range=f"bytes */{len(data)}", **headers)
    else:
        host.part(data, **headers)


def check(play: Callable[[Any], None], path: str = "/cat.sfu") -> CheckReport:
    with scripted(lambda host, _: play(host)) as (url, _):
        return check_url(url.replace("/cat.sfu", path), timeout_s=5)


def wrong(report: CheckReport) -> dict[str, Finding]:
    return {finding.name: finding for finding in report.findings if finding.verdict != "ok"}


def test_a_good_host_has_nothing_to_mend() -> None:
    report = check(good)
    assert wrong(report) == {}
    assert report.faults == ()
    assert {finding.name for finding in report.findings} == {*REMEDIES} - {"host", "https", "redirect"}
    assert not any(finding.mend for finding in report.findings)


@pytest.mark.parametrize(
    ("changed", "name", "verdict"),
    [
        ({"Access_Control_Allow_Origin": ""}, "cors", "fault"),
        ({"Access_Control_Allow_Origin": "https://other.example"}, "cors", "fault"),
        ({"Access_Control_Expose_Headers": "Content-Length"}, "expose", "advice"),
        ({"Content_Type": "text/plain"}, "type", "advice"),
        ({"Cache_Control": ""}, "caching", "advice"),
        ({"Cache_Control": "no-store"}, "caching", "advice"),
        ({"Cache_Control": "max-age=\xb2"}, "caching", "advice"),
        ({"Cache_Control": "public, max-age=31536000, immutable"}, "caching", "advice"),
        ({"ETag": ""}, "etag", "advice"),
        ({"ETag": 'W/"one"'}, "etag", "advice"),
        ({"Timing_Allow_Origin": ""}, "embedding", "advice"),
        ({"Content_Encoding": "gzip"}, "encoding", "fault"),
    ],
)
def test_a_wrong_header_is_found_and_can_be_mended(changed: dict[str, str], name: str, verdict: str) -> None:
    found = wrong(check(lambda host: good(host, **changed)))
    assert found[name].verdict == verdict
    assert set(found[name].mend) == {"nginx", "s3", "cloudflare"}
    assert all(found[name].mend.values())


def test_a_host_that_ignores_ranges_has_a_fault() -> None:
    report = check(lambda host: host.say(200, DATA, ETag='"one"', **GOOD))
    assert report.faults == ("range",)
    assert "ignored" in wrong(report)["range"].found


def test_a_host_that_sends_other_bytes_has_a_fault() -> None:
    def play(host: Any) -> None:
        good(host, DATA[:500] + bytes(len(DATA) - 500)) if "Range" in host.headers else good(host)

    assert check(play).faults == ("range",)


def test_a_host_whose_ranges_are_closed_to_other_pages_has_a_fault() -> None:
    report = check(lambda host: good(host, **({"Access_Control_Allow_Origin": ""} if "Range" in host.headers else {})))
    assert report.faults == ("range",)
    assert "add_header Access-Control-Allow-Origin * always" in wrong(report)["range"].mend["nginx"]


def test_a_host_that_is_closed_to_other_pages_has_one_fault() -> None:
    assert check(lambda host: good(host, Access_Control_Allow_Origin="")).faults == ("cors",)


def test_a_redirect_that_pages_elsewhere_cannot_follow_is_a_fault() -> None:
    def moved(host: Any, **headers: str) -> None:
        if host.path == "/cat.sfu":
            host.say(302, Location="/moved.sfu", **headers)
        else:
            good(host)

    found = wrong(check(moved))
    assert found["cors"].verdict == "fault"
    assert "redirect" in found["cors"].found
    assert "the address behind the redirect" in found["cors"].mend["nginx"]
    assert "OPTIONS is answered with 302" in found["preflight"].found  # which browsers do not follow
    assert wrong(check(lambda host: moved(host, Access_Control_Allow_Origin="*"))).keys() == {"preflight"}


def test_a_host_that_mixes_versions_gets_advice() -> None:
    def play(host: Any) -> None:
        if "If-Range" in host.headers:
            del host.headers["If-Range"]
        good(host)

    assert wrong(check(play)).keys() == {"if-range"}


def test_a_host_that_refuses_other_methods_gets_advice() -> None:
    report = check(lambda host: good(host) if host.command == "GET" else host.say(405))
    assert wrong(report).keys() == {"head", "preflight"}
    assert report.faults == ()


def test_compression_for_browsers_alone_is_found_too() -> None:
    def play(host: Any) -> None:
        good(host, **({"Content_Encoding": "br"} if "br" in host.headers.get("Accept-Encoding", "") else {}))

    report = check(play)
    assert report.faults == ("encoding",)
    assert [f.verdict for f in report.findings if f.name == "file"] == ["ok"]


def test_a_length_that_is_not_told_gets_advice() -> None:
    def play(host: Any) -> None:
        good(host, Content_Length="") if host.command == "GET" and "Range" not in host.headers else good(host)

    assert {"length", "beyond"} <= wrong(check(play)).keys()


def test_names_with_hashes_should_be_kept() -> None:
    assert wrong(check(good, "/cat.0123abcd.sfu")).keys() == {"caching"}
    assert wrong(check(lambda host: good(host, Cache_Control="max-age=31536000"), "/cat.0123abcd.sfu")) == {}


def test_what_is_no_file_of_ours_is_a_fault() -> None:
    page = check(lambda host: good(host, b"<html>" * 100))
    assert "file" in page.faults
    assert wrong(page)["file"].found.startswith("it is no intact .sfu file: this is not an .sfu file")
    assert "file" in check(lambda host: good(host, DATA[:700] + b"?" + DATA[701:])).faults
    assert "file" in check(lambda host: good(host, DATA + b"more")).faults
    assert "file" in check(lambda host: good(host, b"")).faults


def test_a_cut_is_told_apart_from_a_whole_file() -> None:
    found = wrong(check(lambda host: good(host, cut(DATA, "level 0"))))
    assert found.keys() == {"file"}
    assert found["file"].verdict == "advice"
    assert "the first" in found["file"].found


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_ends_the_check(status: int) -> None:
    report = check(lambda host: host.say(status))
    assert report.faults == ("answer",)
    assert len(report.findings) == 1


def test_no_server_is_a_finding_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    report = check_url(f"http://127.0.0.1:{port}/cat.sfu")
    assert report.faults == ("answer",)
    assert "refused" in report.findings[0].found
    assert "firewall" in report.findings[0].mend["nginx"]


def test_https_where_there_is_none_is_told_apart_from_no_server() -> None:
    with scripted(lambda host, _: good(host)) as (url, _):
        report = check_url(url.replace("http:", "https:"))
    assert report.faults == ("answer",)
    assert "https does not work there" in report.findings[0].found
    assert "ssl_certificate" in report.findings[0].mend["nginx"]


def test_a_redirect_in_circles_has_its_own_remedy() -> None:
    report = check(lambda host: host.say(302, Location="/cat.sfu"))
    assert report.faults == ("answer",)
    assert "redirect" in report.findings[0].mend["nginx"]


def test_a_host_that_breaks_off_now_and_then_does_not_break_the_check() -> None:
    report = check(lambda host: good(host) if host.command == "GET" and "Range" not in host.headers else None)
    assert report.faults == ("range",)
    assert {"if-range", "beyond", "head", "preflight"} <= wrong(report).keys()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e9])
def test_a_timeout_that_makes_no_sense_is_refused(seconds: float) -> None:
    with pytest.raises(SettingsError, match="cannot wait"):
        check_url("http://host/cat.sfu", timeout_s=seconds)


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(SettingsError):
        check_url("cat.sfu")
