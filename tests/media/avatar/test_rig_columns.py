from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.coding import SymbolDecoder, SymbolEncoder
from sfumato.media.avatar.rig_columns import LIMIT, code_columns, plan_columns
from sfumato.media.avatar.rig_ladder import ladder_of

from .samples import sphere


def there_and_back(faces, values):
    """The bytes of values [V, C, D], and what they are decoded to."""
    ladder = ladder_of(len(values), faces)
    plan = plan_columns(ladder, values)
    encoder = SymbolEncoder()
    code_columns(encoder, ladder, plan, len(values), values.shape[1], values)
    payload = encoder.finish()
    decoder = SymbolDecoder(payload)
    found = code_columns(decoder, ladder, plan, len(values), values.shape[1], None)
    decoder.finish()
    return payload, found


def plain_ladder(faces):
    """The ladder as docs/format.md describes it: its top, and rows and known neighbours of every rung."""
    edges = {(u, v) for face in faces.tolist() for u in face for v in face if u != v}
    nodes, levels = sorted(set(faces.ravel().tolist())), []
    while len(nodes) > 16 and edges and len(levels) < 16:
        beside = {v: sorted(w for u, w in edges if u == v) for v in nodes}
        color = dict.fromkeys(nodes, 3)
        for number in range(3):
            for v in sorted(nodes, key=lambda v: -(v * 2654435761 % 2**32)):
                if color[v] == 3 and all(color[w] != number for w in beside[v]):
                    color[v] = number
        rows = [[v for v in nodes if color[v] == number] for number in (1, 2, 3)]
        levels.insert(0, [(v, [w for w in beside[v] if color[w] < color[v]]) for rung in rows for v in rung])
        into = {v: v if color[v] == 0 else next(w for w in beside[v] if color[w] == 0) for v in nodes}
        edges = {(into[u], into[v]) for u, v in edges if into[u] != into[v]}
        nodes = [v for v in nodes if color[v] == 0]
    return nodes, [entry for level in levels for entry in level]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 80), vertices=st.integers(1, 60))
def test_every_vertex_in_a_face_is_coded_once_after_its_neighbours(seed, faces, vertices):
    mesh = np.random.default_rng(seed).integers(0, vertices, (faces, 3))
    ladder = ladder_of(vertices, mesh)
    done = ladder.top.tolist()
    for rung in ladder.rungs:
        assert len(rung.rows) and (rung.count > 0).all() and set(rung.known.tolist()) <= set(done)
        done += rung.rows.tolist()
    assert sorted(done) == np.unique(mesh).tolist()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    faces=st.integers(1, 60),
    columns=st.integers(1, 3),
    parts=st.sampled_from([1, 3]),
    size=st.sampled_from([1, 30, 4000, LIMIT]),
)
def test_all_whole_numbers_come_back(seed, faces, columns, parts, size):
    random = np.random.default_rng(seed)
    values = random.integers(-size, size, (25, columns, parts), endpoint=True)
    mesh = random.integers(0, 25, (faces, 3))
    values[np.setdiff1d(np.arange(25), mesh)] = 0
    assert (there_and_back(mesh, values)[1] == values).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(20, 120))
def test_the_ladder_is_the_one_that_the_format_describes(seed, faces):
    random = np.random.default_rng(seed)
    meshes = random.integers(0, 70, (faces, 3)), sphere(2)[1]
    for mesh in meshes:
        top, entries = plain_ladder(mesh)
        ladder = ladder_of(70, mesh)
        assert ladder.top.tolist() == top
        found = [
            (int(row), rung.known[start : start + count].tolist())
            for rung in ladder.rungs
            for row, start, count in zip(rung.rows, rung.start, rung.count, strict=True)
        ]
        assert found == entries


def test_stars_and_long_paths_cost_no_more_time_than_other_meshes():
    count = 20_000
    falling = np.argsort(-(np.arange(count) * 2654435761 & 0xFFFFFFFF))
    path = np.stack([falling[:-1], falling[1:], falling[1:]], axis=1)
    star = np.stack([np.zeros(count - 1, np.int64), np.arange(1, count), np.arange(1, count)], axis=1)
    values = np.arange(count)[:, None, None] % 50
    for mesh in (path, star):
        assert (there_and_back(mesh, values)[1] == values).all()
    chosen = set(range(count)) - set(ladder_of(count, path).rungs[-1].rows.tolist())
    assert chosen == set(falling[::2].tolist())


def test_what_moves_a_small_part_of_a_mesh_costs_little_more_than_that_part():
    vertices, faces = sphere(5)  # 4,098 vertices
    bump = np.rint(60 * np.exp(-80 * np.square(vertices - [1, 0, 0]).sum(axis=1)))
    values = np.stack([bump, 0 * bump, bump], axis=1)[:, None].astype(np.int64)
    moved = int(values.any(axis=(1, 2)).sum())
    assert moved < 300 and len(there_and_back(faces, values)[0]) < 1.2 * moved + 60
    assert len(there_and_back(faces, 0 * values)[0]) < 60
