"""How fast 2D splats become pixels and gradients: `python benchmarks/kernels2d.py [--quick] [--image PATH]`.

One run times the compiled kernels of every instruction set, the numpy reference and tiled PyTorch on the same splats,
and measures which low-pass makes reduced pictures look like averaged ones. It writes results/kernels2d.md and .json.

"Synthetic" splats have random places, sizes and directions; "trained" ones are fitted to a photo for 300 steps by the
kernels themselves. The contenders take turns and the shortest time counts. They are compared by processor time on one
thread, which other work on the machine hardly changes; wall time on all cores is what a user waits, and its median
shows how busy the machine was.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import common
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sfumato.kernels import library, reference, splats2d
from sfumato.kernels.planes import Planes
from sfumato.splats import Float32Array, Splats2D

WIDTH, HEIGHT = 768, 512
TILE = 16
BATCH = (
    1 << 20
)  # weights that torch draws at once; among 2^17 to 2^23 the fastest, or within 3 %, from 10,000 splats on
RESULTS = Path(__file__).with_name("results")
PHOTOS = Path(os.environ.get("SFUMATO_KODAK", "../shared/data/kodak_dev"))
LOW_PASSES = {"0": 0.0, "1/12": 1 / 12, "1/10": 1 / 10, "1/9": 1 / 9, "1/6": 1 / 6, "1/4": 1 / 4}


# --- splats to draw ---------------------------------------------------------------------------------------------------


def morton(xy: Float32Array) -> NDArray[np.int64]:
    """Order [N] along a Z-curve over whole pixels: neighbours in the picture become neighbours in memory."""
    cells = np.maximum(xy, 0).astype(np.int64)
    keys = np.zeros(len(xy), np.int64)
    for bit in range(16):
        keys |= (cells[:, 0] >> bit & 1) << 2 * bit | (cells[:, 1] >> bit & 1) << 2 * bit + 1
    return np.argsort(keys, kind="stable")


def usual_sigma(count: int) -> float:
    """A size at which `count` splats cover every pixel 1.6 times."""
    return float(0.9 * np.sqrt(WIDTH * HEIGHT / (count * np.pi)))


def synthetic(count: int) -> Splats2D:
    """Random splats with a mean aspect of 1.6 and areas spread by a factor of two about the usual one."""
    rng = np.random.default_rng(count)
    sigma = usual_sigma(count) * np.exp(rng.normal(0, 0.35, count))
    stretch = np.sqrt(np.exp(np.abs(rng.normal(0, 0.56, count))))
    angle = rng.uniform(0, np.pi, count)
    axes = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], -1).reshape(count, 2, 2)
    scaled = axes * np.stack([sigma * stretch, sigma / stretch], -1)[:, :, None]
    factor = np.linalg.cholesky(np.einsum("nki,nkj->nij", scaled, scaled))
    xy = rng.uniform(0, (WIDTH, HEIGHT), (count, 2)).astype(np.float32)
    chol = np.stack([factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1]], 1)
    return Splats2D(xy, chol.astype(np.float32), rng.normal(0, 0.3, (count, 3)).astype(np.float32))[morton(xy)]


def trained(photo: Float32Array, count: int, steps: int = 300) -> Splats2D:
    """Splats fitted to `photo` [HEIGHT, WIDTH, 3] by Adam from random places: not the codec's fit, but its shapes."""
    rng = np.random.default_rng(count)
    xy = rng.uniform(0, (WIDTH, HEIGHT), (count, 2)).astype(np.float32)
    sigma = usual_sigma(count)
    pixel = xy.astype(int)
    color = np.asarray(photo[pixel[:, 1], pixel[:, 0]] / 1.62, np.float32)
    splats = Splats2D(xy, np.tile(np.array([sigma, 0, sigma], np.float32), (count, 1)), color)[morton(xy)]
    target, segment = splats2d.planes(photo), np.zeros(count, np.uint8)
    first, second = np.zeros((count, 8), np.float32), np.zeros((count, 8), np.float32)
    step = np.array([0.06, 0.06, 0.04, 0.04, 0.04, 0.015, 0.015, 0.015], np.float32)
    for at in range(1, steps + 1):
        _, gradient = splats2d.prefix_gradient(splats, segment, [target], np.ones(1), clamp=True)
        decay = np.float32(0.5 * (1 + np.cos(np.pi * at / steps)))
        splats2d.adam_step(
            splats, gradient, first, second, step * decay, betas=(0.9, 0.99), time=at, floor=0.3, ceiling=200.0
        )
    return splats[morton(splats.xy)]


