from sfumato.container import Parser, Prefix

from .assets import ends, small

SMALL = small()
ENDS = ends(SMALL)


def choices(within_base: bool = False) -> list[Prefix]:
    parser = Parser()
    parser.feed(SMALL)
    return parser.prefixes(within_base)


def test_prefixes_are_known_before_they_arrive() -> None:
    parser = Parser()
    parser.feed(SMALL[: ENDS[4] - 1])
    assert parser.prefixes() == []
    parser.feed(SMALL[ENDS[4] - 1 : ENDS[4]])
    assert parser.prefixes() == choices()
    assert choices() == [
        Prefix(4, ENDS[4], 1, 150, 24.0),
        Prefix(5, ENDS[5], 1, 180, 26.5),
        Prefix(6, ENDS[6], 1, 220, 27.25),
        Prefix(7, ENDS[7], 2, 220, None),
        Prefix(8, ENDS[8], 3, 220, 27.5),
        Prefix(9, ENDS[9], 4, 230, None),
    ]
    assert choices(within_base=True) == [
        Prefix(2, ENDS[2], 0, None, None),
        Prefix(3, ENDS[3], 1, 150, 24.0),
        *choices(),
    ]
