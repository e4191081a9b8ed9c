from __future__ import annotations

import numpy as np
import pytest

from media.avatar.samples import OCTAHEDRON, OCTANTS, dressed, grown, sphere
from sfumato.camera import orbit
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.growth import Pull, chosen, grow, stream, uniform, worth
from sfumato.media.avatar.model import Avatar, Pose

VERTICES, FACES = sphere(3)
CAMERAS = orbit(np.zeros(3), 3.0, 3, width=96, height=96, fov_degrees=42)


def textured(opacity):
    """A sphere of 512 faces, its colours of all frequencies."""
    color = np.random.default_rng(0).uniform(size=(len(FACES), 3))
    avatar = Avatar.start(Forest(FACES, len(VERTICES)), 0, color)
    avatar.parameters.opacity[:] = np.log(opacity / (1 - opacity))
    return avatar


def worst_psnr(one, other):
    pictures = ([render(a.posed(VERTICES), c, background=(1, 1, 1)).color for c in CAMERAS] for a in (one, other))
    return min(-10 * np.log10(np.mean((a - b) ** 2)) for a, b in zip(*pictures, strict=True))


@pytest.mark.parametrize("patched", [True, False])
@pytest.mark.parametrize("opacity", [0.3, 0.7, 0.99])
def test_a_split_of_all_faces_hardly_changes_the_picture(patched, opacity):
    avatar = textured(opacity)
    after, _ = grow(avatar, avatar.forest.leaves(), VERTICES, patched=patched)
    assert len(after) == 4 * len(avatar)
    assert worst_psnr(avatar, after) > 33
    tenth, _ = grow(avatar, avatar.forest.leaves()[::10], VERTICES, patched=patched)
    assert worst_psnr(avatar, tenth) > 39


def test_children_of_the_faintest_parents_are_drawn():
    avatar = textured(0.005)
    after, _ = grow(avatar, avatar.forest.leaves(), VERTICES, patched=False)
    assert after.posed(VERTICES).opacity[len(avatar) :].min() > 2 / 255


def test_before_their_children_are_shown_parents_look_as_if_they_had_none():
    avatar = textured(0.7)
    after, _ = grow(avatar, np.arange(50), VERTICES, patched=True)
    before, base = avatar.posed(VERTICES), after.posed(VERTICES, after.forest.up_to(1))
    for name in ("mean", "rotation", "scale", "opacity", "sh"):
        assert (getattr(before, name) == getattr(base, name)).all()


def test_children_inherit_colour_direction_and_distance_from_the_face():
    avatar = dressed(Forest(FACES, len(VERTICES)), 1)
    after, split = grow(avatar, np.array([7]), VERTICES, patched=True)
    here, there = Pose(avatar, VERTICES), Pose(after, VERTICES)
    part, family = here.part(), slice(len(FACES), len(FACES) + 3)
    new = there.part()
    off = new.mean[:, family] - there.frames.centroid[:, family]
    assert np.allclose(off, (part.mean - here.frames.centroid)[:, [7]])
    assert np.allclose(abs(np.sum(new.quaternion[:, family] * part.quaternion[:, [7]], axis=0)), 1)
    assert (new.sh[family] == part.sh[7]).all()
    smaller = np.sort(new.scale[:, family] / part.scale[:, [7]], axis=0)
    assert np.allclose(smaller, [[0.8], [0.8], [1]])
    assert (split.from_face[: len(FACES)] == np.arange(len(FACES))).all()


def test_growth_keeps_all_that_was_learned():
    avatar = dressed(grown(Forest(OCTANTS, 6), 3, 0.4))
    after, split = grow(avatar, avatar.forest.leaves(1), OCTAHEDRON, patched=False)
    old, kept = split.from_face >= 0, split.from_split >= 0
    before, now = Pose(avatar, OCTAHEDRON).part(), Pose(after, OCTAHEDRON).part()
    for name in ("mean", "scale", "quaternion"):
        assert np.allclose(getattr(now, name)[:, old], getattr(before, name)[:, split.from_face[old]])
    assert (after.parameters.patch_color[kept] == avatar.parameters.patch_color).all()
    assert (after.parameters.patch_opacity[~kept] == 0).all()


def test_a_pull_is_a_mean_over_the_views_that_see_the_face():
    forest = Forest(OCTANTS, 6)
    pull = Pull(forest)
    pull.add(np.array([1, 0, 0, 0, 0, 0, 0, 2]))
    pull.add(np.array([3, 0, 0, 0, 0, 4, 0, 0]))
    assert pull.mean.tolist() == [2, 0, 0, 0, 0, 4, 0, 2]


