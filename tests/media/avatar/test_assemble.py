"""The order of an avatar's chunks, and what INDX says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from media.avatar.heads import ends, small_avatar, small_file, small_rig
from sfumato.container import Parser
from sfumato.media.avatar import rig_codec
from sfumato.media.avatar.assemble import assemble_avatar
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.growth import stream


def entries(data: bytes) -> list[tuple[str, int, int]]:
    parser = Parser()
    parser.feed(data)
    assert parser.index is not None
    return [(entry.kind, entry.level, entry.splats) for entry in parser.index.entries]


def test_the_mesh_comes_first_and_soon_the_first_shapes_then_splats_level_by_level() -> None:
    data = small_file()
    chunks = Parser().feed(data)
    assert [chunk.kind for chunk in chunks if not chunk.level] == ["MESH", "TREE", "SHAP", *["TREE"] * 3]
    levels = [level for _, level, _ in entries(data)]
    assert levels == sorted(levels) and levels[0] == 1 and levels[-1] == 2


def test_all_shapes_come_soon_one_after_each_chunk_of_splats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig_codec, "_SHAPES_BYTES", 1)
    data = small_file(chunk_splats=3)
    assert [chunk.kind for chunk in Parser().feed(data) if not chunk.level][:4] == ["MESH", "TREE", "SHAP", "TREE"]
    found = entries(data)
    kinds = [kind for kind, level, _ in found if level == 1]
    assert kinds[:8] == ["TREE", "SHAP"] * 4
    assert set(kinds[8:]) == {"TREE"}
    assert all(kind == "TREE" for kind, level, _ in found if level > 1)


def test_more_shapes_than_chunks_of_splats_are_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig_codec, "_SHAPES_BYTES", 1)
    kinds = [kind for kind, level, _ in entries(small_file(chunk_splats=24)) if level == 1]
    assert kinds == ["SHAP", "SHAP", "TREE"] * 2


def test_a_forest_of_one_level_is_all_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig_codec, "_SHAPES_BYTES", 1)
    data = small_file(depth=1)
    assert entries(data) == []
    assert [chunk.kind for chunk in Parser().feed(data)] == ["MESH", "TREE", "SHAP", *["TREE"] * 3, *["SHAP"] * 4]


def test_an_avatar_on_other_faces_than_those_of_its_rig_is_refused() -> None:
    avatar, rig = small_avatar(), small_rig()
    order = stream(avatar.forest, np.ones(len(avatar)))
    level = np.zeros(len(avatar), np.int64)
    with pytest.raises(ValueError, match="stands on the faces of its rig"):
        assemble_avatar(avatar, order, level, replace(rig, faces=rig.faces[::-1]))


def test_indx_counts_the_splats_that_a_viewer_gets() -> None:
    data = small_file()
    parser, decoder, at = Parser(), AvatarDecoder(), 0
    parser.feed(data)
    for prefix in parser.prefixes():
        decoder.feed(data[at : prefix.length])
        at = prefix.length
        assert decoder.state is not None
        assert len(decoder.posed(decoder.state.rig.vertices)) == prefix.splats


def test_every_prefix_says_what_was_measured_of_it() -> None:
    told: list[int] = []

    def measure(decoder: AvatarDecoder) -> float | None:
        assert decoder.state is not None
        told.append(len(decoder.posed(decoder.state.rig.vertices)))
        return None if len(told) == 2 else 20.0 + len(told) / 8

    data = small_file(measure=measure)
    parser = Parser()
    parser.feed(data)
    prefixes = parser.prefixes()
    assert told == [prefix.splats for prefix in prefixes]
    expected = [None if number == 2 else 20 + number / 8 for number in range(1, len(told) + 1)]
    found = [prefix.quality_db for prefix in prefixes]
    assert [None if value is None else round(value, 2) for value in found] == [
        None if value is None else pytest.approx(value, abs=0.006) for value in expected
    ]
    assert len(data) == len(small_file()) == ends(data)[-1]
