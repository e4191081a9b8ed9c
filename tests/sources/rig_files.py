"""Small files of rigs, in the layouts that the readers know."""

from __future__ import annotations

import json
import pickle
import struct
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FLAME_SHAPES = 310  # 300 identities and 10 expressions
_MOUTH = -0.03  # the height of the mouth of the head below


def shared(name: str) -> Path:
    path = Path(__file__).parents[3] / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"{name} of ../shared/data is not here")
    return path


def face() -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """A curved sheet with a hole for a mouth and two eyes: vertices, faces, and how much the jaw moves each vertex."""
    x, y = np.meshgrid(np.linspace(-0.08, 0.08, 17), np.linspace(-0.1, 0.1, 21))
    vertices = np.column_stack([x.ravel(), y.ravel(), 0.1 - 10 * x.ravel() ** 2 - 2 * y.ravel() ** 2])
    row, column = (axis.ravel() for axis in np.mgrid[:20, :16])
    hole = (abs(column - 7.5) < 3) & (abs(row - 6.5) < 1)
    a = (row * 17 + column)[~hole]
    faces = np.concatenate([np.column_stack([a, a + 1, a + 18]), np.column_stack([a, a + 18, a + 17])])
    jaw = np.where((abs(vertices[:, 0]) < 0.06) & (abs(vertices[:, 1] + 0.05) < 0.03), 1.0, 0.0)
    jaw[vertices[:, 1] > _MOUTH - 0.001] = 0
    for side in (1, -1):
        tip = np.array([0.03 * side, 0.04, 0.1])
        start = len(vertices)
        vertices = np.concatenate([vertices, tip + 0.01 * np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, -1, 0]])])
        faces = np.concatenate([faces, start + np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])])
        jaw = np.append(jaw, np.zeros(4))
    return vertices, faces, jaw


def flame(**changes: Any) -> dict[str, Any]:
    """A head in the layout of a FLAME file."""
    vertices, faces, jaw = face()
    count = len(vertices)
    random = np.random.default_rng(4)
    weights = np.zeros((count, 5))
    weights[:, 2], weights[-8:-4, 3], weights[-4:, 4] = jaw, 1, 1
    weights[:, 1] = 1 - weights.sum(axis=1)
    bottom = vertices[:, 1] < -0.09
    weights[bottom] = [1, 0, 0, 0, 0]
    regressor = np.zeros((5, count))
    hinge = (abs(vertices[:, 0]) > 0.075) & (abs(vertices[:, 1]) < 0.02)
    for joint, of in enumerate((bottom, weights[:, 1] > 0, hinge, weights[:, 3] > 0, weights[:, 4] > 0)):
        regressor[joint, of] = 1 / of.sum()
    model = {
        "v_template": vertices, "f": faces.astype(np.uint32), "weights": weights, "J_regressor": regressor,
        "shapedirs": random.normal(0, 0.001, (count, 3, FLAME_SHAPES)),
        "posedirs": random.normal(0, 0.0005, (count, 3, 36)),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
        "J": regressor @ vertices, "bs_style": "lbs", "bs_type": "lrotmin",
    }  # fmt: skip
    return model | changes


