from __future__ import annotations

import numpy as np

from media.avatar.samples import sphere
from sfumato.media.avatar.attention import attention
from sfumato.media.avatar.synth import procedural_rig
from sfumato.media.avatar.tracked import rig_of_frames

RIG = procedural_rig(2_000)


def test_eyes_and_mouth_are_looked_at_more_than_the_rest():
    found = attention(RIG, 4.0)
    middle = RIG.vertices[RIG.faces].mean(axis=1)
    assert set(np.unique(found)) == {1.0, 4.0}
    assert 0.05 < (found == 4).mean() < 0.7
    top = middle[:, 1] > np.quantile(middle[:, 1], 0.9)
    assert (found[top] == 1).all()  # hair


def test_a_rig_that_answers_to_no_name_has_no_attention():
    mesh, faces = sphere(1)
    rig = rig_of_frames(np.stack([mesh, 1.1 * mesh, mesh + 0.1]), faces).rig
    assert (attention(rig, 4.0) == 1).all()
