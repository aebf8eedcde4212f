"""The page for everybody (公示): values of venues that agreed, published results, votes. No sign-in, no script.

It is plain HTML made here from what the API publishes, so that it opens on any telephone and can be read aloud.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboard.client import PREFIX, trusted
from dashboard.display import shown
from dashboard.formatting import clock, parse
from dashboard.settings import current
from registry.catalogue import LANGUAGES, Language, indicator_name, text, unit
from registry.model import HOME_ZONE

TIMEOUT: Final = httpx.Timeout(8.0, connect=1.5)
REFRESH_S: Final = 60
VOTER: Final = "landun_voter"
COLUMNS: Final = ("site", "point", "indicator", "result", "limit", "says", "taken")
_YEAR_S: Final = 31_536_000
_MOST_FORM: Final = 2_000
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'self'",
}


async def page(request: Request) -> Response:
    """``GET /public?lang=&month=``."""
    language = _language(request)
    month = _month(request)
    try:
        pools = (await _ask("/published/pools"))["items"]
        samples = await _ask("/published/samples", {"month": month})
        rounds = await _ask("/published/rounds")
    except (httpx.HTTPError, ValueError):
        return HTMLResponse(_whole(language, _note(language, "away")), status_code=503, headers=HEADERS)
    said = request.query_params.get("voted", "")
    parts = [
        _note(language, said) if said in ("counted", "voted_before", "failed") else "",
        *(_round(language, each) for each in rounds),
        _values(language, pools),
        _samples(language, samples, month),
    ]
    return HTMLResponse(_whole(language, "".join(parts), renews=not rounds), headers=HEADERS)


async def vote(request: Request) -> Response:
    """``POST /public/vote``: a form with `round` and `site`; the browser's own number comes with its cookie."""
    language = _language(request)
    form = {
        name: found[0]
        for name, found in parse_qs((await request.body())[:_MOST_FORM].decode("utf-8", "replace")).items()
    }
    voter = request.cookies.get(VOTER) or secrets.token_urlsafe(24)
    outcome = "failed"
    if form.get("round", "").isdigit():
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=trusted()) as client:
            try:
                answer = await client.post(
                    httpx.URL(current().api_url).copy_with(path=f"{PREFIX}/published/rounds/{form['round']}/votes"),
                    json={"site": form.get("site", ""), "voter": voter},
                )
                outcome = answer.json()["outcome"] if answer.is_success else "failed"
            except (httpx.HTTPError, ValueError, KeyError):
                outcome = "failed"
    away = RedirectResponse(f"/public?lang={language}&voted={outcome}", status_code=303)
    away.set_cookie(VOTER, voter, max_age=_YEAR_S, httponly=True, samesite="lax", path="/public")
    return away


async def _ask(path: str, query: Mapping[str, str] | None = None) -> Any:
    async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=trusted()) as client:
        answer = await client.get(httpx.URL(current().api_url).copy_with(path=f"{PREFIX}{path}"), params=query)
        answer.raise_for_status()
        return answer.json()


def _w(language: Language, key: str, /, **fields: object) -> str:
    return escape(text(language, f"disclosure.public.{key}", **fields))


def _note(language: Language, key: str) -> str:
    return f"<p class='note' role='status'>{_w(language, key)}</p>"


def _values(language: Language, pools: Sequence[Mapping[str, Any]]) -> str:
    """Each venue that agreed, with its basins and values."""
    drawn = []
    for view in pools:
        told = shown(view, language)
        badge = f"<span class='badge'>{escape(told['badge'])}</span>" if told["badge"] else ""
        basins = "".join(
            f"<h4>{escape(point['name'])}</h4><ul class='values'>{''.join(map(_value, point['values']))}</ul>"
            for point in told["points"]
        )
        drawn.append(
            f"<article data-site='{escape(view['site'])}'><h3>{escape(told['site'])} {badge}"
            f"<small>{escape(told['hours'])}</small></h3>{basins}<p class='basis'>{escape(told['basis'])}</p></article>"
        )
    lead = _w(language, "consented") if drawn else _w(language, "none")
    return (
        f"<section><h2>{_w(language, 'values')}</h2><p class='disclaimer'>{_w(language, 'disclaimer')}</p>"
        f"<p>{lead}</p><div class='venues'>{''.join(drawn)}</div></section>"
    )


