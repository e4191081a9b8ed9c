from __future__ import annotations

import numpy as np

from sfumato.media.avatar.bindable import faces_to_bind
from sfumato.rig import Rig

from .rigs import ball


def test_clear_layers_before_the_eyes_carry_no_splats():
    faces = [[0, 1, 2], [1, 2, 3], [3, 4, 5], [4, 5, 6]]
    region = [0, 0, 0, 1, 1, 1, 2]
    rig = Rig.rigid(
        np.random.default_rng(0).normal(size=(7, 3)), faces, regions=("face", "Cornea", "eye film"), region=region
    )
    assert faces_to_bind(rig).tolist() == [True, True, False, False]


def test_a_rig_without_regions_carries_splats_everywhere():
    assert faces_to_bind(ball()).all()
