"""The table and the plot of image_rd.py: what its numbers amount to, and whether the targets are met."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import common
import peers

from sfumato.errors import SettingsError
from sfumato.quality.bdrate import bd_rate, decibels

Found = dict[str, Any]

# Means over all 24 Kodak images, as published or read off by others; none of them was run here.
# (name, splats, bytes per splat, PSNR in dB, where from). GaussianImage codes at most 56 bits a splat (its released
# code: 2 x 16 position, 3 x 6 shape, 2 x 3 colour); its PSNR at 10,000 splats and P-GSVC's are before quantising.
PUBLISHED = (
    ("P-GSVC", 5000, 7.0, 28.5),
    ("P-GSVC", 7000, 7.0, 29.4),
    ("P-GSVC", 9000, 7.0, 30.2),
    ("GaussianImage", 10_000, 7.0, 32.48),
)
# (name, bits per pixel, PSNR in dB): files or counted bits.
PUBLISHED_RATES = (("GaussianImage++", 0.15, 25.3), ("GaussianImage++", 1.08, 31.1))
SOURCES = """\
Published points are means over all 24 Kodak images, which these runs are not; they were not run here.
P-GSVC: arXiv 2603.10551 (PSNR of prefixes of one set of splats before quantising, sizes in splats only). GaussianImage:
arXiv 2403.08551 (10,000 splats before quantising, as reported by arXiv 2512.19108). Their bits per pixel are inferred
from GaussianImage's at most 56 bits a splat; no such files were published. GaussianImage++: arXiv 2512.19108 (the ends
of its codec's range; bits counted by its code, no entropy coder).
"""
LOSS_NOTE = """\
Loss from quantising: PSNR of the splats as they come out of the fit, less that of the file. While some splats are
rounded, those that are still free move to make up for it, which in a short fit wins more than rounding loses.
"""
BYTES_NOTE = """\
BD-rate: how many more bytes Sfumato's prefixes take than that codec for the same quality (negative: fewer), over the
qualities both reach. A row without "prefixes of one file" is a new file in every column. JPEG XL has none: neither
library here shows an unfinished file. n/a begins where a codec's coarsest setting (quality 0 or 1, distance 25) ends.
"""
KODAK_PIXELS = 768 * 512


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def summary(found: Found) -> Found:
    """Means over the pictures, the targets among them, and BD-rates."""
    images = found["images"]
    at = {n: [_at(image, n)["psnr"] for image in images] for n in (5000, 7000, 9000)}
    floats = [image["float_psnr"] - image["one_level"]["float_psnr"] for image in images]
    files = [image["prefixes"][-1]["psnr"] - image["one_level"]["psnr"] for image in images]
    loss = [image["float_psnr"] - image["prefixes"][-1]["psnr"] for image in images]
    first = [image["first"]["psnr"] for image in images]
    return {
        "psnr_at": {str(n): mean(values) for n, values in at.items()},
        "float_psnr_at": {n: mean([image["float_psnr_at"][n] for image in images]) for n in ("5000", "7000", "9000")},
        "bytes_per_splat": mean([image["bytes"] / image["splats"] for image in images]),
        "most_bytes_per_splat": max(image["bytes"] / image["splats"] for image in images),
        "progressive_cost_float": -mean(floats),
        "progressive_cost_file": -mean(files),
        "one_level_bytes_per_splat": mean([image["one_level"]["bytes"] / image["splats"] for image in images]),
        "quantising_loss": mean(loss),
        "most_quantising_loss": max(loss),
        "worst_step": min(image["worst_step"] for image in images),
        "least_chunks": min(image["chunks"] for image in images),
        "first_psnr": mean(first),
        "least_first_psnr": min(first),
        "default_seconds": max(run["seconds"] for run in found["default"]),
        "decode_render_ms": found["speed"]["median_ms"],
        "bd_rate": {codec: _bd(images, codec) for codec in images[0]["rivals"]},
    }


def _at(image: Found, splats: int) -> Found:
    return next(point for point in image["prefixes"] if point["splats"] == splats)


def _bd(images: list[Found], codec: str) -> Found:
    """Mean BD-rate in percent of Sfumato against a codec, by PSNR and by MS-SSIM; where the curves share a range."""
    result: Found = {}
    quality: dict[str, Callable[[Found], float]] = {
        "psnr": lambda point: float(point["psnr"]),
        "ms_ssim": lambda point: decibels(point["ms_ssim"]),
    }
    for metric, value in quality.items():
        rates = []
        for image in images:
            anchor = [(p["bytes"], value(p)) for p in image["rivals"][codec] if p is not None]
            try:
                rates.append(bd_rate(anchor, [(p["bytes"], value(p)) for p in image["prefixes"]]))
            except SettingsError:
                continue
        result[metric] = mean(rates) if rates else None
        result[f"{metric}_images"] = len(rates)
    return result


def targets(s: Found) -> list[tuple[str, str, str, str, bool]]:
    """(measure, published, asked for, here, met) of every target that image_rd.py can judge."""
    psnr = [s["psnr_at"][n] for n in ("5000", "7000", "9000")]
    return [
        (
            "mean PSNR at nested prefixes of 5k / 7k / 9k splats, one file per image",
            "P-GSVC 28.5 / 29.4 / 30.2 dB",
            ">= 31.5 / 32.5 / 33.3 dB",
            " / ".join(f"{p:.2f}" for p in psnr) + " dB",
            all(p >= t for p, t in zip(psnr, (31.5, 32.5, 33.3), strict=True)),
        ),
        (
            "cost of being progressive, before rounding (same trainer, 9k splats, one level)",
            "<= 1.1 dB",
            "<= 0.5 dB",
            f"{s['progressive_cost_float']:.2f} dB",
            s["progressive_cost_float"] <= 0.5,
        ),
        (
            "the same between files",
            "not reported",
            "<= 0.5 dB",
            f"{s['progressive_cost_file']:.2f} dB "
            f"({s['bytes_per_splat']:.2f} v. {s['one_level_bytes_per_splat']:.2f} B/splat)",
            s["progressive_cost_file"] <= 0.5,
        ),
        (
            "whole file, all headers, 9k splats",
            "<= 7 B/splat, never written as a file",
            "<= 5.5 B/splat",
            f"{s['bytes_per_splat']:.2f} B/splat (at most {s['most_bytes_per_splat']:.2f})",
            s["bytes_per_splat"] <= 5.5,
        ),
        (
            "loss from quantising",
            "not reported",
            "<= 0.15 dB",
            f"{s['quantising_loss']:.3f} dB (at most {s['most_quantising_loss']:.3f})",
            s["quantising_loss"] <= 0.15,
        ),
        (
            "worst PSNR change from chunk to chunk",
            "not reported",
            ">= -0.02 dB",
            f"{s['worst_step']:+.3f} dB",
            s["worst_step"] >= -0.02,
        ),
        ("chunks in a 9k-splat file", "not reported", ">= 12", f"{s['least_chunks']}", s["least_chunks"] >= 12),
        (
            "first 5 % of the bytes",
            "-",
            "mean >= 22 dB, none below 18 dB",
            f"mean {s['first_psnr']:.2f} dB, least {s['least_first_psnr']:.2f} dB",
            s["first_psnr"] >= 22 and s["least_first_psnr"] >= 18,
        ),
        (
            "`sfumato encode`, default settings, everything included",
            "100-340 s on server GPUs",
            "<= 45 s",
            f"{s['default_seconds']:.1f} s (slowest)",
            s["default_seconds"] <= 45,
        ),
        (
            "decode + render 10k splats at 768x512",
            "-",
            "<= 15 ms",
            f"{s['decode_render_ms']:.1f} ms",
            s["decode_render_ms"] <= 15,
        ),
    ]


def markdown(found: Found) -> str:
    """The whole results page."""
    images, s = found["images"], found["summary"]
    names = ", ".join(image["name"] for image in images)
    text = f"# Rate and distortion of pictures\n\n`python benchmarks/image_rd.py`: {len(images)} images ({names}); "
    text += f"{found['machine']}. Every size is the length of a file or of a prefix that was decoded again. LPIPS: "
    text += f"{'alex, in the JSON' if found['lpips'] == 'measured' else 'n/a, ' + found['lpips']}.\n\n"
    met = targets(s)
    head = ["measure", "published", "asked for", "here", ""]
    text += common.table(head, [[*row[:4], "met" if row[4] else "**missed**"] for row in met])
    text += "\n" + LOSS_NOTE
    text += "\nTime to GaussianImage's quality and 50k splats in 10 s: image_fit.md.\n"
    text += "\n## At the same bytes\n\n" + _same_bytes(found)
    text += "\n## Published splat codecs\n\n" + _published() + "\n" + SOURCES
    text += "\n## Per image\n\n" + _per_image(images) + "\n## Speed\n\n" + _speed(found)
    return text + "\n![rate and distortion](image_rd.png)\n"


def _rows(found: Found) -> list[tuple[int, Found]]:
    """(index among the compared prefixes, means of Sfumato there)."""
    images = found["images"]
    rows = []
    for number, k in enumerate(images[0]["compared"]):
        points = [image["prefixes"][k] for image in images]
        row = {key: mean([point[key] for point in points]) for key in ("bytes", "psnr", "ms_ssim", "ssim")}
        row |= {"splats": points[0]["splats"], "bpp": _bpp(points, images)}
        rows.append((number, row))
    return rows


def _bpp(points: list[Found], images: list[Found]) -> float:
    return mean([8 * point["bytes"] / image["pixels"] for point, image in zip(points, images, strict=True)])


def _mean_at(images: list[Found], codec: str, number: int) -> Found | None:
    """Means of a codec over all images at a compared prefix's bytes; None if it cannot be that small on some image."""
    points = [image["rivals"][codec][number] for image in images]
    if any(point is None for point in points):
        return None
    return {"bpp": _bpp(points, images)} | {key: mean([p[key] for p in points]) for key in ("psnr", "ms_ssim", "bytes")}


