"""Files to a folder or an object store, under names with hashes and with the headers that caches want."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from sfumato.container import verify
from sfumato.delivery.describe import describe
from sfumato.delivery.headers import ASSET_TYPES, IMMUTABLE, REVALIDATE, SFU_TYPE
from sfumato.delivery.http import check_url_text
from sfumato.errors import InputError, OutputError, SettingsError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

MANIFEST = "manifest.json"
_HASH_DIGITS = 8  # of SHA-256: 32 bits tell the versions of one name apart
_MAX_MANIFEST = 16 * 1024 * 1024  # bytes; about 50,000 assets
_SCHEMES = ("s3://", "gs://", "az://")
_RETRIES: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_INSTANCE = "169.254.169.254"  # where keys are asked for if there are none, which servers in a cloud alone can do


@dataclass(frozen=True)
class Published:
    """An asset where it was published, as the manifest says it.

    name: of the file that was given. file: its name there. bytes, sha256: of the file. medium, splats,
    first_picture_bytes, quality_db: see `describe.Description`. complete: whether it is a whole asset and no cut.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    medium: str
    splats: int
    first_picture_bytes: int
    quality_db: float | None
    complete: bool


@dataclass(frozen=True)
class PublishReport:
    """What was published: all that was given, the names of what was not there yet, and what the manifest says."""

    assets: tuple[Published, ...]
    written: tuple[str, ...]
    manifest: Mapping[str, Any]


def publish(
    files: Sequence[str | os.PathLike[str]], destination: str | os.PathLike[str], *, endpoint: str | None = None
) -> PublishReport:
    """Copy `.sfu` files to a folder or an object store, each as name.<hash>.sfu, and list them in manifest.json.

    All files are verified before the first is copied. What is there already under its hash is not sent again, assets
    that were published before stay in the manifest, and the manifest comes last, so that it never names what is not
    there. Of two files with one name the manifest keeps the one published last; the other file stays.

    destination: a folder (made if it is not there), or s3://bucket/prefix. What the store's own tools read from the
        environment (AWS_ACCESS_KEY_ID, AWS_REGION ...) is used. endpoint: of an S3-compatible store.

    Raises: InputError if a file cannot be read; FormatError if one is damaged; SettingsError for no files, two of one
        name or an unknown kind of store; OutputError if the store refuses.
    """
    names = [Path(path).name for path in files]
    if not names:
        raise SettingsError("cannot publish these files: there are none")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(f"cannot publish these files: two of them are called '{twice}'; rename one")
    assets = [_described(path) for path in files]
    target = os.fspath(destination)
    store = _store(target, endpoint)
    try:
        before = _manifest(store, target)
        written = [
            asset.file
            for path, asset in zip(files, assets, strict=True)
            if _put_new(store, asset.file, Path(path), asset.bytes)
        ]
        kept = [entry for entry in before if entry["name"] not in names]
        listed = sorted([*kept, *map(asdict, assets)], key=lambda entry: str(entry["name"]))
        manifest = {"v": 1, "assets": listed}
        data = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
        _put(store, MANIFEST, data, ASSET_TYPES[".json"], REVALIDATE)
    except (BaseError, OSError) as error:
        raise OutputError(f"cannot publish to '{target}': {_reason(error)}") from error
    return PublishReport(tuple(assets), tuple(written), manifest)


def _described(path: str | os.PathLike[str]) -> Published:
    source = Path(path)
    if source.suffix.lower() != ".sfu":
        what = "it is a folder; name the .sfu files in it" if source.is_dir() else "its suffix is not .sfu"
        raise InputError(f"cannot publish '{source}': {what}")
    verify(source)
    described = describe(source)
    with open(source, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Published(
        name=source.name,
        file=f"{source.stem}.{digest[:_HASH_DIGITS]}.sfu",
        bytes=described.bytes,
        sha256=digest,
        medium=described.medium,
        splats=described.splats,
        first_picture_bytes=described.first_picture_bytes,
        quality_db=described.quality_db,
        complete=described.complete,
    )


def _store(destination: str, endpoint: str | None) -> ObjectStore:
    remote = destination.startswith(_SCHEMES)
    if not remote and "://" in destination:
        raise SettingsError(
            f"cannot publish to '{destination}': it is neither a folder nor one of {', '.join(_SCHEMES)}"
        )
    if endpoint is not None and not destination.startswith("s3://"):
        raise SettingsError(f"cannot publish to '{destination}' through an endpoint: only s3:// has one")
    if endpoint is not None:
        _check_endpoint(endpoint)
    try:
        if not remote:
            return LocalStore(Path(destination), mkdir=True)
        if endpoint is None:
            return from_url(destination, retry_config=_RETRIES)
        plain = endpoint.lower().startswith("http://")
        return from_url(
            destination,
            config={"endpoint": endpoint},
            client_options={"allow_http": plain},
            retry_config=_RETRIES,
        )
    except (BaseError, OSError, ValueError) as error:
        raise OutputError(f"cannot publish to '{destination}': {_reason(error)}") from error


def _check_endpoint(endpoint: str) -> None:
    try:
        check_url_text(endpoint)
    except SettingsError:
        raise SettingsError(
            f"cannot publish through the endpoint '{endpoint}': write an address like https://s3.example.com"
        ) from None


def _manifest(store: ObjectStore, destination: str) -> list[dict[str, Any]]:
    """The assets that an earlier manifest lists; none if there is no manifest."""
    start = f"cannot publish to '{destination}': its {MANIFEST}"
    try:
        found = obstore.get(store, MANIFEST)
    except FileNotFoundError:
        return []
    if found.meta["size"] > _MAX_MANIFEST:
        raise OutputError(f"{start} has {found.meta['size']:,} bytes, which is no manifest; move it away")
    try:
        assets = json.loads(bytes(found.bytes()))["assets"]
        if not all(isinstance(entry["name"], str) for entry in assets):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise OutputError(f"{start} was not written by 'sfumato publish'; move it away") from error
    return list(assets)


def _put_new(store: ObjectStore, name: str, path: Path, size: int) -> bool:
    """Copy a file unless it is there; whether it was copied."""
    with contextlib.suppress(FileNotFoundError):
        if obstore.head(store, name)["size"] == size:
            return False
    _put(store, name, path, SFU_TYPE, IMMUTABLE)
    return True


def _put(store: ObjectStore, name: str, data: bytes | Path, media_type: str, caching: str) -> None:
    """Write an object with its headers; folders have none."""
    attributes = {} if isinstance(store, LocalStore) else {"Content-Type": media_type, "Cache-Control": caching}
    obstore.put(store, name, data, attributes=attributes)


def _reason(error: Exception) -> str:
    """An error of the store on one line, without the library's dump behind it."""
    text = str(error).split("\n")[0].strip()
    if _INSTANCE in text:
        keys = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return f"there are no access keys in the environment, such as {keys}; profiles in ~/.aws are not read"
    return text or type(error).__name__
