"""deploy/nginx.conf, in a real nginx: everything a static host of `.sfu` files should do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from delivery.hosts import GOLDEN, get
from delivery.nginx import NGINX, nginx_serving
from sfumato.container import cut
from sfumato.delivery.check import check_url
from sfumato.delivery.client import fetch

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

SCENE = (GOLDEN / "scene" / "scene-degree-3.sfu").read_bytes()
SCRIPT = "export const one = 1;\n" * 1000
HASHED = f"bike.{hashlib.sha256(SCENE).hexdigest()[:8]}.sfu"


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
    (site / "viewer" / "sfumato-view.js").write_text(SCRIPT)
    (site / "notes.txt").write_text("private")
    (site / ".hidden.sfu").write_text("private")
    (place / "secret.sfu").write_text("private")
    (site / "link.sfu").symlink_to("../secret.sfu")
    with nginx_serving(place, site) as address:
        yield address


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


def test_the_viewer_is_compressed_on_its_way(host: str) -> None:
    _, headers, body = get(host, "/viewer/sfumato-view.js", "Accept-Encoding: gzip")
    assert headers["content-encoding"] == "gzip"
    assert len(body) < len(SCRIPT) / 2
    assert get(host, "/viewer/sfumato-view.js")[2] == SCRIPT.encode()


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