def _same_bytes(found: Found) -> str:
    images = found["images"]
    codecs = list(images[0]["rivals"])
    text = (
        "Means over the images; a codec gets at most the bytes of Sfumato's prefix, image by image. **Bold**: better "
    )
    text += "than Sfumato. n/a: on some image the codec has no file that small.\n"
    for metric, label, digits in (("psnr", "PSNR, dB", 2), ("ms_ssim", "MS-SSIM", 4)):
        head = [label, *(f"{row['splats']:,} splats, {row['bytes']:,.0f} B" for _, row in _rows(found)), "BD-rate"]
        rows = [["Sfumato, prefixes of one file", *(f"{row[metric]:.{digits}f}" for _, row in _rows(found)), "0 %"]]
        for codec in codecs:
            cells = []
            for number, row in _rows(found):
                there = _mean_at(images, codec, number)
                if there is None:
                    cells.append("n/a")
                else:
                    value = f"{there[metric]:.{digits}f}"
                    cells.append(f"**{value}**" if there[metric] > row[metric] else value)
            rate = found["summary"]["bd_rate"][codec]
            share = "n/a" if rate[metric] is None else f"{rate[metric]:+.0f} %"
            if rate[metric] is not None and rate[f"{metric}_images"] < len(images):
                share += f" ({rate[f'{metric}_images']} images)"
            rows.append([_name(codec), *cells, share])
        text += f"\n{common.table(head, rows)}"
    text += "\n" + BYTES_NOTE
    wins = _wins(found, codecs)
    return text + f"\n{wins}\n"


