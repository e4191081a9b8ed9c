"""Splats as antimatter15's `.splat`: 32 bytes each, shown by many viewers while it arrives."""

from __future__ import annotations

import os

import numpy as np

from sfumato.exports.checks import check_splats
from sfumato.files import save
from sfumato.splats import SH_C0, Splats3D

_ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def write_antimatter(splats: Splats3D, path: str | os.PathLike[str]) -> None:
    """Write a `.splat` in the order of `splats`; viewers show what has arrived, so that the first ones show first.

    Positions and scales stay exact. Colour and opacity are rounded to 8 bits and clipped to 0..1, rotations to steps of
    1/128; harmonics beyond the constant are lost.

    Raises: OutputError if the file cannot be written; nothing is left behind then.
    """
    check_splats(splats, path)
    rows = np.empty(len(splats), _ROW)
    rows["mean"], rows["scale"] = splats.mean, splats.scale
    rows["rgba"][:, :3] = _eight_bit((0.5 + SH_C0 * splats.sh[:, 0]) * 255)
    rows["rgba"][:, 3] = _eight_bit(splats.opacity * 255)
    rows["rotation"] = _eight_bit(splats.rotation * 128 + 128)
    save(path, rows.data)


def _eight_bit(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
