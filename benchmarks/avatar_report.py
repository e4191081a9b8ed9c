"""The tables and the plot of benchmarks/avatar.py."""

from __future__ import annotations

from typing import Any

import common

SPLITS = ("novel view", "novel expression")
SHARES = tuple(range(5, 101, 5))

_PUBLISHED = """## As published

ProgressiveAvatars (arXiv 2603.16447) on NeRSemble's captures at 550 x 802, held-out views, RTX 4090. Other captures
than ours, so that only shares and bytes compare.

| budget | bytes | splats | PSNR | SSIM | LPIPS | frames/s |
| --- | --- | --- | --- | --- | --- | --- |
| 5 % (level 1) | 2,600,000 | 10,144 | 27.89 | 0.851 | 0.186 | 291 |
| 25 % | 9,560,000 | 37,302 | 29.14 | 0.892 | 0.080 | 278 |
| 50 % | 21,560,000 | 84,132 | 30.03 | 0.904 | 0.073 | 258 |
| 100 % | 43,420,000 | 169,438 | 31.47 | 0.929 | 0.068 | 260 |
"""


def report(data: dict[str, Any]) -> tuple[str, dict[str, Any], bytes]:
    """Markdown, what goes into the JSON file, and a plot."""
    parts = [
        "# Avatars\n",
        f"`python benchmarks/avatar.py`; {data['machine']}, {data['processor']}.\n",
        "Synthetic captures of 16 cameras; means over held-out pictures, decoded from prefixes of the written file. "
        "LPIPS: n/a (its trunk's weights are not there).\n",
    ]
    for name, case in data["cases"].items():
        parts += [_head(name, case), _budgets(case), _promises(case)]
    parts += [_PUBLISHED, *_ablations(data["ablations"])]
    return "\n".join(parts), data, _plot(data)


def one(name: str, case: dict[str, Any]) -> str:
    """A case alone: what budgets show."""
    about = f"`python benchmarks/avatar.py --only '{name}'`; other cases: avatar.md.\n"
    return "\n".join(["# An avatar of many splats\n", about, _head(name, case), _budgets(case)])


def _head(name: str, case: dict[str, Any]) -> str:
    width, height = case["size"]
    return (
        f"## {name}: {width} x {height}, {case['faces']:,} faces, {case['splats']:,} splats\n\n"
        f"{case['bytes']:,} bytes, {case['chunks']} chunks; fitted in {case['seconds']['fit']:.0f} s.\n"
    )


def _budgets(case: dict[str, Any]) -> str:
    rows = []
    for row in case["rows"]:
        if not row["splats"]:
            rows.append([row["budget"], f"{row['bytes']:,}", "nothing to draw yet", *["-"] * 5])
            continue
        quality = [f"{row[split][what]:.{digits}f}" for split in SPLITS for what, digits in (("psnr", 2), ("ssim", 4))]
        rows.append([row["budget"], f"{row['bytes']:,}", f"{row['splats']:,}", *quality, f"{row['fps']:.0f}"])
    head = ["budget", "bytes", "splats", "view PSNR", "SSIM", "expression PSNR", "SSIM", "frames/s"]
    return common.table(head, rows)


def _promises(case: dict[str, Any]) -> str:
    level = next(row for row in case["rows"] if row["budget"] == "level 1")
    whole = case["rows"][-1]
    gap = 100 * (1 - level["novel view"]["psnr"] / whole["novel view"]["psnr"])
    loss = max(case["float"][split] - whole[split]["psnr"] for split in SPLITS)
    size = (case["bytes"] - case["rig_bytes"]) / case["splats"]
    worst = min(
        after[split] - before[split]
        for before, after in zip(case["curve"], case["curve"][1:], strict=False)
        for split in SPLITS
    )
    rows = [
        ["PSNR of level 1 below the whole's (published: 11 %)", "8 %", f"{gap:.1f} %"],
        ["bytes per splat without the rig (published: 256)", "20", f"{size:.1f}"],
        ["rounding, the worse split", "0.1 dB", f"{loss:.3f} dB"],
        ["first picture, rig included", "300 KB", f"{case['base'] / 1000:.0f} KB"],
        ["rig alone", "", f"{case['rig_bytes'] / 1000:.0f} KB"],
        ["steps after the first picture", "24 at 20k splats", str(case["steps_to_sharp"])],
        ["worst step from chunk to chunk, both splits", "-0.05 dB", f"{worst:+.3f} dB"],
        ["posed by the file's own rig, expressions", "", f"{case['driven']:.2f} dB"],
        ["pose and draw everything, frames/s", "8", f"{whole['fps']:.0f}"],
    ]
    return common.table(["", "asked", "here"], rows)


