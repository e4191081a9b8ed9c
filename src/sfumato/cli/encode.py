"""`sfumato encode`: a picture to a progressive file."""

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
    from sfumato.media.image.encode import EncodeReport


def run(arguments: argparse.Namespace) -> None:
    """Encode; on Ctrl-C say how to go on."""
    from sfumato.sources.scene import is_scene

    check_output(arguments.output, arguments.file)
    if is_scene(arguments.file):
        _encode_scene(arguments)
        return
    if arguments.optimise:
        raise SettingsError(f"cannot use --optimise on '{arguments.file}': only scenes are optimised; leave it out")
    checkpoint = f"{arguments.output}.checkpoint"
    with ProgressDisplay(arguments.quiet) as show:
        try:
            report = sfumato.encode(
                arguments.file,
                arguments.output,
                progress=show,
                checkpoint=checkpoint,
                resume=arguments.resume,
                **_settings(arguments),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_go_on(checkpoint)) from None
    assert isinstance(report, sfumato.EncodeReport)
    if arguments.json:
        json.dump(_as_json(report), sys.stdout, indent=1)
        print()
    elif not arguments.quiet:
        print(
            f"{report.path}: {report.bytes:,} bytes, {report.splats:,} splats in {report.prefixes[-1].levels} levels "
            f"and {report.chunks} chunks, {report.psnr_db:.2f} dB, fitted in {clock(report.seconds)}"
        )


def _encode_scene(arguments: argparse.Namespace) -> None:
    given = [name for name, value in _settings(arguments).items() if value not in (None, 0, 6)]
    if given or arguments.resume:
        wrong = ", ".join(f"--{name.removesuffix('_db').replace('_', '-')}" for name in given) or "--resume"
        raise SettingsError(
            f"cannot use {wrong} on '{arguments.file}': it is a scene, which knows --detail, --optimise and --repair"
        )
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


def _as_json(report: EncodeReport) -> dict[str, Any]:
    quality = report.psnr_db if math.isfinite(report.psnr_db) else None  # JSON has no other numbers
    return {**dataclasses.asdict(report), "path": str(report.path), "psnr_db": quality}
