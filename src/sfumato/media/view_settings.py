"""How to show a scene, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sfumato.container import Budget
from sfumato.errors import SettingsError

MAX_FRAMES = 100_000
"""Of a film; almost an hour at 30 frames a second."""


@dataclass(frozen=True)
class RenderSettings:
    """How to show a scene.

    budget: how much of an .sfu file to use; None is all of it.
    size: (width, height) in pixels; None is 1280 x 720 for an orbit and the cameras' own size for a path. All of what a
        camera saw stays in view.
    frames: how many cameras; None is 120 for an orbit (1 for a single picture), a path's own cameras, or where it has
        times as many as its time takes at `fps`.
    fps: frames of a film a second.
    fov_degrees, azimuth_degrees, elevation_degrees, up: of an orbit, as in `framing.orbit_around`.
    background: colour [3] in 0..1 behind the splats; None is transparent, or black in a JPEG or film.
    antialias: as in `kernels.splats3d.render`; None is what the scene's file says about its training.
    repair: leave broken splats of a scene's file out instead of refusing it.
    """

    budget: Budget | str | None = None
    size: tuple[int, int] | None = None
    frames: int | None = None
    fps: float = 30.0
    fov_degrees: float = 50.0
    azimuth_degrees: float = 0.0
    elevation_degrees: float = 15.0
    up: tuple[float, float, float] = (0.0, -1.0, 0.0)
    background: tuple[float, float, float] | None = None
    antialias: bool | None = None
    repair: bool = False

    def __post_init__(self) -> None:
        for name, value, good, range_ in (
            ("size", self.size, self.size is None or min(self.size) >= 1, "at least 1 x 1 pixels"),
            ("frames", self.frames, self.frames is None or 1 <= self.frames <= MAX_FRAMES, f"1 to {MAX_FRAMES:,}"),
            ("fps", self.fps, 0.01 <= self.fps <= 1000, "0.01 to 1000"),
            ("fov_degrees", self.fov_degrees, 1 <= self.fov_degrees <= 170, "1 to 170"),
            ("azimuth_degrees", self.azimuth_degrees, math.isfinite(self.azimuth_degrees), "finite"),
            ("elevation_degrees", self.elevation_degrees, abs(self.elevation_degrees) <= 89, "-89 to 89"),
            ("up", self.up, 1e-6 < np.linalg.norm(self.up) < 1e6, "a direction"),
            ("background", self.background, _is_colour(self.background), "0 to 1 for red, green and blue"),
        ):
            if not good:
                raise SettingsError(f"cannot render with {name} = {value}: it must be {range_}")


@dataclass(frozen=True)
class RenderReport:
    """What was written: the film or the pictures, how many frames, their size in pixels, the splats of the scene.

    width, height: of the first picture, where a path has cameras of different sizes.
    """

    paths: tuple[Path, ...]
    frames: int
    width: int
    height: int
    splats: int


def _is_colour(background: tuple[float, float, float] | None) -> bool:
    return background is None or (len(background) == 3 and all(0 <= part <= 1 for part in background))
