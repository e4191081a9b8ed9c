"""A real nginx with deploy/nginx.conf, for tests of what it serves."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CONFIGURATION = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text(encoding="utf-8")

# What stands around the file on a server; the rest keeps nginx inside the test's folder.
AROUND = """
{user}
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/temp;
    proxy_temp_path {place}/temp;
    fastcgi_temp_path {place}/temp;
    uwsgi_temp_path {place}/temp;
    scgi_temp_path {place}/temp;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
{configuration}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def nginx_serving(place: Path, site: Path) -> Iterator[str]:
    """Serve the folder `site` while the block runs; its files lie in `place`. Gives the address."""
    port = free_port()
    changed = CONFIGURATION.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace("/srv/sfumato", str(site))
    assert changed.count(str(port)) == changed.count(str(site)) == 1
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
