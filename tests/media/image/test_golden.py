"""Files from earlier days decode to the same integers with every implementation; hostile ones are refused alike."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from media.image.samples import digests
from sfumato.errors import FormatError
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.decoder import ImageDecoder

GOLDEN = Path(__file__).parents[2] / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


def test_every_golden_file_has_its_expectation():
    assert {path.name for path in GOLDEN.glob("*.sfu")} == {*EXPECTED["decodes"], *EXPECTED["refused"]}


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_decode_to_the_same_integers_for_ever(name, kernels):
    assert digests((GOLDEN / name).read_bytes()) == EXPECTED["decodes"][name]


@pytest.mark.parametrize("name", EXPECTED["decodes"])
def test_golden_files_open_and_render(name):
    asset = ImageAsset.open(GOLDEN / name)
    assert asset.complete
    assert [prefix.splats for prefix in asset.prefixes][-1] == EXPECTED["decodes"][name][-1]["splats"]
    assert asset.render().shape == (asset.height, asset.width, asset.channels)


@pytest.mark.parametrize("name", EXPECTED["refused"])
def test_hostile_golden_files_are_refused_as_expected(name, kernels):
    decoder = ImageDecoder(name)
    begun = time.process_time()
    with pytest.raises(FormatError) as caught:
        decoder.feed((GOLDEN / name).read_bytes())
        decoder.close()
    assert type(caught.value).__name__ == EXPECTED["refused"][name]["error"]
    assert name in str(caught.value)
    assert len(decoder.parts) == EXPECTED["refused"][name]["chunks"]
    assert time.process_time() - begun < 1
