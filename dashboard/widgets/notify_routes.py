"""Routes: which alarms go to whom, step by step, and how often."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import chip_cell, escape, heading
from dashboard.language import county_name, language, term
from dashboard.notify_client import Channel, Route, Step
from dashboard.problems import failed
from dashboard.widgets.components import table
from dashboard.widgets.notify_office import office_hours
from dashboard.widgets.notify_words import KINDS, w
from registry.counties import COUNTIES
from registry.scenarios import scenarios

CHOSEN: Final = "route_chosen"
ROLES: Final = ("inspector", "section_head", "duty_officer", "venue", "centre", "administrator")
PRIORITIES: Final = ("high", "medium", "low")
AUDIENCES: Final = ("inspector", "venue")
NEW: Final = "*"
EMPTY: Final[Route] = {
    "id": 0,
    "position": 25,
    "name_zh": "",
    "name_en": "",
    "enabled": True,
    "counties": [],
    "scenarios": [],
    "kinds": [],
    "priorities": [],
    "audiences": [],
    "steps": [{"role": "inspector", "after_s": 0, "after_off_s": 0}],
    "receivers": [],
    "group_wait_s": 30,
    "group_interval_s": 300,
    "repeat_s": 14_400,
    "digest_s": None,
    "tell_resolved": True,
    "beside": False,
}


def routes() -> None:
    """Draw the routes, and the form for who may set them."""
    try:
        found = session.notify().routes()
        receivers = session.notify().receivers()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(f"<p class='ld-note'>{escape(w('routes_note'))}</p>")
    office_hours()
    may = session.may_control()
    chosen = st.session_state.get(CHOSEN)
    answer = table("routes", {**_table(found, receivers), "clickable": may, "selected": chosen})
    if not may:
        return
    if answer.open and answer.open != chosen:
        st.session_state[CHOSEN] = answer.open
        st.rerun()
    if st.button(w("route_new"), key="route_new", icon=":material/add:"):
        st.session_state[CHOSEN] = NEW
        st.rerun()
    if chosen == NEW:
        _form(EMPTY, receivers, None)
    elif (route := next((each for each in found if str(each["id"]) == chosen), None)) is not None:
        _form(route, receivers, route["id"])


def _table(found: list[Route], receivers: list[Channel]) -> dict[str, Any]:
    names = {each["id"]: each["name"] for each in receivers}
    columns = [
        {"label": w("route_position"), "align": "right"},
        {"label": w("route_name_zh")},
        {"label": w("route_filter"), "wrap": True},
        {"label": w("route_steps"), "wrap": True},
        {"label": w("route_receivers"), "wrap": True},
        {"label": w("channel_state")},
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": [
                str(each["position"]),
                each["name_zh"] if language() == "zh" else each["name_en"],
                {"text": _filter(each)},
                {"text": " → ".join(map(_step, each["steps"]))},
                {"text": ", ".join(names.get(number, str(number)) for number in each["receivers"]) or "–"},
                [
                    chip_cell(w("on"), "ok") if each["enabled"] else chip_cell(w("off"), "closed"),
                    *([" ", chip_cell(w("route_beside"), "plain")] if each["beside"] else []),
                ],
            ],
        }
        for each in found
    ]
    return {"columns": columns, "rows": rows}


def _filter(route: Route) -> str:
    said = [
        *(county_name(code) for code in route["counties"]),
        *(_scenario(code) for code in route["scenarios"]),
        *(term("alarm.priority", each) for each in route["priorities"]),
        *(term("alarm.kind", each) for each in route["kinds"]),
        *(w(f"audience_{each}") for each in route["audiences"]),
    ]
    return " · ".join(said) or w("log_all")


def _scenario(code: str) -> str:
    known = scenarios().get(code)
    if known is None:
        return code
    return known.name_zh if language() == "zh" else known.name_en


def _step(step: Step) -> str:
    when = w("route_after", minutes=step["after_s"] // 60) if step["after_s"] else w("route_at_once")
    if step["after_off_s"] is None:
        when += f", {w('route_stands')}" if language() == "en" else f"，{w('route_stands')}"
    elif step["after_off_s"] != step["after_s"]:
        when += f", {w('route_after_off', minutes=step['after_off_s'] // 60)}"
    return f"{term('notify.role', step['role'])} ({when})"


def _form(route: Route, receivers: list[Channel], number: int | None) -> None:
    key = str(number or NEW)
    with st.container(border=True, key="panel-route"):
        st.html(heading(w("route_new") if number is None else f"{route['name_zh']} {route['name_en']}"))
        asked = {**_filters(route, key), **_timing(route, key)}
        asked["steps"] = _steps(route["steps"], key)
        known = {each["id"]: each["name"] for each in receivers}
        asked["receivers"] = st.multiselect(
            w("route_receivers"), list(known), default=[each for each in route["receivers"] if each in known],
            key=f"route_receivers_{key}", format_func=lambda each: known[each], placeholder=w("receivers_none"),
        )  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            if st.button(w("save"), key=f"route_save_{key}", type="primary"):
                _save(asked, number)
            if number is not None and st.button(w("delete"), key=f"route_delete_{key}", icon=":material/delete:"):
                _delete(number)


def _filters(route: Route, key: str) -> dict[str, Any]:
    first = st.columns([0.12, 0.3, 0.3, 0.28], gap="small", vertical_alignment="bottom")
    asked: dict[str, Any] = {}
    with first[0]:
        asked["position"] = st.number_input(
            w("route_position"), min_value=0, max_value=10_000, value=route["position"], key=f"route_position_{key}"
        )
    with first[1]:
        asked["name_zh"] = st.text_input(w("route_name_zh"), value=route["name_zh"], key=f"route_zh_{key}")
    with first[2]:
        asked["name_en"] = st.text_input(w("route_name_en"), value=route["name_en"], key=f"route_en_{key}")
    with first[3]:
        asked["enabled"] = st.toggle(w("route_enabled"), value=route["enabled"], key=f"route_enabled_{key}")
    second = st.columns(5, gap="small")
    choices: tuple[tuple[str, str, tuple[str, ...], Any], ...] = (
        ("counties", w("roster_county"), tuple(COUNTIES), county_name),
        ("scenarios", w("route_scenarios"), tuple(scenarios()), _scenario),
        ("kinds", w("dry_kind"), KINDS, lambda each: term("alarm.kind", each)),
        ("priorities", w("dry_priority"), PRIORITIES, lambda each: term("alarm.priority", each)),
        ("audiences", w("dry_audience"), AUDIENCES, lambda each: w(f"audience_{each}")),
    )
    for column, (name, label, options, named) in zip(second, choices, strict=True):
        with column:
            chosen = [each for each in route[name] if each in options]  # type: ignore[literal-required]
            asked[name] = st.multiselect(
                label, options, default=chosen, key=f"route_{name}_{key}", format_func=named, placeholder=w("log_all")
            )
    return asked


def _timing(route: Route, key: str) -> dict[str, Any]:
    columns = st.columns(6, gap="small", vertical_alignment="bottom")
    with columns[0]:
        wait = st.number_input(w("route_wait"), 0, 3600, route["group_wait_s"], 10, key=f"route_wait_{key}")
    with columns[1]:
        gap = st.number_input(w("route_interval"), 10, 86_400, route["group_interval_s"], 60, key=f"route_gap_{key}")
    with columns[2]:
        repeat = st.number_input(
            w("route_repeat"), 5, 10_080, _minutes(route["repeat_s"]), 30, key=f"route_repeat_{key}"
        )
    with columns[3]:
        digest = st.number_input(
            w("route_digest"), 5, 1_440, _minutes(route["digest_s"]), 30, key=f"route_digest_{key}"
        )
    with columns[4]:
        resolved = st.toggle(w("route_resolved"), value=route["tell_resolved"], key=f"route_resolved_{key}")
    with columns[5]:
        beside = st.toggle(
            w("route_beside"), value=route["beside"], key=f"route_beside_{key}", help=w("route_beside_help")
        )
    return {
        "group_wait_s": wait,
        "group_interval_s": gap,
        "repeat_s": _seconds(repeat),
        "digest_s": _seconds(digest),
        "tell_resolved": resolved,
        "beside": beside,
    }


def _steps(steps: list[Step], key: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [
        {"role": each["role"], "after": each["after_s"] // 60, "off": _minutes(each["after_off_s"])} for each in steps
    ]
    config = {
        "role": st.column_config.SelectboxColumn(
            w("route_step_role"), options=ROLES, format_func=lambda each: term("notify.role", str(each)), required=True
        ),
        "after": st.column_config.NumberColumn(w("route_step_after"), min_value=0, max_value=10_080, required=True),
        "off": st.column_config.NumberColumn(w("route_step_off"), min_value=0, max_value=10_080),
    }
    edited = st.data_editor(
        shown, key=f"route_steps_{key}", num_rows="dynamic", hide_index=True, column_config=config, width="stretch"
    )
    return [
        {
            "role": row["role"],
            "after_s": int(row["after"] or 0) * 60,
            "after_off_s": None if row.get("off") is None else int(row["off"]) * 60,
        }
        for row in edited
        if row.get("role")
    ]


def _minutes(seconds: int | None) -> int | None:
    return None if seconds is None else seconds // 60


def _seconds(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60


def _save(asked: dict[str, Any], number: int | None) -> None:
    try:
        session.notify().save_route(asked, number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(w("saved"), icon=":material/check_circle:")
        if number is None:
            st.session_state.pop(CHOSEN, None)
        st.rerun()


def _delete(number: int) -> None:
    try:
        session.notify().delete_route(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.session_state.pop(CHOSEN, None)
        st.rerun()
