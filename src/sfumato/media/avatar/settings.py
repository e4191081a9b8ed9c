"""How to fit an avatar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sfumato.errors import SettingsError
from sfumato.media.avatar.forest import MAX_DEPTH

SPLATS_PER_FACE = 2.5
"""Splats of an avatar by default, for each face of its template: about 4 pixels each in the published captures."""

STEPS = 3000
"""By default; a head of 2,400 faces and 6,000 splats at 256 x 374 gains 0.3 dB from twice as many."""

MOST_SPLATS, MOST_SECONDS = 1_000_000, 7 * 86_400


@dataclass(frozen=True)
class AvatarSettings:
    """What the user wants, and switches by which to see what each part of a fit is worth.

    splats: how many at most; by default `SPLATS_PER_FACE` for each face. Every face of the template has one.
    steps: of the fit; ignored where `seconds` is given. seconds: for the fit; two runs differ then.
    sh_degree: of the spherical harmonics, 0..3. depth: levels of the forest, at most.
    scale: of the pictures' sides, 1/16..1: smaller ones are fitted faster.
    seed: makes a run of `steps` reproducible on one machine and thread count.
    attention: how many times more the eyes and the mouth count in the order of the stream and in the growth of the
        forest, 1..100.
    tune_meshes: whether the meshes of the training frames move with the fit, each as its rig can move it.
    device: "cpu", or "cuda" for a GPU with gsplat, which pays for many splats and large pictures.
    rig_by_reference: the file names the rig and holds none of its shapes.
    supervise: "prefixes" of the stream, whole "levels", or the "whole" avatar alone.
    patches: whether a split may change what it is made on.
    growth: splits where splats are "pulled" on the screen, or "uniform" ones.
    """

    splats: int | None = None
    steps: int = STEPS
    seconds: float | None = None
    sh_degree: int = 1
    depth: int = MAX_DEPTH
    scale: float = 1.0
    seed: int = 0
    attention: float = 1.0
    tune_meshes: bool = False
    device: Literal["cpu", "cuda"] = "cpu"
    rig_by_reference: bool = False
    supervise: Literal["prefixes", "levels", "whole"] = "prefixes"
    patches: bool = True
    growth: Literal["pulled", "uniform"] = "pulled"

    def __post_init__(self) -> None:
        for name, value, good, range_ in (
            ("splats", self.splats, self.splats is None or 1 <= self.splats <= MOST_SPLATS, f"1 to {MOST_SPLATS:,}"),
            ("steps", self.steps, 1 <= self.steps <= 10_000_000, "1 to 10,000,000"),
            ("seconds", self.seconds, self.seconds is None or 0 < self.seconds <= MOST_SECONDS, "more than 0"),
            ("sh_degree", self.sh_degree, self.sh_degree in (0, 1, 2, 3), "0, 1, 2 or 3"),
            ("depth", self.depth, 1 <= self.depth <= 16, "1 to 16"),
            ("scale", self.scale, 1 / 16 <= self.scale <= 1, "1/16 to 1"),
            ("seed", self.seed, 0 <= self.seed < 2**63, "0 to 2^63 - 1"),
            ("attention", self.attention, 1 <= self.attention <= 100, "1 to 100"),
            ("device", self.device, self.device in ("cpu", "cuda"), "cpu or cuda"),
            ("supervise", self.supervise, self.supervise in ("prefixes", "levels", "whole"), "a known way"),
            ("growth", self.growth, self.growth in ("pulled", "uniform"), "a known way"),
        ):
            if not good:
                raise SettingsError(f"cannot fit an avatar with {name} = {value!r}: it must be {range_}")
