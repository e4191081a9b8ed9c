"""Files that viewers are tested with."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from media.avatar.samples import grown
from media.scene.samples import scene

from sfumato.media.avatar.assemble import assemble_avatar
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import face_levels
from sfumato.media.avatar.synth import procedural_rig
from sfumato.media.scene.encode import encode_scene

from .pictures import BEHIND


def scene_file() -> bytes:
    """A heap of coloured splats with harmonics of degree 2."""
    return encode_scene(scene(6000, 2, seed=3, sigma=(0.01, 0.08), color=0.3))


def head_file(depth: int = 3, share: float = 0.3) -> bytes:
    """A head that nobody has learned: coloured splats on faces of the procedural rig, of which a share is split."""
    rig, rng = procedural_rig(1500), np.random.default_rng(0)
    forest = grown(Forest(rig.faces, len(rig.vertices)), depth, share)
    places = forest.vertices(rig.vertices.astype(float), np.zeros((forest.splits, 3)))[forest.faces].mean(axis=1)
    avatar = Avatar.start(forest, 1, 0.5 + 0.4 * np.sin(60 * places + np.arange(3)))
    for field in fields(avatar.parameters):
        values = getattr(avatar.parameters, field.name)
        values += rng.normal(0, 0.1, values.shape)
    avatar.parameters.opacity[:] += 2
    worth = rng.lognormal(0, 1, len(avatar))
    order, steps = stream(forest, worth, 400), face_levels(worth)
    return assemble_avatar(avatar, order, steps, rig, background=BEHIND)
