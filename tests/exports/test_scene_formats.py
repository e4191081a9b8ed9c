"""A scene in the format of another tool comes back within that format's precision, also through that tool."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sfumato.errors import OutputError
from sfumato.exports.antimatter import write_antimatter
from sfumato.exports.scene import SCENES, write_scene
from sfumato.exports.splat_ply import write_splat_ply
from sfumato.exports.spz import write_spz
from sfumato.sources.scene import read_scene
from sfumato.splats import SH_C0, SH_COEFFICIENTS, Splats3D

any_folder = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def floats(least: float, most: float) -> st.SearchStrategy[float]:
    low, high = (float(np.float32(value)) for value in (least, most))
    return st.floats(low, high, width=32, allow_subnormal=False)


@st.composite
def scenes(draw: st.DrawFn, *, reach: float, scale: tuple[float, float], color: float, degrees: int = 3) -> Splats3D:
    """1 to 20 splats; `scale` as logarithms, `color` the greatest constant harmonic."""
    count, degree = draw(st.integers(1, 20)), draw(st.integers(0, degrees))

    def numbers(shape: tuple[int, ...], least: float, most: float) -> np.ndarray:
        return draw(hnp.arrays(np.float32, shape, elements=floats(least, most)))

    rotation = numbers((count, 4), -1, 1)
    rotation[np.linalg.norm(rotation, axis=1) < 1e-3] = [0.5, -0.5, 0.5, 0.5]
    rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
    sh = np.concatenate(
        [numbers((count, 1, 3), -color, color), numbers((count, SH_COEFFICIENTS[degree] - 1, 3), -1, 1)], 1
    )
    return Splats3D(
        numbers((count, 3), -reach, reach),
        rotation,
        np.exp(numbers((count, 3), *scale)),
        numbers((count,), 0, 1),
        sh,
    )


def rotation_error(found: Splats3D, expected: Splats3D) -> float:
    """The greatest difference of a component between quaternions of the same sign."""
    same = np.where((found.rotation * expected.rotation).sum(axis=1, keepdims=True) < 0, -1, 1)
    return float(np.abs(found.rotation * same - expected.rotation).max())


def assert_within_spz(found: Splats3D, expected: Splats3D, twice: float = 0) -> None:
    """twice: further error of harmonics that are rounded to 8 bits before they are to fewer."""
    assert np.abs(found.mean - expected.mean).max() < 0.5 / 4096 * 1.01
    assert np.abs(np.log(found.scale / expected.scale)).max() < 0.5 / 16 * 1.01
    assert np.abs(found.opacity - expected.opacity).max() < 0.5 / 255 * 1.01
    assert np.abs(found.sh[:, 0] - expected.sh[:, 0]).max() < 0.5 / 255 / 0.15 * 1.01
    assert np.abs(found.sh[:, 1:4] - expected.sh[:, 1:4]).max(initial=0) < 0.5 / 16 * 1.01 + twice
    assert np.abs(found.sh[:, 4:] - expected.sh[:, 4:]).max(initial=0) < 0.5 / 8 * 1.01 + twice
    assert rotation_error(found, expected) < 2.5e-3


def assert_within_antimatter(found: Splats3D, expected: Splats3D) -> None:
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-5)
    assert np.abs(found.opacity - expected.opacity).max() < 0.5 / 255 * 1.01
    assert np.abs(found.sh - expected.sh[:, :1]).max() < 0.5 / 255 / SH_C0 * 1.01
    assert rotation_error(found, expected) < 0.02  # a component of 1 becomes 127 / 128


@any_folder
@given(splats=scenes(reach=1e6, scale=(-60, 60), color=1e3))
def test_a_ply_gives_back_what_float32_holds(tmp_path: Path, splats: Splats3D) -> None:
    write_splat_ply(splats, tmp_path / "a.ply")
    found = read_scene(tmp_path / "a.ply").splats
    np.testing.assert_array_equal(found.mean, splats.mean)
    np.testing.assert_array_equal(found.sh, splats.sh)
    np.testing.assert_allclose(found.rotation, splats.rotation, atol=1e-6)
    np.testing.assert_allclose(found.scale, splats.scale, rtol=1e-5)
    np.testing.assert_allclose(found.opacity, splats.opacity, atol=3e-7)


@any_folder
@given(splats=scenes(reach=2047, scale=(-10, 5.93), color=3.33))
def test_an_spz_gives_back_what_its_steps_hold_and_then_changes_no_more(tmp_path: Path, splats: Splats3D) -> None:
    write_spz(splats, tmp_path / "a.spz")
    found = read_scene(tmp_path / "a.spz").splats
    assert_within_spz(found, splats)
    write_spz(found, tmp_path / "b.spz")
    again = read_scene(tmp_path / "b.spz").splats
    for name in ("mean", "scale", "opacity", "sh"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert rotation_error(again, found) < 1e-6 or rotation_error(again, splats) < 2.5e-3


@any_folder
@given(splats=scenes(reach=1e6, scale=(-60, 60), color=1.77, degrees=0))
def test_a_splat_file_gives_back_what_its_bytes_hold(tmp_path: Path, splats: Splats3D) -> None:
    write_antimatter(splats, tmp_path / "a.splat")
    assert_within_antimatter(read_scene(tmp_path / "a.splat").splats, splats)
    assert (tmp_path / "a.splat").stat().st_size == 32 * len(splats)


def sample(count: int = 300, degree: int = 3) -> Splats3D:
    rng = np.random.default_rng(4)
    rotation = rng.normal(size=(count, 4))
    rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
    sh = rng.uniform(-0.9, 0.9, (count, SH_COEFFICIENTS[degree], 3))
    scale = np.exp(rng.uniform(-6, 1, (count, 3)))
    return Splats3D(rng.uniform(-9, 9, (count, 3)), rotation, scale, rng.uniform(0.02, 0.98, count), sh)


def test_a_ply_has_the_fields_of_3dgs_in_their_usual_order(tmp_path: Path) -> None:
    splats = sample(2, 1)
    write_scene(splats, tmp_path / "a.ply", antialiased=True)
    header, rows = (tmp_path / "a.ply").read_bytes().split(b"end_header\n")
    names = [line.split()[-1] for line in header.decode().splitlines() if line.startswith("property float")]
    rest = [f"f_rest_{i}" for i in range(9)]
    assert names == [
        *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", *rest, "opacity"),
        *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
    ]
    first = dict(zip(names, struct.unpack_from("<23f", rows), strict=True))
    assert first["f_rest_4"] == splats.sh[0, 2, 1]  # channel by channel: the second coefficient of green
    assert first["opacity"] == pytest.approx(np.log(splats.opacity[0] / (1 - splats.opacity[0])), rel=1e-5)
    assert first["scale_1"] == pytest.approx(np.log(splats.scale[0, 1]), rel=1e-5)
    assert [first[f"rot_{i}"] for i in range(4)] == splats.rotation[0].tolist()


@pytest.mark.parametrize("suffix", [".ply", ".spz"])
def test_that_a_scene_is_antialiased_survives_where_there_is_a_place_for_it(tmp_path: Path, suffix: str) -> None:
    for antialiased in (True, False):
        write_scene(sample(), tmp_path / f"a{suffix}", antialiased=antialiased)
        assert read_scene(tmp_path / f"a{suffix}").antialiased is antialiased


def test_opacities_of_0_and_1_stay_finite_in_a_ply(tmp_path: Path) -> None:
    splats = sample(2, 0)
    splats.opacity[:] = (0, 1)
    write_splat_ply(splats, tmp_path / "a.ply")
    np.testing.assert_allclose(read_scene(tmp_path / "a.ply").splats.opacity, [0, 1], atol=1e-8)


def test_values_beyond_what_a_format_holds_become_the_nearest_it_holds(tmp_path: Path) -> None:
    splats = sample(2, 1)
    splats.scale[0] = (1e-9, 1e9, 1)
    splats.sh[:] = (50, -50, 0)
    write_spz(splats, tmp_path / "a.spz")
    found = read_scene(tmp_path / "a.spz").splats
    np.testing.assert_allclose(found.scale[0], np.exp([-10, 255 / 16 - 10, 0]), rtol=1e-6)
    np.testing.assert_allclose(found.sh[0, 0], [0.5 / 0.15, -0.5 / 0.15, 0], atol=0.014)
    assert found.sh[0, 1].tolist() == [1, -127 / 128, 0]  # this harmonic changes its sign with the axes
    write_antimatter(splats, tmp_path / "a.splat")
    color = 0.5 + SH_C0 * read_scene(tmp_path / "a.splat").splats.sh[0, 0]
    np.testing.assert_allclose(color, [1, 0, 0.5], atol=0.002)


@pytest.mark.parametrize(("reach", "step"), [(2047.9, 1 / 4096), (2048.1, 1 / 2048), (8e6, 1)])
def test_an_spz_of_a_vast_scene_takes_coarser_steps(tmp_path: Path, reach: float, step: float) -> None:
    splats = sample()
    splats.mean[7, 1] = reach
    write_spz(splats, tmp_path / "a.spz")
    error = np.abs(read_scene(tmp_path / "a.spz").splats.mean - splats.mean)
    assert step / 8 < error.max() <= step / 2 * 1.01 + reach * 1e-7


def test_what_cannot_be_written_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    far = sample()
    far.mean[7, 1] = 9e6
    broken = sample()
    broken.scale[3, 2] = 0
    for splats, name, says in (
        (far, "a.spz", "SPZ reaches to 8,388,607"),
        (broken, "a.ply", "scales that are not finite and above 0"),
        (broken, "a.spz", "scales that are not finite and above 0"),
        (broken, "a.splat", "scales that are not finite and above 0"),
        (sample(), "a.obj", r"the suffix '\.obj' is not one of \.ply, \.spz"),
        (sample(), "missing/a.ply", "no folder"),
    ):
        with pytest.raises(OutputError, match=says):
            write_scene(splats, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_without_zstandard_an_spz_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(OutputError, match=r"needs the package zstandard; pip install 'sfumato\[scenes\]'"):
        write_scene(sample(), tmp_path / "a.spz")


def test_an_spz_is_less_than_a_quarter_of_a_ply(tmp_path: Path) -> None:
    for suffix in SCENES[:2]:
        write_scene(sample(5000), tmp_path / f"a{suffix}")
    assert (tmp_path / "a.spz").stat().st_size < 0.25 * (tmp_path / "a.ply").stat().st_size


def splat_transform(source: Path, destination: Path) -> tuple[int, int, int]:
    """Convert with PlayCanvas' tool, which shares no code with ours; returns the signs of its axes in SPZ files.

    Up to version 2 they are those of the format, right, up, back; since version 3 they stay those of the PLY.
    """
    command = shutil.which("splat-transform")
    if command is None:
        pytest.skip("splat-transform is not installed: npm install --global @playcanvas/splat-transform")
    done = subprocess.run([command, "-w", source, destination], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and destination.exists(), done.stdout + done.stderr
    version = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    return (1, 1, 1) if "v2." in version.stdout + version.stderr else (1, -1, -1)


@pytest.mark.parametrize("degree", [0, 3])
@pytest.mark.parametrize("suffix", [".ply", ".spz", ".splat"])
def test_another_tool_reads_what_is_written(tmp_path: Path, suffix: str, degree: int) -> None:
    splats = sample(degree=degree)
    write_scene(splats, tmp_path / f"ours{suffix}")
    signs = splat_transform(tmp_path / f"ours{suffix}", tmp_path / "theirs.ply")
    found = read_scene(tmp_path / "theirs.ply").splats
    if suffix == ".ply":
        np.testing.assert_array_equal(found.mean, splats.mean)
        np.testing.assert_array_equal(found.sh, splats.sh)
        np.testing.assert_allclose(found.opacity, splats.opacity, atol=1e-6)
        np.testing.assert_allclose(found.scale, splats.scale, rtol=1e-5)
        assert rotation_error(found, splats) < 1e-6
    elif suffix == ".spz":
        assert_within_spz(found.with_axes_flipped(*signs), splats)
    else:
        assert_within_antimatter(found, splats)


@pytest.mark.parametrize("suffix", [".compressed.ply", ".spz"])
def test_what_another_tool_writes_is_read(tmp_path: Path, suffix: str) -> None:
    splats = sample()
    write_scene(splats, tmp_path / "ours.ply")
    signs = splat_transform(tmp_path / "ours.ply", tmp_path / f"theirs{suffix}")
    found = read_scene(tmp_path / f"theirs{suffix}").splats
    if suffix == ".spz":
        assert_within_spz(found.with_axes_flipped(*signs), splats, 0.5 / 128)
        return
    order = np.array([np.argmin(np.abs(splats.mean - mean).sum(axis=1)) for mean in found.mean])  # it sorts
    assert len(set(order)) == len(splats)
    assert np.abs(found.mean - splats.mean[order]).max() < 0.02
    assert np.abs(np.log(found.scale / splats.scale[order])).max() < 0.01
    assert np.abs(found.opacity - splats.opacity[order]).max() < 0.003
    assert np.abs(found.sh[:, 1:] - splats.sh[order, 1:]).max() < 8 / 512 * 1.01
    assert rotation_error(found, splats[order]) < 2.5e-3
