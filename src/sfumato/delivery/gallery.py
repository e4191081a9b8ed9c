"""The page that shows what a folder holds: plain HTML, one card for each asset."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from sfumato.delivery.describe import Description
from sfumato.delivery.shelf import MAX_LISTED

POLICY = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the pages here: pictures from this server and their own style, no scripts."""

_STYLE = """
:root { color-scheme: dark; font: 16px/1.4 system-ui, sans-serif; background: #0d0d10; color: #e8e6e3 }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem }
h1 { font-weight: 500; font-size: 1.3rem }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)) }
a { color: inherit }
main a { display: block; text-decoration: none; background: #141417; border-radius: .5rem; overflow: hidden }
main a:hover, main a:focus-visible { outline: 2px solid #c9a46a }
img, .none { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: contain; background: #141417 }
.none { display: grid; place-items: center; color: #8a8780 }
.text { padding: .6rem .8rem .8rem; overflow-wrap: anywhere }
small { display: block; color: #a5a19a }
code { background: #1d1d22; padding: .1rem .3rem; border-radius: .2rem }
"""

_EMPTY = "<p>There are no .sfu files here. <code>sfumato encode</code> makes them of pictures, scenes and captures.</p>"
_MORE = f"<p>No more than {MAX_LISTED:,} files are listed. Serve a folder further in to see others.</p>"


@dataclass(frozen=True)
class Card:
    """An asset of the gallery: its name, what it is, or what is wrong with it."""

    name: str
    described: Description | None
    fault: str = ""


def gallery(title: str, cards: list[Card], viewer: bool) -> str:
    """The page. viewer: whether the viewer is there to open assets with; without it cards lead to a page about it."""
    body = "".join(_card(card, viewer) for card in cards) or _EMPTY
    rest = _MORE if len(cards) >= MAX_LISTED else ""
    return _page(title, f"<h1>{escape(title)}</h1>\n<main>{body}</main>{rest}")


def viewer_missing(name: str) -> str:
    """The page that is shown instead of the viewer where that was not built."""
    return _page(
        "No viewer",
        "<h1>The viewer is not in this installation</h1>\n"
        "<p>Packages carry it; in a source tree it is built with Node.js: <code>npm ci &amp;&amp; npm run build</code> "
        "in the folder <code>viewer</code>. Start the server again afterwards.</p>\n"
        f'<p><a href="/{quote(name)}" download>The file itself</a> can be opened with '
        "<code>sfumato decode</code> or <code>sfumato render</code>.</p>",
    )


def viewer_link(name: str) -> str:
    """Where the viewer shows the asset `name`."""
    return f"/viewer/?src={quote('/' + quote(name), safe='/')}"


def _card(card: Card, viewer: bool) -> str:
    name, described = escape(card.name), card.described
    if described is None:
        return (
            f'<a href="/{quote(card.name)}" download><span class="none">damaged</span>'
            f'<div class="text">{name}<small>{escape(card.fault)}</small></div></a>'
        )
    size = f"{described.bytes:,} bytes"
    if described.bytes < described.whole_bytes:
        size = f"the first {described.bytes:,} of {described.whole_bytes:,} bytes"
    elif described.bytes > described.whole_bytes:
        size += f", {described.bytes - described.whole_bytes:,} of them behind its end"
    splats = f"{described.splats:,} splat{'s' if described.splats != 1 else ''}"
    target = viewer_link(card.name) if viewer else f"/viewer/missing?src={quote(card.name, safe='')}"
    return (
        f'<a href="{escape(target)}"><img src="/{quote(card.name)}?poster" alt="" loading="lazy">'
        f'<div class="text">{name}<small>{escape(described.medium)} · {splats} · {size}</small>'
        f"<small>first picture after {described.first_picture_bytes:,} bytes</small></div></a>"
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )
