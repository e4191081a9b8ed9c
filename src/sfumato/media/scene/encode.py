"""Existing 3D splats become a scene asset: no training, coarse levels by merging."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sfumato.coding import SymbolEncoder
from sfumato.coding.boxes import code_boxes, split_boxes
from sfumato.container import Chunk, Parser, Part, Prefix, assemble
from sfumato.errors import FormatError, InputError, SettingsError
from sfumato.files import save
from sfumato.media.image.settings import Progress, Report
from sfumato.media.scene.bounds import region_of
from sfumato.media.scene.codec import (
    BANDS,
    LEAVES,
    NODES,
    Leaves,
    Nodes,
    Walk,
    encode,
)
from sfumato.media.scene.decoder import portion, split
from sfumato.media.scene.group import node_splats
from sfumato.media.scene.layout import MAX_SPLATS, Layout, holds
from sfumato.media.scene.measure import measured
from sfumato.media.scene.optimise import MOST_SECONDS, Fitted, Pace, optimise
from sfumato.media.scene.prepare import Prepared
from sfumato.media.scene.quantise import (
    Ints,
    Quantiser,
    dequantise,
    quantise_band,
)
from sfumato.sources.scene import Scene, read_scene
from sfumato.splats import Splats3D

_OPTIMISING = 0.9
"""Of the progress, where a scene is optimised: encoding it takes few seconds."""


@dataclass(frozen=True)
class SceneSettings:
    """What the user wants.

    quality: how much finer than usual the quantisers' steps are, 1/16..64.
    single_level: no coarse levels and nothing but full quality, to see what being progressive costs.
    antialiased: the splats were trained with the low-pass filter of Mip-Splatting.
    optimise: seconds, about, for a fit of the coarse levels and of colours to pictures of the original, 0..86,400; 0
        leaves it out. optimise_steps: so many steps instead: with equal `seed` and thread count the same bytes again.
    """

    quality: float = 1.0
    single_level: bool = False
    antialiased: bool = False
    optimise: float = 0.0
    optimise_steps: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 / 16 <= self.quality <= 64:
            raise SettingsError(f"the quality of a scene is 1/16 to 64, not {self.quality:g}")
        if not 0 <= self.optimise <= MOST_SECONDS:
            raise SettingsError(
                f"a scene is optimised for 0 to {MOST_SECONDS:,} seconds, not {self.optimise:g}; 0 leaves it out"
            )
        if self.optimise_steps is not None and self.optimise_steps < 0:
            raise SettingsError(f"a scene is optimised in 0 steps or more, not {self.optimise_steps}")
        if self.seed < 0:
            raise SettingsError(f"a seed is 0 or more, not {self.seed}")


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
    layout, parts = _encoded(splats, settings, progress)
    return assemble("scene", layout.fields(), measured(splats, layout.fields(), parts))


def _encoded(
    splats: Splats3D, settings: SceneSettings, progress: Callable[[float], None] | None
) -> tuple[Layout, list[Part]]:
    """The chunks in their order."""
    broken = "cannot encode the splats: their places or scales are too large or too small"
    if not holds(splats):
        raise InputError(broken)
    scene = Prepared(splats, settings.quality, single_level=settings.single_level, antialiased=settings.antialiased)
    try:
        Layout.from_fields(scene.layout.fields())
    except FormatError as error:
        raise InputError(broken) from error
    fitted, before = None, 0.0
    steps = settings.optimise_steps
    if settings.optimise if steps is None else steps:
        before = _OPTIMISING
        pace = Pace(settings.optimise, steps, lambda done: progress(before * done) if progress else None)
        fitted = optimise(scene, pace, np.random.default_rng(settings.seed))
    layout, rows = scene.layout, scene.order
    boxes = code_boxes(SymbolEncoder(), scene.cell, len(splats), layout.size, layout.leaves[0])
    given = scene.integers(boxes, rows, fitted.coarse if fitted else scene.merged(boxes, rows))
    payload, coarse = encode(
        0,
        scene.node_quantiser,
        lambda walk: walk.nodes(scene.node_quantiser, layout.size, len(splats), layout.leaves[0], scene.cell, given),
    )
    made: list[_Made] = []
    groups = split(coarse, layout)
    first = 0
    for number, nodes in enumerate(groups):
        count = int(nodes.boxes.count.sum())
        mine = rows[first : first + count]
        made += _group(scene, number, nodes, mine, fitted)
        first += count
        if progress:
            progress(before + (1 - before) * first / len(splats))
    return layout, [Part(Chunk(NODES, 0, payload=payload), splats=len(boxes)), *(m.part for m in _ordered(made))]


def _group(scene: Prepared, number: int, coarse: Nodes, rows: Ints, fitted: Fitted | None) -> list[_Made]:
    """The chunks of a group that holds the splats `rows`, in canonical order."""
    layout = scene.layout
    cells = scene.cell[rows]
    boxes, _ = split_boxes(SymbolEncoder(), cells, coarse.boxes, layout.size, layout.leaves[1])
    given = scene.integers(boxes, rows, fitted.nodes[number] if fitted else scene.merged(boxes, rows))
    payload, nodes = encode(
        number,
        scene.node_quantiser,
        lambda walk: walk.nodes(scene.node_quantiser, layout.size, coarse, layout.leaves[1], cells, given),
    )
    region = region_of(number, node_splats(nodes, layout), layout)
    made = [_Made(Part(Chunk(NODES, 1, payload=payload), len(boxes), region=region), number, np.inf)]
    early, share = scene.first_half(boxes, rows)
    share = fitted.share[number] if fitted else share
    for part, mine in enumerate((early, ~early)[: layout.portions]):
        if mine.any():
            weight = float(scene.weight[rows[mine]].sum(dtype=np.float64))
            made += _splats(scene, number, nodes, part, share, rows[mine], weight)
    return made


def _splats(
    scene: Prepared, group: int, nodes: Nodes, part: int, share: Ints, rows: Ints, weight: float
) -> list[_Made]:
    """The chunk of a portion of a group's splats and those of its harmonics."""
    quantiser, size, q = scene.quantiser, scene.layout.size, scene.q.unpack(rows)
    which = portion(scene.layout, part)
    payload, leaves = encode(group, quantiser, lambda walk: walk.leaves(quantiser, size, nodes, which, (share, q)))
    region = region_of(group, dequantise(leaves.q, quantiser, np.array(scene.layout.origin)), scene.layout)
    chunk = Chunk(LEAVES, 2 + part, payload=payload)
    made = [_Made(Part(chunk, len(rows), region=region), group, weight / len(payload))]
    for band in range(1, scene.layout.sh_degree + 1):
        sh = scene.splats.sh[rows, band * band : (band + 1) ** 2].astype(np.float64)
        payload = _band(group, quantiser, leaves, band, quantise_band(sh, q.level, quantiser))
        level = 1 + scene.layout.portions + band
        chunk = Chunk(BANDS, level, flags=part, payload=payload)
        made.append(_Made(Part(chunk, region=region), group, weight / len(payload)))
    return made


def _band(group: int, quantiser: Quantiser, leaves: Leaves, band: int, values: Ints) -> bytes:
    def code(walk: Walk) -> Ints:
        return walk.band(leaves, band, values)

    return encode(group, quantiser, code)[0]


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
