"""Firefox and WebKit, asked as Chromium is: both know the commands of W3C's WebDriver, and need a screen."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from .driver import Page, tools_missing

# Where WebKit takes the commands.
_ROUTES = {
    "SetTimeouts": ("POST", "/timeouts"),
    "SwitchToFrame": ("POST", "/frame"),
    "Navigate": ("POST", "/url"),
    "ExecuteAsyncScript": ("POST", "/execute/async"),
    "PerformActions": ("POST", "/actions"),
    "TakeScreenshot": ("GET", "/screenshot"),
    "DeleteSession": ("DELETE", ""),
}

_PATIENCE = 60  # seconds for a browser to start, for a page to load, for a script to end

# A window cannot have any size, a frame in it can.
_FRAME = """
const [src, width, height, done] = arguments;
const frame = Object.assign(document.createElement("iframe"), { src, width, height, onload: () => done() });
frame.style.cssText = "position: fixed; left: 0; top: 0; border: 0";
document.body.append(frame);
"""

_RUN = """
const [given, done] = arguments;
const run = async () => {%s};
run().then((value) => ({ value: value ?? null }), (error) => ({ error: `${error}\\n${error.stack}` }))
  .then((answer) => done(JSON.stringify(answer)));
"""

# Pages that begin with this can tell what they complained about.
LISTENING = """<script>
window.said = [];
for (const kind of ["error", "warn"]) console[kind] = (...words) => said.push(`${kind}: ${words.join(" ")}`);
addEventListener("error", ({ message, target }) => said.push(`error: ${message ?? target.outerHTML}`), true);
addEventListener("unhandledrejection", ({ reason }) => said.push(`error: ${reason}`));
</script>"""


class WebDriver:
    """A browser that shows one page at a time, on a screen that nobody sees and a graphics card in software."""

    programs: tuple[str, ...]

    def __init__(self) -> None:
        with contextlib.ExitStack() as ending:
            surroundings = {"DISPLAY": ending.enter_context(_screen()), "LIBGL_ALWAYS_SOFTWARE": "1"}
            self.version = self._start(os.environ | surroundings, ending)
            self.send("SetTimeouts", script=1000 * _PATIENCE, pageLoad=1000 * _PATIENCE)
            self._ending = ending.pop_all()

    @classmethod
    def missing(cls) -> str | None:
        """What this machine lacks for it, as a sentence; None if nothing."""
        return tools_missing("Xvfb", *cls.programs)

    def open(self, url: str, width: int, height: int, **_: Any) -> Page:
        """A page whose inner size is width x height, in place of the one before."""
        self.send("SwitchToFrame", id=None)
        self.send("Navigate", url="about:blank")
        self.send("ExecuteAsyncScript", script=_FRAME, args=[url, width, height])
        self.send("SwitchToFrame", id=0)
        self._size = width, height
        return Page(self, 0)

    def ask(self, do: str, code: str = "", argument: Any = None, path: str = "", **_: Any) -> Any:
        """What drive.mjs answers to "run", "shot" and "close"."""
        if do == "shot":
            return self._shoot(path)
        if do == "close":
            code = "return window.said ?? []"
        answer = json.loads(self.send("ExecuteAsyncScript", script=_RUN % code, args=[argument]))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def act(self, kind: str, *actions: dict[str, Any]) -> None:
        """What a person does with a "pointer", a "wheel" or a "key", in pixels of the page: W3C's actions."""
        self.send("PerformActions", actions=[{"type": kind, "id": kind, "actions": actions}])

    def close(self) -> None:
        """Ends it."""
        self._ending.close()

    def send(self, command: str, **parameters: Any) -> Any:
        """The answer to a command by the name that W3C gives it. Raises RuntimeError if it fails."""
        raise NotImplementedError

    def _start(self, environment: dict[str, str], ending: contextlib.ExitStack) -> str:
        """Its version, when it is there. ending: what is done in the end."""
        raise NotImplementedError

    def _shoot(self, path: str) -> None:
        self.send("SwitchToFrame", id=None)
        picture = Image.open(io.BytesIO(base64.b64decode(self.send("TakeScreenshot", full=False))))
        picture.crop((0, 0, *self._size)).save(path)
        self.send("SwitchToFrame", id=0)


class Firefox(WebDriver):
    """Speaks Marionette: messages are their length, a colon and JSON."""

    programs = ("firefox",)

    def send(self, command: str, **parameters: Any) -> Any:
        text = json.dumps([0, 0, f"WebDriver:{command}", parameters]).encode()
        self._stream.write(b"%d:%s" % (len(text), text))
        self._stream.flush()
        _, _, error, answer = self._receive()
        if error:
            raise RuntimeError(f"{error['error']}: {error['message']}")
        return answer.get("value", answer)

    def _start(self, environment: dict[str, str], ending: contextlib.ExitStack) -> str:
        profile = Path(ending.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        (profile / "user.js").write_text('user_pref("marionette.port", 0);')  # any that is free
        command = ["firefox", "--no-remote", "--marionette", "--profile", str(profile)]
        ending.enter_context(_running(command, env=environment))
        port = int(_soon((profile / "MarionetteActivePort").read_text))
        connection = ending.enter_context(socket.create_connection(("127.0.0.1", port), 2 * _PATIENCE))
        self._stream = ending.enter_context(connection.makefile("rwb"))
        self._receive()  # it says hello
        return str(self.send("NewSession")["capabilities"]["browserVersion"])

    def _receive(self) -> Any:
        digits = b""
        while (digit := self._stream.read(1)).isdigit():
            digits += digit
        return json.loads(self._stream.read(int(digits)))


class WebKit(WebDriver):
    """The engine of Safari as WebKitGTK builds it. Speaks HTTP."""

    programs = ("WebKitWebDriver",)

    def send(self, command: str, **parameters: Any) -> Any:
        method, path = _ROUTES[command]
        return self._request(method, path, parameters if method == "POST" else None)

    def _start(self, environment: dict[str, str], ending: contextlib.ExitStack) -> str:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        # Containers seldom allow it to lock its pages in.
        environment = environment | {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        ending.enter_context(_running(["WebKitWebDriver", f"--port={port}"], env=environment))
        self._address = f"http://127.0.0.1:{port}"
        _soon(lambda: self._request("GET", "/status"))
        session = self._request("POST", "/session", {"capabilities": {}})
        self._address += f"/session/{session['sessionId']}"
        ending.callback(self.send, "DeleteSession")
        return str(session["capabilities"]["browserVersion"])

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=2 * _PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            failure = json.load(error)["value"]
            raise RuntimeError(f"{failure['error']}: {failure['message']}") from None


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    """The name of a screen of its own."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with open(reading) as told, _running(command, pass_fds=[writing]):
        os.close(writing)
        yield f":{told.readline().strip()}"


@contextlib.contextmanager
def _running(command: list[str], **settings: Any) -> Iterator[None]:
    """A silent program, which is ended afterwards."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([shutil.which(command[0]) or command[0], *command[1:]], **quiet, **settings)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _soon(ask: Callable[[], Any]) -> Any:
    """What is there as soon as asking for it succeeds."""
    for _ in range(10 * _PATIENCE):
        with contextlib.suppress(OSError):
            if found := ask():
                return found
        time.sleep(0.1)
    raise RuntimeError("the browser does not start")
