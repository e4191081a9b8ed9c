"""A strict reader of .glb files with splats: every promise of glTF 2.0 and KHR_gaussian_splatting that they touch."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXTENSION = "KHR_gaussian_splatting"
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
COMPONENTS = {5121: np.dtype("u1"), 5126: np.dtype("<f4")}
REQUIRED = {"POSITION": "VEC3"} | {f"{EXTENSION}:{name}": kind for name, kind in (
    ("ROTATION", "VEC4"), ("SCALE", "VEC3"), ("OPACITY", "SCALAR"), ("SH_DEGREE_0_COEF_0", "VEC3"),
)}  # fmt: skip


def read_glb(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The JSON and the attributes of the only primitive; AssertionError where a promise is broken."""
    document, binary = chunks(data)
    assert document["asset"]["version"] == "2.0"
    assert document["extensionsUsed"] == [EXTENSION] and "extensionsRequired" not in document
    assert [buffer["byteLength"] for buffer in document["buffers"]] == [len(binary)]
    (mesh,), (node,), (scene,) = document["meshes"], document["nodes"], document["scenes"]
    assert document["scene"] == 0 and scene["nodes"] == [0] and node == {"mesh": 0}
    (primitive,) = mesh["primitives"]
    assert primitive["mode"] == 0 and "indices" not in primitive and "material" not in primitive
    extension = primitive["extensions"][EXTENSION]
    assert extension["kernel"] == "ellipse" and extension["colorSpace"] == "srgb_rec709_display"
    assert extension["projection"] == "perspective" and extension["sortingMethod"] == "cameraDistance"
    attributes = primitive["attributes"]
    assert sorted(attributes.values()) == list(range(len(document["accessors"])))
    check_names(document, attributes)
    found = {name: accessor(document, binary, index) for name, index in attributes.items()}
    assert len({len(array) for array in found.values()}) == 1
    check_values(document, attributes, found)
    return document, found


def chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    magic, version, length = struct.unpack_from("<4sII", data)
    assert magic == b"glTF" and version == 2 and length == len(data)
    json_length, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and json_length % 4 == 0
    at = 20 + json_length
    binary_length, kind = struct.unpack_from("<I4s", data, at)
    assert kind == b"BIN\0" and binary_length % 4 == 0 and at + 8 + binary_length == len(data)
    text = data[20:at]
    assert text.startswith(b"{") and text.rstrip(b" ").endswith(b"}")
    return json.loads(text), data[at + 8 :]


def check_names(document: dict[str, Any], attributes: dict[str, int]) -> None:
    """The required attributes are there, and of the harmonics whole degrees without a gap."""
    for name, kind in REQUIRED.items():
        assert document["accessors"][attributes[name]]["type"] == kind, name
    orders: dict[int, set[int]] = {}
    for name in set(attributes) - set(REQUIRED) - {"COLOR_0"}:
        match = re.fullmatch(rf"{EXTENSION}:SH_DEGREE_(\d)_COEF_(\d)", name)
        assert match, name
        orders.setdefault(int(match[1]), set()).add(int(match[2]))
    assert sorted(orders) == list(range(1, len(orders) + 1)) and len(orders) <= 3
    assert all(found == set(range(2 * degree + 1)) for degree, found in orders.items())


def accessor(document: dict[str, Any], binary: bytes, index: int) -> NDArray[Any]:
    found = document["accessors"][index]
    view = document["bufferViews"][found["bufferView"]]
    kind, width = COMPONENTS[found["componentType"]], WIDTHS[found["type"]]
    assert view["buffer"] == 0 and view["target"] == 34962 and "byteStride" not in view
    assert view["byteOffset"] % 4 == 0 and kind.itemsize * width % 4 == 0  # vertex attributes are aligned to 4 bytes
    assert found["count"] > 0 and view["byteLength"] == found["count"] * width * kind.itemsize
    assert view["byteOffset"] + view["byteLength"] <= len(binary) and found.get("byteOffset", 0) == 0
    assert found.get("normalized", False) == (kind == np.uint8)
    return np.frombuffer(binary, kind, found["count"] * width, view["byteOffset"]).reshape(-1, width)


def check_values(document: dict[str, Any], attributes: dict[str, int], found: dict[str, NDArray[Any]]) -> None:
    assert all(np.isfinite(array).all() for array in found.values())
    position = document["accessors"][attributes["POSITION"]]
    np.testing.assert_array_equal(np.float32(position["min"]), found["POSITION"].min(axis=0))
    np.testing.assert_array_equal(np.float32(position["max"]), found["POSITION"].max(axis=0))
    np.testing.assert_allclose(np.linalg.norm(found[f"{EXTENSION}:ROTATION"], axis=1), 1, atol=1e-6)
    assert (found[f"{EXTENSION}:SCALE"] >= 0).all()
    assert ((found[f"{EXTENSION}:OPACITY"] >= 0) & (found[f"{EXTENSION}:OPACITY"] <= 1)).all()
