"""Rigs from glTF 2.0: the triangles of all meshes in the scene with their morph targets and skins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.rig import Rig
from sfumato.rig.arkit import responses
from sfumato.sources.gltf import Gltf, described, read_gltf
from sfumato.sources.rig_file import as_input_error, check_counts

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

MAX_SKIN_VALUES = 250_000_000
"""Vertices times joints: 1 GB as float32."""

_TRIANGLES, _POINTS_AND_LINES = 4, (0, 1, 2, 3)


@dataclass(frozen=True)
class _Nodes:
    """The tree of the scene, from its roots on: for each node the one above it (-1: none) and its place, [4, 4]."""

    parent: dict[int, int]
    world: dict[int, Float64Array]


@dataclass(frozen=True)
class _Part:
    """One primitive at its place in the scene; bones: node and share of each vertex, [v, B] both; -1: none."""

    name: str
    vertices: Float64Array
    faces: Int64Array
    uv: Float32Array | None
    targets: dict[str, Float32Array]
    bones: Int64Array
    shares: Float64Array


def read_gltf_rig(path: Path) -> Rig:
    """Read the .glb or .gltf at `path` as a rig.

    All meshes become one; morph targets of one name (`extras.targetNames`, else target0 ...) become one shape. The
    neutral is the pose that the nodes of the file have. Joints are the bones that move any vertex and those above them;
    where these have no common bone, `root` in the origin comes first. Vertices outside a skin go with the bone above
    them, or else with the first joint. Regions are the nodes with meshes. Materials, animations and normals are passed
    over.

    Raises: InputError with file, place and reason.
    """
    gltf = read_gltf(path)
    # Values that grow beyond float32 on the way are named by the checks of the rig.
    with described(path), np.errstate(over="ignore", invalid="ignore"):
        nodes = _nodes(gltf)
        bones = {node for skin in gltf.items("skins") for node in skin["joints"]}
        parts: list[_Part] = []
        for part in (part for node in nodes.world for part in _parts(gltf, node, nodes, bones)):
            parts.append(part)
            _check_sum(gltf, parts)
        if not parts:
            raise gltf.error("it has no mesh of triangles in its scene; export one")
        starts = np.cumsum([0, *(len(part.vertices) for part in parts)]).tolist()
        names = tuple(dict.fromkeys(name for part in parts for name in part.targets))
        check_counts(path, starts[-1], sum(len(part.faces) for part in parts), len(names))
        shapes = np.zeros((len(names), starts[-1], 3), np.float32)
        for part, start in zip(parts, starts, strict=False):
            for name, moves in part.targets.items():
                shapes[names.index(name), start : start + len(moves)] = moves
        return _rig(gltf, nodes, bones, parts, starts, names, shapes)


def _check_sum(gltf: Gltf, parts: list[_Part]) -> None:
    """Refuse a mesh that is small in the file and stands in the scene too often."""
    vertices, faces = sum(len(part.vertices) for part in parts), sum(len(part.faces) for part in parts)
    check_counts(gltf.path, vertices, faces, max(len(part.targets) for part in parts))


def _rig(
    gltf: Gltf,
    nodes: _Nodes,
    bones: set[int],
    parts: list[_Part],
    starts: list[int],
    names: tuple[str, ...],
    shapes: Float32Array,
) -> Rig:
    joint_nodes = _used_bones(nodes, bones, parts)
    parents = [next((a for a in _above(nodes, node) if a in bones), -1) for node in joint_nodes]
    if parents.count(-1) != 1:
        joint_nodes, parents = [-1, *joint_nodes], [-2, *parents]
    index = {node: j for j, node in enumerate(joint_nodes)}
    if starts[-1] * len(joint_nodes) > MAX_SKIN_VALUES:
        raise gltf.error(f"{starts[-1]:,} vertices with {len(joint_nodes):,} joints are too many; simplify it first")
    column = np.zeros(len(gltf.items("nodes")) + 1, np.int64)  # the last one serves bone -1, which is none
    column[[node for node in joint_nodes if node >= 0]] = [index[node] for node in joint_nodes if node >= 0]
    skin = np.zeros((starts[-1], len(joint_nodes)), np.float32)
    for part, start in zip(parts, starts, strict=False):
        rows = np.arange(start, start + len(part.vertices))
        for bone, share in zip(part.bones.T, part.shares.T, strict=True):
            np.add.at(skin, (rows, column[bone]), share.astype(np.float32))
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32)
    uv = [part.uv for part in parts if part.uv is not None]
    textured = len(uv) == len(parts)
    regions = tuple(dict.fromkeys(part.name for part in parts))
    labelled = 1 < len(regions) < 256
    labels = [np.full(len(part.vertices), regions.index(part.name) % 256, np.uint8) for part in parts]
    places = [np.zeros(3) if node < 0 else nodes.world[node][:3, 3] for node in joint_nodes]
    with as_input_error(gltf.path):
        return Rig(
            np.concatenate([part.vertices for part in parts]).astype(np.float32), faces, names, shapes,
            _joint_names(gltf, joint_nodes), np.array([index.get(p, -1) for p in parents], np.int32),
            np.array(places, np.float32), skin, uv=np.concatenate(uv) if textured else None,
            uv_faces=faces if textured else None, regions=regions if labelled else (),
            region=np.concatenate(labels) if labelled else None, arkit=responses(names),
        )  # fmt: skip


def _nodes(gltf: Gltf) -> _Nodes:
    """The nodes of the file's scene, or all of them if it has none."""
    items = gltf.items("nodes")
    scenes = gltf.items("scenes")
    children = {child for item in items for child in item.get("children", [])}
    roots = (
        scenes[gltf.json.get("scene", 0)]["nodes"] if scenes else [n for n in range(len(items)) if n not in children]
    )
    parent: dict[int, int] = {}
    world: dict[int, Float64Array] = {}
    waiting = [(root, -1) for root in reversed(roots)]
    while waiting:
        node, above = waiting.pop()
        if not isinstance(node, int) or not 0 <= node < len(items) or node in parent:
            raise gltf.error(f"node {node} is not there, or there twice; export it again")
        parent[node] = above
        own = _local(items[node])
        world[node] = own if above < 0 else world[above] @ own
        waiting += [(child, node) for child in reversed(items[node].get("children", []))]
    return _Nodes(parent, world)


