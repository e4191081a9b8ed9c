"""The contents of a file decide how it is read; whatever is in it, the answer is splats or one sentence."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scene_files import ply_fields, scene, write_ply

from sfumato.errors import InputError
from sfumato.exports.scene import write_scene
from sfumato.sources.checked import Scene
from sfumato.sources.scene import read_scene


def test_contents_count_more_than_the_suffix(tmp_path: Path) -> None:
    for suffix, name in ((".ply", "3DGS PLY"), (".spz", "SPZ 4")):
        path = tmp_path / f"a{suffix}"
        write_scene(scene(), path)
        assert read_scene(path.rename(tmp_path / "a.splat")).format == name


def test_what_is_no_scene_is_refused_with_what_would_be(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    (tmp_path / "empty.ply").write_bytes(b"")
    (tmp_path / "a.ply.gz").write_bytes(gzip.compress(b"ply\n"))
    for name, says in (
        ("a.jpg", "neither its first bytes nor its suffix are those of a scene; use 3DGS .ply"),
        ("a.ply.gz", "neither its first bytes"),
        ("empty.ply", "the file is empty"),
        ("missing.ply", "no such file"),
        ("nul\0.ply", "null byte"),
        (".", "is a folder|no such file"),
    ):
        with pytest.raises(InputError, match=says):
            read_scene(tmp_path / name)


SAMPLES = {
    ".ply": lambda path: write_ply(path, ply_fields(scene(5, 1))),
    ".spz": lambda path: write_scene(scene(5, 1), path),
    ".splat": lambda path: write_scene(scene(5, 0), path),
}


@pytest.mark.parametrize("suffix", SAMPLES)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_gives_good_splats_or_one_sentence(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"a{suffix}"
    SAMPLES[suffix](path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)) | st.just(len(content)))])
    _is_good_or_refused(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.tuples(*[st.integers(0, 5), st.integers(0, 6)] * 2, st.integers(0, 255)), rest=st.binary(max_size=200))
def test_any_bytes_behind_an_spz_header_give_good_splats_or_one_sentence(
    tmp_path: Path, fields: tuple[int, ...], rest: bytes
) -> None:
    version, count, degree, bits, flags = fields
    plain = struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, flags, 6) + rest
    for content in (plain, gzip.compress(plain)):
        (tmp_path / "a.spz").write_bytes(content)
        _is_good_or_refused(tmp_path / "a.spz")


def _is_good_or_refused(path: Path) -> None:
    for repair in (False, True):
        try:
            found = read_scene(path, repair=repair)
        except InputError as error:
            assert str(error).startswith(f"cannot read '{path}': ")
            continue
        assert isinstance(found, Scene) and len(found.splats) and (repair or not found.dropped)
        splats = found.splats
        assert np.isfinite(splats.mean).all() and np.isfinite(splats.sh).all() and np.isfinite(splats.scale).all()
        assert (splats.scale > 0).all() and ((splats.opacity >= 0) & (splats.opacity <= 1)).all()
        assert np.abs(np.linalg.norm(splats.rotation, axis=1) - 1).max() < 1e-5
