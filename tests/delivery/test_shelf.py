"""What a folder lets out: known, visible files inside it, by names that mean one thing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfumato.delivery.shelf import Hashes, Shelf
from sfumato.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """shelf/ with two assets and things that stay inside; beside it a secret of the same suffix."""
    root = tmp_path / "shelf"
    (root / "heads").mkdir(parents=True)
    (root / ".git").mkdir()
    for name in ("cat.sfu", "heads/ada.SFU", "notes.txt", ".hidden.sfu", ".git/config.sfu", "poster.jpg", "no-suffix"):
        (root / name).write_bytes(name.encode())
    (tmp_path / "secret.sfu").write_bytes(b"secret")
    return root


def test_known_files_are_found_and_listed(folder: Path) -> None:
    shelf = Shelf.folder(folder)
    assert shelf.find("cat.sfu") == folder / "cat.sfu"
    assert shelf.find("heads/ada.SFU") == folder / "heads" / "ada.SFU"
    assert shelf.media_type("heads/ada.SFU") == "application/vnd.sfu"
    assert shelf.assets() == ["cat.sfu", "heads/ada.SFU"]


@pytest.mark.parametrize(
    "name",
    [
        "", "/", ".", "..", "../secret.sfu", "heads/../cat.sfu", "heads/../../secret.sfu", "./cat.sfu",
        "heads//ada.SFU", "/cat.sfu", "cat.sfu/", "heads", "heads/", "notes.txt", "no-suffix", ".hidden.sfu",
        ".git/config.sfu", "..\\secret.sfu", "heads\\ada.SFU", "cat.sfu\0", "cat.sfu\0.jpg", "C:cat.sfu",
        "cat.sfu::$DATA", "cat.sfu\n", "x" * 5000 + ".sfu", "missing.sfu", "cat.sfu/x.sfu", "%2e%2e/secret.sfu",
        "\ud800.sfu",
    ],
)  # fmt: skip
def test_other_names_find_nothing(folder: Path, name: str) -> None:
    assert Shelf.folder(folder).find(name) is None


@given(name=st.lists(st.sampled_from([*"./\\%:~\0", "..", "../", "shelf", "secret.sfu", "cat.sfu"])).map("".join))
@example(name="../shelf/cat.sfu")
def test_no_name_leads_out(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.getbasetemp() / "closed"
    if not root.exists():
        (root / "shelf" / "shelf").mkdir(parents=True)
        for place in ("secret.sfu", "cat.sfu", "shelf/cat.sfu", "shelf/shelf/cat.sfu"):
            (root / place).write_bytes(b"")
    found = Shelf.folder(root / "shelf").find(name)
    assert found is None or found.relative_to((root / "shelf").resolve()).name == "cat.sfu"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="there are no links here")
def test_links_lead_to_served_files_inside_the_folder_alone(folder: Path) -> None:
    for name, target in {
        "out.sfu": "../secret.sfu",
        "absolute.sfu": str(folder.parent / "secret.sfu"),
        "text.sfu": "notes.txt",
        "hidden.sfu": ".hidden.sfu",
        "config.sfu": ".git/config.sfu",
        "loop.sfu": "loop.sfu",
        "dangling.sfu": "nothing.sfu",
        "same.sfu": "cat.sfu",
        "up": "..",
    }.items():
        (folder / name).symlink_to(target)
    shelf = Shelf.folder(folder)
    refused = ("out.sfu", "absolute.sfu", "text.sfu", "hidden.sfu", "config.sfu", "loop.sfu", "dangling.sfu")
    assert [name for name in refused if shelf.find(name) is not None] == []
    assert shelf.find("up/secret.sfu") is None
    assert shelf.find("up/shelf/cat.sfu") is None
    assert shelf.find("same.sfu") == folder / "cat.sfu"
    assert shelf.assets() == ["cat.sfu", "heads/ada.SFU", "same.sfu"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipes_are_no_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.sfu")
    assert Shelf.folder(folder).find("pipe.sfu") is None


def test_one_file_alone_is_alone(folder: Path) -> None:
    shelf = Shelf.file(folder / "cat.sfu")
    assert shelf.assets() == ["cat.sfu"]
    assert shelf.find("cat.sfu") == folder / "cat.sfu"
    assert shelf.find("poster.jpg") is None


def test_what_cannot_be_served_is_named(folder: Path) -> None:
    for path in (folder / "cat.sfu", folder / "missing", "a\0b"):
        with pytest.raises(InputError, match=r"^cannot serve"):
            Shelf.folder(path)
    with pytest.raises(InputError, match=r"'sfumato view' shows a single file"):
        Shelf.folder(folder / "cat.sfu")
    for path, told in (
        (folder, "is a folder; 'sfumato serve' shows folders"),
        (folder / "notes.txt", "no .sfu file; 'sfumato encode' makes them"),
        (folder / ".hidden.sfu", "begins with a dot .* rename it"),
        (folder / "missing.sfu", "no such file or directory; check the path"),
    ):
        with pytest.raises(InputError, match=f"^cannot serve '{re.escape(str(path))}': .*{told}"):
            Shelf.file(path)


def test_a_hash_is_computed_anew_when_a_file_changes(folder: Path) -> None:
    path, hashes = folder / "cat.sfu", Hashes()
    first = hashes.of(path, path.stat())
    assert hashes.of(path, path.stat()) == first
    path.write_bytes(b"another cat")
    assert hashes.of(path, path.stat()) != first
