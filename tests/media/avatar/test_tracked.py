"""Tracked meshes without a rig get one that makes them again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import SettingsError
from sfumato.media.avatar.synth import procedural_rig
from sfumato.media.avatar.synth_script import script
from sfumato.media.avatar.tracked import rig_of_frames

from .rigs import ball


def again(tracked):
    return tracked.rig.pose(tracked.weights, {"root": tracked.rotations}, tracked.translation)


def film(rig, frames=24, seed=0):
    """Meshes [T, V, 3] of a rig with three shapes, turned and moved by much."""
    random = np.random.default_rng(seed)
    weights = random.uniform(-1, 1, (frames, len(rig.shape_names)))
    turns, shift = random.uniform(-1, 1, (frames, 3)), random.uniform(-0.2, 0.2, (frames, 3))
    return rig.pose(weights, {"root": turns}, shift)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_frames_of_three_shapes_and_a_rigid_motion_are_made_again_by_few_components(seed):
    rig = ball(shape_names=("a", "b", "c"), shapes=ball().shapes[:3], skin=np.eye(3)[np.zeros(66, int)], arkit={})
    frames = film(rig, seed=seed)
    tracked = rig_of_frames(frames, rig.faces, 12)
    assert np.abs(again(tracked) - frames).max() < 2e-5  # metres
    assert tracked.weights.shape == (24, len(tracked.rig.shape_names)) and len(tracked.rig.shape_names) <= 12


def test_a_talking_head_is_made_again_to_a_tenth_of_a_millimetre_and_better_with_more_components():
    rig, moments = procedural_rig(2_000), script(48)
    frames = np.stack([rig.drive(m.arkit, {"neck": m.head}, m.shift) for m in moments])
    errors = []
    for components in (4, 16, 40):
        apart = np.linalg.norm(again(rig_of_frames(frames, rig.faces, components)) - frames, axis=2)
        errors.append(float(np.sqrt(np.square(apart).mean())))
    assert errors[0] > errors[1] > errors[2] and errors[1] < 1e-4 and errors[2] < 2e-5


def test_the_neutral_is_one_of_the_frames_and_weights_reach_1():
    rig = ball()
    tracked = rig_of_frames(film(rig), rig.faces)
    still = np.flatnonzero(np.abs(tracked.weights).max(axis=1) < 1e-4)
    assert len(still) == 1
    np.testing.assert_allclose(np.abs(tracked.weights).max(axis=0), 1, atol=1e-5)
    assert tracked.rig.shape_names[0] == "tracked 01"
    energy = np.square(tracked.weights[:, :, None] * tracked.rig.shapes.reshape(len(tracked.rig.shapes), -1)).sum(
        axis=(0, 2)
    )
    assert (np.diff(energy) <= 1e-9).all()


def test_a_head_that_only_turns_needs_no_components():
    rig = ball()
    random = np.random.default_rng(1)
    frames = rig.pose(None, {"root": random.uniform(-2, 2, (9, 3))}, random.uniform(-1, 1, (9, 3)))
    tracked = rig_of_frames(frames, rig.faces)
    assert tracked.rig.shape_names == () and np.abs(again(tracked) - frames).max() < 2e-6


def test_one_frame_is_a_rig_that_stands_still():
    rig = ball()
    tracked = rig_of_frames(rig.vertices[None], rig.faces)
    assert tracked.weights.shape == (1, 0)
    np.testing.assert_allclose(again(tracked)[0], rig.vertices, atol=1e-7)


def test_what_is_no_tracked_mesh_is_refused():
    for frames in (np.zeros((3, 4)), np.full((2, 4, 3), np.nan), np.zeros((0, 4, 3))):
        with pytest.raises(SettingsError):
            rig_of_frames(frames, [[0, 1, 2]])
    with pytest.raises(SettingsError):
        rig_of_frames(np.zeros((2, 4, 3)), [[0, 1, 2]], -1)