# --- what a torch user writes -----------------------------------------------------------------------------------------


def tile_lists(xy: torch.Tensor, chol: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For every (tile, splat) pair, sorted by tile: the splat [P]; and per tile its first pair [T] and how many [T]."""
    reach = (2 * np.log(255)) ** 0.5 * torch.stack([chol[:, 0], chol[:, 1:].norm(dim=1)], 1)
    tiles = torch.tensor([WIDTH // TILE, HEIGHT // TILE])
    low = ((xy - reach) / TILE).floor().long().clamp(min=0).minimum(tiles)
    high = ((xy + reach) / TILE).floor().long().add(1).clamp(min=0).minimum(tiles)
    span = (high - low).clamp(min=0)
    pairs = span.prod(1)
    splat = torch.repeat_interleave(pairs)
    rank = torch.arange(len(splat)) - torch.repeat_interleave(pairs.cumsum(0) - pairs, pairs)
    column = low[splat, 0] + rank % span[splat, 0]
    row = low[splat, 1] + rank // span[splat, 0]
    tile, order = torch.sort(row * tiles[0] + column, stable=True)
    counts = torch.bincount(tile, minlength=int(tiles.prod()))
    return splat[order], counts.cumsum(0) - counts, counts


def torch_render(xy: torch.Tensor, chol: torch.Tensor, color: torch.Tensor) -> torch.Tensor:
    """The picture [HEIGHT, WIDTH, C] tile by tile; tiles with like numbers of splats are drawn as one padded batch."""
    with torch.no_grad():
        splat, start, counts = tile_lists(xy, chol)
        by_count = torch.argsort(counts)
    i11, i22 = 1 / chol[:, 0], 1 / chol[:, 2]
    i21 = -chol[:, 1] * i11 * i22
    every = torch.cat([xy, torch.stack([i11, i21, i22], 1), color], 1)
    every = torch.cat([every, torch.zeros(1, every.shape[1])])  # the padding: no colour
    inside = torch.arange(TILE) + 0.5
    parts, drawn = [], []
    sizes = counts[by_count].tolist()
    end = len(sizes)
    while end > 0:
        longest = max(sizes[end - 1], 1)
        first = max(0, end - max(1, BATCH // (longest * TILE * TILE)))
        tiles = by_count[first:end]
        slot = torch.arange(longest)
        index = (start[tiles, None] + slot).clamp(max=len(splat) - 1)
        chosen = torch.where(slot < counts[tiles, None], splat[index], len(xy))  # [B, K]
        p = every[chosen]  # [B, K, 5 + C]
        dx = (tiles % (WIDTH // TILE) * TILE)[:, None, None] + inside - p[..., :1]  # [B, K, TILE]
        dy = (tiles // (WIDTH // TILE) * TILE)[:, None, None] + inside - p[..., 1:2]
        z1 = p[..., 2:3] * dx
        z2 = (p[..., 3:4] * dx)[:, :, None, :] + (p[..., 4:5] * dy)[..., None]  # [B, K, TILE, TILE]
        weight = torch.exp(-0.5 * (z1.square()[:, :, None, :] + z2.square()))
        weight = torch.where(weight >= 1 / 255, weight, 0.0).flatten(2)  # [B, K, TILE^2]
        parts.append(torch.bmm(weight.transpose(1, 2), p[..., 5:]))  # [B, TILE^2, C]
        drawn.append(tiles)
        end = first
    picture = torch.cat(parts)[torch.argsort(torch.cat(drawn))]
    shape = (HEIGHT // TILE, WIDTH // TILE, TILE, TILE, color.shape[1])
    return picture.view(shape).transpose(1, 2).reshape(HEIGHT, WIDTH, color.shape[1])


# --- contenders -------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """One line of the table: milliseconds of processor time on one thread, and of wall time on all cores."""

    splats: str
    count: int
    work: str
    contender: str
    one_thread: float
    one_thread_median: float
    wall: float
    wall_median: float
    repeats: int
    times_torch: float = 0.0


def contenders(
    splats: Splats2D, image: Float32Array, slow: bool
) -> dict[tuple[str, str], tuple[Callable[[], object], int]]:
    """(work, name) to the function to time and its share of the repeats in percent."""
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in (splats.xy, splats.chol, splats.color)]
    gradient = torch.from_numpy(image)
    segment = np.zeros(len(splats), np.uint8)

    def torch_forward() -> object:
        with torch.no_grad():
            return torch_render(*tensors)

    def torch_both() -> object:
        return torch.autograd.grad(torch_render(*tensors), tensors, gradient)

    def native_both() -> object:
        return splats2d.render(splats, WIDTH, HEIGHT), splats2d.render_backward(splats, image)

    def fit_step(target: Planes) -> object:
        return splats2d.prefix_gradient(splats, segment, [target], np.ones(1))

    def reference_both() -> object:
        picture = reference.render2d(splats, WIDTH, HEIGHT)
        return picture, reference.render2d_backward(splats, image.astype(np.float64))

    found: dict[tuple[str, str], tuple[Callable[[], object], int]] = {}
    for isa in ("base", "v3", "v4"):
        if common.use(isa):
            found["forward", f"native {isa}"] = (lambda: splats2d.render(splats, WIDTH, HEIGHT)), 100
            found["forward + backward", f"native {isa}"] = native_both, 100
            found["forward + backward", f"native {isa}, one fit step"] = partial(fit_step, splats2d.planes(image)), 100
    if slow:
        found["forward", "numpy reference"] = (lambda: reference.render2d(splats, WIDTH, HEIGHT)), 0
        found["forward + backward", "numpy reference"] = reference_both, 0
    found["forward", "torch, tiled"] = torch_forward, 20
    found["forward + backward", "torch, tiled"] = torch_both, 10
    return found


def check(splats: Splats2D, image: Float32Array) -> None:
    """Raises AssertionError unless torch and the kernels agree: nobody wins by drawing less."""
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in (splats.xy, splats.chol, splats.color)]
    picture = torch_render(*tensors)
    error = np.abs(picture.detach().numpy() - splats2d.render(splats, WIDTH, HEIGHT))
    assert np.quantile(error, 0.999) < 1e-3 and error.max() < 0.05, f"pictures differ by {error.max()}"
    theirs = torch.autograd.grad(picture, tensors, torch.from_numpy(image))
    for ours, other in zip(splats2d.render_backward(splats, image), theirs, strict=True):
        distance = np.linalg.norm(ours - other.numpy()) / np.linalg.norm(ours)
        assert distance < 0.01, f"gradients differ by {distance:.1%}"


def seconds(run: Callable[[], object], clock: Callable[[], float], threads: int) -> float:
    """Time of one run on so many threads."""
    os.environ["SFUMATO_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    start = clock()
    run()
    return clock() - start


def measure(label: str, splats: Splats2D, repeats: int, slow: bool, cores: int) -> list[Row]:
    """Times all contenders on one set; they take turns, so that a busy minute hits all alike."""
    image = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32)
    common.use("")
    check(splats, image)
    runs = contenders(splats, image, slow)
    single: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    wall: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for turn in range(repeats):
        for (work, name), (run, share) in runs.items():
            if turn > 0 and turn * share // 100 == (turn - 1) * share // 100:
                continue
            if name.startswith("native"):
                common.use(name.split()[1].rstrip(","))
            wall[work, name].append(seconds(run, time.perf_counter, cores))
            single[work, name].append(seconds(run, time.thread_time, 1))
    rows = []
    for (work, name), times in single.items():
        others = wall[work, name]
        own, median, waited, usual = (
            1000 * value for value in (min(times), statistics.median(times), min(others), statistics.median(others))
        )
        rows.append(Row(label, len(splats), work, name, own, median, waited, usual, len(times)))
    torch_time = {row.work: row.one_thread for row in rows if row.contender == "torch, tiled"}
    for row in rows:
        row.times_torch = torch_time[row.work] / row.one_thread
    return sorted(rows, key=lambda row: (row.work, row.one_thread))


# --- low-pass of reduced pictures -------------------------------------------------------------------------------------


def psnr(a: Float32Array, b: Float32Array) -> float:
    """Of what a screen shows, in dB."""
    return float(-10 * np.log10(np.mean((a.clip(0, 1) - b.clip(0, 1)) ** 2)))


def averaged(picture: Float32Array, factor: int) -> Float32Array:
    """The mean of every `factor` x `factor` pixels of what a screen shows."""
    height, width, channels = picture.shape
    cells = picture.clip(0, 1).reshape(height // factor, factor, width // factor, factor, channels)
    return np.asarray(cells.mean((1, 3)), np.float32)


def low_pass_table(splats: Splats2D, photo: Float32Array) -> list[dict[str, float | str]]:
    """PSNR of reduced renders against the averaged full-size render and the averaged photo, for several low-passes."""
    whole = splats2d.render(splats, WIDTH, HEIGHT)
    kept, rows = splats2d.LOW_PASS, []
    for name, value in LOW_PASSES.items():
        splats2d.LOW_PASS = value
        row: dict[str, float | str] = {"splats": len(splats), "low-pass": name}
        for factor in (2, 4, 8):
            small = splats2d.render(splats, WIDTH, HEIGHT, size=(WIDTH // factor, HEIGHT // factor))
            row[f"render 1/{factor}"] = psnr(small, averaged(whole, factor))
            row[f"photo 1/{factor}"] = psnr(small, averaged(photo, factor))
        rows.append(row)
    splats2d.LOW_PASS = kept
    return rows


# --- report -----------------------------------------------------------------------------------------------------------


def report(rows: list[Row], low_pass: list[dict[str, float | str]], notes: list[str], cores: int) -> str:
    """The result as Markdown."""
    lines = [
        "# 2D kernels: splats to pixels and gradients",
        "",
        f"{WIDTH} x {HEIGHT}, RGB, {common.processor()}, {cores} cores, "
        f"torch {torch.__version__.split('+')[0]}. "
        "Milliseconds: processor time on one thread, and wall time on all cores, shortest (median) of the repeats, in "
        "which the contenders take turns. The last column compares the shortest processor times. A fit step draws, "
        "compares with a target and gathers the gradients in one pass. `python benchmarks/kernels2d.py` writes this.",
        "",
        *(f"{note}\n" for note in notes),
        "| splats | number | work | contender | one thread | all cores | repeats | times as fast as torch |",
        "|---|---:|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row.splats} | {row.count:,} | {row.work} | {row.contender} "
            f"| {row.one_thread:.2f} ({row.one_thread_median:.2f}) | {row.wall:.2f} ({row.wall_median:.2f}) "
            f"| {row.repeats} | {row.times_torch:.{0 if row.times_torch >= 10 else 2}f} |"
        )
    if low_pass:
        columns = list(low_pass[0])
        lines += [
            "",
            "## The low-pass of reduced pictures",
            "",
            "PSNR in dB of trained splats rendered at 1/2, 1/4 and 1/8 of the size, against the averaged full-size "
            "render and against the averaged photo, for several variances in output pixels^2 (`splats2d.LOW_PASS`).",
            "",
            f"| {' | '.join(columns)} |",
            f"|{'---:|' * len(columns)}",
        ]
        for line in low_pass:
            cells = (
                f"{v:.2f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else v for v in line.values()
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the 2D splat kernels.")
    parser.add_argument("--quick", action="store_true", help="fewer splats and repeats; writes nothing")
    parser.add_argument(
        "--image", type=Path, default=PHOTOS / "kodim03.png", help="photo of 768 x 512 for trained splats"
    )
    options = parser.parse_args()
    cores = library.thread_count()
    counts, repeats = ((2_000, 10_000), 20) if options.quick else ((2_000, 10_000, 50_000), 40)
    rows, low_pass, notes = [], [], []
    for count in counts:
        rows += measure("synthetic", synthetic(count), repeats, not options.quick, cores)
    if options.image.exists():
        photo = np.asarray(Image.open(options.image).convert("RGB"), np.float32) / np.float32(255)
        if photo.shape != (HEIGHT, WIDTH, 3):
            parser.error(f"{options.image} is {photo.shape[1]} x {photo.shape[0]}, not {WIDTH} x {HEIGHT}")
        for count in counts:
            common.use("")
            splats = trained(photo, count)
            quality = psnr(splats2d.render(splats, WIDTH, HEIGHT), photo)
            notes.append(f"Trained on {options.image.name}: {count:,} splats, 300 steps, {quality:.2f} dB.")
            rows += measure("trained", splats, repeats, not options.quick, cores)
            common.use("")
            low_pass += low_pass_table(splats, photo)
    else:
        notes.append(f"No trained splats: there is no {options.image.name} (--image, or SFUMATO_KODAK).")
    text = report(rows, low_pass, notes, cores)
    print(text)
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "kernels2d.md").write_text(text)
        found = {"processor": common.processor(), "cores": cores, "notes": notes, "low_pass": low_pass}
        found["times"] = [asdict(row) for row in rows]
        (RESULTS / "kernels2d.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
