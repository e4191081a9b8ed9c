"""Pages in a browser, as Python sees them."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SCRIPT = Path(__file__).with_name("drive.mjs")
VIEWER = Path(__file__).parents[3] / "viewer"

# Resolves when everything has come and something shows, or nothing will.
_FINISHED = """
const view = document.querySelectorAll("sfumato-view")[given ?? 0];
const waits = ({ state, firstPicture }) => state === "loading" || (state === "complete" && !firstPicture);
while (!view.report || waits(view.report)) await new Promise((go) => setTimeout(go, 20));
return {...view.report, note: view.shadowRoot.querySelector(".note:not([hidden])")?.textContent ?? null};
"""

_FRAME = """
const view = document.querySelectorAll("sfumato-view")[given ?? 0];
const bytes = new Uint8Array(await (await view.captureFrame()).arrayBuffer());
return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
"""


def missing() -> str | None:
    """What this machine lacks for tests in Chromium, as a sentence; None if nothing."""
    return tools_missing("chromium")


def tools_missing(*programs: str) -> str | None:
    """What it lacks of these, and of what the viewer is built with."""
    for program in ("node", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not (VIEWER / "node_modules" / "playwright-core").is_dir():
        return "the viewer's tools are not installed (npm ci in the folder viewer)"
    return None


class Browser:
    """Chromium without a screen, with a graphics card in software."""

    def __init__(self) -> None:
        command = ["node", str(SCRIPT), shutil.which("chromium") or "chromium"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version: str = self._answer()

    def open(self, url: str, width: int, height: int, *, moves: bool = False, before: str = "") -> Page:
        """A new page whose inner size is width x height.

        moves: whether its person likes motion. before: a script that runs before those of the page.
        """
        return Page(self, self.ask(do="open", url=url, width=width, height=height, moves=moves, before=before))

    def ask(self, **command: Any) -> Any:
        """The answer to one command of drive.mjs. Raises RuntimeError if it fails."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the browser is gone"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


class Asked(Protocol):
    """A browser that does what drive.mjs says."""

    def ask(self, *, do: str, **command: Any) -> Any:
        """The answer. Raises RuntimeError if it fails."""


class Page:
    """A page with one or more viewers on it, which are counted from 0."""

    def __init__(self, browser: Asked, number: int) -> None:
        self._browser, self._number = browser, number

    def run(self, code: str, argument: Any = None) -> Any:
        """What the body of an async function returns, to which `argument` is `given`."""
        return self._browser.ask(do="run", page=self._number, code=code, argument=argument)

    def finished(self, viewer: int = 0) -> dict[str, Any]:
        """The report of a viewer, and its "note", when nothing more will come."""
        report: dict[str, Any] = self.run(_FINISHED, viewer)
        return report

    def frame(self, viewer: int = 0) -> NDArray[np.float64]:
        """What a viewer shows, [height, width, 4] in 0..1."""
        data = base64.b64decode(self.run(_FRAME, viewer))
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"), np.float64) / 255

    def touch(self, *places: list[tuple[int, int]]) -> None:
        """Fingers go down at the first places, in pixels of the page, move to the others, and go up. Chromium alone."""
        self._browser.ask(do="touch", page=self._number, places=places)

    def shot(self, path: Path) -> None:
        """Writes a picture of the page."""
        self._browser.ask(do="shot", page=self._number, path=str(path))

    def close(self) -> list[str]:
        """What the page complained about while it was there."""
        said: list[str] = self._browser.ask(do="close", page=self._number)
        return said
