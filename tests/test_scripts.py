"""Benchmarks, tools, demo and fuzz targets are not run here; but what they take from the package is there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for folder in ("benchmarks", "demo", "fuzz", "tools") for path in (ROOT / folder).glob("*.py"))


def taken(path: Path) -> list[tuple[str, str]]:
    """Module and name of everything that a script imports from the package."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sfumato")]
    return [(str(node.module), alias.name) for node in found for alias in node.names]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_a_script_imports_from_the_package_exists(path: Path) -> None:
    for module, name in taken(path):
        if module.startswith("sfumato.kernels.autograd") or module == "sfumato.kernels.device_shot":
            pytest.importorskip("torch", reason="torch is not installed")
        home = importlib.import_module(module)
        if not hasattr(home, name):
            importlib.import_module(f"{module}.{name}")
