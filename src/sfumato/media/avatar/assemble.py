"""An avatar and its rig to the bytes of a file, with the measured quality of every prefix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sfumato.container import Chunk, Parser, Part, assemble
from sfumato.media.avatar.codec import encode_forest
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.forest import Ints
from sfumato.media.avatar.growth import Stream
from sfumato.media.avatar.layout import MESH, SHAPES, TREE, Corner, Layout, bounds_of
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.rig_codec import decode_mesh, encode_rig
from sfumato.rig import Rig

Measure = Callable[[AvatarDecoder], float | None]
"""PSNR in dB of what a decoder shows, or None where it is not measured."""


def assemble_avatar(
    avatar: Avatar,
    stream: Stream,
    level: Ints,
    rig: Rig,
    *,
    fineness: int = 0,
    background: Corner = (1.0, 1.0, 1.0),
    measure: Measure | None = None,
    by_reference: str | None = None,
) -> bytes:
    """The file of an avatar that was learned on the mesh of `rig`.

    stream: the order of its splats. level: [N], of every splat, and fineness: see `codec.encode_forest`.
    background: sRGB in 0..1, on which it was learned. measure: called for the base level and every later prefix.
    by_reference: the name of the rig, to leave out what moves the mesh.

    Raises: InputError for a rig or parameters that cannot be written; LimitError for too much of anything; ValueError
        if the avatar's faces are not those of the rig.
    """
    forest = avatar.forest
    if len(rig.vertices) != forest.mesh_vertices or not np.array_equal(rig.faces, forest.roots):
        raise ValueError("an avatar stands on the faces of its rig, all of them, in their order")
    mesh, shapes = encode_rig(rig, by_reference=by_reference is not None, name=by_reference or "")
    layout = Layout(
        len(forest.roots),
        forest.mesh_vertices,
        len(forest),
        forest.max_depth,
        avatar.sh_degree,
        bounds_of(decode_mesh(mesh).vertices),
        background,
    )
    trees, before = [], 0
    for number, (payload, known) in zip(stream.levels, encode_forest(avatar, stream, level, fineness), strict=True):
        trees.append(Part(Chunk(TREE, number - 1, payload=payload), splats=known.count - before))
        before = known.count
    parts = [Part(Chunk(MESH, 0, payload=mesh)), *_ordered(trees, shapes)]
    if measure is not None:
        parts = _measured(layout.fields(), parts, measure)
    return assemble("avatar", layout.fields(), parts)


def _ordered(trees: Sequence[Part], shapes: Sequence[bytes]) -> list[Part]:
    """The chunks behind the mesh: the splats of its faces, and after the first of them the first shapes, so that a part
    of the base level can move already. Then the other splats; the other shapes come between those of level 1, one after
    each chunk of splats, or evenly where they are more: a head should soon be able to do everything."""
    base = [part for part in trees if not part.chunk.level]
    later = trees[len(base) :]
    level = 1 if later else 0
    parts = [Part(Chunk(SHAPES, level if number else 0, payload=payload)) for number, payload in enumerate(shapes)]
    if not later:
        return [*base[:1], *parts[:1], *base[1:], *parts[1:]]
    first = sum(part.chunk.level == 1 for part in later)
    before: list[list[Part]] = [[] for _ in later]
    for number, part in enumerate(parts[1:], 1):
        before[number if len(parts) <= first else number * first // len(parts)].append(part)
    refinements = (part for more, tree in zip(before, later, strict=True) for part in (*more, tree))
    return [*base[:1], *parts[:1], *base[1:], *refinements]


def _measured(fields: dict[str, Any], parts: Sequence[Part], measure: Measure) -> list[Part]:
    """The parts with the quality of the prefixes that they end."""
    data = assemble("avatar", fields, parts)
    parser, decoder = Parser(), AvatarDecoder("the assembled avatar")
    parser.feed(data)
    found, position = list(parts), 0
    base = sum(part.chunk.level == 0 for part in parts)
    for number, prefix in enumerate(parser.prefixes(), base - 1):
        decoder.feed(data[position : prefix.length])
        position = prefix.length
        quality = measure(decoder)
        found[number] = replace(parts[number], quality_db=quality if quality is None or np.isfinite(quality) else None)
    return found
