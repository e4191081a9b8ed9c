"""The demo: encode the bundled photo, then prove with real bytes what its prefixes show; then a head that moves.

    python demo/demo.py --out demo-out

The file is cut at several budgets, each cut is decoded by a process of its own from its own bytes alone, and what comes
out is compared with the photo here. The head is a synthetic one, small enough for half a minute.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from sfumato import BudgetError, cut, verify
from sfumato.quality.metrics import psnr
from sfumato.sources.photo import read_photo

PHOTO = Path(os.path.relpath(Path(__file__).with_name("photo.jpg")))
BUDGETS = ("2%", "5%", "10%", "25%", "50%", "100%")


def sfumato(*arguments: str | Path, shown: bool = True) -> None:
    """Run the command; ends the demo if it fails."""
    if shown:
        print(f"\n$ sfumato {' '.join(map(str, arguments))}", flush=True)
    command = [sys.executable, "-m", "sfumato", *map(str, arguments)]
    done = subprocess.run(command, stdout=None if shown else subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def prove(asset: Path, folder: Path) -> None:
    """Cut, decode in a fresh process, compare: one line for each budget that holds the base level."""
    original = read_photo(PHOTO).pixels
    whole = asset.stat().st_size
    base = verify(asset).head.levels[0].splats
    print(f"\nEach cut decoded by a fresh process from its own bytes alone; the photo has {PHOTO.stat().st_size:,}:\n")
    print(f"{'budget':>8}  {'bytes':>8}  {'share':>6}  {'PSNR':>8}  files")
    for budget in (f"{base} splats", *BUDGETS):
        name = "base" if "splats" in budget else budget
        part = folder / f"first-{name.rstrip('%')}.sfu"
        picture = part.with_suffix(".png")
        try:
            size = cut(asset, part, budget)
        except BudgetError:
            print(f"{name:>8}  is less than the base level takes")
            continue
        sfumato("decode", part, "-o", picture, shown=False)
        quality = psnr(read_photo(picture).pixels, original)
        print(
            f"{name:>8}  {size:>8,}  {size / whole:>6.1%}  {quality:>5.2f} dB  {part.name} -> {picture.name}",
            flush=True,
        )


def animate(folder: Path) -> None:
    """Draw a capture, learn a head from it, and pose what three budgets show of it."""
    capture, asset = folder / "head-capture", folder / "head.sfu"
    if not capture.is_dir():
        small = ("--size", "192x280", "--frames", "8", "--cameras", "10", "--faces", "2000")
        sfumato("capture", "synth", "-o", capture, *small)
    sfumato("encode", capture, "-o", asset, "--iterations", "500")
    sfumato("info", asset)
    for budget in ("30%", "50%", "100%"):
        picture = folder / f"head-{budget.rstrip('%')}.png"
        sfumato("render", asset, "--pose", "jawOpen=0.6,headYaw=20", "--budget", budget, "-o", picture)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        description="Encode the bundled photo and a head, and show what prefixes look like."
    )
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the results (demo-out)")
    parser.add_argument("--seconds", default="40", help="time for the fit (40)")
    arguments = parser.parse_args()
    start, folder = time.monotonic(), arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    asset = folder / "photo.sfu"
    sfumato("encode", PHOTO, "-o", asset, "--seconds", arguments.seconds)
    sfumato("info", asset)
    sfumato("verify", asset)
    sfumato("strip", asset, "--original", PHOTO, "-o", folder / "strip.png")
    sfumato("curve", PHOTO, asset, "-o", folder / "curve.png")
    prove(asset, folder)
    animate(folder)
    print(
        f"\nDone in {time.monotonic() - start:.0f} s. Look at {folder / 'strip.png'}, {folder / 'curve.png'} and "
        f"{folder / 'head-30.png'}, -50 and -100, and at all of them in a browser:\n"
        f"  {Path(os.path.relpath(sys.executable)).with_name('sfumato')} serve {folder}"
    )


if __name__ == "__main__":
    main()
