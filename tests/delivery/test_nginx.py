"""deploy/nginx.conf, in a real nginx: everything a static host of `.sfu` files should do."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery.hosts import GOLDEN, get
from sfumato.container import cut
from sfumato.delivery.check import check_url
from sfumato.delivery.client import fetch

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

CONFIGURATION = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text(encoding="utf-8")
SCENE = (GOLDEN / "scene" / "scene-degree-3.sfu").read_bytes()
HASHED = f"bike.{hashlib.sha256(SCENE).hexdigest()[:8]}.sfu"

# What stands around the file on a server; the rest keeps nginx inside the test's folder.
AROUND = """
{user}
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/temp;
    proxy_temp_path {place}/temp;
    fastcgi_temp_path {place}/temp;
    uwsgi_temp_path {place}/temp;
    scgi_temp_path {place}/temp;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
{configuration}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """nginx with our configuration, changed in nothing but port and folder, inside one that compresses all it can."""
    place = tmp_path_factory.mktemp("nginx")
    site = place / "site"
    (site / "scenes").mkdir(parents=True)
    (site / "viewer").mkdir()
    (site / "scenes" / "bike.sfu").write_bytes(SCENE)
    (site / HASHED).write_bytes(SCENE)
    (site / "viewer" / "index.html").write_text("<title>viewer</title>")
    (site / "notes.txt").write_text("private")
    (site / ".hidden.sfu").write_text("private")
    (place / "secret.sfu").write_text("private")
    (site / "link.sfu").symlink_to("../secret.sfu")
    port = free_port()
    changed = CONFIGURATION.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("/srv/sfumato", str(site))
    assert changed.count(str(port)) == changed.count(str(site)) == 1
    user = "user root;" if os.geteuid() == 0 else ""  # the test's folder is open to nobody else
    (place / "nginx.conf").write_text(AROUND.format(user=user, place=place, configuration=changed))
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", place, "-c", place / "nginx.conf"], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_check_url_finds_nothing_to_mend(host: str) -> None:
    for name in (HASHED, "scenes/bike.sfu"):
        report = check_url(f"{host}/{name}")
        assert [finding for finding in report.findings if finding.verdict != "ok"] == []


def test_files_and_their_beginnings_are_fetched(host: str) -> None:
    assert fetch(f"{host}/{HASHED}").data == SCENE
    assert fetch(f"{host}/scenes/bike.sfu", "50%").data == cut(SCENE, "50%")


def test_names_with_hashes_are_kept_and_others_asked_for_again(host: str) -> None:
    assert "immutable" in get(host, f"/{HASHED}")[1]["cache-control"]
    status, headers, _ = get(host, "/scenes/bike.sfu")
    assert (status, headers["cache-control"]) == (200, "no-cache, no-transform")
    assert get(host, "/scenes/bike.sfu", f"If-None-Match: {headers['etag']}")[0] == 304


def test_files_are_not_compressed_where_everything_else_is(host: str) -> None:
    _, headers, body = get(host, f"/{HASHED}", "Accept-Encoding: gzip")
    assert "content-encoding" not in headers
    assert body == SCENE


def test_several_ranges_and_ranges_from_the_end_are_answered(host: str) -> None:
    assert get(host, f"/{HASHED}", "Range: bytes=-7")[::2] == (206, SCENE[-7:])
    status, headers, _ = get(host, f"/{HASHED}", "Range: bytes=0-3,10-19")
    assert status == 206
    assert headers["content-type"].startswith("multipart/byteranges")


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.sfu",
        "/%2e%2e/secret.sfu",
        "/link.sfu",
        "/.hidden.sfu",
        "/notes.txt",
        "/missing.sfu",
        "/scenes/",
        "/",
    ],
)
def test_nothing_outside_and_nothing_private_is_served(host: str, target: str) -> None:
    status, headers, body = get(host, target)
    assert status in (400, 403, 404)
    assert b"private" not in body
    assert "immutable" not in headers.get("cache-control", "")


def test_the_viewer_may_lie_beside_the_files(host: str) -> None:
    status, headers, body = get(host, "/viewer/")
    assert (status, body) == (200, b"<title>viewer</title>")
    assert headers["content-type"] == "text/html; charset=utf-8"
