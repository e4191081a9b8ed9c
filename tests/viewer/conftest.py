from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from .browser.driver import VIEWER, Browser, Page, missing
from .browser.pictures import HEIGHT, WIDTH

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if reason := missing():
        pytest.skip(reason)
    found = Browser()
    yield found
    found.close()


@pytest.fixture(scope="session")
def built(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the viewer as it is now."""
    folder = tmp_path_factory.mktemp("viewer")
    subprocess.run(["node", str(VIEWER / "build.mjs"), str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def url(built: Path, site: Path) -> Iterator[str]:
    """Where the viewer and the module's `site` are served."""
    server = pytest.importorskip("sfumato.delivery.server", reason="the server needs the extra 'serve'")
    shelf = pytest.importorskip("sfumato.delivery.shelf")
    with server.serving(server.application(shelf.Shelf.folder(site), viewer=built)) as address:
        yield address


@pytest.fixture
def view(browser: Browser, url: str) -> Iterator[Open]:
    """Opens the viewer on a file; in the end no page has complained about anything."""
    pages: list[Page] = []

    def opened(name: str, *, moves: bool = False, before: str = "", **query: str) -> Page:
        address = f"{url}/viewer/?{urlencode({'src': '/' + name, 'controls': 'none', **query})}"
        pages.append(browser.open(address, WIDTH, HEIGHT, moves=moves, before=before))
        return pages[-1]

    yield opened
    assert [page.close() for page in pages] == [[] for _ in pages]
