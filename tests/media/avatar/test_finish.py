from __future__ import annotations

import numpy as np

from media.avatar.samples import PaintedSphere, dressed, grown, sphere
from sfumato.media.avatar.codec import encode_forest
from sfumato.media.avatar.finish import coarsest
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.pictures import Pictures, scaled
from sfumato.media.avatar.quantise import rounded

MESH, FACES = sphere(1)
AVATAR = dressed(grown(Forest(FACES, len(MESH)), 3, 0.5), 1)
LEVEL = np.random.default_rng(0).integers(-2, 3, len(AVATAR))


def test_what_is_rounded_is_what_a_decoder_reads():
    order = stream(AVATAR.forest, np.ones(len(AVATAR)), 30)
    for fineness in (-8, 0, 20):
        *_, (_, known) = encode_forest(AVATAR, order, LEVEL, fineness)
        decoded, here = known.avatar().posed(MESH), rounded(AVATAR, LEVEL, fineness).posed(MESH)
        for name in ("mean", "rotation", "scale", "opacity", "sh"):
            assert (getattr(decoded, name) == getattr(here, name)).all()


def test_rounding_is_as_coarse_as_its_cost_allows():
    truth = AVATAR.posed(MESH)

    def quality(avatar):
        return -float(np.abs(avatar.posed(MESH).sh - truth.sh).mean())

    found = coarsest(AVATAR, LEVEL, quality, 0.01)
    assert quality(rounded(AVATAR, LEVEL, found)) >= -0.01
    assert quality(rounded(AVATAR, LEVEL, found - 1)) < -0.01


def test_pictures_are_scaled_with_their_cameras():
    capture = PaintedSphere().capture()
    whole, half = (Pictures(capture, capture.pairs("train"), scale) for scale in (1.0, 0.5))
    assert whole[3].picture.shape == (40, 48, 3)
    assert half[3].picture.shape == (20, 24, 3)
    assert half[3].camera.fx == whole[3].camera.fx / 2
    means = whole[3].picture.reshape(20, 2, 24, 2, 3).mean(axis=(1, 3))
    assert np.abs(half[3].picture - means).max() < 1.01 / 255
    assert scaled(capture.cameras[0].camera, 1.0) == capture.cameras[0].camera


def test_pictures_that_do_not_fit_into_memory_are_read_again(monkeypatch):
    monkeypatch.setattr("sfumato.media.avatar.pictures.KEPT_BYTES", 6000)
    capture = PaintedSphere().capture()
    pictures = Pictures(capture, capture.pairs("train"), 1.0)
    first = [pictures[number].picture for number in range(3)]
    assert all((pictures[number].picture == first[number]).all() for number in range(3))
    assert len(pictures._kept) == 1


def test_pictures_are_chosen_evenly():
    capture = PaintedSphere().capture()
    pictures = Pictures(capture, capture.pairs("train"), 1.0)
    assert pictures.some(3) == [0, 16, 32]
    assert pictures.some(1000) == list(range(33))


def test_what_a_mask_leaves_out_is_background():
    class Untidy(PaintedSphere):
        def mask(self, frame, camera):
            covered = np.zeros(self.size[::-1], np.float32)
            covered[:, 10:] = 0.5
            return covered

    capture = Untidy().capture(background=(0.0, 1.0, 0.0))
    seen = Pictures(capture, [(0, 0)], 1.0)[0].picture
    assert (seen[:, :10] == [0, 1, 0]).all()
    assert np.abs(seen[:, 10:] - capture.image(0, 0)[:, 10:]).max() < 1 / 255
