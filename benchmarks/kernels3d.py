"""How fast 3D splats become pixels and gradients: `python benchmarks/kernels3d.py [--quick] [--scenes FOLDER]`.

One run times the compiled kernels of every instruction set and the numpy reference on the same scenes at 550 x 802, and
the fused loss. It writes results/kernels3d.md and .json. "room" scenes are flat splats on the walls of a room and on 20
spheres in it, with sizes that close the surfaces; trained scenes are read where they are found.

The contenders take turns and the shortest time counts. Wall time on all cores is what a user waits; its median shows
how busy the machine was. Processor time on one thread hardly depends on other work. "Forward" is the whole way from
splats to a picture; "forward + backward" adds that from the picture's gradients to those of all splats; "weights" is
what every splat adds to the picture, without the picture.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import common
import numpy as np

from sfumato.camera import Camera
from sfumato.kernels import library, loss, reference3d, reference3d_gradient, splats3d
from sfumato.kernels.harmonics import C0
from sfumato.sources.splat_compressed_ply import read_splat_compressed_ply
from sfumato.splats import Float32Array, Splats3D

WIDTH, HEIGHT = 802, 550
SCENES = Path(os.environ.get("SFUMATO_SCENES", common.ROOT / ".." / "shared" / "data"))
SIZE = np.array([6.0, 4.0, 8.0])  # of the room
TARGETS = {  # milliseconds on two cores: forward, forward + backward
    "room 50k": (16, 38),
    "room 170k": (45, 90),
}
LOSS_TARGET = 5.0  # milliseconds at 480 x 270
OPENSPLAT = {  # milliseconds: projection, rasteriser forward, rasteriser backward
    "room 10k": (3, 687, 412),
    "room 50k": (8, 595, 391),
    "room 170k": (40, 772, 431),
    "guitar": (14, 269, 91),
    "biker": (39, 644, 199),
    "biker, close": (30, 1429, 511),
}


# --- scenes -----------------------------------------------------------------------------------------------------------


def turned(normal: Float32Array, angle: Float32Array) -> Float32Array:
    """Quaternions [N, 4] that turn the z axis to `normal` [N, 3], after a turn by `angle` [N] about it."""
    half = np.stack([1 + normal[:, 2], -normal[:, 1], normal[:, 0], np.zeros(len(normal))], 1)
    half[normal[:, 2] < -0.9999] = [0, 1, 0, 0]
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    w, x, y, z = half.T
    cos, sin = np.cos(angle / 2), np.sin(angle / 2)
    return np.stack([w * cos - z * sin, x * cos + y * sin, y * cos - x * sin, w * sin + z * cos], 1)


def room(count: int, degree: int = 0) -> Splats3D:
    """Half of the splats on six walls, half on 20 spheres."""
    rng = np.random.default_rng(count)
    on_walls = count // 2
    areas = np.repeat([SIZE[1] * SIZE[2], SIZE[0] * SIZE[2], SIZE[0] * SIZE[1]], 2)
    wall = rng.choice(6, on_walls, p=areas / areas.sum())
    sign, every = np.where(wall % 2, 1.0, -1.0), np.arange(on_walls)
    places = rng.uniform(-0.5, 0.5, (on_walls, 3)) * SIZE
    places[every, wall // 2] = sign * SIZE[wall // 2] / 2
    inward = np.zeros((on_walls, 3))
    inward[every, wall // 2] = -sign
    centers, radii = rng.uniform(-0.4, 0.4, (20, 3)) * SIZE, rng.uniform(0.2, 0.6, 20)
    ball = rng.choice(20, count - on_walls, p=radii**2 / np.sum(radii**2))
    outward = rng.normal(size=(count - on_walls, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    spacing = np.sqrt([areas.sum() / on_walls, 4 * np.pi * np.sum(radii**2) / (count - on_walls)])
    sigma = 0.6 * np.repeat(spacing, [on_walls, count - on_walls])[:, None] * np.exp(rng.normal(0, 0.35, (count, 3)))
    sigma[:, 2] *= 0.1
    sh = rng.normal(0, 0.05, (count, (degree + 1) ** 2, 3))
    sh[:, 0] = rng.uniform(-0.5, 0.5, (count, 3)) / C0
    return Splats3D(
        np.concatenate([places, centers[ball] + radii[ball, None] * outward]),
        turned(np.concatenate([inward, outward]), rng.uniform(0, np.pi, count)),
        sigma,
        np.clip(rng.beta(4, 1.5, count), 0.02, 0.99),
        sh,
    )


def rooms(counts: tuple[int, ...]) -> dict[str, tuple[Splats3D, Camera]]:
    """The rooms, seen from a corner; the largest also with harmonics of degree 3."""
    camera = Camera.look_at(
        np.array([2.4, -0.6, -3.4]), np.array([-0.3, 0.2, 1.0]), width=WIDTH, height=HEIGHT, fov_degrees=65
    )
    found = {f"room {count // 1000}k": (room(count), camera) for count in counts}
    found[f"room {counts[-1] // 1000}k, degree 3"] = room(counts[-1], 3), camera
    return found


def trained(folder: Path) -> dict[str, tuple[Splats3D, Camera]]:
    """Trained scenes in PlayCanvas' compressed PLY, as far as they are there."""
    found = {}
    for name, views in (("guitar", {"guitar": 0.95}), ("biker", {"biker": 0.95, "biker, close": 0.4})):
        path = folder / f"splat_{name}" / f"{name}.compressed.ply"
        if not path.exists():
            continue
        splats = read_splat_compressed_ply(path, repair=True).splats
        low, high = np.quantile(splats.mean, [0.02, 0.98], axis=0)
        center, size = (low + high) / 2, float(np.linalg.norm(high - low))
        for view, distance in views.items():
            position = center + distance * size * np.array([0.35, -0.15, 1.0])
            found[view] = splats, Camera.look_at(position, center, width=WIDTH, height=HEIGHT)
    return found


