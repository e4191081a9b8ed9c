"""Small splat sets and pictures that the image tests share."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
from hypothesis import strategies as st

from sfumato.container import Parser
from sfumato.media.image.codec import KIND, decode_integers
from sfumato.media.image.quantise import Grid, QuantisedSplats, position_exponents, refinement
from sfumato.splats import Float32Array, Splats2D

CANVASES = st.tuples(st.integers(1, 700), st.integers(1, 700))
CHANNELS = st.sampled_from([1, 3, 4])
SEEDS = st.integers(0, 2**32 - 1)


def splats_of(seed: int, count: int, channels: int, width: int, height: int) -> Splats2D:
    """Random splats in and around the canvas, from a third of a pixel to half the canvas in size."""
    rng = np.random.default_rng(seed)
    size = np.array([width, height])
    xy = rng.uniform(-15.9, size + 15.9, (count, 2))
    diagonal = np.exp(rng.uniform(np.log(0.3), np.log(max(1.0, max(width, height) / 2)), (count, 2)))
    tilt = rng.normal(0, 1, count) * diagonal[:, 1]
    color = rng.normal(0, 0.4, (count, channels))
    return Splats2D(
        xy.astype(np.float32),
        np.stack([diagonal[:, 0], tilt, diagonal[:, 1]], axis=1).astype(np.float32),
        color.astype(np.float32),
    )


def integers_of(seed: int, count: int, channels: int, grid: Grid, width: int, height: int) -> QuantisedSplats:
    """Random integers that a chunk can hold; every other seed repeats splats, every third has values of any size."""
    rng = np.random.default_rng(seed)
    large = 2**20 if seed % 3 == 0 else 40
    cell = rng.integers(0, grid.cells(width, height), (count, 2))
    color = rng.integers(-large, large, (count, channels))
    log_l11, log_l22, tilt = rng.integers(-large // 8, large // 8, (3, count))
    bits = refinement(position_exponents(color, log_l11, log_l22, tilt), grid)
    fine = rng.integers(0, 1 << 16, (count, 2)) & ((1 << bits) - 1)
    q = QuantisedSplats(cell, color, log_l11, log_l22, tilt, fine)
    return q[rng.integers(0, max(count // 2, 1), count)] if seed % 2 and count else q


def rows(q: QuantisedSplats) -> list[list[int]]:
    """One row of integers per splat, sorted: two sets of splats are equal if their rows are."""
    columns = [np.atleast_2d(getattr(q, field.name).T).T for field in dataclasses.fields(q)]
    found: list[list[int]] = np.concatenate(columns, axis=1).astype(np.int64).tolist()
    return sorted(found)


def little_endian(q: QuantisedSplats) -> bytes:
    """All fields one after the other, int64 little-endian: what the golden digests are taken over."""
    return b"".join(getattr(q, field.name).astype("<i8").tobytes() for field in dataclasses.fields(q))


def payloads(data: bytes) -> list[bytes]:
    """The payloads of all chunks of splats in a file."""
    return [chunk.payload for chunk in Parser(kinds={KIND}).feed(data)]


def equal(a: Splats2D, b: Splats2D) -> bool:
    """Whether all values agree, bit by bit."""
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ("xy", "chol", "color"))


def picture(width: int = 48, height: int = 32, channels: int = 3) -> Float32Array:
    """Smooth ground, a hard-edged disc and a striped corner, float32 [H, W, C] in 0..1."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    pixels = np.stack([u, v, 0.5 + 0.4 * np.sin(6 * u), np.clip(1.6 - u - v / 2, 0, 1)], axis=2)
    pixels[(u - 0.6) ** 2 + (v - 0.5) ** 2 < 0.05, :3] = (0.9, 0.7, 0.1)
    pixels[(v > 0.6) & (u < 0.25), :3] *= 0.4
    return np.ascontiguousarray(pixels[..., :channels], dtype=np.float32)


def digests(data: bytes) -> list[dict[str, int | str]]:
    """For every prefix of a file: its chunks of splats, their splats, and the SHA-256 of the decoded integers.

    The digest runs over the grid (colour step, exponent) and `little_endian` of every chunk, one after the other.
    """
    parser = Parser(kinds={KIND})
    chunks = parser.feed(data)
    assert parser.head is not None
    width, height, channels = (int(parser.head.fields[name]) for name in ("width", "height", "channels"))
    found: list[dict[str, int | str]] = []
    digest, splats = hashlib.sha256(), 0
    for number, chunk in enumerate(chunks):
        q, grid = decode_integers(chunk.payload, channels, width, height)
        digest.update(np.array([grid.color_step, grid.exponent], "<i8").tobytes() + little_endian(q))
        splats += len(q)
        found.append({"chunks": number + 1, "splats": splats, "sha256": digest.hexdigest()})
    return found
