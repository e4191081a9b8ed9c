"""What the viewer shares with the package is generated from it and does not drift."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from sfumato.coding import tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("viewer_tables", ROOT / "tools" / "viewer_tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_viewers_tables_are_those_of_the_package(script):
    message = "viewer/src/decode/tables.ts differs from the definitions: run tools/viewer_tables.py"
    assert script.OUTPUT.read_text() == script.source(), message


def test_the_viewer_can_tell_all_frequencies_from_what_it_is_given(script):
    table_set = tables.table_set()
    left_out = tables.TABLE_COUNT  # the last of every table
    assert len(script.surprises(table_set.frequencies, table_set.bases)) == len(table_set.frequencies) - left_out


def test_every_golden_image_and_scene_has_its_digests_for_the_viewer():
    golden, found = ROOT / "tests" / "golden", set()
    for path in (golden / "expected.json", golden / "scene" / "expected.json"):
        names = json.loads(path.read_text())["decodes"]
        found |= {(path.parent / name).relative_to(golden).as_posix() for name in names}
    assert found == set(json.loads((ROOT / "viewer" / "test" / "expected.json").read_text())["good"])
