"""`sfumato capture synth`: a capture of a head that does not exist."""

from __future__ import annotations

import argparse

from sfumato.cli.progress import ProgressDisplay


def run(arguments: argparse.Namespace) -> None:
    """Make the capture, and say what was written."""
    from sfumato.media.avatar.synth import SynthSettings, synthesise
    from sfumato.media.image.settings import Progress
    from sfumato.sources.rig import read_rig

    settings = SynthSettings(
        seed=arguments.seed,
        size=arguments.size,
        frames=arguments.frames,
        cameras=arguments.cameras,
        faces=arguments.faces,
        rig=None if arguments.rig is None else read_rig(arguments.rig),
    )
    with ProgressDisplay(arguments.quiet) as show:
        synthesise(arguments.output, settings, lambda fraction: show(Progress("drawing", fraction)))
    if not arguments.quiet:
        width, height = settings.size
        print(f"{arguments.output}: {settings.frames:,} frames by {settings.cameras} cameras, {width} x {height}")
