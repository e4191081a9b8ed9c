"""What benchmarks/viewer.py found, as a page."""

from __future__ import annotations

from typing import Any

import common

OURS = "Sfumato, SFU"
SOONER = 8  # times, at the slowest rate
LIKE = 35  # dB between a small copy of the picture and one of the viewer's last


def markdown(found: dict[str, Any]) -> str:
    """The whole page."""
    return "\n".join([_head(found), _first(found), _targets(found), _frames(found), _notes(found)])


def ratios(found: dict[str, Any]) -> list[dict[str, Any]]:
    """At every rate, how many times sooner our first picture is than that of each other viewer."""
    lines = []
    for rate, kept in _lines(found):
        times = {one["show"]: one["milliseconds"] for one in found["first"] if _line(one) == (rate, kept)}
        sooner = {show: time / times[OURS] for show, time in times.items() if show != OURS}
        lines.append({"rate": rate, "code_kept": kept, "sooner": sooner})
    return lines


def _head(found: dict[str, Any]) -> str:
    code, scene = found["code_bytes"], found["scene_bytes"]
    return f"""# The viewer beside others

`benchmarks/viewer.py`: one scene of {found["splats"]:,} splats, 512 x 512 pixels, Chromium {found["browser"]} with
a graphics card in software (SwiftShader) on {found["machine"]}, whose load was
{found["load"]:.1f} at the beginning.

| | code, gzip | scene |
|---|---|---|
| Sfumato | {code["ours"]:,} | .sfu {scene[".sfu"]:,} |
| Spark 2.2.0 with three.js 0.187.0 | {code["spark"]:,} | SPZ 3 {scene[".spz"]:,}, SOG {scene[".sog"]:,} |
| PlayCanvas 2.23.3 | {code["playcanvas"]:,} | SOG {scene[".sog"]:,} |
"""


def _first(found: dict[str, Any]) -> str:
    lines = _lines(found)
    head = ["viewer"] + [f"{_speed(rate)}{', code kept' if kept else ''}" for rate, kept in lines]
    rows = []
    for show in dict.fromkeys(one["show"] for one in found["first"]):
        own = {_line(one): one for one in found["first"] if one["show"] == show}
        rows.append([show] + [f"{_seconds(own[line]['milliseconds'])}, {_kilobytes(own[line])}" for line in lines])
    ours = {_line(one): one for one in found["first"] if one["show"] == OURS}
    rows.append([f"{OURS}: its first picture"] + [f"{ours[line]['copies'][0][1]:.1f} dB" for line in lines])
    rows.append([f"{OURS}: until {LIKE} dB"] + [_seconds(_until(ours[line]["copies"])) for line in lines])
    return "## Time to the first picture, and bytes sent until then\n\n" + common.table(head, rows)


def _targets(found: dict[str, Any]) -> str:
    lines = []
    for one in ratios(found):
        each = ", ".join(f"{show} {ratio:.1f}" for show, ratio in one["sooner"].items())
        best = min(one["sooner"].values())
        target = ""
        if one["rate"] == found["first"][0]["rate"]:
            target = f" Target {SOONER}: {'met' if best >= SOONER else 'missed'}."
        where = _speed(one["rate"]) + (", code kept" if one["code_kept"] else "")
        lines.append(f"- {where}: times sooner than {each}.{target}")
    return "\n".join(lines) + "\n"


def _frames(found: dict[str, Any]) -> str:
    counts = list(dict.fromkeys(one["splats"] for one in found["frames"]))
    shows = list(dict.fromkeys(one["show"] for one in found["frames"]))
    times = {(one["show"], one["splats"]): one for one in found["frames"]}
    rows, verdicts = [], []
    for show in shows:
        own = [times[show, count] for count in counts]
        rows.append([show] + [f"{min(one['milliseconds']):.0f} / {one['median']:.0f} ms" for one in own])
    for count in counts:
        least = {show: min(times[show, count]["milliseconds"]) for show in shows}
        best = min((show for show in shows if show != OURS), key=least.__getitem__)
        share = least[OURS] / least[best]
        verdict = "met" if share <= 1 else "missed"
        verdicts.append(f"- {count:,} splats: {share:.2f} times the least of {best}. Target 1 or less: {verdict}.")
    head = ["viewer"] + [f"{count:,} splats" for count in counts]
    title = "## Time of a frame in software rendering, least / median of 20 frames of a slow orbit\n\n"
    return title + common.table(head, rows) + "\n" + "\n".join(verdicts) + "\n"


def _notes(found: dict[str, Any]) -> str:
    complaints = {f"{one['show']}: {text}" for one in found["first"] + found["frames"] for text in one["complaints"]}
    said = "".join(f"- On the console: {text}\n" for text in sorted(complaints))
    return f"""## How it was measured

- All connections of a browser share one line, which the server makes; it adds no delay. Pages and scripts travel with
  gzip. "Code kept": the browser has page and scripts already, the line carries the scene alone.
- The first picture is the first frame in which 1 % of a 64 x 64 copy of the canvas is brighter than 24 of 255, from the
  beginning of the navigation. Decibels compare that copy with one of the same viewer's last picture; much of both is
  black, so they are higher than those of a whole picture would be. The others show nothing before they show all.
- Cells are the least of two visits, both of which are in the JSON. Peers are bundled and minified with esbuild,
  without what they do not use.
- The camera is the same in all; the splats of 20,000 and 100,000 are taken evenly from the scene. A frame ends when its
  first pixel can be read back, so that all its drawing is done; the sorting of many splats runs beside it in workers.
  The targets are judged by the least, which other work of the machine disturbs least.
- Each viewer has its usual settings. PlayCanvas leaves out what would be smaller than 2 pixels; ours draws it. While
  the camera moves all blend in 8 bits; when it rests ours draws once more with 16, which takes half as long again.
- Spark does not read SPZ 4 ("Invalid gzip header"), so it gets the same columns as SPZ 3. PlayCanvas' reader of SPZ 4
  needs a Zstandard module that its npm package does not contain; it was not run.
{said}"""


def _lines(found: dict[str, Any]) -> list[tuple[str, bool]]:
    return list(dict.fromkeys(_line(one) for one in found["first"]))


def _line(one: dict[str, Any]) -> tuple[str, bool]:
    return one["rate"], one["code_kept"]


def _speed(rate: str) -> str:
    return rate.replace("mbit", " Mbit/s")


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s"


def _kilobytes(one: dict[str, Any]) -> str:
    return f"{one['bytes'] / 1000:,.0f} kB"


def _until(copies: list[list[float]]) -> float:
    """Milliseconds until a copy is like the last one and none after it is less so."""
    begun = copies[-1][0]
    for at, psnr in reversed(copies):
        if psnr < LIKE:
            break
        begun = at
    return begun
