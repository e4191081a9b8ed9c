"""Memory of the viewer in Chromium: `python benchmarks/viewer_memory.py [--quick]`.

A file of each medium is opened and moved in our page, and one of a few splats as well, for what the viewer takes
whatever it shows. Needs Linux, node, Chromium, `npm ci` in the folder viewer, the extra `serve` and
PYTHONPATH=src:tests/viewer. It writes results/viewer_memory.md and .json. Files are kept in benchmarks/cache/.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import common
import numpy as np
from browser.driver import VIEWER, missing
from scene_memory import tiled
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from sfumato.delivery.server import serving
from sfumato.files import save
from sfumato.media.avatar.assemble import assemble_avatar
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.model import Avatar, Parameters
from sfumato.media.avatar.quantise import face_levels
from sfumato.media.avatar.synth import procedural_rig
from sfumato.media.image.encode import EncodeSettings, encode_pixels
from sfumato.media.scene.encode import encode_scene
from sfumato.sources.photo import read_photo
from sfumato.sources.scene import read_scene
from sfumato.splats import Splats3D

SCRIPT = common.HERE / "viewer" / "memory.mjs"
SCENE = common.ROOT / ".." / "shared" / "data" / "splat_biker" / "biker.compressed.ply"
PHOTO = common.ROOT / "demo" / "photo.jpg"
SIDE = 512  # pixels of the canvas
FEW = 500  # splats of small files
TARGET = 2.5  # times the decoded size that a viewer may hold
MOVES = 3  # seconds
MB = 1e6


@dataclass(frozen=True)
class Case:
    """What is opened. make: the bytes of a file of so many splats, about. small: splats of the file beside it."""

    name: str
    splats: int
    make: Callable[[int], bytes]
    small: int = FEW


def scene(count: int, degree: int) -> bytes:
    """The first scene's splats, or copies of it side by side, with made-up harmonics."""
    one = read_scene(SCENE).splats
    splats = tiled(one, count) if count > len(one) else one[np.linspace(0, len(one) - 1, count).astype(int)]
    sh = np.random.default_rng(1).normal(0, 0.05, (len(splats), (degree + 1) ** 2, 3)).astype(np.float32)
    sh[:, :1] = splats.sh[:, :1]
    return encode_scene(Splats3D(splats.mean, splats.rotation, splats.scale, splats.opacity, sh))


def image(count: int) -> bytes:
    """A photo, fitted in a hurry."""
    return encode_pixels(read_photo(PHOTO).pixels, EncodeSettings(splats=count, iterations=20))


