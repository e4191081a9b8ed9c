"""The PSNR in INDX is that of pictures of the prefixes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from media.scene.samples import decoded, scene, with_fields
from sfumato.camera import Camera
from sfumato.kernels.splats3d import render
from sfumato.media.scene import measure
from sfumato.media.scene.encode import encode_scene
from sfumato.media.scene.measure import views
from sfumato.splats import Splats3D


@pytest.fixture(scope="module")
def splats() -> Splats3D:
    return scene(400, 1, seed=6, opacity=(0.3, 1))


@pytest.fixture(scope="module")
def data(splats: Splats3D) -> bytes:
    return encode_scene(splats)


def pictures(splats: Splats3D, cameras: list[Camera]) -> NDArray[np.float64]:
    """What the cameras see, in 8-bit steps, [cameras, H, W, 3]."""
    seen = [np.clip(render(splats, camera).color, 0, 1) for camera in cameras]
    return np.rint(255 * np.stack(seen).astype(np.float64))


def test_every_quality_is_what_the_prefix_measures(splats: Splats3D, data: bytes) -> None:
    cameras = views(splats)[::3]
    truth = pictures(splats, cameras)
    for prefix in decoded(data).parser.prefixes():
        shown = decoded(data[: prefix.length]).splats
        error = np.mean((pictures(shown, cameras) - truth) ** 2)
        assert prefix.quality_db == pytest.approx(20 * np.log10(255) - 10 * np.log10(error), abs=0.01)


def test_quality_rises_from_node_to_splat(data: bytes) -> None:
    found = [prefix.quality_db for prefix in decoded(data).parser.prefixes()]
    qualities = [quality for quality in found if quality is not None]
    assert len(qualities) == len(found) == 6
    assert qualities[-1] > qualities[0] + 5
    assert sum(b > a for a, b in itertools.pairwise(qualities)) >= 4


def test_long_files_are_measured_at_their_base_here_and_there_and_at_their_end(
    splats: Splats3D, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "MOST_MEASURED", 2)
    found = [prefix.quality_db for prefix in decoded(encode_scene(splats)).parser.prefixes()]
    assert sum(quality is not None for quality in found) == 3
    assert found[0] is not None and found[-1] is not None


def test_cameras_look_at_the_scene_and_a_lone_floater_does_not_matter(splats: Splats3D) -> None:
    mean = splats.mean.copy()
    mean[0] = 1e5
    for scene_ in (splats, with_fields(splats, mean=mean)):
        cameras = views(scene_)
        assert len(cameras) == 18
        assert all(np.abs(camera.rotation @ np.zeros(3) + camera.translation)[2] < 8 for camera in cameras)


@pytest.mark.parametrize("place", [0.0, 1e12])
def test_a_lone_splat_is_seen_wherever_it_stands(splats: Splats3D, place: float) -> None:
    one = with_fields(splats[:1], mean=np.full((1, 3), place))
    cameras = views(one)
    assert len(cameras) == 18
    if not place:
        assert all(render(one, camera).color.max() > 0.01 for camera in cameras)
