"""The rules of the house: which room may import which, what stays out of a decoder, what the text must not name."""

from __future__ import annotations

import ast
import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"

# A room imports only rooms further down; rooms on one line are siblings and do not know one another.
ORDER = [
    {"__main__"},
    {"cli"},
    {"delivery"},
    {"media"},
    {"sources", "exports", "quality"},
    {"container"},
    {"coding"},
    {"kernels"},
    {"camera", "rig"},
    {"splats", "pixels", "files"},
    {"errors"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
FACE = "the public face"  # sfumato/__init__.py
MAY_IMPORT_FACE = {"__main__", "cli"}

MAY_IMPORT_TORCH = [
    "media/*/fit*.py",
    "kernels/autograd*.py",
    "kernels/cuda.py",
    "kernels/device_shot.py",
    "quality/lpips.py",
]

# What a viewer does, in a fresh process. A decode of a whole file belongs here too.
VIEWING = """
import sfumato
import numpy as np
import sfumato.coding, sfumato.container, sfumato.errors
from sfumato.kernels import splats2d
from sfumato.splats import Splats2D

splats = Splats2D(np.full((1, 2), 4.0), np.array([[2.0, 0, 2.0]]), np.ones((1, 3)))
assert splats2d.render(splats, 8, 8, size=(4, 4)).max() > 0.3
"""


def modules() -> list[Path]:
    return sorted((SOURCE / "sfumato").rglob("*.py"))


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, dotted name) of all imports, wherever they stand in the file; `from a import b` counts as a.b."""
    package = path.relative_to(SOURCE).parent.parts
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += (node.module or "").split(".") if node.module else []
            found += [(node.lineno, ".".join([*base, alias.name])) for alias in node.names]
    return found


def room(parts: tuple[str, ...] | list[str]) -> str:
    """The room of a module, by the parts of its name after `sfumato`."""
    return parts[0] if parts and parts[0] in RANK else FACE


def name(path: Path) -> str:
    return path.relative_to(SOURCE / "sfumato").as_posix()


def test_every_module_is_in_a_room_of_the_house():
    strangers = [name(p) for p in modules() if Path(name(p)).parts[0].removesuffix(".py") not in {*RANK, "__init__"}]
    assert not strangers, f"{strangers}: see ORDER"


def test_rooms_import_only_rooms_further_down():
    broken = []
    for path in modules():
        mine = room((Path(name(path)).parts[0].removesuffix(".py"),))
        for line, imported in imports(path):
            parts = imported.split(".")
            if parts[0] != "sfumato" or mine == FACE:
                continue
            theirs = room(parts[1:])
            below = theirs != FACE and (theirs == mine or RANK[theirs] > RANK[mine])
            if not below and not (theirs == FACE and mine in MAY_IMPORT_FACE):
                broken.append(f"{name(path)}:{line}: {mine} imports {theirs} ({imported})")
    assert not broken, "\n".join(broken)


def test_only_fits_and_learned_metrics_import_torch():
    broken = [
        f"{name(path)}:{line}: {imported}"
        for path in modules()
        if not any(fnmatch.fnmatch(name(path), pattern) for pattern in MAY_IMPORT_TORCH)
        for line, imported in imports(path)
        if imported.split(".")[0] in {"torch", "torchvision", "gsplat", "lpips"}
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("isa", ["", "none"])
def test_viewing_loads_neither_torch_nor_matplotlib(isa):
    script = VIEWING + "\nimport sys\nprint(*sorted({m.split('.')[0] for m in sys.modules}))\n"
    environment = os.environ | {"SFUMATO_ISA": isa, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"torch", "matplotlib", "scipy", "constriction", "imagecodecs"}


def test_no_file_names_a_place_on_the_machine_it_was_written_on():
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    places = re.compile(rb"(?<![\w.~-])/(?:work|root|home/\w+|Users/\w+)/[\w.-]")
    found = []
    for file in sorted(filter(None, listing.stdout.split(b"\0"))):
        path = ROOT / os.fsdecode(file)
        if not path.is_file() or b"\0" in path.read_bytes()[:8192]:
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if places.search(line):
                found.append(f"{os.fsdecode(file)}:{number}: {line.decode(errors='replace').strip()[:100]}")
    assert not found, "\n".join(found)
