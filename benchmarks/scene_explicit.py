"""What scenes cost and how near they come to the original: `python benchmarks/scene_explicit.py [--quick]`.

Every scene is encoded at several qualities; every prefix of the real bytes is decoded afresh, drawn from 24 views
(scene_views.py) and compared with the original drawn from there, beside the formats of today (scene_rivals.py). It
writes results/scene_explicit.md, .json and .png. Finished work is kept in benchmarks/cache/: after an interruption, run
the same command again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import common
import numpy as np
import scene_explicit_report
import scene_ours
import scene_rivals
from scene_rivals import SPLAT_BYTES, UNCOMPRESSED, Rival
from scene_views import AZIMUTHS, FOV_DEGREES, HEIGHT, ORBITS, PSNRS, WIDTH, Truth, scene_views

from sfumato.media.scene.encode import SceneSettings
from sfumato.sources.scene import read_scene
from sfumato.sources.sog_chain import SogChain, read_sog_chain
from sfumato.splats import Splats3D

DATA = common.ROOT / ".." / "shared" / "data"
FILES = {"biker": ("splat_biker", "biker.compressed.ply"), "guitar": ("splat_guitar", "guitar.compressed.ply")}
CHAINS = {"playbot": "splat_playbot_lod_dev"}
SCENES = (*FILES, *CHAINS)
SHARES = 16  # lengths of an ordered `.splat` at which it is measured, for the plot
QUICK_SPLATS = 8_500
OPTIMISE_SECONDS = 30.0
RUNGS = 8  # most steps of the ladder of qualities in either direction: 1/16 to 16


@dataclass(frozen=True)
class Run:
    """What one call of the benchmark does.

    most_splats: of a scene; None for all. azimuths, width, height: of the views.
    """

    data: Path
    most_splats: int | None
    azimuths: int
    width: int
    height: int


@dataclass(frozen=True)
class Subject:
    """One scene before anything is measured. format: of the file that holds the truth."""

    name: str
    format: str
    truth: Truth
    given: tuple[Rival, ...] = ()
    fetched: tuple[Rival, ...] = ()


class Line:
    """What is under way, and since when."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"[{time.monotonic() - self._begun:6.0f} s] {what}", flush=True)


