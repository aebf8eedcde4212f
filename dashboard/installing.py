"""Putting a page on a telephone's home screen: the web manifest, the page that names it, and the QR code to it.

Streamlit's page is one file for all addresses and knows no manifest; for the pages that may be installed it is served
with one. A browser offers to install what it got over HTTPS, or from the machine it runs on (W3C Web App Manifest).
"""

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import segno
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from streamlit.file_util import get_static_dir

from registry.catalogue import LANGUAGES, Language, text

PAGES: Final[Mapping[str, str]] = {"inspector": "inspector", "venue": "venue"}
"""The pages that may be installed, with the file of the catalogue that names them."""
COLOUR: Final = "#12304f"
_ICONS: Final = (("icon-192", 192, "any"), ("icon-512", 512, "any"), ("icon-maskable-512", 512, "maskable"))
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]", "::1")


async def page(request: Request) -> Response:
    """``GET /inspector`` or ``/venue``: Streamlit's page, with the manifest of that page and its language."""
    name, language = request.url.path.rsplit("/", 1)[-1], _language(request)
    return HTMLResponse(_page(name, language), headers={"Cache-Control": "no-cache"})


async def manifest(request: Request) -> Response:
    """``GET /landun-app/{name}.webmanifest?lang=``."""
    name = request.path_params["name"]
    if name not in PAGES:
        return JSONResponse({"detail": f"no page {name!r} may be installed"}, status_code=404)
    return JSONResponse(described(name, _language(request)), media_type="application/manifest+json")


def described(name: str, language: Language) -> dict[str, Any]:
    """The manifest of a page."""
    start = f"/{name}?lang={language}"
    return {
        "id": f"/{name}",
        "name": text(language, f"{PAGES[name]}.install.name"),
        "short_name": text(language, f"{PAGES[name]}.install.short_name"),
        "lang": {"zh": "zh-CN", "en": "en"}[language],
        "start_url": start,
        "scope": "/",
        "display": "standalone",
        "orientation": "any",
        "background_color": "#f4f6f9",
        "theme_color": COLOUR,
        "icons": [
            {"src": f"/landun/{icon}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
            for icon, size, purpose in _ICONS
        ],
    }


@cache
def qr(address: str) -> str:
    """A QR code (ISO/IEC 18004) of an address as an image: error correction M, with its quiet zone."""
    code = segno.make(address, error="m", micro=False)
    source: str = code.svg_data_uri(border=4, dark="#12304f", light="#ffffff", omitsize=True)
    return f'<img class="ld-qr" alt="{escape(address)}" src="{escape(source)}">'


def only_here(address: str) -> bool:
    """Whether an address leads to the machine it is read on, so that no telephone can follow it."""
    host = urlsplit(address).hostname or ""
    return host in _LOOPBACK or host.startswith("127.")


@cache
def _page(name: str, language: Language) -> str:
    drawn = (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
    title = escape(text(language, f"{PAGES[name]}.install.name"))
    head = (
        f'<link rel="manifest" href="/landun-app/{name}.webmanifest?lang={language}">'
        '<link rel="apple-touch-icon" href="/landun/icon-apple-180.png">'
        '<meta name="mobile-web-app-capable" content="yes"><meta name="apple-mobile-web-app-capable" content="yes">'
        f'<meta name="apple-mobile-web-app-title" content="{title}"><meta name="theme-color" content="{COLOUR}">'
    )
    return drawn.replace("</head>", f"{head}</head>", 1)


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang", "zh")
    return asked if asked in LANGUAGES else "zh"
