"""Files from earlier days decode to the same numbers with every implementation; hostile ones are refused alike."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from golden.avatar.digests import digests, integers_digest, rig_digest
from golden.avatar.make_golden import GOOD, HOSTILE, WHOLE
from numpy.typing import NDArray

from media.avatar.by_the_book import Face, forests, integers
from media.avatar.posed_by_the_book import posed
from media.avatar.rig_by_the_book import rigs
from media.avatar.samples import bent
from sfumato.errors import FormatError
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.model import Avatar, Parameters
from sfumato.rig import ARKIT_NAMES

GOLDEN = Path(__file__).parents[2] / "golden" / "avatar"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


def test_every_golden_file_has_its_expectation_and_is_small():
    assert {path.name for path in GOLDEN.glob("*.sfu")} == {*EXPECTED["decodes"], *EXPECTED["refused"]}
    assert max(path.stat().st_size for path in GOLDEN.glob("*.sfu")) <= 8192


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_decode_to_the_same_numbers_for_ever(name, kernels):
    assert digests((GOLDEN / name).read_bytes()) == EXPECTED["decodes"][name]


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_the_page_of_the_format_is_enough_to_decode_the_forest(name):
    data = (GOLDEN / name).read_bytes()
    wanted = [after["tree"] for after in EXPECTED["decodes"][name]]
    found = [integers_digest(map(_int64, integers(forest))) for forest in forests(data, _mesh(data))]
    assert found[1:] == wanted[1:]  # before the mesh there are no faces


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_the_page_of_the_format_is_enough_to_pose_the_splats(name):
    data = (GOLDEN / name).read_bytes()
    decoder, start = AvatarDecoder(name), 0
    for forest, after in zip(forests(data, _mesh(data)), EXPECTED["decodes"][name], strict=True):
        decoder.feed(data[start : after["bytes"]])
        start = after["bytes"]
        if decoder.avatar is None:
            continue
        vertices = bent(decoder.rig.vertices.astype(float))
        splats = _exact(decoder.avatar).posed(vertices, decoder.shown)
        expected = list(posed(forest, vertices.tolist()))
        assert len(splats) == len(expected)
        if expected:
            turned = np.array([one.turned for one in expected]).transpose(0, 2, 1)
            size = np.abs(vertices).max() * max(1, np.array([one.size for one in expected]).max())
            np.testing.assert_allclose(splats.mean, [one.centre for one in expected], rtol=1e-5, atol=1e-5 * size)
            np.testing.assert_allclose(rotation_matrices(splats.rotation), turned, atol=2e-5)
            np.testing.assert_allclose(splats.scale, [one.size for one in expected], rtol=1e-5)
            np.testing.assert_allclose(splats.opacity, [one.opacity for one in expected], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(splats.sh, [one.harmonics for one in expected], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_the_page_of_the_format_is_enough_to_decode_the_rig(name):
    found = [rig_digest(rig) if rig else "" for rig in rigs((GOLDEN / name).read_bytes(), ARKIT_NAMES)]
    assert found == [after["rig"] for after in EXPECTED["decodes"][name]]


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_open_as_splats_that_can_be_drawn(name):
    asset = AvatarAsset.open(GOLDEN / name)
    splats = asset.pose().splats()
    assert asset.complete
    assert len(splats) == EXPECTED["decodes"][name][-1]["splats"] == asset.layout.splats
    assert all(np.isfinite(getattr(splats, field)).all() for field in ("mean", "rotation", "scale", "opacity", "sh"))


@pytest.mark.parametrize("name", EXPECTED["refused"])
def test_hostile_golden_files_are_refused_as_expected(name, kernels):
    decoder = AvatarDecoder(name)
    begun = time.process_time()
    with pytest.raises(FormatError) as caught:
        decoder.feed((GOLDEN / name).read_bytes())
        decoder.close()
    assert type(caught.value).__name__ == EXPECTED["refused"][name]["error"]
    assert name in str(caught.value)
    assert decoder.shown.sum() == EXPECTED["refused"][name]["splats"]
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("name", [WHOLE, "avatar-moving-rig.sfu"])
def test_making_a_golden_file_twice_gives_the_same_bytes(name):
    assert GOOD[name]() == GOOD[name]()


def test_making_the_hostile_files_again_gives_the_same_bytes():
    whole = (GOLDEN / WHOLE).read_bytes()
    assert all(harm(whole) == (GOLDEN / name).read_bytes() for name, harm in HOSTILE.items())


def _mesh(data: bytes) -> list[Face]:
    return [(i, j, k) for i, j, k in AvatarAsset.open(data).rig.faces.tolist()]


def _exact(avatar: Avatar) -> Avatar:
    """The avatar in float64: slivers of points near corners magnify what float32 rounds."""
    values = {field.name: getattr(avatar.parameters, field.name).astype(float) for field in fields(avatar.parameters)}
    return Avatar(avatar.forest, Parameters(**values))


def _int64(values: object) -> NDArray[np.int64]:
    return np.array(values, np.int64)