def _local(node: dict[str, Any]) -> Float64Array:
    """The place [4, 4] of a node in its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    place = np.eye(4)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    place[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    place[:3, 3] = node.get("translation", (0, 0, 0))
    return place


def _parts(gltf: Gltf, node: int, nodes: _Nodes, bones: set[int]) -> Iterator[_Part]:
    """The primitives of triangles at a node."""
    item = gltf.items("nodes")[node]
    if "mesh" not in item:
        return
    mesh = gltf.items("meshes")[item["mesh"]]
    name = str(item.get("name") or mesh.get("name") or f"node{node}")
    for primitive in mesh["primitives"]:
        mode = primitive.get("mode", _TRIANGLES)
        if mode in _POINTS_AND_LINES:
            continue
        if mode != _TRIANGLES:
            raise gltf.error(f"mesh {item['mesh']}: it has strips or fans of triangles; export single triangles")
        attributes = primitive["attributes"]
        vertices = gltf.numbers(attributes["POSITION"], width=3).astype(np.float64)
        if "indices" in primitive:
            flat = gltf.numbers(primitive["indices"], width=1)[:, 0].astype(np.int64)
        else:
            flat = np.arange(len(vertices))
        if len(flat) % 3 or flat.max() >= len(vertices):
            raise gltf.error(f"mesh {item['mesh']}: its indices are damaged; export it again")
        uv = None
        if "TEXCOORD_0" in attributes:
            uv = gltf.numbers(attributes["TEXCOORD_0"], count=len(vertices), width=2).astype(np.float32)
            uv = uv * np.array([1, -1], np.float32) + np.array([0, 1], np.float32)  # v goes down in glTF
        matrices, its_bones, shares = _binding(gltf, node, item, attributes, nodes, bones, len(vertices))
        linear = matrices[..., :3, :3]
        placed = _turned(linear, vertices) + matrices[..., :3, 3]
        targets = {
            key: _turned(linear, moves).astype(np.float32)
            for key, moves in _targets(gltf, mesh, primitive, len(vertices))
        }
        faces = flat.reshape(-1, 3)
        mirrored = np.linalg.det(linear.reshape(-1, 3, 3)[0]) < 0
        yield _Part(name, placed, faces[:, ::-1] if mirrored else faces, uv, targets, its_bones, shares)


def _turned(linear: Float64Array, rows: NDArray[Any]) -> Float64Array:
    """Each of `rows` [N, 3] by its own matrix, [N, 3, 3], or all by the same, [1, 3, 3]."""
    if len(linear) == 1:
        return np.asarray(rows @ linear[0].T)
    return np.asarray(np.einsum("nij,nj->ni", linear, rows))


def _targets(
    gltf: Gltf, mesh: dict[str, Any], primitive: dict[str, Any], count: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Name and moves [count, 3] of each morph target that moves vertices."""
    given = primitive.get("targets", [])
    names = mesh.get("extras", {}).get("targetNames", [])
    check_counts(gltf.path, count, 1, len(given))
    for k, target in enumerate(given):
        if "POSITION" in target:
            yield (
                str(names[k]) if k < len(names) else f"target{k}",
                gltf.numbers(target["POSITION"], count=count, width=3),
            )


