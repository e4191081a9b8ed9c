"""What README.md shows works: the blocks after `<!-- tested -->` run here, in order, on a small picture."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import sfumato

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"<!-- tested -->\n```(sh|python)\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def command_of(language: str, text: str) -> list[list[str]]:
    """The processes that a block stands for."""
    if language == "python":
        return [[sys.executable, "-c", text]]
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    assert all(line[0] == "sfumato" for line in lines if line), "a tested sh block holds sfumato commands alone"
    return [[sys.executable, "-m", *line] for line in lines if line]


def test_the_commands_and_programs_in_the_readme_run(picture_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    with Image.open(picture_file) as picture:
        picture.save(tmp_path / "cat.jpg", quality=95)
    here = str(Path(sfumato.__file__).parents[1])  # the package that is tested, also where PYTHONPATH is relative
    environment = {**os.environ, "PYTHONPATH": here, "PYTHONWARNINGS": "error"}
    for language, text in BLOCKS:
        for command in command_of(language, text):
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    made = {path.name for path in tmp_path.iterdir()}
    expected = {"cat.sfu", "cat.png", "early.png", "small.sfu", "curve.png", "curve.json", "strip.png"}
    assert expected <= made
    assert not any("checkpoint" in name or "tmp" in name for name in made)


def test_the_readme_has_blocks_of_both_kinds() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python"}


def test_every_local_link_in_the_documents_leads_somewhere() -> None:
    documents = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    documents += sorted((ROOT / "docs").glob("*.md"))
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}, which is not there"
