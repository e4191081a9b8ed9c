"""`sfumato encode`: a picture, a scene or a capture to a progressive file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

import sfumato
from sfumato.cli.paths import check_output
from sfumato.cli.progress import ProgressDisplay, clock
from sfumato.errors import SettingsError

if TYPE_CHECKING:
    from sfumato.media.avatar.encode import AvatarReport
    from sfumato.media.image.encode import EncodeReport

_OPTIONS = {
    "picture": ("splats", "levels", "quality", "bytes", "seconds", "resolution_levels", "iterations", "seed", "resume"),
    "scene": ("detail", "optimise", "repair"),
    "capture": (
        "splats", "seconds", "iterations", "seed", "resume", "rig", "rig_by_reference", "sh_degree", "depth", "scale",
        "attention", "tune_meshes", "device",
    ),
}  # fmt: skip
"""The options that each kind of source knows."""
_DEFAULTS = {
    "levels": 6, "resolution_levels": 0, "seed": 0, "resume": False, "detail": 1.0, "optimise": 0.0, "repair": False,
    "rig_by_reference": False, "tune_meshes": False,
}  # fmt: skip
"""What an option is that was not given, where that is not None."""


def run(arguments: argparse.Namespace) -> None:
    """Encode; on Ctrl-C say how to go on."""
    from sfumato.sources.capture_opening import is_capture
    from sfumato.sources.scene import is_scene

    check_output(arguments.output, arguments.file)
    kind = "capture" if is_capture(arguments.file) else "scene" if is_scene(arguments.file) else "picture"
    _check_options(arguments, kind)
    if kind == "scene":
        _encode_scene(arguments)
        return
    settings = _settings(arguments) if kind == "picture" else _settings_of_capture(arguments)
    checkpoint = f"{arguments.output}.checkpoint"
    with ProgressDisplay(arguments.quiet) as show:
        try:
            report = sfumato.encode(
                arguments.file,
                arguments.output,
                progress=show,
                checkpoint=checkpoint,
                resume=arguments.resume,
                **settings,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_go_on(checkpoint)) from None
    assert not isinstance(report, sfumato.SceneReport)
    if arguments.json:
        json.dump(_as_json(report), sys.stdout, indent=1)
        print()
    elif not arguments.quiet:
        print(
            f"{report.path}: {report.bytes:,} bytes, {report.splats:,} splats in {report.prefixes[-1].levels} levels "
            f"and {report.chunks} chunks, {report.psnr_db:.2f} dB, fitted in {clock(report.seconds)}"
        )


def _check_options(arguments: argparse.Namespace, kind: str) -> None:
    """SettingsError for options that are given and that a source of this kind does not know."""
    known = _OPTIONS[kind]
    for name in dict.fromkeys(name for names in _OPTIONS.values() for name in names):
        if name not in known and getattr(arguments, name) != _DEFAULTS.get(name):
            options = ", ".join(f"--{other.replace('_', '-')}" for other in known)
            raise SettingsError(
                f"cannot use --{name.replace('_', '-')} on '{arguments.file}': it is a {kind}, which knows {options}"
            )


def _encode_scene(arguments: argparse.Namespace) -> None:
    with ProgressDisplay(arguments.quiet) as show:
        report = sfumato.encode(
            arguments.file,
            arguments.output,
            progress=show,
            quality=arguments.detail,
            optimise=arguments.optimise,
            repair=arguments.repair,
        )
    assert isinstance(report, sfumato.SceneReport)
    quality = report.prefixes[-1].quality_db
    if arguments.json:
        described = {"path": str(report.path), "bytes": report.bytes, "splats": report.splats, "chunks": report.chunks}
        described |= {"seconds": report.seconds, "dropped": report.scene.dropped, "psnr_db": quality}
        json.dump({**described, "prefixes": [dataclasses.asdict(p) for p in report.prefixes]}, sys.stdout, indent=1)
        print()
    elif not arguments.quiet:
        print(
            f"{report.path}: {report.bytes:,} bytes, {report.splats:,} splats in {report.chunks} chunks, "
            f"{quality:.2f} dB to {report.scene.format}, encoded in {clock(report.seconds)}"
        )
        if report.scene.dropped:
            print(f"{report.scene.dropped:,} bad splats were left out")


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of `EncodeSettings` that the options name."""
    return {
        "splats": arguments.splats,
        "levels": arguments.levels,
        "quality_db": arguments.quality,
        "bytes": None if arguments.bytes is None else _bytes(arguments.bytes),
        "seconds": arguments.seconds,
        "resolution_levels": arguments.resolution_levels,
        "iterations": arguments.iterations,
        "seed": arguments.seed,
    }


def _settings_of_capture(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of `AvatarSettings` that the options name, and the rig; those not given are left to their defaults."""
    given = {
        "splats": arguments.splats,
        "seconds": arguments.seconds,
        "steps": arguments.iterations,
        "sh_degree": arguments.sh_degree,
        "depth": arguments.depth,
        "scale": arguments.scale,
        "attention": arguments.attention,
        "device": arguments.device,
        "rig": arguments.rig,
    }
    found = {name: value for name, value in given.items() if value is not None}
    switches = {"rig_by_reference": arguments.rig_by_reference, "tune_meshes": arguments.tune_meshes}
    return {**found, "seed": arguments.seed, **switches}


def _bytes(text: str) -> int:
    from sfumato.container import Budget

    budget = Budget.parse(text)
    if budget.unit != "bytes":
        raise SettingsError(f"cannot use {text!r} as the size of a file: write bytes, such as 30KB or 64KiB")
    return int(budget.amount)


def _how_to_go_on(checkpoint: str) -> str:
    if not os.path.exists(checkpoint):
        return "nothing was written"
    return f"the fit so far is in '{checkpoint}'; run the same command with --resume to go on"


def _as_json(report: EncodeReport | AvatarReport) -> dict[str, Any]:
    quality = report.psnr_db if math.isfinite(report.psnr_db) else None  # JSON has no other numbers
    return {**dataclasses.asdict(report), "path": str(report.path), "psnr_db": quality}
