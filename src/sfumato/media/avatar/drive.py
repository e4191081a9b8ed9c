"""What a rig is told for one picture or for a film: names as people and files write them, checked against the rig."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sfumato.errors import InputError, SettingsError
from sfumato.rig import ARKIT_NAMES, Rig, axis_angle
from sfumato.rig.checks import numbers
from sfumato.sources.drive import HEAD_TURNS, Drive
from sfumato.splats import Float32Array

_NEAR, _MOST_NEAR = 0.6, 3  # how alike names are listed, and how many of them, where a name is unknown


@dataclass(frozen=True, eq=False)
class Expression:
    """What a rig is told for one mesh; every name is one that the rig knows, or ARKit.

    arkit: weights by ARKit's names. shapes: weights by shape. turns: yaw, pitch and roll of the head in degrees, [3].
    rotations: by joint, axis times angle in radians [3]. translation: [3]. vertices: [V, 3], the mesh itself instead.
    """

    arkit: Mapping[str, float] = field(default_factory=dict)
    shapes: Mapping[str, float] = field(default_factory=dict)
    turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotations: Mapping[str, ArrayLike] = field(default_factory=dict)
    translation: ArrayLike | None = None
    vertices: Float32Array | None = None

    def mesh(self, rig: Rig) -> Float32Array:
        """The mesh that a rig makes of it, [V, 3]."""
        if self.vertices is not None:
            return self.vertices
        weights, turns = rig.driven(self.arkit)
        for name, weight in self.shapes.items():
            weights[name] = weights.get(name, np.zeros(())) + weight
        if any(self.turns):
            yaw, pitch, roll = self.turns
            turns[rig.head_joint] = axis_angle(yaw_degrees=yaw, pitch_degrees=pitch, roll_degrees=roll)
        return rig.pose(weights, {**turns, **self.rotations}, self.translation)


class Names:
    """The names that an avatar understands: of its shapes, of ARKit, and those that turn the head.

    missing: the name of the rig that the file has by reference only, if it has not been given.
    """

    def __init__(self, rig: Rig, missing: str | None = None) -> None:
        self.rig, self._missing = rig, missing
        self._known = {_plain(name): name for name in (*rig.shape_names, *ARKIT_NAMES, *HEAD_TURNS)}
        self._shapes = frozenset(rig.shape_names)

    def find(self, name: str) -> str:
        """The name as it is spelled, from that name or its snake_case. SettingsError, with near ones, if unknown."""
        self._need_rig(name)
        if name in self._shapes or name in ARKIT_NAMES:
            return name
        plain = _plain(name)
        if plain in self._known:
            return self._known[plain]
        near = difflib.get_close_matches(plain, self._known, _MOST_NEAR, _NEAR)
        hint = f"did you mean {' or '.join(self._known[key] for key in near)}?" if near else "see rig.shape_names"
        raise SettingsError(f"'{name}' is neither a shape of the rig nor a name of ARKit; {hint}")

    def expression(
        self,
        weights: Mapping[str, float],
        rotations: Mapping[str, ArrayLike] | None = None,
        translation: ArrayLike | None = None,
        *,
        shapes_first: bool = False,
    ) -> Expression:
        """Weights by any names, sorted into what they are. SettingsError that says which is unknown, or no number.

        shapes_first: a name that is both a shape's and ARKit's means the shape alone.
        """
        arkit: dict[str, float] = {}
        shapes: dict[str, float] = {}
        turns = dict.fromkeys(HEAD_TURNS, 0.0)
        for given, value in weights.items():
            name = self.find(given)
            weight = _number(given, value)
            if name in turns:
                turns[name] += weight
            elif name in self._shapes and (shapes_first or name not in ARKIT_NAMES):
                shapes[name] = shapes.get(name, 0.0) + weight
            else:
                arkit[name] = arkit.get(name, 0.0) + weight
        joints = {name: self._rotation(name, value) for name, value in (rotations or {}).items()}
        yaw, pitch, roll = turns.values()
        if any(turns.values()) and self.rig.head_joint in joints:
            raise SettingsError(
                f"the head is turned twice: by degrees and by a rotation of its joint '{self.rig.head_joint}'"
            )
        shift = None if translation is None else _vector("the translation", translation)
        return Expression(arkit, shapes, (yaw, pitch, roll), joints, shift)

    def all_shapes(self, weights: ArrayLike, more: Mapping[str, float]) -> dict[str, float]:
        """An array of weights of all shapes, [K], as weights by name, with `more` added. SettingsError."""
        self._need_rig("weights")
        row, names = numbers("weights", weights), self.rig.shape_names
        if row.shape != (len(names),):
            raise SettingsError(f"weights must be [{len(names)}], one for each shape; got {list(row.shape)}")
        return {name: weight + more.get(name, 0.0) for name, weight in zip(names, row.tolist(), strict=True)}

    def _rotation(self, name: str, value: ArrayLike) -> Float32Array:
        self._check_joint(name)
        return _vector(f"the rotation of {name}", value)

    def _need_rig(self, name: str) -> None:
        if self._missing is not None:
            raise InputError(
                f"cannot pose the avatar: the file names the rig '{self._missing}' without having it, and '{name}' "
                "needs it; open the file with rig=... (--rig)"
            )

    def _check_joint(self, name: str) -> None:
        self._need_rig(name)
        if name not in self.rig.joint_names:
            raise SettingsError(f"the rig has no joint '{name}'; it has {', '.join(self.rig.joint_names)}")

    def check(self, drive: Drive) -> None:
        """InputError, with file, frame and field, for a drive that this avatar cannot follow."""
        if drive.vertices is not None:
            self._check_meshes(drive)
            return
        weight = "weight." if drive.shapes else ""
        for check, prefix, values in (
            (self.find, weight, drive.weights),
            (self._check_joint, "rotation.", drive.rotations),
        ):
            for name, told in values.items():
                try:
                    check(name)
                except SettingsError as error:
                    first = int(np.argmax(np.any(np.reshape(told, (len(told), -1)), axis=1)))
                    raise InputError(
                        f"cannot follow '{drive.name}': frame {first} (counted from 0): field '{prefix}{name}': {error}"
                    ) from None
        if self.rig.head_joint in drive.rotations and {self.find(name) for name in drive.weights} & set(HEAD_TURNS):
            raise InputError(
                f"cannot follow '{drive.name}': the head is turned twice: by degrees and by 'rotation."
                f"{self.rig.head_joint}'; leave one out"
            )

    def _check_meshes(self, drive: Drive) -> None:
        assert drive.vertices is not None
        count, faces = len(self.rig.vertices), self.rig.faces
        if drive.vertices.shape[1] != count:
            raise InputError(
                f"cannot follow '{drive.name}': frame 0: field 'vertices': its meshes have "
                f"{drive.vertices.shape[1]:,} vertices, the avatar's template {count:,}; track with this template"
            )
        if drive.faces is not None and not np.array_equal(drive.faces, faces):
            raise InputError(
                f"cannot follow '{drive.name}': field 'faces': its {len(drive.faces):,} faces are not the "
                f"{len(faces):,} of the avatar's template; track with this template"
            )

    def frame(self, drive: Drive, number: int) -> Expression:
        """What a drive that was checked says in a frame."""
        if drive.vertices is not None:
            return Expression(vertices=drive.vertices[number])
        return self.expression(
            {name: float(values[number]) for name, values in drive.weights.items()},
            {name: values[number] for name, values in drive.rotations.items()},
            None if drive.translation is None else drive.translation[number],
            shapes_first=drive.shapes,
        )


def mesh_of(vertices: ArrayLike, rig: Rig) -> Expression:
    """Vertices [V, 3] as an expression; SettingsError if they are no mesh of the rig's topology."""
    mesh = numbers("the vertices", vertices)
    if mesh.shape != rig.vertices.shape:
        raise SettingsError(
            f"the vertices of a pose must be {list(rig.vertices.shape)}, as the template has; got {list(mesh.shape)}"
        )
    return Expression(vertices=mesh.astype(np.float32))


def _vector(what: str, value: ArrayLike) -> Float32Array:
    vector = numbers(what, value)
    if vector.shape != (3,):
        raise SettingsError(f"{what} must be [3]; got {list(vector.shape)}")
    return vector.astype(np.float32)


def _number(name: str, value: object) -> float:
    try:
        weight = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        weight = math.nan
    if not math.isfinite(weight):
        raise SettingsError(f"the weight of {name} must be a finite number; got {value!r}")
    return weight


def _plain(name: str) -> str:
    """`name` in the form that names are compared in: jaw_open and jawOpen become jawopen."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
