"""The server, asked over sockets: ranges, caching, other origins, the gallery, and what it keeps to itself."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import pytest
from media.avatar.heads import small_file
from PIL import Image

from delivery.hosts import GOLDEN, exchange, get, large

pytest.importorskip("starlette", reason="starlette is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

from sfumato.delivery import poster
from sfumato.delivery.check import check_url
from sfumato.delivery.client import fetch
from sfumato.delivery.server import application, serve, serving
from sfumato.delivery.shelf import Shelf
from sfumato.media.scene.asset import SceneAsset

RGB = (GOLDEN / "image-rgb.sfu").read_bytes()
HASHED = f"rgb.{hashlib.sha256(RGB).hexdigest()[:8]}.sfu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parent") / "assets"
    (root / "scenes").mkdir(parents=True)
    shutil.copy(GOLDEN / "image-rgb.sfu", root / "rgb.sfu")
    shutil.copy(GOLDEN / "image-rgb.sfu", root / HASHED)
    shutil.copy(GOLDEN / "image-rgb.sfu", root / "rgb.00000000.sfu")
    shutil.copy(GOLDEN / "image-rgba.sfu", root / "a & <b>.sfu")
    shutil.copy(GOLDEN / "image-grey.sfu", root / "grau 100%.sfu")
    shutil.copy(GOLDEN / "scene" / "scene-degree-3.sfu", root / "scenes" / "bike.sfu")
    (root / "broken.sfu").write_bytes(RGB[:200] + b"?" + RGB[201:])
    (root / "notes.txt").write_text("private")
    (root / ".env").write_text("private")
    (root / ".hidden.sfu").write_bytes(b"private")
    (root.parent / "secret.sfu").write_bytes(b"private")
    if hasattr(os, "symlink"):
        (root / "link.sfu").symlink_to("../secret.sfu")
        (root / "up").symlink_to("..")
    return root


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("viewer")
    (root / "index.html").write_text("<title>viewer</title>")
    (root / "app.js").write_text("0")
    (root / "app.js.map").write_text("{}")
    return root


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    with serving(application(Shelf.folder(folder), viewer=folder / "not-built")) as url:
        yield url


def test_a_file_comes_whole_with_all_that_caches_and_viewers_want(host: str) -> None:
    status, headers, body = get(host, "/rgb.sfu")
    assert (status, body) == (200, RGB)
    assert headers["etag"] == f'"{hashlib.sha256(RGB).hexdigest()[:32]}"'
    assert headers["content-type"] == "application/vnd.sfu"
    assert headers["content-length"] == str(len(RGB))
    assert headers["accept-ranges"] == "bytes"
    assert headers["access-control-allow-origin"] == "*"
    assert "ETag" in headers["access-control-expose-headers"]
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["timing-allow-origin"] == "*"
    assert "last-modified" in headers
    assert not {"content-encoding", "transfer-encoding", "server"} & headers.keys()


def test_files_are_never_compressed(host: str) -> None:
    _, headers, body = get(host, "/rgb.sfu", "Accept-Encoding: gzip, br, zstd")
    assert body == RGB
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=100-", 100, len(RGB)),
        ("bytes=-7", len(RGB) - 7, len(RGB)),
        ("bytes=-99999", 0, len(RGB)),
        ("bytes=2000-99999", 2000, len(RGB)),
        ("Bytes=0-3", 0, 4),
    ],
)
def test_a_range_gives_exactly_its_bytes(host: str, wanted: str, start: int, end: int) -> None:
    status, headers, body = get(host, "/rgb.sfu", f"Range: {wanted}")
    assert (status, body) == (206, RGB[start:end])
    assert headers["content-range"] == f"bytes {start}-{end - 1}/{len(RGB)}"
    assert headers["content-length"] == str(end - start)
    assert headers["access-control-allow-origin"] == "*"


def test_several_ranges_come_in_several_parts(host: str) -> None:
    status, headers, body = get(host, "/rgb.sfu", "Range: bytes=0-3, 10-19, -5")
    assert status == 206
    boundary = headers["content-type"].removeprefix("multipart/byteranges; boundary=").encode()
    assert int(headers["content-length"]) == len(body)
    parts = [part.partition(b"\r\n\r\n") for part in body.split(b"--" + boundary)[1:-1]]
    assert [content.removesuffix(b"\r\n") for _, _, content in parts] == [RGB[:4], RGB[10:20], RGB[-5:]]
    assert f"content-range: bytes 10-19/{len(RGB)}" in parts[1][0].decode().lower()


@pytest.mark.parametrize("wanted", [f"bytes={len(RGB)}-", "bytes=-0", "bytes=99999-100000"])
def test_a_range_behind_the_end_is_refused_with_the_length(host: str, wanted: str) -> None:
    status, headers, _ = get(host, "/rgb.sfu", f"Range: {wanted}")
    assert status == 416
    assert headers["content-range"] == f"bytes */{len(RGB)}"


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes", "bytes=a-b", "bytes=", "bytes=-", "bytes=1-2-3", "bytes=١-٢"])
def test_what_is_no_range_of_bytes_is_ignored(host: str, wanted: str) -> None:
    assert get(host, "/rgb.sfu", f"Range: {wanted}")[::2] == (200, RGB)


def test_a_range_of_another_version_gives_the_whole_file(host: str) -> None:
    _, headers, _ = get(host, "/rgb.sfu", method="HEAD")
    for validator in (headers["etag"], headers["last-modified"]):
        assert get(host, "/rgb.sfu", "Range: bytes=0-3", f"If-Range: {validator}")[::2] == (206, RGB[:4])
    for validator in ('"another"', "W/" + headers["etag"], "Mon, 01 Jan 2001 00:00:00 GMT"):
        assert get(host, "/rgb.sfu", "Range: bytes=0-3", f"If-Range: {validator}")[::2] == (200, RGB)


def test_what_is_known_already_is_not_sent_again(host: str) -> None:
    _, headers, _ = get(host, "/rgb.sfu", method="HEAD")
    for line in (
        f"If-None-Match: {headers['etag']}",
        f'If-None-Match: "x", W/{headers["etag"]}',
        "If-None-Match: *",
        f"If-Modified-Since: {headers['last-modified']}",
    ):
        status, told, body = get(host, "/rgb.sfu", line)
        assert (status, body) == (304, b"")
        assert told["etag"] == headers["etag"]
        assert told["access-control-allow-origin"] == "*"
    assert get(host, "/rgb.sfu", 'If-None-Match: "another"')[0] == 200
    assert get(host, "/rgb.sfu", 'If-Match: "another"')[0] == 412
    assert get(host, "/rgb.sfu", f"If-Match: {headers['etag']}")[0] == 200


def test_head_says_what_get_says(host: str) -> None:
    status, headers, body = get(host, "/rgb.sfu", method="HEAD")
    assert (status, body) == (200, b"")
    volatile = {"date"}
    assert {k: v for k, v in headers.items() if k not in volatile} == {
        k: v for k, v in get(host, "/rgb.sfu")[1].items() if k not in volatile
    }


def test_pages_elsewhere_may_ask_for_ranges(host: str) -> None:
    status, headers, _ = get(host, "/rgb.sfu", "Origin: https://a.example", method="OPTIONS")
    assert status == 204
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-allow-methods"] == "GET, HEAD"
    assert {"range", "if-range"} <= set(headers["access-control-allow-headers"].lower().split(", "))


def test_only_names_that_tell_their_hash_are_kept_for_ever(host: str) -> None:
    assert "immutable" in get(host, f"/{HASHED}")[1]["cache-control"]
    for name in ("rgb.sfu", "rgb.00000000.sfu"):
        assert get(host, f"/{name}")[1]["cache-control"] == "no-cache, no-transform"


def test_the_etag_follows_the_content_and_not_the_time(host: str, folder: Path) -> None:
    path = folder / "changing.sfu"
    path.write_bytes(RGB)
    first = get(host, "/changing.sfu")[1]["etag"]
    os.utime(path, (1, 1))
    assert get(host, "/changing.sfu")[1]["etag"] == first
    path.write_bytes(RGB[:-1] + b"?")
    assert get(host, "/changing.sfu")[1]["etag"] != first
    path.unlink()


@pytest.mark.parametrize(
    "target",
    [
        b"/../secret.sfu", b"/%2e%2e/secret.sfu", b"/%2e%2e%2fsecret.sfu", b"/..%2fsecret.sfu",
        b"/scenes/../../secret.sfu", b"/..%5csecret.sfu", b"/..\\secret.sfu", b"/%252e%252e/secret.sfu",
        b"/%c0%ae%c0%ae/secret.sfu", b"/link.sfu", b"/up/secret.sfu", b"/up/assets/rgb.sfu", b"//etc/hostname",
        b"/%2fetc%2fhostname", b"//secret.sfu", b"/rgb.sfu%00", b"/rgb.sfu%00.jpg", b"/%00/../secret.sfu",
        b"/notes.txt", b"/.env", b"/.hidden.sfu", b"/scenes", b"/scenes/", b"/./rgb.sfu", b"/rgb.sfu/",
        b"/rgb.sfu/../secret.sfu", b"/rgb.sfu;x", b"/rgb%0a.sfu", b"/viewer/../../secret.sfu",
        b"/viewer/..%2f..%2fsecret.sfu", b"/viewer/%2e%2e/%2e%2e/secret.sfu", b"/viewer//etc/hostname",
        b"/viewer/../server.py", b"/%ff.sfu", b"/C:/rgb.sfu", b"/rgb.sfu::$DATA",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder_and_nothing_private_is_served(host: str, target: bytes) -> None:
    for suffix in (b"", b"?poster"):
        status, _, body = get(host, target + suffix)
        assert status in (400, 404), target
        assert b"private" not in body
        assert RGB[:8] not in body


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET ../secret.sfu HTTP/1.1",
        b"GET http://127.0.0.1/../secret.sfu HTTP/1.1",
        b"GET file:///etc/hostname HTTP/1.1",
        b"GET \\..\\secret.sfu HTTP/1.1",
        b"GET /../secret.sfu HTTP/1.0",
        b"GET /\x00 HTTP/1.1",
        b"GET /rgb.sfu\x00 HTTP/1.1",
        b"GET *",
        b"\x00\x01\x02\x03",
    ],
)
def test_strange_requests_get_no_file(host: str, request_line: bytes) -> None:
    answer = exchange(host, request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"private" not in answer
    assert RGB[:8] not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_nothing_can_be_changed(host: str, method: str, folder: Path) -> None:
    assert get(host, "/rgb.sfu", method=method)[0] == 405
    assert (folder / "rgb.sfu").read_bytes() == RGB


def test_the_gallery_shows_every_asset_and_nothing_else(host: str) -> None:
    status, headers, body = get(host, "/")
    page = body.decode()
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert page.count("<img ") == 6
    assert "scenes/bike.sfu" in page
    assert "image · 300 splats · 2,042 bytes" in page
    assert "a &amp; &lt;b&gt;.sfu" in page
    assert "<b>" not in page
    assert 'src="/grau%20100%25.sfu?poster"' in page
    assert "checksum differs" in page
    assert not any(word in page for word in ("notes.txt", ".env", ".hidden", "secret", "link.sfu", "<script"))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("rgb.sfu", (48, 32)),
        ("a%20&%20%3Cb%3E.sfu", None),
        ("grau%20100%25.sfu", None),
        ("scenes/bike.sfu", (480, 360)),
    ],
)
def test_a_poster_is_a_picture_of_the_asset(host: str, name: str, size: tuple[int, int] | None) -> None:
    status, headers, body = get(host, f"/{name}?poster")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    with Image.open(BytesIO(body)) as picture:
        assert size in (None, picture.size)
        low, high = picture.convert("L").getextrema()
        assert high > low + 20


def test_a_head_has_a_poster_too(tmp_path: Path) -> None:
    (tmp_path / "head.sfu").write_bytes(small_file())
    with serving(application(Shelf.folder(tmp_path))) as url:
        assert b"avatar" in get(url, "/")[2]
        with Image.open(BytesIO(get(url, "/head.sfu?poster")[2])) as picture:
            low, high = picture.convert("L").getextrema()
    assert high > low + 20


def test_a_poster_needs_no_more_than_the_beginning(
    host: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = (folder / "scenes" / "bike.sfu").read_bytes()
    shown = [prefix.splats or 0 for prefix in SceneAsset.open(data).prefixes]
    path = tmp_path / "bike.sfu"
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    monkeypatch.setattr(poster, "_MAX_SPLATS", shown[0])  # fewer than the whole scene has
    assert shown[0] < shown[-1]
    assert poster.poster(path, "scene") is not None
    monkeypatch.setattr(poster, "_MAX_SPLATS", shown[0] - 1)
    assert poster.poster(path, "scene") is None


def test_a_poster_that_is_known_already_is_not_sent_again(host: str) -> None:
    _, headers, _ = get(host, "/rgb.sfu?poster")
    status, _, body = get(host, "/rgb.sfu?poster", f"If-None-Match: {headers['etag']}")
    assert (status, body) == (304, b"")


def test_a_slow_poster_holds_up_nothing_but_posters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go, drawn = threading.Event(), []

    def slow(path: Path, _: str) -> bytes:
        drawn.append(path.name)
        assert go.wait(20)
        return b"picture"

    monkeypatch.setattr("sfumato.delivery.server.poster", slow)
    names = [f"{number}.sfu" for number in range(60)]  # more than a server has threads for files
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(large(chunks=1, size=10, seed=number))
    with serving(application(Shelf.folder(tmp_path))) as url, ThreadPoolExecutor(len(names)) as pool:
        wanted = [pool.submit(get, url, f"/{name}?poster") for name in names[1:]]
        while not drawn:
            time.sleep(0.01)
        left = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
        left.sendall(b"GET /0.sfu?poster HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)  # until all have asked
        left.close()
        assert get(url, "/0.sfu")[0] == get(url, "/")[0] == 200
        assert len(drawn) == 1
        go.set()
        assert {answer.result()[2] for answer in wanted} == {b"picture"}
        time.sleep(0.1)
    assert sorted(drawn) == sorted(names[1:])  # whoever left the page wants no picture


def test_a_damaged_asset_has_no_poster(host: str) -> None:
    assert get(host, "/broken.sfu?poster")[0] == 404


def test_without_the_viewer_a_page_says_how_to_build_it(host: str) -> None:
    status, _, body = get(host, "/viewer/?src=%3Cscript%3E.sfu")
    assert status == 200
    assert b"npm run build" in body
    assert b"<script" not in body


def test_the_viewer_is_served_beside_the_assets(folder: Path, viewer: Path) -> None:
    with serving(application(Shelf.folder(folder), viewer=viewer)) as url:
        assert get(url, "/viewer/?src=/rgb.sfu")[2] == b"<title>viewer</title>"
        assert get(url, "/viewer/app.js")[1]["content-type"].startswith("text/javascript")
        assert get(url, "/viewer/app.js.map")[0] == 404
        assert b'href="/viewer/?src=/rgb.sfu"' in get(url, "/")[2]
        assert get(url, "/app.js")[0] == 404


def test_the_viewer_is_compressed_and_assets_are_not(folder: Path, viewer: Path) -> None:
    script = "export const one = 1;\n" * 1000
    (viewer / "long.js").write_text(script)
    with serving(application(Shelf.folder(folder), viewer=viewer)) as url:
        asked = "Accept-Encoding: gzip, deflate, br"
        status, headers, body = get(url, "/viewer/long.js", asked)
        assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "Accept-Encoding")
        assert len(body) < len(script) / 2
        assert get(url, "/viewer/long.js")[2] == script.encode()
        assert get(url, "/viewer/long.js", asked, f"If-None-Match: {headers['etag']}")[0] == 304
        assert "content-encoding" not in get(url, "/rgb.sfu", asked)[1]


def test_one_file_alone_opens_in_the_viewer(folder: Path, viewer: Path) -> None:
    with serving(application(Shelf.file(folder / "rgb.sfu"), viewer=viewer)) as url:
        status, headers, _ = get(url, "/")
        assert (status, headers["location"]) == (307, "/viewer/?src=/rgb.sfu")
        assert get(url, "/rgb.sfu")[2] == RGB
        assert get(url, "/scenes/bike.sfu")[0] == 404


def test_a_slow_line_takes_its_time_on_every_connection(tmp_path: Path) -> None:
    data = large(chunks=5)
    (tmp_path / "cat.sfu").write_bytes(data)
    rate = 100_000
    with serving(application(Shelf.folder(tmp_path), rate=rate)) as url, ThreadPoolExecutor(2) as pool:
        start = time.monotonic()
        found = list(pool.map(lambda _: get(url, "/cat.sfu")[2], range(2)))
        took = time.monotonic() - start
    assert found == [data, data]
    assert took >= len(data) / rate


def test_a_file_that_is_written_anew_while_it_is_sent_breaks_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, path = large(chunks=60), tmp_path / "cat.sfu"
    changes: dict[str, Callable[[], object]] = {
        "longer": lambda: path.open("ab").write(b"more"),
        "shorter": lambda: os.truncate(path, 1000),
        "another": lambda: os.replace(shutil.copy(GOLDEN / "image-rgb.sfu", tmp_path / "new.sfu"), path),
        "gone": path.unlink,
    }
    with serving(application(Shelf.folder(tmp_path), rate=600_000)) as url:
        for name, change in changes.items():
            path.write_bytes(data)
            with urllib.request.urlopen(f"{url}/cat.sfu", timeout=5) as answer:
                found = answer.read(1000)
                change()
                try:
                    found += answer.read()
                except http.client.IncompleteRead as error:
                    found += error.partial
            assert data.startswith(found)
            assert (len(found) == len(data)) == (name != "shorter")
        path.write_bytes(data)
        assert fetch(f"{url}/cat.sfu").data == data
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_addresses_write_in_another_way_are_served(tmp_path: Path) -> None:
    names = ["12:30.sfu", "back\\slash.sfu", "what? #1 50%.sfu", "a+b=c;d&e.sfu", "写真 😀.sfu", "'\".sfu"]
    for name in names:
        shutil.copy(GOLDEN / "image-rgb.sfu", tmp_path / name)
    with serving(application(Shelf.folder(tmp_path))) as url:
        page = get(url, "/")[2].decode()
        posters = re.findall(r'src="(/[^"]*)\?poster"', page)
        assert sorted(map(unquote, posters)) == sorted(f"/{name}" for name in names)
        assert all(get(url, found)[2] == RGB for found in posters)
        links = re.findall(r'href="/viewer/[^"]*src=([^"]*)"', page)
        assert all(get(url, "/" + unquote(found).lstrip("/"))[2] == RGB for found in links)


def test_a_gallery_says_what_is_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(application(Shelf.folder(tmp_path))) as url:
        assert b"sfumato encode" in get(url, "/")[2]
        (tmp_path / "long.sfu").write_bytes(RGB + b"more")
        shutil.copy(GOLDEN / "image-one-splat.sfu", tmp_path / "one.sfu")
        (tmp_path / "growing.sfu").write_bytes(RGB[:100])
        page = get(url, "/")[2].decode()
        assert "2,046 bytes, 4 of them behind its end" in page
        assert "image · 1 splat · " in page
        assert "the file ends after" in page
        (tmp_path / "growing.sfu").write_bytes(RGB)  # the rest has arrived
        assert "the file ends after" not in get(url, "/")[2].decode()
        monkeypatch.setattr("sfumato.delivery.gallery.MAX_LISTED", 3)
        assert "No more than" in get(url, "/")[2].decode()


def test_a_server_for_all_addresses_says_one_that_can_be_opened() -> None:
    told: list[str] = []

    def started(url: str) -> None:
        told.append(url)
        raise KeyboardInterrupt

    serve(Shelf.folder(GOLDEN), host="0.0.0.0", port=0, started=started)
    assert told[0].startswith("http://127.0.0.1:")


def test_our_own_client_and_check_have_nothing_to_complain_about(host: str) -> None:
    assert fetch(f"{host}/rgb.sfu").data == RGB
    for name in ("rgb.sfu", HASHED, "scenes/bike.sfu", "grau%20100%25.sfu"):
        report = check_url(f"{host}/{name}")
        assert [finding for finding in report.findings if finding.verdict != "ok"] == []
