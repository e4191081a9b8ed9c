"""How soon a scene shows, and how fast it turns, in browsers: `python benchmarks/viewer.py [--quick]`.

One scene of 152,746 splats as our file in our viewer, as SPZ and SOG in Spark and PlayCanvas, in the same Chromium with
a graphics card in software, over lines of 1, 5 and 20 Mbit/s that the server makes; then the time of a frame. Needs
node, Chromium, `npm ci` in the folder viewer, `npm install --prefix benchmarks/viewer`, the extra `serve` and
PYTHONPATH=src:tests/viewer. It writes results/viewer.md and .json. Finished work is kept in benchmarks/cache/.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import common
import numpy as np
import viewer_report
import zstandard
from browser.driver import VIEWER, Browser, missing
from scene_views import splats_digest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sfumato.camera import Camera
from sfumato.delivery.server import serving
from sfumato.delivery.throttle import Line, Throttle, parse_rate
from sfumato.exports.scene import write_scene
from sfumato.files import save
from sfumato.media.framing import orbit_around
from sfumato.media.scene.encode import encode_scene
from sfumato.sources.scene import read_scene
from sfumato.splats import Splats3D

PEERS = common.HERE / "viewer"
SCENE = common.ROOT / ".." / "shared" / "data" / "splat_biker" / "biker.compressed.ply"
RATES = ("1mbit", "5mbit", "20mbit")
SIDE = 512  # pixels of the canvas
FRAME_SPLATS = (20_000, 100_000)
FRAMES, TURN = 20, 360  # of an orbit of so many views
"""Frames are measured, neighbours one degree apart."""
VISITS = 2  # for every first picture
WARM_UP = 4  # frames before those that count
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


SPZ4 = struct.Struct("<4sIIBBBBI12x")  # magic, version, splats, degree, fraction bits, flags, streams, table's place
SPZ4_STREAM = struct.Struct("<QQ")  # bytes packed and plain


@dataclass(frozen=True)
class Show:
    """A viewer with the format that it is given. page: its address below the server's."""

    viewer: str
    suffix: str
    page: str

    @property
    def name(self) -> str:
        return f"{self.viewer}, {self.suffix.removeprefix('.').upper()}"


SHOWS = (
    Show("Sfumato", ".sfu", "ours/index.html"),
    Show("Spark", ".spz", "spark/page.html"),
    Show("Spark", ".sog", "spark/page.html"),
    Show("PlayCanvas", ".sog", "playcanvas/page.html"),
)


