"""The pictures of the viewer in README.md and docs/: what it shows of files at 5, 25 and 100 % of their bytes.

    PYTHONPATH=src:tests python tools/viewer_shots.py --image photo.sfu --scene playbot.sfu --avatar head.sfu

Writes viewer-image.jpg, viewer-scene.jpg and viewer-avatar.jpg, and viewer.jpg, which is the whole page with an avatar;
of files that are not given nothing. docs/viewer.md says how the files are made. Needs node with the viewer's tools (npm
ci in the folder viewer) and Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from viewer.browser.driver import VIEWER, Browser, missing

from sfumato.delivery.server import application, serving
from sfumato.delivery.shelf import Shelf
from sfumato.pixels import to_uint8
from sfumato.quality.strip import contact_strip

BUDGETS = ("5%", "25%", "100%")


@dataclass(frozen=True)
class Look:
    """How the viewer shows a file: size of the page in pixels, attributes of the element, and an avatar's pose."""

    size: tuple[int, int]
    attributes: dict[str, str]
    pose: Mapping[str, float] | None = None


def camera(size: tuple[int, int], **fields: Any) -> str:
    """A camera as the element takes it."""
    return json.dumps({"width": size[0], "height": size[1], **fields})


WIDE = (384, 288)
BEHIND = "#dce3e8"
LOOKS = {
    "image": Look((384, 256), {"controls": "none"}),
    # The scene is PLAYBOT, which hovers above a square of ground (docs/scene.md).
    "scene": Look(
        WIDE,
        {
            "controls": "none",
            "background": BEHIND,
            "camera": camera(WIDE, fov=44, position=[-0.85, -0.8, -1.75], target=[0, -0.54, 0]),
        },
    ),
    "avatar": Look(
        WIDE,
        {
            "controls": "none",
            "background": BEHIND,
            "camera": camera(WIDE, fov=16, position=[0, 0.015, 1.2], target=[0.005, 0.015, 0], up=[0, 1, 0]),
        },
        pose={"jawOpen": 0.25, "browInnerUp": 0.5, "headYaw": -15},
    ),
}
LARGE = (900, 600)
PAGE = Look(
    LARGE,
    {
        "controls": "full",
        "background": BEHIND,
        "camera": camera(LARGE, fov=21, position=[0, 0.02, 1.2], target=[0, 0.02, 0], up=[0, 1, 0]),
    },
    pose={"mouthSmileLeft": 1, "mouthSmileRight": 0.3, "eyeBlinkLeft": 1, "headYaw": 15},
)


def main() -> None:
    """Take the pictures of the files that the command line names."""
    parser = argparse.ArgumentParser(description="The pictures of the viewer in README.md and docs/.")
    for medium in LOOKS:
        parser.add_argument(f"--{medium}", type=Path, metavar="FILE", help=f"the .sfu file of viewer-{medium}.jpg")
    parser.add_argument("--camera", help="JSON of a camera (docs/cameras.md) for another scene than docs/viewer.md's")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"), metavar="FOLDER")
    arguments = parser.parse_args()
    files = {medium: file for medium in LOOKS if (file := getattr(arguments, medium))}
    if not files:
        parser.error("name a file: --image, --scene or --avatar")
    if absent := [str(file) for file in files.values() if not file.is_file()]:
        parser.error(f"there is no file {', '.join(absent)}")
    if lacks := missing():
        sys.exit(f"cannot take pictures: {lacks}")
    looks = dict(LOOKS)
    if arguments.camera is not None:
        looks["scene"] = replace(looks["scene"], attributes=looks["scene"].attributes | {"camera": arguments.camera})
    arguments.output.mkdir(parents=True, exist_ok=True)
    with showing(files) as viewer, contextlib.closing(Browser()) as browser:
        for medium in files:
            save(arguments.output / f"viewer-{medium}.jpg", strip(browser, viewer, medium, looks[medium]))
        if "avatar" in files:
            save(arguments.output / "viewer.jpg", shot(browser, viewer, "avatar", PAGE, "100%")[0])


@contextlib.contextmanager
def showing(files: Mapping[str, Path]) -> Iterator[str]:
    """The address of the viewer's page as it is built now, on a server that has each medium's file as MEDIUM.sfu."""
    with tempfile.TemporaryDirectory() as folder:
        site, built = Path(folder, "site"), Path(folder, "viewer")
        site.mkdir()
        subprocess.run(["node", str(VIEWER / "build.mjs"), str(built)], check=True, stdout=subprocess.DEVNULL)
        for medium, file in files.items():
            shutil.copy(file, site / f"{medium}.sfu")
        with serving(application(Shelf.folder(site), viewer=built)) as url:
            yield f"{url}/viewer/"


def strip(browser: Browser, viewer: str, medium: str, look: Look) -> NDArray[np.float32]:
    """What the budgets show, side by side, with their bytes and splats below; [H, W, 3] in 0..1."""
    shots = [shot(browser, viewer, medium, look, budget) for budget in BUDGETS]
    return contact_strip([picture for picture, _ in shots], captions([report for _, report in shots]), look.size[1])


def captions(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """What stands below the pictures, of the viewer's reports: the bytes are those of the chunks that are shown."""
    texts = []
    for report in reports:
        share = 100 * report["bytes"] / report["totalBytes"]
        size = f"{report['bytes'] / 1e6:.2f} MB" if report["bytes"] >= 1e6 else f"{report['bytes'] / 1e3:.1f} KB"
        texts.append(f"{share:.{1 if share < 9.95 else 0}f} % · {size} · {report['splats']:,} splats")
    return texts


def shot(
    browser: Browser, viewer: str, medium: str, look: Look, budget: str
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """The page when all that the budget lets through is drawn, [H, W, 3], and the viewer's report of it."""
    query = {"src": f"/{medium}.sfu", "budget": budget, **look.attributes}
    page = browser.open(f"{viewer}?{urlencode(query)}", *look.size)
    report = page.finished()
    if report["state"] != "complete" or report["damages"]:
        sys.exit(f"the viewer does not show the {medium}: {report['note']}")
    if look.pose is not None:
        page.run('document.querySelector("sfumato-view").pose = given', look.pose)
    page.frame()  # waits until all is drawn
    with tempfile.TemporaryDirectory() as folder:
        page.shot(Path(folder, "shot.png"))
        pixels = np.asarray(Image.open(Path(folder, "shot.png")).convert("RGB"))
    if complaints := page.close():
        sys.exit("\n".join([f"the page with the {medium} complains:", *complaints]))
    return pixels, report


def save(path: Path, picture: NDArray[Any]) -> None:
    """Writes a picture, small enough for a page, and says so."""
    Image.fromarray(to_uint8(picture)).save(path, quality=88, optimize=True)
    print(f"{path}: {picture.shape[1]} x {picture.shape[0]}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
