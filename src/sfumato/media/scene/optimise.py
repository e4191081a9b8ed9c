"""Coarse levels that come as near to the original as they can: a short fit to pictures of the original itself.

Merging gives every node the mass of its splats, which is a good start and no more. Here the nodes of level 0, then
those of level 1 are fitted to pictures of the whole scene from random cameras; the latter alone and beside nodes of
level 0, where groups have not arrived. They are rounded step by step (scales, opacities and rotations first, then
places, colours last), so that what is still free makes up for what is rounded already. Then the shares that nodes keep
below the first portion of their splats are fitted, and at last the colours of the splats, to make up for the rounding
of all else. What does not help in pictures that no fit has seen stays as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sfumato.coding import SymbolEncoder
from sfumato.coding.boxes import code_boxes, split_boxes
from sfumato.coding.halving import Boxes
from sfumato.kernels.splats3d import Gradient3D
from sfumato.media.scene.descent import Adam, Descent, cosine
from sfumato.media.scene.prepare import WHOLE_SHARE, Prepared
from sfumato.media.scene.quantise import Ints
from sfumato.media.scene.targets import Targets
from sfumato.splats import Splats3D

MOST_SECONDS = 86_400

# Chosen by single trials on trained scenes, not tuned together.
ROUNDED_RATE = 0.3  # of the steps' size, when something was rounded
SHARE_STEP = 0.05
COLOR_STEP = 0.1  # of the step in which a splat's colour is coded
MIXED = 0.2  # how often level 1 is seen beside level 0

# Where stages end, in shares of the fit: pictures, levels 0 and 1 (free, then rounded in two steps), shares, colours.
PICTURES_END = 0.1
COARSE_ENDS, NODE_ENDS = (0.18, 0.21, 0.24), (0.5, 0.57, 0.63)
SHARES_END, COLORS_END = 0.73, 1.0

_FORM = ("scale", "opacity", "rotation")


class Pace:
    """How much of a fit is over: by the clock, or by steps where their number is given. tell: called with it, 0..1."""

    def __init__(self, seconds: float, steps: int | None, tell: Callable[[float], None]) -> None:
        self._begun = time.monotonic()
        self._seconds, self._steps, self._tell = seconds, steps, tell
        self._taken = 0

    def until(self, end: float) -> Iterator[float]:
        """Yields how much of this stage is over, 0..1, until `end` of the fit is."""
        start = done = self._done()
        while done < end:
            yield (done - start) / (end - start)
            self._taken += 1
            done = self._done()
            self._tell(min(done, 1.0))

    def reached(self, end: float) -> bool:
        """Whether the clock says that `end` of the fit is over; never where steps are counted."""
        return self._steps is None and self._done() >= end

    def _done(self) -> float:
        if self._steps is not None:
            return self._taken / self._steps
        return (time.monotonic() - self._begun) / self._seconds


@dataclass(frozen=True)
class Fitted:
    """What a fit found, beside colours: nodes of level 0, and of every group its nodes of level 1 and their shares."""

    coarse: Splats3D
    nodes: list[Splats3D]
    share: list[Ints]


@dataclass(frozen=True)
class _Level:
    """The nodes of a level, chunk after chunk.

    boxes, rows: of every chunk, and the splats in them. chunk: [n] the chunk of every node.
    """

    scene: Prepared
    boxes: list[Boxes]
    rows: list[Ints]

    @property
    def chunk(self) -> Ints:
        return np.repeat(np.arange(len(self.boxes)), [len(boxes) for boxes in self.boxes])

    def split(self, values: Splats3D) -> list[Splats3D]:
        """The nodes of every chunk."""
        ends = np.cumsum([len(boxes) for boxes in self.boxes])
        return [values[end - len(boxes) : end] for boxes, end in zip(self.boxes, ends, strict=True)]

    def merged(self) -> Splats3D:
        return Splats3D.concatenate([self.scene.merged(*part) for part in zip(self.boxes, self.rows, strict=True)])

    def rounded(self, nodes: Splats3D) -> Splats3D:
        """The nodes as a decoder sees them."""
        parts = zip(self.boxes, self.rows, self.split(nodes), strict=True)
        return Splats3D.concatenate([self.scene.rounded(*part) for part in parts])

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lowest and the highest place that each node can have, [n, 3] in world units."""
        layout = self.scene.layout
        step = 2.0**layout.exponent
        low = np.array(layout.origin) + step * np.concatenate([boxes.corner for boxes in self.boxes])
        return low, low + step * np.concatenate([layout.sides(boxes) for boxes in self.boxes])


