import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container import Head, Level
from sfumato.container.layout import MAX_HEAD_PAYLOAD
from sfumato.errors import ChunkError, FormatError, LimitError, SettingsError, UnsupportedError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.text(max_size=6).filter(lambda key: key not in ("v", "medium", "levels"))
LEVELS = st.lists(st.builds(Level, st.integers(1, 200), st.integers(0, 2**32 - 1)), min_size=1, max_size=9)


def text(**changes: Any) -> bytes:
    members = {"v": 1, "medium": "image", "levels": [[1, 2]], **changes}
    return json.dumps({key: value for key, value in members.items() if value is not ...}).encode()


@given(st.sampled_from(["image", "video", "scene", "avatar"]), LEVELS, st.dictionaries(KEYS, JSON, max_size=3))
def test_head_survives_its_bytes(medium: str, levels: list[Level], fields: dict[str, Any]) -> None:
    head = Head(medium, tuple(levels), fields)
    assert Head.from_bytes(head.to_bytes()) == head


def test_equal_heads_have_equal_bytes_whatever_the_order_of_their_members() -> None:
    head = Head("image", (Level(1, 2),), {"b": {"y": 1, "x": 2}, "a": "ü"})
    other = Head("image", (Level(1, 2),), {"a": "ü", "b": {"x": 2, "y": 1}})
    expected = '{"a":"ü","b":{"x":2,"y":1},"levels":[[1,2]],"medium":"image","v":1}'
    assert head.to_bytes() == other.to_bytes() == expected.encode()


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_that_are_no_head_raise_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        Head.from_bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"\xef\xbb\xbf" + text(),
        text() + b"x",
        text(v=...),
        text(medium=...),
        text(levels=...),
        text(v="1"),
        text(v=True),
        text(v=1.0),
        text(v=0),
        text(medium=7),
        text(levels=[]),
        text(levels={}),
        text(levels=[[1]]),
        text(levels=[[1, 2, 3]]),
        text(levels=[[1, 2.0]]),
        text(levels=[[True, 2]]),
        text(levels=[[0, 2]]),
        text(levels=[[1, -1]]),
        text(x=float("nan")),
        text(x=float("inf")),
        text(x="\ud800"),
        b'{"v":1,"v":1,"medium":"image","levels":[[1,2]]}',
        b'{"v":1,"medium":"image","levels":[[1,2]],"x":{"a":1,"a":1}}',
        b'{"v":1,"medium":"image","levels":[[1,2]],"x":1e999}',
    ],
)
def test_a_head_that_readers_could_understand_differently_is_refused(data: bytes) -> None:
    with pytest.raises(ChunkError, match="HEAD"):
        Head.from_bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        text(x="x" * 5000),
        text(levels=[[1, 0]] * 257),
        text(levels=[[65535, 0]]),
        text(levels=[[40000, 0], [40000, 0]]),
        text(levels=[[1, 2**32]]),
        text(x=2**53),
        text(x=-(10**4000)),
        text(x="deep").replace(b'"deep"', b"[" * 16 + b"]" * 16),
        text(x="deep").replace(b'"deep"', b"[" * 1900 + b"]" * 1900),
        b"[" * MAX_HEAD_PAYLOAD,
    ],
)
def test_a_head_beyond_the_caps_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Head.from_bytes(data)


def test_the_caps_themselves_are_allowed() -> None:
    assert len(Head.from_bytes(text(levels=[[1, 0]] * 256)).levels) == 256
    assert Head.from_bytes(text(levels=[[65534, 2**32 - 1]])).chunks == 65536
    fill = "x" * (MAX_HEAD_PAYLOAD - len(text(x="")))
    assert Head.from_bytes(text(x=fill)).fields == {"x": fill}
    with pytest.raises(LimitError):
        Head.from_bytes(text(x=fill + "x"))
    assert Head.from_bytes(text(x="deep").replace(b'"deep"', b"[" * 15 + b"]" * 15))


@pytest.mark.parametrize("data", [text(v=2), text(v=2, medium="smell", levels=None), text(medium="smell")])
def test_a_newer_version_or_medium_asks_for_a_newer_reader(data: bytes) -> None:
    with pytest.raises(UnsupportedError):
        Head.from_bytes(data)


@pytest.mark.parametrize("fields", [{"v": 2}, {"levels": []}, {"x": float("nan")}, {"x": b"bytes"}, {"x": "\ud800"}])
def test_fields_that_no_reader_would_accept_cannot_be_written(fields: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="HEAD"):
        Head("image", (Level(1, 2),), fields).to_bytes()
