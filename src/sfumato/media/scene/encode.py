"""Existing 3D splats become a scene asset: no training, coarse levels by merging."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sfumato.coding import SymbolEncoder
from sfumato.coding.boxes import LARGEST_SIDE_3D, box_of, canonical_order_3d, code_boxes, split_boxes
from sfumato.coding.halving import Boxes
from sfumato.container import Chunk, Parser, Part, Prefix, assemble
from sfumato.errors import FormatError, InputError, SettingsError
from sfumato.files import save
from sfumato.kernels.splats3d import importance
from sfumato.media.image.settings import Progress, Report
from sfumato.media.scene.codec import (
    BANDS,
    LEAVES,
    NODES,
    SHARE_BITS,
    Leaves,
    Nodes,
    Portion,
    Walk,
    encode,
)
from sfumato.media.scene.decoder import portion, split
from sfumato.media.scene.layout import MAX_SPLATS, Layout
from sfumato.media.scene.measure import measured, views
from sfumato.media.scene.merge import mass, merge
from sfumato.media.scene.quantise import (
    Floats,
    Ints,
    QuantisedSplats,
    Quantiser,
    grid_exponent,
    quantise,
    quantise_band,
    typical_size,
)
from sfumato.sources.scene import Scene, read_scene
from sfumato.splats import Splats3D

NODE_FINENESS = -10
"""Eighths of an octave by which the nodes' steps differ from the splats'."""


@dataclass(frozen=True)
class SceneSettings:
    """What the user wants.

    quality: how much finer than usual the quantisers' steps are, 1/16..64.
    single_level: no coarse levels and nothing but full quality, to see what being progressive costs.
    antialiased: the splats were trained with the low-pass filter of Mip-Splatting.
    """

    quality: float = 1.0
    single_level: bool = False
    antialiased: bool = False

    def __post_init__(self) -> None:
        if not 1 / 16 <= self.quality <= 64:
            raise SettingsError(f"the quality of a scene is 1/16 to 64, not {self.quality:g}")


@dataclass(frozen=True)
class SceneReport:
    """What became of an encode.

    path: the file. bytes: its length. splats: of the scene. chunks: in it, HEAD and INDX included. seconds: from start
    to end. scene: as it was read; `scene.dropped` counts broken splats that were left out. prefixes: every prefix that
    is a valid file, with its PSNR to the scene as it was read, where that was measured.
    """

    path: Path
    bytes: int
    splats: int
    chunks: int
    seconds: float
    scene: Scene
    prefixes: tuple[Prefix, ...]


@dataclass(frozen=True)
class _Made:
    """A chunk that is ready, what it buys and what must come before it."""

    part: Part
    group: int
    gain: float


class _Scene:
    """The splats of a scene in canonical order, as floats and as integers."""

    def __init__(self, splats: Splats3D, settings: SceneSettings) -> None:
        self.fineness = round(8 * np.log2(settings.quality))
        typical = typical_size(splats)
        exponent = grid_exponent(splats, self.fineness, typical)
        low, high = splats.mean.min(axis=0).astype(float), splats.mean.max(axis=0).astype(float)
        while np.any((high - low) * 2.0**-exponent >= LARGEST_SIDE_3D - 1):
            exponent += 1
        size = np.floor((high - low) * 2.0**-exponent).astype(np.int64) + 1
        self.layout = Layout(
            (float(low[0]), float(low[1]), float(low[2])), exponent, (int(size[0]), int(size[1]), int(size[2])),
            len(splats), typical, portions=1 if settings.single_level or len(splats) == 1 else 2,
            sh_degree=splats.sh_degree, antialiased=settings.antialiased,
        )  # fmt: skip
        if settings.single_level:
            self.layout = replace(self.layout, leaves=(len(splats), len(splats)), group=len(splats))
        self.quantiser = Quantiser.of(self.fineness, typical, exponent)
        self.node_quantiser = Quantiser.of(self.fineness + NODE_FINENESS, typical, exponent)
        q = quantise(splats, self.quantiser, low, size)
        order = canonical_order_3d(q.cell, self.layout.size)
        self.splats, self.q = splats[order], q[order]

    def merged(self, boxes: Boxes, rows: Ints) -> tuple[Ints, QuantisedSplats]:
        """Offsets and integers of the nodes of `boxes`, which hold the splats `rows`."""
        own = box_of(self.q.cell[rows], boxes, self.layout.size).astype(np.int64)
        nodes = merge(self.splats[rows], own, len(boxes))
        offset = self.layout.offsets(boxes, nodes.mean.astype(np.float64))
        q = quantise(nodes, self.node_quantiser, np.array(self.layout.origin), np.array(self.layout.size))
        return offset, replace(q, cell=np.zeros_like(q.cell), fine=np.zeros_like(q.fine))


def encode_scene_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    settings: SceneSettings | None = None,
    *,
    repair: bool = False,
    progress: Report | None = None,
) -> SceneReport:
    """Encode the scene of splats in `source` to `destination`.

    repair: leave out broken splats instead of refusing the file. progress: called after every group of splats.
    Raises: InputError with field and row of the first bad splat, or the place where the file is damaged; OutputError.
    """
    begun = time.monotonic()
    scene = read_scene(source, repair=repair)

    def tell(done: float) -> None:
        if progress:
            progress(Progress("encode", done, None, (time.monotonic() - begun) * (1 - done) / done))

    settings = replace(settings or SceneSettings(), antialiased=scene.antialiased)
    data = encode_scene(scene.splats, settings, progress=tell)
    save(destination, data)
    parser = Parser()
    parser.feed(data)
    return SceneReport(
        Path(destination), len(data), len(scene.splats), parser.chunks, time.monotonic() - begun, scene,
        tuple(parser.prefixes()),
    )  # fmt: skip


def encode_scene(
    splats: Splats3D, settings: SceneSettings | None = None, *, progress: Callable[[float], None] | None = None
) -> bytes:
    """The bytes of a scene asset.

    progress: called with the share that is done, 0..1.
    Raises: InputError for no splats, too many, or such as no grid can hold.
    """
    settings = settings or SceneSettings()
    if not 1 <= len(splats) <= MAX_SPLATS:
        raise InputError(f"cannot encode {len(splats):,} splats: a scene has 1 to {MAX_SPLATS:,}")
    scene = _Scene(splats, settings)
    try:
        Layout.from_fields(scene.layout.fields())
    except FormatError as error:
        raise InputError("cannot encode the splats: their places or scales are too large or too small") from error
    weight = importance(scene.splats, views(splats)).astype(np.float64)
    layout, rows = scene.layout, np.arange(len(splats))
    boxes = code_boxes(SymbolEncoder(), scene.q.cell, len(splats), layout.size, layout.leaves[0])
    given = scene.merged(boxes, rows)
    payload, coarse = encode(
        0,
        scene.node_quantiser,
        lambda walk: walk.nodes(scene.node_quantiser, layout.size, len(splats), layout.leaves[0], scene.q.cell, given),
    )
    made: list[_Made] = []
    groups = split(coarse, layout)
    first = 0
    for number, nodes in enumerate(groups):
        count = int(nodes.boxes.count.sum())
        made += _group(scene, number, nodes, rows[first : first + count], weight)
        first += count
        if progress:
            progress(first / len(splats))
    parts = [Part(Chunk(NODES, 0, payload=payload), splats=len(boxes)), *(m.part for m in _ordered(made))]
    return assemble("scene", layout.fields(), measured(splats, layout.fields(), parts))


def _group(scene: _Scene, number: int, coarse: Nodes, rows: Ints, weight: Floats) -> list[_Made]:
    """The chunks of a group that holds the splats `rows`."""
    layout = scene.layout
    cells = scene.q.cell[rows]
    boxes, _ = split_boxes(SymbolEncoder(), cells, coarse.boxes, layout.size, layout.leaves[1])
    given = scene.merged(boxes, rows)
    payload, nodes = encode(
        number,
        scene.node_quantiser,
        lambda walk: walk.nodes(scene.node_quantiser, layout.size, coarse, layout.leaves[1], cells, given),
    )
    made = [_Made(Part(Chunk(NODES, 1, payload=payload), splats=len(boxes)), number, np.inf)]
    own = box_of(cells, nodes.boxes, layout.size).astype(np.int64)
    early = _most_important(own, weight[rows], nodes.boxes) | (layout.portions == 1)
    total = mass(scene.splats[rows])
    left = np.bincount(own, total * ~early, len(boxes)) / np.maximum(np.bincount(own, total, len(boxes)), 1e-30)
    share = np.rint(left * ((1 << SHARE_BITS) - 1)).astype(np.int64)
    for part, mine in enumerate((early, ~early)[: layout.portions]):
        if mine.any():
            made += _splats(scene, number, nodes, part, share, rows[mine], float(weight[rows[mine]].sum()))
    return made


def _splats(scene: _Scene, group: int, nodes: Nodes, part: int, share: Ints, rows: Ints, weight: float) -> list[_Made]:
    """The chunk of a portion of a group's splats and those of its harmonics."""
    quantiser, size, q = scene.quantiser, scene.layout.size, scene.q[rows]
    which = portion(scene.layout, part)
    payload, leaves = encode(group, quantiser, lambda walk: walk.leaves(quantiser, size, nodes, which, (share, q)))
    made = [_Made(Part(Chunk(LEAVES, 2 + part, payload=payload), splats=len(rows)), group, weight / len(payload))]
    for band in range(1, scene.layout.sh_degree + 1):
        sh = scene.splats.sh[rows, band * band : (band + 1) ** 2].astype(np.float64)
        payload = _band(group, quantiser, leaves, band, quantise_band(sh, q, quantiser))
        level = 1 + scene.layout.portions + band
        made.append(_Made(Part(Chunk(BANDS, level, flags=part, payload=payload)), group, weight / len(payload)))
    return made


