import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container import Chunk, pack, unpack
from sfumato.container.layout import MAX_PAYLOAD
from sfumato.errors import ChecksumError, ChunkError, FormatError, LimitError


@given(st.from_regex(r"[A-Za-z]{4}", fullmatch=True), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=200))
def test_a_chunk_survives_its_bytes(kind: str, level: int, flags: int, payload: bytes) -> None:
    chunk = Chunk(kind, level, flags, payload)
    data = pack(chunk)
    assert len(data) == chunk.length == len(payload) + 14
    assert unpack(data, offset=77) == chunk
    assert unpack(data, offset=77).offset == 77


@given(st.data())
def test_a_flipped_bit_never_passes(data: st.DataObject) -> None:
    packed = bytearray(pack(Chunk("DEMO", 3, 1, b"payload")))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FormatError):
        unpack(bytes(packed))


def test_a_fetched_range_that_is_too_short_or_too_long_is_refused() -> None:
    packed = pack(Chunk("DEMO", 3, 1, b"payload"))
    for data in (b"", packed[:5], packed[:-1], packed + b"x"):
        with pytest.raises(ChunkError):
            unpack(data)
    with pytest.raises(ChecksumError):
        unpack(packed[:-1] + b"x")


@pytest.mark.parametrize("kind", ["", "ABC", "ABCDE", "AB1D", "AB D", "ÄBCD", "AB\n\0", "ABC\ud800"])
def test_a_kind_is_four_letters(kind: str) -> None:
    with pytest.raises(ChunkError, match="kind"):
        pack(Chunk(kind, 0))


@pytest.mark.parametrize(("level", "flags"), [(256, 0), (-1, 0), (0, 256), (0, -1)])
def test_level_and_flags_are_one_byte(level: int, flags: int) -> None:
    with pytest.raises(ChunkError, match="one byte"):
        pack(Chunk("DEMO", level, flags))


def test_a_payload_beyond_the_cap_is_refused_by_its_length_alone() -> None:
    with pytest.raises(LimitError, match="67,108,865"):
        unpack(b"DEMO\0\0" + (MAX_PAYLOAD + 1).to_bytes(4, "little") + bytes(4))