# --- contenders -------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """One line of the table, in milliseconds: wall time on all cores, processor time on one thread."""

    scene: str
    splats: int
    shown: int
    work: str
    contender: str
    wall: float
    wall_median: float
    one_thread: float
    repeats: int


def works(splats: Splats3D, camera: Camera, d_color: Float32Array) -> dict[str, Callable[[], object]]:
    return {
        "forward": lambda: splats3d.render(splats, camera),
        "forward + backward": lambda: splats3d.Shot(splats, camera).gradient(d_color),
        "weights": lambda: splats3d.measure(splats, [camera]),
    }


def reference_works(splats: Splats3D, camera: Camera, d_color: Float32Array) -> dict[str, Callable[[], object]]:
    zero = np.zeros(d_color.shape[:2])

    def forward() -> object:
        return reference3d.render(splats, camera, background=None, antialias=False, near=splats3d.NEAR)

    def both() -> object:
        # The gradient draws the picture by itself, since it needs every splat's part.
        return reference3d_gradient.gradient(
            splats, camera, d_color.astype(float), zero, zero, background=None, antialias=False, near=splats3d.NEAR
        )

    return {"forward": forward, "forward + backward": both}


def timed(run: Callable[[], object], clock: Callable[[], float], threads: int) -> float:
    """Milliseconds of one run on so many threads."""
    os.environ["SFUMATO_THREADS"] = str(threads)
    start = clock()
    run()
    return 1000 * (clock() - start)


def measure(scene: str, splats: Splats3D, camera: Camera, repeats: int, slow: bool, cores: int) -> list[Row]:
    """Times all contenders on one scene; they take turns, so that a busy moment hits all alike."""
    d_color = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32)
    isas = [isa for isa in ("base", "v3", "v4") if common.use(isa)]
    common.use("")
    shown = int(np.count_nonzero(splats3d.measure(splats, [camera]).total))
    runs = works(splats, camera, d_color)
    wall: dict[tuple[str, str], list[float]] = {(work, isa): [] for work in runs for isa in isas}
    single: dict[tuple[str, str], list[float]] = {key: [] for key in wall}
    for _ in range(repeats):
        for isa in isas:
            common.use(isa)
            for work, run in runs.items():
                wall[work, isa].append(timed(run, time.perf_counter, cores))
                single[work, isa].append(timed(run, time.thread_time, 1))
    common.use("")
    os.environ["SFUMATO_THREADS"] = str(cores)
    rows = [
        Row(scene, len(splats), shown, work, f"native {isa}", min(times), statistics.median(times), min(alone), repeats)
        for ((work, isa), times), alone in zip(wall.items(), single.values(), strict=True)
    ]
    if slow:
        for work, run in reference_works(splats, camera, d_color).items():
            once = timed(run, time.perf_counter, cores)
            rows.append(Row(scene, len(splats), shown, work, "numpy reference", once, once, once, 1))
    return sorted(rows, key=lambda row: (row.work, row.wall))


def measure_loss(repeats: int, cores: int) -> list[Row]:
    """The fused L1 + SSIM loss with its gradient."""
    rows = []
    for width, height in ((480, 270), (WIDTH, HEIGHT)):
        rng = np.random.default_rng(0)
        pictures = (rng.uniform(size=(height, width, 3)).astype(np.float32) for _ in range(2))
        run = functools.partial(loss.l1_ssim, *pictures)
        for isa in ("base", "v3", "v4"):
            if not common.use(isa):
                continue
            wall, single = [], []
            for _ in range(repeats):
                wall.append(timed(run, time.perf_counter, cores))
                single.append(timed(run, time.thread_time, 1))
            name = f"{width} x {height}"
            times = min(wall), statistics.median(wall), min(single)
            rows.append(Row(name, 0, 0, "L1 + SSIM", f"native {isa}", *times, repeats))
    common.use("")
    return rows


