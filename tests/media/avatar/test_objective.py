from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from media.avatar.samples import OCTAHEDRON, OCTANTS, bent, dressed, grown, slope
from sfumato.camera import Camera
from sfumato.errors import SettingsError
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.model import Avatar, Parameters, Pose
from sfumato.media.avatar.objective import (
    ObjectiveSettings,
    Supervised,
    _restrain,
    all_levels,
    objective,
    one_prefix,
)

FOREST = grown(Forest(OCTANTS, 6), 3, 0.4)
CAMERA = Camera.look_at(np.array([1.0, -2, -3]), np.zeros(3), width=24, height=20, fov_degrees=45)
FREE = ObjectiveSettings(offset_weight=0, scale_weight=0)


def soft(seed=0):
    """An avatar whose splats are faint and wide, so that few end at their cut-off inside the picture."""
    avatar = dressed(FOREST, 1, seed)
    avatar.parameters.opacity[:] -= 1
    avatar.parameters.log_scale[:] += 0.5
    return avatar


def seen_by_another():
    return render(soft(1).posed(OCTAHEDRON), CAMERA, background=(1, 1, 1)).color


def moved(parameters, way, step):
    return Parameters(*(getattr(parameters, f.name) + step * getattr(way, f.name) for f in fields(Parameters)))


def norm(parameters):
    return np.sqrt(sum(np.sum(getattr(parameters, f.name) ** 2) for f in fields(Parameters)))


def scaled(parameters, factor):
    return moved(parameters, parameters, factor - 1)


@pytest.mark.parametrize("background", [(0, 0, 0), (1, 1, 1)])
def test_the_gradient_is_the_derivative_of_the_loss(background):
    avatar, mesh, picture = soft(), bent(OCTAHEDRON), np.full((20, 24, 3), float(background[0]))
    found = objective(avatar, mesh, CAMERA, picture, all_levels(FOREST), background=background)

    def value(parameters, mesh):
        return objective(
            Avatar(FOREST, parameters), mesh, CAMERA, picture, all_levels(FOREST), background=background
        ).value

    length = norm(found.gradient)
    way, step = scaled(found.gradient, 1 / length), 0.02
    change = value(moved(avatar.parameters, way, step), mesh) - value(moved(avatar.parameters, way, -step), mesh)
    assert change / (2 * step) == pytest.approx(length, rel=0.05)
    length = np.linalg.norm(found.mesh)
    change = value(avatar.parameters, mesh + 0.01 * found.mesh / length)
    change -= value(avatar.parameters, mesh - 0.01 * found.mesh / length)
    assert change / 0.02 == pytest.approx(length, rel=0.05)


def test_a_few_steps_down_make_every_level_better():
    picture = seen_by_another()
    avatar = Avatar.start(FOREST)
    begun = objective(avatar, OCTAHEDRON, CAMERA, picture, all_levels(FOREST))
    for _ in range(30):
        found = objective(avatar, OCTAHEDRON, CAMERA, picture, all_levels(FOREST))
        avatar = Avatar(FOREST, moved(avatar.parameters, found.gradient, -2.0))
    assert found.value < 0.7 * begun.value
    assert all(now < 0.7 * then for now, then in zip(found.errors, begun.errors, strict=True))


def test_a_prefix_alone_gives_no_gradient_to_what_it_does_not_show():
    shown = FOREST.up_to(2)
    found = objective(soft(), OCTAHEDRON, CAMERA, seen_by_another(), [Supervised(shown, 1.0)]).gradient
    assert (found.sh[~shown] == 0).all()
    late = FOREST.is_split >= FOREST.ends[0]  # their children are of level 3
    assert (found.point[late] == 0).all()
    assert (found.patch_opacity[late] == 0).all()
    assert (found.patch_opacity[~late] != 0).any()


def test_weights_of_prefixes_scale_their_share():
    picture, levels = seen_by_another(), all_levels(FOREST)
    one = objective(soft(), OCTAHEDRON, CAMERA, picture, levels)
    two = objective(soft(), OCTAHEDRON, CAMERA, picture, [replace(p, weight=2 * p.weight) for p in levels])
    assert two.value == pytest.approx(2 * one.value)
    assert np.allclose(two.gradient.sh, 2 * one.gradient.sh, atol=1e-9)
    assert two.errors == one.errors
    assert np.allclose(two.screen, one.screen)


def test_splats_at_home_cost_nothing():
    avatar, picture = Avatar.start(FOREST), seen_by_another()
    restrained = objective(avatar, OCTAHEDRON, CAMERA, picture, all_levels(FOREST)).value
    assert restrained == objective(avatar, OCTAHEDRON, CAMERA, picture, all_levels(FOREST), settings=FREE).value


def test_splats_that_leave_their_faces_are_pulled_back_by_the_derivative():
    settings = ObjectiveSettings(offset_weight=0.3, offset_limit=0.4, scale_weight=0.7, scale_limit=0.3)
    avatar = dressed(FOREST)
    shown = FOREST.up_to(2)
    seen = np.arange(shown.sum()) % 3 > 0

    def cost(parameters):
        pose = Pose(Avatar(FOREST, parameters), OCTAHEDRON)
        nothing = Parameters.zeros(len(FOREST), FOREST.splits, 0, np.float64)
        return _restrain(pose, pose.part(shown), seen, settings, 0.5, nothing), nothing

    value, found = cost(avatar.parameters)
    assert value > 0
    for name in ("offset", "log_scale", "patch_log_scale"):
        at = getattr(avatar.parameters, name)
        numeric = slope(lambda v: cost(replace(avatar.parameters, **{name: v}))[0], at)  # noqa: B023
        assert np.abs(numeric).max() > 0
        assert np.allclose(getattr(found, name), numeric, atol=1e-8), name


def test_levels_nest_and_weigh_alike():
    levels = all_levels(FOREST)
    assert [p.weight for p in levels] == [pytest.approx(1 / 3)] * 3
    assert levels[-1].shown is None
    assert (levels[0].shown <= levels[1].shown).all()


def test_all_chunks_ends_are_supervised_in_turn_beside_the_whole():
    order = stream(FOREST, np.arange(len(FOREST), dtype=float), 6)
    rng = np.random.default_rng(0)
    drawn = set()
    for _ in range(200):
        part, whole = one_prefix(order, rng)
        assert whole.shown is None
        assert part.weight + whole.weight == 1
        drawn.add(int(part.shown.sum()))
    assert drawn == {int(order.prefix(k).sum()) for k in range(1, len(order.chunks))}


def test_a_stream_of_one_chunk_is_supervised_whole():
    only = one_prefix(stream(Forest(OCTANTS, 6), np.ones(8)), np.random.default_rng(0))
    assert [(p.shown, p.weight) for p in only] == [(None, 1.0)]


@pytest.mark.parametrize("wrong", [{"ssim_weight": 1.5}, {"scale_limit": -1}, {"offset_weight": np.nan}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=f"cannot fit an avatar: {next(iter(wrong))}"):
        ObjectiveSettings(**wrong)
