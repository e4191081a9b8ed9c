"""What resolution levels buy: `python benchmarks/image_resolution.py [--images FOLDER] [--only NAME,NAME]`.

Every picture is encoded twice with 2,500 splats in six levels and 500 iterations, without and with three resolution
levels. The three lowest levels of both files are rendered at an eighth, a quarter and half the size and compared with
the picture averaged down to that size; the whole is compared at full size. It writes results/image_resolution.md and
.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import common

from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.encode import EncodeSettings, encode_pixels
from sfumato.media.image.small import shrink
from sfumato.quality.metrics import psnr

LOWER = 3
SPLATS, ITERATIONS = 2500, 500
PICTURES = "kodim03,kodim05,kodim08"


def measure(path: Path, resolution_levels: int) -> dict[str, Any]:
    """PSNR in dB of the lowest levels at their small sizes, and of the base and the whole at full size."""
    pixels = common.read_pixels(path)
    settings = EncodeSettings(splats=SPLATS, iterations=ITERATIONS, resolution_levels=resolution_levels)
    data = encode_pixels(pixels, settings)
    asset = ImageAsset.open(data)
    small = []
    for level in range(LOWER):
        factor = 2 ** (LOWER - level)
        size = (asset.width // factor, asset.height // factor)
        small.append(psnr(asset.render(f"level {level}", size=size), shrink(pixels, *size)))
    return {
        "small": small,
        "base": psnr(asset.render("level 0"), pixels),
        "whole": psnr(asset.render(), pixels),
        "bytes": len(data),
    }


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description="What resolution levels buy.")
    parser.add_argument("--images", type=Path, default=common.KODAK, help="folder of pictures")
    parser.add_argument("--only", default=PICTURES, help=f"names without endings, separated by commas ({PICTURES})")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    found: dict[str, dict[str, Any]] = {}
    for path in common.picture_paths(arguments.images):
        if path.stem in names:
            found[path.stem] = {str(count): measure(path, count) for count in (0, LOWER)}
    if not found:
        raise SystemExit(f"none of {arguments.only} is in '{arguments.images}'")
    rows = [
        [name, count, *(f"{value:.2f}" for value in (*m["small"], m["base"], m["whole"])), f"{m['bytes']:,}"]
        for name, runs in found.items()
        for count, m in runs.items()
    ]
    head = [
        "picture",
        "resolution levels",
        "level 0 at 1/8",
        "level 1 at 1/4",
        "level 2 at 1/2",
        "level 0 at full size",
    ]
    text = f"# Resolution levels\n\nPSNR in dB; {SPLATS:,} splats, {ITERATIONS} iterations.\n\n" + common.table(
        [*head, "whole", "bytes"], rows
    )
    common.write_results("image_resolution", text, found, None, quick=False)


if __name__ == "__main__":
    main()
