"""Where scenes are looked at from, and how far what a file shows is from the truth seen from there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields

import common
import numpy as np

from sfumato.camera import Camera, Float64Array, orbit
from sfumato.kernels.splats3d import render
from sfumato.quality.metrics import psnr_of, squared_error
from sfumato.splats import Float32Array, Splats3D

WIDTH, HEIGHT = 800, 600
AZIMUTHS = 8
FOV_DEGREES = 75.0  # horizontal; the nearest orbit then lies inside the sphere around the robust bounds
# Distances in units of the one from which the sphere around the robust bounds fills the picture's width, and how high
# above the horizon the cameras of that orbit stand.
ORBITS = ((0.6, 10.0), (1.0, 20.0), (1.6, 30.0))
PERCENT = 2.0  # of the opacity lies beyond the robust bounds at either end of an axis: floaters


@dataclass(frozen=True)
class Measured:
    """PSNR in dB against the truth; None where nothing differs.

    psnr: of the mean squared error over all views, of colours within 0..1 that are not rounded. Scenes lie at 50 to
        65 dB, where rounding to 8 bits (an error of 59 dB) would hide most of what is to be compared.
    view_psnr: mean of the PSNRs of the single views, not rounded either.
    screen_psnr: of the mean squared error over all views, of colours rounded to 8 bits.
    """

    psnr: float | None
    view_psnr: float | None
    screen_psnr: float | None


PSNRS = tuple(measure.name for measure in fields(Measured))


def robust_bounds(splats: Splats3D) -> tuple[Float64Array, float]:
    """Centre [3] and radius of the sphere around the box that holds all but the outermost opacity along each axis."""
    weight = splats.opacity.astype(np.float64)
    shares = np.array([PERCENT, 100 - PERCENT]) / 100
    ends = np.empty((3, 2))
    for axis in range(3):
        order = np.argsort(splats.mean[:, axis], kind="stable")
        passed = np.cumsum(weight[order])
        ends[axis] = np.interp(shares * passed[-1], passed, splats.mean[order, axis])
    return ends.mean(axis=1), float(np.linalg.norm(ends[:, 1] - ends[:, 0]) / 2)


def scene_views(splats: Splats3D, azimuths: int = AZIMUTHS, width: int = WIDTH, height: int = HEIGHT) -> list[Camera]:
    """Cameras on three orbits around the scene, all looking at its middle."""
    centre, radius = robust_bounds(splats)
    fills = radius / np.tan(np.radians(FOV_DEGREES / 2))
    cameras = []
    for distance, elevation in ORBITS:
        cameras += orbit(
            centre,
            distance * fills,
            azimuths,
            width=width,
            height=height,
            elevation_degrees=elevation,
            fov_degrees=FOV_DEGREES,
        )
    return cameras


@dataclass(frozen=True)
class Truth:
    """A scene, where it is looked at from, and the pictures seen there: what everything is measured against.

    antialiased: whether the scene is to be shown with the filter of Mip-Splatting.
    """

    splats: Splats3D
    cameras: list[Camera]
    antialiased: bool
    pictures: list[Float32Array] = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        pictures = [self._seen(self.splats, camera) for camera in self.cameras]
        object.__setattr__(self, "pictures", pictures)
        digest = hashlib.sha256(repr(self.cameras).encode())
        for picture in pictures:
            digest.update(picture.tobytes())
        object.__setattr__(self, "digest", digest.hexdigest()[:16])

    def measured(self, splats: Splats3D) -> Measured:
        """How far `splats` are from the truth, over a black background; finished measurements come from the cache."""
        key = {"truth": self.digest, "splats": splats_digest(splats)}
        return Measured(**common.remembered("scene-psnr", lambda: self._measure(splats), code=False, **key))

    def _measure(self, splats: Splats3D) -> dict[str, float | None]:
        exact, rounded = [], []
        for camera, picture in zip(self.cameras, self.pictures, strict=True):
            seen = self._seen(splats, camera)
            exact.append(float(np.square(seen - picture, dtype=np.float64).sum()))
            rounded.append(squared_error(seen, picture) / 255**2)
        samples = self.pictures[0].size
        views = [_psnr(error, samples) for error in exact]
        known = [view for view in views if view is not None]
        return {
            "psnr": _psnr(sum(exact), samples * len(exact)),
            "view_psnr": float(np.mean(known)) if len(known) == len(views) else None,
            "screen_psnr": _psnr(sum(rounded), samples * len(rounded)),
        }

    def _seen(self, splats: Splats3D, camera: Camera) -> Float32Array:
        return np.clip(render(splats, camera, antialias=self.antialiased).color, 0, 1)


def _psnr(error: float, samples: int) -> float | None:
    """PSNR in dB of a sum of squared errors on a scale of 0..1; None for no error."""
    return psnr_of(error * 255**2, samples) if error else None


def splats_digest(splats: Splats3D) -> str:
    """A digest of all values of `splats`, in their order."""
    digest = hashlib.sha256()
    for values in (splats.mean, splats.rotation, splats.scale, splats.opacity, splats.sh):
        digest.update(str(values.shape).encode() + values.tobytes())
    return digest.hexdigest()[:16]
