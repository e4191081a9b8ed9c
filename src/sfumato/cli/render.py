"""`sfumato render`: a scene of splats, or an avatar, as cameras see it."""

from __future__ import annotations

import argparse

import sfumato
from sfumato.cli.paths import check_output
from sfumato.cli.progress import ProgressDisplay
from sfumato.cli.read import PICTURES
from sfumato.errors import SettingsError


def told(arguments: argparse.Namespace) -> str | dict[str, float] | None:
    """What an avatar is told: the file of a drive, or a pose; SettingsError for both."""
    if arguments.drive is not None and arguments.pose is not None:
        raise SettingsError("cannot use --pose with --drive: a drive says it all; give one of them")
    pose: dict[str, float] | None = arguments.pose
    drive: str | None = arguments.drive
    return drive if pose is None else pose


def run(arguments: argparse.Namespace) -> None:
    """Render, and say what was written."""
    from sfumato.media.views import FILMS

    drive = told(arguments)
    check_output(arguments.output, arguments.file, suffixes=(*PICTURES, *FILMS))
    with ProgressDisplay(arguments.quiet) as show:
        report = sfumato.render(
            arguments.file,
            arguments.camera,
            arguments.output,
            progress=show,
            budget=arguments.budget,
            size=arguments.size,
            frames=arguments.frames,
            fps=arguments.fps,
            fov_degrees=arguments.fov,
            azimuth_degrees=arguments.azimuth,
            elevation_degrees=arguments.elevation,
            up=arguments.up,
            background=arguments.background,
            antialias=arguments.antialias,
            repair=arguments.repair,
            drive=drive,
            frame=arguments.frame,
            rig=arguments.rig,
        )
    if not arguments.quiet:
        frames = f"{report.frames:,} frames of " if report.frames > 1 else ""
        last = f" to {report.paths[-1].name}" if len(report.paths) > 1 else ""
        print(f"{report.paths[0]}{last}: {frames}{report.width} x {report.height}, {report.splats:,} splats")
