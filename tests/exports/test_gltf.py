"""Splats leave as glTF without any loss, upright, and every promise of the format is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from glb_check import EXTENSION, read_glb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfumato.errors import OutputError
from sfumato.exports import gltf
from sfumato.exports.gltf import write_glb
from sfumato.kernels.harmonics import basis
from sfumato.splats import SH_COEFFICIENTS, Splats3D

TO_GLTF = np.diag([1.0, -1.0, -1.0])  # right, down, forward to right, up, back


def scene(count: int, degree: int = 0, seed: int = 1) -> Splats3D:
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    return Splats3D(
        rng.uniform(-20, 20, (count, 3)),
        rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        np.exp(rng.uniform(-8, 2, (count, 3))),
        rng.uniform(0, 1, count),
        rng.normal(0, 0.5, (count, SH_COEFFICIENTS[degree], 3)),
    )


def matrices(w: NDArray, x: NDArray, y: NDArray, z: NDArray) -> NDArray[np.float64]:
    rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]
    rows += [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]
    rows += [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return np.stack(rows, axis=-1).astype(np.float64).reshape(-1, 3, 3)


def covariance(rotation: NDArray[np.float64], scale: NDArray[np.float32]) -> NDArray[np.float64]:
    half = rotation * scale[:, None]
    return half @ half.transpose(0, 2, 1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 40), degree=st.integers(0, 3), seed=st.integers(0, 2**32 - 1))
def test_every_promise_of_the_format_is_kept_and_the_scene_stays_the_same(
    tmp_path: Path, count: int, degree: int, seed: int
) -> None:
    splats = scene(count, degree, seed)
    write_glb(splats, tmp_path / "a.glb")
    _, found = read_glb((tmp_path / "a.glb").read_bytes())
    np.testing.assert_array_equal(found["POSITION"], splats.mean @ TO_GLTF.astype(np.float32))
    np.testing.assert_array_equal(found[f"{EXTENSION}:SCALE"], splats.scale)
    np.testing.assert_array_equal(found[f"{EXTENSION}:OPACITY"][:, 0], splats.opacity)
    x, y, z, w = found[f"{EXTENSION}:ROTATION"].T
    turned = covariance(matrices(w, x, y, z), found[f"{EXTENSION}:SCALE"])
    original = covariance(matrices(*splats.rotation.T), splats.scale)
    np.testing.assert_allclose(turned, TO_GLTF @ original @ TO_GLTF, rtol=1e-4, atol=1e-5)
    names = [f"{EXTENSION}:SH_DEGREE_{d}_COEF_{n}" for d in range(degree + 1) for n in range(2 * d + 1)]
    assert len(found) == 5 + len(names)
    sh = np.stack([found[name] for name in names], axis=1)
    direction = np.random.default_rng(seed).normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    seen = np.einsum("nk,nkc->nc", basis(direction, degree), splats.sh)
    seen_there = np.einsum("nk,nkc->nc", basis(direction @ TO_GLTF, degree), sh)
    np.testing.assert_allclose(seen_there, seen, atol=1e-5)


def test_viewers_without_splats_get_linear_colours(tmp_path: Path) -> None:
    splats = scene(4)
    grey = np.float32([0.0, 0.04, 0.5, 1.5])
    splats.sh[:, 0] = (grey[:, None] - 0.5) * np.sqrt(4 * np.pi)
    splats.opacity[:] = (0, 0.2, 0.5, 1)
    write_glb(splats, tmp_path / "a.glb")
    _, found = read_glb((tmp_path / "a.glb").read_bytes())
    # 0.5 in sRGB is 0.2140 of the light of white.
    assert found["COLOR_0"].tolist() == [[0, 0, 0, 0], [1, 1, 1, 51], [55, 55, 55, 128], [255, 255, 255, 255]]


def test_the_bytes_of_a_splat_are_those_that_are_documented(tmp_path: Path) -> None:
    for degree, more in enumerate((0, 36, 96, 180)):
        sizes = []
        for count in (1000, 2000):
            write_glb(scene(count, degree), tmp_path / "a.glb")
            sizes.append((tmp_path / "a.glb").stat().st_size)
        assert abs(sizes[1] - sizes[0] - 1000 * (60 + more)) < 200  # digits of the JSON


def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"a\.glb.*there are no splats"):
        write_glb(Splats3D.empty(), tmp_path / "a.glb")
    monkeypatch.setattr(gltf, "_MAX_BYTES", 10_000)
    with pytest.raises(OutputError, match=r"200 splats take 13,\d+ bytes and a \.glb holds 10,000"):
        write_glb(scene(200), tmp_path / "a.glb")
    assert not list(tmp_path.iterdir())
