# ruff: noqa: E501 - sentences of a report
"""The page and the plot of image_fit.py."""

from __future__ import annotations

import statistics
from typing import Any

import common

Found = dict[str, Any]

LAYERED_SECONDS, ONE_LEVEL_SECONDS, MANY_DB = 15.0, 4.0, 43.0  # the targets


def markdown(found: Found) -> str:
    """The whole results page; parts that were not computed are left out."""
    text = f"# How fast fits get how good\n\n`python benchmarks/image_fit.py`: {found['machine']}. Seconds are wall time from "
    text += "pixels to splats, placement included. PSNR is that of the picture as a screen shows it (8 bits).\n"
    for name, part in (("a", _a), ("b", _b), ("c", _c), ("d", _d)):
        if name in found:
            text += "\n" + part(found[name])
    return text + ("\n![PSNR over seconds](image_fit.png)\n" if "c" in found else "")


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def _a(part: Found) -> str:
    text = "## a. Until GaussianImage's own recipe is equalled\n\nThe recipe (gaussian_image.py): random start, Adam in raw "
    text += "coordinates, 50,000 steps, the same kernels and number of splats. A fit is given 1, 1.5, 2, 3, 4, 6, ... s; the first "
    text += "time with which one seed reaches the recipe's PSNR counts. On another machine of this kind an earlier "
    text += "prototype of the recipe ended at 30.19 dB on kodim05.\n\n"
    names = list(part["images"][0]["races"])
    head = ["image", "splats", "the recipe ends at", *names]
    rows = []
    for image in part["images"]:
        recipe, races = image["recipe"], image["races"]
        cells = []
        for name in names:
            race = races[name]
            if race["seconds"] is None:
                cells.append(f"not reached: {race['psnr']:.2f} dB after {race['tried'][-1]['seconds']:.0f} s")
            else:
                factor = recipe["seconds"] / race["seconds"]
                cells.append(f"{race['seconds']:.1f} s ({race['psnr']:.2f} dB, {factor:.0f} times faster)")
        ends = f"{recipe['psnr']:.2f} dB after {recipe['seconds']:.0f} s ({recipe['iterations']:,} steps)"
        rows.append([image["name"], f"{image['splats']:,}", ends, *cells])
    text += common.table(head, rows) + "\n"
    verdicts = []
    for label, limit, which in (
        ("layered", LAYERED_SECONDS, [n for n in names if n.startswith("layered")]),
        ("one level", ONE_LEVEL_SECONDS, [n for n in names if n.startswith("one level")]),
    ):
        best = [_best([image["races"][name]["seconds"] for name in which]) for image in part["images"]]
        slowest = None if None in best else max(value for value in best if value is not None)
        here = "not reached" if slowest is None else f"{slowest:.1f} s"
        verdicts.append([label, f"<= {limit:g} s", here, _met(slowest is not None and slowest <= limit)])
    return text + common.table(["target", "asked for", "here (slowest image)", ""], verdicts)


def _best(seconds: list[float | None]) -> float | None:
    return min((value for value in seconds if value is not None), default=None)


def _b(part: Found) -> str:
    text = f"## b. {part['splats']:,} splats in one level, {part['seconds']:g} s\n\nPublished, on GPUs, over all 24 Kodak images: "
    text += "Fast-2DGS 43.1 dB in 10 s, Instant-GI 41.4 dB in 10 s.\n\n"
    variants = part["variants"]
    rows = [
        [name, *(f"{variant['psnr'][k]:.2f}" for name, variant in variants.items())]
        for k, name in enumerate(part["names"])
    ]
    means = {name: statistics.fmean(variant["psnr"]) for name, variant in variants.items()}
    rows.append(["**mean**", *(f"**{value:.2f}**" for value in means.values())])
    rows.append(["seconds, mean", *(f"{variant['seconds']:.1f}" for variant in variants.values())])
    text += common.table(["image", *variants], rows) + "\n"
    best = max(means, key=lambda name: means[name])
    row = ["mean PSNR", f">= {MANY_DB:g} dB", f"{means[best]:.2f} dB ({best})", _met(means[best] >= MANY_DB)]
    return text + common.table(["target", "asked for", "here", ""], [row])


def _c(part: Found) -> str:
    marks = (1, 2, 5, 10, 20, 40)
    head = ["image", "fit", *(f"{s} s" for s in marks), "end"]
    rows = []
    for image in part["images"]:
        trace = image["default"]["trace"]
        cells = [next((f"{db:.2f}" for at, db in reversed(trace) if at <= mark), "-") for mark in marks]
        end = f"{image['default']['psnr']:.2f} dB, {image['default']['seconds']:.1f} s"
        rows.append([image["name"], "default, on the way", *cells, end])
        given = {round(run["seconds"]): f"{run['psnr']:.2f}" for run in image["shorter"]}
        rows.append([image["name"], "given that time", *(given.get(mark, "-") for mark in marks), ""])
    text = "## c. PSNR over seconds, default settings\n\nA fit's chunks are born during its first half, so that a fit on the way "
    text += "holds fewer splats than one that was given that time. Rounding and writing the file come on top.\n\n"
    return text + common.table(head, rows)


def _d(part: Found) -> str:
    rows = part["rows"]
    base = rows["default"]["levels"]
    head = ["fit", *(f"{count:,}" for count in part["levels"]), "worst chunk step", "seconds"]
    lines = []
    for name, row in rows.items():
        values = [
            f"{v:.2f}" if name == "default" else f"{v - b:+.2f}" for v, b in zip(row["levels"], base, strict=True)
        ]
        lines.append([name, *values, f"{row['worst_step']:+.3f}", f"{row['seconds']:.1f}"])
    text = f"## d. Ablations\n\n{part['iterations']:,} steps, mean of {', '.join(part['names'])}. PSNR in dB at the ends of the "
    text += "levels (splats), before rounding; other rows: difference to the default fit. One seed: differences below 0.1 dB are "
    text += "noise. Worst chunk step: the least PSNR change from a chunk to the next on any image.\n\n"
    return text + common.table(head, lines)


def plot(found: Found) -> bytes | None:
    """PSNR over seconds of the default fits and of shorter ones."""
    if "c" not in found:
        return None
    panels = []
    for image in found["c"]["images"]:
        trace = image["default"]["trace"]
        shorter = image["shorter"]
        ends = [(run["seconds"], run["psnr"]) for run in shorter]
        ends.append((image["default"]["seconds"], image["default"]["psnr"]))
        lines = [
            ("Sfumato, default fit on the way", [t for t, _ in trace], [db for _, db in trace], "line"),
            ("fits that end there", [t for t, _ in ends], [db for _, db in ends], "points"),
        ]
        title = f"{image['name']}, {image['splats']:,} splats"
        for other in found.get("a", {}).get("images", []):
            if other["name"] == image["name"]:
                goal = other["recipe"]["psnr"]
                xs = [ends[0][0] / 2, ends[-1][0]]
                name = f"GaussianImage's recipe after {other['recipe']['seconds']:.0f} s"
                lines.append((name, xs, [goal, goal], "dashed"))
        panels.append({"title": title, "x": "seconds", "y": "PSNR, dB", "lines": lines})
    return common.figure(panels, "PSNR over seconds")
