"""What a fit of an avatar minimises in one view: the errors of nested prefixes, and splats that leave their faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.errors import SettingsError
from sfumato.kernels.loss import SSIM_WEIGHT, l1_ssim
from sfumato.kernels.splats3d import Gradient3D, Rendering3D, Shot
from sfumato.media.avatar.forest import Bools, Floats, Forest
from sfumato.media.avatar.growth import Stream
from sfumato.media.avatar.model import Avatar, Parameters, Part, Pose
from sfumato.splats import Float32Array, Splats3D

BASE_SHARE = 0.5
"""How often the prefix that is compared is level 1: everybody sees the base. Never is 1.8 dB worse there on a synthetic
head of 2,400 faces, and no better in the end."""

WHOLE_WEIGHT = 0.8
"""Of the whole's error beside a prefix's. On a synthetic head of 3,700 faces and 9,200 splats the whole is then 0.05 dB
worse than after a fit that looks at nothing else, and 0.5 dB with a weight of 0.5; level 1 loses 0.06 dB by it."""


@dataclass(frozen=True)
class ObjectiveSettings:
    """How errors are weighed. ProgressiveAvatars' numbers are not known; these are the defaults of the program that
    GaussianAvatars (arXiv 2312.02069) released. Its scale of a face is the mean of an edge and a height, so that its
    limits are a little tighter.

    ssim_weight: share of SSIM beside L1, 0..1. Means over the splats that are seen: of how much offsets are longer than
    `offset_limit`, times `offset_weight`; of how much scales are larger than `scale_limit` (the length of what the
    three are in excess), times `scale_weight`; both in units of their faces' scale.
    """

    ssim_weight: float = SSIM_WEIGHT
    offset_weight: float = 0.01
    offset_limit: float = 1.0
    scale_weight: float = 1.0
    scale_limit: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.ssim_weight <= 1:
            raise SettingsError(f"cannot fit an avatar: ssim_weight: it is in 0..1, not {self.ssim_weight!r}")
        for name in ("offset_weight", "offset_limit", "scale_weight", "scale_limit"):
            if not 0 <= getattr(self, name) < np.inf:
                raise SettingsError(f"cannot fit an avatar: {name}: it is 0 or more, not {getattr(self, name)!r}")


class Drawn(Protocol):
    """One picture, and the way back from it."""

    rendering: Rendering3D

    def gradient(self, d_color: Float32Array) -> Gradient3D:
        """From the gradient for colours, [H, W, 3], to those for the splats."""


class Draw(Protocol):
    """`splats3d.Shot`, or what does the same elsewhere."""

    def __call__(self, splats: Splats3D, camera: Camera, *, background: ArrayLike | None = None) -> Drawn:
        """The picture of splats over a background."""


@dataclass(frozen=True, eq=False)
class Supervised:
    """A prefix to compare with a picture. shown: [N], its faces; None is all of them. weight: of its error, > 0."""

    shown: Bools | None
    weight: float


@dataclass(frozen=True, eq=False)
class Objective:
    """What `objective` found.

    value: the loss. gradient: for the parameters. mesh: [V, 3], for the vertices. errors: `l1_ssim` of each prefix.
    screen: [N], how hard the splats of the last prefix are pulled on the screen by its error alone, whatever its
    weight, for `growth.Pull`.
    """

    value: float
    gradient: Parameters
    mesh: Floats
    errors: tuple[float, ...]
    screen: Float32Array


def objective(
    avatar: Avatar,
    mesh: Floats,
    camera: Camera,
    picture: Float32Array,
    prefixes: Sequence[Supervised],
    *,
    background: ArrayLike = (1.0, 1.0, 1.0),
    settings: ObjectiveSettings | None = None,
    draw: Draw = Shot,
) -> Objective:
    """The loss of an avatar on a mesh [V, 3] in one view, and its gradient.

    picture: [H, W, 3], 0..1, over the background. prefixes: at least one. draw: makes what draws them.
    """
    settings = settings or ObjectiveSettings()
    pose = Pose(avatar, mesh)
    value, errors, parts = 0.0, [], []
    for prefix in prefixes:
        part = pose.part(prefix.shown)
        shot = draw(part.splats, camera, background=background)
        loss = l1_ssim(shot.rendering.color, picture, weight=settings.ssim_weight)
        errors.append(loss.value)
        parts.append((part, shot.gradient(np.float32(prefix.weight) * loss.gradient)))
        value += prefix.weight * loss.value
    gradient, d_mesh = pose.gradient(parts)
    for prefix, (part, found) in zip(prefixes, parts, strict=True):
        value += _restrain(pose, part, found.screen > 0, settings, prefix.weight, gradient)
    screen = np.zeros(len(avatar), np.float32)
    screen[parts[-1][0].rows] = parts[-1][1].screen / np.float32(prefixes[-1].weight)
    return Objective(value, gradient, d_mesh, tuple(errors), screen)


def _restrain(
    pose: Pose, part: Part, seen: Bools, settings: ObjectiveSettings, weight: float, gradient: Parameters
) -> float:
    """What the splats that are `seen` [n] cost for leaving their faces; adds to the gradient what keeps them there."""
    share = weight / max(1, int(seen.sum()))
    reach = np.sqrt(np.sum(part.offset**2, axis=0))
    beyond = seen * np.maximum(reach - settings.offset_limit, 0)
    excess = seen * np.maximum(part.size - settings.scale_limit, 0)
    length = np.sqrt(np.sum(excess**2, axis=0))
    pull = settings.offset_weight * share * (beyond > 0) / np.where(reach > 0, reach, 1)
    squeeze = settings.scale_weight * share * excess / np.where(length > 0, length, 1)
    pose.add(gradient, part, offset=(pull * part.offset).T, log_scale=(squeeze * part.size).T)
    return share * float(settings.offset_weight * beyond.sum() + settings.scale_weight * length.sum())


def all_levels(forest: Forest) -> list[Supervised]:
    """Every level with all above it, of equal weights of sum 1 (ProgressiveAvatars)."""
    depth = forest.depth
    return [Supervised(forest.up_to(level) if level < depth else None, 1 / depth) for level in range(1, depth + 1)]


def one_prefix(stream: Stream, rng: np.random.Generator) -> list[Supervised]:
    """A prefix of the stream and the whole, of weights of sum 1; the prefix is level 1 or ends with a random chunk.

    Two pictures a step, however deep the forest is (after P-GSVC, arXiv 2603.10551, there with levels in turn).
    """
    if len(stream.chunks) == 1:
        return [Supervised(None, 1.0)]
    count = stream.levels.count(1)
    if count == len(stream.chunks) or rng.uniform() >= BASE_SHARE:
        count = int(rng.integers(1, len(stream.chunks)))
    return [Supervised(stream.prefix(count), 1 - WHOLE_WEIGHT), Supervised(None, WHOLE_WEIGHT)]
