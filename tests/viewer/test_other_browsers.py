"""The viewer in Firefox and in WebKit, Safari's engine: it shows there what the Python package makes of a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from sfumato.media.image.asset import ImageAsset

from .browser.engines import decodes_as_node
from .browser.files import head_file, scene_file
from .browser.lines import breaking
from .browser.pictures import HEIGHT, WIDTH, camera_text, psnr
from .browser.webdriver import LISTENING, Firefox, WebDriver, WebKit
from .test_browser import CAMERA, GOLDEN, IMAGE_DB, SCENE_DB, expected_scene
from .test_browser_avatar import AVATAR_DB, BASE, LOOK, POSE, expected, tell

CANVAS = "document.querySelector('sfumato-view').shadowRoot.querySelector('canvas')"
ROOM = {"camera": camera_text(CAMERA), "background": "#336699"}


@pytest.fixture(scope="session", params=[Firefox, WebKit])
def browser(request) -> Iterator[WebDriver]:
    if reason := request.param.missing():
        pytest.skip(reason)
    found = request.param()
    yield found
    found.close()


@pytest.fixture(scope="session")
def built(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The viewer with a page that can tell what it complained about."""
    folder = shutil.copytree(built, tmp_path_factory.mktemp("listening"), dirs_exist_ok=True)
    page = folder / "index.html"
    page.write_text(page.read_text().replace("<head>", "<head>" + LISTENING))
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture, a scene and a head."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(GOLDEN / "image-many-levels.sfu", folder / "image.sfu")
    (folder / "scene.sfu").write_bytes(scene_file())
    (folder / "head.sfu").write_bytes(head_file())
    return folder


@pytest.mark.parametrize("budget", ["25%", "100%"])
def test_a_picture_looks_as_in_python(view, site, budget):
    page = view("image.sfu", budget=budget)
    report = page.finished()
    assert page.run(f"return {CANVAS}.getContext('webgl2') !== null"), "it is drawn on the graphics card"
    asset = ImageAsset.open((site / "image.sfu").read_bytes()[: report["bytes"]])
    assert psnr(page.frame()[..., :3], asset.render(size=(WIDTH, HEIGHT))) >= IMAGE_DB


@pytest.mark.parametrize("budget", ["25%", "100%"])
def test_a_scene_looks_as_in_python(view, site, budget):
    page = view("scene.sfu", budget=budget, **ROOM)
    data = (site / "scene.sfu").read_bytes()[: page.finished()["bytes"]]
    assert psnr(page.frame()[..., :3], expected_scene(data)) >= SCENE_DB


@pytest.mark.parametrize("budget", [BASE, "100%"])
def test_a_posed_avatar_looks_as_in_python(view, site, budget):
    page = view("head.sfu", budget=budget, **LOOK)
    page.finished()
    for weights in ({}, POSE):
        tell(page, weights)
        assert psnr(page.frame()[..., :3], expected(site, weights, budget)) >= AVATAR_DB


def test_a_line_that_breaks_is_taken_up_again(browser, url, site):
    whole = (site / "scene.sfu").read_bytes()
    with breaking(url, "scene.sfu", len(whole) // 2) as (broken, asked):
        page = browser.open(f"{broken}/viewer/?{urlencode({'src': '/scene.sfu', **ROOM})}", WIDTH, HEIGHT)
        assert page.finished()["bytes"] == len(whole)
        assert asked[0] is None and asked[1] is not None and 0 < int(asked[1][len("bytes=") : -1]) <= len(whole) // 2
        assert psnr(page.frame()[..., :3], expected_scene(whole)) >= SCENE_DB


def test_a_hand_turns_a_scene_the_wheel_zooms_and_0_shows_all(view, browser):
    page = view("scene.sfu")
    page.finished()
    middle = {"x": WIDTH // 2, "y": HEIGHT // 2}

    def camera() -> np.ndarray:
        found = page.run("return document.querySelector('sfumato-view').camera")
        return np.column_stack([found["rotation"], found["translation"]])

    first = camera()
    way = [{"type": "pointerMove", **place} for place in (middle, {"x": WIDTH - 20, "y": 20})]
    browser.act("pointer", way[0], {"type": "pointerDown", "button": 0}, way[1], {"type": "pointerUp", "button": 0})
    turned = camera()
    assert not np.allclose(first[:, :3], turned[:, :3], atol=0.1)
    browser.act("wheel", {"type": "scroll", **middle, "deltaX": 0, "deltaY": -120})
    nearer = camera()
    assert np.allclose(turned[:, :3], nearer[:, :3]) and nearer[2, 3] < turned[2, 3] - 0.1
    browser.act("key", {"type": "keyDown", "value": "0"}, {"type": "keyUp", "value": "0"})
    assert np.allclose(camera(), first)


def test_what_a_page_complains_about_is_heard(browser, url):
    page = browser.open(f"{url}/viewer/", WIDTH, HEIGHT)
    page.run("""
        const script = document.createElement("script");
        script.textContent = "console.error('oh'); Promise.reject('dear'); undefined.me";
        document.body.append(script);
        await new Promise((go) => setTimeout(go, 50));
    """)
    heard = page.close()
    assert len(heard) == 3 and {"error: oh", "error: dear"} < set(heard) and "undefined" in "".join(heard)


def test_every_golden_file_decodes_to_the_same_numbers_as_in_node(browser, url, tmp_path):
    files = sorted(GOLDEN.rglob("*.sfu"))
    page = browser.open(f"{url}/viewer/", WIDTH, HEIGHT)
    assert len(files) > 60 and decodes_as_node(page, files, tmp_path)
    page.close()
