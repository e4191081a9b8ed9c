"""Pinhole cameras and the paths they take."""

from __future__ import annotations

from collections.abc import Iterator
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
        if not np.linalg.norm(forward) > 0:
            raise ValueError("a camera cannot look at the point where it stands")
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

    def fitted(self, width: int, height: int) -> Camera:
        """All of the view in a picture of another size and shape; where that is wider or higher, more is seen."""
        scale = min(width / self.width, height / self.height)
        cx = (self.cx - self.width / 2) * scale + width / 2
        cy = (self.cy - self.height / 2) * scale + height / 2
        return replace(self, width=width, height=height, fx=self.fx * scale, fy=self.fy * scale, cx=cx, cy=cy)


@dataclass(frozen=True)
class CameraPath:
    """Cameras in the order in which a film passes them.

    cameras: at least one. times: seconds, increasing, one for each camera; None if the path says nothing about time.
    """

    cameras: tuple[Camera, ...]
    times: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.cameras or (self.times is not None and len(self.times) != len(self.cameras)):
            raise ValueError("a path needs at least one camera, and a time for each of them or none at all")
        if self.times is not None and not (np.isfinite(self.times).all() and (np.diff(self.times) > 0).all()):
            raise ValueError("the times of a path must be finite and increase")

    def resampled(self, count: int) -> list[Camera]:
        """`count` cameras, evenly spaced from the path's first to its last.

        Spaced in time, or without times in the number of the camera. In between, positions, focal lengths and principal
        points move on straight lines and rotations on the shortest arc; sizes are those of the first camera.
        """
        times = np.arange(len(self.cameras), dtype=float) if self.times is None else np.array(self.times)
        wanted = np.linspace(times[0], times[-1], count)
        place = np.interp(wanted, times, np.arange(len(times)))  # [count], 1.25 lies after the second camera
        first = self.cameras[0]
        cameras = [
            c if (c.width, c.height) == (first.width, first.height) else c.fitted(first.width, first.height)
            for c in self.cameras
        ]
        return [_between(cameras[int(at)], cameras[min(int(at) + 1, len(cameras) - 1)], at % 1) for at in place]


def _between(a: Camera, b: Camera, share: float) -> Camera:
    """The camera at `share` (0..1) of the way from `a` to `b`, of the size of `a`."""
    if share == 0:
        return a
    rotation = _power(b.rotation @ a.rotation.T, share) @ a.rotation
    position = (1 - share) * a.position + share * b.position
    fx, fy, cx, cy = ((1 - share) * getattr(a, name) + share * getattr(b, name) for name in ("fx", "fy", "cx", "cy"))
    return Camera(a.width, a.height, fx, fy, cx, cy, rotation, -rotation @ position)


def _power(rotation: Float64Array, share: float) -> Float64Array:
    """The rotation [3, 3] about the same axis by `share` times the angle (0..pi)."""
    axis = np.linalg.svd(rotation - np.eye(3))[2][-1]  # what the rotation leaves in place
    turn = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    axis = axis if axis @ turn >= 0 else -axis
    angle = share * np.arctan2(np.linalg.norm(turn), np.trace(rotation) - 1)
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    powered: Float64Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross  # Rodrigues
    return powered


def orbit(
    centre: Float64Array,
    distance: float,
    count: int,
    *,
    width: int,
    height: int,
    azimuth_degrees: float = 0.0,
    elevation_degrees: float = 15.0,
    fov_degrees: float = 50.0,
    up: tuple[float, float, float] = (0.0, -1.0, 0.0),
) -> list[Camera]:
    """`count` cameras on a circle around `centre` [3], all looking at it.

    distance: from the centre in world units. elevation_degrees: above the horizon, within +-89. azimuth_degrees: of the
        first camera; 0 stands on the side of -z and looks along z (where `up` is z or -z, on the side of -y), and the
        circle goes on counterclockwise as seen from above. up: the world's upward direction.
    """
    centre = np.asarray(centre, float)
    return [
        Camera.look_at(centre + distance * outward, centre, width=width, height=height, fov_degrees=fov_degrees, up=up)
        for outward in _directions(count, azimuth_degrees, elevation_degrees, up)
    ]


def _directions(
    count: int, azimuth_degrees: float, elevation_degrees: float, up: tuple[float, float, float]
) -> Iterator[Float64Array]:
    """Unit vectors from the centre of an orbit to its cameras."""
    axis = np.asarray(up, float) / np.linalg.norm(up)
    front = np.array([0.0, 0.0, -1.0] if abs(axis[2]) < 0.9 else [0.0, -1.0, 0.0])
    front -= (front @ axis) * axis
    front /= np.linalg.norm(front)
    side = np.cross(axis, front)
    tilt = np.radians(elevation_degrees)
    for angle in np.radians(azimuth_degrees) + 2 * np.pi * np.arange(count) / count:
        yield np.cos(tilt) * (np.cos(angle) * front + np.sin(angle) * side) + np.sin(tilt) * axis