class OneLine(Throttle):
    """All connections share one line, as those of a browser do; keeps when how many bytes of which file have left.

    code: whether the viewers' code passes the line as well; the browser has it already otherwise.
    """

    def __init__(self, application: Any, rate: float, *, code: bool) -> None:
        super().__init__(application, rate)
        self._shared, self._free = Line(rate), Line(1e12)
        self._code = code
        self._here = application
        self.sent: list[tuple[float, str, int]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        passes = self._code or Path(path).suffix not in TYPES

        async def counted(message: Any) -> None:
            if passes and message.get("body"):
                self.sent.append((time.time(), path, len(message["body"])))
            await send(message)

        if passes:
            await super().__call__(scope, receive, counted)
        else:
            await self._here(scope, receive, counted)

    def _line(self, client: Any) -> Line:
        return self._shared


def site(folder: Path) -> Starlette:
    """The application that serves a folder; pages and scripts compressed, as hosts do."""
    kept = {
        f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    packed = {name: gzip.compress(data, 9) for name, data in kept.items() if Path(name).suffix in TYPES}

    async def answer(request: Request) -> Response:
        name = request.url.path
        if name in packed:
            return Response(packed[name], media_type=TYPES[Path(name).suffix], headers={"Content-Encoding": "gzip"})
        return Response(kept[name]) if name in kept else Response(status_code=404)

    return Starlette(routes=[Route("/{name:path}", answer)])


def build(folder: Path) -> dict[str, int]:
    """Bundles all viewers; their bytes after gzip, by name."""
    subprocess.run(["node", str(VIEWER / "build.mjs"), str(folder / "ours")], check=True, stdout=subprocess.DEVNULL)
    for peer in ("spark", "playcanvas"):
        bundle = ["--bundle", "--minify", "--format=esm", "--legal-comments=none", "--log-level=error"]
        target = folder / peer / "peer.js"
        subprocess.run(
            [str(PEERS / "node_modules/.bin/esbuild"), str(PEERS / f"{peer}.mjs"), *bundle, f"--outfile={target}"],
            check=True,
        )
        shutil.copy(PEERS / "page.html", folder / peer / "page.html")
    loaded = {
        name: [path.read_bytes() for path in (folder / name).iterdir() if path.suffix in TYPES]
        for name in ("ours", "spark", "playcanvas")
    }
    return {name: sum(len(gzip.compress(data, 9)) for data in files) for name, files in loaded.items()}


def put_scene(folder: Path, name: str, splats: Splats3D) -> dict[str, int]:
    """The scene in every format; bytes by suffix."""
    sizes = {}
    for suffix in (".sfu", ".spz", ".sog"):
        path = folder / f"{name}{suffix}"
        kept = common.cache_path("viewer", suffix, splats=splats_digest(splats))
        if not kept.exists():
            if suffix == ".sfu":
                save(kept, encode_scene(splats))
            else:
                write_scene(splats, kept)
        path.write_bytes(spz3(kept.read_bytes()) if suffix == ".spz" else kept.read_bytes())
        sizes[suffix] = path.stat().st_size
    return sizes


def spz3(data: bytes) -> bytes:
    """SPZ 4 as SPZ 3: the same columns, behind one another in gzip. Spark reads no later version."""
    magic, version, count, degree, bits, flags, streams, _ = SPZ4.unpack_from(data)
    assert (magic, version) == (b"NGSP", 4)
    lengths = [SPZ4_STREAM.unpack_from(data, SPZ4.size + SPZ4_STREAM.size * i)[0] for i in range(streams)]
    at, columns = SPZ4.size + SPZ4_STREAM.size * streams, []
    for length in lengths:
        columns.append(zstandard.ZstdDecompressor().decompress(data[at : at + length]))
        at += length
    head = struct.pack("<4sIIBBBB", magic, 3, count, degree, bits, flags, 0)
    return gzip.compress(head + b"".join(columns), 9)


def first_picture(
    browser: Browser, folder: Path, show: Show, camera: Camera, rate: str, *, code: bool
) -> dict[str, Any]:
    """One visit: milliseconds from the navigation's beginning to the first picture, and what had been sent by then."""
    line = OneLine(site(folder), parse_rate(rate), code=code)
    with serving(line) as url:
        page = browser.open(address(url, show, "scene", camera), SIDE, SIDE, moves=True, before=script("watch.js"))
        seen = page.run(WATCHED)
        complaints = page.close()
    before = [entry for entry in line.sent if entry[0] * 1000 <= seen["origin"] + seen["first"]]
    return {
        "milliseconds": seen["first"],
        "bytes": sum(count for _, _, count in before),
        "scene_bytes": sum(count for _, path, count in before if path.endswith(show.suffix)),
        "copies": seen["copies"],
        "complaints": complaints,
    }


def address(url: str, show: Show, scene: str, camera: Camera) -> str:
    query = {"src": f"/{scene}{show.suffix}", "camera": json.dumps(told(camera))}
    if show.viewer == "Sfumato":
        query |= {"controls": "none", "background": "black"}
    return f"{url}/{show.page}?{urlencode(query)}"


def told(camera: Camera) -> dict[str, Any]:
    """A camera as the pages take it."""
    fields = {name: getattr(camera, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
    return fields | {"rotation": camera.rotation.tolist(), "translation": camera.translation.tolist()}


def script(name: str) -> str:
    return f"(() => {{\n{(PEERS / name).read_text()}\n}})();"


# Resolves some time after all has come: with when the first picture was there, and how like the last one each copy is.
WATCHED = """
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
while (watched.first === null) {
  if (performance.now() > 120_000) throw new Error("nothing shows after 120 s");
  await wait(50);
}
const ours = document.querySelector("sfumato-view");
while (ours && ours.report.state === "loading") await wait(50);
await wait(ours ? 2000 : 500);
const last = watched.copies.at(-1)[1];
const psnr = (one) => {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - last[i]) ** 2;
  return sum ? 10 * Math.log10((255 ** 2 * one.length * 0.75) / sum) : 99;
};
const short = (number) => Math.round(number * 100) / 100;
const copies = watched.copies.map(([at, data]) => [short(at), short(psnr(data))]);
return { origin: performance.timeOrigin, first: watched.first, copies };
"""


def frame_times(browser: Browser, folder: Path, show: Show, scene: str, cameras: list[Camera]) -> dict[str, Any]:
    """Milliseconds of each frame of an orbit, after some that do not count."""
    with serving(site(folder)) as url:
        place = address(url, show, scene, cameras[0])
        page = browser.open(place, SIDE, SIDE, before=script("pump.js"))
        views = [told(camera) for camera in cameras[: WARM_UP + FRAMES]]
        times = page.run(TURNED, views)[WARM_UP:]
        return {"milliseconds": times, "median": statistics.median(times), "complaints": page.close()}


TURNED = """
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const ours = document.querySelector("sfumato-view");
if (ours) window.look = (camera) => { ours.camera = camera; };
while (ours ? ours.report?.state !== "complete" : !window.ready) {
  if (performance.now() > 60_000) throw new Error("the scene does not come");
  await wait(50);
}
await wait(2000);
await take();
const times = [];
for (const camera of given) times.push(await frame(camera));
return times;
"""


def measure(folder: Path, splats: Splats3D, rates: list[str], counts: list[int]) -> dict[str, Any]:
    """Everything, as JSON."""
    load = os.getloadavg()[0]
    code = build(folder)
    sizes = put_scene(folder, "scene", splats)
    cameras = orbit_around(splats, TURN, width=SIDE, height=SIDE)
    for count in counts:
        put_scene(folder, f"frames-{count}", splats[np.linspace(0, len(splats) - 1, count).astype(int)])
    files = [path for path in sorted(folder.rglob("*.*")) if path.is_file()]
    scripts = [hashlib.sha256(script(name).encode()).hexdigest()[:16] for name in ("watch.js", "pump.js")]
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}
    browser = Browser()
    try:

        def remembered(kind: str, show: Show, work: Callable[[], Any], **more: Any) -> Any:
            print(f"{time.strftime('%H:%M:%S')} {kind}: {show.name}, {more}", flush=True)
            own = [
                path for path in files if path.suffix == show.suffix or path.parent.name == Path(show.page).parent.name
            ]
            key = {
                "files": scripts + [digests[path] for path in own],
                "browser": browser.version,
                "show": show.name,
                **more,
            }
            return common.remembered(kind, work, code=False, **key)

        first, frames = [], []
        for rate, kept in [(rate, False) for rate in rates] + [(rates[0], True)]:
            for show in SHOWS:
                visits = [
                    remembered(
                        "viewer-first",
                        show,
                        lambda: first_picture(browser, folder, show, cameras[0], rate, code=not kept),  # noqa: B023
                        rate=rate,
                        kept=kept,
                        visit=visit,
                    )
                    for visit in range(VISITS)
                ]
                found = min(visits, key=lambda visit: visit["milliseconds"])
                times = [visit["milliseconds"] for visit in visits]
                first.append({"show": show.name, "rate": rate, "code_kept": kept, "visits": times, **found})
        for count in counts:
            for show in SHOWS:
                found = remembered(
                    "viewer-frames",
                    show,
                    lambda: frame_times(browser, folder, show, f"frames-{count}", cameras),  # noqa: B023
                    count=count,
                )
                frames.append({"show": show.name, "splats": count, **found})
    finally:
        browser.close()
    found = {
        "machine": common.processor(),
        "load": load,
        "browser": browser.version,
        "splats": len(splats),
        "code_bytes": code,
        "scene_bytes": sizes,
        "first": first,
        "frames": frames,
    }
    return found | {"sooner": viewer_report.ratios(found)}


def main() -> None:
    parser = argparse.ArgumentParser(description="How soon a scene shows, and how fast it turns, in browsers.")
    parser.add_argument("--scene", type=Path, default=SCENE, help="of 100,000 splats or more")
    parser.add_argument("--quick", action="store_true", help="one rate and the small scene; results go to the cache")
    options = parser.parse_args()
    lacks = missing() or (None if (PEERS / "node_modules").is_dir() else f"npm install --prefix {PEERS} comes first")
    if lacks:
        sys.exit(f"cannot measure viewers: {lacks}")
    rates, counts = (["20mbit"], [20_000]) if options.quick else (list(RATES), list(FRAME_SPLATS))
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), read_scene(options.scene).splats, rates, counts)
    common.write_results("viewer", viewer_report.markdown(found), found, None, quick=options.quick)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from here")
