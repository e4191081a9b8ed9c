"""A rig as chunks: a MESH with the neutral mesh and its joints, and SHAPs with the shapes that move it.

    mesh, shapes = encode_rig(rig)
    rig = decode_mesh(mesh)  # shows the neutral; turns by its joints
    for payload in shapes:  # those that move most come first
        rig = decode_shapes(payload, rig)

Vertices, faces, shapes and joints keep their numbers and names. Vertices that no face uses come back in the middle of
the mesh and move with the joint that moves most; texture coordinates and regions do not come back.

A rig whose licence forbids to pass it on goes by reference: the MESH holds the neutral mesh, names, joints and a
fingerprint; `with_rig` joins what was decoded with the rig that the reader has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sfumato.coding import SymbolDecoder, SymbolEncoder
from sfumato.coding.contexts import Ints
from sfumato.errors import ChunkError, InputError, LimitError, SettingsError
from sfumato.media.avatar.rig_columns import Columns, code_columns, plan_columns
from sfumato.media.avatar.rig_faces import FACE_MODELS, code_faces, plan_faces
from sfumato.media.avatar.rig_header import (
    BY_REFERENCE,
    CORRECTIVES,
    MAX_AT_ONCE,
    REGRESSOR,
    MeshHeader,
    ShapesHeader,
    check_sizes,
)
from sfumato.media.avatar.rig_ladder import Ladder, ladder_of
from sfumato.media.avatar.rig_quantise import (
    REGRESSOR_PARTS,
    WHOLE,
    column_sizes,
    columns_of,
    dequantise_skin,
    dequantise_vertices,
    quantise,
    steps_of,
    used_vertices,
)
from sfumato.media.avatar.rig_reader import Place, Reader, models_bytes
from sfumato.rig import Rig

_SHAPES_BYTES = 4096  # of a SHAP of several shapes, about: steps of a download that one sees
_TURN = 0.1  # typical squares of what correctives are multiplied by: heads turn by some 20 degrees


@dataclass(frozen=True)
class RigReference:
    """Which rig an avatar needs, and what of the person's own its file says.

    name: of the rig. fingerprint: hexadecimal, of the rig with these shapes (`Rig.fingerprint`). joints: [J], places.
    """

    name: str
    fingerprint: str
    shape_names: tuple[str, ...] = field(repr=False)
    joints: tuple[Place, ...] = field(repr=False)


def encode_rig(rig: Rig, *, by_reference: bool = False, name: str = "") -> tuple[bytes, list[bytes]]:
    """The payload of MESH, and those of SHAP in their order: none by reference, or if no shape moves anything.

    by_reference: leave out what moves the mesh. name: of the rig, which tells those who need it what to look for.
    Raises: InputError for a rig that is too large, or whose numbers or names are.
    """
    header = _header_of(rig, by_reference, name)
    ladder = ladder_of(len(rig.vertices), rig.faces)
    far, face_models = plan_faces(len(rig.vertices), rig.faces)
    columns = columns_of(rig, header)
    plans = [plan_columns(ladder, values) for values in columns]
    coder = SymbolEncoder()
    code_faces(coder, len(rig.vertices), len(rig.faces), far, face_models, rig.faces)
    for plan, values in zip(plans, columns, strict=True):
        code_columns(coder, ladder, plan, len(values), values.shape[1], values)
    models = [*face_models, *(model for plan in plans for model in plan.all)]
    mesh = replace(header, far=far).to_bytes() + models_bytes(models) + coder.finish()
    return mesh, [] if by_reference else _encode_shapes(rig, ladder)


def decode_mesh(payload: bytes) -> Rig:
    """The rig of a MESH; its shapes (and correctives) are zero until they arrive.

    Of a rig by reference it is the mesh alone, with one joint and no shapes. Any bytes are safe to decode: ChunkError
    or LimitError if they are no MESH.
    """
    reader = Reader(payload)
    header = MeshHeader.read(reader)
    models = reader.models(FACE_MODELS + sum(1 + parts for _, parts in column_sizes(header)))
    coder = SymbolDecoder(reader.rest())
    v = header.vertices
    faces = code_faces(coder, v, header.faces, header.far, models[:FACE_MODELS], None)
    ladder, found, at = ladder_of(v, faces), [], FACE_MODELS
    for columns, parts in column_sizes(header):
        plan = Columns.of(models[at : at + 1 + parts])
        found.append(code_columns(coder, ladder, plan, v, columns, None))
        at += 1 + parts
    coder.finish()
    vertices = dequantise_vertices(found[0][:, 0], header.middle, header.step)
    try:
        return _rig(header, vertices, faces, found[1:])
    except SettingsError as error:
        raise ChunkError(f"cannot decode the rig: {error}") from None


def decode_shapes(payload: bytes, rig: Rig) -> Rig:
    """The rig with the shapes of one more SHAP. Any bytes are safe to decode: ChunkError or LimitError."""
    v, k = len(rig.vertices), len(rig.shape_names)
    correctives = 0 if rig.correctives is None else len(rig.correctives)
    reader = Reader(payload)
    header = ShapesHeader.read(reader, v, k + correctives)
    models = reader.models(4)
    coder = SymbolDecoder(reader.rest())
    ladder = ladder_of(v, rig.faces)
    found = code_columns(coder, ladder, Columns.of(models), v, len(header.numbers), None)
    coder.finish()
    moves = (found.transpose(1, 0, 2) * header.step).astype(np.float32)
    numbers = np.array(header.numbers)
    shapes, turned = rig.shapes, rig.correctives
    if (numbers < k).any():
        shapes = shapes.copy()
        shapes[numbers[numbers < k]] = moves[numbers < k]
    if turned is not None and (numbers >= k).any():
        turned = turned.copy()
        turned[numbers[numbers >= k] - k] = moves[numbers >= k]
    return replace(rig, shapes=shapes, correctives=turned)


def reference_of(payload: bytes) -> RigReference | None:
    """Which rig a MESH needs; None if it holds the rig itself. Raises: ChunkError, LimitError."""
    header = MeshHeader.read(Reader(payload))
    if not header.by_reference:
        return None
    return RigReference(header.name, header.fingerprint.hex(), header.shape_names, header.joints)


def with_rig(decoded: Rig, reference: RigReference, own: Rig) -> Rig:
    """The person's mesh, `decoded`, moved by the rig that it was made with, `own`.

    own: may have further shapes (identities), which are left out, another neutral, faces and places of joints.
    Raises: InputError if it is another rig.
    """
    strangers = set(own.shape_names) - set(reference.shape_names)
    if strangers:
        own = own.reshaped(dict.fromkeys(strangers, 0.0))
    same = own.fingerprint == reference.fingerprint and own.vertices.shape == decoded.vertices.shape
    if not same:
        raise InputError(
            f"cannot pose the avatar: it needs the rig '{reference.name}' with fingerprint "
            f"{reference.fingerprint[:16]}, and the one given has {own.fingerprint[:16]}; name the file of that rig"
        )
    places = np.array(reference.joints, np.float32)
    return replace(own, vertices=decoded.vertices, faces=decoded.faces, joints=places, uv=None, uv_faces=None)


def _header_of(rig: Rig, by_reference: bool, name: str) -> MeshHeader:
    flags = BY_REFERENCE if by_reference else 0
    if not by_reference:
        flags |= 0 if rig.joint_regressor is None else REGRESSOR
        flags |= 0 if rig.correctives is None else CORRECTIVES
    try:
        check_sizes(
            len(rig.vertices), len(rig.faces), len(rig.shape_names), len(rig.joint_names), bool(flags & CORRECTIVES)
        )
    except LimitError as error:
        raise InputError(f"cannot write the rig: {error}; simplify it or leave shapes out (`Rig.reshaped`)") from None
    middle, step = steps_of(rig.vertices[used_vertices(rig)])
    header = MeshHeader(
        flags, len(rig.vertices), len(rig.faces), rig.shape_names, rig.joint_names, middle, step,
        tuple((float(x), float(y), float(z)) for x, y, z in rig.joints), (0, 0),
    )  # fmt: skip
    if by_reference:
        return replace(header, name=name, fingerprint=bytes.fromhex(rig.fingerprint))
    rest = rig.joint_names.index(rig.head_joint)
    return replace(header, parents=tuple(map(int, rig.parents[1:])), rest=rest, arkit=rig.arkit)


def _rig(header: MeshHeader, vertices: NDArray[np.float32], faces: NDArray[np.int32], columns: list[Ints]) -> Rig:
    """The rig that a header and the arrays behind the vertices stand for. SettingsError if it is none."""
    if header.by_reference:
        return Rig.rigid(vertices, faces)
    v, k, j = len(vertices), len(header.shape_names), len(header.joint_names)
    others = columns[0][:, :, 0] if j > 1 else np.zeros((v, 0), np.int64)
    skin = np.insert(others, header.rest, WHOLE - others.sum(axis=1), axis=1)
    if skin.min() < 0:
        raise ChunkError("cannot decode the rig: a vertex has weights below 0, or of more than 1 together")
    regressor = None
    if header.flags & REGRESSOR:
        regressor = (columns[-1][:, :, 0].T / REGRESSOR_PARTS).astype(np.float32)
    return Rig(
        vertices, faces, header.shape_names, np.zeros((k, v, 3), np.float32), header.joint_names,
        np.array([-1, *header.parents], np.int32), np.array(header.joints, np.float32), dequantise_skin(skin),
        regressor, np.zeros((header.correctives, v, 3), np.float32) if header.flags & CORRECTIVES else None,
        arkit=header.arkit or {},
    )  # fmt: skip


def _encode_shapes(rig: Rig, ladder: Ladder) -> list[bytes]:
    """The SHAPs: shapes that move the mesh most first, as many in each as fill it."""
    _, step = steps_of(rig.vertices[used_vertices(rig)])
    moves = rig.shapes if rig.correctives is None else np.concatenate([rig.shapes, rig.correctives])
    energy = np.array([float(np.square(move, dtype=np.float64).sum()) for move in moves])
    energy[len(rig.shapes) :] *= _TURN
    used = used_vertices(rig)[:, None]
    groups: list[list[int]] = []
    room, most = 0, max(MAX_AT_ONCE // len(rig.vertices), 1)
    whole: dict[int, Ints] = {}
    for number in np.argsort(-energy, kind="stable").tolist():
        values = quantise("shapes", moves[number] * used, step)
        if not values.any():
            continue
        whole[number] = values
        size = len(_shapes_payload([number], whole, step, ladder))
        if not groups or size > room or len(groups[-1]) == most:
            groups.append([])
            room = _SHAPES_BYTES
        groups[-1].append(number)
        room -= size
    return [_shapes_payload(group, whole, step, ladder) for group in groups]


def _shapes_payload(numbers: Iterable[int], whole: dict[int, Ints], step: float, ladder: Ladder) -> bytes:
    listed = sorted(numbers)
    values = np.stack([whole[number] for number in listed], axis=1)
    plan = plan_columns(ladder, values)
    coder = SymbolEncoder()
    code_columns(coder, ladder, plan, len(values), values.shape[1], values)
    return ShapesHeader(step, tuple(listed)).to_bytes() + models_bytes(plan.all) + coder.finish()
