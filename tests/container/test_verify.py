from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container import verify
from sfumato.errors import FormatError, InputError, TruncatedError

from .assets import ends, small

SMALL = small()
ENDS = ends(SMALL)


def test_a_whole_file_is_called_complete(tmp_path: Path) -> None:
    path = tmp_path / "bust.sfu"
    path.write_bytes(SMALL)
    report = verify(path)
    assert report.complete
    assert report.here == report.whole
    assert report.head.fields["title"] == "Büste"
    assert str(report) == f"bust.sfu: complete: 9 chunks, {len(SMALL)} bytes, 4 of 4 levels"


def test_a_cut_file_is_called_a_valid_prefix() -> None:
    report = verify(SMALL[: ENDS[6]])
    assert not report.complete
    assert report.here.quality_db == 27.25
    assert str(report) == f"<bytes>: valid prefix: 6 of 9 chunks, {ENDS[6]} of {len(SMALL)} bytes, 1 of 4 levels"


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_no_damage_passes(at: int, bits: int) -> None:
    damaged = bytearray(SMALL)
    damaged[at] ^= bits
    with pytest.raises(FormatError, match="cannot decode '<bytes>'"):
        verify(bytes(damaged))


@given(st.integers(0, len(SMALL)))
def test_only_whole_chunks_after_the_index_are_a_valid_prefix(length: int) -> None:
    if length in ENDS[4:]:
        assert verify(SMALL[:length]).here.length == length
    else:
        with pytest.raises(TruncatedError):
            verify(SMALL[:length])


def test_the_file_is_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "bust.sfu"
    with pytest.raises(InputError, match=r"bust\.sfu"):
        verify(path)
    path.write_bytes(SMALL[:20])
    with pytest.raises(TruncatedError, match=r"'bust\.sfu'"):
        verify(path)
