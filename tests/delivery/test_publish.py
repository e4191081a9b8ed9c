"""Publishing: names that tell their content, headers, a manifest, and nothing sent twice."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

from delivery.hosts import GOLDEN, get, large, scripted

pytest.importorskip("obstore", reason="obstore is not installed")

from obstore.exceptions import BaseError

from sfumato.delivery.headers import hash_in_name
from sfumato.delivery.publish import publish
from sfumato.errors import ChecksumError, InputError, OutputError, SettingsError

RGB, GREY, SCENE = GOLDEN / "image-rgb.sfu", GOLDEN / "image-grey.sfu", GOLDEN / "scene" / "scene-degree-3.sfu"


def hashed(path: Path) -> str:
    return f"{path.stem}.{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.sfu"


def test_a_folder_gets_hashed_names_and_a_manifest(tmp_path: Path) -> None:
    target = tmp_path / "site" / "assets"
    report = publish([RGB, SCENE], target)
    assert {path.name for path in target.iterdir()} == {hashed(RGB), hashed(SCENE), "manifest.json"}
    assert (target / hashed(RGB)).read_bytes() == RGB.read_bytes()
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest == report.manifest
    image, scene = manifest["assets"]
    assert image == {
        "name": "image-rgb.sfu",
        "file": hashed(RGB),
        "bytes": 2042,
        "sha256": hashlib.sha256(RGB.read_bytes()).hexdigest(),
        "medium": "image",
        "splats": 300,
        "first_picture_bytes": 441,
        "quality_db": 32.82,
        "complete": True,
    }
    assert (scene["name"], scene["medium"]) == ("scene-degree-3.sfu", "scene")
    assert hash_in_name(image["file"]) == image["sha256"][:8]


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    publish([RGB], tmp_path)
    before = (tmp_path / hashed(RGB)).stat()
    report = publish([RGB, GREY], tmp_path)
    assert report.written == (hashed(GREY),)
    assert (tmp_path / hashed(RGB)).stat() == before
    assert [entry["name"] for entry in report.manifest["assets"]] == ["image-grey.sfu", "image-rgb.sfu"]


def test_a_new_version_takes_the_old_ones_place_in_the_manifest(tmp_path: Path) -> None:
    work, site = tmp_path / "cat.sfu", tmp_path / "site"
    shutil.copy(RGB, work)
    publish([work], site)
    shutil.copy(GREY, work)
    report = publish([work], site)
    assert len(report.manifest["assets"]) == 1
    assert len(list(site.glob("cat.*.sfu"))) == 2


def test_damaged_files_are_not_published(tmp_path: Path) -> None:
    bad = tmp_path / "bad.sfu"
    bad.write_bytes(RGB.read_bytes()[:-1] + b"?")
    with pytest.raises(ChecksumError):
        publish([RGB, bad], tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_what_cannot_be_published_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.sfu"):
        publish([tmp_path / "missing.sfu"], tmp_path)
    with pytest.raises(InputError, match=r"suffix is not \.sfu"):
        publish([Path(__file__)], tmp_path)
    with pytest.raises(InputError, match=r"is a folder; name the \.sfu files in it"):
        publish([GOLDEN], tmp_path)
    with pytest.raises(SettingsError, match="none"):
        publish([], tmp_path)
    with pytest.raises(SettingsError, match=r"two of them are called 'image-rgb\.sfu'; rename one"):
        publish([RGB, GREY, RGB], tmp_path)
    with pytest.raises(SettingsError, match="neither a folder"):
        publish([RGB], "ftp://host/x")
    with pytest.raises(SettingsError, match="endpoint"):
        publish([RGB], tmp_path, endpoint="http://127.0.0.1")
    for endpoint in ("s3.example.com", "http://", "ftp://host"):  # the library panics at them
        with pytest.raises(SettingsError, match=r"write an address like https://s3\.example\.com"):
            publish([RGB], "s3://site/assets", endpoint=endpoint)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot publish to"):
        publish([RGB], tmp_path / "file" / "folder")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"assets": [1]}', '{"assets": [{"file": "x"}]}'])
def test_a_manifest_of_somebody_else_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(OutputError, match="was not written by"):
        publish([RGB], tmp_path)
    assert (tmp_path / "manifest.json").read_text() == text
    assert len(list(tmp_path.iterdir())) == 1


class Bucket:
    """As much of an object store as publishing needs: objects with their headers, large ones sent in parts."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.parts: dict[int, bytes] = {}

    def __call__(self, host: Any, _: int) -> None:
        key, _, query = host.path.partition("?")
        asked = parse_qs(query, keep_blank_values=True)
        body = host.rfile.read(int(host.headers.get("Content-Length", 0)))
        kept = {name: host.headers[name] for name in ("Content-Type", "Cache-Control") if name in host.headers}
        if "uploads" in asked:
            self.objects[key] = b"", kept
            host.say(200, b"<Result><UploadId>1</UploadId></Result>")
        elif "partNumber" in asked:
            self.parts[int(asked["partNumber"][0])] = body
            host.say(200, ETag='"x"')
        elif host.command == "POST":
            self.objects[key] = b"".join(data for _, data in sorted(self.parts.items())), self.objects[key][1]
            host.say(200, b'<Result><Location>x</Location><ETag>"x"</ETag></Result>')
        elif host.command == "PUT":
            self.objects[key] = body, kept
            host.say(200, ETag='"x"')
        elif key in self.objects:
            body, kept = self.objects[key]
            named = {name.replace("-", "_"): value for name, value in kept.items()}
            host.part(body, Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT", **named)
        else:
            host.say(404)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Bucket]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    kept = Bucket()
    with scripted(kept) as (url, _):
        yield url.removesuffix("/cat.sfu"), kept


