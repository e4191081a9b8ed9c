"""Pictures of the viewer at 5, 25 and 100 % of files, as a browser shows them.

    PYTHONPATH=src:tests python tools/viewer_shots.py -o shots picture.sfu scene.sfu

Needs node with the viewer's tools (npm ci in the folder viewer) and Chromium. Writes NAME-5.png, NAME-25.png and
NAME-100.png, and prints what each of them shows.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from viewer.browser.driver import VIEWER, Browser, missing

from sfumato.delivery.server import application, serving
from sfumato.delivery.shelf import Shelf

SHARES = (5, 25, 100)


def main() -> None:
    """Take the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description="Pictures of the viewer at 5, 25 and 100 % of files.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), metavar="FOLDER")
    parser.add_argument("--size", default="960x640", help="of the pictures, in pixels (default: 960x640)")
    parser.add_argument("--controls", choices=("none", "full"), default="full", help="without or with numbers")
    parser.add_argument("--background", default="", help="a colour behind the picture, such as white")
    parser.add_argument("--camera", default="", help="JSON of a camera (docs/cameras.md), for scenes")
    arguments = parser.parse_args()
    if lacks := missing():
        sys.exit(f"cannot take pictures: {lacks}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site, built = Path(folder, "site"), Path(folder, "viewer")
        site.mkdir()
        subprocess.run(["node", str(VIEWER / "build.mjs"), str(built)], check=True, stdout=subprocess.DEVNULL)
        for file in arguments.files:
            shutil.copy(file, site / file.name)
        with serving(application(Shelf.folder(site), viewer=built)) as url:
            shoot(url, arguments)


def shoot(url: str, arguments: argparse.Namespace) -> None:
    """The pictures of all files that a server has."""
    width, height = map(int, arguments.size.split("x"))
    passed = {name: getattr(arguments, name) for name in ("controls", "background", "camera")}
    browser = Browser()
    try:
        for file in arguments.files:
            for share in SHARES:
                query = {"src": f"/{file.name}", "budget": f"{share}%"} | {k: v for k, v in passed.items() if v}
                page = browser.open(f"{url}/viewer/?{urlencode(query)}", width, height)
                report = page.finished()
                page.frame()  # waits until all is drawn
                path = arguments.output / f"{file.stem}-{share}.png"
                page.shot(path)
                print(f"{path}: {report['bytes']:,} bytes, {report['splats']:,} splats", *page.close(), sep="\n  ")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
