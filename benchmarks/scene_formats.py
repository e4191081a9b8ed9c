"""Bytes and seconds of scenes in other tools' formats: `python benchmarks/scene_formats.py`.

Writes results/scene_formats.md: real scenes without view-dependent colour (degree 0) in every format that is written,
and the bytes that each level of a streamed SOG takes. Every file is read again. Shortest of three times, one process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from common import ROOT, machine, table, write_results

from sfumato.exports.scene import SCENES, write_scene
from sfumato.sources.scene import read_scene
from sfumato.sources.sog_chain import read_sog_chain
from sfumato.splats import Splats3D

DATA = ROOT / ".." / "shared" / "data"
SCENE_FILES = ("splat_biker/biker.compressed.ply", "splat_guitar/guitar.compressed.ply")
CHAIN = "splat_playbot_lod_dev"
REPETITIONS = 3
UNREAD = (".glb",)  # formats that are written only


def measured(name: str, splats: Splats3D, suffix: str) -> dict[str, Any]:
    """One format of one scene."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        times = []
        for _ in range(REPETITIONS):
            start = time.perf_counter()
            write_scene(splats, path)
            times.append(time.perf_counter() - start)
        if suffix not in UNREAD and len(read_scene(path).splats) != len(splats):
            raise AssertionError(f"{name}{suffix} does not come back whole")
        size = path.stat().st_size
    found = {"scene": name, "format": suffix, "splats": len(splats), "bytes": size}
    return found | {"bytes_a_splat": size / len(splats), "seconds": min(times)}


def levels(folder: Path) -> list[dict[str, Any]]:
    """The levels of a streamed SOG whose files are there."""
    chain = read_sog_chain(folder)
    found = []
    for level in range(len(chain.levels)):
        if all(meta.exists() for meta in chain.levels[level]):
            splats, size = len(chain.read(level).splats), sum(file.stat().st_size for file in chain.files(level))
            found.append({"level": level, "splats": splats, "bytes": size, "bytes_a_splat": size / splats})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the scenes")
    data = parser.parse_args().data
    rows = []
    for file in SCENE_FILES:
        splats = read_scene(data / file).splats.with_sh_degree(0)
        rows += [measured(Path(file).name.partition(".")[0], splats, suffix) for suffix in SCENES]
    chain = levels(data / CHAIN)
    text = "# Scenes in other tools' formats\n\nDegree 0. " + machine() + ".\n\n"
    text += table(
        ["scene", "splats", "format", "bytes", "bytes a splat", "seconds to write"],
        [
            [r["scene"], f"{r['splats']:,}", r["format"], f"{r['bytes']:,}"]
            + [f"{r[key]:.2f}" for key in ("bytes_a_splat", "seconds")]
            for r in rows
        ],
    )
    text += f"\n## Levels of a streamed SOG ({CHAIN}), degree 2\n\n"
    text += table(
        ["level", "splats", "bytes", "bytes a splat"],
        [[str(r["level"]), f"{r['splats']:,}", f"{r['bytes']:,}", f"{r['bytes_a_splat']:.2f}"] for r in chain],
    )
    write_results("scene_formats", text, {"scenes": rows, "levels": chain}, None, quick=False)


if __name__ == "__main__":
    main()
