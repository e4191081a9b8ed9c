"""What pictures cost and how good they look: `python benchmarks/image_rd.py [--quick] [--images FOLDER]`.

Every picture is encoded with 9,000 splats in six levels; every prefix of the real bytes is decoded afresh and measured,
beside classic codecs at the same bytes (peers.py) and the published points of other splat codecs. It writes
results/image_rd.md, .json and .png. Finished work is kept in benchmarks/cache/, and an encode that is interrupted goes
on from its checkpoint: after an interruption, run the same command again.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import common
import image_rd_report
import numpy as np
import peers
from numpy.typing import NDArray

from sfumato.errors import CheckpointError
from sfumato.files import save
from sfumato.kernels.splats2d import render
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.assemble import assemble_image
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.canvas import Canvas
from sfumato.media.image.decoder import ImageDecoder
from sfumato.media.image.encode import EncodeSettings, encode_pixels
from sfumato.media.image.finish import choose_color_step, chunk_grids, finish
from sfumato.media.image.fit import fit_image
from sfumato.media.image.model import Layers, Plan, make_plan
from sfumato.media.image.objective import Objective
from sfumato.media.image.settings import FitSettings, Progress
from sfumato.media.image.wishes import ITERATIONS, LOSS_DB
from sfumato.pixels import to_uint8
from sfumato.quality.curve import RatePoint
from sfumato.quality.lpips import Lpips
from sfumato.quality.metrics import psnr
from sfumato.splats import Float32Array, Splats2D

LEVELS = (360, 1050, 2400, 5000, 7000, 9000)
NAMED = (5000, 7000, 9000)  # P-GSVC's prefixes (arXiv 2603.10551)
COMPARED = 8  # prefixes at whose bytes the classic codecs are run
FIRST_SHARE = 0.05
SPEED_SPLATS = 10_000
TIMED = 3  # pictures that are encoded with default settings against the clock

_FRESH = """
import time
begin = time.perf_counter()
import sys, sfumato
loaded = time.perf_counter()
sfumato.open(sys.argv[1]).render()
print(1e3 * (loaded - begin), 1e3 * (time.perf_counter() - loaded))
"""


@dataclass(frozen=True)
class Run:
    """What one call of the benchmark does. iterations: of every fit; None for the encoder's own number."""

    iterations: int | None
    quick: bool


class Keeping(Checkpoint):
    """A checkpoint that remembers the splats as they were before rounding."""

    floats: Splats2D | None = None

    def drop_part(self, name: str) -> None:
        """Forget a part on the disk, but keep the splats of the fit here."""
        part = self.part(name)
        if part is not None and name.endswith("fit0"):
            self.floats = Splats2D(part["xy"], part["chol"], part["color"])
        super().drop_part(name)


class Line:
    """What is under way and how far: rewritten in place on a terminal, else one line every 15 seconds."""

    def __init__(self) -> None:
        self.begun = self._told = time.monotonic()
        self.what = ""
        self._wait = 0.5 if sys.stdout.isatty() else 15.0

    def start(self, what: str) -> None:
        self.what = what
        self._told = time.monotonic()
        print(f"[{self._told - self.begun:6.0f} s] {what}", flush=True)

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told > self._wait:
            self._told = now
            quality = "" if progress.psnr_db is None else f", {progress.psnr_db:.2f} dB"
            text = f"           {progress.stage} {100 * progress.fraction:3.0f} %{quality}"
            print(f"{text:40}", end="\r" if sys.stdout.isatty() else "\n", flush=True)


def encoded(pixels: Float32Array, settings: EncodeSettings, line: Line) -> tuple[bytes, Splats2D, float | None]:
    """The file, the splats before rounding, and the seconds it took (None if it was interrupted in between).

    Done once; then from the cache. An interrupted encode goes on from its checkpoint.
    """
    key = {**asdict(settings), "picture": common.picture_digest(pixels)}
    file, rest = (common.cache_path("encode", ending, **key) for ending in (".sfu", ".npz"))
    if not (file.exists() and rest.exists()):
        path = file.with_suffix(".checkpoint")
        store = Keeping.new(path, key)
        if path.exists():
            try:
                store = Keeping.load(path, key)
                if store.part("whole.region0"):  # rounded already: the splats before that are gone
                    store = Keeping.new(path, key)
            except CheckpointError as error:
                print(f"           starting again: {error}", flush=True)
        assert isinstance(store, Keeping)
        resumed = path.exists()
        begun = time.monotonic()
        data = encode_pixels(pixels, settings, progress=line, checkpoint=store)
        seconds = math.nan if resumed else time.monotonic() - begun
        floats = store.floats
        assert floats is not None
        np.savez(rest, xy=floats.xy, chol=floats.chol, color=floats.color, seconds=seconds)
        save(file, data)
        store.remove()
    with np.load(rest) as stored:
        seconds = float(stored["seconds"])
        splats = Splats2D(stored["xy"], stored["chol"], stored["color"])
    return file.read_bytes(), splats, None if math.isnan(seconds) else seconds


