"""The head of README.md: what three budgets show of one file, side by side.

python tools/head_strip.py head.sfu docs/images/head.jpg
"""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image, ImageDraw

import sfumato
from sfumato.camera import Camera
from sfumato.media.avatar.asset import AvatarAsset

BUDGETS = ("25%", "50%", "100%")
POSES = ({"jaw_open": 0.25, "head_yaw": -18}, {"eye_blink_left": 1, "mouth_smile_left": 0.6, "head_yaw": 12})
WIDTH, HEIGHT = 300, 380
LABEL = 26


def main() -> None:
    """Draw and write the strip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("asset")
    parser.add_argument("picture")
    arguments = parser.parse_args()
    asset = sfumato.open(arguments.asset)
    assert isinstance(asset, AvatarAsset)
    (_, low, _), (_, high, _) = asset.layout.bounds
    target = np.array([0, low + 0.62 * (high - low), 0])
    camera = Camera.look_at(
        target + np.array([0, 0, 1.0]), target, width=WIDTH, height=HEIGHT, fov_degrees=18, up=np.array([0.0, 1, 0])
    )
    strip = Image.new("RGB", (WIDTH * len(BUDGETS) * len(POSES), HEIGHT + LABEL), "white")
    write = ImageDraw.Draw(strip)
    for column, (pose, budget) in enumerate((pose, budget) for pose in POSES for budget in BUDGETS):
        shown = asset.pose(**pose)
        pixels = np.rint(255 * np.clip(shown.render(camera, budget), 0, 1)).astype(np.uint8)
        strip.paste(Image.fromarray(pixels), (column * WIDTH, 0))
        size = asset.prefixes[-1].length * float(budget[:-1]) / 100
        text = f"{budget}   {size / 1000:.0f} KB   {len(shown.splats(budget)):,} splats"
        write.text(((column + 0.5) * WIDTH, HEIGHT + LABEL / 2), text, fill="black", anchor="mm")
    strip.save(arguments.picture, quality=88)


if __name__ == "__main__":
    main()
