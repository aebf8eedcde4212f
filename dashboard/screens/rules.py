"""Every rule in force at a site: what it demands, where it is from, how sure it is, and who changed it when."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time, parse, rfc3339, zone_offset
from dashboard.html import badge, chip_cell, escape, heading, title
from dashboard.judging_shapes import OwnRule, Rule, SiteRules, Standard
from dashboard.language import clause_of, indicator, language, name_of, term, unit_of
from dashboard.problems import failed
from dashboard.shapes import SiteDetail
from dashboard.widgets.components import table
from dashboard.widgets.indicator_cards import interval
from dashboard.widgets.site_choice import choose_site
from registry.catalogue import text
from registry.indicators import INDICATORS

FORCE_TONE: Final = {"binding": "high", "recommended": "advice", "operational": "plain"}
CERTAINTY_TONE: Final = {"primary": "ok", "secondary": "pending", "unverified": "medium", "design": "plain"}
STATE_TONE: Final = {"coming": "pending", "in_force": "ok", "over": "plain"}
ORIGIN_TONE: Final = {"standard": "plain", "adopted": "advice", "site": "pending"}
LEAST_REASON: Final = 4


def w(key: str, /, **fields: object) -> str:
    """A string of this page."""
    return text(language(), f"standard.{key}", **fields)


def show() -> None:
    """Draw the page."""
    site = choose_site()
    if site is None:
        return
    code, zone = site["code"], site["zone"]
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
        _forms(found, detail)
    else:
        st.html(f"<p class='ld-note'>{escape(w('own.only_centre'))}</p>")
    _standards(found["standards"])


def _day(zone: str) -> date | None:
    today = datetime.now(ZoneInfo(zone)).date()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day = st.date_input(
            w("page.day"), value=today, key="rules_day", format="YYYY-MM-DD", width=170, max_value=date(2100, 1, 1),
            min_value=date(1990, 1, 1),
        )  # fmt: skip
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


def limit_text(rule: Rule) -> str:
    """What the rule allows; of one that depends on another indicator each band, and where the priority is high."""
    code, precision = rule["indicator"], rule["precision"]
    if rule["bands"] and rule["depends_on"]:
        parts = []
        for band in rule["bands"]:
            bounds: Any = {**rule, "lo": band["lo"], "hi": band["hi"]}
            fields = {"companion": indicator(rule["depends_on"]), "interval": interval(bounds, code, precision)}
            parts.append(w("page.bands", least=f"{band['least']:g}", greatest=f"{band['greatest']:g}", **fields))
        shown = joined(parts, "；", "; ")
    else:
        shown = interval(rule, code, max(precision, INDICATORS[code].precision))
    bounds = [
        f"{sign} {bound:g}" for sign, bound in (("<", rule["hazard_lo"]), (">", rule["hazard_hi"])) if bound is not None
    ]
    return f"{shown}{_soft(w('page.hazard', bounds=joined(bounds, '、', ', ')))}" if bounds else shown


def _soft(remark: str) -> str:
    return f"（{remark}）" if language() == "zh" else f" ({remark})"


def _named(rule: Rule) -> str:
    return w("site_rule") if rule["origin"] == "site" else rule["standard"]


def _basis(rule: Rule) -> list[Any]:
    named = _named(rule)
    clause = "" if rule["clause"] == "—" or rule["origin"] == "site" else f" {clause_of(rule['clause'])}"
    note = name_of(rule, "note")
    cells: list[Any] = [f"{named}{clause}"]
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
            "columns": [{"label": w(f"column.{name}"), "wrap": name in ("rule", "reason", "ended")} for name in names],
            "rows": [{"id": str(rule["id"]), "cells": _own_cells(rule, found, detail)} for rule in found["own"]],
            "empty": w("own.none"),
        },
    )


def _own_cells(rule: OwnRule, found: SiteRules, detail: SiteDetail) -> list[Any]:
    zone = detail["zone"]
    ended = ""
    if rule["ended_at"] is not None:
        said = w("own.by_at", by=rule["ended_by"] or "–", at=_moment(rule["ended_at"], zone))
        ended = f"{said}{_soft(rule['end_reason'] or '–')}"
    return [
        chip_cell(w(f"rule_state.{rule['state']}"), STATE_TONE[rule["state"]]),
        own_text(rule, found),
        _where(rule, detail),
        rule["reason"],
        _valid(rule["since"], rule["until"], zone),
        w("own.by_at", by=rule["set_by"] or "–", at=_moment(rule["set_at"], zone)),
        ended or "–",
    ]


def own_text(rule: OwnRule, found: SiteRules) -> str:
    """What a rule of the site's own does."""
    if rule["profile"] is not None:
        known = {each["family"]: each["standard"] for each in (*found["standards"], *found["adoptable"])}
        return w("own.adopts", standard=known.get(rule["profile"], rule["profile"]))
    code = rule["indicator"] or ""
    bounds: Any = {"lo": rule["lo"], "hi": rule["hi"], "lo_inclusive": True, "hi_inclusive": True}
    return f"{indicator(code)} {interval(bounds, code, INDICATORS[code].precision)}"


def _where(rule: OwnRule, detail: SiteDetail) -> str:
    if rule["sampling_point"] is None:
        return w("own.whole_site")
    names = {point["code"]: name_of(point) for point in detail["sampling_points"]}
    return names.get(rule["sampling_point"], rule["sampling_point"])


