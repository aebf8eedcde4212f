"""Every rule in force at a site: what it demands, where it is from, how sure it is, and who changed it when."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time, parse, rfc3339, today_in
from dashboard.html import badge, chip_cell, escape, heading, title
from dashboard.language import clause_of, indicator, name_of, term
from dashboard.problems import failed
from dashboard.shapes import SiteDetail
from dashboard.shapes.judging import OwnRule, Rule, SiteRules, Standard
from dashboard.widgets.alarm_settings import alarm_settings
from dashboard.widgets.components import table
from dashboard.widgets.rule_forms import rule_forms
from dashboard.widgets.rule_words import in_brackets, joined, limit_text, named, own_text, w, where
from dashboard.widgets.site_choice import choose_site
from registry.indicators import INDICATORS
from registry.wall_clock import zone_offset

FORCE_TONE: Final = {"binding": "high", "recommended": "advice", "operational": "plain"}
CERTAINTY_TONE: Final = {"primary": "ok", "secondary": "pending", "unverified": "medium", "design": "plain"}
STATE_TONE: Final = {"coming": "pending", "in_force": "ok", "over": "plain"}
ORIGIN_TONE: Final = {"standard": "plain", "adopted": "advice", "site": "pending"}


def show() -> None:
    """Draw the page."""
    left, right = st.columns([0.82, 0.18], gap="small", vertical_alignment="bottom")
    with left:
        site = choose_site()
    if site is None:
        return
    code, zone = site["code"], site["zone"]
    with right:
        day = _day(zone)
    try:
        detail = session.client().site(code)
        found = session.client().site_rules(code, _instant(day, zone))
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    at = w("page.sub", at=full_time(found["at"], zone), zone=f"{zone} {zone_offset(zone)}")
    mark = badge() if site["simulated"] else ""
    st.html(title(f"{w('page.title')} · {name_of(site)}", sub=at, after=mark))
    st.html(f"<p class='ld-note'>{escape(w('page.lead'))}</p>")
    _in_force(found, detail)
    _own(found, detail)
    if found["may_set"]:
        rule_forms(found, detail)
    else:
        st.html(f"<p class='ld-note'>{escape(w('own.only_centre'))}</p>")
    if session.me()["role"] != "public":
        alarm_settings(found, detail)
    _standards(found["standards"])


def _day(zone: str) -> date | None:
    today = today_in(zone)
    day = st.date_input(
        w("page.day"),
        value=today,
        key="rules_day",
        format="YYYY-MM-DD",
        max_value=date(2100, 1, 1),
        min_value=date(1990, 1, 1),
    )
    return day if isinstance(day, date) and day != today else None


def _instant(day: date | None, zone: str) -> str | None:
    """Noon of the day, None for now."""
    return None if day is None else rfc3339(datetime.combine(day, time(12), ZoneInfo(zone)))


# ---------------------------------------------------------------------- what is in force
def _in_force(found: SiteRules, detail: SiteDetail) -> None:
    by_point: dict[str, list[Rule]] = {point["code"]: [] for point in detail["sampling_points"]}
    for rule in found["rules"]:
        by_point.setdefault(rule["sampling_point"], []).append(rule)
    names = {point["code"]: name_of(point) for point in detail["sampling_points"]}
    own = {rule["id"]: rule for rule in found["own"]}
    for number, (points, rules) in enumerate(_alike(by_point)):
        st.html(heading(joined([names.get(point, point) for point in points])))
        table(f"rules-{number}", _rule_table(rules, own, detail["zone"]))


def _alike(by_point: Mapping[str, list[Rule]]) -> list[tuple[list[str], list[Rule]]]:
    """Sampling points that the same rules hold at, together."""
    found: list[tuple[list[str], list[Rule]]] = []
    for point, rules in by_point.items():
        bare = [{**rule, "sampling_point": ""} for rule in rules]
        for points, others in found:
            if [{**other, "sampling_point": ""} for other in others] == bare:
                points.append(point)
                break
        else:
            found.append(([point], rules))
    return found


def _rule_table(rules: Sequence[Rule], own: Mapping[int, OwnRule], zone: str) -> dict[str, Any]:
    names = ("indicator", "limit", "basis", "force", "certainty", "origin", "valid")
    order = {"binding": 0, "operational": 1, "recommended": 2}
    listed = sorted(rules, key=lambda rule: (order[rule["force"]], list(INDICATORS).index(rule["indicator"])))
    return {
        "columns": [{"label": w(f"column.{name}"), "wrap": name in ("limit", "basis")} for name in names],
        "rows": [{"id": "", "cells": _rule_cells(rule, own, zone)} for rule in listed],
        "empty": w("page.none"),
    }


def _rule_cells(rule: Rule, own: Mapping[int, OwnRule], zone: str) -> list[Any]:
    certainty = chip_cell(w(f"certainty.{rule['certainty']}"), CERTAINTY_TONE[rule["certainty"]])
    certainty["title"] = term("dashboard.certainty", rule["certainty"])
    return [
        indicator(rule["indicator"]),
        limit_text(rule),
        _basis(rule),
        chip_cell(term("dashboard.force", rule["force"]), FORCE_TONE[rule["force"]]),
        certainty,
        chip_cell(w(f"origin.{rule['origin']}"), ORIGIN_TONE[rule["origin"]]),
        _valid_rule(rule, own, zone),
    ]


def _basis(rule: Rule) -> list[Any]:
    name = named(rule)
    clause = "" if rule["clause"] == "—" or rule["origin"] == "site" else f" {clause_of(rule['clause'])}"
    note = name_of(rule, "note")
    cells: list[Any] = [f"{name}{clause}"]
    if rule["origin"] == "site" and rule["standard"]:
        note = w("site_rule_note", standard=rule["standard"])
    return [*cells, " ", {"text": note}] if note else cells


def _valid_rule(rule: Rule, own: Mapping[int, OwnRule], zone: str) -> str:
    """How long a rule holds: one of the site's own by itself, not by the standard it stands in place of."""
    if rule["origin"] == "site" and (mine := own.get(rule["rule"] or 0)):
        return _valid(mine["since"], mine["until"], zone)
    return _valid(rule["valid_from"], rule["valid_to"], zone)


