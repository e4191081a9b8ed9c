import itertools
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.container import Chunk, Head, Level, Parser, Part, assemble
from sfumato.container.layout import SIGNATURE
from sfumato.errors import (
    ChecksumError,
    ChunkError,
    FormatError,
    LimitError,
    SignatureError,
    TruncatedError,
    UnsupportedError,
)

from .assets import ends, part_lists, raw_chunk, raw_entry, raw_head, raw_index, small, small_parts, tiny

SMALL = small()
SMALL_ENDS = ends(SMALL)
CONTENT = [part.chunk for part in small_parts()]
HEAD_ONE = raw_head('{"v":1,"medium":"image","levels":[[1,5]]}')
HEAD_TWO = raw_head('{"v":1,"medium":"image","levels":[[1,5],[1,3]]}')
BASE = raw_chunk(b"DEMO", 0, 0, b"base")


def read(pieces: list[bytes]) -> tuple[list[Chunk], str | None]:
    """All chunks that come out of these pieces, and what stopped them."""
    parser = Parser("test.sfu")
    found: list[Chunk] = []
    try:
        for piece in pieces:
            found += parser.feed(piece)
        parser.close()
    except FormatError as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None


def split(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


def refused(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as info:
        parser = Parser("test.sfu")
        parser.feed(data)
        parser.close()
    return info.value


@given(part_lists(), st.lists(st.integers(0, 4000), max_size=6))
def test_chunks_come_back_however_the_bytes_are_portioned(parts: list[Part], places: list[int]) -> None:
    data = assemble("scene", {"any": "thing"}, parts)
    parser = Parser()
    found = [chunk for piece in split(data, places) for chunk in parser.feed(piece)]
    parser.close()
    assert found == [part.chunk for part in parts]
    assert [data[c.offset + 10 : c.offset + 10 + len(c.payload)] for c in found] == [c.payload for c in found]
    assert parser.finished
    assert parser.position == parser.announced_length == len(data)
    assert parser.chunks == parser.announced_chunks == len(parts) + 2


@given(part_lists())
def test_every_prefix_gives_the_first_chunks_of_the_whole(parts: list[Part]) -> None:
    data = assemble("image", {}, parts)
    whole, _ = read([data])
    base = sum(part.chunk.level == 0 for part in parts)
    for chunks, end in enumerate(ends(data)):
        found, problem = read([data[:end]])
        content = max(0, chunks - 1) if chunks <= base + 1 else chunks - 2
        assert [(c, c.offset) for c in found] == [(c, c.offset) for c in whole[:content]]
        assert (problem is None) == (chunks >= base + 2)


@settings(max_examples=300)
@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255), st.lists(st.integers(0, len(SMALL)), max_size=4))
def test_damage_anywhere_is_told_and_keeps_every_chunk_before_it(at: int, bits: int, places: list[int]) -> None:
    data = bytearray(SMALL)
    data[at] ^= bits
    found, problem = read([bytes(data)])
    intact = sum(end <= at for end in SMALL_ENDS[1:])
    assert problem is not None
    assert found == CONTENT[: len(found)]
    assert len(found) == (max(0, intact - 1) if intact <= 3 else intact - 2)
    assert read(split(bytes(data), places)) == (found, problem)


@given(st.integers(0, len(SMALL)))
def test_a_truncated_file_shows_every_complete_chunk(length: int) -> None:
    found, problem = read([SMALL[:length]])
    assert found == [c for c, end in zip(CONTENT, SMALL_ENDS[2:4] + SMALL_ENDS[5:], strict=True) if end <= length]
    if length in SMALL_ENDS[4:]:
        assert problem is None
    else:
        assert problem is not None and problem.startswith("TruncatedError: cannot decode 'test.sfu': ")
    parser = Parser()
    parser.feed(SMALL[:length])
    parser.close(partial=True)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes_give_a_format_error_that_does_not_depend_on_their_portions(data: bytes, places: list[int]) -> None:
    for start in (b"", SIGNATURE, SIGNATURE + HEAD_TWO, SIGNATURE + HEAD_TWO + BASE):
        found, problem = read([start + data])
        assert problem is not None
        assert read(split(start + data, places)) == (found, problem)


def test_the_worked_example_of_the_format_page_is_what_is_written() -> None:
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
    dump = page.split("```hex\n")[1].split("```")[0]
    data = bytes.fromhex("".join(line[:48] for line in dump.splitlines()))
    assert data == tiny()
    parser = Parser()
    assert parser.feed(data) == [Chunk("DEMO", 0, 0, b"abc"), Chunk("DEMO", 1, 0, b"de")]
    assert parser.head == Head("image", (Level(1, 2), Level(1, 1)), {"size": [2, 1]})


