import contextlib
import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container import Entry, Head, Index, Level, Region
from sfumato.errors import ChunkError, FormatError, LimitError, SettingsError, UnsupportedError

from .assets import KINDS, QUALITIES, REGIONS, raw_entry

ENTRIES = st.builds(
    Entry,
    KINDS,
    st.integers(1, 255),
    st.integers(0, 255),
    st.integers(0, 2**26),
    st.integers(0, 2**32 - 1),
    QUALITIES,
)
IN_SPACE = st.builds(lambda entry, region: dataclasses.replace(entry, region=region), ENTRIES, REGIONS)


def payload(*entries: bytes, version: int = 1, size: int = 16, count: int | None = None) -> bytes:
    number = len(entries) if count is None else count
    return struct.pack("<BBHIH", version, size, number, 5, 65535) + b"".join(entries)


@given(st.integers(0, 2**32 - 1), QUALITIES, st.lists(ENTRIES, max_size=20))
def test_the_index_survives_its_bytes(splats: int, quality: float | None, entries: list[Entry]) -> None:
    index = Index(splats, quality, tuple(entries))
    assert len(index.to_bytes()) == 10 + 16 * len(entries)
    assert Index.from_bytes(index.to_bytes()) == index


@given(st.lists(IN_SPACE, min_size=1, max_size=20))
def test_regions_survive_their_bytes(entries: list[Entry]) -> None:
    index = Index(5, None, tuple(entries))
    assert len(index.to_bytes()) == 10 + 30 * len(entries)
    assert Index.from_bytes(index.to_bytes()) == index


@given(IN_SPACE, ENTRIES)
def test_an_entry_without_region_among_others_may_show_anywhere(one: Entry, other: Entry) -> None:
    found = Index.from_bytes(Index(5, None, (one, other)).to_bytes()).entries
    assert found == (one, dataclasses.replace(other, region=Region(0, (0, 0, 0), (65535, 65535, 65535))))


@pytest.mark.parametrize(
    "region",
    [
        Region(-1),
        Region(65536),
        Region(0, low=(0, -1, 0)),
        Region(0, high=(1, 1, 65536)),
        Region(0, (2, 2, 2), (3, 1, 3)),
    ],
)
def test_a_region_that_cannot_be_is_not_written(region: Region) -> None:
    with pytest.raises((SettingsError, ChunkError)):
        Index(1, None, (Entry("DEMO", 1, 0, 0, 0, None, region),)).to_bytes()


@pytest.mark.parametrize("size", [29, 30, 31, 255])
def test_longer_entries_than_those_with_regions_are_read(size: int) -> None:
    more = struct.pack("<7H", 7, 1, 2, 3, 4, 5, 6).ljust(size - 16, b"x")[: size - 16]
    (entry,) = Index.from_bytes(payload(raw_entry(b"DEMO", 1, 2, 3, 4, more), size=size)).entries
    assert entry.region == (None if size < 30 else Region(7, (1, 2, 3), (4, 5, 6)))


@given(st.integers(0, 2), st.integers(1, 65535))
def test_a_box_that_ends_before_it_begins_is_refused(axis: int, low: int) -> None:
    corners = [0] * 6
    corners[axis], corners[axis + 3] = low, low - 1
    with pytest.raises(ChunkError, match="ends before it begins"):
        Index.from_bytes(payload(raw_entry(b"DEMO", 1, 0, 0, 0, struct.pack("<7H", 0, *corners)), size=30))


@given(st.binary(max_size=80))
def test_any_bytes_give_an_index_or_a_format_error(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert Index.from_bytes(data).to_bytes()[2:10] == data[2:10]


@pytest.mark.parametrize(
    ("quality", "kept"),
    [(None, None), (31.23456, 31.23), (float("inf"), 655.34), (655.35, 655.34), (-3.0, 0.0), (-0.0, 0.0)],
)
def test_quality_is_kept_to_a_hundredth_of_a_decibel(quality: float | None, kept: float | None) -> None:
    assert Index.from_bytes(Index(1, quality, ()).to_bytes()).base_quality_db == kept


def test_a_quality_that_is_no_number_cannot_be_written() -> None:
    with pytest.raises(SettingsError, match="nan"):
        Index(1, float("nan"), ()).to_bytes()


def test_longer_entries_of_a_later_writer_are_read() -> None:
    data = payload(raw_entry(b"DEMO", 1, 2, 3, 4, b"bounds"), raw_entry(b"DEMO", 2, 0, 9, 9, b"bounds"), size=22)
    assert Index.from_bytes(data).entries == (Entry("DEMO", 1, 2, 3, 4), Entry("DEMO", 2, 0, 9, 9))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        payload()[:-1],
        payload() + b"x",
        payload(count=1),
        payload(count=65535),
        payload(raw_entry(b"DEMO", 1, 0, 0, 0), count=0),
        payload(raw_entry(b"DEMO", 1, 0, 0, 0)[:15], size=15),
        payload(raw_entry(b"DE O", 1, 0, 0, 0)),
        payload(raw_entry(b"DEMO", 0, 0, 0, 0)),
        payload(raw_entry(b"HEAD", 1, 0, 0, 0)),
        payload(raw_entry(b"INDX", 1, 0, 0, 0)),
    ],
)
def test_an_index_that_does_not_add_up_is_refused(data: bytes) -> None:
    with pytest.raises(ChunkError):
        Index.from_bytes(data)


def test_an_announced_payload_beyond_the_cap_is_refused() -> None:
    with pytest.raises(LimitError):
        Index.from_bytes(payload(raw_entry(b"DEMO", 1, 0, 2**26 + 1, 0)))


def test_another_version_asks_for_a_newer_reader() -> None:
    with pytest.raises(UnsupportedError):
        Index.from_bytes(payload(version=2))


@pytest.mark.parametrize("splats", [-1, 2**32])
def test_splats_beyond_32_bits_cannot_be_written(splats: int) -> None:
    with pytest.raises(SettingsError):
        Index(splats, None, ()).to_bytes()


@pytest.mark.parametrize(
    ("levels", "entries"),
    [
        ([(1, 6)], []),
        ([(1, 5), (1, 1)], []),
        ([(1, 5)], [(1, 1)]),
        ([(1, 5), (1, 1)], [(1, 2)]),
        ([(1, 5), (1, 1)], [(1, 1), (1, 0)]),
        ([(1, 5), (1, 1)], [(2, 1)]),
    ],
)
def test_an_index_that_contradicts_head_is_refused(
    levels: list[tuple[int, int]], entries: list[tuple[int, int]]
) -> None:
    index = Index(5, None, tuple(Entry("DEMO", level, 0, 1, splats) for level, splats in entries))
    with pytest.raises(ChunkError, match="HEAD"):
        index.check_against(Head("image", tuple(Level(*level) for level in levels)))