# ---------------------------------------------------------------------- changing them
def _forms(found: SiteRules, detail: SiteDetail) -> None:
    if said := st.session_state.pop("rules_said", None):
        st.success(said)
    left, right = st.columns([0.62, 0.38], gap="small")
    with left, st.container(key="panel-rule-add", border=True):
        st.html(heading(w("own.add")))
        _add(found, detail)
    with right, st.container(key="panel-rule-end", border=True):
        st.html(heading(w("own.end")))
        _end(found, detail)


def _add(found: SiteRules, detail: SiteDetail) -> None:
    code = detail["code"]
    kinds = ("limit", "profile") if found["adoptable"] else ("limit",)
    first, second = st.columns(2, gap="small")
    kind = first.segmented_control(
        w("own.kind"), kinds, default="limit", key=f"rule_kind_{code}", required=True,
        format_func=lambda each: w(f"own.kind_{each}"),
    )  # fmt: skip
    points = {"": w("own.whole_site"), **{point["code"]: name_of(point) for point in detail["sampling_points"]}}
    point = second.selectbox(
        w("column.where"), list(points), format_func=lambda each: points[each], key=f"rule_point_{code}"
    )
    rule: dict[str, Any] = {"sampling_point": point or None}
    rule |= _what_profile(found, code) if kind == "profile" else _what_limit(found, code, point)
    left, right = st.columns([0.7, 0.3], gap="small")
    reason = left.text_input(
        w("own.reason"), key=f"rule_reason_{code}", placeholder=w("own.reason_hint"), max_chars=500
    )
    until = right.date_input(
        w("own.until"), value=None, key=f"rule_until_{code}", format="YYYY-MM-DD", min_value=date(2000, 1, 1)
    )
    if st.button(w("own.save"), key="rule_save", type="primary"):
        if isinstance(until, date):
            end = datetime.combine(until + timedelta(days=1), time(), ZoneInfo(detail["zone"]))
            rule["until"] = rfc3339(end)
        _save(code, {**rule, "reason": reason.strip()})


def _what_profile(found: SiteRules, code: str) -> dict[str, Any]:
    standards = {each["family"]: each for each in found["adoptable"]}
    family = st.selectbox(
        w("own.standard"), list(standards), key=f"rule_profile_{code}",
        format_func=lambda each: f"{standards[each]['standard']} {name_of(standards[each], 'title')}",
    )  # fmt: skip
    return {"profile": family}


def _what_limit(found: SiteRules, code: str, point: str | None) -> dict[str, Any]:
    now = {rule["indicator"]: rule for rule in found["rules"] if not point or rule["sampling_point"] == point}
    offered = [*(each for each in INDICATORS if each in now), *(each for each in INDICATORS if each not in now)]
    first, second, third = st.columns([0.4, 0.3, 0.3], gap="small")
    chosen = first.selectbox(w("own.indicator"), offered, format_func=indicator, key=f"rule_indicator_{code}")
    unit, step = unit_of(chosen), 10.0 ** -INDICATORS[chosen].precision
    shown = f"%.{INDICATORS[chosen].precision}f"
    lo = second.number_input(
        w("own.lo", unit=unit), value=None, step=step, format=shown, key=f"rule_lo_{code}_{chosen}"
    )
    hi = third.number_input(w("own.hi", unit=unit), value=None, step=step, format=shown, key=f"rule_hi_{code}_{chosen}")
    rule = now.get(chosen)
    said = (
        w("own.now", interval=limit_text(rule), standard=rule["standard"] or w("site_rule"))
        if rule
        else w("own.now_none")
    )
    st.html(f"<p class='ld-note'>{escape(said)}</p>")
    return {"indicator": chosen, "lo": lo, "hi": hi}


def _save(code: str, rule: dict[str, Any]) -> None:
    if len(rule["reason"]) < LEAST_REASON:
        st.error(w("own.reason_short"))
    elif not rule.get("profile") and rule["lo"] is None and rule["hi"] is None:
        st.error(w("own.bounds_needed"))
    else:
        _do(lambda: session.client().set_rule(code, rule), w("own.saved"))


def _end(found: SiteRules, detail: SiteDetail) -> None:
    running = {rule["id"]: rule for rule in found["own"] if rule["state"] != "over"}
    if not running:
        st.html(f"<p class='ld-note'>{escape(w('own.none'))}</p>")
        return
    number = st.selectbox(
        w("own.end_which"), list(running), key=f"rule_ending_{detail['code']}",
        format_func=lambda each: f"{own_text(running[each], found)} · {_where(running[each], detail)}",
    )  # fmt: skip
    reason = st.text_input(w("own.end_reason"), key=f"rule_end_reason_{number}", max_chars=500)
    if st.button(w("own.end_now"), key="rule_end"):
        if len(reason.strip()) < LEAST_REASON:
            st.error(w("own.reason_short"))
        else:
            _do(lambda: session.client().end_rule(detail["code"], number, reason.strip()), w("own.ended"))


def _do(act: Any, said: str) -> None:
    try:
        act()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.session_state["rules_said"] = said
    st.rerun()


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


def joined(parts: Sequence[str], zh: str = "、", en: str = ", ") -> str:
    """A list as the reader writes it."""
    return (zh if language() == "zh" else en).join(parts)
