"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sfumato.errors import OutputError
from sfumato.files import save


def test_a_saved_file_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "bust.sfu"
    for data in (b"old", b"new and longer"):
        save(path, data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["bust.sfu"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.sfu").write_bytes(b"old")
    (tmp_path / "link.sfu").symlink_to("real.sfu")
    save(tmp_path / "link.sfu", b"new")
    assert (tmp_path / "link.sfu").is_symlink()
    assert (tmp_path / "real.sfu").read_bytes() == b"new"


def test_a_place_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder").mkdir()
    for path, reason in [
        (tmp_path / "nowhere" / "a.sfu", "there is no folder"),
        (tmp_path / "file" / "a.sfu", "there is no folder"),
        (tmp_path / "folder", "it is a folder"),
        (tmp_path / "zero\0byte", "null"),
        (tmp_path / ("long" * 100), "name"),
    ]:
        with pytest.raises(OutputError, match=f"cannot write .*({reason})"):
            save(path, b"data")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"kept"
    assert not os.listdir(tmp_path / "folder")


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="there is no such device")
def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(OutputError, match="not a regular file"):
        save("/dev/null", b"data")


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_full_disk_or_an_interruption_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise failure

    path = tmp_path / "bust.sfu"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises((OutputError, KeyboardInterrupt)) as info:
        save(path, b"new")
    if isinstance(failure, OSError):
        assert os.strerror(errno.ENOSPC) in str(info.value) and "bust.sfu" in str(info.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["bust.sfu"]