def _wins(found: Found, codecs: list[str]) -> str:
    """In words: who beats whom in PSNR at the whole file and at the shortest prefix."""
    sentences = []
    rows = _rows(found)
    for number, row in (rows[0], rows[-1]):
        better = []
        for codec in codecs:
            there = _mean_at(found["images"], codec, number)
            if there is not None and there["psnr"] > row["psnr"]:
                better.append(f"{_name(codec)} (+{there['psnr'] - row['psnr']:.1f} dB)")
        what = f"At {row['bytes']:,.0f} bytes ({row['bpp']:.3f} bits per pixel)"
        sentences.append(
            f"{what} {', '.join(better)} beat Sfumato's PSNR."
            if better
            else f"{what} no codec here beats Sfumato's PSNR."
        )
    return " ".join(sentences)


def _name(codec: str) -> str:
    name, _, rest = codec.partition(", ")
    return peers.NAMES[name] + (f", {rest}" if rest else "")


def _published() -> str:
    rows = [
        [
            name,
            f"{splats:,}",
            f"<= {size:g} (inferred)",
            f"{8 * size * splats / KODAK_PIXELS:.2f}",
            f"{psnr:.2f}",
            "n/a",
        ]
        for name, splats, size, psnr in PUBLISHED
    ]
    rows += [[name, "n/a", "n/a", f"{bpp:.2f}", f"{psnr:.2f}", "n/a"] for name, bpp, psnr in PUBLISHED_RATES]
    return common.table(["method", "splats", "B/splat", "bits per pixel", "PSNR, dB", "MS-SSIM"], rows)


