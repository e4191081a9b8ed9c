from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.avatar.samples import OCTAHEDRON, OCTANTS, bent, grown, slope
from sfumato.errors import InputError
from sfumato.media.avatar.forest import Forest, barycentric, check_template

BARE = Forest(OCTANTS, 6)


def logits_of(forest, seed=0):
    return np.random.default_rng(seed).normal(0, 1.5, (forest.splits, 3))


def test_level_1_is_the_template():
    assert (BARE.faces == OCTANTS).all()
    assert (BARE.depth, BARE.ends, BARE.vertex_count) == (1, (8,), 6)
    assert (BARE.vertices(OCTAHEDRON, np.zeros((0, 3))) == OCTAHEDRON).all()


def test_a_split_adds_one_point_three_leaves_and_takes_one():
    made = BARE.split(np.array([3]))
    assert (len(made.forest), made.forest.splits, made.forest.vertex_count) == (11, 1, 7)
    assert made.forest.leaves().tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]
    i, j, k = OCTANTS[3]
    assert made.forest.faces[8:].tolist() == [[i, j, 6], [j, k, 6], [k, i, 6]]


def test_equal_logits_are_the_centroid():
    forest = BARE.split(np.array([0, 5])).forest
    points = forest.vertices(OCTAHEDRON, np.full((2, 3), 0.7))[6:]
    assert np.allclose(points, OCTAHEDRON[OCTANTS[[0, 5]]].mean(axis=1))


def test_any_logits_are_weights():
    extreme = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [0.1, 0.2, 0.3]])
    weights = barycentric(extreme)
    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_children_cover_their_parent_and_stay_inside_under_any_deformation(seed, depth):
    forest = grown(Forest(OCTANTS, 6, max_depth=depth), depth, 0.3, seed)
    vertices = forest.vertices(bent(OCTAHEDRON, seed), logits_of(forest, seed))
    corner = vertices[forest.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])  # as long as twice the area
    children = forest.children(np.arange(forest.splits))
    # Areas with their direction add up: no child is outside, none is turned over.
    assert np.allclose(normal[children].sum(axis=1), normal[forest.is_split])
    assert (np.einsum("nkc,nc->nk", normal[children], normal[forest.is_split]) > 0).all()


def test_levels_lie_one_after_another_and_children_in_the_order_of_their_parents():
    forest = grown(BARE, 4)
    levels = forest.levels()
    assert (np.diff(levels) >= 0).all()
    assert levels[-1] == forest.depth == 4
    assert [forest.up_to(level).sum() for level in range(1, 5)] == list(forest.ends)
    children = forest.children(np.arange(forest.splits))
    assert (children.ravel() == np.arange(8, len(forest))).all()
    assert (levels[children] == levels[forest.is_split][:, None] + 1).all()


def test_the_order_does_not_depend_on_when_faces_were_split():
    whole = grown(BARE, 3, 0.6)
    late = whole.is_split[whole.is_split < 8][1::2]  # these faces of level 1 are split last, and their children then
    early = BARE.split(np.setdiff1d(whole.is_split[whole.is_split < 8], late)).forest
    first = early.split(late)
    assert first.forest.is_split.tolist() == whole.is_split[whole.is_split < 8].tolist()
    again = first.forest.split(whole.is_split[whole.is_split >= 8]).forest
    assert (again.faces == whole.faces).all()


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_what_was_there_before_a_split_keeps_its_place_and_its_values(seed):
    forest = grown(BARE, 3, 0.4, seed)
    rng = np.random.default_rng(seed)
    some = rng.choice(forest.leaves(), 5, replace=False)
    made = forest.split(some)
    logits = logits_of(forest, seed)
    before = forest.vertices(OCTAHEDRON, logits)[forest.faces]
    after = made.forest.vertices(OCTAHEDRON, made.of_splits(logits))[made.forest.faces]
    old = made.from_face >= 0
    assert (after[old] == before[made.from_face[old]]).all()
    assert old.sum() == len(forest)
    assert (made.of_faces(np.arange(1.0, len(forest) + 1)) == np.where(old, made.from_face + 1, 0)).all()
    assert (np.sort(made.from_face[made.forest.is_split[made.from_split < 0]]) == np.sort(some)).all()


def test_points_follow_logits_and_mesh_by_their_derivatives():
    forest = grown(BARE, 4, 0.3)
    logits, mesh = logits_of(forest), bent(OCTAHEDRON)
    weight = np.random.default_rng(1).normal(size=(forest.vertex_count, 3))
    d_mesh, d_logits = forest.vertices_gradient(forest.vertices(mesh, logits), logits, weight)
    assert np.allclose(d_mesh, slope(lambda m: np.sum(weight * forest.vertices(m, logits)), mesh), atol=1e-7)
    assert np.allclose(d_logits, slope(lambda v: np.sum(weight * forest.vertices(mesh, v)), logits), atol=1e-7)


@pytest.mark.parametrize(
    ("split", "what"), [([3, 2], "ascending"), ([1, 1], "none twice"), ([0, 11], "face 11 is split but"), ([-1], "asc")]
)
def test_numbers_that_are_no_forest_are_refused(split, what):
    with pytest.raises(ValueError, match=what):
        Forest(OCTANTS, 6, np.array(split))


def test_no_face_is_split_twice_or_beyond_the_last_level():
    forest = Forest(OCTANTS, 6, max_depth=2).split(np.array([1])).forest
    with pytest.raises(ValueError, match="face 1 is split already"):
        forest.split(np.array([0, 1]))
    with pytest.raises(ValueError, match="face 9 is of level 2, the last"):
        forest.split(np.array([0, 9]))
    with pytest.raises(ValueError, match="levels where at most 2"):
        Forest(OCTANTS, 6, np.array([1, 9]), max_depth=2)
    with pytest.raises(ValueError, match=r"0\.\.10"):
        forest.split(np.array([11]))


def test_a_good_template_passes():
    check_template(OCTANTS, OCTAHEDRON, "head.obj")
    check_template(OCTANTS[:5], OCTAHEDRON, "open.obj")


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        ([[0, 2, 4], [0, 2, 2]], "face 1 is degenerate"),
        ([[0, 2, 4], [0, 1, 6], [2, 1, 4]], "face 1 is degenerate"),
        ([[0, 2, 4], [2, 1, 4], [2, 0, 5], [0, 2, 3]], "faces 0, 2, 3 lie at non-manifold edges"),
    ],
)
def test_faces_that_are_no_surface_are_named_by_number(faces, message):
    vertices = np.concatenate([OCTAHEDRON, np.zeros((1, 3))])  # the last lies between the first two
    with pytest.raises(InputError, match=f"cannot grow an avatar on 'head.obj': {message}"):
        check_template(np.array(faces), vertices, "head.obj")
