"""Pinhole cameras and the paths they take."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A perspective pinhole camera without distortion.

    Camera axes are x right, y down, z forward (OpenCV, COLMAP). A world point X is seen at
    `(fx x/z + cx, fy y/z + cy)` with `(x, y, z) = rotation @ X + translation`; the centre of the top left pixel is
    (0.5, 0.5).

    width, height: of the picture in pixels. fx, fy: focal lengths, cx, cy: principal point, in pixels.
    rotation: float64 [3, 3], world to camera. translation: float64 [3], world to camera.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    rotation: Float64Array
    translation: Float64Array

    def __post_init__(self) -> None:
        rotation, translation = np.asarray(self.rotation, float), np.asarray(self.translation, float)
        if self.width < 1 or self.height < 1 or not (self.fx > 0 and self.fy > 0):
            raise ValueError(
                f"a camera needs a picture of at least 1 x 1 pixels and focal lengths above 0; got {self.width} x "
                f"{self.height}, {self.fx:g} and {self.fy:g}"
            )
        if rotation.shape != (3, 3) or translation.shape != (3,):
            raise ValueError(
                f"a camera needs rotation [3, 3] and translation [3]; got {rotation.shape} and {translation.shape}"
            )
        if not (np.isfinite(translation).all() and np.abs(rotation @ rotation.T - np.eye(3)).max() < 1e-4):
            raise ValueError("a camera's rotation must be orthonormal and its translation finite")
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation", translation)

    @property
    def position(self) -> Float64Array:
        """Where the camera stands in the world, [3]."""
        position: Float64Array = -self.rotation.T @ self.translation
        return position

    @classmethod
    def look_at(
        cls,
        position: Float64Array,
        target: Float64Array,
        *,
        width: int,
        height: int,
        fov_degrees: float = 50.0,
        up: tuple[float, float, float] = (0.0, -1.0, 0.0),
    ) -> Camera:
        """A camera at `position` [3] that looks at `target` [3].

        fov_degrees: horizontal field of view. up: the world's upward direction, not parallel to the view.
        """
        forward = np.asarray(target, float) - np.asarray(position, float)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, np.asarray(up, float))
        if np.linalg.norm(right) < 1e-6:
            raise ValueError("a camera cannot look along its own upward direction")
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        focal = 0.5 * width / np.tan(np.radians(fov_degrees) / 2)
        return cls(
            width, height, focal, focal, width / 2, height / 2, rotation, -rotation @ np.asarray(position, float)
        )

    def resized(self, width: int, height: int) -> Camera:
        """The same view as a picture of another size."""
        x, y = width / self.width, height / self.height
        return replace(self, width=width, height=height, fx=self.fx * x, fy=self.fy * y, cx=self.cx * x, cy=self.cy * y)

    def cropped(self, left: int, top: int, width: int, height: int) -> Camera:
        """A part of the picture, in pixels of the whole."""
        return replace(self, width=width, height=height, cx=self.cx - left, cy=self.cy - top)


def orbit(
    centre: Float64Array,
    distance: float,
    count: int,
    *,
    width: int,
    height: int,
    elevation_degrees: float = 15.0,
    fov_degrees: float = 50.0,
    up: tuple[float, float, float] = (0.0, -1.0, 0.0),
) -> list[Camera]:
    """`count` cameras on a circle around `centre` [3], all looking at it.

    distance: from the centre in world units. elevation_degrees: above the horizon. up: the world's upward direction.
    """
    axis = np.asarray(up, float) / np.linalg.norm(up)
    first = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    tilt = np.radians(elevation_degrees)
    cameras = []
    for angle in 2 * np.pi * np.arange(count) / count:
        outward = np.cos(tilt) * (np.cos(angle) * first + np.sin(angle) * second) + np.sin(tilt) * axis
        cameras.append(
            Camera.look_at(
                np.asarray(centre, float) + distance * outward,
                centre,
                width=width,
                height=height,
                fov_degrees=fov_degrees,
                up=up,
            )
        )
    return cameras
