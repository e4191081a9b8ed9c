"""What a host of `.sfu` files says about them: types, caching and cross-origin headers, in one place for all of us."""

from __future__ import annotations

import re

SFU_TYPE = "application/vnd.sfu"

ASSET_TYPES = {
    ".sfu": SFU_TYPE,
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
"""By suffix, what is served from a folder of assets: these, their manifest, their recorded drives and posters."""

PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    **ASSET_TYPES,
}
"""By suffix, what is served of the viewer."""

IMMUTABLE = "public, max-age=31536000, immutable, no-transform"
"""Of a file whose name holds its hash: another content has another name, so that nobody ever has to ask again."""

REVALIDATE = "no-cache, no-transform"
"""Of a file that may change under its name: kept, but asked for again, which an ETag makes cheap."""

CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Timing-Allow-Origin": "*",
}
"""With every answer: pages of any origin may read it, see its length and range, embed it and time it."""

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range, If-Range, If-Match, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
"""With the answer to OPTIONS, which browsers send before a request with If-Range."""

_HASH = re.compile(r"\.([0-9a-f]{8,64})\.\w+$")


def hash_in_name(name: str) -> str | None:
    """The hash that a name such as "cat.0a1b2c3d.sfu" holds, or None."""
    found = _HASH.search(name)
    return found[1] if found else None