def float_psnr(splats: Splats2D, pixels: Float32Array) -> float:
    """PSNR in dB of splats that were never rounded."""
    return psnr(np.clip(render(splats, pixels.shape[1], pixels.shape[0]), 0, 1), pixels)


def one_level(pixels: Float32Array, iterations: int, line: Line) -> dict[str, float]:
    """The same trainer and number of splats without prefixes: only the whole set counts, and the file is one chunk."""
    height, width, _ = pixels.shape
    settings = FitSettings(levels=LEVELS[-1:], iterations=iterations, granularity="levels")
    layers = fit_image(pixels, settings, report=line)
    single = Plan(LEVELS[-1:], (0,))
    layers = Layers(layers.splats, single, width, height)
    canvas = Canvas(width, height)
    objective = Objective(pixels, single, settings)
    grids = chunk_grids(layers, choose_color_step(layers, objective, LOSS_DB), canvas)
    quantised = finish(layers, objective, grids, canvas, settings.seed, line)
    data = assemble_image(pixels, single, quantised)
    return {
        "float_psnr": float_psnr(layers.splats, pixels),
        "psnr": psnr(np.clip(ImageAsset.open(data).render(), 0, 1), pixels),
        "bytes": len(data),
    }


def chunk_psnrs(data: bytes, pixels: Float32Array) -> list[float]:
    """PSNR in dB after every chunk of splats, fed as a network would deliver it."""
    decoder = ImageDecoder()
    found: list[float] = []
    for start in range(0, len(data), 64):
        if decoder.feed(data[start : start + 64]) and len(decoder.parts) > len(found):
            found.append(float_psnr(decoder.splats, pixels))
    return found


def first_bytes(data: bytes, pixels: Float32Array) -> dict[str, float]:
    """What the first 5 % of the bytes show; black if no chunk is complete."""
    length = int(FIRST_SHARE * len(data))
    decoder = ImageDecoder()
    decoder.feed(data[:length])
    return {"bytes": length, "splats": len(decoder.splats), "psnr": float_psnr(decoder.splats, pixels)}


def every_prefix(data: bytes, pixels: Float32Array, lpips: Lpips) -> list[dict[str, Any]]:
    """Every prefix that is a file, decoded from nothing but its own bytes."""
    points = []
    for prefix in ImageAsset.open(data).prefixes:
        asset = ImageAsset.open(data[: prefix.length])
        shown = np.clip(asset.render(), 0, 1)
        measured = lpips if lpips.reason is None else None
        points.append(asdict(RatePoint.measured(prefix.length, len(asset.splats()), shown, pixels, measured)))
    return points


def compared(count: int, splats: list[int]) -> list[int]:
    """Which prefixes the classic codecs are compared at: about `COMPARED`, the named ones among them."""
    named = [k for k, n in enumerate(splats) if n in NAMED]
    others = np.linspace(0, count - 1, COMPARED + 2 - len(named)).round().astype(int)
    return sorted({*named, *(int(k) for k in others)})


def rivals(pixels: NDArray[np.uint8], sizes: list[int]) -> dict[str, list[dict[str, Any] | None]]:
    """The classic codecs at the same bytes: a file per size, and prefixes of one progressive file."""

    def point(coded: peers.Coded | None) -> dict[str, Any] | None:
        return None if coded is None else asdict(RatePoint.measured(coded.bytes, 0, coded.pixels, pixels))

    found: dict[str, list[dict[str, Any] | None]] = {}
    for codec in peers.CODECS:
        encoder = peers.Encoder(codec, pixels)
        found[codec] = [point(encoder.at_bytes(size)) for size in sizes]
    for codec in peers.PROGRESSIVE:
        file = peers.ProgressiveFile(codec, pixels, sizes[-1])
        found[f"{codec}, prefixes of one file"] = [point(file.at(size)) for size in sizes]
    return found


def decode_speed(data: bytes) -> dict[str, float]:
    """Milliseconds to decode and render a file, in a process that does it again and again, and in a fresh one."""
    times = []
    for _ in range(30):
        begun = time.perf_counter()
        ImageAsset.open(data).render()
        times.append(1e3 * (time.perf_counter() - begun))
    fresh = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.sfu")
        path.write_bytes(data)
        for _ in range(5):
            told = subprocess.run(
                [sys.executable, "-c", _FRESH, str(path)], capture_output=True, text=True, check=True
            ).stdout
            fresh.append([float(value) for value in told.split()])
    loading, first = zip(*fresh, strict=True)
    return {
        "median_ms": statistics.median(times),
        "least_ms": min(times),
        "fresh_ms": statistics.median(first),
        "import_ms": statistics.median(loading),
        "splats": len(ImageAsset.open(data).splats()),
        "bytes": len(data),
    }


