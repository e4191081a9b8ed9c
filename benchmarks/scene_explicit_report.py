"""The tables, targets and plot of scene_explicit.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import common
from scene_rivals import UNCOMPRESSED

Found = dict[str, Any]
Point = tuple[float, float]
Target = tuple[str, str, str, str, bool]

SHARES = (0.1, 0.25, 0.5, 1.0)  # of the bytes, at which an optimised file is compared
CAP_DB = 60.0  # in areas: 8 bits of a screen show no error below it, and an exact copy has to count as something

NOTES = """\
PSNR: against the original drawn by our own kernel from the same views, of the mean squared error over all views,
colours within 0..1 and not rounded, over black. Mean of views: of the PSNRs of the single views. On a screen: of
colours rounded to 8 bits. Every row is a file that was read back.

Ours at equal PSNR: the length of our file at the rival's PSNR, on a straight line in log bytes between two of our files
whose PSNRs enclose it; n/a: none of our files does.

\\* A rival in the format the original itself comes from: rounding a second time to the grids of the first costs it
little or nothing, so that it is shown but not judged. The file an original was read from is exact by construction and
has no row. "Written again" is the same format with other chunks; "as given" came with the original.
"""
FIRST_NOTE = """\
The `.splat` holds the splats that add most to these very views first, which no viewer could know.
"""
CHAIN_NOTE = f"""\
A level replaces the one before it; bytes are all that was fetched so far, without lod-meta.json. Area: the mean PSNR
over the bytes from 0 to the end of the chain, each byte counting alike; a curve holds its PSNR until the next prefix is
complete, nothing shown counts as a black picture, and no PSNR counts for more than {CAP_DB:g} dB. By log bytes: the
same over the logarithm of the bytes, from the first prefix of either.
"""


def summary(found: Found) -> Found:
    """What the targets are judged by, per scene."""
    return {scene["name"]: _summary(scene) for scene in found["scenes"]}


def _summary(scene: Found) -> Found:
    ours, rivals = scene["ours"], scene["rivals"]
    judged = [file for file in rivals["files"] if file["judged"]]
    hardest = max(judged, key=lambda file: _ratio(file) or math.inf)
    single, default, first = ours["single"], ours["default"], ours["first"]
    return {
        "hardest_rival": hardest["name"],
        "hardest_ratio": _ratio(hardest),
        "bytes_per_splat": default["bytes"] / scene["splats"],
        "overhead": default["bytes"] / single["bytes"],
        "overhead_at_equal_psnr": _ratio(single),
        "chain_overhead": rivals["levels"][-1]["bytes"] / _last_level(rivals["levels"]) if rivals["levels"] else None,
        "first_gain": _capped(first["psnr"]) - _capped(first["rival_psnr"]),
        "worst_step": ours["worst_step"],
        "areas": _areas(scene) if rivals["levels"] else None,
        "encode_seconds": default["seconds"],
        "decode_splats_a_second": ours["decode"]["splats_a_second"],
    }


def _ratio(file: Found, key: str = "psnr") -> float | None:
    """Bytes of our file at the PSNR of `file`, by one of the ways to measure it, over the bytes of `file`."""
    ours = file["ours"][key]
    return None if ours is None else float(ours / file["bytes"])


def _last_level(levels: list[Found]) -> int:
    """Bytes of the finest level alone."""
    before = levels[-2]["bytes"] if len(levels) > 1 else 0
    return int(levels[-1]["bytes"] - before)


def _capped(psnr: float | None) -> float:
    return CAP_DB if psnr is None else min(psnr, CAP_DB)


def _curve(points: list[Found]) -> list[Point]:
    return [(point["bytes"], _capped(point["psnr"])) for point in points]


def _areas(scene: Found) -> Found:
    """Mean PSNR in dB over bytes and over their logarithm, of our prefixes and of the streamed levels."""
    curves = {"ours": _curve(scene["ours"]["prefixes"]), "chain": _curve(scene["rivals"]["levels"])}
    end = curves["chain"][-1][0]
    begin = min(curve[0][0] for curve in curves.values())
    empty = _capped(scene["empty_psnr"])
    return {
        name: {"bytes": mean_psnr(curve, empty, 0, end, float), "log": mean_psnr(curve, empty, begin, end, math.log)}
        for name, curve in curves.items()
    }


def mean_psnr(curve: Sequence[Point], empty: float, begin: float, end: float, scale: Callable[[float], float]) -> float:
    """The mean over `scale`(bytes) from `begin` to `end` of the PSNR last reached; `empty` before the first point."""
    total, at, shown = 0.0, scale(begin), empty
    for size, psnr in [*curve, (end, empty)]:
        here = scale(min(max(size, begin), end))
        total += (here - at) * shown
        at, shown = here, psnr
    return total / (scale(end) - scale(begin))


def targets(found: Found) -> list[Target]:
    """(measure, today, asked for, here, met) of every target that the measured scenes can judge."""
    s, scenes = found["summary"], found["scenes"]
    plain = [scene["name"] for scene in scenes if scene["sh_degree"] == 0]
    ratios = [s[name]["hardest_ratio"] for name in s]
    overheads = [max(s[name]["overhead"], s[name]["overhead_at_equal_psnr"] or 0) for name in s]
    rows: list[Target] = [
        (
            "bytes at equal PSNR to the original, whole file, against the format that comes nearest",
            _today(scenes),
            "<= 0.65x",
            _each(s, lambda one: f"{_times(one['hardest_ratio'])} of {one['hardest_rival']}"),
            all(ratio is not None and ratio <= 0.65 for ratio in ratios),
        ),
        (
            "progressive overhead: our file against the same coder in one level (at the same steps / at equal PSNR)",
            _streamed(s),
            "<= 1.10x",
            _each(s, lambda one: f"{_times(one['overhead'])} / {_times(one['overhead_at_equal_psnr'])}"),
            all(overhead <= 1.10 for overhead in overheads),
        ),
        (
            "PSNR of the first 5 % of the bytes, above as many bytes of an importance-ordered `.splat`",
            "nothing to see",
            ">= 6 dB",
            _each(s, lambda one: f"{one['first_gain']:+.2f} dB"),
            all(one["first_gain"] >= 6 for one in s.values()),
        ),
        (
            "worst PSNR change from chunk to chunk",
            "-",
            ">= -0.1 dB",
            _each(s, lambda one: f"{one['worst_step']:+.3f} dB"),
            all(one["worst_step"] >= -0.1 for one in s.values()),
        ),
    ]
    areas = {name: one["areas"] for name, one in s.items() if one["areas"]}
    if areas:
        rows.append(
            (
                "area under the PSNR-over-bytes curve: mean over bytes (over log bytes)",
                _each(areas, lambda one: f"streamed SOG {one['chain']['bytes']:.2f} ({one['chain']['log']:.2f}) dB"),
                "above the chain's",
                _each(areas, lambda one: f"{one['ours']['bytes']:.2f} ({one['ours']['log']:.2f}) dB"),
                all(one["ours"]["bytes"] > one["chain"]["bytes"] for one in areas.values()),
            )
        )
    sizes = {scene["name"]: scene["splats"] for scene in scenes}
    rows.append(
        (
            "encode 150k splats, not optimised",
            "-",
            "<= 60 s",
            "; ".join(f"{name} ({sizes[name]:,}) {one['encode_seconds']:.1f} s" for name, one in s.items()),
            all(one["encode_seconds"] <= 60 for one in s.values()),
        )
    )
    if plain:
        speeds = {name: s[name]["decode_splats_a_second"] / 1e6 for name in plain}
        rows.append(
            (
                "decode, one core, degree 0",
                "-",
                ">= 1.5 million splats/s",
                "; ".join(f"{name} {speed:.2f}" for name, speed in speeds.items()) + " million splats/s",
                all(speed >= 1.5 for speed in speeds.values()),
            )
        )
    return rows


def _each(s: Found, say: Callable[[Found], str]) -> str:
    return "; ".join(f"{name} {say(one)}" for name, one in s.items())


def _times(ratio: float | None) -> str:
    return "n/a" if ratio is None else f"{ratio:.3f}x"


def _db(psnr: float | None) -> str:
    return "exact" if psnr is None else f"{psnr:.2f}"


def _today(scenes: list[Found]) -> str:
    """The range of bytes a splat that each format takes here at degree 0."""
    sizes: dict[str, list[float]] = {}
    for scene in scenes:
        for file in scene["rivals"]["files"]:
            if scene["sh_degree"] == 0 and file["name"] != UNCOMPRESSED and "given" not in file["name"]:
                sizes.setdefault(file["name"].partition(",")[0], []).append(file["bytes"] / file["splats"])
    said = [f"{name} {min(values):.1f}-{max(values):.1f}" for name, values in sizes.items()]
    return "; ".join(said) + " B/splat" if said else "-"


def _streamed(s: Found) -> str:
    measured = [one["chain_overhead"] for one in s.values() if one["chain_overhead"]]
    return "streamed SOG 2.07x" + "".join(f", {one:.2f}x of the levels here" for one in measured)


def markdown(found: Found) -> str:
    """The whole results page."""
    views = found["views"]
    orbits = ", ".join(f"{distance:g}" for distance, _ in views["orbits"])
    text = "# Rate and distortion of scenes\n\n"
    text += f"`python benchmarks/scene_explicit.py`; {found['machine']}. {views['count']} views of {views['width']} x "
    text += (
        f"{views['height']} pixels, {views['fov_degrees']:g} degrees wide, on orbits at {orbits} times the distance "
    )
    text += "from which the robust bounds fill the picture.\n\n"
    head = ["measure", "today", "asked for", "here", ""]
    text += common.table(head, [[*row[:4], "met" if row[4] else "**missed**"] for row in targets(found)])
    text += "\n" + NOTES
    for scene in found["scenes"]:
        text += f"\n## {scene['name']}: {scene['splats']:,} splats of degree {scene['sh_degree']}, "
        text += f"from {scene['format']}\n\n"
        text += files_table(scene["rivals"]["files"], _ours_rows(scene))
        text += "\n" + _first(scene)
    text += "\n" + FIRST_NOTE + "\n## Optimised\n\n" + optimised_table(found["scenes"])
    streamed = [scene for scene in found["scenes"] if scene["rivals"]["levels"]]
    for scene in streamed:
        text += f"\n## {scene['name']} streamed, level by level\n\n" + _levels(scene)
    return text + (f"\n{CHAIN_NOTE}" if streamed else "") + "\n![rate and distortion](scene_explicit.png)\n"


def files_table(files: list[Found], ours: list[list[str]]) -> str:
    """Whole files: the rivals, then `ours`."""
    head = ["file", "bytes", "B/splat", "PSNR, dB", "mean of views", "on a screen", "ours at equal PSNR", "ratio"]
    head += ["by mean of views", "by screen"]
    rows = []
    for file in files:
        equal = file["ours"]["psnr"]
        shown = ["n/a" if equal is None else f"{equal:,.0f} B"]
        shown += [_times(_ratio(file, key)) for key in ("psnr", "view_psnr", "screen_psnr")]
        rows.append([file["name"] + (" \\*" if file["own_format"] else ""), *_cells(file, file["splats"]), *shown])
    return common.table(head, rows + ours)


def _cells(file: Found, splats: int) -> list[str]:
    psnrs = [_db(file[key]) for key in ("psnr", "view_psnr", "screen_psnr")]
    return [f"{file['bytes']:,}", f"{file['bytes'] / splats:.2f}", *psnrs]


def _ours_rows(scene: Found) -> list[list[str]]:
    ours = scene["ours"]
    files = [(f"Sfumato, quality {file['quality']:.3g}", file) for file in ours["files"]]
    files.append(("Sfumato, quality 1, one level", ours["single"]))
    return [[name, *_cells(file, scene["splats"]), *[""] * 4] for name, file in files]


def _first(scene: Found) -> str:
    first, ours = scene["ours"]["first"], scene["ours"]
    text = f"First {first['bytes']:,} bytes: {_db(first['psnr'])} dB from {first['splats']:,} splats, "
    text += f"`.splat` {_db(first['rival_psnr'])} dB from {first['rival_splats']:,}; black "
    text += f"pictures have {_db(scene['empty_psnr'])} dB. {len(ours['prefixes'])} prefixes; encoded in "
    text += f"{ours['default']['seconds']:.1f} s; decoded in {1e3 * ours['decode']['seconds']:.0f} ms on one core.\n"
    return text


def optimised_table(scenes: list[Found]) -> str:
    """The PSNR of prefixes at shares of the whole, without and with a fit of the coarse levels and colours."""
    rows = []
    for scene in scenes:
        ours = scene["ours"]
        fitted = ours["optimised"]
        for name, file, first in (
            ("as merged", ours["default"], ours["first"]),
            (f"--optimise {fitted['seconds_asked']:g}", fitted, fitted["first"]),
        ):
            prefixes = (ours if file is ours["default"] else fitted)["prefixes"]
            reached = [_db(_psnr_within(prefixes, share * file["bytes"])) for share in SHARES]
            seconds = f"{file['seconds']:.0f} s"
            rows.append([scene["name"], name, seconds, f"{file['bytes']:,}", _db(first["psnr"]), *reached])
    head = ["scene", "coarse levels", "encoded in", "bytes", "first 5 % of the bytes, dB"]
    return common.table(head + [f"{share:.0%}" for share in SHARES], rows)


def _psnr_within(prefixes: list[Found], length: float) -> float | None:
    """The PSNR of the longest prefix of at most so many bytes, or of the shortest."""
    psnr: float | None = [prefixes[0], *(point for point in prefixes if point["bytes"] <= length)][-1]["psnr"]
    return psnr


def _levels(scene: Found) -> str:
    prefixes = scene["ours"]["prefixes"]
    head = ["up to", "bytes", "splats", "PSNR, dB", "our prefix within these bytes", "its splats", "PSNR, dB"]
    rows = []
    for level in scene["rivals"]["levels"]:
        row = [level["name"], f"{level['bytes']:,}", f"{level['splats']:,}", _db(level["psnr"])]
        within = [point for point in prefixes if point["bytes"] <= level["bytes"]]
        last = within[-1] if within else None
        row += [f"{last['bytes']:,}", f"{last['splats']:,}", _db(last["psnr"])] if last else ["none", "0", "n/a"]
        rows.append(row)
    return common.table(head, rows)


def plot(found: Found) -> bytes:
    """PSNR over megabytes, one panel per scene."""
    panels = []
    for scene in found["scenes"]:
        rivals, ours = scene["rivals"], scene["ours"]
        lines = [
            _line("Sfumato, prefixes of one file", ours["prefixes"], "line"),
            _line("the same, optimised", ours["optimised"]["prefixes"], "line"),
            _line("Sfumato, a file per quality", ours["files"], "dashed"),
            _line(".splat by importance, prefixes of one file", rivals["splat_prefixes"], "line"),
        ]
        if rivals["levels"]:
            lines.append(_line("streamed SOG, levels", rivals["levels"], "line"))
        lines += [_line(file["name"], [file], "points") for file in rivals["files"] if file["name"] != UNCOMPRESSED]
        title = f"{scene['name']}: {scene['splats']:,} splats"
        panels.append({"title": title, "x": "megabytes", "y": "PSNR, dB", "lines": [line for line in lines if line[1]]})
    return common.figure(panels, "Against the original, over all views")


def _line(name: str, points: list[Found], style: str) -> tuple[str, list[float], list[float], str]:
    finite = [point for point in points if point["psnr"] is not None]
    return name, [point["bytes"] / 1e6 for point in finite], [point["psnr"] for point in finite], style