def subject(name: str, run: Run) -> Subject:
    """Read a scene, and the same scene in other files that came with it."""
    if name in CHAINS:
        return _streamed(name, read_sog_chain(run.data / CHAINS[name]), run)
    path = run.data.joinpath(*FILES[name])
    scene = read_scene(path)
    every = 1 if run.most_splats is None else -(-len(scene.splats) // run.most_splats)
    truth = _truth(scene.splats[::every], scene.antialiased, run)
    others = sorted(path.parent.glob("*.spz")) if every == 1 else []
    return Subject(name, scene.format, truth, tuple(scene_rivals.given(other) for other in others))


def _streamed(name: str, chain: SogChain, run: Run) -> Subject:
    """The finest level is the truth; all levels are the rival."""
    finest = scene_rivals.finest_level(chain, run.most_splats)
    scene = chain.read(finest)
    fetched = tuple(scene_rivals.levels_fetched(chain, finest))
    return Subject(name, "SOG", _truth(scene.splats, scene.antialiased, run), (), fetched)


def _truth(splats: Splats3D, antialiased: bool, run: Run) -> Truth:
    return Truth(splats, scene_views(splats, run.azimuths, run.width, run.height), antialiased)


def rivals(about: Subject, ordered: Splats3D, line: Line) -> dict[str, Any]:
    """The formats of today: whole files, prefixes of an ordered `.splat`, levels of a streamed SOG."""
    truth = about.truth
    files = [scene_rivals.written(truth.splats, suffix, truth.antialiased) for suffix in (".spz", ".sog")]
    files += [scene_rivals.compressed_ply(truth.splats), *about.given]
    files.append(Rival(UNCOMPRESSED, SPLAT_BYTES * len(ordered), ordered))
    whole, levels = [], []
    for file in files:
        own = file.name.startswith(about.format)
        told = _told(file, truth)
        judged = told["psnr"] is not None and not own and file.name != UNCOMPRESSED
        whole.append({**told, "own_format": own, "judged": judged})
        line(f"{about.name}: {file.name}, {file.bytes:,} bytes, {_db(whole[-1]['psnr'])}")
    for level in about.fetched:
        levels.append(_told(level, truth))
        line(f"{about.name}: up to {level.name}, {level.bytes:,} bytes, {_db(levels[-1]['psnr'])}")
    counts = np.unique(np.geomspace(0.002, 1, SHARES) * len(ordered)).astype(int)
    prefixes = [_told(Rival(UNCOMPRESSED, SPLAT_BYTES * int(count), ordered[:count]), truth) for count in counts]
    return {"files": whole, "levels": levels, "splat_prefixes": prefixes}


def _told(rival: Rival, truth: Truth) -> dict[str, Any]:
    shown = asdict(truth.measured(rival.splats))
    return {"name": rival.name, "bytes": rival.bytes, "splats": len(rival.splats), **shown}


def ours(about: Subject, ordered: Splats3D, beside: dict[str, Any], line: Line) -> dict[str, Any]:
    """Our files of the scene, and which of their lengths come to what the rivals show."""
    truth = about.truth

    def tell(file: scene_ours.Coded) -> None:
        line(f"{about.name}: quality {file.settings.quality:.3g}, {len(file.data):,} bytes, {_db(file.shown['psnr'])}")

    wanted = [file["psnr"] for file in beside["files"] if file["judged"]]
    files = scene_ours.ladder(truth, wanted, RUNGS, tell)
    default = next(file for file in files if file.settings.quality == 1)
    single = scene_ours.coded(truth, SceneSettings(single_level=True))
    line(f"{about.name}: one level, {len(single.data):,} bytes, {_db(single.shown['psnr'])}")
    for file in beside["files"]:
        file["ours"] = scene_ours.bytes_at(files, {key: file[key] for key in PSNRS})
    prefixes = scene_ours.every_prefix(truth, default.data, lambda text: line(f"{about.name}: {text}"))
    optimised = scene_ours.coded(truth, SceneSettings(optimise=OPTIMISE_SECONDS))
    line(f"{about.name}: optimised, {len(optimised.data):,} bytes, {_db(optimised.shown['psnr'])}")
    psnrs = [point["psnr"] for point in prefixes]
    drops = [b - a for a, b in itertools.pairwise(psnrs) if a is not None and b is not None]
    return {
        "files": [file.told() for file in files],
        "default": default.told(),
        "single": {**single.told(), "ours": scene_ours.bytes_at(files, single.shown)},
        "prefixes": prefixes,
        "optimised": {
            **optimised.told(),
            "seconds_asked": OPTIMISE_SECONDS,
            "first": scene_ours.first_bytes(truth, optimised.data, ordered, SPLAT_BYTES),
            "prefixes": scene_ours.every_prefix(
                truth, optimised.data, lambda text: line(f"{about.name}, optimised: {text}")
            ),
        },
        "worst_step": min(drops, default=0.0),
        "first": scene_ours.first_bytes(truth, default.data, ordered, SPLAT_BYTES),
        "decode": scene_ours.decode_speed(default.data),
    }


def measure(name: str, run: Run, line: Line) -> dict[str, Any]:
    """Everything about one scene."""
    line(f"{name}: read, and drawn from {3 * run.azimuths} views")
    about = subject(name, run)
    truth = about.truth
    ordered = scene_rivals.ordered_splat(truth.splats, truth.cameras, truth.antialiased)
    beside = rivals(about, ordered, line)
    return {
        "name": name,
        "format": about.format,
        "splats": len(truth.splats),
        "sh_degree": truth.splats.sh_degree,
        "empty_psnr": truth.measured(truth.splats[:0]).psnr,
        "rivals": beside,
        "ours": ours(about, ordered, beside, line),
    }


def _db(psnr: float | None) -> str:
    return "exact" if psnr is None else f"{psnr:.2f} dB"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Rate and distortion of splat scenes, beside the formats of today.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the scenes")
    parser.add_argument("--scenes", default=",".join(SCENES), help=f"some of {','.join(SCENES)}")
    parser.add_argument("--limit", type=int, help="at most so many splats of a scene; results go to the cache")
    parser.add_argument("--quick", action="store_true", help="few splats, small pictures; results go to the cache")
    options = parser.parse_args()
    options.scenes = options.scenes.split(",")
    unknown = set(options.scenes) - set(SCENES)
    if unknown:
        parser.error(f"--scenes: {', '.join(sorted(unknown))} is not one of {', '.join(SCENES)}")
    return options


def main() -> None:
    options = _options()
    if options.quick:
        run = Run(options.data, options.limit or QUICK_SPLATS, 2, WIDTH // 4, HEIGHT // 4)
    else:
        run = Run(options.data, options.limit, AZIMUTHS, WIDTH, HEIGHT)
    line = Line()
    scenes = [measure(name, run, line) for name in options.scenes]
    found: dict[str, Any] = {
        "machine": common.machine(),
        "views": {"count": 3 * run.azimuths, "width": run.width, "height": run.height, "fov_degrees": FOV_DEGREES}
        | {"orbits": ORBITS},
        "scenes": scenes,
    }
    found["summary"] = scene_explicit_report.summary(found)
    partial = options.quick or options.limit is not None or set(options.scenes) != set(SCENES)
    common.write_results(
        "scene_explicit",
        scene_explicit_report.markdown(found),
        found,
        scene_explicit_report.plot(found),
        quick=partial,
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from here")