def test_progress_can_be_asked_at_any_time() -> None:
    parser = Parser()
    seen = []
    for start, end in zip([0, *SMALL_ENDS], SMALL_ENDS, strict=False):
        parser.feed(SMALL[start:end])
        seen.append((parser.chunks, parser.base_complete, parser.levels_complete, parser.finished))
        assert parser.position == end
        assert (parser.head is None) == (end < SMALL_ENDS[1])
        assert (parser.index is None) == (end < SMALL_ENDS[4])
        assert parser.announced_length == (None if parser.index is None else len(SMALL))
        assert parser.announced_chunks == (None if parser.head is None else 9)
    levels = [0, 0, 0, 1, 1, 1, 1, 2, 3, 4]
    assert seen == [(chunks, level > 0, level, chunks == 9) for chunks, level in enumerate(levels)]


def test_an_intact_chunk_before_damage_is_handed_out_before_the_error() -> None:
    damaged = bytearray(SMALL)
    damaged[SMALL_ENDS[5] + 12] ^= 1
    parser = Parser("head.sfu")
    assert parser.feed(bytes(damaged)) == CONTENT[:3]
    assert isinstance(parser.error, ChecksumError)
    for call in (lambda: parser.feed(b"more"), lambda: parser.feed(b""), parser.close, lambda: parser.close(True)):
        with pytest.raises(ChecksumError) as info:
            call()
        assert info.value is parser.error
        assert str(info.value) == (
            f"cannot decode 'head.sfu': chunk 6 (level 2) at byte {SMALL_ENDS[5]:,}: checksum differs; "
            "the first 5 chunks are intact"
        )
    assert parser.chunks == 5
    assert parser.position == SMALL_ENDS[5]


def test_unknown_kinds_are_skipped_in_lower_case_and_refused_in_upper_case() -> None:
    parser = Parser(kinds={"DEMO", "MOVE"})
    assert parser.feed(SMALL) == [chunk for chunk in CONTENT if chunk.kind != "note"]
    assert parser.finished
    parser = Parser(kinds={"DEMO"})
    assert parser.feed(SMALL) == [chunk for chunk in CONTENT if chunk.kind == "DEMO"]
    with pytest.raises(UnsupportedError, match=r"chunk 9 \(level 3\) .*MOVE.*first 8 chunks"):
        parser.close()


def test_damage_to_a_kind_is_a_checksum_error_and_not_an_unknown_kind() -> None:
    damaged = bytearray(SMALL)
    damaged[SMALL_ENDS[1]] ^= 1
    parser = Parser(kinds={"DEMO", "MOVE"})
    with pytest.raises(ChecksumError):
        parser.feed(bytes(damaged))
        parser.close()


def test_bytes_after_the_last_chunk_are_an_error_with_its_place() -> None:
    error = refused(SMALL + b"x")
    assert isinstance(error, ChunkError)
    assert f"at byte {len(SMALL):,}" in str(error)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n", b"plain text, no asset", SMALL.replace(b"\r\n", b"\n"), b"\x09" + SMALL[1:], b"no"]
)
def test_what_is_no_sfu_file_is_told_by_its_signature(data: bytes) -> None:
    error = refused(data)
    assert isinstance(error, SignatureError)
    assert ("text mode" in str(error)) == (b"SFU" in data)
    with pytest.raises(SignatureError):
        Parser().feed(data)
        parser = Parser()
        parser.feed(data)
        parser.close(partial=True)


