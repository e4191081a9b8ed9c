from __future__ import annotations

import numpy as np
import pytest

from sfumato.kernels import loss


def pair(shape, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.uniform(size=shape).astype(np.float32)
    return (target + rng.normal(0, 0.1, shape)).astype(np.float32), target


@pytest.mark.parametrize("shape", [(37, 53, 3), (64, 40, 4), (5, 3, 1), (1, 1, 3), (33, 7, 2), (200, 16, 3)])
@pytest.mark.parametrize("weight", [0, 0.2, 1])
def test_the_loss_is_that_of_the_reference(isa, shape, weight):
    image, target = pair(shape)
    l1, ssim, gradient = loss.reference(image.astype(float), target.astype(float), weight)
    found = loss.l1_ssim(image, target, weight=weight)
    assert found.l1 == pytest.approx(l1, rel=1e-5, abs=1e-8)
    assert found.ssim == pytest.approx(ssim, abs=1e-6)
    assert found.value == pytest.approx((1 - weight) * l1 + weight * (1 - ssim), abs=1e-6)
    assert np.linalg.norm(found.gradient - gradient) <= 1e-5 * np.linalg.norm(gradient) + 1e-9


def test_the_gradient_is_the_derivative_of_the_loss():
    image, target = (part.astype(float) for part in pair((7, 6, 2)))
    gradient = loss.reference(image, target, 0.4)[2]
    for index in np.ndindex(image.shape):
        step = np.zeros_like(image)
        step[index] = 1e-5
        values = [0.6 * l1 + 0.4 * (1 - ssim) for l1, ssim, _ in
                  (loss.reference(image + sign * step, target, 0.4) for sign in (1, -1))]  # fmt: skip
        assert gradient[index] == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-8)


def test_equal_pictures_have_no_loss_and_no_gradient(kernels):
    _, target = pair((20, 30, 3))
    found = loss.l1_ssim(target, target)
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.ssim == pytest.approx(1, abs=1e-6)
    assert np.abs(found.gradient).max() < 1e-7


def test_black_pictures_are_equal(kernels):
    found = loss.l1_ssim(np.zeros((9, 9, 3), np.float32), np.zeros((9, 9, 3), np.float32))
    assert found.value == pytest.approx(0, abs=1e-7)
    assert np.isfinite(found.gradient).all()


def test_the_number_of_threads_changes_no_bit(isa, monkeypatch):
    image, target = pair((150, 40, 3))
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setenv("SFUMATO_THREADS", str(threads))
        found = loss.l1_ssim(image, target)
        results.append((found.value, found.gradient.tobytes()))
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("shapes", [((4, 5, 3), (5, 4, 3)), ((4, 5), (4, 5)), ((0, 5, 3), (0, 5, 3))])
def test_pictures_that_cannot_be_compared_are_refused(shapes):
    with pytest.raises(ValueError, match="two pictures"):
        loss.l1_ssim(*(np.zeros(shape, np.float32) for shape in shapes))


@pytest.mark.parametrize("weight", [-0.1, 1.1, np.nan])
def test_a_weight_outside_0_to_1_is_refused(weight):
    with pytest.raises(ValueError, match="weight of SSIM"):
        loss.l1_ssim(*pair((4, 4, 3)), weight=weight)