def agreement(splats: Splats3D, camera: Camera) -> str:
    """How far the best kernels are from the reference, in one sentence."""
    expected = reference3d.render(splats, camera, background=None, antialias=False, near=splats3d.NEAR)[0]
    error = np.abs(splats3d.render(splats, camera).color - expected)
    assert np.quantile(error, 0.999) < 1e-3, f"pictures differ by {np.quantile(error, 0.999)}"
    return (
        f"Kernels and reference, {len(splats):,} splats: mean difference {error.mean():.1e}, largest {error.max():.1e}."
    )


# --- report -----------------------------------------------------------------------------------------------------------


def best(rows: list[Row], scene: str, work: str) -> Row:
    """The fastest compiled contender."""
    found = [row for row in rows if (row.scene, row.work) == (scene, work) and row.contender.startswith("native")]
    return min(found, key=lambda row: row.wall)


def verdicts(rows: list[Row]) -> list[str]:
    """Targets and what was reached."""
    lines = []
    for scene, targets in TARGETS.items():
        if not any(row.scene == scene for row in rows):
            continue
        for work, target in zip(("forward", "forward + backward"), targets, strict=True):
            row = best(rows, scene, work)
            word = "met" if row.wall <= target else "**missed**"
            lines.append(f"{scene}, {work}: {row.wall:.1f} ms, target {target} ms on two cores: {word}.")
    row = best(rows, "480 x 270", "L1 + SSIM")
    word = "met" if row.wall <= LOSS_TARGET else "**missed**"
    return [*lines, f"L1 + SSIM with gradient, 480 x 270: {row.wall:.1f} ms, target {LOSS_TARGET:g} ms: {word}."]


def opensplat_table(rows: list[Row]) -> str:
    """Our times beside those of OpenSplat's CPU rasteriser."""
    lines = []
    for scene, (projection, forward, backward) in OPENSPLAT.items():
        if any(row.scene == scene for row in rows):
            ours, both = best(rows, scene, "forward").wall, best(rows, scene, "forward + backward").wall
            cells = [(ours, projection + forward), (both, projection + forward + backward)]
            lines.append([scene, *(text for a, b in cells for text in (f"{a:.1f}", str(b), f"{b / a:.0f}x"))])
    return common.table(["scene", "forward", "OpenSplat", "ratio", "forward + backward", "OpenSplat", "ratio"], lines)


def report(rows: list[Row], notes: list[str], cores: int) -> str:
    """The result as Markdown."""
    head = ["scene", "splats", "shown", "work", "contender", "all cores", "one thread", "repeats"]
    body = [
        [row.scene, f"{row.splats:,}", f"{row.shown:,}", row.work, row.contender,
         f"{row.wall:.1f} ({row.wall_median:.1f})", f"{row.one_thread:.1f}", str(row.repeats)]
        for row in rows
    ]  # fmt: skip
    return "\n".join(
        [
            "# 3D kernels: splats to pixels and gradients",
            "",
            f"{WIDTH} x {HEIGHT}, {common.processor()}, {cores} cores. Milliseconds: wall time on all cores, shortest "
            "(median), and shortest processor time on one thread. `python benchmarks/kernels3d.py` writes this and "
            "says in its first lines what is measured.",
            "",
            *(f"- {line}" for line in [*verdicts(rows), *notes]),
            "",
            common.table(head, body),
            "## Beside OpenSplat's CPU rasteriser",
            "",
            "OpenSplat's numbers are quoted, not measured in this run: its CPU rasteriser (one thread by design, -O3) "
            "on one core of an AMD EPYC (Zen 3) with rooms like these and the same trained scenes in other views of "
            "this size. They leave out its backward projection; ours include everything. Milliseconds.",
            "",
            opensplat_table(rows),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the 3D splat kernels.")
    parser.add_argument("--quick", action="store_true", help="fewer splats and repeats; results go to cache/quick/")
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of splat_guitar/ and splat_biker/")
    options = parser.parse_args()
    cores = library.thread_count()
    counts, repeats = ((2_000, 10_000), 3) if options.quick else ((10_000, 50_000, 170_000), 12)
    before = os.getloadavg()[0]
    rows, scenes = [], rooms(counts) | ({} if options.quick else trained(options.scenes))
    for name, (splats, camera) in scenes.items():
        print(name, flush=True)
        rows += measure(name, splats, camera, repeats, len(splats) <= 50_000 and not options.quick, cores)
    rows += measure_loss(repeats, cores)
    first = next(iter(scenes.values()))
    notes = [agreement(*first), f"Load average before and after: {before:.1f}, {os.getloadavg()[0]:.1f}."]
    if "guitar" not in scenes:
        notes.append("No trained scenes: they were not found (--scenes, or SFUMATO_SCENES).")
    data = {"processor": common.processor(), "cores": cores, "notes": notes, "times": [asdict(row) for row in rows]}
    common.write_results(
        "kernels3d", report(rows, notes, cores), json.loads(json.dumps(data)), None, quick=options.quick
    )


if __name__ == "__main__":
    main()
