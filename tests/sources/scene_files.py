"""Scenes and PLY files for the tests of what reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sfumato.splats import SH_COEFFICIENTS, Splats3D

SHARED = Path(__file__).parents[3] / "shared" / "data"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} of ../shared/data is not here")
    return path


def scene(count: int = 20, degree: int = 3, seed: int = 1) -> Splats3D:
    """Random splats with attributes in the range that every format holds."""
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    sh = rng.uniform(-0.9, 0.9, (count, SH_COEFFICIENTS[degree], 3))
    return Splats3D(
        rng.uniform(-20, 20, (count, 3)),
        rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        np.exp(rng.uniform(-8, 2, (count, 3))),
        rng.uniform(0.02, 0.98, count),
        sh,
    )


def ply_fields(splats: Splats3D) -> dict[str, NDArray[np.float32]]:
    """The columns of a 3DGS PLY, written down a second time, independently of the exporter."""
    fields = {axis: splats.mean[:, i] for i, axis in enumerate("xyz")}
    fields |= {f"n{axis}": np.zeros(len(splats), np.float32) for axis in "xyz"}
    fields |= {f"f_dc_{c}": splats.sh[:, 0, c] for c in range(3)}
    rest = splats.sh.shape[1] - 1
    fields |= {f"f_rest_{c * rest + k}": splats.sh[:, k + 1, c] for c in range(3) for k in range(rest)}
    fields["opacity"] = np.log(splats.opacity / (1 - splats.opacity))
    fields |= {f"scale_{i}": np.log(splats.scale[:, i]) for i in range(3)}
    fields |= {f"rot_{i}": splats.rotation[:, i] * 3 for i in range(4)}
    return fields


def write_ply(
    path: Path,
    fields: dict[str, NDArray[np.float32]],
    *,
    count: int | None = None,
    before: str = "",
    between: bytes = b"",
    after: str = "",
    order: str = "<",
    kind: str = "float",
) -> Path:
    """A PLY with one element vertex of `fields`; the other arguments bend it."""
    name = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    table = np.stack(list(fields.values()), axis=1).astype(order + {"float": "f4", "double": "f8"}[kind])
    properties = "".join(f"property {kind} {field}\n" for field in fields)
    vertices = len(table) if count is None else count
    header = f"ply\nformat {name} 1.0\n{before}element vertex {vertices}\n{properties}{after}end_header\n"
    path.write_bytes(header.encode() + between + table.tobytes())
    return path


def assert_same(found: Splats3D, expected: Splats3D, tolerance: float = 1e-5) -> None:
    for name in ("mean", "rotation", "scale", "opacity", "sh"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), tolerance, tolerance, err_msg=name)