def _band(group: int, quantiser: Quantiser, leaves: Leaves, band: int, values: Ints) -> bytes:
    def code(walk: Walk) -> Ints:
        return walk.band(leaves, band, values)

    return encode(group, quantiser, code)[0]


def _most_important(own: Ints, weight: Floats, boxes: Boxes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which splats belong to the more important half of their box."""
    order = np.lexsort((-weight, own))
    rank = np.empty(len(own), np.int64)
    rank[order] = np.arange(len(own)) - np.repeat(np.cumsum(boxes.count) - boxes.count, boxes.count)
    return rank < Portion.FIRST.counts(boxes.count)[own]


def _ordered(made: list[_Made]) -> list[_Made]:
    """The order in which chunks are worth loading: nodes, splats, harmonics band by band; each group's in its order."""
    first_band = min((one.part.chunk.level for one in made if one.part.chunk.kind == BANDS), default=0)
    best: dict[int, float] = {}
    keyed = []
    for number, one in enumerate(made):
        level = one.part.chunk.level
        if level == 1:
            stage, gain = 0, one.gain
        elif one.part.chunk.kind == LEAVES:
            # A second half is never taken before its first.
            stage, gain = 1, min(best.get(one.group, np.inf), one.gain)
            best[one.group] = gain
        else:
            stage, gain = 2 + level - first_band, one.gain
        keyed.append((stage, -gain, number))
    return [made[number] for *_, number in sorted(keyed)]
