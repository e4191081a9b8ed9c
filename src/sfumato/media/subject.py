"""What is to be shown, in every frame, and how it is framed: a scene that stands still, or an avatar that is driven."""

from __future__ import annotations

import os
import warnings
from functools import cached_property
from typing import Protocol

from sfumato.camera import Camera
from sfumato.errors import InputError
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.decoding import with_article
from sfumato.media.framing import orbit_around
from sfumato.media.opening import check_still, is_asset, medium_of, open_asset, open_scene
from sfumato.media.scene.asset import SceneAsset
from sfumato.media.view_settings import RenderSettings
from sfumato.sources.scene import Scene
from sfumato.splats import Splats3D

Colour = tuple[float, float, float]

FILM_SIZE = (1280, 720)
"""Of a scene's orbit: what every player and every encoder of films takes."""

PORTRAIT_SIZE = (550, 802)
"""Of an avatar: that of the captures on which head avatars are compared (NeRSemble, as published work scales it)."""

PORTRAIT_FOV = 24.0
"""Degrees along the longer side: a lens of 85 mm on film of 24 x 36 mm, the usual one for portraits."""


class Subject(Protocol):
    """What is to be shown.

    frames: of its own; 1 if it stands still. fps: frames a second, None if unknown. size: (width, height) where nothing
    else says. behind: colour [3] where pictures cannot be transparent.
    """

    frames: int
    fps: float | None
    size: tuple[int, int]
    behind: Colour

    @property
    def antialiased(self) -> bool:
        """Whether to draw as in `kernels.splats3d.render(antialias=True)`, where nothing else says."""

    def splats(self, frame: int) -> Splats3D:
        """What a frame shows."""

    def around(self, count: int) -> list[Camera]:
        """Cameras on a circle, from which it just fills the picture; the same ones at every budget."""


def subject_of(scene: str | os.PathLike[str] | Splats3D, settings: RenderSettings) -> Subject:
    """What a file, or splats, show with these settings; a scene's file is read when its splats are asked for."""
    if not isinstance(scene, Splats3D) and is_asset(scene) and medium_of(scene) == "avatar":
        return _Avatar(scene, settings)
    return _Still(scene, settings)


class _Still:
    """A scene."""

    def __init__(self, scene: str | os.PathLike[str] | Splats3D, settings: RenderSettings) -> None:
        self.frames, self.size, self.behind = 1, FILM_SIZE, (0.0, 0.0, 0.0)
        self.fps: float | None = None
        place = "splats" if isinstance(scene, Splats3D) else scene
        check_still(place, drive=settings.drive, frame=settings.frame, rig=settings.rig)
        self._scene, self._settings = scene, settings

    @property
    def antialiased(self) -> bool:
        return self._shown.antialiased

    def splats(self, frame: int) -> Splats3D:
        del frame  # it stands still
        return self._shown.splats

    def around(self, count: int) -> list[Camera]:
        asset, settings = self._asset, self._settings
        whole = self._shown.splats if asset is None or settings.budget is None else asset.splats()
        width, height = settings.size or self.size
        return orbit_around(
            whole,
            count,
            width=width,
            height=height,
            azimuth_degrees=settings.azimuth_degrees,
            elevation_degrees=15.0 if settings.elevation_degrees is None else settings.elevation_degrees,
            fov_degrees=settings.fov_degrees or 50.0,
            up=settings.up or (0.0, -1.0, 0.0),
        )

    @cached_property
    def _asset(self) -> SceneAsset | None:
        if isinstance(self._scene, Splats3D) or not is_asset(self._scene):
            return None
        asset = open_asset(self._scene)
        if not isinstance(asset, SceneAsset):
            what = with_article(asset.head.medium)
            raise InputError(
                f"cannot render '{os.fspath(self._scene)}': it holds no scene but {what}; decode it instead"
            )
        return asset

    @cached_property
    def _shown(self) -> Scene:
        scene, settings = self._scene, self._settings
        if isinstance(scene, Splats3D):
            return Scene(scene, "splats")
        if self._asset is not None:
            return Scene(self._asset.splats(settings.budget), "Sfumato", self._asset.layout.antialiased)
        found = open_scene(scene, budget=settings.budget, repair=settings.repair)
        for note in found.notes:
            warnings.warn(f"'{os.fspath(scene)}': {note}", UserWarning, stacklevel=2)
        return found


class _Avatar:
    """An avatar and what it is told."""

    size, antialiased = PORTRAIT_SIZE, False

    def __init__(self, path: str | os.PathLike[str], settings: RenderSettings) -> None:
        self._asset = AvatarAsset.open(path, rig=settings.rig)
        self._settings = settings
        self._driven = self._asset.drive({} if settings.drive is None else settings.drive)
        self._chosen = None if settings.frame is None else self._driven.single(settings.frame)
        self.frames = 1 if self._chosen is not None else len(self._driven)
        self.fps, self.behind = self._driven.fps, self._asset.layout.background

    def splats(self, frame: int) -> Splats3D:
        pose = self._driven[frame] if self._chosen is None else self._chosen
        return pose.splats(self._settings.budget)

    def around(self, count: int) -> list[Camera]:
        settings, asset = self._settings, self._asset
        width, height = settings.size or self.size
        return orbit_around(
            asset.pose().splats("level 0"),
            count,
            width=width,
            height=height,
            azimuth_degrees=180 + settings.azimuth_degrees,  # of an orbit 0 is on the side of -z, and faces look to z
            elevation_degrees=settings.elevation_degrees or 0.0,
            fov_degrees=settings.fov_degrees or PORTRAIT_FOV,
            up=settings.up or (0.0, 1.0, 0.0),
        )
