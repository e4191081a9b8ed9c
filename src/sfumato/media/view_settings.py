"""How to show a scene or an avatar, and what became of it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sfumato.container import Budget
from sfumato.errors import SettingsError
from sfumato.rig import Rig
from sfumato.sources.drive import Drive

MAX_FRAMES = 100_000
"""Of a film; almost an hour at 30 frames a second."""


@dataclass(frozen=True)
class RenderSettings:
    """How to show a scene or an avatar.

    budget: how much of an .sfu file to use; None is all of it.
    size: (width, height) in pixels; None is the cameras' own size for a path, else 1280 x 720, or 550 x 802 for an
        avatar. All of what a camera saw stays in view.
    frames: how many cameras; None is 120 for an orbit (1 for a single picture), a path's own cameras, or where it has
        times as many as its time takes at `fps`. A drive has its own.
    fps: frames of a film a second; None is what the drive says, or 30.
    fov_degrees, azimuth_degrees, elevation_degrees, up: of an orbit, as in `framing.orbit_around`; None is 50, 0, 15
        and -y for scenes, and 24, 0, 0 and y for avatars, whose orbit begins in front of the face.
    background: colour [3] in 0..1 behind the splats; None is transparent, or in a JPEG or film black, for an avatar the
        colour on which it was learned.
    antialias: as in `kernels.splats3d.render`; None is what the scene's file says about its training.
    repair: leave broken splats of a scene's file out instead of refusing it.
    drive: of an avatar, the file of a drive, or one pose as weights by name (`AvatarAsset.drive`).
    frame: show this frame of the drive alone, counted from 0.
    rig: of an avatar that names its rig without having it, a file or a rig.
    """

    budget: Budget | str | None = None
    size: tuple[int, int] | None = None
    frames: int | None = None
    fps: float | None = None
    fov_degrees: float | None = None
    azimuth_degrees: float = 0.0
    elevation_degrees: float | None = None
    up: tuple[float, float, float] | None = None
    background: tuple[float, float, float] | None = None
    antialias: bool | None = None
    repair: bool = False
    drive: str | os.PathLike[str] | Drive | Mapping[str, float] | None = None
    frame: int | None = None
    rig: str | os.PathLike[str] | Rig | None = None

    def __post_init__(self) -> None:
        for name, value, good, range_ in (
            ("size", self.size, self.size is None or min(self.size) >= 1, "at least 1 x 1 pixels"),
            ("frames", self.frames, self.frames is None or 1 <= self.frames <= MAX_FRAMES, f"1 to {MAX_FRAMES:,}"),
            ("frame", self.frame, self.frame is None or self.frame >= 0, "0 or more"),
            ("fps", self.fps, self.fps is None or 0.01 <= self.fps <= 1000, "0.01 to 1000"),
            ("fov_degrees", self.fov_degrees, self.fov_degrees is None or 1 <= self.fov_degrees <= 170, "1 to 170"),
            ("azimuth_degrees", self.azimuth_degrees, math.isfinite(self.azimuth_degrees), "finite"),
            ("elevation_degrees", self.elevation_degrees, abs(self.elevation_degrees or 0.0) <= 89, "-89 to 89"),
            ("up", self.up, self.up is None or 1e-6 < np.linalg.norm(self.up) < 1e6, "a direction"),
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
