from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.coding import SymbolDecoder, SymbolEncoder
from sfumato.errors import ChunkError
from sfumato.media.avatar.rig_faces import code_faces, plan_faces
from sfumato.media.avatar.synth import procedural_rig


def there_and_back(vertices, faces):
    """The bytes of faces, and what they are decoded to."""
    far, models = plan_faces(vertices, faces)
    encoder = SymbolEncoder()
    code_faces(encoder, vertices, len(faces), far, models, faces)
    payload = encoder.finish()
    decoder = SymbolDecoder(payload)
    found = code_faces(decoder, vertices, len(faces), far, models, None)
    decoder.finish()
    return payload, found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_list_of_triangles_keeps_its_order_and_corners(data):
    vertices = data.draw(st.integers(1, 30))
    corner = st.integers(0, vertices - 1)
    faces = np.array(data.draw(st.lists(st.tuples(corner, corner, corner), min_size=1, max_size=60)))
    assert (there_and_back(vertices, faces)[1] == faces).all()


def test_a_head_takes_less_than_2_bits_a_face():
    faces = procedural_rig(10_000).faces
    payload, found = there_and_back(int(faces.max()) + 1, faces)
    assert (found == faces).all() and 8 * len(payload) / len(faces) < 1.3


def test_a_mesh_in_random_order_costs_what_its_order_does_and_no_more():
    faces = procedural_rig(2_000).faces
    random = np.random.default_rng(0)
    names = random.permutation(int(faces.max()) + 1)
    mixed = names[faces][random.permutation(len(faces))]
    payload, found = there_and_back(len(names), mixed)
    assert (found == mixed).all() and 8 * len(payload) / len(faces) < 3 * np.log2(len(names)) + 4


def test_many_triangles_at_one_vertex_are_decoded_in_linear_time():
    count = 30_000
    fan = np.stack([np.zeros(count, np.int64), 1 + np.arange(count) * 2, 2 + np.arange(count) * 2], axis=1)
    assert (there_and_back(2 * count + 1, fan)[1] == fan).all()


def test_corners_that_do_not_exist_are_refused():
    faces = procedural_rig(2_000).faces
    far, models = plan_faces(int(faces.max()) + 1, faces)
    encoder = SymbolEncoder()
    code_faces(encoder, int(faces.max()) + 1, len(faces), far, models, faces)
    for vertices, counts in ((100, far), (int(faces.max()) + 1, (far[0] + 1, far[1]))):
        with pytest.raises(ChunkError):
            code_faces(SymbolDecoder(encoder.finish()), vertices, len(faces), counts, models, None)
