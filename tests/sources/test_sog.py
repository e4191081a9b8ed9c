"""SOG files of both versions are read as they are meant; hostile ones give one sentence."""

from __future__ import annotations

import json
import math
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scene_files import shared
from sog_files import palette, planes, sog, unpacked, webp, zipped

from sfumato.errors import InputError
from sfumato.sources import sog as reader
from sfumato.sources.scene import read_scene
from sfumato.sources.sog import read_sog
from sfumato.splats import Splats3D


def expected(count: int, degree: int, version: int, index: int) -> dict[str, Any]:
    """The splat `index` of `sog_files.sog`, one number at a time."""
    pixels = {name: plane.reshape(-1, plane.shape[-1]).tolist() for name, plane in planes(count, 4, 1).items()}
    mean = []
    for axis, (low, high) in enumerate(((-2, 2), (-1, 3), (-0.5, 0.5))):
        step = pixels["means_l"][index][axis] + 256 * pixels["means_u"][index][axis]
        log = low + (high - low) * step / 65535
        mean.append(math.copysign(math.exp(abs(log)) - 1, log))
    *small, tag = pixels["quats"][index]
    rotation = [(v / 255 * 2 - 1) / math.sqrt(2) for v in small]
    rotation.insert(tag - 252, math.sqrt(max(0, 1 - sum(v * v for v in rotation))))
    rotation = [v / math.hypot(*rotation) for v in rotation]
    book = [-3 + 6 * k / 255 for k in range(256)]
    if version == 2:
        scale = [math.exp(book[v]) for v in pixels["scales"][index]]
        color = [book[v] for v in pixels["sh0"][index][:3]]
        opacity = pixels["sh0"][index][3] / 255
    else:
        scale = [math.exp(k - 9 + 8 * v / 255) for k, v in enumerate(pixels["scales"][index])]
        color = [(k + 1) * (2 * v / 255 - 1) for k, v in enumerate(pixels["sh0"][index][:3])]
        opacity = 1 / (1 + math.exp(6 - 12 * pixels["sh0"][index][3] / 255))
    sh = [color]
    if degree:
        shape = planes(count, 4, 1)["sh0"].shape[:2]
        found = palette(degree, 300, shape, 2)
        label = found["shN_labels"].reshape(-1, 3)[index].tolist()
        entry = label[0] + 256 * label[1]
        each = (degree + 1) ** 2 - 1
        row = found["shN_centroids"][entry // 64]
        for k in range(each):
            values = row[(entry % 64) * each + k].tolist()
            sh.append([book[v] if version == 2 else -2 + 4 * v / 255 for v in values])
    return {"mean": mean, "rotation": rotation, "scale": scale, "opacity": opacity, "sh": sh}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_every_number_of_both_versions_is_read_as_specified(tmp_path: Path, version: int, degree: int) -> None:
    scene = read_sog(zipped(tmp_path / "a.sog", *sog(11, degree, version)))
    assert scene.format == f"SOG {version}" and len(scene.splats) == 11 and scene.splats.sh_degree == degree
    for index in range(11):
        for name, value in expected(11, degree, version, index).items():
            np.testing.assert_allclose(getattr(scene.splats, name)[index], value, 1e-5, 1e-6, err_msg=name)


def test_a_zip_a_folder_and_its_meta_json_are_the_same_scene(tmp_path: Path) -> None:
    whole = sog(20, 1)
    folder = unpacked(tmp_path / "unpacked", *whole)
    ways = [
        zipped(tmp_path / "a.sog", *whole),
        zipped(tmp_path / "deflated.sog", *whole, method=zipfile.ZIP_DEFLATED),
        zipped(tmp_path / "in_a_folder.zip", *whole, folder="scene/"),
        folder,
        folder / "meta.json",
    ]
    first, *others = (read_sog(path).splats for path in ways)
    for other in others:
        np.testing.assert_array_equal(first.mean, other.mean)
        np.testing.assert_array_equal(first.sh, other.sh)


def test_any_scene_reader_knows_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.sog", *sog())
    assert read_scene(path).format == read_scene(path.rename(tmp_path / "a.zip")).format == "SOG 2"
    assert read_scene(unpacked(tmp_path / "b", *sog()) / "meta.json").format == "SOG 2"


def test_a_real_scene_is_read(tmp_path: Path) -> None:
    scene = read_sog(shared("splat_playbot_lod_dev") / "6_0")
    splats = scene.splats
    assert len(splats) == 1873 and splats.sh_degree == 2 and not scene.antialiased
    assert np.abs(splats.mean).max() < 1.1  # the box that lod-meta.json states
    np.testing.assert_allclose(np.linalg.norm(splats.rotation, axis=1), 1, atol=1e-6)


def test_a_first_codebook_entry_of_null_is_filled_in_as_other_readers_do(tmp_path: Path) -> None:
    meta, members = sog(40)
    plain = read_sog(zipped(tmp_path / "a.sog", meta, members)).splats
    meta["scales"]["codebook"][0] = None
    patched = read_sog(zipped(tmp_path / "b.sog", meta, members)).splats
    assert np.abs(np.log(patched.scale) - np.log(plain.scale)).max() < 0.1


def test_antialiasing_is_passed_on(tmp_path: Path) -> None:
    meta, members = sog()
    assert read_sog(zipped(tmp_path / "a.sog", meta | {"antialias": True}, members)).antialiased


CHANGES: list[tuple[str, Any, str]] = [
    ("version", 3, "meta.json: SOG version 3 is not known, only 1 and 2"),
    ("count", 0, "has 0 splats"),
    ("count", 21, "quats.webp: 4 x 4 pixels do not hold 21 splats"),
    ("count", 10**12, "has 1,000,000,000,000 splats, the limit is"),
    ("count", "11", "the number of splats is '11'"),
    ("count", True, "the number of splats is True"),
    ("means", None, "'means' is missing or is not an object"),
    ("means.mins", [0, 0], "means.mins must be 3 numbers"),
    ("means.mins", [0, 0, "a"], "means.mins must be 3 numbers"),
    ("means.maxs", [0, 0, 1e999], "means.maxs must be finite numbers"),
    ("means.maxs", [0, 0, 10**400], "means.maxs must be finite numbers"),
    ("means.maxs", [0, 0, 900], "are logarithms"),
    ("means.files", ["means_l.webp"], "means.files must name 2 or more pictures"),
    ("scales.codebook", [], "scales.codebook must be 1..256 numbers"),
    ("scales.codebook", [1.0] * 257, "scales.codebook must be 1..256 numbers"),
    ("scales.codebook", [0.0], "is beyond scales.codebook of 1 entries"),
    ("sh0.files", ["../sh0.webp"], "'../sh0.webp' is not the plain name of a file beside it"),
    ("sh0.files", ["/etc/passwd"], "'/etc/passwd' is not the plain name"),
    ("sh0.files", ["C:x"], "'C:x' is not the plain name"),
    ("sh0.files", ["none.webp"], "none.webp: (the zip has no such member|there is no such file)"),
    ("sh0.files", ["meta.json"], "meta.json: it is not a whole WebP or PNG"),
    ("shN.bands", 2, "shN.bands is 2, the palette is 192 pixels wide"),
    ("shN.count", 2, "shN_labels.webp: label .* is beyond the palette of 2 entries"),
    ("shN.count", None, "shN.count is None"),
    ("shN.files", ["sh0.webp", "shN_labels.webp"], "a palette cannot be 4 pixels wide"),
    ("lodLevels", 3, "a chain of SOGs"),
]


@pytest.mark.parametrize(("key", "value", "says"), CHANGES)
def test_a_broken_promise_is_named_with_file_and_member(tmp_path: Path, key: str, value: Any, says: str) -> None:
    meta, members = sog(11, 1)
    part = meta
    *parents, last = key.split(".")
    for parent in parents:
        part = part[parent]
    part[last] = value
    for path in (zipped(tmp_path / "a.sog", meta, members), unpacked(tmp_path / "b", meta, members)):
        with pytest.raises(InputError, match=f"cannot read '{path}': .*{says}"):
            read_sog(path)


def test_files_that_are_no_sog_are_refused(tmp_path: Path) -> None:
    meta, members = sog()
    whole = zipped(tmp_path / "whole.sog", meta, members).read_bytes()
    contents = {
        "cut.sog": whole[: len(whole) // 2],
        "text.sog": b"hello",
        "empty.sog": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}': it is not a whole zip"):
            read_sog(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_sog(tmp_path / "missing.sog")
    with pytest.raises(InputError, match=r"meta.json: there is no such file"):
        read_sog(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(InputError, match=r"the zip has no meta.json, so it is not a .sog"):
        read_sog(tmp_path / "other.zip")
    with pytest.raises(InputError, match=r"meta.json: it is not JSON"):
        read_sog(zipped(tmp_path / "deep.sog", None, {"meta.json": b"[" * 100_000}))
    with pytest.raises(InputError, match=r"meta.json: it is not a JSON object"):
        read_sog(zipped(tmp_path / "list.sog", [], {}))


def test_declared_sizes_are_checked_before_anything_is_inflated(tmp_path: Path) -> None:
    meta, members = sog()
    members["meta.json"] = b" " * (1 << 25)
    path = zipped(tmp_path / "a.sog", meta, members, method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"meta.json: it has 33,554,432 bytes, the limit is 16,777,216"):
        read_sog(path)


def test_more_bytes_than_declared_are_not_inflated(tmp_path: Path) -> None:
    meta, members = sog()
    path = zipped(tmp_path / "a.sog", meta, members, method=zipfile.ZIP_DEFLATED)
    content, size = path.read_bytes(), len(json.dumps(meta))
    assert content.count(struct.pack("<I", size)) >= 2
    path.write_bytes(content.replace(struct.pack("<I", size), struct.pack("<I", 10)))
    with pytest.raises(InputError, match=r"meta.json: it is damaged"):
        read_sog(path)


def test_pictures_beyond_the_cap_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_PIXELS", 1000)
    meta, members = sog()
    members["sh0.webp"] = webp(np.zeros((50, 50, 4)))
    with pytest.raises(InputError, match=r"sh0.webp: it has 50 x 50 pixels, the limit is 1,000"):
        read_sog(zipped(tmp_path / "a.sog", meta, members))


def test_a_rotation_without_a_valid_tag_is_refused_or_left_out(tmp_path: Path) -> None:
    meta, members = sog(11)
    quats = planes(11, 4, 1)["quats"]
    quats[1, 1, 3] = 40
    members["quats.webp"] = webp(quats)
    path = zipped(tmp_path / "a.sog", meta, members)
    with pytest.raises(InputError, match=r"quats.webp: row 5 and 0 others of 11 have no tag 252..255 .*--repair"):
        read_sog(path)
    scene = read_sog(path, repair=True)
    assert len(scene.splats) == 10 and scene.dropped == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_gives_good_splats_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(zipped(tmp_path / "a.sog", *sog(11, 1)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.sog").write_bytes(content)
    _is_good_or_refused(tmp_path / "a.sog")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(version=st.sampled_from([1, 2]), value=JSON, data=st.data())
def test_any_meta_json_gives_good_splats_or_one_sentence(
    tmp_path: Path, version: int, value: Any, data: st.DataObject
) -> None:
    meta, members = sog(11, 1, version)
    key = data.draw(st.sampled_from(sorted(meta)))
    if isinstance(meta[key], dict) and data.draw(st.booleans()):
        meta[key][data.draw(st.sampled_from(sorted(meta[key])))] = value
    else:
        meta[key] = value
    _is_good_or_refused(zipped(tmp_path / "a.sog", meta, members))


def _is_good_or_refused(path: Path) -> None:
    try:
        splats: Splats3D = read_sog(path).splats
    except InputError as error:
        assert str(error).startswith(f"cannot read '{path}': ") and "\n" not in str(error)
    else:
        assert all(np.isfinite(getattr(splats, name)).all() for name in ("mean", "rotation", "scale", "opacity", "sh"))
        np.testing.assert_allclose(np.linalg.norm(splats.rotation, axis=1), 1, atol=1e-5)
        assert (splats.scale > 0).all() and (splats.opacity >= 0).all() and (splats.opacity <= 1).all()
