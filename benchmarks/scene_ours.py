"""A scene as our own file: at several qualities, prefix by prefix, against the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import common
import numpy as np
from scene_views import Truth, splats_digest

from sfumato.files import save
from sfumato.media.scene.asset import SceneAsset
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import SceneSettings, encode_scene
from sfumato.splats import Splats3D

FIRST_SHARE = 0.05
LADDER_RATIO = 2**0.5  # between neighbouring qualities: bytes differ by less than a tenth, so that straight lines do
REPETITIONS = 7

_ONE_CORE = """
import os, sys, time
from pathlib import Path
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
from sfumato.media.scene.asset import SceneAsset
data, times = Path(sys.argv[1]).read_bytes(), []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter()
    splats = SceneAsset.open(data).splats()
    times.append(time.perf_counter() - begin)
print(len(splats), min(times))
"""


@dataclass(frozen=True)
class Coded:
    """One of our files, what it shows, and the seconds that the encoder took."""

    settings: SceneSettings
    data: bytes
    seconds: float
    shown: dict[str, float | None]

    def told(self) -> dict[str, Any]:
        """What goes into the results."""
        return {"quality": self.settings.quality, "bytes": len(self.data), "seconds": self.seconds, **self.shown}


def coded(truth: Truth, settings: SceneSettings) -> Coded:
    """The scene encoded once with `settings`, then from the cache, and measured after decoding the whole file."""
    key = {**asdict(settings), "scene": splats_digest(truth.splats)}
    file, rest = (common.cache_path("scene", ending, **key) for ending in (".sfu", ".json"))
    if not (file.exists() and rest.exists()):
        begun = time.perf_counter()
        data = encode_scene(truth.splats, settings)
        seconds = time.perf_counter() - begun
        save(file, data)
        save(rest, json.dumps({"seconds": seconds}).encode())
    data, seconds = file.read_bytes(), json.loads(rest.read_text())["seconds"]
    return Coded(settings, data, seconds, asdict(truth.measured(SceneAsset.open(data).splats())))


def ladder(truth: Truth, wanted: Sequence[float], most: int, tell: Callable[[Coded], None]) -> list[Coded]:
    """Files at quality 1 and its neighbours, further up and down until their PSNRs enclose all `wanted` ones.

    most: steps of the ladder away from quality 1, in either direction. Sorted by quality.
    """
    found: dict[int, Coded] = {}

    def climb(direction: int, enough: Callable[[float], bool]) -> None:
        for step in range(0, most + 1):
            rung = direction * step
            if rung not in found:
                found[rung] = coded(truth, SceneSettings(quality=LADDER_RATIO**rung))
                tell(found[rung])
            psnr = found[rung].shown["psnr"]
            if step and (psnr is None or enough(psnr)):
                return

    climb(1, lambda psnr: not wanted or psnr >= max(wanted))
    climb(-1, lambda psnr: not wanted or psnr <= min(wanted))
    return [found[rung] for rung in sorted(found)]


def bytes_at(files: Sequence[Coded], shown: Mapping[str, float | None]) -> dict[str, float | None]:
    """The length of our file at each of the PSNRs in `shown`: on a straight line in log bytes between two of `files`.

    None where no two of them enclose it.
    """
    return {key: None if psnr is None else _bytes_at(files, key, psnr) for key, psnr in shown.items()}


def _bytes_at(files: Sequence[Coded], key: str, psnr: float) -> float | None:
    points: list[tuple[float, int]] = []
    for file in sorted(files, key=lambda file: len(file.data)):
        reached = file.shown[key]
        if reached is not None and (not points or reached > points[-1][0]):
            points.append((reached, len(file.data)))
    if not points or not points[0][0] <= psnr <= points[-1][0]:
        return None
    reached_psnrs, lengths = zip(*points, strict=True)
    return float(np.exp(np.interp(psnr, reached_psnrs, np.log(lengths))))


def every_prefix(truth: Truth, data: bytes, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every prefix of the file, decoded from nothing but its own bytes."""
    points = []
    prefixes = SceneAsset.open(data).prefixes
    for prefix in prefixes:
        splats = SceneAsset.open(data[: prefix.length]).splats()
        shown = asdict(truth.measured(splats))
        points.append({"bytes": prefix.length, "chunks": prefix.chunks, "splats": len(splats), **shown})
        tell(f"prefix {len(points)} of {len(prefixes)}: {prefix.length:,} bytes, {_db(shown['psnr'])}")
    return points


def first_bytes(truth: Truth, data: bytes, ordered: Splats3D, splat_bytes: int) -> dict[str, Any]:
    """What the first 5 % of our bytes show, and what as many bytes of an ordered `.splat` do."""
    length = int(FIRST_SHARE * len(data))
    decoder = SceneDecoder()
    decoder.feed(data[:length])
    ours = decoder.splats
    rival = ordered[: length // splat_bytes]
    return {
        "bytes": length,
        "splats": len(ours),
        "psnr": truth.measured(ours).psnr,
        "rival_splats": len(rival),
        "rival_psnr": truth.measured(rival).psnr,
    }


def decode_speed(data: bytes) -> dict[str, float]:
    """Splats a second from bytes to arrays, in a process of its own that holds one core; the shortest of several."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scene.sfu")
        path.write_bytes(data)
        told = subprocess.run(
            [sys.executable, "-c", _ONE_CORE, str(path), str(REPETITIONS)],
            env={**os.environ, "SFUMATO_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    splats, seconds = int(told[0]), float(told[1])
    return {"splats": splats, "seconds": seconds, "splats_a_second": splats / seconds}


def _db(psnr: float | None) -> str:
    return "exact" if psnr is None else f"{psnr:.2f} dB"
