"""The public display (公示屏): a page of its own for a screen in a venue's hall.

It is no page of Streamlit: a screen hangs there for months, on whatever browser it has, so it is one HTML file that
asks for its values every few seconds, keeps what it has when nobody answers, and says how old that is.
"""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from dashboard.client import PREFIX, trusted
from dashboard.formatting import DASH, clock, number
from dashboard.settings import current
from registry.catalogue import LANGUAGES, Language, entries, indicator_name, text, unit

STATIC: Final = Path(__file__).parent / "static"
TIMEOUT: Final = httpx.Timeout(5.0, connect=1.5)
EVERY_S: Final = 10
"""Seconds between a screen's questions."""
PRIVATE: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is the key
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
}


async def page(request: Request) -> Response:
    """``GET /display/{key}?lang=``: the page; it asks for its values itself."""
    language = _language(request)
    words = {name: text(language, f"venue.display.{name}") for name in ("lost", "revoked", "waiting", "empty")}
    about = {"every_s": EVERY_S, "version": version(), "words": words, "stale": _state(language, "stale")}
    other: Language = "en" if language == "zh" else "zh"
    fields = {
        "lang": {"zh": "zh-CN", "en": "en"}[language],
        "title": text(language, "venue.display.title"),
        "disclaimer": text(language, "venue.display.disclaimer"),
        "version": version(),
        "other": other,
        "other_name": {"zh": "中文", "en": "English"}[other],
        "about": json.dumps(about, ensure_ascii=False),
    }
    drawn = (STATIC / "display.html").read_text(encoding="utf-8")
    for name, value in fields.items():
        drawn = drawn.replace(f"{{{{{name}}}}}", escape(value))
    return HTMLResponse(drawn, headers=PRIVATE)


async def values(request: Request) -> Response:
    """``GET /display/{key}/values?lang=``: what the screen is to show, in the reader's language."""
    async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=trusted()) as client:
        try:
            answer = await client.get(
                httpx.URL(current().api_url).copy_with(path=f"{PREFIX}/displays/{request.path_params['key']}")
            )
        except httpx.HTTPError:
            return JSONResponse({"detail": "the API does not answer"}, status_code=502, headers=PRIVATE)
    if not answer.is_success:
        status = 404 if answer.status_code in (404, 422) else 502
        return JSONResponse({"detail": "no such display"}, status_code=status, headers=PRIVATE)
    return JSONResponse(shown(answer.json(), _language(request)), headers=PRIVATE)


def shown(view: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """What the API says of a display as a screen shows it: all in words, so that the page only puts it in place."""
    zone = view["zone"]
    shown_values = [each for point in view["points"] for each in point["values"] if each["standard"]]
    named = ("、" if language == "zh" else ", ").join(sorted({each["standard"] for each in shown_values}))
    basis = "basis" if all(each["verified"] for each in shown_values) else "basis_unverified"
    return {
        "version": version(),
        "at": view["at"],
        "zone": zone,
        "site": view[f"name_{language}"],
        "badge": text(language, "dashboard.badge") if view["simulated"] else "",
        "open": view["open_now"],
        "hours": text(language, f"venue.display.{'open' if view['open_now'] else 'closed'}"),
        "as_of": text(language, "venue.display.as_of", time=clock(view["at"], zone)),
        "basis": text(language, f"venue.display.{basis}", basis=named) if named else "",
        "points": [
            {"name": point[f"name_{language}"], "values": [_value(each, zone, language) for each in point["values"]]}
            for point in view["points"]
        ],
    }


def _value(each: Mapping[str, Any], zone: str, language: Language) -> dict[str, Any]:
    code = each["indicator"]
    limit = text(language, "venue.display.limit", interval=each["interval"]) if each["interval"] else None
    return {
        "indicator": code,
        "name": indicator_name(language, code),
        "value": number(each["value"], each["precision"]) if each["value"] is not None else DASH,
        "unit": "" if unit(language, code) == indicator_name(language, code) else unit(language, code),
        "limit": limit or text(language, "venue.display.no_limit"),
        "state": each["state"],
        "says": _state(language, each["state"]),
        "measured": text(language, "venue.display.measured", time=clock(each["ts"], zone)) if each["ts"] else "",
        "fresh_until": each["fresh_until"],
    }


def _state(language: Language, state: str) -> str:
    key = f"venue.display.state.{state}"
    return text(language, key) if key in entries() else state


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang", "zh")
    return asked if asked in LANGUAGES else "zh"


@cache
def version() -> str:
    """Which files the page is made of; a screen that shows older ones loads itself anew."""
    digest = sha256()
    for name in ("display.html", "display.css", "display.js"):
        digest.update((STATIC / name).read_bytes())
    return digest.hexdigest()[:12]
