"""Splats leave as SOG within the precision of the format, and the same splats always as the same bytes."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfumato.errors import OutputError
from sfumato.exports.sog import write_sog
from sfumato.sources.sog import read_sog
from sfumato.splats import SH_COEFFICIENTS, Splats3D


def scene(count: int, degree: int = 0, seed: int = 1, reach: float = 20.0) -> Splats3D:
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    return Splats3D(
        rng.uniform(-reach, reach, (count, 3)),
        rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        np.exp(rng.uniform(-8, 2, (count, 3))),
        rng.uniform(0, 1, count),
        rng.normal(0, 0.5, (count, SH_COEFFICIENTS[degree], 3)),
    )


def logs(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale on which SOG rounds positions."""
    return np.sign(values) * np.log1p(np.abs(values.astype(np.float64)))


def partners(found: Splats3D, written: Splats3D) -> Splats3D:
    """`written` in the order of `found`: each by the nearest position, which the format moves the least."""
    distance = np.abs(logs(found.mean)[:, None] - logs(written.mean)).max(axis=2)
    order = distance.argmin(axis=1)
    assert len(np.unique(order)) == len(written)
    return written[order]


def angle(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Radians between rotations."""
    return 2 * np.arccos(np.clip(np.abs((a.astype(np.float64) * b).sum(axis=1)), 0, 1))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 150),
    degree=st.integers(0, 3),
    seed=st.integers(0, 2**32 - 1),
    reach=st.sampled_from([1e-3, 1.0, 50.0, 1e6]),
)
def test_splats_come_back_within_the_precision_of_the_format(
    tmp_path: Path, count: int, degree: int, seed: int, reach: float
) -> None:
    written = scene(count, degree, seed, reach)
    write_sog(written, tmp_path / "a.sog")
    found = read_sog(tmp_path / "a.sog").splats
    assert (len(found), found.sh_degree) == (count, degree)
    expected = partners(found, written)
    span = np.ptp(logs(written.mean), axis=0)
    assert (np.abs(logs(found.mean) - logs(expected.mean)) <= span / 65535 * 0.51 + 1e-6).all()
    assert angle(found.rotation, expected.rotation).max() < 0.02  # half a step of 1/180 in three components
    assert np.abs(found.opacity - expected.opacity).max() <= 0.5 / 255 + 1e-6
    assert np.abs(np.log(found.scale / expected.scale)).max() < 0.15  # 256 values over a range of 10
    assert np.abs(found.sh - expected.sh).max() < 0.3  # 256 values over a range of 4, far apart at the ends
    assert np.sqrt(np.mean((found.sh - expected.sh) ** 2)) < 0.01


def test_a_few_values_come_back_exactly(tmp_path: Path) -> None:
    written = scene(80, 2)
    scale, sh = np.float32([0.01, 0.5, 2.0]), np.linspace(-1, 1, 200, dtype=np.float32)
    few = dataclasses.replace(
        written, scale=scale[np.arange(240).reshape(80, 3) % 3], sh=sh[np.arange(80 * 27).reshape(80, 9, 3) % 200]
    )
    write_sog(few, tmp_path / "a.sog")
    found = read_sog(tmp_path / "a.sog").splats
    np.testing.assert_allclose(found.scale, partners(found, few).scale, 1e-6)
    np.testing.assert_allclose(found.sh[:, 0], partners(found, few).sh[:, 0], atol=1e-6)


def test_what_is_written_again_stays_as_it_is(tmp_path: Path) -> None:
    write_sog(scene(300, 1), tmp_path / "a.sog")
    first = read_sog(tmp_path / "a.sog").splats
    write_sog(first, tmp_path / "b.sog")
    second = read_sog(tmp_path / "b.sog").splats
    for name in ("mean", "scale", "opacity", "sh"):
        np.testing.assert_allclose(getattr(second, name), getattr(first, name), 1e-5, 1e-6, err_msg=name)
    assert angle(first.rotation, second.rotation).max() < 1e-3


def test_colour_survives_below_an_opacity_of_zero(tmp_path: Path) -> None:
    written = dataclasses.replace(scene(50), opacity=np.zeros(50))
    write_sog(written, tmp_path / "a.sog")
    found = read_sog(tmp_path / "a.sog").splats
    assert not found.opacity.any()
    np.testing.assert_allclose(found.sh, partners(found, written).sh, atol=0.1)


def test_the_same_splats_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sog(scene(2000, 3), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_near_splats_stand_near_each_other_in_the_file(tmp_path: Path) -> None:
    write_sog(scene(4000), tmp_path / "a.sog")
    mean = read_sog(tmp_path / "a.sog").splats.mean
    steps = np.linalg.norm(np.diff(mean, axis=0), axis=1)
    at_random = np.linalg.norm(mean - np.random.default_rng(0).permutation(mean), axis=1)
    assert np.median(steps) < np.median(at_random) / 5


def test_the_file_is_laid_out_as_the_specification_says(tmp_path: Path) -> None:
    write_sog(scene(1000, 2), tmp_path / "a.sog", antialiased=True)
    with zipfile.ZipFile(tmp_path / "a.sog") as archive:
        assert archive.testzip() is None
        names, meta = archive.namelist(), json.loads(archive.read("meta.json"))
    assert meta["version"] == 2 and meta["count"] == 1000 and meta["antialias"] is True
    named = [file for part in ("means", "scales", "quats", "sh0", "shN") for file in meta[part]["files"]]
    assert sorted(named) == sorted(set(names) - {"meta.json"}) and len(named) == 7
    assert [len(meta[part]["codebook"]) for part in ("scales", "sh0", "shN")] == [256] * 3
    assert meta["shN"]["bands"] == 2 and meta["shN"]["count"] == 1000
    assert read_sog(tmp_path / "a.sog").antialiased


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("mean", np.nan, "positions that are not finite"),
        ("scale", 0, "scales that are not finite and above 0"),
        ("opacity", 1.5, "opacities outside 0..1"),
        ("rotation", 0, "rotations of zero"),
        ("sh", np.inf, "harmonics that are not finite"),
    ],
)
def test_values_without_a_meaning_are_refused_and_nothing_is_written(
    tmp_path: Path, field: str, value: float, says: str
) -> None:
    splats = scene(5)
    getattr(splats, field)[3] = value
    with pytest.raises(OutputError, match=f"cannot write '.*a.sog': splat 3 and 0 others have {says}"):
        write_sog(splats, tmp_path / "a.sog")
    assert not list(tmp_path.iterdir())


def test_no_splats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no splats"):
        write_sog(Splats3D.empty(), tmp_path / "a.sog")
