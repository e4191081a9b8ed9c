from __future__ import annotations

import numpy as np
import pytest

from sfumato.camera import Camera
from sfumato.kernels.splats3d import Shot
from sfumato.splats import Splats3D

torch = pytest.importorskip("torch", reason="fits on a GPU need torch (the fit extra)")
from sfumato.kernels.device_shot import DeviceShot  # noqa: E402

CAMERA = Camera.look_at(np.array([0.0, -1, -4]), np.zeros(3), width=40, height=32, fov_degrees=50)


def some_splats() -> Splats3D:
    rng = np.random.default_rng(0)
    arrays = (
        rng.normal(0, 0.6, (60, 3)),
        rng.normal(size=(60, 4)),
        rng.uniform(0.05, 0.3, (60, 3)),
        rng.uniform(0.2, 0.9, 60),
        rng.normal(0, 0.4, (60, 4, 3)),
    )
    return Splats3D(*(array.astype(np.float32) for array in arrays))


def compared(device: str) -> tuple[list, list]:
    splats, slope = some_splats(), np.random.default_rng(1).normal(size=(32, 40, 3)).astype(np.float32)
    here = Shot(splats, CAMERA, background=(1, 1, 1))
    there = DeviceShot(splats, CAMERA, background=(1, 1, 1), device=device)
    names = ("mean", "rotation", "scale", "opacity", "sh", "screen")
    one, other = here.gradient(slope), there.gradient(slope)
    return (
        [here.rendering.color, *(getattr(one, name) for name in names)],
        [there.rendering.color, *(getattr(other, name) for name in names)],
    )


def test_on_the_cpu_it_is_the_shot_of_the_cpus_kernels():
    for one, other in zip(*compared("cpu"), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu_it_draws_and_differentiates_alike():
    for one, other in zip(*compared("cuda"), strict=True):
        assert np.linalg.norm(one - other) < 0.02 * np.linalg.norm(one)
