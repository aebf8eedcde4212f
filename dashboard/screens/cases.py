"""Cases: what is to be worked off by deadline, boards by county and officer, figures, and a new lead."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, percent, rfc3339, today_in
from dashboard.html import badge, escape, heading, title
from dashboard.language import county_name, indicator, name_of, t, term
from dashboard.problems import failed
from dashboard.screens.case import show_case
from dashboard.shapes import Site
from dashboard.shapes.cases import BoardLine, CaseFigures, CaseFull, LeadRule
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.case_words import case_table, p
from dashboard.widgets.components import table
from dashboard.widgets.export import export_links
from dashboard.widgets.sample_table import written

PAGE: Final = 15
REFRESH_S: Final = 15
VIEWS: Final = ("work", "new", "closed", "counties", "officers", "figures")
LISTED: Final = 60
"""Venues that the form of a new lead offers at once: of tens of thousands one is found by its name."""
SEVERITIES: Final = ("serious", "alarm", "warning")
SOURCES: Final = ("inspection", "complaint", "sample", "transfer", "alarm")
LEAD: Final = "case_lead"
"""What a page that leads here has filled in of a new lead: site, source, subject, reference."""


def show() -> None:
    """Draw the page: the book, or the case that the address names."""
    if (asked := st.query_params.get("case", "")).isdigit():
        show_case(int(asked))
        return
    sites = {site["code"]: site for site in session.feed().wait_first(4).sites}
    if not session.may_act():
        st.html(title(p("mine")))
        st.html(f"<p class='ld-note'>{escape(p('mine_lead'))}</p>")
        _list({}, officers=False)
        return
    if st.query_params.get("site"):
        st.session_state[LEAD] = {
            name: st.query_params.get(name, "") for name in ("site", "source", "ref", "subject", "alarm")
        }
        for name in ("site", "source", "ref", "subject", "alarm"):
            st.query_params.pop(name, None)
        st.session_state["case_view"] = "new"
    simulated = _head(sites)
    st.session_state.setdefault("case_view", "work")
    view = st.segmented_control(
        p("view"), (*VIEWS, "rules") if session.may_control() else VIEWS, key="case_view", persist_state="session",
        required=True, format_func=lambda each: p(f"view_{each}"), label_visibility="collapsed",
    )  # fmt: skip
    if view == "new":
        _open(sites)
    elif view == "rules":
        _rules()
    elif view in {"work", "closed"}:
        _list({**_filter(), "simulated": simulated, "open": "true" if view == "work" else "false"})
    elif view == "figures":
        _figures(simulated)
    else:
        _board(simulated, view or "counties")


def _head(sites: dict[str, Site]) -> str:
    """Title and key figures of the book that is open; the live one, unless there are simulated sites only."""
    only_simulated = bool(sites) and all(each["simulated"] or each["status"] == "offline" for each in sites.values())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.html(title(p("title"), sub=p("lead")))
        book = st.segmented_control(
            p("book"), ("live", "simulated"), default="simulated" if only_simulated else "live", key="case_book",
            persist_state="session", required=True, format_func=lambda each: t(f"group.{each}"),
        )  # fmt: skip
    simulated = "true" if book == "simulated" else "false"
    try:
        board = session.cases().board(simulated=simulated)
        figures = session.cases().figures(simulated=simulated)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return simulated
    total, on_time, rechecks = board["total"], _on_time(figures), _rechecks(figures)
    tiles = (
        ("open", str(total["open"]), ""),
        ("overdue", str(total["overdue"]), ""),
        ("soon", str(total["soon"]), p("soon_days", days=board["soon_days"])),
        ("on_time", *on_time),
        ("recheck_passed", *rechecks),
    )  # fmt: skip
    drawn = "".join(
        f"<div class='ld-tile' data-figure='{name}'><div class='ld-k'>{escape(p(f'tile_{name}'))}</div>"
        f"<div class='ld-v'>{escape(value)}</div><div class='ld-k2'>{escape(below)}</div></div>"
        for name, value, below in tiles
    )
    mark = badge() if book == "simulated" else ""
    st.html(
        f"<div class='ld-kpis' style='grid-template-columns:1fr'><section class='ld-group' data-book='{book}'>"
        f"<header>{escape(p('tiles'))}{mark}</header>"
        f"<div class='ld-tiles' style='grid-template-columns:repeat({len(tiles)},1fr)'>{drawn}</div></section></div>"
    )
    return simulated


def _on_time(figures: CaseFigures) -> tuple[str, str]:
    """The share of corrections in time, and of how many."""
    counts = p("of", part=figures["corrected_on_time"], whole=figures["corrections_due"])
    return percent(figures["on_time_share"]), counts


def _rechecks(figures: CaseFigures) -> tuple[str, str]:
    """The share of rechecks that passed, and of how many."""
    return percent(figures["recheck_pass_share"]), p("of", part=figures["rechecks_passed"], whole=figures["rechecks"])


# ---------------------------------------------------------------------- the list
def _filter() -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        county = st.selectbox(
            t("column.county"), ("", *session.counties()), key="case_county", persist_state="session", width=170,
            format_func=lambda code: county_name(code) if code else t("filter.all_counties"),
        )  # fmt: skip
        officers = {"": p("anybody"), **{each["username"]: each["name"] for each in _officers()}}
        officer = st.selectbox(
            p("officer"), list(officers), key="case_officer", width=190, format_func=lambda each: officers[each]
        )
        source = st.selectbox(
            p("source"), ("", *SOURCES), key="case_source", persist_state="session", width=150,
            format_func=lambda each: term("supervision.source", each) if each else t("filter.any"),
        )  # fmt: skip
        late = st.toggle(p("only_overdue"), key="case_overdue")
    return {"county": county, "officer": officer, "source": source, "overdue": "true" if late else None}


def _officers() -> Sequence[Any]:
    try:
        return session.cases().officers()
    except (ApiError, ApiUnreachableError):
        return ()


@st.fragment(run_every=REFRESH_S)
def _list(query: dict[str, Any], *, officers: bool = True) -> None:
    page = int(st.session_state.get("case_page", 1))
    try:
        found = session.cases().cases(**query, limit=PAGE, offset=(page - 1) * PAGE)
        if not found["items"] and found["total"]:  # the list got shorter than the page that was open
            page = math.ceil(found["total"] / PAGE)
            found = session.cases().cases(**query, limit=PAGE, offset=(page - 1) * PAGE)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    count = f"<span class='ld-note'>{escape(p('count', total=found['total']))}</span>"
    st.html(heading(p("list") if officers else p("mine"), count))
    table("cases", case_table(found["items"], officers=officers))
    pages = max(1, math.ceil(found["total"] / PAGE))
    if pages > 1:
        st.pagination(pages, default=min(page, pages), key="case_page", width="stretch")
    if officers:
        st.html(export_links("cases", {name: str(value) for name, value in query.items() if value}))


# ---------------------------------------------------------------------- boards
def _board(simulated: str, view: str) -> None:
    try:
        board = session.cases().board(simulated=simulated)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    lines = board["counties"] if view == "counties" else board["officers"]
    left, right = st.columns([0.6, 0.4], gap="small")
    with left:
        st.html(heading(p(f"view_{view}")))
        table(f"case-{view}", _board_table(lines, p("county") if view == "counties" else p("officer")))
    with right:
        st.html(heading(p("by_state")))
        table("case-states", _board_table(board["states"], p("state")))


def _board_table(lines: Sequence[BoardLine], label: str) -> dict[str, Any]:
    columns = [
        {"label": label},
        *({"label": p(f"tile_{name}"), "align": "right"} for name in ("open", "overdue", "soon")),
        {"label": p("first_due"), "align": "right"},
    ]
    rows = [
        {
            "id": str(each["key"]),
            "cells": [
                name_of(each),
                str(each["open"]),
                {"text": str(each["overdue"]), "tone": "high"} if each["overdue"] else "0",
                str(each["soon"]),
                clock(each["first_due"], ZONE),
            ],
            "tone": "high" if each["overdue"] else "",
            "href": "",
        }
        for each in lines
    ]
    return {"columns": columns, "rows": rows, "clickable": False, "empty": p("none")}


def _figures(simulated: str) -> None:
    today = today_in(ZONE)
    days = st.date_input(
        t("filter.days"), value=(today - timedelta(days=29), today), key="case_days", format="YYYY-MM-DD", width=260
    )
    first, last = (days[0], days[-1]) if isinstance(days, tuple) and days else (today, today)
    info = ZoneInfo(ZONE)
    since, until = (datetime.combine(each, time(), info) for each in (first, last + timedelta(days=1)))
    try:
        found = session.cases().figures(simulated=simulated, from_=rfc3339(since), to=rfc3339(until))
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    days_to_close = found["days_to_close"]
    facts = [
        (p("opened"), str(found["opened"])),
        (p("closed"), str(found["closed"])),
        (p("days_to_close"), p("days", days=f"{days_to_close:.1f}") if days_to_close is not None else "–"),
        (p("tile_on_time"), "{} ({})".format(*_on_time(found))),
        (p("extended"), str(found["corrections_extended"])),
        (p("tile_recheck_passed"), "{} ({})".format(*_rechecks(found))),
    ]  # fmt: skip
    lines = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    closures = "".join(
        f"<li>{escape(term('supervision.closure', each['closure']))} · {each['cases']}</li>"
        for each in found["closures"]
    )
    st.html(
        f"<div class='ld-panel'><div class='ld-facts'>{lines}</div><ul>{closures}</ul>"
        f"<p class='ld-note'>{escape(p('figures_note'))}</p></div>"
    )


# ---------------------------------------------------------------------- a new lead
def _open(sites: dict[str, Site]) -> None:
    given = st.session_state.get(LEAD) or {}
    with st.container(key="panel-case-new", border=True):
        found = _found(sites, given.get("site", ""))
        if not found:
            st.info(t("site.none"))
            return
        first, second, third = st.columns([0.5, 0.25, 0.25], gap="small")
        code = first.selectbox(
            p("site"), found, key="case_new_site",
            format_func=lambda each: f"{name_of(sites[each])} · {county_name(sites[each]['county'])}",
        )  # fmt: skip
        source = second.selectbox(
            p("source"), SOURCES, key="case_new_source",
            index=SOURCES.index(given["source"]) if given.get("source") in SOURCES else 0,
            format_func=lambda each: term("supervision.source", each),
        )  # fmt: skip
        priority = third.selectbox(
            t("column.priority"), ("high", "medium", "low"), index=1, key="case_new_priority",
            format_func=lambda each: term("alarm.priority", each),
        )  # fmt: skip
        if source == "sample":
            given = {**given, **_of_sample(code)}
        subject = st.text_input(
            p("subject"), value=given.get("subject", ""), max_chars=500, key=f"case_new_subject_{given.get('ref', '')}",
            placeholder=p("subject_of_alarm" if given.get("alarm") else "subject_hint"),
        )  # fmt: skip
        reference = st.text_input(
            p("reference"), value=given.get("ref", ""), max_chars=200, key=f"case_new_reference_{given.get('ref', '')}"
        )
        words = st.text_area(p("known"), key="case_new_text", max_chars=4000, help=p("not_shown"))
        alarms = [int(given["alarm"])] if given.get("alarm", "").isdigit() and given.get("site") == code else []
        _twins(code, alarms)
        if st.button(p("open_case"), key="case_open", type="primary"):
            _save(
                {
                    "site": code,
                    "source": source,
                    "priority": priority,
                    "subject": subject.strip(),
                    "source_ref": reference.strip(),
                    "text": words.strip(),
                    "alarms": alarms,
                }
            )


def _of_sample(code: str) -> dict[str, str]:
    """Reference and subject by the manual result that is chosen, of those outside a limit."""
    try:
        found = session.client().samples(site=code, state="suspected", limit=20)["items"]
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return {}
    said = {
        each["id"]: f"{name_of(each, 'sampling_point_name')} {indicator(each['indicator'])} {written(each)} "
        f"{each['interval'] or ''} {clock(each['taken_at'], each['zone'])}"
        for each in found
    }
    number = st.selectbox(
        p("which_sample"), list(said), index=None, key=f"case_new_sample_{code}", format_func=lambda each: said[each],
        placeholder=p("no_sample") if not said else None,
    )  # fmt: skip
    return {} if number is None else {"ref": f"#{number}", "subject": said[number]}


def _found(sites: dict[str, Site], asked: str) -> list[str]:
    """The codes of the venues that the form offers: the one asked for first, else those with the words in the name."""
    ordered = sorted(sites.values(), key=lambda site: (site["code"] != asked, site["simulated"], name_of(site)))
    if len(ordered) > LISTED:
        words = st.text_input(p("find_site"), key="case_find", placeholder=p("find_site_hint")).strip().lower()
        if words:
            ordered = [each for each in ordered if words in f"{name_of(each)} {each['code']}".lower()]
        if len(ordered) > LISTED:
            st.caption(p("more_sites", shown=LISTED, total=len(ordered)))
    return [each["code"] for each in ordered[:LISTED]]


# ---------------------------------------------------------------------- warnings that become leads by themselves
def _rules() -> None:
    try:
        rules = {each["severity"]: each for each in session.cases().lead_rules()}
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(heading(p("view_rules")) + f"<p class='ld-note'>{escape(p('rules_note'))}</p>")
    for severity in SEVERITIES:
        _rule(severity, rules.get(severity))


def _rule(severity: str, rule: LeadRule | None) -> None:
    with st.form(f"lead-rule-{severity}", border=True):
        name = term("alarm.severity", severity)
        said = p("rule_off", name=name)
        if rule:
            said = p("rule_on", name=name, minutes=rule["after_minutes"], by=rule["set_by"], reason=rule["reason"])
        st.html(f"<b data-rule='{severity}'>{escape(said)}</b>")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            minutes = st.number_input(
                p("rule_minutes"), min_value=0, max_value=10_080, value=rule["after_minutes"] if rule else 60,
                key=f"lead_minutes_{severity}", width=170,
            )  # fmt: skip
            reason = st.text_input(p("rule_reason"), key=f"lead_reason_{severity}", max_chars=500)
            put = st.form_submit_button(p("rule_set"), key=f"lead_set_{severity}")
            dropped = st.form_submit_button(p("rule_drop"), key=f"lead_drop_{severity}", disabled=rule is None)
    try:
        if put:
            session.cases().set_lead_rule(severity, int(minutes), reason.strip())
        elif dropped:
            session.cases().drop_lead_rule(severity)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if put or dropped:
        st.rerun()


def _twins(code: str, alarms: list[int]) -> None:
    """Say which cases of the site are open already, and let the warning that led here join one of them."""
    try:
        found = session.cases().cases(site=code, open="true", limit=5)
    except (ApiError, ApiUnreachableError):
        return
    if not found["items"]:
        return
    st.info(p("open_already", total=found["total"]))
    table("case-twins", case_table(found["items"]))
    if alarms:
        with st.container(horizontal=True, gap="small"):
            for each in found["items"]:
                if st.button(p("join", number=each["number"]), key=f"case_join_{each['id']}"):
                    number, act = each["id"], {"action": "add_alarms", "alarms": alarms}
                    _go(lambda number=number, act=act: session.cases().step(number, act))  # type: ignore[misc]


def _save(lead: dict[str, Any]) -> None:
    _go(lambda: session.cases().open_case(lead))


def _go(call: Callable[[], CaseFull]) -> None:
    """Make a case or add to one, and show it."""
    try:
        case = call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.session_state.pop(LEAD, None)
    st.query_params["case"] = str(case["id"])
    st.rerun()
