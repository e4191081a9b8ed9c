"""Files from earlier days decode to the same integers with every implementation; hostile ones are refused alike."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from media.scene.samples import digests
from sfumato.errors import FormatError
from sfumato.media.scene.asset import SceneAsset
from sfumato.media.scene.decoder import SceneDecoder

GOLDEN = Path(__file__).parents[2] / "golden" / "scene"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


def test_every_golden_file_has_its_expectation():
    assert {path.name for path in GOLDEN.glob("*.sfu")} == {*EXPECTED["decodes"], *EXPECTED["refused"]}


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_decode_to_the_same_integers_for_ever(name, kernels):
    assert digests((GOLDEN / name).read_bytes()) == EXPECTED["decodes"][name]


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_open_as_splats_that_can_be_drawn(name):
    splats = SceneAsset.open(GOLDEN / name).splats()
    assert len(splats) == EXPECTED["decodes"][name][-1]["splats"]
    assert all(np.isfinite(getattr(splats, field)).all() for field in ("mean", "rotation", "scale", "opacity", "sh"))


@pytest.mark.parametrize("name", EXPECTED["refused"])
def test_hostile_golden_files_are_refused_as_expected(name, kernels):
    decoder = SceneDecoder(name)
    begun = time.process_time()
    with pytest.raises(FormatError) as caught:
        decoder.feed((GOLDEN / name).read_bytes())
        decoder.close()
    assert type(caught.value).__name__ == EXPECTED["refused"][name]["error"]
    assert name in str(caught.value)
    assert len(decoder.splats) == EXPECTED["refused"][name]["splats"]
    assert time.process_time() - begun < 1
