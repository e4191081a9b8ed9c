"""The scene readers' fuzz target: bytes that claim to be a scene give good splats or an InputError, and nothing else.

The first byte chooses the suffix, the rest is the file.
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np

from sfumato.errors import InputError
from sfumato.exports.scene import write_scene
from sfumato.sources.scene import read_scene
from sfumato.splats import Splats3D

_SUFFIXES = (".ply", ".spz", ".splat", ".sog")
_FOLDER = tempfile.TemporaryDirectory()


def seeds() -> list[bytes]:
    """A small file of every format that is written, and old SPZ files, plain and gzipped."""
    found = []
    splats = Splats3D(np.ones((2, 3)), np.ones((2, 4)) / 2, np.ones((2, 3)), np.full(2, 0.5), np.zeros((2, 4, 3)))
    for number, suffix in enumerate(_SUFFIXES):
        path = Path(_FOLDER.name) / f"seed{suffix}"
        write_scene(splats, path)
        found.append(bytes([number]) + path.read_bytes())
    for version in (1, 2, 3):
        old = b"NGSP" + bytes([version, 0, 0, 0, 2, 0, 0, 0, 1, 12, 0, 0]) + bytes(range(100, 160))
        found += [b"\1" + old, b"\1" + gzip.compress(old)]
    return found


def one_input(data: bytes) -> None:
    """Read the bytes as a scene, with and without repair."""
    if not data:
        return
    path = Path(_FOLDER.name) / f"input{_SUFFIXES[data[0] % len(_SUFFIXES)]}"
    path.write_bytes(data[1:])
    for repair in (False, True):
        try:
            scene = read_scene(path, repair=repair)
        except InputError as error:
            assert str(error).startswith("cannot read "), "the message does not say what cannot be done"
            continue
        splats = scene.splats
        assert len(splats) and (repair or not scene.dropped), "splats vanished"
        for values in (splats.mean, splats.rotation, splats.scale, splats.opacity, splats.sh):
            assert np.isfinite(values).all(), "a value is not finite"
        assert (splats.scale > 0).all() and (np.abs(splats.opacity - 0.5) <= 0.5).all(), "a value is out of range"
        assert np.abs(np.linalg.norm(splats.rotation, axis=1) - 1).max() < 1e-5, "a rotation is not of length 1"
