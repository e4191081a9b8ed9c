"""Splats to a file: nothing is lost that quality does not ask for, the order is useful, and failure leaves nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from media.scene.samples import chunks, decoded, encoded, equal, group_of, scene, scenes, sorted_splats, with_fields
from sfumato.errors import InputError, OutputError, SettingsError
from sfumato.exports.scene import write_scene
from sfumato.media.image.settings import Progress
from sfumato.media.scene.codec import BANDS, LEAVES, NODES
from sfumato.media.scene.encode import SceneSettings, encode_scene, encode_scene_file
from sfumato.splats import Splats3D


@given(scenes())
@settings(max_examples=15)
def test_a_single_level_holds_the_same_splats(splats: Splats3D) -> None:
    levels, single = (encoded(splats, SceneSettings(single_level=flag)) for flag in (False, True))
    found = [sorted_splats(decoded(data).splats) for data in (levels, single)]
    assert equal(*found) and len(found[0]) == len(splats)


def test_a_single_level_is_smaller_and_has_one_chunk_of_splats() -> None:
    splats = scene(400, 1)
    levels, single = encoded(splats, small=True), encoded(splats, SceneSettings(single_level=True))
    assert len(single) < len(levels)
    assert [chunk.kind for chunk in chunks(single)] == [NODES, NODES, LEAVES, BANDS]


def test_quality_buys_precision_with_bytes() -> None:
    splats = scene(300, 1, seed=5)
    sizes, errors = [], []
    for quality in (1 / 16, 1, 16):
        data = encoded(splats, SceneSettings(quality))
        found = decoded(data).splats
        nearest = np.linalg.norm(found.mean[:, None] - splats.mean[None], axis=2).min(axis=0)
        sizes.append(len(data))
        errors.append(float(nearest.mean()))
    assert sizes == sorted(sizes) and errors == sorted(errors, reverse=True) and errors[2] < errors[1] / 4


@pytest.mark.parametrize("quality", [0, 1 / 17, 65, -1, float("nan"), float("inf")])
def test_a_quality_that_makes_no_sense_is_refused(quality: float) -> None:
    with pytest.raises(SettingsError, match="the quality of a scene is 1/16 to 64"):
        SceneSettings(quality)


def test_equal_scenes_give_equal_bytes_and_the_order_of_splats_does_not_show() -> None:
    splats = scene(200, 1, seed=8)
    assert encode_scene(splats) == encode_scene(splats)
    shuffled = splats[np.random.default_rng(0).permutation(200)]
    assert equal(sorted_splats(decoded(encoded(splats)).splats), sorted_splats(decoded(encoded(shuffled)).splats))


def test_chunks_stand_in_an_order_that_any_prefix_can_use() -> None:
    data = encoded(scene(500, 2, seed=3), small=True)
    stages = {NODES: 0, LEAVES: 1, BANDS: 2}
    found = chunks(data)
    assert [stages[c.kind] for c in found] == sorted(stages[c.kind] for c in found)
    assert [c.level for c in found if c.kind == BANDS] == sorted(c.level for c in found if c.kind == BANDS)
    levels = [c.level for c in found if c.kind == LEAVES]
    groups = [group_of(c) for c in found if c.kind == LEAVES]
    for group in set(groups):
        mine = [level for level, g in zip(levels, groups, strict=True) if g == group]
        assert mine == sorted(mine)


def test_what_shows_most_comes_in_the_first_half() -> None:
    splats = scene(200, seed=2, sigma=(0.05, 0.06))
    bright = np.arange(200) % 2 == 0
    splats = with_fields(splats, opacity=np.where(bright, 1.0, 0.02))
    decoder = decoded(encoded(splats))
    first, second = decoder.groups[0].leaves
    assert 5 * first.q.opacity.mean() < second.q.opacity.mean()  # steps below 1


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("count", [1, 2, 21])
def test_few_splats_of_every_degree_make_a_file(count: int, degree: int) -> None:
    splats = scene(count, degree, seed=count)
    decoder = decoded(encoded(splats))
    decoder.close()
    assert len(decoder.splats) == count and decoder.splats.sh_degree == degree


def test_no_splats_and_splats_no_grid_can_hold_are_refused() -> None:
    with pytest.raises(InputError, match="cannot encode 0 splats: a scene has 1 to 20,000,000"):
        encode_scene(Splats3D.empty())
    far = scene(9)
    far.mean[0] = 3e38
    for splats in (far, with_fields(scene(9), scale=np.full((9, 3), 1e-30)), scene(9, sigma=(1e30, 1e31))):
        with pytest.raises(InputError, match="places or scales are too large or too small"):
            encode_scene(splats)


def test_colours_no_display_has_do_not_stop_an_encode() -> None:
    data = encoded(scene(40, 1, color=1e9), SceneSettings(64))
    assert np.isfinite(decoded(data).splats.sh).all()


def test_the_report_says_what_was_written(tmp_path: Path) -> None:
    source, path = tmp_path / "room.ply", tmp_path / "room.sfu"
    write_scene(scene(120, 1), source)
    told: list[Progress] = []
    report = encode_scene_file(source, path, SceneSettings(4), progress=told.append)
    data = path.read_bytes()
    assert (report.path, report.bytes, report.splats) == (path, len(data), 120)
    assert report.chunks == report.prefixes[-1].chunks and report.prefixes[-1].length == len(data)
    assert report.scene.format == "3DGS PLY" and report.scene.dropped == 0 and report.seconds > 0
    assert [one.fraction for one in told] == sorted(one.fraction for one in told) and told[-1].fraction == 1
    assert all(one.stage == "encode" and one.seconds_left is not None for one in told)


def test_what_makes_a_scene_antialiased_stays(tmp_path: Path) -> None:
    for antialiased in (False, True):
        write_scene(scene(5), tmp_path / "a.spz", antialiased=antialiased)
        encode_scene_file(tmp_path / "a.spz", tmp_path / "a.sfu")
        layout = decoded((tmp_path / "a.sfu").read_bytes()).layout
        assert layout is not None and layout.antialiased == antialiased


def test_broken_splats_are_named_or_left_out(tmp_path: Path) -> None:
    splats = scene(30)
    splats.mean[7, 1] = np.nan
    path = tmp_path / "room.ply"
    write_scene(scene(30), path)
    data = bytearray(path.read_bytes())
    size = (len(data) - data.index(b"end_header\n") - 11) // 30
    at = len(data) - 30 * size + 7 * size + 4
    data[at : at + 4] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"cannot read '.*room.ply': row 7 of 30 .*: y is not a finite number"):
        encode_scene_file(path, tmp_path / "room.sfu")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["room.ply"]
    report = encode_scene_file(path, tmp_path / "room.sfu", repair=True)
    assert report.scene.dropped == 1 and report.splats == 29


def test_a_failing_encode_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, path = tmp_path / "room.ply", tmp_path / "room.sfu"
    write_scene(scene(30), source)

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_scene_file(source, path, progress=stop)
    with pytest.raises(OutputError):
        encode_scene_file(source, tmp_path / "nowhere" / "room.sfu")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["room.ply"]
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        encode_scene_file(source, path, progress=stop)
    assert path.read_bytes() == b"before"


def test_settings_cannot_be_changed_behind_the_encoders_back() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SceneSettings().quality = 2  # type: ignore[misc]
