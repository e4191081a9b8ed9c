"""How close every prefix of a scene comes to the scene as it was, seen by cameras around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sfumato.camera import Camera, orbit
from sfumato.container import Parser, Part, assemble
from sfumato.kernels.splats3d import render
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.quality.metrics import psnr_of, squared_error
from sfumato.splats import Splats3D

MOST_MEASURED = 64
"""Prefixes beside the base level that are measured at most; with more chunks every second, every third and so on."""


def views(splats: Splats3D) -> list[Camera]:
    """Cameras on three rings around a scene, by which importance and quality are judged."""
    low, high = np.percentile(splats.mean, [5, 95], axis=0)
    centre, size = (low + high) / 2, float(np.median(splats.scale.max(axis=1)))
    radius = max(float(np.linalg.norm(high - low)) / 2, size, 1e-6 * (1 + float(np.abs(centre).max())))
    found: list[Camera] = []
    for ring, distance in enumerate((1.2, 2.0, 3.0)):
        found += orbit(centre, radius * distance, 6, width=480, height=360, elevation_degrees=5 + 15 * ring)
    return found


def measured(splats: Splats3D, fields: Mapping[str, Any], parts: Sequence[Part]) -> list[Part]:
    """The parts of a scene's file with the PSNR in dB, over a third of the views, of the prefixes they end."""
    cameras = views(splats)[::3]
    wanted = [np.clip(render(splats, camera).color, 0, 1) for camera in cameras]
    base = sum(part.chunk.level == 0 for part in parts)
    every = -(-(len(parts) - base + 1) // MOST_MEASURED)
    data = assemble("scene", fields, parts)
    parser, decoder = Parser(), SceneDecoder()
    parser.feed(data)
    position, found = 0, list(parts)
    lengths = {prefix.chunks: prefix.length for prefix in parser.prefixes()}
    for number in range(base - 1, len(parts)):
        if number >= base and (len(parts) - 1 - number) % every:
            continue
        length = lengths[number + 3]  # HEAD, INDX, and counted from 1
        decoder.feed(data[position:length])
        position = length
        shown = decoder.splats
        pictures = (np.clip(render(shown, camera).color, 0, 1) for camera in cameras)
        errors = [squared_error(picture, truth) for picture, truth in zip(pictures, wanted, strict=True)]
        quality = psnr_of(float(np.sum(errors)), sum(truth.size for truth in wanted))
        found[number] = replace(parts[number], quality_db=quality)
    return found
