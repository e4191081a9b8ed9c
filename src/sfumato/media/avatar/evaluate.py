"""How close an avatar comes to pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from sfumato.kernels.splats3d import render
from sfumato.media.avatar.forest import Bools, Floats
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.pictures import Pictures, View
from sfumato.splats import Splats3D


def view_psnr(splats: Splats3D, view: View, background: ArrayLike) -> float:
    """In dB, of what a view's camera sees of splats over a background, limited to 0..1; 100 where it is exact."""
    seen = np.clip(render(splats, view.camera, background=background).color, 0, 1)
    error = float(np.mean(np.square(seen - view.picture, dtype=np.float64)))
    return float(-10 * np.log10(max(error, 1e-10)))


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
            found[k] += view_psnr(avatar.posed(mesh(view.frame), shown), view, background) / len(numbers)
    return tuple(found.tolist())
