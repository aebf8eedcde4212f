"""Pieces of the pages for a telephone: an alarm to tap, how long ago, an action and its answer, an installable link."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from dashboard import installing, session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, number, parse, precision_of
from dashboard.html import badge, chip, escape
from dashboard.language import county_name, indicator, language, name_of, term, unit_of
from dashboard.links import address
from dashboard.look import ALARM_TONE, PRIORITY_ORDER, PRIORITY_TONE
from dashboard.problems import failed
from dashboard.shapes import Alarm, Latest
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import STATIC
from registry.alarm_rules import alarm_rule
from registry.catalogue import text

ACTIVE: Final = ("unacknowledged", "acknowledged")
NEEDS: Final = ("unacknowledged", "returned_unacknowledged", "latched_unacknowledged")
"""States in which somebody is yet to take note."""


def w(key: str, /, **fields: object) -> str:
    """A string of the inspector's page."""
    return text(language(), f"inspector.page.{key}", **fields)


def colon() -> str:
    """What stands between a label and its value."""
    return "：" if language() == "zh" else ": "


def back() -> str:
    """The way back to the inspector's list."""
    return f"<a class='ld-back ld-go' href='{escape(address('inspector'))}' target='_self'>‹ {escape(w('back'))}</a>"


def field_style() -> None:
    """The style sheet of these pages."""
    st.html(f"<style>{_style()}</style>")


@cache
def _style() -> str:
    return (STATIC / "field.css").read_text(encoding="utf-8")


