"""Fits and rounds a picture region by region."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.image.checkpoint import Checkpoint
from sfumato.media.image.codec import encode_integers
from sfumato.media.image.finish import Canvas, Quantised, choose_color_step, chunk_grids, finish, round_all
from sfumato.media.image.fit import fit_image
from sfumato.media.image.model import Layers, Plan
from sfumato.media.image.objective import Background, Objective
from sfumato.media.image.quantise import Grid, QuantisedSplats, dequantise
from sfumato.media.image.regions import Region, share_counts, split
from sfumato.media.image.settings import FitSettings, Progress, Report
from sfumato.splats import Float32Array, Splats2D

FIT_SHARE = 0.9  # of the time; the rest is rounding

CHUNK_BYTES = 14 + 16  # a chunk's framing and its entry in INDX
FILE_BYTES = 220  # signature, HEAD and INDX's preamble


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
        self._cuts = share_counts(pixels, self.regions, plan.cuts) if len(self.regions) > 1 else np.array([plan.cuts])

    def learn(self, loss_db: float, limit: int | None = None) -> Quantised:
        """The picture's splats on their grids.

        loss_db: what rounding may cost. limit: bytes of the whole file; rounding is then as fine as that allows.
        """
        done: list[tuple[QuantisedSplats, ...]] = []
        grids: tuple[Grid, ...] | None = self._stored_grids()
        for number, region in enumerate(self.regions):
            chunks = self._stored(number)
            if chunks is None:
                layers, objective = self._fit(number, region, done, grids)
                if grids is None:
                    grids = self._choose_grids(layers, objective.picture, loss_db, limit)
                left, top, _, _ = region.window
                canvas = replace(self.canvas, left=left, top=top)
                report = self._stage(number, FIT_SHARE, 1 - FIT_SHARE)
                chunks = finish(layers, objective, grids, canvas, self.settings.seed, report).chunks
                self._store(number, chunks, grids)
            done.append(chunks)
        assert grids is not None
        merged = tuple(_concatenate([chunks[k] for chunks in done]) for k in range(len(grids)))
        return Quantised(merged, grids)

    def _fit(
        self, number: int, region: Region, done: list[tuple[QuantisedSplats, ...]], grids: tuple[Grid, ...] | None
    ) -> tuple[Layers, Objective]:
        left, top, right, bottom = region.window
        picture = np.ascontiguousarray(self.pixels[top:bottom, left:right])
        plan = Plan(tuple(int(n) for n in self._cuts[number]), self.plan.levels)
        settings = replace(self.settings, levels=tuple(plan.cuts[k] for k in plan.level_ends))
        if settings.seconds is not None:
            settings = replace(settings, seconds=settings.seconds * plan.splats / int(self._cuts[:, -1].sum()))
        background = self._background(region, done, grids) if done and grids else None
        name = f"{self._name}.fit{number}"
        stored = self._checkpoint.part(name) if self._checkpoint else None
        if stored is not None:
            splats = Splats2D(stored["xy"], stored["chol"], stored["color"])
            layers = Layers(splats, plan, picture.shape[1], picture.shape[0])
        else:
            layers = fit_image(
                picture,
                settings,
                report=self._stage(number, 0, FIT_SHARE),
                checkpoint=self._checkpoint,
                plan=plan,
                background=background,
            )
            if self._checkpoint:
                found = layers.splats
                self._checkpoint.finish_part(name, {"xy": found.xy, "chol": found.chol, "color": found.color})
        return layers, Objective(picture, plan, settings, background)

    def _background(
        self, region: Region, done: list[tuple[QuantisedSplats, ...]], grids: tuple[Grid, ...]
    ) -> Background:
        """The finished neighbours' splats that reach into the region's window, on the window's canvas."""
        left, top, right, bottom = region.window
        parts, chunk = [Splats2D.empty(self.channels)], [np.zeros(0, np.int32)]
        for chunks in done:
            for k, (q, grid) in enumerate(zip(chunks, grids, strict=True)):
                splats = dequantise(q, grid)
                reach = 3.4 * np.stack([splats.chol[:, 0], np.hypot(splats.chol[:, 1], splats.chol[:, 2])], axis=1)
                inside = np.all((splats.xy + reach > (left, top)) & (splats.xy - reach < (right, bottom)), axis=1)
                near = splats[inside]
                parts.append(Splats2D(near.xy - np.array([left, top], np.float32), near.chol, near.color))
                chunk.append(np.full(len(near), k, np.int32))
        return Background(Splats2D.concatenate(parts), np.concatenate(chunk))

    def _choose_grids(
        self, layers: Layers, picture: Float32Array, loss_db: float, limit: int | None
    ) -> tuple[Grid, ...]:
        canvas = Canvas(layers.width, layers.height)
        step = choose_color_step(layers, picture, loss_db)
        if limit is not None:
            # The first region stands for all of them.
            room = (limit - FILE_BYTES) * layers.plan.splats / self.plan.splats
            low, high = 0, min(step + 16, 80)
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

    def _stage(self, number: int, start: float, share: float) -> Report | None:
        """Turns a part's progress into that of the whole."""
        report = self._report
        if report is None:
            return None

        def tell(part: Progress) -> None:
            before = (number + start) / len(self.regions)
            done = before + part.fraction * share / len(self.regions)
            left = part.seconds_left
            if left is not None and part.fraction < 1:
                left = left / (1 - part.fraction) * (1 - done) * len(self.regions) / share
            report(Progress(part.stage, done, part.psnr_db, left))

        return tell

    def _stored_grids(self) -> tuple[Grid, ...] | None:
        stored = self._checkpoint.part(f"{self._name}.grids") if self._checkpoint else None
        if stored is None:
            return None
        return tuple(Grid(int(step), int(exponent)) for step, exponent in stored["grids"])

    def _stored(self, number: int) -> tuple[QuantisedSplats, ...] | None:
        stored = self._checkpoint.part(f"{self._name}.region{number}") if self._checkpoint else None
        if stored is None:
            return None
        fields = [stored[name] for name in QuantisedSplats.__dataclass_fields__]
        whole = QuantisedSplats(*fields)
        return tuple(whole[np.flatnonzero(stored["chunk"] == k)] for k in range(len(self.plan.cuts)))

    def _store(self, number: int, chunks: tuple[QuantisedSplats, ...], grids: tuple[Grid, ...]) -> None:
        if not self._checkpoint:
            return
        whole = _concatenate(list(chunks))
        arrays: dict[str, NDArray[Any]] = {name: getattr(whole, name) for name in QuantisedSplats.__dataclass_fields__}
        arrays["chunk"] = np.repeat(np.arange(len(chunks)), [len(chunk) for chunk in chunks])
        self._checkpoint.drop_part(f"{self._name}.fit{number}")
        steps = np.array([(g.color_step, g.exponent) for g in grids])
        self._checkpoint.finish_part(f"{self._name}.grids", {"grids": steps})
        self._checkpoint.finish_part(f"{self._name}.region{number}", arrays)


def _concatenate(parts: list[QuantisedSplats]) -> QuantisedSplats:
    return QuantisedSplats(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in QuantisedSplats.__dataclass_fields__)
    )
