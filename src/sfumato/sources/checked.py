"""What every reader of a scene gives back, and the checks that all of them pass through."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.splats import SH_COEFFICIENTS, Splats3D

BLOCK = 1 << 16
"""Rows that a reader converts at a time: large enough for numpy, small against the scene."""

MAX_SPLATS = 100_000_000
"""More are refused: without view-dependent colour they fill 5.6 GB, with all of it 23.6 GB."""

_FIELDS = {
    "mean": ("x", "y", "z"),
    "rotation": ("rot_0", "rot_1", "rot_2", "rot_3"),
    "scale": ("scale_0", "scale_1", "scale_2"),
    "opacity": ("opacity",),
}


@dataclass(frozen=True)
class Scene:
    """Splats as a file held them, on Sfumato's axes and in its units.

    splats: every value is finite, scales are above 0, opacities within 0..1, rotations of length 1.
    format: what the file is, such as "SPZ 4".
    antialiased: whether the file says that it was trained with the low-pass filter of Mip-Splatting (arXiv 2311.16493).
    dropped: how many bad splats were left out, which only happens if a repair was asked for.
    notes: sentences on what the file holds and the splats do not.
    """

    splats: Splats3D
    format: str
    antialiased: bool = False
    dropped: int = 0
    notes: tuple[str, ...] = ()


def ranges(count: int, step: int = BLOCK) -> Iterator[slice]:
    """Slices of at most `step` rows that cover 0..count."""
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def check_count(path: str | os.PathLike[str], count: int) -> None:
    """Refuse a scene of no or of too many splats."""
    if count < 1:
        raise InputError(f"cannot read '{path}': it says that it has {count} splats; save it again with some")
    if count > MAX_SPLATS:
        raise InputError(
            f"cannot read '{path}': it says that it has {count:,} splats, the limit is {MAX_SPLATS:,}; split it first"
        )


def gather(
    path: str | os.PathLike[str], count: int, sh_degree: int, blocks: Iterable[Splats3D], *, repair: bool
) -> tuple[Splats3D, int]:
    """The good splats of `blocks`, which hold `count` rows in the order of the file, and how many were dropped.

    Rotations may have any length above 0 and are brought to length 1. Without `repair` no splat may be bad.

    Raises: InputError with field and row of the first bad splat, or if there is no good one.
    """
    splats = _room(count, sh_degree)
    first, start, kept = "", 0, 0
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is named below
        for block in blocks:
            bad = bad_rows(block)
            if bad.any():
                if not first:
                    row = int(np.argmax(bad))
                    first = f"row {start + row:,} of {count:,} (counted from 0): {_complaint(block[row : row + 1])}"
                block = block[~bad]
            into = slice(kept, kept + len(block))
            norm = np.linalg.norm(block.rotation.astype(np.float64), axis=1, keepdims=True)
            np.divide(block.rotation, norm, out=splats.rotation[into], casting="same_kind")
            splats.mean[into], splats.scale[into] = block.mean, block.scale
            splats.opacity[into], splats.sh[into] = block.opacity, block.sh
            start, kept = start + len(bad), into.stop
    dropped = count - kept
    if first and not repair:
        raise InputError(
            f"cannot read '{path}': {first}; {dropped:,} of {count:,} splats are bad, and --repair (repair=True) "
            "leaves them out"
        )
    if not kept:
        raise InputError(
            f"cannot read '{path}': {first}; all {count:,} splats are bad, so that nothing can be repaired"
        )
    return (splats[:kept] if dropped else splats), dropped


def bad_rows(splats: Splats3D) -> NDArray[np.bool_]:
    """Which splats are broken, bool [N]: not finite, a scale not above 0, an opacity outside 0..1, a rotation of 0."""
    good: NDArray[np.bool_] = (splats.opacity >= 0) & (splats.opacity <= 1)
    for values in (splats.mean, splats.rotation, splats.scale, splats.sh.reshape(len(splats), -1)):
        good &= np.isfinite(values).all(axis=1)
    good &= (splats.scale > 0).all(axis=1) & (splats.rotation != 0).any(axis=1)
    return ~good


def _complaint(splat: Splats3D) -> str:
    """What is wrong with the one bad splat in `splat`, by the names that the fields have in a PLY."""
    rest = splat.sh.shape[1] - 1
    sh = [[f"f_dc_{c}" for c in range(3)], *([f"f_rest_{c * rest + k}" for c in range(3)] for k in range(rest))]
    names = [*(name for field in _FIELDS.values() for name in field), *(name for row in sh for name in row)]
    values = [getattr(splat, field).ravel() for field in _FIELDS]
    for name, value in zip(names, np.concatenate([*values, splat.sh.ravel()]), strict=True):
        if not np.isfinite(value):
            return f"{name} is not a finite number"
        if name.startswith("scale") and value <= 0:
            return f"{name} is a standard deviation of {value:g}, which must be above 0"
        if name == "opacity" and not 0 <= value <= 1:
            return f"{name} is {value:g}, outside 0..1"
    return "rot_0 to rot_3 are all 0, which is no rotation"


def _room(count: int, sh_degree: int) -> Splats3D:
    """Splats3D with `count` rows to be filled."""
    shapes = ((count, 3), (count, 4), (count, 3), (count,), (count, SH_COEFFICIENTS[sh_degree], 3))
    return Splats3D(*(np.empty(shape, np.float32) for shape in shapes))
