"""How the golden files of every medium are made, and what stands in expected.json beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sfumato.errors import FormatError


def error_of(feed: Callable[[], object]) -> str:
    """The class of the FormatError that stops a decoder. Raises ValueError if none does."""
    try:
        feed()
    except FormatError as error:
        return type(error).__name__
    raise ValueError("this file is not hostile")


def make_missing(
    folder: Path,
    good: Mapping[str, Callable[[], bytes]],
    digests: Callable[[bytes], Any],
    whole: str,
    hostile: Mapping[str, Callable[[bytes], bytes]],
    refusal: Callable[[bytes], Any],
) -> None:
    """Make the files in `folder` that are not there, and their lines in its expected.json; the others stay.

    good: files that decode, and digests of what they decode to. hostile: what spoils the good file `whole`, and what
    is known of how a decoder refuses the result.
    """
    path = folder / "expected.json"
    expected = json.loads(path.read_text()) if path.exists() else {"decodes": {}, "refused": {}}

    def add(part: str, name: str, make: Callable[[], bytes], tell: Callable[[bytes], Any]) -> None:
        if not (folder / name).exists():
            data = make()
            expected[part][name] = tell(data)
            (folder / name).write_bytes(data)

    for name, make in good.items():
        add("decodes", name, make, digests)
    unharmed = (folder / whole).read_bytes()
    for name, harm in hostile.items():
        add("refused", name, lambda harm=harm: harm(unharmed), refusal)  # type: ignore[misc]
    path.write_text(json.dumps(expected, indent=1) + "\n")
