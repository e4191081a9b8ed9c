"""The original as its own ground truth: random cameras around a scene, and how far what they see is from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.kernels.splats3d import Gradient3D, Shot, render
from sfumato.splats import Float32Array, Splats3D, robust_bounds

VIEWS = 96
FEWEST_VIEWS = 12
UNSEEN = 4  # views that no fit sees, by which it is judged
WIDTH, HEIGHT = 320, 240
DISTANCES = (0.6, 2.5)  # of a camera from the middle, in radii of the scene
ELEVATIONS = (-5.0, 50.0)  # degrees
FIELDS_OF_VIEW = (45.0, 75.0)  # degrees
ASIDE = 0.15  # standard deviation of what a camera looks at from the scene's middle, in radii

NEARER = 0.98  # of the squared error in these few views: what gains less may lose from elsewhere

ALPHA_WEIGHT = 0.3
"""Of the error in alpha beside that of a colour: an average background is no longer black."""


class Targets:
    """Pictures of a scene from random cameras.

    enough: asked before every picture; no more are drawn if it says so, beyond the fewest that make sense.
    """

    def __init__(
        self, splats: Splats3D, rng: np.random.Generator, *, antialiased: bool, enough: Callable[[], bool]
    ) -> None:
        self._antialiased, self._rng = antialiased, rng
        centre, radius = robust_bounds(splats)
        radius = max(radius, 1e-6 * (1 + float(np.abs(centre).max())))
        self._cameras: list[Camera] = []
        self._pictures: list[NDArray[np.float16]] = []  # colour and alpha, [H, W, 4]
        while len(self._cameras) < FEWEST_VIEWS or (len(self._cameras) < VIEWS and not enough()):
            camera = random_camera(centre, radius, rng)
            made = render(splats, camera, antialias=antialiased)
            picture = np.concatenate([np.clip(made.color, 0, 1), made.alpha[..., None]], axis=2)
            self._cameras.append(camera)
            self._pictures.append(picture.astype(np.float16))
        self._next: list[int] = []

    def draw(self) -> int:
        """The number of a random view; each comes once before any comes again."""
        if not self._next:
            self._next = (UNSEEN + self._rng.permutation(len(self._cameras) - UNSEEN)).tolist()
        return self._next.pop()

    def gradient(self, shown: Splats3D, view: int) -> Gradient3D:
        """The gradient of the mean squared error of colour and alpha that `shown` has in a view."""
        shot, color, alpha = self._differences(shown, view)
        each = np.float32(2 / color.size)
        return shot.gradient(each * color, (3 * ALPHA_WEIGHT) * each * alpha)

    def nearer(self, one: Splats3D, other: Splats3D) -> bool:
        """Whether one looks clearly more like the original than the other in views that are never drawn."""
        return self._error(one) < NEARER * self._error(other)

    def _error(self, shown: Splats3D) -> float:
        errors = (self._differences(shown, view)[1] for view in range(UNSEEN))
        return sum(float(np.square(error, dtype=np.float64).sum()) for error in errors)

    def _differences(self, shown: Splats3D, view: int) -> tuple[Shot, Float32Array, Float32Array]:
        """What is shown, and how far colours within 0..1 and alpha are from the original."""
        shot = Shot(shown, self._cameras[view], antialias=self._antialiased)
        picture = self._pictures[view].astype(np.float32)
        color = np.clip(shot.rendering.color, 0, 1) - picture[:, :, :3]
        return shot, color, shot.rendering.alpha - picture[:, :, 3]


def random_camera(centre: NDArray[np.float64], radius: float, rng: np.random.Generator) -> Camera:
    """A camera somewhere around the sphere of `radius` at `centre` that looks at its inner part."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*ELEVATIONS))
    outward = [
        np.cos(elevation) * np.sin(azimuth),
        -np.sin(elevation),
        np.cos(elevation) * np.cos(azimuth),
    ]
    distance = radius * np.exp(rng.uniform(*np.log(DISTANCES)))
    target = centre + np.clip(rng.normal(size=3), -2, 2) * ASIDE * radius
    fov = float(rng.uniform(*FIELDS_OF_VIEW))
    return Camera.look_at(
        centre + distance * np.array(outward),
        target,
        width=WIDTH,
        height=HEIGHT,
        fov_degrees=fov,
    )
