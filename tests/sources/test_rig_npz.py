"""Our own rig file holds all of a rig, bit for bit, and names what is wrong with one that does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sfumato.errors import InputError, OutputError
from sfumato.rig import Response, Rig
from sfumato.sources.npz import npz_bytes, read_npz
from sfumato.sources.rig import read_rig
from sfumato.sources.rig_npz import FORMAT, rig_bytes, write_rig

ARRAYS = (
    "vertices", "faces", "shapes", "parents", "joints", "skin", "joint_regressor", "correctives", "uv", "uv_faces",
    "region",
)  # fmt: skip


def full() -> Rig:
    random = np.random.default_rng(0)
    skin = random.uniform(0, 1, (6, 2))
    return Rig(
        random.normal(size=(6, 3)),
        [[0, 1, 2], [3, 4, 5]],
        ("jawOpen", "große Augen"),
        random.normal(size=(2, 6, 3)),
        ("root", "jaw"),
        [-1, 0],
        random.normal(size=(2, 3)),
        skin / skin.sum(axis=1, keepdims=True),
        random.normal(size=(2, 6)),
        random.normal(size=(9, 6, 3)),
        random.uniform(size=(3, 2)),
        [[0, 1, 2], [2, 1, 0]],
        ("skin", "eyes"),
        [0, 0, 0, 1, 1, 1],
        {"jawOpen": Response((("jawOpen", 0.1), ("große Augen", -1.0)), (("jaw", (0.3, 0.0, 1e-3)),))},
    )


def same(one: Rig, other: Rig) -> bool:
    arrays = all(
        (getattr(one, name) is None) == (getattr(other, name) is None)
        and (getattr(one, name) is None or np.array_equal(getattr(one, name), getattr(other, name)))
        for name in ARRAYS
    )
    names = ("shape_names", "joint_names", "regions")
    return arrays and all(getattr(one, name) == getattr(other, name) for name in names) and one.arkit == other.arkit


@pytest.mark.parametrize("rig", [full(), Rig.rigid(np.eye(3), [[0, 1, 2]])], ids=["all", "bare"])
def test_a_rig_comes_back_bit_for_bit(rig, tmp_path):
    write_rig(tmp_path / "rig.npz", rig)
    assert same(read_rig(tmp_path / "rig.npz"), rig)
    assert read_rig(tmp_path / "rig.npz").fingerprint == rig.fingerprint


def test_the_same_rig_gives_the_same_bytes():
    assert rig_bytes(full()) == rig_bytes(full())


def test_a_file_that_is_no_rig_is_refused_with_the_array_that_is_wrong(tmp_path):
    path = tmp_path / "rig.npz"
    write_rig(path, full())
    arrays = read_npz(path)
    words = json.loads(str(arrays["rig"]))
    for changes, reason in (
        ({"skin": None}, "no array skin"),
        ({"vertices": np.array(["a"])}, "vertices"),
        ({"vertices": np.zeros(3)}, "array vertices is"),
        ({"faces": np.full((2, 3), 9)}, "faces: face 0"),
        ({"shapes": np.full((2, 6, 3), np.nan)}, "shapes: row 0"),
        ({"skin": np.ones((6, 2))}, "skin"),
        ({"rig": np.array("{")}, "array rig"),
        ({"rig": np.array(json.dumps(words | {"format": "sfumato rig 9"}))}, f"and '{FORMAT}' is read"),
        ({"rig": np.array(json.dumps(words | {"arkit": {"jawOpen": 3}}))}, "array rig"),
        ({"rig": np.array(json.dumps(words | {"joint_names": ["root"]}))}, "joints"),
    ):
        path.write_bytes(npz_bytes({k: v for k, v in (arrays | changes).items() if v is not None}))
        with pytest.raises(InputError, match=reason) as error:
            read_rig(path)
        assert str(path) in str(error.value)
    path.write_bytes(rig_bytes(full())[:-40])
    with pytest.raises(InputError, match="damaged"):
        read_rig(path)


def test_a_rig_that_cannot_be_written_says_why(tmp_path):
    with pytest.raises(OutputError):
        write_rig(tmp_path / "no folder" / "rig.npz", full())
