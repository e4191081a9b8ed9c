"""The viewer and a file as static files of nginx with our configuration, opened in a browser."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from delivery.nginx import NGINX, nginx_serving

from sfumato.media.image.asset import ImageAsset

from .browser.driver import VIEWER, Browser, missing

if reason := missing():
    pytest.skip(reason, allow_module_level=True)
if NGINX is None:
    pytest.skip("nginx is not installed", allow_module_level=True)

PICTURE = Path(__file__).parents[1] / "golden" / "image-many-levels.sfu"  # 64 x 48
WIDTH, HEIGHT = 320, 240
IMAGE_DB = 38


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """nginx with the files of the viewer beside an asset, as docs/viewer.md says."""
    place = tmp_path_factory.mktemp("nginx")
    site = place / "site"
    subprocess.run(["node", str(VIEWER / "build.mjs"), str(site)], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(PICTURE, site / "picture.sfu")
    with nginx_serving(place, site) as address:
        yield address


def test_two_static_files_and_an_asset_show_the_picture(host: str) -> None:
    browser = Browser()
    try:
        page = browser.open(f"{host}/?src=picture.sfu&controls=none", WIDTH, HEIGHT)
        assert page.finished()["state"] == "complete"
        error = np.mean((page.frame()[..., :3] - ImageAsset.open(PICTURE).render(size=(WIDTH, HEIGHT))) ** 2)
        assert -10 * np.log10(max(error, 1e-12)) >= IMAGE_DB
        assert page.close() == []
    finally:
        browser.close()
