"""What engines of JavaScript make of the golden files."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

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


def decodes_as_node(page: Page, files: list[Path], folder: Path) -> bool:
    """Whether a page decodes files to what node does. folder: for the bundle of viewer/test/digest.ts."""
    script = folder / "digest.js"
    options = ["--bundle", "--format=iife", "--global-name=engine", "--log-level=error", f"--outfile={script}"]
    subprocess.run([str(VIEWER / "node_modules/.bin/esbuild"), str(VIEWER / "test/digest.ts"), *options], check=True)
    packed = [base64.b64encode(path.read_bytes()).decode() for path in files]
    command = ["node", "-e", _FILES, str(script)]
    answer = subprocess.run(command, input=json.dumps(packed), capture_output=True, text=True, check=True)
    expected: list[str] = json.loads(answer.stdout)
    found: list[str] = page.run(_IN_PAGE, [script.read_text(), packed])
    return len(expected) == len(files) and found == expected
