"""Scenes from antimatter15's `.splat`: 32 bytes a splat without a header; colours do not depend on the view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.sources.checked import Scene, check_count, gather, ranges
from sfumato.splats import SH_C0, Splats3D

_ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def read_antimatter(path: Path, *, repair: bool = False) -> Scene:
    """Read a `.splat`: linear scales, colour and opacity of 8 bits, rotation (w, x, y, z) as 128 + 128 q.

    Raises: InputError if the length is no multiple of 32 bytes, or with field and row of a bad splat unless `repair`
    leaves such splats out.
    """
    count, rest = divmod(path.stat().st_size, _ROW.itemsize)
    if rest:
        raise InputError(
            f"cannot read '{path}': the file ends {rest} bytes into row {count:,} (counted from 0; each has "
            f"{_ROW.itemsize}); fetch it again"
        )
    check_count(path, count)
    rows = np.memmap(path, _ROW, "r", shape=(count,))
    splats, dropped = gather(path, count, 0, _blocks(rows), repair=repair)
    return Scene(splats, "antimatter15 .splat", dropped=dropped)


def _blocks(rows: NDArray[Any]) -> Iterator[Splats3D]:
    for part in ranges(len(rows)):
        block = rows[part]
        rgba = block["rgba"] / 255
        yield Splats3D(
            mean=block["mean"],
            rotation=(block["rotation"] / 128 - 1).astype(np.float32),
            scale=block["scale"],
            opacity=rgba[:, 3].astype(np.float32),
            sh=((rgba[:, None, :3] - 0.5) / SH_C0).astype(np.float32),
        )
