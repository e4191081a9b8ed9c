"""Makes the golden files of scenes: what they decode to must never change.

    PYTHONPATH=src:tests python tests/golden/scene/make_golden.py

Files that exist stay as they are, as do their lines in expected.json; only new ones are added. A golden file that no
longer decodes as expected shows a change of the format, which needs a new version instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from golden.making import error_of, make_missing
from media.scene.samples import chunks, digests, encoded, rebuilt, scene, with_head

from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.encode import SceneSettings, encode_scene
from sfumato.splats import Splats3D

HERE = Path(__file__).parent

GOOD: dict[str, Callable[[], bytes]] = {
    "scene-degree-0.sfu": lambda: encode_scene(scene(900, seed=1)),
    "scene-degree-1-many-groups.sfu": lambda: encoded(scene(700, 1, seed=2), small=True),
    "scene-degree-2-fine.sfu": lambda: encoded(scene(300, 2, seed=3), SceneSettings(quality=8), small=True),
    "scene-degree-3.sfu": lambda: encode_scene(scene(200, 3, seed=4)),
    "scene-one-level.sfu": lambda: encode_scene(scene(200, 1, seed=5), SceneSettings(single_level=True)),
    "scene-one-splat.sfu": lambda: encode_scene(scene(1, seed=6)),
    "scene-equal-splats.sfu": lambda: encoded(scene(1, seed=7)[np.zeros(400, np.int64)], small=True),
    "scene-antialiased-outlier.sfu": lambda: encode_scene(_with_outlier(), SceneSettings(antialiased=True)),
}


def _with_outlier() -> Splats3D:
    splats = scene(150, seed=8)
    splats.mean[0] = 1e4
    return splats


def _changed(data: bytes, number: int, change: Callable[[bytearray], None]) -> bytes:
    """The file with another payload of one chunk; its checksums are right."""
    parts = chunks(data)
    payload = bytearray(parts[number].payload)
    change(payload)
    parts[number] = replace(parts[number], payload=bytes(payload))
    return rebuilt(data, parts)


def _shorten(payload: bytearray) -> None:
    del payload[-2:]


def _table(payload: bytearray) -> None:
    payload[3] = 192


def _group(payload: bytearray) -> None:
    payload[:2] = b"\xff\xff"


def _swapped(data: bytes) -> bytes:
    """The splats of a group before its nodes of level 1."""
    parts = chunks(data)
    parts[1], parts[2] = parts[2], parts[1]
    return rebuilt(data, parts)


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "hostile-cut.sfu": lambda data: data[: len(data) * 2 // 3 + 1],
    "hostile-bit.sfu": lambda data: data[:1500] + bytes([data[1500] ^ 1]) + data[1501:],
    "hostile-stream.sfu": lambda data: _changed(data, 1, _shorten),
    "hostile-table.sfu": lambda data: _changed(data, 2, _table),
    "hostile-group.sfu": lambda data: _changed(data, 1, _group),
    "hostile-order.sfu": _swapped,
    "hostile-twice.sfu": lambda data: rebuilt(data, [*chunks(data)[:2], *chunks(data)[1:]]),
    "hostile-splats.sfu": lambda data: with_head(data, splats=10**12),
    "hostile-fewer-splats.sfu": lambda data: with_head(data, splats=5),
    "hostile-grid.sfu": lambda data: with_head(data, size=[1 << 22, 1, 1]),
    "hostile-leaves.sfu": lambda data: with_head(data, leaves=[0, 0]),
    "hostile-no-origin.sfu": lambda data: with_head(data, origin=None),
}


def refusal(data: bytes) -> dict[str, int | str]:
    """The class of the error that stops the decoder, and how many splats it would draw by then."""
    decoder = SceneDecoder()

    def feed() -> None:
        decoder.feed(data)
        decoder.close()

    return {"error": error_of(feed), "splats": len(decoder.splats)}


if __name__ == "__main__":
    make_missing(HERE, GOOD, digests, "scene-degree-0.sfu", HOSTILE, refusal)
