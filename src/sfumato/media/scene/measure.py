"""How close every prefix of a scene comes to the scene as it was, seen by cameras around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sfumato.camera import Camera, orbit
from sfumato.container import Parser, Part, assemble
from sfumato.kernels.splats3d import gradient, measure, render
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.packed import slices
from sfumato.media.scene.quantise import COLOR_STEP, Floats, Slopes, disturbance
from sfumato.quality.metrics import psnr_of, squared_error
from sfumato.splats import Float32Array, Splats3D

FOV_DEGREES = 60
"""Of the views, horizontally; the nearest ones then see most of the scene, but not all of its surroundings."""

HIDDEN = 0.2
"""What this share of the splats stays below is added to every splat's energy: other views see what is hidden here."""

COLOR_SHARE = 0.4
"""How much a step of colour counts beside those of everything else together: found by trying, at equal bytes."""

_LEAST_ENERGY = 1e-12

MOST_MEASURED = 64
"""Prefixes beside the base level that are measured at most; with more chunks every second, every third and so on."""


def views(splats: Splats3D) -> list[Camera]:
    """Cameras on three rings around a scene, by which importance and quality are judged."""
    low, high = np.percentile(splats.mean, [5, 95], axis=0)
    centre, size = (low + high) / 2, float(np.median(splats.scale.max(axis=1)))
    radius = max(float(np.linalg.norm(high - low)) / 2, size, 1e-6 * (1 + float(np.abs(centre).max())))
    found: list[Camera] = []
    for ring, distance in enumerate((1.2, 2.0, 3.0)):
        found += orbit(
            centre,
            radius * distance,
            6,
            width=480,
            height=360,
            elevation_degrees=5 + 15 * ring,
            fov_degrees=FOV_DEGREES,
        )
    return found


@dataclass(frozen=True)
class Sight:
    """What the views say of splats, [n] each.

    weight: what every splat adds to the pictures. energy: how much steps of equal level change the pictures.
    """

    weight: Float32Array
    energy: Floats


def sight(splats: Splats3D, *, antialiased: bool = False) -> Sight:
    """Looks at `splats` from all views."""
    cameras = views(splats)
    weights = measure(splats, cameras, antialias=antialiased)
    # The sum of squared weights, or nearly: what a step of colour changes.
    color = weights.total.astype(np.float64) * weights.peak
    slopes = _slopes(splats, cameras, antialiased)
    rest = np.concatenate([disturbance(splats[rows], slopes[rows]) for rows in slices(len(splats))])
    energy = np.nan_to_num(rest, posinf=0) + COLOR_SHARE * color * COLOR_STEP**2
    return Sight(weights.total, energy + max(float(np.quantile(energy, HIDDEN)), _LEAST_ENERGY))


def _slopes(splats: Splats3D, cameras: Sequence[Camera], antialiased: bool) -> Slopes:
    """Estimated from the gradients of sums over pixels with random signs (M. Hutchinson's way to a trace, 1989)."""
    rng = np.random.default_rng(0)
    n = len(splats)
    mean, rotation, scale, opacity = np.zeros(n), np.zeros(n), np.zeros((n, 3)), np.zeros(n)
    for camera in cameras:
        signs = rng.choice(np.array([-1, 1], np.float32), (camera.height, camera.width, 3))
        found = gradient(splats, camera, signs, antialias=antialiased)
        mean += np.einsum("nk,nk->n", found.mean, found.mean, dtype=np.float64)
        rotation += np.einsum("nk,nk->n", found.rotation, found.rotation, dtype=np.float64)
        scale += np.square(found.scale.astype(np.float64) * splats.scale)
        opacity += np.square(found.opacity, dtype=np.float64)
    return Slopes(mean, rotation, scale, opacity)


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
        found[number] = replace(parts[number], quality_db=_psnr(decoder.splats, cameras, wanted))
    return found


def _psnr(shown: Splats3D, cameras: Sequence[Camera], wanted: Sequence[Float32Array]) -> float:
    """Of the pictures of `shown`, in dB."""
    pictures = (np.clip(render(shown, camera).color, 0, 1) for camera in cameras)
    errors = [squared_error(picture, truth) for picture, truth in zip(pictures, wanted, strict=True)]
    return psnr_of(float(np.sum(errors)), sum(truth.size for truth in wanted))
