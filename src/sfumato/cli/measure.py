"""`sfumato curve` and `strip`: what the prefixes of a file look like, in numbers and side by side."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sfumato
from sfumato.cli.paths import check_output
from sfumato.cli.progress import ProgressDisplay
from sfumato.cli.read import PICTURES, announced_prefixes, open_image
from sfumato.errors import BudgetError, SettingsError

if TYPE_CHECKING:
    from sfumato.container import Prefix

_DEFAULT_BUDGETS = ("5%", "10%", "25%", "50%", "100%")


def curve(arguments: argparse.Namespace) -> None:
    """Measure every prefix; JSON, and a plot unless JSON alone is asked for."""
    from sfumato.files import save

    stem, suffix = os.path.splitext(arguments.output)
    numbers = f"{stem}.json"
    for output in (arguments.output, numbers):
        check_output(output, arguments.original, arguments.file, suffixes=(".png", ".svg", ".json"))
    plotted = suffix.lower() != ".json"
    if plotted and importlib.util.find_spec("matplotlib") is None:
        raise SettingsError(
            f"cannot draw '{arguments.output}': plots need matplotlib; pip install 'sfumato[plot]', or "
            f"give -o '{numbers}' for the numbers alone"
        )
    with ProgressDisplay() as show:
        found = sfumato.curve(arguments.original, arguments.file, progress=show)
    text = found.to_json()
    save(numbers, text.encode())
    if plotted:
        from sfumato.quality.plot import plot_curves

        picture = plot_curves([found], os.path.basename(arguments.file), "svg" if suffix.lower() == ".svg" else "png")
        save(arguments.output, picture)
    if arguments.json:
        print(text, end="")
        return
    first, last = found.points[0], found.points[-1]
    print(
        f"{arguments.output}: {len(found.points)} prefixes, {first.bytes:,} to {last.bytes:,} bytes, "
        f"{first.psnr:.2f} to {last.psnr:.2f} dB"
    )


def strip(arguments: argparse.Namespace) -> None:
    """Put what several prefixes show side by side."""
    from sfumato.exports.picture import write_picture
    from sfumato.quality.strip import contact_strip
    from sfumato.sources.photo import read_photo

    inputs = [arguments.file] if arguments.original is None else [arguments.file, arguments.original]
    check_output(arguments.output, *inputs, suffixes=PICTURES)
    asset = open_image(arguments.file)
    prefixes = announced_prefixes(arguments.file)
    chosen = _chosen(prefixes, asset.prefixes[-1], arguments.budgets)
    whole = prefixes[-1].length
    pictures = [asset.render(f"{prefix.length} bytes") for prefix in chosen]
    labels = [_label(prefix, whole) for prefix in chosen]
    if arguments.original is not None:
        photo = read_photo(arguments.original)
        pictures.append(photo.pixels)
        labels.append(f"original · {_size(photo.file_bytes)}")
    write_picture(arguments.output, contact_strip(pictures, labels, arguments.height))
    print(f"{arguments.output}: {len(pictures)} pictures")


def _chosen(prefixes: Sequence[Prefix], here: Prefix, budgets: list[str] | None) -> list[Prefix]:
    """The prefixes that the budgets name, shortest first, each once; by default from the base level to what is here."""
    from sfumato.container import select

    if budgets is not None:
        return sorted({select(prefixes, budget) for budget in budgets}, key=_length)
    found = {prefixes[0]}
    for budget in _DEFAULT_BUDGETS:
        with contextlib.suppress(BudgetError):  # a small file's base level takes more than 5 %
            found.add(min(select(prefixes, budget), here, key=_length))
    return sorted(found, key=_length)


def _length(prefix: Prefix) -> int:
    return prefix.length


def _label(prefix: Prefix, whole: int) -> str:
    share = 100 * prefix.length / whole
    quality = "" if prefix.quality_db is None else f" · {prefix.quality_db:.1f} dB"
    return f"{share:.{1 if share < 10 else 0}f} % · {_size(prefix.length)}{quality}"


def _size(size: int) -> str:
    """Bytes in the decimal units of a phone bill."""
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} KB" if size >= 1e3 else f"{size} bytes"
