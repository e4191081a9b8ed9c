"""Memory and time that large scenes take: `python benchmarks/scene_memory.py [--splats 1000000,5000000]`.

A real scene is repeated side by side, each copy a little different, until it has enough splats. Each is encoded once
and decoded once, every time in a fresh process. Writes results/scene_memory.md and .json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, machine, table, write_results

from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import encode_scene
from sfumato.sources.scene import read_scene
from sfumato.splats import Splats3D

SCENE = ROOT / ".." / "shared" / "data" / "splat_biker" / "biker.compressed.ply"
COUNTS = "1000000,5000000"
JITTER = 1e-3  # of the scene's size, so that no two copies are alike


def tiled(one: Splats3D, count: int) -> Splats3D:
    """`count` splats: copies of `one`, moved by a thousandth of its size at random, side by side on a square."""
    chance = np.random.default_rng(1)
    low, high = np.percentile(one.mean, [1, 99], axis=0)
    side = math.ceil(math.sqrt(count / len(one)))
    row = np.arange(count)
    copy, same = np.divmod(row, len(one))
    mean = one.mean[same]
    mean += chance.normal(0, JITTER * float((high - low).max()), mean.shape).astype(np.float32)
    mean[:, 0] += (copy % side * (high - low)[0]).astype(np.float32)
    mean[:, 2] += (copy // side * (high - low)[2]).astype(np.float32)
    return Splats3D(mean, one.rotation[same], one.scale[same], one.opacity[same], one.sh[same])


def peak() -> int:
    """The most bytes this process has had in memory."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def encoding(scene: Path, count: int, path: Path) -> dict[str, Any]:
    """Encode once; this process does nothing else."""
    splats = tiled(read_scene(scene).splats, count)
    start = time.perf_counter()
    path.write_bytes(encode_scene(splats))
    return {"degree": splats.sh_degree, "encode_seconds": time.perf_counter() - start, "encode_peak": peak()}


def decoding(path: Path) -> dict[str, Any]:
    """Decode once; this process does nothing else."""
    data = path.read_bytes()
    decoder, start = SceneDecoder(), time.perf_counter()
    decoder.feed(data)
    decoder.close()
    fed, seconds = peak(), time.perf_counter() - start
    count = len(decoder.splats)
    return {
        "splats": count,
        "bytes": len(data),
        "decode_seconds": seconds,
        "decode_peak": fed,
        "splats_seconds": time.perf_counter() - start,
        "splats_peak": peak(),
    }


def in_fresh_process(*arguments: object) -> dict[str, Any]:
    """What this program says when it is called with these arguments."""
    done = subprocess.run([sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(scene: Path, count: int) -> dict[str, Any]:
    """One size of scene."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.sfu"
        encoded = in_fresh_process("--scene", scene, "--encode", count, "--file", path)
        return encoded | in_fresh_process("--decode", "--file", path)


def report(rows: list[dict[str, Any]]) -> str:
    """The page."""
    cells = [
        [
            f"{row['splats']:,}",
            f"{row['bytes']:,}",
            f"{row['encode_seconds']:.0f} s",
            f"{row['encode_peak'] / 2**20:,.0f} MiB",
            f"{row['decode_seconds']:.1f} s",
            f"{row['decode_peak'] / 2**20:,.0f} MiB",
            f"{row['splats_seconds']:.1f} s",
            f"{row['splats_peak'] / 2**20:,.0f} MiB",
        ]
        for row in rows
    ]
    head = ["splats", "bytes", "encode", "peak", "decode", "peak", "until the splats are there as floats", "peak"]
    return (
        f"# Memory of large scenes\n\nA real scene, repeated; harmonics of degree {rows[0]['degree']}. {machine()}. "
        "Every number is that of one run in a fresh process. Peaks are all that the process had in memory (resident), "
        f"the interpreter and, when encoding, the scene itself among them.\n\n{table(head, cells)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", type=Path, default=SCENE, help="the scene that is repeated")
    parser.add_argument("--splats", default=COUNTS, help=f"sizes of scenes (default: {COUNTS})")
    parser.add_argument("--encode", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--decode", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.encode:
        print(json.dumps(encoding(options.scene, options.encode, options.file)))
        return
    if options.decode:
        print(json.dumps(decoding(options.file)))
        return
    if not options.scene.exists():
        sys.exit(f"there is no scene '{os.path.relpath(options.scene)}'; name one with --scene")
    counts = [int(text) for text in options.splats.split(",")]
    rows = [measured(options.scene, count) for count in counts]
    write_results("scene_memory", report(rows), rows, None, quick=options.splats != COUNTS)


if __name__ == "__main__":
    main()