def test_a_bucket_gets_the_headers_that_caches_and_viewers_want(bucket: tuple[str, Bucket]) -> None:
    endpoint, kept = bucket
    report = publish([RGB], "s3://site/assets", endpoint=endpoint)
    data, headers = kept.objects[f"/site/assets/{hashed(RGB)}"]
    assert data == RGB.read_bytes()
    assert headers["Content-Type"] == "application/vnd.sfu"
    assert "immutable" in headers["Cache-Control"]
    data, headers = kept.objects["/site/assets/manifest.json"]
    assert json.loads(data) == report.manifest
    assert headers == {"Content-Type": "application/json", "Cache-Control": "no-cache, no-transform"}


def test_a_large_file_comes_into_a_bucket_in_parts_and_with_the_same_headers(
    bucket: tuple[str, Bucket], tmp_path: Path
) -> None:
    endpoint, kept = bucket
    path = tmp_path / "große Höhle #1.sfu"
    path.write_bytes(large(chunks=100, size=100_000))
    publish([path], "s3://site", endpoint=endpoint)
    data, headers = kept.objects[f"/site/{quote(hashed(path))}"]
    assert len(kept.parts) > 1
    assert data == path.read_bytes()
    assert headers["Content-Type"] == "application/vnd.sfu"
    assert "immutable" in headers["Cache-Control"]


def test_a_bucket_is_not_sent_what_it_has(bucket: tuple[str, Bucket]) -> None:
    endpoint, _ = bucket
    assert publish([RGB], "s3://site/assets", endpoint=endpoint).written == (hashed(RGB),)
    report = publish([RGB, GREY], "s3://site/assets", endpoint=endpoint)
    assert report.written == (hashed(GREY),)
    assert len(report.manifest["assets"]) == 2


def test_a_store_that_refuses_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with (
        scripted(lambda host, _: host.say(403)) as (url, _),
        pytest.raises(OutputError, match="cannot publish to 's3:"),
    ):
        publish([RGB], "s3://site/assets", endpoint=url.removesuffix("/cat.sfu"))


def test_without_keys_it_is_said_which_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def asks_the_cloud(*_: object) -> None:
        raise BaseError("Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 5s")

    monkeypatch.setattr("obstore.get", asks_the_cloud)
    with pytest.raises(OutputError, match=r"no access keys .* AWS_ACCESS_KEY_ID .* ~/\.aws are not read"):
        publish([RGB], "s3://site/assets")


def test_published_files_are_served_as_immutable(tmp_path: Path) -> None:
    pytest.importorskip("starlette", reason="starlette is not installed")
    from sfumato.delivery.server import application, serving
    from sfumato.delivery.shelf import Shelf

    publish([RGB], tmp_path)
    with serving(application(Shelf.folder(tmp_path))) as url:
        assert "immutable" in get(url, f"/{hashed(RGB)}")[1]["cache-control"]
        assert get(url, "/manifest.json")[1]["content-type"] == "application/json"
