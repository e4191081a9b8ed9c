"""A small rig, an avatar on it, and its file."""

from __future__ import annotations

import numpy as np

from media.avatar.samples import dressed, grown, sphere
from sfumato.container.layout import SIGNATURE
from sfumato.media.avatar.assemble import Measure, assemble_avatar
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import face_levels
from sfumato.rig import Rig
from sfumato.rig.arkit import responses

SHAPES, JOINTS = ("jawOpen", "browDownLeft", "grin", "ears_back", "puff"), ("root", "neck", "eye_left")
VERTICES, FACES = sphere(1)


def small_rig() -> Rig:
    """A ball of 18 vertices and 32 faces of the size of a head, with five shapes and a neck."""
    rng = np.random.default_rng(0)
    vertices = (0.1 * VERTICES).astype(np.float32)
    sizes = 0.02 * 0.7 ** np.arange(len(SHAPES))
    shapes = rng.normal(size=(len(SHAPES), *vertices.shape)) * sizes[:, None, None]
    upper = np.clip(5 * vertices[:, 1] + 0.5, 0, 1)
    eye = (vertices[:, 2] > 0.08).astype(float)
    skin = np.stack([1 - upper, upper * (1 - eye), upper * eye], axis=1)
    joints = np.array([[0, -0.1, 0], [0, -0.05, 0], [0.03, 0.03, 0.08]])
    parents = np.array([-1, 0, 1])
    answers = responses(SHAPES, JOINTS)
    return Rig(vertices, FACES, SHAPES, shapes, JOINTS, parents, joints, skin, arkit=answers)


def small_avatar(sh_degree: int = 1, depth: int = 3) -> Avatar:
    """Random splats on the ball's faces and on some of their children."""
    return dressed(grown(Forest(FACES, len(VERTICES)), depth), sh_degree)


def small_file(
    sh_degree: int = 1,
    *,
    depth: int = 3,
    by_reference: str | None = None,
    chunk_splats: int = 9,
    measure: Measure | None = None,
) -> bytes:
    """The bytes of `small_avatar` on `small_rig`."""
    avatar = small_avatar(sh_degree, depth)
    worth = np.random.default_rng(1).lognormal(0, 1.5, len(avatar))
    order = stream(avatar.forest, worth, chunk_splats)
    return assemble_avatar(
        avatar,
        order,
        face_levels(worth),
        small_rig(),
        background=(0.2, 0.4, 0.6),
        measure=measure,
        by_reference=by_reference,
    )


def ends(data: bytes) -> list[int]:
    """The bytes at which the chunks end, HEAD first."""
    found, at = [], len(SIGNATURE)
    while at < len(data):
        at += 14 + int.from_bytes(data[at + 6 : at + 10], "little")
        found.append(at)
    return found
