"""HEAD of avatars: it comes back, and what cannot be is refused before memory is taken."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sfumato.errors import ChunkError, LimitError
from sfumato.media.avatar.layout import Layout, bounds_of

LAYOUT = Layout(32, 18, 152, 4, 1, ((-0.1, -0.2, -0.3), (0.1, 0.2, 0.3)), (1.0, 0.5, 0.0))


def test_a_layout_comes_back_from_json() -> None:
    assert Layout.from_fields(json.loads(json.dumps(LAYOUT.fields()))) == LAYOUT


def test_bounds_hold_every_vertex() -> None:
    vertices = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    low, high = bounds_of(vertices)
    assert (vertices >= np.array(low, np.float32)).all() and (vertices <= np.array(high, np.float32)).all()
    assert Layout.from_fields({**LAYOUT.fields(), "bounds": [list(low), list(high)]}).bounds == (low, high)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"faces": None}, ChunkError),
        ({"faces": 0}, ChunkError),
        ({"faces": True}, ChunkError),
        ({"faces": 153}, ChunkError),
        ({"vertices": 2}, ChunkError),
        ({"vertices": 2**53 - 1}, LimitError),
        ({"splats": -1}, ChunkError),
        ({"splats": 1.5}, ChunkError),
        ({"splats": 2**53 - 1, "faces": 2**53 - 1}, LimitError),
        ({"max_depth": 0}, LimitError),
        ({"max_depth": 200}, LimitError),
        ({"sh_degree": 4}, ChunkError),
        ({"bounds": [[0, 0, 0]]}, ChunkError),
        ({"bounds": [[0, 0, 0], [0, 0]]}, ChunkError),
        ({"bounds": [[0, 0, 1], [0, 0, 0]]}, ChunkError),
        ({"bounds": [[0, 0, 0], [0, 0, 1e300]]}, ChunkError),
        ({"bounds": [[0, 0, 0], [0, 0, "1"]]}, ChunkError),
        ({"background": [0, 0, 1.5]}, ChunkError),
        ({"background": None}, ChunkError),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match="HEAD"):
        Layout.from_fields({**LAYOUT.fields(), **change})
