"""Rigs of a few vertices."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfumato.rig import Response, Rig

from .samples import sphere


def ball(halvings: int = 2, **changes: Any) -> Rig:
    """A ball of 5 cm with smooth shapes, of which one moves least, and three joints."""
    vertices, faces = sphere(halvings)
    x, _, z = vertices.T
    right = np.clip(x + 0.5, 0, 1)
    skin = np.stack([1 - right, right * 0.7, right * 0.3], axis=1)
    wave = np.stack([np.zeros_like(x), np.sin(3 * z), np.cos(2 * x)], axis=1)
    return Rig(
        **{
            "vertices": 0.05 * vertices,
            "faces": faces,
            "shape_names": ("small", "half", "whole", "nothing"),
            "shapes": np.stack([0.0005 * wave, 0.004 * wave * (x > 0.2)[:, None], 0.005 * wave, 0 * wave]),
            "joint_names": ("root", "jaw", "eye"),
            "parents": [-1, 0, 1],
            "joints": [[0, 0, 0], [0.01, 0, 0], [0.02, 0.01, 0.003]],
            "skin": skin,
            "arkit": {"jawOpen": Response((("whole", 0.5),), (("jaw", (0.4, 0.0, 0.0)),)), "tongueOut": Response()},
        }
        | changes
    )


def flame_like() -> Rig:
    """The ball with all that a rig may have."""
    it = ball()
    random = np.random.default_rng(3)
    regressor = np.zeros((3, len(it.vertices)))
    regressor[1, :5], regressor[2, 7:9] = 0.2, 0.5
    correctives = 0.002 * np.sin(np.outer(np.arange(18), 40 * it.vertices[:, 0]))[:, :, None] * [1, 0, 0.5]
    return ball(
        joint_regressor=regressor,
        correctives=correctives,
        regions=("all",),
        region=np.zeros(len(it.vertices), np.uint8),
        uv=random.uniform(0, 1, (4, 2)),
        uv_faces=np.zeros_like(it.faces),
    )


def scattered(seed: int, faces: int, vertices: int, shapes: int, joints: int) -> Rig:
    """Triangles without any order, some with one corner twice, some vertices in none."""
    random = np.random.default_rng(seed)
    mesh = random.integers(0, vertices, (faces, 3))
    mesh[0] = 0, 1, 2
    skin = random.uniform(0, 1, (vertices, joints)) * (random.uniform(size=(vertices, joints)) < 0.5)
    skin[:, random.integers(joints)] += 0.01
    return Rig(
        random.normal(0, 1, (vertices, 3)),
        mesh,
        tuple(f"é{k}" for k in range(shapes)),
        random.normal(0, 0.1, (shapes, vertices, 3)) * (random.uniform(size=(shapes, vertices, 1)) < 0.3),
        tuple(f"joint {j}" for j in range(joints)),
        [-1, *(int(random.integers(j)) for j in range(1, joints))],
        random.normal(0, 1, (joints, 3)),
        skin / skin.sum(axis=1, keepdims=True),
    )
