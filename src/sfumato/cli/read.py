"""`sfumato decode`, `info`, `cut` and `verify`: what can be done with a file alone."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sfumato
from sfumato.cli.paths import check_output
from sfumato.errors import InputError

if TYPE_CHECKING:
    from sfumato.container import Head, Prefix
    from sfumato.media.image.asset import ImageAsset
    from sfumato.media.opening import Asset
    from sfumato.media.scene.bounds import Bounds

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
_CHANNELS = {1: "grey", 3: "RGB", 4: "RGB with alpha"}


def decode(arguments: argparse.Namespace) -> None:
    """Render a file or the part of it that a budget allows."""
    from sfumato.exports.picture import write_picture

    check_output(arguments.output, arguments.file, suffixes=PICTURES)
    asset = open_image(arguments.file)
    pixels = asset.render(arguments.budget, size=arguments.size, crop=arguments.crop)
    write_picture(arguments.output, pixels)
    height, width = pixels.shape[:2]
    print(f"{arguments.output}: {width} x {height}")


def cut(arguments: argparse.Namespace) -> None:
    """Keep the first bytes of a file."""
    check_output(arguments.output, arguments.file)
    length = sfumato.cut(arguments.file, arguments.output, arguments.budget)
    print(f"{arguments.output}: the first {length:,} of {os.path.getsize(arguments.file):,} bytes")


def verify(arguments: argparse.Namespace) -> None:
    """Check a file."""
    print(sfumato.verify(arguments.file))


def info(arguments: argparse.Namespace) -> None:
    """Describe a file."""
    asset = sfumato.open(arguments.file)
    prefixes = announced_prefixes(arguments.file)
    size = os.path.getsize(arguments.file)
    chunks = _chunk_rows(prefixes, asset)
    levels = _level_rows(prefixes, asset.head, chunks)
    if arguments.json:
        described = {
            "file": arguments.file,
            "bytes": size,
            "bytes_of_whole": prefixes[-1].length,
            "complete": asset.complete,
            "medium": asset.head.medium,
            **_described(asset),
            "levels": levels,
            "chunks": chunks,
        }
        json.dump(described, sys.stdout, indent=1)
        print()
        return
    print(f"{arguments.file}: {_summary(asset, prefixes[-1], levels, size)}\n")
    print(_table(chunks if arguments.chunks else levels, size))


def open_image(path: str) -> ImageAsset:
    """The image in the file at `path`; raises InputError if it holds another medium."""
    asset = sfumato.open(path)
    if not isinstance(asset, sfumato.ImageAsset):
        from sfumato.media.decoding import with_article

        what = with_article(asset.head.medium)
        raise InputError(f"cannot show '{path}' as an image: it holds {what}; use 'sfumato render'")
    return asset


def announced_prefixes(path: str) -> list[Prefix]:
    """The prefixes of the whole file, also of those that a cut has left out."""
    from sfumato.container import Parser, pieces

    parser = Parser(os.path.basename(path))
    for piece in pieces(path):
        parser.feed(piece)
    parser.close()
    return parser.prefixes()


def _chunk_rows(prefixes: Sequence[Prefix], asset: Asset) -> list[dict[str, Any]]:
    """What each chunk adds; the chunks up to INDX, without which no file is valid, make the first row."""
    base, *later = prefixes
    own: list[dict[str, Any]]
    if isinstance(asset, sfumato.ImageAsset):
        own = [{"level": 0, "splats": base.splats, "bytes": base.length}]
        own += [{"level": e.level, "splats": e.splats, "bytes": e.length} for e in asset.index.entries]
    elif isinstance(asset, sfumato.AvatarAsset):
        own = [{"kind": None, "level": 0, "splats": base.splats, "bytes": base.length}]
        own += [{name: getattr(chunk, name) for name in own[0]} for chunk in asset.chunks]
    else:
        # The base level of a scene is nodes alone, of the whole scene.
        own = [{"group": None, "level": 0, "nodes": base.splats, "splats": 0, "bytes": base.length, "bounds": None}]
        own += [{name: getattr(chunk, name) for name in own[0]} for chunk in asset.chunks]
        for row in own:
            row["bounds"] = _finite(row["bounds"])
    return [
        {"chunk": prefix.chunks, **row, "cumulative_bytes": prefix.length, "psnr_db": prefix.quality_db}
        for prefix, row in zip([base, *later], own, strict=True)
    ]


def _level_rows(prefixes: Sequence[Prefix], head: Head, chunks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each level adds, and the shortest prefix that has all of it."""
    rows: list[dict[str, Any]] = []
    counted = [name for name in ("nodes", "splats", "bytes") if name in chunks[0]]
    for number, level in enumerate(head.levels):
        end = next(prefix for prefix in prefixes if prefix.levels > number)
        mine = [row for row in chunks if row["level"] == number]
        rows.append(
            {
                "level": number,
                "chunks": level.chunks,
                **{name: sum(row[name] for row in mine) for name in counted},
                "cumulative_bytes": end.length,
                "psnr_db": end.quality_db,
            }
        )
    return rows


