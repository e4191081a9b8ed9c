"""Fits and rounds a picture region by region.

First all regions are fitted, in order; then all are rounded. So every region is rounded, and moves to make up for it,
with its neighbours on all sides in sight, which also mends what the fit left behind at the borders.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.canvas import Canvas
from sfumato.media.image.codec import encode_integers
from sfumato.media.image.finish import (
    MAX_COLOR_STEP,
    Quantised,
    choose_color_step,
    chunk_grids,
    finish,
    guess_color_step,
    round_all,
)
from sfumato.media.image.fit import fit_image
from sfumato.media.image.model import Layers, Plan
from sfumato.media.image.objective import Background, Objective
from sfumato.media.image.quantise import Grid, QuantisedSplats, dequantise
from sfumato.media.image.regions import Region, Shares, split
from sfumato.media.image.settings import FitSettings, Progress, Report
from sfumato.splats import Float32Array, Splats2D

FIT_SHARE = 0.8  # of the time; the rest is rounding

CHUNK_BYTES = 14 + 16  # a chunk's framing and its entry in INDX
FILE_BYTES = 220  # signature, HEAD and INDX's preamble

REACH = 3.4  # standard deviations at which a splat falls below 1/255 of its height: exp(-REACH^2 / 2) = 0.003

Chunks = tuple[QuantisedSplats, ...]


class Learner:
    """Fits and rounds `pixels` [H, W, C] according to `plan`.

    name: under which its complete parts stand in the checkpoint, so that several attempts can share one.
    """

    def __init__(
        self,
        pixels: Float32Array,
        plan: Plan,
        settings: FitSettings,
        report: Report | None = None,
        checkpoint: Checkpoint | None = None,
        name: str = "whole",
    ) -> None:
        self.pixels = pixels
        self.plan = plan
        self.settings = settings
        self._report = report
        self._checkpoint = checkpoint
        self._name = name
        height, width, self.channels = pixels.shape
        self.canvas = Canvas(width, height)
        self.regions = split(width, height)

    def learn(self, loss_db: float, limit: int | None = None) -> Quantised:
        """The picture's splats on their grids.

        loss_db: what rounding may cost. limit: bytes of the whole file; rounding is then as fine as that allows.
        """
        shown, grids = self._fit_all(loss_db, limit)
        done: list[Chunks] = []
        for number in range(len(self.regions)):
            chunks = self._stored(number)
            if chunks is None:
                chunks = self._finish(number, shown, grids)
                self._store(number, chunks)
            shown[number] = self._on_grid(chunks, grids)
            done.append(chunks)
        return Quantised(tuple(_concatenate([chunks[k] for chunks in done]) for k in range(len(grids))), grids)

    def _fit_all(self, loss_db: float, limit: int | None) -> tuple[list[Layers], tuple[Grid, ...]]:
        """The splats of every region, with positions in the picture, and the grids they are to be rounded to."""
        grids = self._stored_grids()
        shares = Shares(self.pixels, self.regions, self.plan.cuts)
        shown: list[Layers] = []
        for number, region in enumerate(self.regions):
            kept = self._stored_fit(number, grids)
            if kept is None:
                layers = self._fit(number, Plan(shares.next_cuts(), self.plan.levels), shown)
                if grids is None:
                    # The first region stands for all of them.
                    grids = self._choose_grids(layers, self._window(region), loss_db, limit)
                    self._store_grids(grids)
                kept = self._keep(layers, region)
                self._store_fit(number, kept)
            shares.keep(np.diff([0, *kept.plan.cuts]))
            shown.append(kept)
        assert grids is not None
        return shown, grids

    def _fit(self, number: int, plan: Plan, shown: list[Layers]) -> Layers:
        """The splats of a region's window, with positions in the window."""
        region = self.regions[number]
        settings = replace(self.settings, levels=tuple(plan.cuts[k] for k in plan.level_ends))
        if settings.seconds is not None:
            settings = replace(settings, seconds=settings.seconds * region.size / sum(r.size for r in self.regions))
        return fit_image(
            self._window(region),
            settings,
            report=self._stage(number * FIT_SHARE, FIT_SHARE),
            checkpoint=self._checkpoint,
            plan=plan,
            background=self._background(number, shown),
        )

    def _keep(self, layers: Layers, region: Region) -> Layers:
        """The splats of a window that are the region's own, with positions in the picture; at least one per chunk."""
        splats = _moved(layers.splats, self._canvas(region).corner)
        mine = ~region.left_to_others(splats.xy)
        for start, end in pairwise((0, *layers.plan.cuts)):
            if not mine[start:end].any():
                mine[start + int(np.argmin(region.distance(splats.xy[start:end])))] = True
        counts = np.bincount(layers.plan.chunk_of_splat[mine])
        plan = Plan(tuple(int(n) for n in np.cumsum(counts)), layers.plan.levels)
        return Layers(splats[np.flatnonzero(mine)], plan, self.canvas.width, self.canvas.height)

    def _finish(self, number: int, shown: list[Layers], grids: tuple[Grid, ...]) -> Chunks:
        """A region's splats on their grids, the other regions' as they are now in sight."""
        region, plan = self.regions[number], shown[number].plan
        canvas, picture = self._canvas(region), self._window(region)
        objective = Objective(picture, plan, self.settings, self._background(number, shown))
        layers = Layers(_moved(shown[number].splats, -canvas.corner), plan, picture.shape[1], picture.shape[0])
        report = self._stage(len(self.regions) * FIT_SHARE + number * (1 - FIT_SHARE), 1 - FIT_SHARE)
        return finish(layers, objective, grids, canvas, self.settings.seed, report).chunks

    def _canvas(self, region: Region) -> Canvas:
        left, top, _, _ = region.window
        return replace(self.canvas, left=left, top=top)

    def _window(self, region: Region) -> Float32Array:
        left, top, right, bottom = region.window
        return np.ascontiguousarray(self.pixels[top:bottom, left:right])

    def _background(self, number: int, shown: list[Layers]) -> Background:
        """The other regions' splats that reach into a region's window, with positions in the window."""
        region = self.regions[number]
        left, top, right, bottom = region.window
        parts, chunk = [Splats2D.empty(self.channels)], [np.zeros(0, np.int32)]
        for other, layers in enumerate(shown):
            if other != number:
                xy, chol = layers.splats.xy, layers.splats.chol
                reach = REACH * np.stack([chol[:, 0], np.hypot(chol[:, 1], chol[:, 2])], axis=1)
                near = np.all((xy + reach > (left, top)) & (xy - reach < (right, bottom)), axis=1)
                parts.append(layers.splats[near])
                chunk.append(layers.plan.chunk_of_splat[near])
        return Background(_moved(Splats2D.concatenate(parts), -self._canvas(region).corner), np.concatenate(chunk))

    def _on_grid(self, chunks: Chunks, grids: tuple[Grid, ...]) -> Layers:
        splats = Splats2D.concatenate([dequantise(q, grid) for q, grid in zip(chunks, grids, strict=True)])
        plan = Plan(tuple(int(n) for n in np.cumsum([len(q) for q in chunks])), self.plan.levels)
        return Layers(splats, plan, self.canvas.width, self.canvas.height)

    def _choose_grids(
        self, layers: Layers, picture: Float32Array, loss_db: float, limit: int | None
    ) -> tuple[Grid, ...]:
        canvas = Canvas(layers.width, layers.height)
        if limit is None:
            step = choose_color_step(layers, Objective(picture, layers.plan, self.settings), loss_db)
        else:
            room = (limit - FILE_BYTES) * layers.plan.splats / self.plan.splats
            low, high = 0, min(guess_color_step(layers, picture, 2 * loss_db) + 16, MAX_COLOR_STEP)
            while low < high:
                middle = (low + high + 1) // 2
                quantised = round_all(layers, chunk_grids(layers, middle, canvas), canvas)
                sizes = [
                    len(encode_integers(q, g, canvas.width, canvas.height)) + CHUNK_BYTES
                    for q, g in zip(quantised.chunks, quantised.grids, strict=True)
                ]
                low, high = (middle, high) if sum(sizes) <= 0.995 * room else (low, middle - 1)
            step = low
        return chunk_grids(layers, step, self.canvas)

    def _stage(self, start: float, share: float) -> Report | None:
        """Turns a part's progress into that of the whole; start, share: of the part, in regions."""
        report, regions = self._report, len(self.regions)
        if report is None:
            return None

        def tell(part: Progress) -> None:
            done = (start + part.fraction * share) / regions
            left = part.seconds_left
            if left is not None and part.fraction < 1:
                left = left / (1 - part.fraction) * (1 - done) * regions / share
            report(Progress(part.stage, done, part.psnr_db, left))

        return tell

    def _part(self, name: str) -> dict[str, NDArray[Any]] | None:
        return self._checkpoint.part(f"{self._name}.{name}") if self._checkpoint else None

    def _stored_grids(self) -> tuple[Grid, ...] | None:
        stored = self._part("grids")
        return tuple(Grid(int(step), int(exponent)) for step, exponent in stored["grids"]) if stored else None

    def _store_grids(self, grids: tuple[Grid, ...]) -> None:
        if self._checkpoint:
            steps = np.array([(g.color_step, g.exponent) for g in grids])
            self._checkpoint.finish_part(f"{self._name}.grids", {"grids": steps})

    def _stored_fit(self, number: int, grids: tuple[Grid, ...] | None) -> Layers | None:
        chunks = self._stored(number)
        if chunks is not None and grids is not None:
            return self._on_grid(chunks, grids)
        stored = self._part(f"fit{number}")
        if stored is None:
            return None
        plan = Plan(tuple(int(n) for n in stored["cuts"]), self.plan.levels)
        splats = Splats2D(stored["xy"], stored["chol"], stored["color"])
        return Layers(splats, plan, self.canvas.width, self.canvas.height)

    def _store_fit(self, number: int, layers: Layers) -> None:
        if self._checkpoint:
            found = layers.splats
            arrays = {"xy": found.xy, "chol": found.chol, "color": found.color, "cuts": np.array(layers.plan.cuts)}
            self._checkpoint.finish_part(f"{self._name}.fit{number}", arrays)

    def _stored(self, number: int) -> Chunks | None:
        stored = self._part(f"region{number}")
        if stored is None:
            return None
        whole = QuantisedSplats(*(stored[name] for name in QuantisedSplats.__dataclass_fields__))
        return tuple(whole[np.flatnonzero(stored["chunk"] == k)] for k in range(len(self.plan.cuts)))

    def _store(self, number: int, chunks: Chunks) -> None:
        if not self._checkpoint:
            return
        whole = _concatenate(list(chunks))
        arrays: dict[str, NDArray[Any]] = {name: getattr(whole, name) for name in QuantisedSplats.__dataclass_fields__}
        arrays["chunk"] = np.repeat(np.arange(len(chunks)), [len(chunk) for chunk in chunks])
        self._checkpoint.drop_part(f"{self._name}.fit{number}")
        self._checkpoint.finish_part(f"{self._name}.region{number}", arrays)


def _moved(splats: Splats2D, by: Float32Array) -> Splats2D:
    return Splats2D(splats.xy + by, splats.chol, splats.color)


def _concatenate(parts: list[QuantisedSplats]) -> QuantisedSplats:
    return QuantisedSplats(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in QuantisedSplats.__dataclass_fields__)
    )