def _ablations(found: dict[str, Any]) -> list[str]:
    usual = found["as it is"]
    names = [name for name in found if "curve" in found[name]]
    at = (15, 35, 50, 80, 100)
    rows = [
        [name, f"{found[name]['splats']:,}", *(f"{found[name]['curve'][SHARES.index(share)]:.2f}" for share in at)]
        + ([f"{found[name]['seconds']:.0f}"] if "seconds" in found[name] else ["-"])
        for name in names
    ]
    rows.sort(key=lambda row: row[0] != "as it is")
    table = common.table(["", "splats", *(f"{share} % of the splats" for share in at), "s"], rows)
    alone = found["the whole avatar supervised alone"]["curve"]
    at35 = SHARES.index(35)
    order, seen, tracking = found["order"], found["attention"], found["tracking"]
    flat = found["bound flat, random order"]["curve"]
    beaten = [share for share, a, b in zip(SHARES, usual["curve"], flat, strict=True) if a <= b]
    at15 = SHARES.index(15)
    best = {name: max(found[name]["curve"]) for name in ("as it is", "bound flat, random order")}
    rows = [
        [
            f"without supervision of prefixes, 35 % of {order['splats']:,} splats",
            ">= 4 dB worse",
            f"{order['whole alone'][at35] - order['importance'][at35]:+.2f} dB",
        ],
        ["the same, level 1 alone", "", f"{order['levels, whole alone'][0] - order['levels'][0]:+.2f} dB"],
        [
            f"without supervision of prefixes, 35 % of {found['as it is']['splats']:,} splats",
            "",
            f"{alone[at35] - usual['curve'][at35]:+.2f} dB",
        ],
        [
            "uniform subdivision, 100 %",
            "worse",
            f"{found['uniform subdivision']['curve'][-1] - usual['curve'][-1]:+.2f} dB",
        ],
        [
            "uniform subdivision, 80 %",
            "worse",
            f"{found['uniform subdivision']['curve'][15] - usual['curve'][15]:+.2f} dB",
        ],
        [
            f"random order within levels, 15 % of {order['splats']:,} splats",
            "worse",
            f"{order['random'][at15] - order['importance'][at15]:+.2f} dB",
        ],
        [
            "bound flat in random order: shares at which it is not beaten",
            "none below 80 %",
            ", ".join(f"{share} %" for share in beaten) or "none",
        ],
        [
            "the whole, below the same bound flat",
            "0.3 dB",
            f"{best['bound flat, random order'] - usual['curve'][-1]:.2f} dB",
        ],
        [
            "eyes and mouth with attention 4, at 20 / 50 / 100 %",
            "",
            " / ".join(
                f"{seen['with'][k] - seen['without'][k]:+.2f}" for k in (SHARES.index(share) for share in (20, 50, 100))
            )
            + " dB",
        ],
        [
            f"heads tracked {1000 * tracking['metres']:.1f} mm and {tracking['radians']:.2f} rad off, meshes tuned",
            "",
            f"{tracking['tuned'] - tracking['as tracked']:+.2f} dB",
        ],
    ]
    return [
        "## What the parts are worth\n",
        "The small head, held-out views, not rounded. Shares below that of level 1 show a part of its faces, those "
        "that are worth most first.\n",
        table,
        common.table(["", "asked", "here"], rows),
    ]


def _plot(data: dict[str, Any]) -> bytes:
    panels = []
    for name, case in data["cases"].items():
        kilobytes = [row["bytes"] / 1000 for row in case["curve"]]
        lines = [(f"Sfumato, {split}", kilobytes, [row[split] for row in case["curve"]], "line") for split in SPLITS]
        panels.append({"title": name, "x": "kB", "y": "PSNR (dB)", "lines": lines})
    found = data["ablations"]
    lines = [
        ("Sfumato" if name == "as it is" else name, SHARES, found[name]["curve"], "line")
        for name in ("as it is", "the whole avatar supervised alone", "uniform subdivision", "bound flat, random order")
    ]
    panels.append({"title": "parts left out (small)", "x": "% of the splats", "y": "PSNR (dB)", "lines": lines})
    return common.figure(panels, "Avatars: PSNR of prefixes, held-out pictures")
