from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sfumato.errors import InputError
from sfumato.media.avatar.synth import SynthSettings, synthesise
from sfumato.sources.capture_folder import read_capture
from sfumato.sources.capture_rig import capture_rig
from sfumato.sources.rig_npz import write_rig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth") / "capture"
    synthesise(folder, SynthSettings(size=(24, 32), frames=4, cameras=1, faces=2_000))
    return folder


def test_the_rig_of_a_synthetic_capture_makes_its_meshes(folder):
    capture = read_capture(folder)
    rig, driving = capture_rig(capture), capture.driving
    assert rig is not None and driving is not None and driving.rig == "rig.npz"
    np.testing.assert_array_equal(rig.pose(driving.weights, driving.rotations, driving.translation), capture.vertices)


def test_a_capture_that_names_no_rig_has_none(folder):
    capture = read_capture(folder)
    assert capture_rig(replace(capture, driving=None)) is None
    assert capture_rig(replace(capture, driving=replace(capture.driving, rig=""))) is None


def test_a_rig_outside_the_folder_or_of_another_mesh_is_refused(folder):
    capture = read_capture(folder)
    for name in ("../rig.npz", str(folder / "rig.npz"), "..", "a\\rig.npz", "missing.npz"):
        with pytest.raises(InputError):
            capture_rig(replace(capture, driving=replace(capture.driving, rig=name)))
    rig = capture_rig(capture)
    write_rig(folder / "other.npz", replace(rig, faces=rig.faces[::-1]))
    with pytest.raises(InputError, match="template"):
        capture_rig(replace(capture, driving=replace(capture.driving, rig="other.npz")))
