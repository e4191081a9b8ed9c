"""HEAD of a scene: what a reader takes, and what it refuses before it sets memory aside."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sfumato.errors import ChunkError, FormatError, LimitError
from sfumato.media.scene.layout import MAX_SPLATS, Layout

LAYOUT = Layout((-1.5, 0.0, 2.25), -6, (100, 200, 300), 1000, sh_degree=2, antialiased=True)


def test_head_carries_the_whole_layout() -> None:
    assert Layout.from_fields(json.loads(json.dumps(LAYOUT.fields()))) == LAYOUT
    assert LAYOUT.bounds == ((-1.5, 0.0, 2.25), (-1.5 + 100 / 64, 200 / 64, 2.25 + 300 / 64))


@pytest.mark.parametrize("name", [name for name in LAYOUT.fields() if name != "antialiased"])
@pytest.mark.parametrize("value", [None, "8", True, [], [1, 2], [None] * 3, ["1", "2", "3"], {}, 1.5, [[1], [2], [3]]])
def test_a_missing_or_misshapen_member_is_refused(name: str, value: Any) -> None:
    fields = LAYOUT.fields()
    if name == "leaves" and value == [1, 2]:
        value = [2, 1, 1]
    with pytest.raises(FormatError, match="HEAD"):
        Layout.from_fields({**fields, name: value})
    del fields[name]
    with pytest.raises(ChunkError, match=f"HEAD gives no {name}"):
        Layout.from_fields(fields)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("splats", 0, LimitError),
        ("splats", MAX_SPLATS + 1, LimitError),
        ("size", [0, 1, 1], LimitError),
        ("size", [1, (1 << 21) + 1, 1], LimitError),
        ("size", [1, 1, -5], LimitError),
        ("size", [1, 1, 2.0], ChunkError),
        ("exponent", 61, ChunkError),
        ("exponent", -61, ChunkError),
        ("leaves", [4, 5], ChunkError),
        ("leaves", [4, 0], ChunkError),
        ("group", 0, ChunkError),
        ("portions", 0, ChunkError),
        ("portions", 3, ChunkError),
        ("sh_degree", -1, ChunkError),
        ("sh_degree", 4, ChunkError),
        ("origin", [1e308, 0, 0], ChunkError),
        ("origin", [0, -1e39, 0], ChunkError),
        ("origin", [float("nan"), 0, 0], ChunkError),
        ("origin", [0, 0, float("inf")], ChunkError),
    ],
)
def test_impossible_values_are_refused(name: str, value: Any, error: type[FormatError]) -> None:
    with pytest.raises(error, match=r"HEAD (declares|gives)"):
        Layout.from_fields({**LAYOUT.fields(), name: value})


def test_every_place_in_the_largest_grid_is_a_float32() -> None:
    fields = {**LAYOUT.fields(), "origin": [2.0**100, -(2.0**100), 0], "exponent": 60, "size": [1 << 21] * 3}
    assert np.isfinite(np.array(Layout.from_fields(fields).bounds, np.float32)).all()
