"""Files from earlier days decode to the same numbers with every implementation; hostile ones are refused alike."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from golden.avatar.digests import digests, integers_digest
from golden.avatar.make_golden import GOOD, HOSTILE, WHOLE

from media.avatar.by_the_book import decoded
from sfumato.errors import FormatError
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.avatar.decoder import AvatarDecoder

GOLDEN = Path(__file__).parents[2] / "golden" / "avatar"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


def test_every_golden_file_has_its_expectation_and_is_small():
    assert {path.name for path in GOLDEN.glob("*.sfu")} == {*EXPECTED["decodes"], *EXPECTED["refused"]}
    assert max(path.stat().st_size for path in GOLDEN.glob("*.sfu")) <= 8192


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_decode_to_the_same_numbers_for_ever(name, kernels):
    assert digests((GOLDEN / name).read_bytes()) == EXPECTED["decodes"][name]


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_the_page_of_the_format_is_enough_to_decode_the_splats(name):
    data = (GOLDEN / name).read_bytes()
    mesh = [tuple(face) for face in AvatarAsset.open(data).rig.faces.tolist()]
    wanted = [after["tree"] for after in EXPECTED["decodes"][name]]
    found = [integers_digest([np.array(numbers, np.int64) for numbers in after]) for after in decoded(data, mesh)]
    assert found[1:] == wanted[1:]  # before the mesh there are no faces


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