def _value(each: Mapping[str, Any]) -> str:
    return (
        f"<li class='{escape(each['state'])}' data-indicator='{escape(each['indicator'])}'>"
        f"<b>{escape(each['name'])}</b>"
        f"<span class='figure'>{escape(each['value'])} <small>{escape(each['unit'])}</small></span>"
        f"<span>{escape(each['says'])}</span><small>{escape(each['limit'])}</small>"
        f"<small>{escape(each['measured'])}</small></li>"
    )


def _samples(language: Language, samples: Sequence[Mapping[str, Any]], month: str) -> str:
    head = "".join(f"<th scope='col'>{_w(language, name)}</th>" for name in COLUMNS)
    rows = "".join(_sample(language, each["sample"]) for each in samples)
    body = (
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        if rows
        else f"<p>{_w(language, 'samples_none')}</p>"
    )
    form = (
        f"<form method='get' action='/public'><input type='hidden' name='lang' value='{language}'>"
        f"<label>{_w(language, 'month')} <input type='month' name='month' value='{escape(month)}'></label> "
        f"<button>{_w(language, 'show')}</button></form>"
    )
    return f"<section><h2>{_w(language, 'samples', month=month)}</h2>{form}{body}</section>"


def _sample(language: Language, each: Mapping[str, Any]) -> str:
    badge = f" ({escape(text(language, 'dashboard.badge'))})" if each["simulated"] else ""
    own = unit(language, each["indicator"])
    shown_unit = "" if own == indicator_name(language, each["indicator"]) else f" {own}"
    cells = (
        escape(each[f"site_name_{language}"]) + badge,
        escape(each[f"sampling_point_name_{language}"]),
        escape(indicator_name(language, each["indicator"])),
        escape(each["text"] + shown_unit),
        escape(each["interval"] or "–"),
        escape(text(language, f"disclosure.state.{each['state']}")),
        escape(f"{parse(each['taken_at']).astimezone(ZoneInfo(each['zone'])):%Y-%m-%d}"),
    )
    # A telephone shows a row as lines, each with its column's name.
    named = zip(COLUMNS, cells, strict=True)
    return "<tr>" + "".join(f"<td data-label='{_w(language, name)}'>{cell}</td>" for name, cell in named) + "</tr>"


def _round(language: Language, each: Mapping[str, Any]) -> str:
    badge = f" <span class='badge'>{escape(text(language, 'dashboard.badge'))}</span>" if each["simulated"] else ""
    choices = "".join(
        f"<label><input type='radio' name='site' value='{escape(choice['site'])}' required> "
        f"{escape(choice[f'name_{language}'])} <small>{_w(language, 'votes', count=choice['votes'])}</small></label>"
        for choice in each["choices"]
    )
    return (
        f"<section class='vote'><h2>{_w(language, 'vote')} · {escape(each['name'])}{badge}</h2>"
        f"<p>{_w(language, 'vote_lead')} {_w(language, 'vote_until', time=clock(each['closes_at'], HOME_ZONE))}</p>"
        f"<form method='post' action='/public/vote?lang={language}'>"
        f"<input type='hidden' name='round' value='{each['id']}'>{choices}"
        f"<button>{_w(language, 'vote_send')}</button></form></section>"
    )


def _whole(language: Language, body: str, *, renews: bool = True) -> str:
    """The document; it does not renew itself while there is a form that somebody may be filling in."""
    other: Language = "en" if language == "zh" else "zh"
    name = {"zh": "中文", "en": "English"}[other]
    renewing = f"<meta http-equiv='refresh' content='{REFRESH_S}'>" if renews else ""
    return (
        f"<!DOCTYPE html><html lang='{'zh-CN' if language == 'zh' else 'en'}'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"{renewing}"
        f"<title>{_w(language, 'title')}</title><link rel='icon' href='/landun/icon-192.png'>"
        f"<link rel='stylesheet' href='/landun/public.css'></head><body><header><h1>{_w(language, 'title')}</h1>"
        f"<p>{_w(language, 'lead')}</p><a href='/public?lang={other}' lang='{other}'>{name}</a></header>"
        f"<main>{body}</main></body></html>"
    )


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang", "zh")
    return asked if asked in LANGUAGES else "zh"


def _month(request: Request) -> str:
    asked = request.query_params.get("month", "")
    try:
        return f"{datetime.strptime(asked, '%Y-%m'):%Y-%m}"  # noqa: DTZ007 - a month has no zone
    except ValueError:
        return f"{datetime.now(ZoneInfo(HOME_ZONE)):%Y-%m}"
