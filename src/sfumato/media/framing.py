"""Cameras that show all of a scene, as large as it can be."""

from __future__ import annotations

from functools import partial

import numpy as np

from sfumato.camera import Camera, Float64Array, orbit
from sfumato.splats import Float32Array, Splats3D, robust_bounds, weighted_quantile

_SPLATS, _VIEWS = 8_000, 12  # enough to know the outline to about a percent
_FILL = 0.9  # of the picture's width or height, which leaves a margin


def orbit_around(
    splats: Splats3D,
    count: int,
    *,
    width: int,
    height: int,
    azimuth_degrees: float = 0.0,
    elevation_degrees: float = 15.0,
    fov_degrees: float = 50.0,
    up: tuple[float, float, float] = (0.0, -1.0, 0.0),
) -> list[Camera]:
    """The `orbit` at the distance from which `splats`, without far floaters, just fill the picture all the way round.

    fov_degrees: of the picture's longer side.
    """
    longer = np.tan(np.radians(fov_degrees) / 2)
    half = longer * width / max(width, height), longer * height / max(width, height)
    circle = partial(
        orbit,
        width=width,
        height=height,
        azimuth_degrees=azimuth_degrees,
        elevation_degrees=elevation_degrees,
        fov_degrees=float(np.degrees(2 * np.arctan(half[0]))),
        up=up,
    )
    centre, radius = robust_bounds(splats)
    stride = 1 + len(splats) // _SPLATS
    relative = splats.mean[::stride].astype(float) - centre
    inside = np.linalg.norm(relative, axis=1) <= radius
    relative, weight = relative[inside], splats.opacity[::stride][inside]
    reach = splats.scale[::stride][inside].max(axis=1)
    views = [camera.rotation for camera in circle(np.zeros(3), 1.0, min(count, _VIEWS))]
    axis = np.asarray(up, float) / np.linalg.norm(up)
    # What is near looks larger, so that the middle of the scene is not the middle of the picture: try some heights.
    targets = [share * radius * axis for share in np.linspace(-0.5, 0.5, 21)]
    distances = [_filling_distance(relative - target, reach, weight, views, half) for target in targets]
    best = int(np.argmin(distances))
    return circle(centre + targets[best], max(distances[best], 0.1 * radius), count)


def _filling_distance(
    points: Float64Array,
    reach: Float32Array,
    weight: Float32Array,
    views: list[Float64Array],
    half: tuple[float, float],
) -> float:
    """From how far balls around `points` [N, 3] fill the picture's width or height in all `views` onto the origin.

    reach: radii [N]. weight: [N]. views: rotations [3, 3], world to camera. half: tangents of half the horizontal and
        half the vertical field of view.
    """
    distance = 0.0
    for rotation in views if len(points) else []:
        x, y, z = rotation @ points.T
        needed = np.maximum((np.abs(x) + reach) / half[0], (np.abs(y) + reach) / half[1]) / _FILL - z
        distance = max(distance, weighted_quantile(needed, weight, 0.998))
    return distance
