import pytest
from hypothesis import given

from sfumato.container import Chunk, Level, Parser, Part, assemble
from sfumato.errors import ChunkError, LimitError, SettingsError

from .assets import part_lists, small


def part(level: int, kind: str = "DEMO", splats: int = 1) -> Part:
    return Part(Chunk(kind, level), splats)


@given(part_lists())
def test_head_and_index_say_what_the_parts_said(parts: list[Part]) -> None:
    parser = Parser()
    parser.feed(assemble("avatar", {"name": "n"}, parts))
    assert parser.head is not None and parser.index is not None
    assert (parser.head.medium, parser.head.fields) == ("avatar", {"name": "n"})
    assert sum(level.splats for level in parser.head.levels) == sum(p.splats for p in parts)
    base = [p for p in parts if p.chunk.level == 0]
    assert parser.head.levels[0] == Level(len(base), sum(p.splats for p in base))
    assert parser.index.base_quality_db == base[-1].quality_db
    assert [(e.splats, e.quality_db, e.region) for e in parser.index.entries] == [
        (p.splats, p.quality_db, p.region) for p in parts[len(base) :]
    ]


def test_equal_parts_give_equal_bytes() -> None:
    assert small() == small()


@pytest.mark.parametrize(
    "parts", [[], [part(1)], [part(0), part(2)], [part(1), part(0)], [part(0), part(1), part(0)], [part(0, splats=-1)]]
)
def test_an_impossible_order_or_number_cannot_be_assembled(parts: list[Part]) -> None:
    with pytest.raises((SettingsError, ChunkError)):
        assemble("image", {}, parts)


def test_nothing_is_assembled_that_a_reader_would_refuse() -> None:
    for kind in ("HEAD", "INDX", "no"):
        for parts in ([part(0, kind)], [part(0), part(1, kind)]):
            with pytest.raises(ChunkError):
                assemble("image", {}, parts)
    with pytest.raises(LimitError):
        assemble("image", {"text": "x" * 4096}, [part(0)])
    with pytest.raises(LimitError):
        assemble("image", {}, [part(0)] + [part(1)] * 65534)
