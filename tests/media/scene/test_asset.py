"""An open scene: its splats at any budget, and what it says where the file is not all there."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.scene.samples import chunks, decoded, encoded, equal, group_of, rebuilt, scene
from sfumato.container import unpack
from sfumato.errors import BudgetError, InputError, LimitError, TruncatedError, UnsupportedError
from sfumato.media.opening import open_asset
from sfumato.media.scene.asset import SceneAsset


@pytest.fixture(scope="module")
def data() -> bytes:
    return encoded(scene(300, 1, seed=1), small=True)


def test_a_budget_shows_what_a_cut_file_shows(data: bytes, tmp_path: Path) -> None:
    asset = SceneAsset.open(data)
    assert asset.complete and len(asset.splats()) == 300 and asset.path is None
    for prefix in asset.prefixes:
        cut = SceneAsset.open(data[: prefix.length])
        assert equal(asset.splats(f"{prefix.length} bytes"), cut.splats())
        assert cut.prefixes[-1] == prefix and cut.complete == (prefix.length == len(data))
    path = tmp_path / "room.sfu"
    path.write_bytes(data)
    assert equal(SceneAsset.open(path).splats("100%"), asset.splats())
    assert SceneAsset.open(path).path == path


def test_a_budget_below_the_base_level_or_behind_the_end_of_a_cut_is_refused(data: bytes, tmp_path: Path) -> None:
    asset = SceneAsset.open(data)
    with pytest.raises(BudgetError):
        asset.splats("10 bytes")
    path = tmp_path / "room.sfu"
    path.write_bytes(data[: asset.prefixes[2].length])
    with pytest.raises(TruncatedError, match=r"cannot use a budget of 90% on 'room\.sfu': the file ends after"):
        SceneAsset.open(path).splats("90%")


def test_files_that_are_none_say_so(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read '.*nothing\.sfu'"):
        SceneAsset.open(tmp_path / "nothing.sfu")
    with pytest.raises(TruncatedError, match="cannot decode '<bytes>'"):
        SceneAsset.open(data[:-1])
    with pytest.raises(UnsupportedError, match="which is no scene"):
        SceneAsset.open(data.replace(b'"medium":"scene"', b'"medium":"video"', 1)[:8] + _image())


def _image() -> bytes:
    from sfumato.container import Chunk, Part, assemble

    return assemble("image", {}, [Part(Chunk("SPLT", 0))])[8:]


def test_the_layout_names_bounds_that_hold_every_splat(data: bytes) -> None:
    asset = SceneAsset.open(data)
    low, high = asset.layout.bounds
    mean = decoded(data).splats.mean
    assert (mean >= low).all() and (mean <= high).all()


def test_chunks_are_known_from_the_first_bytes_with_place_group_and_bounds(data: bytes) -> None:
    asset = SceneAsset.open(data)
    start = SceneAsset.open(data[: asset.prefixes[0].length])
    assert start.chunks == asset.chunks and not start.complete
    for chunk, known in zip(chunks(data)[1:], asset.chunks, strict=True):
        assert unpack(data[known.offset : known.offset + known.bytes], known.offset) == chunk
        assert (known.kind, known.level, known.group) == (chunk.kind, chunk.level, group_of(chunk))
        assert known.bounds is not None and known.offset == chunk.offset
    assert sum(chunk.splats for chunk in asset.chunks) == 300
    assert all((chunk.nodes > 0) == (chunk.kind == "NODE") for chunk in asset.chunks)


def test_a_file_without_regions_is_read_all_the_same(data: bytes) -> None:
    asset = SceneAsset.open(rebuilt(data, chunks(data)))
    assert equal(asset.splats(), SceneAsset.open(data).splats())
    assert all(chunk.group is None and chunk.bounds is None for chunk in asset.chunks)


def test_more_splats_than_the_caller_takes_are_refused(data: bytes) -> None:
    assert len(open_asset(data, max_splats=300).splats()) == 300
    for opened in (SceneAsset.open, open_asset):
        with pytest.raises(LimitError, match=r"cannot decode '<bytes>': HEAD declares 300 splats; .* takes 299"):
            opened(data, max_splats=299)