def chumpy_class(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that pickles like a variable of chumpy."""
    module = types.ModuleType("chumpy.ch")
    found = type("Ch", (), {"__module__": "chumpy.ch"})
    module.Ch = found  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return found


def write_flame(path: Path, **changes: Any) -> Path:
    path.write_bytes(pickle.dumps(flame(**changes), protocol=2))
    return path


def python2_array(values: NDArray[np.float64]) -> bytes:
    """What Python 2 made of {"a": values}: text and bytes are one type, names are those of numpy 1."""
    return (
        b"\x80\x02}q\x01U\x01aq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87R"
        b"q\x05(K\x01K"
        + bytes([len(values)])
        + b"\x85cnumpy\ndtype\nq\x06U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff"
        b"\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<I", values.nbytes) + values.tobytes() + b"tbs."
    )


class Glb:
    """A .glb made piece by piece."""

    def __init__(self) -> None:
        self.data = b""
        self.json: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0, "bufferViews": [], "accessors": []}

    def view(self, values: NDArray[Any]) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        place = {"buffer": 0, "byteOffset": len(self.data), "byteLength": values.nbytes}
        self.data += values.tobytes()
        self.json["bufferViews"].append(place)
        return len(self.json["bufferViews"]) - 1

    def accessor(self, values: NDArray[Any], **others: Any) -> int:
        kinds = {"f4": 5126, "u1": 5121, "u2": 5123, "u4": 5125}
        widths = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
        values = values.reshape(len(values), -1)
        entry = {
            "bufferView": self.view(values), "componentType": kinds[values.dtype.str[1:]], "count": len(values),
            "type": widths[values.shape[1]],
        }  # fmt: skip
        return self.entry(entry | others)

    def sparse(self, count: int, rows: list[int], values: NDArray[np.float32]) -> int:
        """An accessor of `count` zeros but for a few rows."""
        sparse = {
            "count": len(rows), "values": {"bufferView": self.view(values)},
            "indices": {"bufferView": self.view(np.array(rows, np.uint16)), "componentType": 5123},
        }  # fmt: skip
        return self.entry({"componentType": 5126, "count": count, "type": "VEC3", "sparse": sparse})

    def entry(self, entry: dict[str, Any]) -> int:
        self.json["accessors"].append(entry)
        return len(self.json["accessors"]) - 1

    def bytes(self) -> bytes:
        self.json["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        body = self.data + b"\0" * (-len(self.data) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def head_glb() -> Glb:
    """A quad of two triangles on two bones, one metre above the ground, with two morph targets and an extra mesh.

    Vertices 0 and 1 hang on the bone "hips" at (0, 1, 0), 2 and 3 on the bone "head" at (0, 1.5, 0).
    """
    glb = Glb()
    quad = np.array([[-1, 0, 0], [1, 0, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    inverse = np.stack([np.eye(4), np.eye(4)]).astype(np.float32)
    inverse[1, 3, 1] = -0.5  # columns first: the head lies half a metre above the hips, in the space of the mesh
    attributes = {
        "POSITION": glb.accessor(quad),
        "TEXCOORD_0": glb.accessor(
            np.array([[0, 65535], [65535, 65535], [65535, 0], [0, 0]], np.uint16), normalized=True
        ),
        "JOINTS_0": glb.accessor(np.array([[0, 1, 1, 1]] * 2 + [[1, 0, 0, 0]] * 2, np.uint8)),
        "WEIGHTS_0": glb.accessor(np.array([[255, 0, 0, 0]] * 4, np.uint8), normalized=True),
    }
    targets = [
        {"POSITION": glb.sparse(4, [2], np.array([[0, 0, 0.25]], np.float32))},
        {"POSITION": glb.accessor(np.full((4, 3), 0.125, np.float32))},
    ]
    skinned = {
        "primitives": [
            {
                "attributes": attributes,
                "targets": targets,
                "indices": glb.accessor(np.array([0, 1, 2, 0, 2, 3], np.uint8)),
            }
        ],
        "extras": {"targetNames": ["jawOpen", "eyeBlink_L"]},
    }
    hat = {"primitives": [{"attributes": {k: attributes[k] for k in ("POSITION", "TEXCOORD_0")}}], "name": "hat"}
    triangle = glb.accessor(np.array([0, 1, 2], np.uint16))
    hat["primitives"][0]["indices"] = triangle  # type: ignore[index]
    glb.json |= {
        "scenes": [{"nodes": [0, 3]}],
        "nodes": [
            {"name": "hips", "translation": [0, 1, 0], "children": [1]},
            {"name": "head", "translation": [0, 0.5, 0], "children": [2]},
            {"name": "hat", "mesh": 1, "scale": [0.5, 0.5, 0.5]},
            {"name": "body", "mesh": 0, "skin": 0},
        ],
        "meshes": [skinned, hat],
        "skins": [{"joints": [0, 1], "inverseBindMatrices": glb.accessor(inverse)}],
    }
    return glb


def write_obj(path: Path, vertices: NDArray[Any], faces: NDArray[Any], uv: NDArray[Any] | None = None) -> Path:
    lines = ["# a comment", "mtllib none.mtl", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices)]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in (uv if uv is not None else [])]
    for face_ in faces:
        corners = [str(k + 1) if uv is None else f"{k + 1}/{k + 1}/" for k in face_ if k >= 0]
        lines.append("f " + " ".join(corners))
    path.write_text("\n".join(lines) + "\n")
    return path
