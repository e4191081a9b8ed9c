"""How close an avatar comes to pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.forest import Bools, Floats
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.pictures import Pictures
from sfumato.splats import Float32Array, Splats3D


def squared_error(splats: Splats3D, camera: Camera, picture: Float32Array, background: ArrayLike) -> float:
    """Mean squared error of what a camera sees of splats over a background, limited to 0..1."""
    seen = np.clip(render(splats, camera, background=background).color, 0, 1)
    return float(np.mean(np.square(seen - picture, dtype=np.float64)))


def mean_psnr(
    avatar: Avatar,
    prefixes: Sequence[Bools],
    mesh: Callable[[int], Floats],
    pictures: Pictures,
    numbers: Sequence[int],
    background: ArrayLike,
) -> tuple[float, ...]:
    """In dB, of each prefix the mean over pictures with these numbers.

    mesh: gives the mesh of a frame, [V, 3].
    """
    found = np.zeros(len(prefixes))
    for view in (pictures[number] for number in numbers):
        for k, shown in enumerate(prefixes):
            error = squared_error(avatar.posed(mesh(view.frame), shown), view.camera, view.picture, background)
            found[k] -= 10 * np.log10(max(error, 1e-10)) / len(numbers)
    return tuple(found.tolist())
