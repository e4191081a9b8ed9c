"""Where an avatar gets more splats, and in which order they are sent.

Faces are split where the centres of their splats are pulled hardest on the screen (ProgressiveAvatars, arXiv
2603.16447, after 3DGS, arXiv 2308.04079). What a face is worth is the sum of its splat's alpha times transmittance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sfumato.camera import Camera
from sfumato.kernels.splats3d import importance
from sfumato.media.avatar.forest import Bools, Floats, Forest, Ints, Split
from sfumato.media.avatar.frames import conjugate, frames, product
from sfumato.media.avatar.model import FACE_FIELDS, SPLIT_FIELDS, Avatar, Parameters, Pose

PULL_THRESHOLD = 2e-4
"""Mean norm of a splat's gradient on the screen, as in `Gradient3D.screen`, above which its face is split
(`densify_grad_threshold` of 3DGS and GaussianAvatars; ProgressiveAvatars gives none)."""

CHILD_SIZE = 0.8
"""Of a parent's size in its plane. Of sizes between 0.58 (three children cover one parent) and 0.95 this changes
pictures least: if all faces of a textured sphere are split at once, pictures before and after have a PSNR of 33..44 dB,
the less the more opaque the parents are."""

CHILD_SHARE = 0.5
"""Of the light that a parent stops, what its children take over where there are patches. More would free the parent
more, and change the picture more; 0.5 is a first choice."""

ADDED_SHARE = 0.1
"""Where there are none, what children stop beside their parent, which stays as it is."""

FAINTEST = 0.02
"""Opacity of new splats, at least: below 1/255 they would not be drawn, and never learn."""

CHUNK_SPLATS = 640
"""Splats of a chunk, at most: an avatar of 20,000 comes in 32 steps or more."""


class Pull:
    """How hard the splats of an avatar's faces are pulled on the screen, over the views since the last growth."""

    def __init__(self, forest: Forest) -> None:
        self.total, self.views = np.zeros(len(forest)), np.zeros(len(forest))

    def add(self, screen: Floats) -> None:
        """Take in one view: `Objective.screen` [N]."""
        self.total += screen
        self.views += screen > 0

    @property
    def mean(self) -> Floats:
        """[N], mean norm over the views in which each face's splat was seen; 0 if in none."""
        return self.total / np.maximum(self.views, 1)