def _per_image(images: list[Found]) -> str:
    head = [
        "image",
        "bytes",
        "B/splat",
        "chunks",
        "5k",
        "7k",
        "9k",
        "before rounding",
        "one level",
        "its file",
        "first 5 %",
    ]
    head += ["worst step", "MS-SSIM"]
    rows = []
    for image in images:
        rows.append(
            [
                image["name"],
                f"{image['bytes']:,}",
                f"{image['bytes'] / image['splats']:.2f}",
                str(image["chunks"]),
                *(f"{_at(image, n)['psnr']:.2f}" for n in (5000, 7000, 9000)),
                f"{image['float_psnr']:.2f}",
                f"{image['one_level']['float_psnr']:.2f}",
                f"{image['one_level']['psnr']:.2f}",
                f"{image['first']['psnr']:.2f} ({image['first']['splats']} splats)",
                f"{image['worst_step']:+.3f}",
                f"{image['prefixes'][-1]['ms_ssim']:.4f}",
            ]
        )
    return common.table(head, rows)


def _speed(found: Found) -> str:
    speed = found["speed"]
    text = f"Decode and render {speed['splats']:,} splats ({speed['bytes']:,} bytes): median "
    text += (
        f"{speed['median_ms']:.1f} ms, least {speed['least_ms']:.1f} ms in a warm process; {speed['fresh_ms']:.1f} ms "
    )
    text += f"in a fresh one, whose import takes {speed['import_ms']:.0f} ms.\n\n"
    head = ["default `sfumato encode`", "seconds", "splats", "bytes", "PSNR, dB"]
    rows = [
        [run["name"], f"{run['seconds']:.1f}", f"{run['splats']:,}", f"{run['bytes']:,}", f"{run['psnr']:.2f}"]
        for run in found["default"]
    ]
    return text + common.table(head, rows)


def plot(found: Found) -> bytes:
    """PSNR and MS-SSIM over bits per pixel, means over the images, and the published points."""
    images = found["images"]
    panels = []
    for metric, label in (("psnr", "PSNR, dB"), ("ms_ssim", "MS-SSIM, -10 log10(1 - x) dB")):
        scale = decibels if metric == "ms_ssim" else float
        lines: list[tuple[str, list[float], list[float], str]] = []
        count = len(images[0]["prefixes"])
        ours = [[image["prefixes"][k] for image in images] for k in range(count)]
        shown = [scale(mean([point[metric] for point in points])) for points in ours]
        lines.append(("Sfumato, prefixes of one file", [_bpp(points, images) for points in ours], shown, "line"))
        for codec in images[0]["rivals"]:
            means = [_mean_at(images, codec, number) for number in range(len(images[0]["compared"]))]
            there = [point for point in means if point is not None]
            style = "dashed" if "prefixes" in codec else "line"
            lines.append((_name(codec), [p["bpp"] for p in there], [scale(p[metric]) for p in there], style))
        if metric == "psnr":
            lines += _published_lines()
        finite = [(name, xs, [y if math.isfinite(y) else math.nan for y in ys], style) for name, xs, ys, style in lines]
        panels.append({"title": label, "x": "bits per pixel", "y": label, "lines": finite})
    return common.figure(panels, f"Kodak, mean over {len(images)} images (published points: over all 24)")


def _published_lines() -> list[tuple[str, list[float], list[float], str]]:
    points: dict[str, tuple[list[float], list[float]]] = {}
    rated = [(name, 8 * size * splats / KODAK_PIXELS, psnr) for name, splats, size, psnr in PUBLISHED]
    for name, bpp, psnr in [*rated, *PUBLISHED_RATES]:
        xs, ys = points.setdefault(f"{name} (published)", ([], []))
        xs.append(bpp)
        ys.append(psnr)
    return [(name, xs, ys, "points") for name, (xs, ys) in points.items()]
