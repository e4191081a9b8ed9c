"""`sfumato convert`, also called `export`: splats to the format of another tool."""

from __future__ import annotations

import argparse
import os
import warnings

import sfumato
from sfumato.cli.paths import check_output
from sfumato.cli.render import told


def run(arguments: argparse.Namespace) -> None:
    """Convert, and say what was left out."""
    from sfumato.exports.scene import SCENES

    drive = told(arguments)
    check_output(arguments.output, arguments.file, suffixes=SCENES)
    scene = sfumato.convert(
        arguments.file,
        arguments.output,
        repair=arguments.repair,
        sh_degree=arguments.sh_degree,
        budget=arguments.budget,
        drive=drive,
        frame=arguments.frame,
        rig=arguments.rig,
    )
    for note in scene.notes:
        warnings.warn(f"'{arguments.file}': {note}", UserWarning, stacklevel=1)
    print(
        f"{arguments.output}: {len(scene.splats):,} splats, {os.path.getsize(arguments.output):,} bytes, from "
        f"{scene.format} with harmonics of degree {scene.splats.sh_degree}"
    )
    if scene.dropped:
        print(f"{scene.dropped:,} bad splats were left out")
