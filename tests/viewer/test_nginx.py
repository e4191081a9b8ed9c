"""The viewer and a file as static files of nginx with our configuration, opened in a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from delivery.test_nginx import AROUND, CONFIGURATION, NGINX, free_port

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
    port = free_port()
    changed = CONFIGURATION.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("/srv/sfumato", str(site))
    user = "user root;" if os.geteuid() == 0 else ""  # the test's folder is open to nobody else
    (place / "nginx.conf").write_text(AROUND.format(user=user, place=place, configuration=changed))
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", place, "-c", place / "nginx.conf"], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


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