def chosen(
    forest: Forest,
    pull: Floats,
    level: int | None,
    *,
    depth: int | None = None,
    threshold: float = PULL_THRESHOLD,
    budget: int | None,
) -> Ints:
    """The leaves of a level, ascending, whose pull [N] is above the threshold; level None: of all that may be split.

    depth: levels that there may be after it, if fewer than the forest allows. budget: splats that the avatar may have
    after it; the hardest pulled leaves come first. None is no limit.
    """
    leaves = forest.leaves(level)
    leaves = leaves[forest.levels()[leaves] < min(forest.max_depth, depth or forest.max_depth)]
    leaves = leaves[pull[leaves] > threshold]
    room = len(leaves) if budget is None else max(0, (budget - len(forest)) // 3)
    return np.sort(leaves[np.argsort(-pull[leaves], kind="stable")[:room]])


def uniform(forest: Forest, budget: int, rng: np.random.Generator) -> Ints:
    """Leaves of the first level that has any, all or as many random ones as the budget of splats allows: for ablations.

    Split them and ask again until there are none.
    """
    room = max(0, (budget - len(forest)) // 3)
    for level in range(1, min(forest.depth, forest.max_depth - 1) + 1):
        leaves = forest.leaves(level)
        if len(leaves):
            return np.sort(rng.choice(leaves, min(room, len(leaves)), replace=False))
    return np.zeros(0, np.intp)


def grow(avatar: Avatar, faces: Ints, mesh: Floats, *, patched: bool) -> tuple[Avatar, Split]:
    """The avatar with these leaves [n] split, looking as much as before as it can; and what came from where.

    Children are coloured and turned like their parent, `CHILD_SIZE` as large across its shortest axis, and lie as far
    off their face as it does, on `mesh` [V, 3]. With `patched`, a patch makes the parent let more light through, as
    much as they stop; else the parent stays and they are faint.
    """
    split = avatar.forest.split(faces)
    forest, given = split.forest, avatar.parameters
    values = {name: split.of_faces(getattr(given, name)) for name in FACE_FIELDS}
    values |= {name: split.of_splits(getattr(given, name)) for name in SPLIT_FIELDS}
    grown = Parameters(**values)
    new = np.flatnonzero(split.from_split < 0)
    children = forest.children(new).ravel()
    parents = np.repeat(split.from_face[forest.is_split[new]], 3)  # in the avatar as it was, of every child
    pose = Pose(avatar, mesh)
    part = pose.part()
    made = frames(forest.vertices(mesh, grown.point), forest.faces[children])
    size = part.scale[:, parents].copy()
    thin = size.argmin(axis=0)
    size *= np.where(np.arange(3)[:, None] == thin, 1, CHILD_SIZE)
    off = part.mean[:, parents] - pose.frames.centroid[:, parents]
    grown.offset[children] = (np.einsum("kcn,cn->kn", made.axes, off) / made.scale).T
    grown.rotation[children] = product(conjugate(made.quaternion), part.quaternion[:, parents]).T
    grown.log_scale[children] = np.log(size / made.scale).T
    grown.sh[children] = part.sh[parents]
    stops, share = part.opacity[parents], CHILD_SHARE if patched else ADDED_SHARE
    left = (1 - share) * stops if patched else stops
    # Stopped in all: left + children - what both would stop, half of their product for Gaussians of one size.
    child = share * stops / (3 * CHILD_SIZE**2 * (1 - left / 2))
    grown.opacity[children] = _logit(np.maximum(child, FAINTEST))
    if patched:
        grown.patch_opacity[new] = (_logit(left) - given.opacity[parents])[::3]
    return Avatar(forest, grown), split


def _logit(opacity: Floats) -> Floats:
    opacity = np.clip(opacity, 1e-4, 0.99)
    found: Floats = np.log(opacity / (1 - opacity))
    return found


def worth(avatar: Avatar, views: Iterable[tuple[Floats, Iterable[Camera]]]) -> Floats:
    """[N], each face's sum of alpha times transmittance over pictures of meshes [V, 3] from some cameras each."""
    total = np.zeros(len(avatar))
    for mesh, cameras in views:
        total += importance(avatar.posed(mesh), cameras)
    return total


@dataclass(frozen=True, eq=False)
class Stream:
    """In which order the faces of a forest are sent.

    chunks: the faces of each chunk, ascending; siblings are in one. levels: the level of each chunk, never falling.
    """

    forest: Forest
    chunks: tuple[Ints, ...]
    levels: tuple[int, ...]

    def prefix(self, count: int) -> Bools:
        """[N], the faces of the first chunks."""
        shown = np.zeros(len(self.forest), bool)
        for faces in self.chunks[:count]:
            shown[faces] = True
        return shown


def stream(forest: Forest, worth: Floats, chunk_splats: int = CHUNK_SPLATS) -> Stream:
    """Level after level, inside a level what is worth [N] most first, in chunks of about equal size, `chunk_splats`
    at most.

    Below level 1 siblings stay together and count with their sum. A chunk needs no order of its own.
    """
    if worth.shape != (len(forest),) or chunk_splats < 3:
        raise ValueError(f"a stream needs worth [{len(forest)}] and chunks of 3 splats or more")
    chunks: list[Ints] = []
    levels: list[int] = []
    for level in range(1, forest.depth + 1):
        among = forest.level(level)
        size = 1 if level == 1 else 3
        families = np.arange(among.start, among.stop).reshape(-1, size)
        order = np.argsort(-worth[families].sum(axis=1), kind="stable")
        parts = np.array_split(order, -(-len(order) // (chunk_splats // size)))
        chunks += [families[np.sort(part)].ravel() for part in parts]
        levels += [level] * len(parts)
    return Stream(forest, tuple(chunks), tuple(levels))