def optimise(scene: Prepared, pace: Pace, rng: np.random.Generator) -> Fitted:
    """Fit nodes, shares and the colours of splats; the colours are put into `scene`."""
    targets = Targets(
        scene.splats, rng, antialiased=scene.layout.antialiased, enough=lambda: pace.reached(PICTURES_END)
    )
    layout = scene.layout
    boxes = code_boxes(SymbolEncoder(), scene.cell, len(scene.splats), layout.size, layout.leaves[0])
    coarse_level = _Level(scene, [boxes], [scene.order])
    coarse = _fit_nodes(coarse_level, targets, pace, COARSE_ENDS, None)

    group = layout.groups(boxes)
    ends = np.cumsum(np.bincount(group, boxes.count)).astype(int)
    rows = np.split(scene.order, ends[:-1])
    smaller = [
        split_boxes(SymbolEncoder(), scene.cell[mine], boxes.take(group == k), layout.size, layout.leaves[1])[0]
        for k, mine in enumerate(rows)
    ]
    level = _Level(scene, smaller, rows)
    beside = _Beside(coarse_level.rounded(coarse), group, level.chunk, rng)
    nodes = _fit_nodes(level, targets, pace, NODE_ENDS, beside)
    share = _fit_shares(level, level.rounded(nodes), targets, pace)
    _fit_colors(scene, targets, pace)
    return Fitted(coarse, level.split(nodes), np.split(share, np.cumsum([len(part) for part in smaller])[:-1]))


@dataclass(frozen=True)
class _Beside:
    """Nodes of level 0 beside those of level 1, as while groups arrive."""

    coarse: Splats3D
    group: Ints
    chunk: Ints
    rng: np.random.Generator

    def gradient(self, targets: Targets, nodes: Splats3D) -> Gradient3D:
        """The gradient for `nodes` where all of them are there, or now and then only those of some groups."""
        if self.rng.uniform() >= MIXED:
            return targets.gradient(nodes, targets.draw())
        there = self.rng.uniform(size=int(self.group[-1]) + 1) < self.rng.uniform()
        shown = there[self.chunk]
        some = Splats3D.concatenate([nodes[shown], self.coarse[~there[self.group]]])
        found = targets.gradient(some, targets.draw())
        count = int(shown.sum())

        def spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
            wide = np.zeros((len(shown), *values.shape[1:]), np.float32)
            wide[shown] = values[:count]
            return wide

        names = ("mean", "rotation", "scale", "opacity", "sh", "screen")
        return Gradient3D(*(spread(getattr(found, name)) for name in names))


def _fit_nodes(
    level: _Level, targets: Targets, pace: Pace, ends: tuple[float, float, float], beside: _Beside | None
) -> Splats3D:
    """The nodes of a level after three stages that end at these shares of the fit, or as merged if that is nearer."""
    merged = level.merged()
    descent = Descent(merged, *level.bounds())
    for end, frozen in zip(ends, ((), _FORM, (*_FORM, "mean")), strict=True):
        if frozen:
            free = descent.splats
            rounded = level.rounded(free)
            descent.put(replace(rounded, sh=free.sh, mean=rounded.mean if "mean" in frozen else free.mean), frozen)
        for done in pace.until(end):
            splats = descent.splats
            gradient = beside.gradient(targets, splats) if beside else targets.gradient(splats, targets.draw())
            descent.step(gradient, splats, cosine(done) * (ROUNDED_RATE if frozen else 1.0))
    fitted = descent.splats
    return fitted if targets.nearer(level.rounded(fitted), level.rounded(merged)) else merged


def _fit_shares(level: _Level, nodes: Splats3D, targets: Targets, pace: Pace) -> Ints:
    """The sevenths of each of the decoded nodes that stay below the first portion of the splats."""
    parts = [level.scene.first_half(*part) for part in zip(level.boxes, level.rows, strict=True)]
    given: Ints = np.concatenate([share for _, share in parts])
    if level.scene.layout.portions == 1:
        return given
    rows = [mine[early] for mine, (early, _) in zip(level.rows, parts, strict=True)]
    first = level.scene.decoded(np.concatenate(rows))

    def shown(share: NDArray[np.float32]) -> Splats3D:
        return Splats3D.concatenate([replace(nodes, opacity=nodes.opacity * share), first])

    share = (given / WHOLE_SHARE).astype(np.float32)
    adam = Adam(share)
    for done in pace.until(SHARES_END):
        gradient = targets.gradient(shown(share), targets.draw())
        change = adam.change(gradient.opacity[: len(nodes)] * nodes.opacity)
        share = np.clip(share - np.float32(SHARE_STEP * cosine(done)) * change, 0, 1)
    found: Ints = np.rint(share * WHOLE_SHARE).astype(np.int64)
    new, old = ((numbers / WHOLE_SHARE).astype(np.float32) for numbers in (found, given))
    return found if targets.nearer(shown(new), shown(old)) else given


def _fit_colors(scene: Prepared, targets: Targets, pace: Pace) -> None:
    """Give the splats the colours with which they come nearest to the original once all else is rounded."""
    before, given = scene.decoded(), scene.splats.sh[:, 0].copy()
    step = np.float32(COLOR_STEP) * scene.color_steps
    color = given.copy()
    adam = Adam(color)
    shown = replace(before, sh=before.sh.copy())
    for done in pace.until(COLORS_END):
        shown.sh[:, 0] = color
        gradient = targets.gradient(shown, targets.draw())
        color -= np.float32(cosine(done)) * step * adam.change(gradient.sh[:, 0])
    scene.recolor(color)
    if not targets.nearer(scene.decoded(), before):
        scene.recolor(given)