def lasting(since: str, until: str | None = None) -> str:
    """How long something has lasted, in the largest unit that says enough."""
    end = parse(until) if until else datetime.now(UTC)
    minutes = max(0, int((end - parse(since)).total_seconds() // 60))
    if minutes < 1:
        return w("under_a_minute")
    if minutes < 120:
        return w("minutes", count=minutes)
    return w("hours", count=minutes // 60) if minutes < 2880 else w("days", count=minutes // 1440)


def urgency(alarm: Alarm) -> tuple[int, bool, str]:
    """Order of work: worst first; among equals those nobody has taken, then the longest waiting."""
    return PRIORITY_ORDER[alarm["priority"]], alarm["state"] != "unacknowledged", alarm["raised_at"]


def alarm_card(alarm: Alarm, latest: Mapping[int, Latest], *, page: str = "", for_venue: bool = False) -> str:
    """An alarm in a few lines; with `page` a tap leads there. A venue needs neither its own name nor the states' words.

    Whether an inspector has seen it matters to a venue, and what it has to acknowledge itself.
    """
    priority = alarm["priority"]
    active = alarm["state"] in ACTIVE
    tone = priority if active else "quiet"
    chips = chip(term("alarm.priority", priority), PRIORITY_TONE[priority])
    if not for_venue or alarm["audience"] == "venue":
        chips += chip(term("alarm.state", alarm["state"]), ALARM_TONE.get(alarm["state"], "plain"))
    elif alarm["state"] == "unacknowledged":
        chips += chip(w("not_seen"), "plain")
    mark = f" {badge()}" if alarm["simulated"] else ""
    place = name_of(alarm, "sampling_point_name")
    where = " · ".join(filter(None, ("" if for_venue and place else name_of(alarm, "site_name"), place)))
    of_county = "" if for_venue else f"<span class='ld-soft'>{escape(county_name(alarm['county']))}</span>"
    inner = (
        f"<header>{chips}{mark}<time>{escape(clock(alarm['raised_at'], ZONE))}</time></header>"
        f"<h2>{escape(where)} {of_county}</h2>{_reading(alarm, latest)}{_who_acts(alarm)}"
    )
    common = f"class='ld-tap ld-{tone}' data-alarm='{alarm['id']}' data-state='{escape(alarm['state'])}'"
    if page:
        link = escape(address(page, alarm=alarm["id"]))
        return f"<a {common.replace('ld-tap', 'ld-tap ld-go', 1)} href='{link}' target='_self'>{inner}</a>"
    return f"<div {common}>{inner}</div>"


def _reading(alarm: Alarm, latest: Mapping[int, Latest]) -> str:
    """The value against its limit, or the alarm's sentence where it is about no single value."""
    code = alarm["indicator"]
    if code is None or alarm["value"] is None or alarm["kind"] not in ("limit", "circulation"):
        return f"<p>{escape(name_of(alarm, 'text'))}</p>"
    precision = precision_of(code)
    newest = latest.get(alarm["channel_id"] or -1)
    value, when = (newest["value"], w("now")) if newest and alarm["state"] in ACTIVE else (alarm["value"], "")
    raised = w("when_raised", value=number(alarm["value"], precision))
    soft = " · ".join(filter(None, (when, raised)))
    return (
        f"<div class='ld-read'><span>{escape(indicator(code))}</span>"
        f"<b>{number(value, precision)}<small>{escape(unit_of(code))}</small></b>"
        f"<span class='ld-soft'>{escape(soft)}</span></div>"
        f"<p>{escape(w('limit', interval=limit_of(alarm)))} · {escape(since_of(alarm))}</p>"
    )


def limit_of(alarm: Alarm) -> str:
    """The limit an alarm was raised by, with its unit."""
    lo, hi = alarm["limit_lo"], alarm["limit_hi"]
    unit = unit_of(alarm["indicator"]) if alarm["indicator"] else ""
    if lo is not None and hi is not None:
        decimals = max(len(f"{bound:g}".partition(".")[2]) for bound in (lo, hi))
        return f"{lo:.{decimals}f}–{hi:.{decimals}f} {unit}"
    return f"≤ {hi:g} {unit}" if hi is not None else f"≥ {lo:g} {unit}" if lo is not None else "–"


def since_of(alarm: Alarm) -> str:
    """Since when, and for how long."""
    since, ended = alarm["since"], alarm["returned_at"]
    if ended:
        return w("lasted", time=clock(since, ZONE), minutes=lasting(since, ended), end=clock(ended, ZONE))
    return w("since", time=clock(since, ZONE), minutes=lasting(since))


def _who_acts(alarm: Alarm) -> str:
    """Who has taken it: what spares a second inspector the way."""
    if going := alarm.get("on_the_way_by"):
        said = w("on_the_way_by", who=going, at=clock(alarm.get("on_the_way_at"), ZONE))
    elif alarm["acknowledged_by"]:
        said = w("acknowledged_by", who=alarm["acknowledged_by"], at=clock(alarm["acknowledged_at"], ZONE))
    else:
        return ""
    return f"<p class='ld-who-acts'>{escape(said)}</p>"


def response_to(alarm: Alarm) -> str:
    """What the record of the rule that raised an alarm says is to be done."""
    rule = alarm.get("rule")
    return alarm_rule(rule).words["response"][language()] if rule else ""


def act(call: Callable[[], bool]) -> None:
    """Do something about an alarm, say that it is done and draw the fragment again; in a fragment only."""
    try:
        applied = call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    session.feed().poll_soon()
    st.toast(w("done") if applied else w("pending"), icon=":material/check_circle:")
    st.rerun(scope="fragment")


def install(page: str) -> None:
    """How to have this page on a telephone: link and QR code."""
    here = urlsplit(st.context.url or "")
    base = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    link = f"{base}/{page}?lang={language()}"
    words = [text(language(), "inspector.install.how")]
    if installing.only_here(link):
        words.append(text(language(), "inspector.install.only_here", address=base))
    said = "".join(f"<p>{escape(each)}</p>" for each in words)
    named = f"<a href='{escape(link)}'>{escape(link)}</a>"
    st.html(f"<div class='ld-install'>{installing.qr(link)}<div>{named}{said}</div></div>")
