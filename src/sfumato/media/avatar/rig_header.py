"""What the chunks of a rig say before their coded streams: sizes, names, joints and what ARKit's names do."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from sfumato.errors import ChunkError, InputError, LimitError
from sfumato.media.avatar.rig_reader import FARTHEST, Place, Reader, check_step, place_of, text_bytes
from sfumato.rig import ARKIT_NAMES, Response

MAX_VERTICES, MAX_FACES = 1 << 17, 1 << 18
MAX_SHAPES, MAX_JOINTS = 1 << 12, 1 << 8
MAX_MOVES = 1 << 23
"""Vertices times shapes and correctives: 100 MB as float32."""
MAX_WEIGHTS = 1 << 21
"""Vertices times joints."""
MAX_AT_ONCE = 1 << 20
"""Vertices times shapes of one chunk: decoding it takes some 150 MB at most."""

BY_REFERENCE, REGRESSOR, CORRECTIVES = 1, 2, 4
"""Flags: the rig is named only; joints move with the shapes; there are shapes for the turns of joints."""


@dataclass(frozen=True)
class MeshHeader:
    """What a MESH says before its coded stream.

    middle: of the mesh. step: of its vertices. joints: where the J joints lie. far: see `code_faces`.
    name, fingerprint: of a rig by reference, else empty. parents: [J - 1], of the joints but the first. rest: the joint
    that has what the others leave of a vertex. arkit: what ARKit's names do. The last three are empty by reference.
    """

    flags: int
    vertices: int
    faces: int
    shape_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    middle: Place
    step: float
    joints: tuple[Place, ...]
    far: tuple[int, int]
    name: str = ""
    fingerprint: bytes = b""
    parents: tuple[int, ...] = ()
    rest: int = 0
    arkit: Mapping[str, Response] | None = None

    @property
    def by_reference(self) -> bool:
        """Whether the rig is named only."""
        return bool(self.flags & BY_REFERENCE)

    @property
    def correctives(self) -> int:
        """How many shapes the turns of joints have."""
        return 9 * (len(self.joint_names) - 1) if self.flags & CORRECTIVES else 0

    def to_bytes(self) -> bytes:
        """The header without models. Raises: InputError for names and numbers that do not fit."""
        if not all(abs(value) <= FARTHEST for place in (self.middle, *self.joints) for value in place):
            raise InputError(f"cannot write the rig: it reaches further than {FARTHEST:g}; check the units")
        parts = [
            struct.pack(
                "<BIIHH4f", self.flags, self.vertices, self.faces, len(self.shape_names), len(self.joint_names),
                *self.middle, self.step,
            ),
            *([text_bytes(self.name), self.fingerprint] if self.by_reference else []),
            *map(text_bytes, (*self.shape_names, *self.joint_names)),
            *(struct.pack("<3f", *joint) for joint in self.joints),
        ]  # fmt: skip
        if not self.by_reference:
            parts.append(struct.pack(f"<{len(self.parents)}HH", *self.parents, self.rest))
            parts.append(self._responses())
        return b"".join([*parts, struct.pack("<II", *self.far)])

    @classmethod
    def read(cls, reader: Reader) -> MeshHeader:
        """The header at the beginning of a MESH; ChunkError, LimitError."""
        flags, vertices, faces, shapes, joints = reader.take("<BIIHH")
        if flags > 7 or (flags & BY_REFERENCE and flags != BY_REFERENCE):
            raise ChunkError(f"cannot decode the rig: there are no flags {flags}")
        check_sizes(vertices, faces, shapes, joints, bool(flags & CORRECTIVES))
        *middle, step = reader.floats(4)
        check_step(step)
        name, fingerprint = (reader.text(), reader.raw(32)) if flags & BY_REFERENCE else ("", b"")
        shape_names = tuple(reader.text() for _ in range(shapes))
        joint_names = tuple(reader.text() for _ in range(joints))
        places = tuple(place_of(reader.floats(3)) for _ in range(joints))
        parents: tuple[int, ...] = ()
        rest, arkit = 0, None
        if not flags & BY_REFERENCE:
            *before, rest = reader.take(f"<{joints - 1}HH")
            parents = tuple(before)
            if rest >= joints:
                raise ChunkError(f"cannot decode the rig: joint {rest} of {joints} takes what others leave")
            arkit = _read_responses(reader, shape_names, joint_names)
        far = reader.take("<II")
        if sum(far) > 3 * faces:
            raise ChunkError(f"cannot decode the rig: {sum(far)} distances for the corners of {faces} faces")
        return cls(
            flags, vertices, faces, shape_names, joint_names, place_of(middle), step, places, (far[0], far[1]),
            name, fingerprint, parents, rest, arkit,
        )  # fmt: skip

    def _responses(self) -> bytes:
        given = self.arkit or {}
        parts = [bytes([len(given)])]
        for number, name in enumerate(ARKIT_NAMES):
            if name in given:
                response = given[name]
                numbers = [weight for _, weight in response.shapes] + [v for _, turn in response.turns for v in turn]
                if max(len(response.shapes), len(response.turns)) > 255 or not all(abs(v) <= FARTHEST for v in numbers):
                    raise InputError(
                        f"cannot write the rig: '{name}' moves more than 255 shapes or joints, or too far; change arkit"
                    )
                parts.append(bytes([number, len(response.shapes), len(response.turns)]))
                parts += [struct.pack("<Hf", self.shape_names.index(s), weight) for s, weight in response.shapes]
                parts += [struct.pack("<H3f", self.joint_names.index(j), *turn) for j, turn in response.turns]
        return b"".join(parts)


@dataclass(frozen=True)
class ShapesHeader:
    """What a SHAP says before its coded stream: the step of its shapes, and which they are."""

    step: float
    numbers: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The header without models."""
        return struct.pack(f"<Hf{len(self.numbers)}H", len(self.numbers), self.step, *self.numbers)

    @classmethod
    def read(cls, reader: Reader, vertices: int, shapes: int) -> ShapesHeader:
        """The header at the beginning of a SHAP of a rig with so many shapes; ChunkError, LimitError."""
        (count,) = reader.take("<H")
        (step,) = reader.floats(1)
        check_step(step)
        if count * vertices > MAX_AT_ONCE:
            raise LimitError(f"cannot decode the shapes: {count} shapes of {vertices:,} vertices at once")
        numbers = reader.take(f"<{count}H")
        if not count or len(set(numbers)) < count or max(numbers) >= shapes:
            raise ChunkError(f"cannot decode the shapes: no, doubled or unknown numbers of {shapes} shapes")
        return cls(step, numbers)


