"""A mesh of fixed topology that shapes (expressions, identities) and joints (linear blend skinning) move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.errors import SettingsError
from sfumato.rig.arkit import ARKIT_NAMES, Response
from sfumato.rig.checks import check_rig, checked_array, common_frames, listed, numbers
from sfumato.rig.fingerprint import fingerprint_of
from sfumato.rig.skinning import joint_transforms, rotation_matrices

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]

_DTYPES: dict[str, type[np.generic]] = {
    **dict.fromkeys(("vertices", "shapes", "joints", "skin", "joint_regressor", "correctives", "uv"), np.float32),
    **dict.fromkeys(("faces", "parents", "uv_faces"), np.int32),
    "region": np.uint8,
}


@dataclass(frozen=True, eq=False)
class Rig:
    """A face, head or other mesh that can be posed.

    Axes of a model: x to the person's left, y up, z to where the face looks; metres. In these axes a positive turn
    about x nods down (or opens a jaw), about y looks to the person's left, about z tilts the head to the right.

    vertices: float32 [V, 3], the neutral. faces: int32 [F, 3], counterclockwise seen from outside.
    shape_names: K different names. shapes: float32 [K, V, 3], what each adds to the neutral at weight 1.
    joint_names: J >= 1 different names. parents: int32 [J], -1 for joint 0, for any other one that comes before it.
    joints: float32 [J, 3], where the joints of the neutral lie; all of them have the axes of the model at rest.
    skin: float32 [V, J], how much each joint moves each vertex; not negative, rows sum to 1.
    joint_regressor: float32 [J, V]; joints move with the shapes by regressor @ (shaped - neutral). None: they stay.
    correctives: float32 [9 (J - 1), V, 3], added before skinning in proportion to the entries, row by row, of R_j - 1
        of the joints 1..J-1 (pose blend shapes of SMPL, doi 10.1145/2816795.2818013). None: there are none.
    uv: float32 [U, 2], 0..1 with v up, and uv_faces: int32 [F, 3] into it; both None if there are none.
    regions: names of parts, and region: uint8 [V], which of them each vertex belongs to; () and None if unknown.
    arkit: what each of `ARKIT_NAMES` does; those that the rig cannot show are missing.

    Raises: SettingsError that names the field: a wrong shape, a value that is not finite, an index out of range.
    """

    vertices: Float32Array
    faces: Int32Array
    shape_names: tuple[str, ...]
    shapes: Float32Array
    joint_names: tuple[str, ...]
    parents: Int32Array
    joints: Float32Array
    skin: Float32Array
    joint_regressor: Float32Array | None = None
    correctives: Float32Array | None = None
    uv: Float32Array | None = None
    uv_faces: Int32Array | None = None
    regions: tuple[str, ...] = ()
    region: NDArray[np.uint8] | None = None
    arkit: Mapping[str, Response] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, dtype in _DTYPES.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checked_array(name, getattr(self, name), dtype))
        check_rig(self)

    @classmethod
    def rigid(cls, vertices: ArrayLike, faces: ArrayLike, **others: Any) -> Rig:
        """A mesh with no shapes and one joint, `root`, in the origin; `others` are further fields of a rig."""
        count = len(np.asarray(vertices))
        return cls(
            **{
                "vertices": vertices, "faces": faces, "shape_names": (), "shapes": np.zeros((0, count, 3)),
                "joint_names": ("root",), "parents": [-1], "joints": np.zeros((1, 3)), "skin": np.ones((count, 1)),
            } | others
        )  # fmt: skip

    def pose(
        self,
        weights: Mapping[str, ArrayLike] | ArrayLike | None = None,
        rotations: Mapping[str, ArrayLike] | None = None,
        translation: ArrayLike | None = None,
    ) -> Float32Array:
        """The vertices of the posed mesh, float32 [V, 3]; of T meshes, [T, V, 3], if any argument has T rows.

        weights: by name of the shape a number or [T], or all of them, [K] or [T, K]; shapes not named have weight 0.
        rotations: by name of the joint its rotation relative to its parent, as axis-angle in radians [3] or [T, 3]
            about the axes of the model at rest (see `axis_angle`). Joint 0 turns the whole mesh about its own place.
        translation: metres [3] or [T, 3], added last.

        Without any of them the result is the neutral, bit for bit. Raises: SettingsError that names the argument.
        """
        return self._posed(self._weights(weights), _turns(rotations or {}, self.joint_names), translation)

    def drive(
        self,
        arkit: Mapping[str, ArrayLike],
        rotations: Mapping[str, ArrayLike] | None = None,
        translation: ArrayLike | None = None,
    ) -> Float32Array:
        """The vertices of the mesh with an expression of ARKit, float32 [V, 3] or [T, V, 3]; see `pose`.

        arkit: by name of `ARKIT_NAMES` a weight (0..1 as ARKit gives them, others are extrapolated) or [T] of them;
            names without an entry in `self.arkit` do nothing. rotations: as for `pose`; replace those of the
            expression for the same joint.
        """
        weights, turns = self.driven(arkit)
        return self.pose(weights, turns | dict(rotations or {}), translation)

    def driven(self, arkit: Mapping[str, ArrayLike]) -> tuple[dict[str, Float64Array], dict[str, Float64Array]]:
        """The weights of shapes and rotations of joints, as `pose` takes them, that show an expression of ARKit."""
        weights: dict[str, Float64Array] = {}
        turns: dict[str, Float64Array] = {}
        for name, given in arkit.items():
            if name not in ARKIT_NAMES:
                raise SettingsError(f"'{name}' is not a name of ARKit; see sfumato.rig.ARKIT_NAMES")
            weight = numbers(f"the weight of {name}", given)
            response = self.arkit.get(name, Response())
            for shape, factor in response.shapes:
                weights[shape] = weights.get(shape, np.zeros(())) + factor * weight
            for joint, turn in response.turns:
                turns[joint] = turns.get(joint, np.zeros(3)) + weight[..., None] * np.array(turn)
        return weights, turns

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, hexadecimal, of what moves the mesh, see `sfumato.rig.fingerprint`."""
        return fingerprint_of(self)

    @property
    def head_joint(self) -> str:
        """The joint that turns the head: the one that moves most of the mesh."""
        return self.joint_names[int(self.skin.sum(axis=0).argmax())]

    def reshaped(self, weights: Mapping[str, ArrayLike], offsets: ArrayLike | None = None) -> Rig:
        """The rig of one person: its neutral is this one with shapes at `weights` (one number each) and `offsets`.

        weights: the shapes named here are not shapes of the result any more. offsets: metres [V, 3], added to the
            neutral after the shapes; joints follow where there is a regressor.
        """
        values = self._weights(weights)
        neutral = self.vertices + np.tensordot(values.astype(np.float32), self.shapes, 1)
        if offsets is not None:
            moves = numbers("the offsets", offsets)
            if moves.shape != self.vertices.shape:
                raise SettingsError(f"offsets must be {list(self.vertices.shape)}; got {list(moves.shape)}")
            neutral = (neutral + moves).astype(np.float32)
        joints = self.joints
        if self.joint_regressor is not None:
            joints = joints + self.joint_regressor @ (neutral - self.vertices)
        kept = [k for k, name in enumerate(self.shape_names) if name not in weights]
        names = tuple(self.shape_names[k] for k in kept)
        arkit = {
            name: replace(response, shapes=tuple(part for part in response.shapes if part[0] in names))
            for name, response in self.arkit.items()
        }
        return replace(
            self, vertices=neutral, joints=joints, shape_names=names, shapes=self.shapes[kept],
            arkit={name: response for name, response in arkit.items() if response.shapes or response.turns},
        )  # fmt: skip

    @cached_property
    def _joint_shapes(self) -> Float64Array:
        """How far each joint moves with each shape at weight 1, [K, J, 3]."""
        regressor = self.joint_regressor
        if regressor is None or not len(self.shapes):
            return np.zeros((len(self.shapes), len(self.joints), 3))
        moves: Float64Array = np.matmul(regressor, self.shapes).astype(np.float64)
        return moves

    def _weights(self, given: Mapping[str, ArrayLike] | ArrayLike | None) -> Float64Array:
        """Weights of all shapes, [K] or [T, K]."""
        count = len(self.shape_names)
        if given is None:
            return np.zeros(count)
        if not isinstance(given, Mapping):
            weights = numbers("weights", given)
            if weights.ndim not in (1, 2) or weights.shape[-1] != count:
                raise SettingsError(f"weights must be [{count}] or [frames, {count}]; got {list(weights.shape)}")
            return weights
        places = {name: k for k, name in enumerate(self.shape_names)}
        columns = {}
        for name, value in given.items():
            if name not in places:
                raise SettingsError(f"the rig has no shape '{name}'; it has {listed(self.shape_names)}")
            columns[places[name]] = numbers(f"the weight of {name}", value)
        weights = np.zeros((*common_frames(columns.values(), 0), count))
        for k, column in columns.items():
            weights[..., k] = column
        return weights

    def _posed(self, weights: Float64Array, turns: Float64Array, translation: ArrayLike | None) -> Float32Array:
        shift = np.zeros(3) if translation is None else numbers("the translation", translation)
        if shift.shape[-1:] != (3,):
            raise SettingsError(f"the translation must be [3] or [frames, 3]; got {list(shift.shape)}")
        frames = common_frames([weights[..., :1], turns[..., 0], shift], 1)
        shaped = self._shaped(weights)
        joints: Float64Array = self.joints + np.tensordot(weights, self._joint_shapes, 1)
        matrices = rotation_matrices(turns)
        result = np.empty((*frames, *self.vertices.shape), np.float32)
        for at in np.ndindex(frames):  # one by one: the blended transforms of all frames would need much memory
            result[at] = self._skinned(
                shaped[at] if shaped.ndim > 2 else shaped,
                joints[at] if joints.ndim > 2 else joints,
                matrices[at] if matrices.ndim > 3 else matrices,
            )
        result += shift[..., None, :].astype(np.float32)
        return result

    def _shaped(self, weights: Float64Array) -> Float32Array:
        """The neutral with shapes, [V, 3] or [T, V, 3]."""
        active = np.flatnonzero(weights.any(axis=tuple(range(weights.ndim - 1))))
        if 2 * len(active) > len(self.shapes):  # a copy of most shapes costs more than adding some zeros
            active = np.arange(len(self.shapes))
        shapes = self.shapes if len(active) == len(self.shapes) else self.shapes[active]
        moves = weights[..., active].astype(np.float32) @ shapes.reshape(len(active), self.vertices.size)
        shaped: Float32Array = self.vertices + moves.reshape(*weights.shape[:-1], *self.vertices.shape)
        return shaped

    def _skinned(self, shaped: Float32Array, joints: Float64Array, matrices: Float64Array) -> Float32Array:
        """One mesh, [V, 3], posed by the rotations of its joints, [J, 3, 3]."""
        if self.correctives is not None:
            features = (matrices[1:] - np.eye(3)).reshape(-1)
            if features.any():
                shaped = shaped + np.tensordot(features.astype(np.float32), self.correctives, 1)
        change = joint_transforms(self.parents, joints, matrices) - np.eye(3, 4)
        moved = change.any(axis=(1, 2))
        if not moved.any():
            return shaped
        # The sum of what the joints change is 0, bit for bit, where none moves: weights that miss 1 do no harm.
        skin = self.skin if moved.all() else self.skin[:, moved]
        blend = (skin @ change[moved].reshape(-1, 12).astype(np.float32)).reshape(-1, 3, 4)
        skinned: Float32Array = shaped + np.matmul(blend[:, :, :3], shaped[:, :, None])[:, :, 0] + blend[:, :, 3]
        return skinned


def _turns(rotations: Mapping[str, ArrayLike], names: tuple[str, ...]) -> Float64Array:
    """Axis-angles of all joints, [J, 3] or [T, J, 3]."""
    found = {}
    for name, value in rotations.items():
        if name not in names:
            raise SettingsError(f"the rig has no joint '{name}'; it has {listed(names)}")
        found[name] = numbers(f"the rotation of {name}", value)
        if found[name].shape[-1:] != (3,):
            raise SettingsError(f"the rotation of {name} must be [3] or [frames, 3]; got {list(found[name].shape)}")
    turns = np.zeros((*common_frames(found.values(), 1), len(names), 3))
    for name, value in found.items():
        turns[..., names.index(name), :] = value
    return turns
