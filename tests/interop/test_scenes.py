"""Scenes go through programs of others and come back the same.

These tests need node 18 or later and the packages of package.json: `npm install --prefix tests/interop`, or
SFUMATO_INTEROP=<a folder with node_modules>. They are skipped where these are not there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sfumato.exports.scene import write_scene
from sfumato.sources.scene import read_scene
from sfumato.splats import SH_COEFFICIENTS, Splats3D

MODULES = Path(os.environ.get("SFUMATO_INTEROP", Path(__file__).parent)) / "node_modules"
COUNT = 700


def tool(path: str) -> list[str]:
    """What runs a script of an npm package."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (MODULES / path).exists():
        pytest.skip(f"{path} is not installed: npm install --prefix tests/interop")
    return [node, str(MODULES / path)]


def converted(source: Path, target: Path) -> Path:
    """`source` as splat-transform writes it to `target`; without a GPU."""
    command = [*tool("@playcanvas/splat-transform/bin/cli.mjs"), "-q", "-w", "-g", "cpu", str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return target


def scene(degree: int) -> Splats3D:
    """Splats within the range of every format, with harmonics of the size that trained scenes have."""
    rng = np.random.default_rng(5)
    rotation = rng.normal(size=(COUNT, 4))
    return Splats3D(
        rng.normal(0, 3, (COUNT, 3)),
        rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        np.exp(rng.uniform(-8, 2, (COUNT, 3))),
        rng.uniform(0.02, 0.98, COUNT),
        rng.normal(0, 0.2, (COUNT, SH_COEFFICIENTS[degree], 3)),
    )


def written(path: Path, degree: int) -> Path:
    if path.suffix == ".spz":
        pytest.importorskip("zstandard", reason="SPZ 4 needs the package zstandard")
    write_scene(scene(degree), path)
    return path


def assert_alike(found: Splats3D, expected: Splats3D, rounding: float) -> None:
    """The same splats in the same order; `rounding` as a share of what is usual for each attribute."""
    assert len(found) == len(expected) and found.sh_degree == expected.sh_degree
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-5 + 10 * rounding)
    np.testing.assert_allclose(np.log(found.scale), np.log(expected.scale), atol=1e-5 + 5 * rounding)
    np.testing.assert_allclose(found.opacity, expected.opacity, atol=1e-5 + rounding)
    np.testing.assert_allclose(found.sh, expected.sh, atol=1e-5 + 2 * rounding)
    np.testing.assert_allclose(np.abs((found.rotation * expected.rotation).sum(axis=1)), 1, atol=1e-5 + rounding / 10)


@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("suffix", [".ply", ".spz", ".sog"])
def test_another_program_reads_from_our_file_what_we_read_from_it(tmp_path: Path, suffix: str, degree: int) -> None:
    ours = written(tmp_path / f"ours{suffix}", degree)
    assert_alike(read_scene(converted(ours, tmp_path / "theirs.ply")).splats, read_scene(ours).splats, rounding=0.0)


def test_another_program_reads_our_antimatter_file(tmp_path: Path) -> None:
    ours = written(tmp_path / "ours.splat", 0)
    theirs = read_scene(converted(ours, tmp_path / "theirs.ply")).splats
    assert_alike(theirs, read_scene(ours).splats, rounding=0.003)  # readers differ in how they centre 8-bit values


@pytest.mark.parametrize("degree", [0, 2])
@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply", ".spz", ".sog"])
def test_we_read_what_another_program_makes_of_our_scene(tmp_path: Path, suffix: str, degree: int) -> None:
    if suffix == ".spz":
        pytest.importorskip("zstandard", reason="SPZ 4 needs the package zstandard")
    theirs = converted(written(tmp_path / "ours.ply", degree), tmp_path / f"theirs{suffix}")
    again = converted(theirs, tmp_path / "again.ply")
    assert_alike(read_scene(theirs).splats, read_scene(again).splats, rounding=0.0)


@pytest.mark.parametrize("degree", [0, 3])
def test_khronos_validator_finds_nothing_but_an_extension_it_does_not_know(tmp_path: Path, degree: int) -> None:
    ours = written(tmp_path / "ours.glb", degree)
    node, module = tool("gltf-validator/index.js")
    script = Path(__file__).with_name("validate.mjs")
    done = subprocess.run([node, script, module, ours], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["info"]["totalVertexCount"] == COUNT and not report["issues"]["truncated"]
    # Its release of 2024 knows neither the extension nor the names of its attributes.
    unexpected = [
        message
        for message in report["issues"]["messages"]
        if message["code"] != "UNSUPPORTED_EXTENSION"
        and not (
            message["code"] == "MESH_PRIMITIVE_INVALID_ATTRIBUTE" and "/KHR_gaussian_splatting:" in message["pointer"]
        )
    ]
    assert not unexpected


@pytest.mark.parametrize("degree", [0, 3])
def test_our_glb_holds_the_scene_that_another_program_writes(tmp_path: Path, degree: int) -> None:
    """Their axes are turned by half a turn about z instead of x, so that only what does not turn is compared."""
    ply = written(tmp_path / "ours.ply", degree)
    ours, theirs = (_attributes(path) for path in (
        written(tmp_path / "ours.glb", degree), converted(ply, tmp_path / "theirs.glb")
    ))  # fmt: skip
    assert set(ours) == set(theirs)
    for name in ("SCALE", "OPACITY", "SH_DEGREE_0_COEF_0"):
        name = f"KHR_gaussian_splatting:{name}"
        np.testing.assert_allclose(ours[name], theirs[name], 1e-5, err_msg=name)
    np.testing.assert_allclose(ours["POSITION"] * (-1, 1, -1), theirs["POSITION"], 1e-5, 1e-6)


def _attributes(path: Path) -> dict[str, np.ndarray]:
    data = path.read_bytes()
    size = int.from_bytes(data[12:16], "little")
    document, binary = json.loads(data[20 : 20 + size]), data[28 + size :]
    found = {}
    for name, index in document["meshes"][0]["primitives"][0]["attributes"].items():
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        kind = {5121: np.uint8, 5126: np.float32}[accessor["componentType"]]
        start = view["byteOffset"]
        found[name] = np.frombuffer(binary[start : start + view["byteLength"]], kind).reshape(accessor["count"], -1)
    return found