def avatar(count: int) -> bytes:
    """The procedural head with made-up splats; at least one on every face."""
    rng, rig = np.random.default_rng(0), procedural_rig(min(count, 10_000))
    forest = Forest(rig.faces, len(rig.vertices))
    while len(forest) < count:
        leaves = forest.leaves(forest.depth)
        many = min(len(leaves), -(-(count - len(forest)) // 3))
        forest = forest.split(rng.choice(leaves, many, replace=False)).forest
    start = Avatar.start(forest, 1).parameters
    values = (getattr(start, field.name) for field in fields(start))
    parameters = Parameters(*(value + rng.normal(0, 0.1, value.shape).astype(value.dtype) for value in values))
    splats = Avatar(forest, parameters)
    worth = rng.lognormal(0, 1.5, len(splats))
    return assemble_avatar(splats, stream(forest, worth), face_levels(worth), rig)


CASES = (
    Case("scene", 152_746, lambda count: scene(count, 0)),
    Case("scene, harmonics of degree 3", 152_746, lambda count: scene(count, 3)),
    Case("scene", 1_000_000, lambda count: scene(count, 0)),
    Case("image", 50_000, image),
    Case("avatar, harmonics of degree 1", 100_000, avatar, small=2_500),
)


def visit(case: Case, count: int, folder: Path) -> dict[str, Any]:
    """What memory.mjs says of a file of so many splats."""
    print(f"{time.strftime('%H:%M:%S')} {case.name}, {count:,} splats", flush=True)
    kept = common.cache_path("viewer-memory", ".sfu", name=case.name, splats=count)
    if not kept.exists():
        save(kept, case.make(count))
    shutil.copy(kept, folder / "file.sfu")
    with serving(Starlette(routes=[Mount("/", StaticFiles(directory=folder, html=True))])) as url:
        settings = (shutil.which("chromium"), f"{url}/?controls=none", SIDE, "/file.sfu", MOVES)
        done = subprocess.run(["node", str(SCRIPT), *map(str, settings)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["state"] == "complete" and not found["complaints"], found
    return found


def bytes_of(seen: dict[str, Any]) -> dict[str, dict[str, int]]:
    """In the end and at most; of heaps and processes what is beyond those of the page without a file."""
    before = seen["before"]
    return {
        when: {
            "card": seen["card"][when],
            "heaps": sum(seen[when]["heaps"].values()) - sum(before["heaps"].values()),
            "processes": sum(seen[when]["resident"].values()) - sum(before["resident"].values()),
        }
        for when in ("after", "most")
    }


def measured(case: Case, folder: Path) -> dict[str, Any]:
    """One file, and by how much it takes more than a small one."""
    large, small = visit(case, case.splats, folder), visit(case, case.small, folder)
    parts, fixed = bytes_of(large), bytes_of(small)
    decoded = large["decoded"] - small["decoded"]
    ratios = {
        when: {
            "held": sum(parts[when][name] - fixed[when][name] for name in ("card", "heaps")) / decoded,
            "processes": (parts[when]["processes"] - fixed[when]["processes"]) / decoded,
        }
        for when in parts
    }
    return {
        "name": case.name,
        "splats": case.splats,
        "decoded": large["decoded"],
        "bytes": parts,
        "small_bytes": fixed,
        "ratios": ratios,
        "browser": large["version"],
    }


def report(rows: list[dict[str, Any]]) -> str:
    """The page."""
    held, whole = [], []
    for row in rows:
        of, name = row["ratios"], [row["name"], f"{row['splats']:,}"]
        line = [*name, f"{row['decoded'] / MB:.1f} MB"]
        for when, form in (("after", "**{:.2f}**"), ("most", "{:.2f}")):
            line += [f"{row['bytes'][when][part] / MB:.1f} MB" for part in ("card", "heaps")]
            line.append(form.format(of[when]["held"]))
        held.append(line)
        line = name
        for when in ("after", "most"):
            line += [f"{row[size][when]['processes'] / MB:.0f} MB" for size in ("small_bytes", "bytes")]
            line.append(f"{of[when]['processes']:.1f}")
        whole.append(line)
    most = max(row["ratios"]["after"]["held"] for row in rows)
    verdict = "met" if most <= TARGET else "missed"
    head = ["file", "splats"]
    parts = ["held: card", "page", "of decoded", "at most: card", "page", "of decoded"]
    sizes = ["in the end: small file", "this file", "of decoded", "at most: small file", "this file", "of decoded"]
    return f"""# Memory of the viewer

`python benchmarks/viewer_memory.py`, Chromium {rows[0]["browser"]} with a graphics card in software,
{common.processor()}, a canvas of {SIDE} x {SIDE} pixels. Every file is opened, then turned for {MOVES} seconds, and an
avatar posed.

Target: what is held is at most {TARGET} times the decoded size. The most is {most:.2f}: {verdict}.

{common.table([*head, "decoded", *parts], held)}
- Decoded: the arrays of the splats that are there in the end, as the decoder hands them over: 32 bits for each number.
- Card: textures and buffers, counted as they are made and deleted.
- Page: objects and array buffers of the page and of its workers, beyond those of the page without a file.
- Held: in the end, without garbage. At most: while the file comes and is moved; the page's with garbage, which the
  browser collects when it pleases.
- Of decoded: card and page. What a file of {FEW} splats takes (an avatar: of {CASES[-1].small:,}) is left out on both
  sides: canvas, shaders, workers.

The memory of the page's process and of the one that is the graphics card, beyond the page without a file. Beside the
textures, the card in software keeps copies of uploads for the next ones.

{common.table([*head, *sizes], whole)}"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of the viewer in Chromium.")
    parser.add_argument("--quick", action="store_true", help="the first scene alone; results go to the cache")
    options = parser.parse_args()
    if lacks := missing():
        sys.exit(f"cannot measure the viewer: {lacks}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["node", str(VIEWER / "build.mjs"), folder], check=True, stdout=subprocess.DEVNULL)
        rows = [measured(case, Path(folder)) for case in (CASES[:1] if options.quick else CASES)]
    common.write_results("viewer_memory", report(rows), rows, None, quick=options.quick)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the files that were made are kept")