def default_encode(path: Path, iterations: int | None) -> dict[str, float]:
    """Seconds of `sfumato encode PICTURE` in a process of its own, start to end."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "picture.sfu")
        command = [sys.executable, "-m", "sfumato", "encode", str(path), "-o", str(target), "--quiet"]
        begun = time.monotonic()
        subprocess.run([*command, *(["--iterations", str(iterations)] if iterations else [])], check=True)
        seconds = time.monotonic() - begun
        asset = ImageAsset.open(target)
        return {
            "seconds": seconds,
            "bytes": target.stat().st_size,
            "splats": len(asset.splats()),
            "psnr": asset.prefixes[-1].quality_db or math.nan,
        }


def measure(path: Path, run: Run, lpips: Lpips, line: Line) -> dict[str, Any]:
    """Everything about one picture."""
    pixels = common.read_pixels(path)
    digest = common.picture_digest(pixels)
    settings = EncodeSettings(levels=LEVELS, iterations=run.iterations)
    line.start(f"{path.stem}: {LEVELS[-1]:,} splats in {len(LEVELS)} levels")
    data, floats, seconds = encoded(pixels, settings, line)
    line.start(f"{path.stem}: the same in one level")
    iterations = run.iterations or ITERATIONS
    single = common.remembered(
        "one-level", lambda: one_level(pixels, iterations, line), picture=digest, iterations=iterations
    )
    line.start(f"{path.stem}: prefixes and classic codecs")
    prefixes = every_prefix(data, pixels, lpips)
    chosen = compared(len(prefixes), [point["splats"] for point in prefixes])
    sizes = [prefixes[k]["bytes"] for k in chosen]
    beside = common.remembered(
        "peers",
        lambda: rivals(to_uint8(pixels), sizes),
        code=False,
        picture=digest,
        sizes=sizes,
        peers=Path(peers.__file__).read_text(),
    )
    psnrs = chunk_psnrs(data, pixels)
    plan = make_plan(LEVELS)
    found = {
        "name": path.stem,
        "pixels": pixels.shape[0] * pixels.shape[1],
        "bytes": len(data),
        "splats": prefixes[-1]["splats"],
        "chunks": len(psnrs),
        "seconds": seconds,
        "float_psnr": float_psnr(floats, pixels),
        "float_psnr_at": {str(n): float_psnr(floats[:n], pixels) for n in plan.cuts if n in NAMED},
        "chunk_psnr": psnrs,
        "worst_step": min((b - a for a, b in itertools.pairwise(psnrs)), default=0.0),
        "first": first_bytes(data, pixels),
        "prefixes": prefixes,
        "one_level": single,
        "compared": chosen,
        "rivals": beside,
    }
    first = found["first"]
    print(
        f"           {len(data):,} bytes, {len(data) / found['splats']:.2f} B/splat, {prefixes[-1]['psnr']:.2f} dB "
        f"(before rounding {found['float_psnr']:.2f}, one level {single['float_psnr']:.2f}), first 5 % "
        f"{first['psnr']:.2f} dB",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Rate and distortion of pictures, beside other codecs.")
    parser.add_argument("--images", type=Path, default=common.KODAK, help="folder of pictures (Kodak)")
    parser.add_argument("--limit", type=int, help="only the first so many pictures; results go to the cache")
    parser.add_argument("--quick", action="store_true", help="two pictures, few iterations; results go to the cache")
    options = parser.parse_args()
    run = Run(100 if options.quick else None, options.quick)
    paths = common.picture_paths(options.images)[: 2 if options.quick else options.limit]
    lpips, line = Lpips(), Line()
    images = [measure(path, run, lpips, line) for path in paths]
    pixels = common.read_pixels(paths[0])
    line.start(f"{paths[0].stem}: {SPEED_SPLATS:,} splats, decode and render")
    data, _, _ = encoded(pixels, EncodeSettings(splats=SPEED_SPLATS, iterations=run.iterations), line)
    timed = []
    for path in paths[:: max(1, len(paths) // TIMED)][:TIMED]:
        line.start(f"{path.stem}: default settings, from start to end")
        digest = common.picture_digest(common.read_pixels(path))
        work = lambda path=path: default_encode(path, run.iterations)  # noqa: E731
        timed.append(
            {"name": path.stem, **common.remembered("default", work, picture=digest, iterations=run.iterations)}
        )
    found = {
        "machine": common.machine(),
        "lpips": lpips.reason or "measured",
        "levels": LEVELS,
        "images": images,
        "speed": decode_speed(data),
        "default": timed,
    }
    found["summary"] = image_rd_report.summary(found)
    markdown = image_rd_report.markdown(found)
    common.write_results(
        "image_rd", markdown, found, image_rd_report.plot(found), quick=run.quick or options.limit is not None
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from here")
