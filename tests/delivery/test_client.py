"""Fetching: whole files, prefixes, broken connections, replaced files, servers that cannot or will not."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import urllib.request
import warnings
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.hosts import large, scripted
from sfumato.container import Parser, cut
from sfumato.delivery import http
from sfumato.delivery.check import check_url
from sfumato.delivery.client import Download, FetchSettings, fetch, is_url
from sfumato.errors import (
    BudgetError,
    ChangedError,
    ChecksumError,
    LimitError,
    NetworkError,
    SettingsError,
    SfumatoError,
    SignatureError,
)

DATA = large()
QUICK = FetchSettings(timeout_s=5, pause_s=0.01)


def test_a_whole_file_is_one_get_without_a_range() -> None:
    with scripted(lambda host, _: host.part(DATA)) as (url, asked):
        found = fetch(url, settings=QUICK)
    assert found.data == DATA
    assert (found.requests, found.resumed, found.restarted, found.received) == (1, 0, 0, len(DATA))
    assert "Range" not in asked[0][2]
    assert asked[0][2]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("budget", ["3%", "5%", "40%", "100%", "9KB", "2 MB", "300 splats", "level 0", "level 1"])
def test_a_budget_gives_what_cutting_the_file_gives(budget: str) -> None:
    with scripted(lambda host, _: host.part(DATA)) as (url, _):
        found = fetch(url, budget, QUICK)
    assert found.data == cut(DATA, budget)


def test_a_budget_asks_a_server_with_ranges_for_little_more() -> None:
    data = large(chunks=400)
    with scripted(lambda host, _: host.part(data)) as (url, asked):
        found = fetch(url, "10%", QUICK)
        small = fetch(url, "10KB", QUICK)
    assert found.data == cut(data, "10%")
    assert found.received <= len(data) // 10
    assert small.received <= 10_000
    assert all("Range" in headers for _, _, headers in asked)


def test_a_budget_reads_no_further_than_it_needs_where_there_are_no_ranges() -> None:
    data = large(chunks=400)
    with warnings.catch_warnings(), scripted(lambda host, _: host.say(200, data)) as (url, _):
        warnings.simplefilter("error")
        found = fetch(url, "2%", QUICK)
    assert found.data == cut(data, "2%")
    assert found.received <= 2 * 64 * 1024
    assert found.requests == 1


def test_a_budget_too_small_for_the_base_level_says_what_it_takes() -> None:
    data = large(chunks=400)
    with scripted(lambda host, _: host.part(data)) as (url, _), pytest.raises(BudgetError, match="it takes 9,") as told:
        fetch(url, "100", QUICK)
    assert str(told.value).startswith(f"cannot fetch '{url}': a budget of 100 bytes")


@settings(max_examples=15)
@given(st.lists(st.integers(1, len(DATA)), min_size=1, max_size=6))
def test_a_broken_connection_is_taken_up_at_the_last_complete_chunk(lengths: list[int]) -> None:
    with scripted(lambda host, n: host.part(DATA, break_after=lengths[n - 1] if n <= len(lengths) else None)) as (
        url,
        asked,
    ):
        found = fetch(url, settings=QUICK_AND_PATIENT)
    assert found.data == DATA
    there = b""
    for (_, _, headers), length in zip(asked, [*lengths, len(DATA)], strict=False):
        parser = Parser()
        parser.feed(there)
        start = parser.position
        assert headers.get("Range") == (f"bytes={start}-" if start else None)
        assert not start or headers["If-Range"] == '"one"'
        there = max(there, DATA[: start + length], key=len)
    assert found.restarted == 0


QUICK_AND_PATIENT = FetchSettings(timeout_s=5, pause_s=0, attempts=10)


def test_a_resumed_download_gives_every_byte_once() -> None:
    cuts = {1: 60_000, 2: 30_000}
    with scripted(lambda host, n: host.part(DATA, break_after=cuts.get(n))) as (url, _):
        download = Download(url, settings=QUICK)
        assert b"".join(download) == DATA
    assert (download.requests, download.resumed) == (3, 2)


def test_a_server_without_ranges_costs_a_warning_and_a_restart() -> None:
    with scripted(lambda host, n: host.say(200, DATA, break_after=90_000 if n == 1 else None)) as (url, _):
        download = Download(url, settings=QUICK)
        with pytest.warns(UserWarning, match="does not know ranges"):
            assert b"".join(download) == DATA
    assert (download.restarted, download.resumed) == (1, 0)
    assert download.received > len(DATA)


def test_a_file_replaced_during_the_download_is_an_error() -> None:
    def play(host, number):
        host.part(DATA, break_after=50_000) if number == 1 else host.part(large(seed=2), ETag='"two"')

    with scripted(play) as (url, _), pytest.raises(ChangedError, match="replaced by another"):
        fetch(url, settings=QUICK)


def test_a_replaced_file_is_noticed_without_an_etag_too() -> None:
    def play(host, number):
        host.say(200, DATA, break_after=50_000) if number == 1 else host.say(200, large(seed=2))

    with (
        scripted(play) as (url, _),
        pytest.warns(UserWarning, match="ranges"),
        pytest.raises(ChangedError, match="no longer the same"),
    ):
        fetch(url, settings=QUICK)


def test_a_file_that_became_shorter_is_an_error() -> None:
    def play(host, number):
        host.say(200, DATA, break_after=50_000) if number == 1 else host.say(416, Content_Range="bytes */7")

    with scripted(play) as (url, _), pytest.raises(ChangedError, match="shorter"):
        fetch(url, settings=QUICK)


def test_a_server_that_gives_short_ranges_is_asked_again_and_again() -> None:
    def play(host, _):
        if "Range" not in host.headers:
            return host.part(DATA, break_after=20_000)
        first = int(host.headers["Range"][6:].split("-")[0])
        piece = DATA[first : first + 40_000]
        told = f"bytes {first}-{first + len(piece) - 1}/{len(DATA)}"
        return host.say(206, piece, ETag='"one"', Content_Range=told)

    with scripted(play) as (url, asked):
        assert fetch(url, settings=QUICK).data == DATA
    assert len(asked) == 6


def test_trouble_that_passes_is_waited_for() -> None:
    with scripted(lambda host, n: host.part(DATA) if n == 3 else host.say(503)) as (url, asked):
        assert fetch(url, settings=QUICK).data == DATA
    assert len(asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410, 204])
def test_a_refusal_is_not_repeated(status: int) -> None:
    refused = pytest.raises(NetworkError, match=f"answers {status}")
    with scripted(lambda host, _: host.say(status)) as (url, asked), refused:
        fetch(url, settings=QUICK)
    assert len(asked) == 1


def test_a_server_that_keeps_breaking_off_is_given_up() -> None:
    given_up = pytest.raises(NetworkError, match=r"broke off .* \(4 times\); the first 8,801 bytes are intact")
    broken = scripted(lambda host, n: host.part(DATA, break_after=10_000 if n == 1 else 0))
    with broken as (url, asked), given_up as caught:
        fetch(url, settings=QUICK)
    assert len(asked) == 4
    assert str(caught.value).startswith(f"cannot fetch '{url}': ")


def test_a_server_that_falls_silent_is_not_waited_for() -> None:
    quiet = threading.Event()

    def play(host, number):
        host.part(DATA, break_after=10_000 if number == 1 else 0)
        quiet.wait(5)

    with scripted(play) as (url, _):
        with pytest.raises(NetworkError, match="timed out"):
            fetch(url, settings=FetchSettings(timeout_s=0.1, pause_s=0, attempts=2))
        quiet.set()


def test_no_server_is_a_network_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NetworkError, match="refused"):
        fetch(f"http://127.0.0.1:{port}/cat.sfu", settings=QUICK)


def test_what_will_not_pass_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    patient = FetchSettings(timeout_s=5, pause_s=30)
    with scripted(lambda host, _: host.part(DATA)) as (url, asked):
        with pytest.raises(NetworkError, match=r"https does not work there .* check the address"):
            fetch(url.replace("http:", "https:"), settings=patient)

        def unknown(*_: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "create_connection", unknown)
        with pytest.raises(NetworkError, match="there is no host of this name; check the address"):
            fetch(url, settings=patient)
    assert asked == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_that_nobody_signed_is_not_trusted(tmp_path: Path) -> None:
    files = [str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")]
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-out", files[0]]
    subprocess.run(["openssl", *made, "-keyout", files[1]], check=True, capture_output=True)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(*files)
    with scripted(lambda host, _: host.part(DATA), secure) as (url, asked):
        with pytest.raises(NetworkError, match=r"certificate is not to be trusted \(self.signed certificate\)"):
            fetch(url, settings=FetchSettings(timeout_s=5, pause_s=30))
        assert "ssl_certificate: the full chain" in check_url(url).findings[0].mend["nginx"]
    assert asked == []


def test_a_chunked_answer_without_a_length_is_read_to_its_end() -> None:
    def play(host, _):
        host.protocol_version = "HTTP/1.1"
        host.send_response_only(200)
        host.send_header("Transfer-Encoding", "chunked")
        host.end_headers()
        for start in range(0, len(DATA), 30_000):
            piece = DATA[start : start + 30_000]
            host.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        host.wfile.write(b"0\r\n\r\n")
        host.close_connection = True

    with scripted(play) as (url, _):
        assert fetch(url, settings=QUICK).data == DATA
        assert fetch(url, "20%", QUICK).data == cut(DATA, "20%")


def test_a_cut_on_the_server_is_fetched_as_it_is() -> None:
    data = cut(DATA, "30%")
    with scripted(lambda host, _: host.part(data)) as (url, _):
        assert fetch(url, settings=QUICK).data == data
        assert fetch(url, "50%", QUICK).data == data


def test_compressed_answers_are_refused() -> None:
    refused = pytest.raises(NetworkError, match=r"compresses it \(gzip\).*check-url")
    with scripted(lambda host, _: host.say(200, DATA, Content_Encoding="gzip")) as (url, _), refused:
        fetch(url, settings=QUICK)


def test_a_wrong_range_is_refused() -> None:
    def play(host, number):
        if number == 1:
            host.part(DATA, break_after=50_000)
        else:
            host.say(206, DATA[:100], ETag='"one"', Content_Range=f"bytes 0-99/{len(DATA)}")

    with scripted(play) as (url, _), pytest.raises(NetworkError, match="another range"):
        fetch(url, settings=QUICK)


def test_damage_is_named_by_the_files_name() -> None:
    damaged = bytearray(DATA)
    damaged[20_000] ^= 1
    with scripted(lambda host, _: host.part(bytes(damaged))) as (url, _):
        with pytest.raises(ChecksumError, match=r"cannot decode 'cat\.sfu': chunk 7"):
            fetch(url, settings=QUICK)
        assert fetch(url, "5%", QUICK).data == cut(DATA, "5%")


def test_an_error_page_is_no_file() -> None:
    with scripted(lambda host, _: host.say(200, b"<html>not here</html>")) as (url, _), pytest.raises(SignatureError):
        fetch(url, settings=QUICK)


def test_more_than_allowed_is_refused_before_it_is_read() -> None:
    with scripted(lambda host, _: host.part(DATA)) as (url, _):
        few = FetchSettings(max_bytes=50_000)
        with pytest.raises(LimitError, match="max_bytes"):
            fetch(url, settings=few)
        with pytest.raises(LimitError, match="max_bytes"):
            fetch(url, "60%", few)
        assert fetch(url, "10%", few).data == cut(DATA, "10%")


def test_a_file_that_never_ends_is_stopped() -> None:
    def play(host, _):
        host.send_response_only(200)
        host.end_headers()
        while True:
            host.wfile.write(DATA[:60_000])

    with scripted(play) as (url, _), pytest.raises((LimitError, ChecksumError, NetworkError, SignatureError)) as caught:
        fetch(url, settings=FetchSettings(max_bytes=55_000))
    assert isinstance(caught.value, LimitError)


def test_redirects_are_followed_and_counted() -> None:
    def play(host, number):
        if host.path == "/cat.sfu":
            host.say(302, Location="/real.sfu")
        elif host.path == "/real.sfu":
            host.part(DATA)
        else:
            host.say(301, Location=f"/circle{number}.sfu")

    with scripted(play) as (url, _):
        assert fetch(url, "10%", QUICK).data == cut(DATA, "10%")
        with pytest.raises(NetworkError, match="in circles"):
            fetch(url.replace("cat", "circle"), settings=QUICK)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
def test_redirects_lead_to_web_servers_alone(target: str) -> None:
    with scripted(lambda host, _: host.say(302, Location=target)) as (url, _), pytest.raises(NetworkError):
        fetch(url, settings=QUICK)


@pytest.mark.parametrize(
    "url",
    ["cat.sfu", "file:///cat.sfu", "http://", "http://a:b@host/x.sfu", "http://host/a b", "http://h:x/", "http://h\n/"],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        fetch(url)


def test_urls_are_told_from_paths() -> None:
    assert is_url("http://host/x.sfu")
    assert is_url("HTTPS://host/x.sfu")
    assert not is_url("http.sfu")
    assert not is_url(b"http://host")


@pytest.mark.parametrize("wrong", [{"timeout_s": 0}, {"max_bytes": 0}, {"attempts": 0}, {"pause_s": -1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        FetchSettings(**wrong)


ODDITIES = st.fixed_dictionaries(
    {},
    optional={
        "Content_Length": st.sampled_from(["", "x", "-1", "99999999999999999999", "7", str(len(DATA) * 2)]),
        "Content_Range": st.sampled_from(
            ["", "bytes 5-2/9", "bytes 0-1/1", "x", f"bytes 0-9/{len(DATA)}", "bytes */4"]
        ),
        "Transfer_Encoding": st.sampled_from(["", "chunked", "gzip"]),
        "Content_Encoding": st.sampled_from(["", "gzip", "identity"]),
        "ETag": st.sampled_from(["", '"one"', 'W/"one"', '"two"', "one"]),
        "Location": st.sampled_from(
            ["", "http://[", "//", "http://127.0.0.1:1/", "ftp://x/", "/cat.sfu", "http://a:x/"]
        ),
    },
)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 206, 302, 304, 416, 500, 999]), st.none() | st.integers(0, len(DATA)), ODDITIES
        ),
        max_size=4,
    ),
    st.sampled_from([None, "5%", "300 splats"]),
)
@pytest.mark.filterwarnings("ignore:.*does not know ranges")
def test_whatever_a_server_does_the_right_bytes_arrive_or_an_error_of_ours(
    odd: list[tuple[int, int | None, dict[str, str]]], budget: str | None
) -> None:
    def play(host, number):
        if number > len(odd):
            return host.part(DATA)
        status, break_after, headers = odd[number - 1]
        return host.say(status, DATA, break_after=break_after, **headers)

    with scripted(play) as (url, _):
        try:
            found = fetch(url, budget, FetchSettings(timeout_s=2, pause_s=0, attempts=6))
        except SfumatoError:
            return
    assert found.data == (DATA if budget is None else cut(DATA, budget))


def test_no_redirect_leaves_encryption_behind() -> None:
    asked = urllib.request.Request("https://host/cat.sfu")
    follow = http.Redirects().redirect_request
    with pytest.raises(NetworkError, match="not encrypted"):
        follow(asked, BytesIO(), 302, "", {}, "http://host/cat.sfu")
    found = follow(asked, BytesIO(), 302, "", {}, "https://other/cat.sfu")
    assert found is not None
    assert found.full_url == "https://other/cat.sfu"
