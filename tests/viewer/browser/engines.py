"""What engines of JavaScript make of the golden files."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from .driver import VIEWER, Page

_FILES = """
const { readFileSync } = require("node:fs");
require("node:vm").runInThisContext(readFileSync(process.argv[1], "utf-8"));
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(engine.digest)));
"""

_IN_PAGE = """
const script = document.createElement("script");
script.textContent = given[0];
document.head.append(script);
return given[1].map(engine.digest);
"""


def bundle(folder: Path) -> Path:
    """The script of viewer/test/digest.ts."""
    path = folder / "digest.js"
    options = ["--bundle", "--format=iife", "--global-name=engine", "--log-level=error", f"--outfile={path}"]
    subprocess.run([str(VIEWER / "node_modules/.bin/esbuild"), str(VIEWER / "test/digest.ts"), *options], check=True)
    return path


def in_node(script: Path, files: list[Path]) -> list[str]:
    """What node decodes files to."""
    command = ["node", "-e", _FILES, str(script)]
    answer = subprocess.run(command, input=json.dumps(_packed(files)), capture_output=True, text=True, check=True)
    found: list[str] = json.loads(answer.stdout)
    return found


def in_page(page: Page, script: Path, files: list[Path]) -> Any:
    """What a page decodes them to."""
    return page.run(_IN_PAGE, [script.read_text(), _packed(files)])


def _packed(files: list[Path]) -> list[str]:
    return [base64.b64encode(path.read_bytes()).decode() for path in files]