def _binding(
    gltf: Gltf,
    node: int,
    item: dict[str, Any],
    attributes: dict[str, int],
    nodes: _Nodes,
    bones: set[int],
    count: int,
) -> tuple[Float64Array, Int64Array, Float64Array]:
    """Where the vertices of a mesh lie in the scene, [1 or count, 4, 4], their bones and the shares of these."""
    if "skin" not in item or "JOINTS_0" not in attributes:
        bone = next((above for above in (node, *_above(nodes, node)) if above in bones), -1)
        return nodes.world[node][None], np.full((count, 1), bone), np.ones((count, 1))
    skin = gltf.items("skins")[item["skin"]]
    joints = skin["joints"]
    if strangers := [joint for joint in joints if joint not in nodes.world]:
        raise gltf.error(f"skin {item['skin']}: joint {strangers[0]} is not in the scene; export it again")
    places = np.stack([nodes.world[joint] for joint in joints])
    if "inverseBindMatrices" in skin:
        inverse = gltf.numbers(skin["inverseBindMatrices"], count=len(joints), width=16)
        places = places @ inverse.astype(np.float64).reshape(-1, 4, 4).swapaxes(1, 2)
    sets = [k for k in range(8) if f"JOINTS_{k}" in attributes]
    slots = np.concatenate([gltf.numbers(attributes[f"JOINTS_{k}"], count=count, width=4) for k in sets], axis=1)
    shares = np.concatenate([gltf.numbers(attributes[f"WEIGHTS_{k}"], count=count, width=4) for k in sets], axis=1)
    shares = np.maximum(shares.astype(np.float64), 0)
    slots = np.where(shares > 0, slots.astype(np.int64), 0)
    if slots.max() >= len(joints) or not np.isfinite(shares).all():
        raise gltf.error(f"skin {item['skin']}: its joints or weights are damaged; export it again")
    shares[shares.sum(axis=1) == 0, 0] = 1  # bound to nothing: goes with the first bone
    shares /= shares.sum(axis=1, keepdims=True)
    blended = np.zeros((count, 4, 4))
    for slot, share in zip(slots.T, shares.T, strict=True):
        blended += share[:, None, None] * places[slot]
    return blended, np.array(joints, np.int64)[slots], shares


def _used_bones(nodes: _Nodes, bones: set[int], parts: list[_Part]) -> list[int]:
    """The bones that move a vertex and all bones above them, from the root on."""
    moving = {int(bone) for part in parts for bone in np.unique(part.bones[part.shares > 0]) if bone >= 0}
    used = moving | {above for bone in moving for above in _above(nodes, bone) if above in bones}
    return [node for node in nodes.world if node in used]


def _above(nodes: _Nodes, node: int) -> Iterator[int]:
    """The nodes above a node, the nearest first."""
    while (node := nodes.parent[node]) >= 0:
        yield node


def _joint_names(gltf: Gltf, joint_nodes: list[int]) -> tuple[str, ...]:
    """Different names, those of the file where they are."""
    items = gltf.items("nodes")
    names: list[str] = []
    for node in joint_nodes:
        name = "root" if node < 0 else str(items[node].get("name") or f"node{node}")
        names.append(name if name not in names else f"{name} ({node})")
    return tuple(names)
