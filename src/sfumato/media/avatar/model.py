"""What an avatar is: splats that live in the frames of faces, and the way from gradients of posed splats back to them.

With a face's frame (R, t, s) the splat with offset d, rotation Q and scale S of its own is, posed, at `s R d + t`,
turned by `R Q` and of size `s S` (ProgressiveAvatars, arXiv 2603.16447; GaussianAvatars, arXiv 2312.02069). Colours
depend on the direction in the axes of the mesh's world: as in both papers they do not turn with the face.

A split carries a patch: what its three children, once they are shown, add to the opacity, scale and colour of their
parent. The three always come together and a face is split at most once, so that no two patches meet. Without patches
each level only lies on top of the others; with them a coarse level can be at its best alone and still right beneath
the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sfumato.kernels.splats3d import Gradient3D
from sfumato.media.avatar.forest import Bools, Floats, Forest, Ints
from sfumato.media.avatar.frames import conjugate, cross, dot, frames, frames_gradient, product
from sfumato.splats import SH_C0, SH_COEFFICIENTS, Splats3D

# What a fit starts from: flat splats that meet at about half their height in the middle of their faces' edges.
START_SCALE, START_THICKNESS, START_OPACITY = 0.35, 0.1, 0.5

FACE_FIELDS = ("offset", "rotation", "log_scale", "opacity", "sh")
SPLIT_FIELDS = ("point", "patch_opacity", "patch_log_scale", "patch_color")
PATCHES = {"opacity": "patch_opacity", "log_scale": "patch_log_scale", "sh": "patch_color"}


@dataclass(frozen=True, eq=False)
class Parameters:
    """The numbers that a fit changes and a file stores, or gradients for them; all float32 or all float64.

    One row for each face (`FACE_FIELDS`), in the face's frame: offset [N, 3] in units of the frame's scale; rotation
    [N, 4], quaternions w, x, y, z of any length but 0; log_scale [N, 3], natural logarithms of the standard deviations
    in units of the frame's scale; opacity [N], logits; sh [N, K, 3] with K = 1, 4, 9 or 16, see `Splats3D`.
    One row for each split (`SPLIT_FIELDS`): point [S, 3], logits of the barycentric weights; patch_opacity [S],
    patch_log_scale [S, 3], patch_color [S, 3], to be added to the parent's opacity, log_scale and constant harmonic.
    """

    offset: Floats
    rotation: Floats
    log_scale: Floats
    opacity: Floats
    sh: Floats
    point: Floats
    patch_opacity: Floats
    patch_log_scale: Floats
    patch_color: Floats

    @classmethod
    def shapes(cls, faces: int, splits: int, coefficients: int) -> dict[str, tuple[int, ...]]:
        """The shape of every field."""
        own: list[tuple[int, ...]] = [(3,), (4,), (3,), (), (coefficients, 3)]
        added: list[tuple[int, ...]] = [(3,), (), (3,), (3,)]
        return {name: (faces, *rest) for name, rest in zip(FACE_FIELDS, own, strict=True)} | {
            name: (splits, *rest) for name, rest in zip(SPLIT_FIELDS, added, strict=True)
        }

    @classmethod
    def zeros(cls, faces: int, splits: int, sh_degree: int, dtype: Any = np.float32) -> Parameters:
        """All zero: what gradients are added to."""
        shapes = cls.shapes(faces, splits, SH_COEFFICIENTS[sh_degree])
        return cls(**{name: np.zeros(shape, dtype) for name, shape in shapes.items()})


@dataclass(frozen=True, eq=False)
class Avatar:
    """A forest and the splats on it, one on each face. ValueError if the parameters are not of the forest's shape."""

    forest: Forest
    parameters: Parameters

    def __post_init__(self) -> None:
        coefficients = self.parameters.sh.shape[1] if self.parameters.sh.ndim == 3 else 0
        if coefficients not in SH_COEFFICIENTS:
            raise ValueError(f"sh has {', '.join(map(str, SH_COEFFICIENTS))} coefficients, not {coefficients}")
        for name, shape in Parameters.shapes(len(self.forest), self.forest.splits, coefficients).items():
            if getattr(self.parameters, name).shape != shape:
                raise ValueError(f"{name} is {list(shape)}, not {list(getattr(self.parameters, name).shape)}")

    def __len__(self) -> int:
        return len(self.forest)

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0..3."""
        return SH_COEFFICIENTS.index(self.parameters.sh.shape[1])

    @classmethod
    def start(cls, forest: Forest, sh_degree: int = 0, color: Floats | None = None) -> Avatar:
        """Flat grey splats for a fit to begin with; color: [N, 3] in 0..1 if something is known."""
        begun = Parameters.zeros(len(forest), forest.splits, sh_degree)
        begun.rotation[:, 0] = 1
        begun.log_scale[:] = np.log([START_SCALE, START_SCALE, START_THICKNESS])
        begun.opacity[:] = np.log(START_OPACITY / (1 - START_OPACITY))
        if color is not None:
            begun.sh[:, 0] = (color - 0.5) / SH_C0
        return cls(forest, begun)

    def posed(self, mesh: Floats, shown: Bools | None = None) -> Splats3D:
        """The splats on a mesh with vertices [V, 3], in the order of the faces: all, or those `shown` [N].

        Siblings are shown together, and with their parent: ValueError if not. To get gradients use `Pose`.
        """
        return Pose(self, mesh).part(shown).splats


@dataclass(frozen=True, eq=False)
class Part:
    """Posed splats of n faces and what they are made of. Components come first, but for sh.

    rows: which faces. splits: which splits' patches are in force. Of the face's frame: offset [3, n], rotation [4, n]
    (of length 1; `length` [n] is what it was) and size [3, n]. Of the world: mean [3, n], quaternion [4, n] and scale
    [3, n]. opacity: [n], 0..1. sh: [n, K, 3].
    """

    rows: slice | Ints
    splits: slice | Ints
    offset: Floats
    rotation: Floats
    length: Floats
    size: Floats
    mean: Floats
    quaternion: Floats
    scale: Floats
    opacity: Floats
    sh: Floats

    @property
    def splats(self) -> Splats3D:
        """What is to be drawn."""
        parts = (self.mean.T, self.quaternion.T, self.scale.T, self.opacity, self.sh)
        return Splats3D(*(np.ascontiguousarray(part, np.float32) for part in parts))


class Pose:
    """An avatar on one state of its mesh, vertices [V, 3]: splats, and the way back from their gradients."""

    def __init__(self, avatar: Avatar, mesh: Floats) -> None:
        self.avatar = avatar
        self.vertices = avatar.forest.vertices(mesh, avatar.parameters.point)  # [V + S, 3]
        self.frames = frames(self.vertices, avatar.forest.faces)

    def part(self, shown: Bools | None = None) -> Part:
        """The splats of all faces or of those `shown` [N], see `Avatar.posed`."""
        given, made = self.avatar.parameters, self.frames
        rows, splits = self._which(shown)
        log_scale, opacity, sh = self._patched(splits)
        rotation, offset, size = given.rotation[rows].T, given.offset[rows].T, np.exp(log_scale[rows].T)
        length = np.sqrt(dot(rotation, rotation))
        rotation = rotation / length
        axes, scale = made.axes[:, :, rows], made.scale[rows]
        return Part(
            rows,
            splits,
            offset,
            rotation,
            length,
            size,
            scale * np.einsum("kcn,kn->cn", axes, offset) + made.centroid[:, rows],
            product(made.quaternion[:, rows], rotation),
            scale * size,
            0.5 + 0.5 * np.tanh(0.5 * opacity[rows]),  # the logistic function, of any number without overflow
            sh[rows],
        )

    def gradient(self, parts: Iterable[tuple[Part, Gradient3D]]) -> tuple[Parameters, Floats]:
        """Gradients for the parameters and the mesh [V, 3], summed over parts with gradients for their splats."""
        forest, given = self.avatar.forest, self.avatar.parameters
        total = Parameters.zeros(len(forest), forest.splits, self.avatar.sh_degree, given.offset.dtype)
        dtype = self.vertices.dtype
        torque, d_centroid = np.zeros((3, len(forest)), dtype), np.zeros((3, len(forest)), dtype)
        d_scale = np.zeros(len(forest), dtype)
        for part, found in parts:
            rows = part.rows
            d_mean, d_size, d_turn = found.mean.T, found.scale.T, found.rotation.T
            axes, quaternion = self.frames.axes[:, :, rows], self.frames.quaternion[:, rows]
            scale, centroid = self.frames.scale[rows], self.frames.centroid[:, rows]
            arm = part.mean - centroid
            d_rotation = product(conjugate(quaternion), d_turn)
            d_rotation = (d_rotation - part.rotation * dot(d_rotation, part.rotation)) / part.length
            self.add(
                total,
                part,
                offset=(scale * np.einsum("kcn,cn->kn", axes, d_mean)).T,
                rotation=d_rotation.T,
                log_scale=(d_size * part.scale).T,
                opacity=found.opacity * part.opacity * (1 - part.opacity),
                sh=found.sh,
            )
            torque[:, rows] += cross(arm, d_mean) + 0.5 * product(d_turn, conjugate(part.quaternion))[1:]
            d_centroid[:, rows] += d_mean
            d_scale[rows] += dot(d_mean, arm) / np.where(scale > 0, scale, 1) + dot(d_size, part.size)
        d_vertices = frames_gradient(self.frames, forest.faces, len(self.vertices), torque, d_centroid, d_scale)
        d_mesh, d_point = forest.vertices_gradient(self.vertices, given.point, d_vertices)
        total.point[:] = d_point
        return total, d_mesh

    def add(self, total: Parameters, part: Part, **found: Floats) -> None:
        """Adds gradients for fields of a part's n faces, as they are with patches in force, to a total."""
        parents = self.avatar.forest.is_split[part.splits]
        at = parents if isinstance(part.rows, slice) else np.searchsorted(part.rows, parents)
        for name, values in found.items():
            getattr(total, name)[part.rows] += values
            if name in PATCHES:
                getattr(total, PATCHES[name])[part.splits] += values[at, 0] if name == "sh" else values[at]

    def _which(self, shown: Bools | None) -> tuple[slice | Ints, slice | Ints]:
        """The faces that are shown and the splits whose children are."""
        forest = self.avatar.forest
        if shown is None:
            return slice(None), slice(None)
        if shown.shape != (len(forest),) or shown.dtype != bool:
            raise ValueError(f"what is shown is a mask [{len(forest)}], not {shown.dtype} {list(shown.shape)}")
        siblings = shown[len(forest.roots) :].reshape(-1, 3)
        if (siblings != siblings[:, :1]).any():
            raise ValueError("the three children of a face are shown together or not at all")
        splits = np.flatnonzero(siblings[:, 0])
        if not shown[forest.is_split[splits]].all():
            raise ValueError("children are shown with their parent only")
        return np.flatnonzero(shown), splits

    def _patched(self, splits: slice | Ints) -> tuple[Floats, Floats, Floats]:
        """log_scale, opacity and sh of all faces, with the patches of these splits."""
        given, parents = self.avatar.parameters, self.avatar.forest.is_split[splits]
        log_scale, opacity, sh = given.log_scale, given.opacity, given.sh
        if len(parents):
            log_scale, opacity = log_scale.copy(), opacity.copy()
            log_scale[parents] += given.patch_log_scale[splits]
            opacity[parents] += given.patch_opacity[splits]
        if given.patch_color[splits].any():
            sh = sh.copy()
            sh[parents, 0] += given.patch_color[splits]
        return log_scale, opacity, sh