def _valid(first: str | None, last: str | None, zone: str) -> str:
    if first is None and last is None:
        return w("page.always")
    if last is None:
        return w("page.from_on", first=_moment(first, zone))
    return w("page.from_to", first=_moment(first, zone), last=_moment(last, zone))


def _moment(at: str | None, zone: str) -> str:
    """A day where it is a day's beginning, else with the time."""
    if at is None:
        return w("page.always")
    local = parse(at).astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d}" if local.time() == time() else f"{local:%Y-%m-%d %H:%M}"


# ---------------------------------------------------------------------- the site's own rules
def _own(found: SiteRules, detail: SiteDetail) -> None:
    st.html(heading(w("own.title")))
    names = ("state", "rule", "where", "reason", "valid", "set", "ended")
    table(
        "own-rules",
        {
            "columns": [{"label": w(f"column.{name}"), "wrap": name in ("reason", "ended")} for name in names],
            "rows": [{"id": str(rule["id"]), "cells": _own_cells(rule, found, detail)} for rule in found["own"]],
            "empty": w("own.none"),
        },
    )


def _own_cells(rule: OwnRule, found: SiteRules, detail: SiteDetail) -> list[Any]:
    zone = detail["zone"]
    ended = ""
    if rule["ended_at"] is not None:
        said = w("own.by_at", by=rule["ended_by"] or "–", at=_moment(rule["ended_at"], zone))
        ended = f"{said}{in_brackets(rule['end_reason'] or '–')}"
    return [
        chip_cell(w(f"rule_state.{rule['state']}"), STATE_TONE[rule["state"]]),
        own_text(rule, found),
        where(rule, detail),
        rule["reason"],
        _valid(rule["since"], rule["until"], zone),
        w("own.by_at", by=rule["set_by"] or "–", at=_moment(rule["set_at"], zone)),
        ended or "–",
    ]


# ---------------------------------------------------------------------- the standards
def _standards(standards: Sequence[Standard]) -> None:
    st.html(heading(w("list.title")))
    names = ("standard", "valid", "source", "note")
    table(
        "standards",
        {
            "columns": [{"label": w(f"column.{name}"), "wrap": name in ("standard", "note")} for name in names],
            "rows": [
                {
                    "id": "",
                    "cells": [
                        f"{each['standard']} {name_of(each, 'title')}",
                        w("page.from_to", first=each["valid_from"], last=each["valid_to"])
                        if each["valid_to"]
                        else w("page.from_on", first=each["valid_from"]),
                        name_of(each, "source"),
                        name_of(each, "note") or "–",
                    ],
                }
                for each in standards
            ],
            "empty": "–",
        },
    )
