"""The levels of a streamed SOG are read one at a time, and nothing outside its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scene_files import shared
from sog_files import sog, unpacked

from sfumato.errors import InputError
from sfumato.sources.sog import read_sog
from sfumato.sources.sog_chain import read_sog_chain


def lod(file: int, offset: int, count: int) -> dict[str, int]:
    return {"file": file, "offset": offset, "count": count}


def tree() -> dict[str, Any]:
    return {
        "children": [
            {"lods": {"0": lod(0, 0, 8), "1": lod(2, 3, 2)}},
            {"children": [{"lods": {"0": lod(1, 0, 5), "1": lod(2, 0, 3)}}, {"lods": {"0": lod(0, 8, 12)}}]},
        ]
    }


def chain(folder: Path, **changes: Any) -> Path:
    for name, size, degree in (("0_0", 20, 1), ("0_1", 5, 2), ("1_0", 5, 0)):
        unpacked(folder / name, *sog(size, degree))
    meta = {"lodLevels": 2, "filenames": [f"{name}/meta.json" for name in ("0_0", "0_1", "1_0")], "tree": tree()}
    (folder / "lod-meta.json").write_text(json.dumps(meta | changes))
    return folder


def test_a_level_has_the_splats_of_its_nodes(tmp_path: Path) -> None:
    path = chain(tmp_path)
    for way in (path, path / "lod-meta.json"):
        found = read_sog_chain(way)
        assert [found.count(level) for level in (0, 1)] == [25, 5]
    fine = found.read(0).splats
    assert len(fine) == 25 and fine.sh_degree == 2
    parts = {name: read_sog(path / name).splats for name in ("0_0", "0_1", "1_0")}
    assert {tuple(row) for row in fine.mean} == {tuple(row) for name in ("0_0", "0_1") for row in parts[name].mean}
    np.testing.assert_array_equal(found.read(1).splats.mean, parts["1_0"].mean)


def test_the_files_of_a_level_are_all_that_a_viewer_fetches(tmp_path: Path) -> None:
    files = read_sog_chain(chain(tmp_path)).files(1)
    assert sorted(file.name for file in files) == [
        "means_l.webp", "means_u.webp", "meta.json", "quats.webp", "scales.webp", "sh0.webp"
    ]  # fmt: skip
    assert {file.parent.name for file in files} == {"1_0"}


def test_a_real_chain_is_read_where_its_levels_are_there(tmp_path: Path) -> None:
    found = read_sog_chain(shared("splat_playbot_lod_dev"))
    assert [found.count(level) for level in range(7)] == [500_000, 250_000, 125_000, 31_000, 8406, 3000, 1873]
    assert len(found.read(5).splats) == 3000
    assert sum(file.stat().st_size for file in found.files(6)) == sum(
        file.stat().st_size for file in (shared("splat_playbot_lod_dev") / "6_0").iterdir()
    )
    with pytest.raises(InputError, match=r"0_0.*meta.json: there is no such file"):
        found.read(0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"filenames": []}, "'filenames' must list the SOGs"),
        ({"filenames": ["../a/meta.json"] * 3}, "does not lie in its folder"),
        ({"filenames": ["/a/meta.json"] * 3}, "does not lie in its folder"),
        ({"filenames": [1] * 3}, "does not lie in its folder"),
        ({"tree": None}, "'tree' has a node that is no object"),
        ({"tree": {"children": 7}}, "'tree' has a node that is no object"),
        ({"tree": {}}, "'tree' holds no splats"),
        ({"tree": {"lods": {"0": lod(3, 0, 1)}}}, "level '0' is not file, offset and count"),
        ({"tree": {"lods": {"0": lod(0, -1, 1)}}}, "level '0' is not file, offset and count"),
        ({"tree": {"lods": {"0": 5}}}, "level '0' is not file, offset and count"),
        ({"tree": {"lods": {"99999": lod(0, 0, 1)}}}, "level '99999' is not"),
        ({"tree": {"lods": {"0": lod(0, 15, 6)}}}, "lies beyond the 20 splats"),
        ({"tree": {"lods": {"1": lod(0, 0, 1)}}}, "there is no level 0; there are 2"),
    ],
)
def test_a_broken_chain_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=f"lod-meta.json': .*{says}"):
        read_sog_chain(chain(tmp_path, **changes)).read(0)


def test_a_folder_without_a_chain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lod-meta.json: there is no such file"):
        read_sog_chain(tmp_path)