def test_leaves_of_a_level_are_split_where_the_pull_is_hardest():
    forest = Forest(OCTANTS, 6).split(np.array([0, 1])).forest
    pull = np.array([9, 9, 1, 5, 3, 0, 2, 4, 7, 7, 7, 6, 6, 6])
    assert chosen(forest, pull, 1, threshold=2.5, budget=None).tolist() == [3, 4, 7]
    assert chosen(forest, pull, 1, threshold=2.5, budget=20).tolist() == [3, 7]
    assert chosen(forest, pull, 1, threshold=2.5, budget=13).tolist() == []
    assert chosen(forest, pull, 2, threshold=6.5, budget=None).tolist() == [8, 9, 10]
    assert chosen(forest, pull, None, threshold=4.5, budget=29).tolist() == [8, 9, 10, 11, 12]
    assert chosen(Forest(OCTANTS, 6, np.array([0, 1]), 2), pull, None, threshold=4.5, budget=29).tolist() == [3]


@pytest.mark.parametrize("budget", [8, 20, 32, 50, 200])
def test_uniform_growth_fills_level_after_level_up_to_the_budget(budget):
    forest, rng = Forest(OCTANTS, 6), np.random.default_rng(0)
    while len(faces := uniform(forest, budget, rng)):
        forest = forest.split(faces).forest
    assert len(forest) <= budget < len(forest) + 3
    assert all(len(forest.leaves(level)) == 0 for level in range(1, forest.depth - 1))


def test_uniform_growth_ends_at_the_last_level():
    forest, rng = Forest(OCTANTS, 6, max_depth=2), np.random.default_rng(0)
    forest = forest.split(uniform(forest, 1000, rng)).forest
    assert (len(forest), len(uniform(forest, 1000, rng))) == (32, 0)


def test_a_face_is_worth_what_its_splat_adds_to_the_pictures():
    avatar = textured(0.8)
    found = worth(avatar, [(VERTICES, CAMERAS[:1]), (VERTICES, CAMERAS[1:])])
    covered = sum(render(avatar.posed(VERTICES), camera).alpha.sum() for camera in CAMERAS)
    assert found.sum() == pytest.approx(covered, rel=1e-4)
    behind = worth(avatar, [(VERTICES, CAMERAS[:1])])[VERTICES[FACES].mean(axis=1) @ CAMERAS[0].position < -0.5]
    assert behind.max() < 0.05 * found.max()


@pytest.fixture(scope="module")
def head():
    """A forest of 20,192 faces, as many as a head on a phone, and what they are worth."""
    vertices, faces = sphere(5)
    forest = Forest(faces, len(vertices))
    for level in (1, 2):
        forest = forest.split(forest.leaves(level)[:6000:3]).forest
    return forest, np.random.default_rng(0).uniform(size=len(forest))


def test_a_head_of_20_000_splats_comes_in_at_least_24_steps(head):
    forest, values = head
    found = stream(forest, values)
    assert len(forest) == 20192
    assert len(found.chunks) >= 24
    sizes = [len(chunk) for chunk in found.chunks]
    assert max(sizes) <= 640
    assert min(sizes) > 400
    assert (np.sort(np.concatenate(found.chunks)) == np.arange(len(forest))).all()


def test_a_stream_goes_level_by_level_and_the_most_worth_first(head):
    forest, values = head
    found = stream(forest, values)
    levels = forest.levels()
    family = np.concatenate([values[:8192], np.repeat(values[8192:].reshape(-1, 3).sum(axis=1), 3)])
    for before, after, chunk, level in zip(
        found.chunks, found.chunks[1:], found.chunks[1:], found.levels[1:], strict=False
    ):
        assert (levels[chunk] == level).all()
        assert levels[before[0]] < level or family[before].min() >= family[after].max()
        assert (np.diff(chunk) > 0).all()
    assert list(found.levels) == sorted(found.levels)


def test_every_prefix_of_a_stream_can_be_posed():
    avatar = dressed(grown(Forest(OCTANTS, 6), 4, 0.5))
    found = stream(avatar.forest, worth(avatar, [(OCTAHEDRON, CAMERAS[:1])]), 6)
    whole = avatar.posed(OCTAHEDRON)
    for count in range(1, len(found.chunks) + 1):
        shown = found.prefix(count)
        assert (avatar.posed(OCTAHEDRON, shown).mean == whole.mean[shown]).all()
    assert shown.all()