def check_sizes(vertices: int, faces: int, shapes: int, joints: int, correctives: bool) -> None:
    """Refuse a rig that would fill the memory, or has no mesh or joint; LimitError, ChunkError."""
    moves = shapes + (9 * (joints - 1) if correctives else 0)
    for count, most, what in (
        (vertices, MAX_VERTICES, "vertices"),
        (faces, MAX_FACES, "faces"),
        (moves, MAX_SHAPES, "shapes"),
        (joints, MAX_JOINTS, "joints"),
        (moves * vertices, MAX_MOVES, "moves of vertices"),
        (joints * vertices, MAX_WEIGHTS, "weights of vertices"),
    ):
        if count > most:
            raise LimitError(f"a rig of {count:,} {what}; the cap is {most:,}")
    if not (vertices and faces and joints):
        raise ChunkError(f"a rig of {vertices} vertices, {faces} faces and {joints} joints")


def _read_responses(reader: Reader, shapes: tuple[str, ...], joints: tuple[str, ...]) -> dict[str, Response]:
    found = {}
    for _ in range(reader.raw(1)[0]):
        number, moved, turned = reader.raw(3)
        weights = [(reader.take("<H")[0], reader.floats(1)[0]) for _ in range(moved)]
        turns = [(reader.take("<H")[0], place_of(reader.floats(3))) for _ in range(turned)]
        if (
            number >= len(ARKIT_NAMES)
            or any(shape >= len(shapes) for shape, _ in weights)
            or any(joint >= len(joints) for joint, _ in turns)
        ):
            raise ChunkError("cannot decode the rig: a name of ARKit, or what it moves, does not exist")
        found[ARKIT_NAMES[number]] = Response(
            tuple((shapes[shape], weight) for shape, weight in weights),
            tuple((joints[joint], turn) for joint, turn in turns),
        )
    return found