def _finite(bounds: Bounds | None) -> list[list[float | None]] | None:
    """A box as JSON can hold it: null where it has no end."""
    return None if bounds is None else [[x if math.isfinite(x) else None for x in corner] for corner in bounds]


def _described(asset: Asset) -> dict[str, Any]:
    """What HEAD says beyond levels."""
    if isinstance(asset, sfumato.ImageAsset):
        return {"width": asset.width, "height": asset.height, "channels": asset.channels}
    described = {"splats": asset.layout.splats, "bounds": asset.layout.bounds, "sh_degree": asset.layout.sh_degree}
    if isinstance(asset, sfumato.AvatarAsset):
        described |= {"faces": asset.layout.faces, "vertices": asset.layout.vertices}
        described |= {"shapes": list(asset.rig.shape_names), "joints": list(asset.rig.joint_names)}
        described |= {"rig": None if asset.reference is None else asset.reference.name}
    return described


def _summary(asset: Asset, whole: Prefix, levels: Sequence[dict[str, Any]], size: int) -> str:
    what, splats = asset.head.medium, f"{whole.splats:,} splats"
    if isinstance(asset, sfumato.ImageAsset):
        what += f", {asset.width} x {asset.height}, {_CHANNELS[asset.channels]}"
    elif isinstance(asset, sfumato.AvatarAsset):
        moved = f"{len(asset.rig.shape_names)} shapes and {len(asset.rig.joint_names)} joints"
        if asset.reference is not None:
            moved = f"to be moved by the rig '{asset.reference.name}'"
        what += f", {asset.layout.faces:,} faces, {moved}, harmonics of degree {asset.layout.sh_degree}"
    else:
        what += f", {_box(asset.layout.bounds)}, harmonics of degree {asset.layout.sh_degree}"
        splats = f"{asset.layout.splats:,} splats and {sum(row['nodes'] for row in levels):,} nodes"
    there = f"{size:,} bytes" if asset.complete else f"the first {size:,} of {whole.length:,} bytes"
    return f"{what}, {whole.levels} levels, {whole.chunks} chunks, {splats}, {there}"


def _box(bounds: Sequence[Sequence[float | None]] | None) -> str:
    if bounds is None:
        return "-"
    low, high = (" ".join("-" if x is None else f"{x:.4g}" for x in corner) for corner in bounds)
    return f"from ({low}) to ({high})"


def _table(rows: Sequence[dict[str, Any]], size: int) -> str:
    """The rows as aligned text; what lies behind the first `size` bytes is marked as not there."""
    whole = rows[-1]["cumulative_bytes"] if rows else 1
    counted = [key for key in rows[0] if key not in ("psnr_db", "bounds")]
    boxes = ["bounds"] if "bounds" in rows[0] else []
    titles = [*(key.replace("_", " ") for key in counted), "share", "PSNR", *boxes, ""]
    lines = [titles]
    for row in rows:
        cells = ["-" if row[key] is None else row[key] if key == "kind" else f"{row[key]:,}" for key in counted]
        quality = row["psnr_db"]
        cells += [f"{100 * row['cumulative_bytes'] / whole:.1f}%", "-" if quality is None else f"{quality:.2f} dB"]
        cells += [_box(row[key]) for key in boxes]
        lines.append([*cells, "" if row["cumulative_bytes"] <= size else "not here"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