@pytest.mark.parametrize(
    ("error", "chunks"),
    [
        (ChunkError, [BASE]),
        (ChunkError, [raw_index(0)]),
        (UnsupportedError, [raw_chunk(b"HEAD", 0, 1, HEAD_ONE[10:-4])]),
        (UnsupportedError, [raw_chunk(b"HEAD", 1, 0, HEAD_ONE[10:-4])]),
        (LimitError, [raw_chunk(b"HEAD", 0, 0, b" " * 4075)]),
        (ChunkError, [HEAD_ONE, HEAD_ONE]),
        (ChunkError, [HEAD_ONE, raw_index(5)]),
        (ChunkError, [HEAD_ONE, raw_chunk(b"DEMO", 1, 0, b"")]),
        (ChunkError, [HEAD_ONE, BASE, BASE]),
        (UnsupportedError, [HEAD_ONE, BASE, raw_chunk(b"INDX", 0, 1, raw_index(5)[10:-4])]),
        (UnsupportedError, [HEAD_ONE, BASE, raw_index(5, version=2)]),
        (ChunkError, [HEAD_ONE, BASE, raw_index(6)]),
        (LimitError, [HEAD_ONE, BASE, raw_chunk(b"INDX", 0, 0, b"x" * 11)]),
        (ChunkError, [HEAD_ONE, BASE, raw_index(5), BASE]),
        (ChunkError, [HEAD_TWO, BASE, raw_index(5)]),
        (ChunkError, [HEAD_TWO, BASE, raw_index(5, raw_entry(b"DEMO", 1, 0, 2, 4))]),
        (ChunkError, [HEAD_TWO, BASE, raw_index(5, raw_entry(b"DEMO", 1, 0, 2, 3)), BASE]),
        (ChunkError, [HEAD_TWO, BASE, raw_index(5, raw_entry(b"DEMO", 1, 0, 4, 3)), BASE]),
        (ChunkError, [HEAD_TWO, BASE, raw_index(5, raw_entry(b"demo", 1, 0, 2, 3)), raw_chunk(b"DEMO", 1, 0, b"de")]),
        (ChunkError, [HEAD_TWO, BASE, raw_index(5, raw_entry(b"DEMO", 1, 1, 2, 3)), raw_chunk(b"DEMO", 1, 0, b"de")]),
    ],
)
def test_intact_chunks_in_the_wrong_place_are_refused(error: type[FormatError], chunks: list[bytes]) -> None:
    problem = refused(SIGNATURE + b"".join(chunks))
    assert type(problem) is error
    assert "cannot decode 'test.sfu': chunk" in str(problem) or "more bytes follow" in str(problem)


def test_later_writers_may_make_index_entries_longer() -> None:
    later = raw_chunk(b"DEMO", 1, 0, b"de")
    index = raw_index(5, raw_entry(b"DEMO", 1, 0, 2, 3, b"x" * 239), size=255)
    found, problem = read([SIGNATURE + HEAD_TWO + BASE + index + later])
    assert problem is None
    assert [chunk.payload for chunk in found] == [b"base", b"de"]


@pytest.mark.parametrize(
    "start",
    [
        SIGNATURE + b"HEAD\0\0\xff\xff\xff\xff",
        SIGNATURE + raw_head('{"v":1,"medium":"image","levels":[[65534,4294967295]]}') + b"DEMO\0\0\0\0\0\x04",
        SIGNATURE + HEAD_ONE + b"DEMO\0\0\xff\xff\xff\x03",
        SIGNATURE + HEAD_ONE + b"DEMO\0\0\xff\xff\xff\xff",
        SIGNATURE + HEAD_ONE + BASE + b"INDX\0\0\xff\xff\xff\x03",
    ],
)
def test_hostile_lengths_and_counts_take_no_memory(start: bytes) -> None:
    tracemalloc.start()
    try:
        _, problem = read([start])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert problem is not None
    assert peak < 200_000


def test_feeding_single_bytes_takes_linear_time() -> None:
    parts = [Part(Chunk("DEMO", min(n, 1), 0, bytes(2000 if n else 500_000)), 1) for n in range(250)]
    data = assemble("image", {}, parts)
    parser = Parser()
    start = time.perf_counter()
    count = sum(len(parser.feed(data[at : at + 1])) for at in range(len(data)))
    assert time.perf_counter() - start < 2.0
    assert count == 250 and len(data) > 1_000_000


@pytest.mark.parametrize(
    ("length", "says"),
    [
        (0, "the file ends after 0 of the signature's 8 bytes"),
        (30, "chunk 1 (HEAD) at byte 8: the file ends after 22 of its"),
        (SMALL_ENDS[1] + 4, "the file ends inside its header, after 4 of 10 bytes; the first chunk is intact"),
        (SMALL_ENDS[3], f"chunk 4 (INDX) at byte {SMALL_ENDS[3]}: the file ends before it"),
        (SMALL_ENDS[5] + 12, f"chunk 6 (level 2) at byte {SMALL_ENDS[5]}: the file ends after 12 of its 44 bytes"),
    ],
)
def test_a_truncation_is_told_with_its_place(length: int, says: str) -> None:
    error = refused(SMALL[:length])
    assert isinstance(error, TruncatedError)
    assert says in str(error)
