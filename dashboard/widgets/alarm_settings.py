"""Alarm parameters of a site's own, with their rationalisation: what is set, setting one, ending one."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import DASH, full_time
from dashboard.html import chip_cell, escape, heading
from dashboard.language import indicator, name_of, t, term
from dashboard.problems import failed
from dashboard.shapes import SiteDetail
from dashboard.shapes.judging import SiteRules
from dashboard.widgets.components import table

LEAST_REASON: Final = 4
NUMBERS: Final = ("on_delay_s", "off_delay_s", "deadband", "respond_within_s")
WORDS: Final = ("cause", "consequence", "response")
OTHERS: Final = ("circulation", "offline:site", "offline:device", "offline:gateway", "detector")


def w(key: str, /, **fields: object) -> str:
    """A string about alarm parameters."""
    return term("alarm.setting", key, **fields)


def alarm_settings(found: SiteRules, detail: SiteDetail) -> None:
    """The table of a site's settings; with the forms for those who may set limits."""
    try:
        settings = session.alarms().settings(detail["code"])
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if not settings and not found["may_set"]:
        return
    st.html(heading(w("title")))
    st.html(f"<p class='ld-note'>{escape(w('lead'))}</p>")
    names = {point["code"]: name_of(point) for point in detail["sampling_points"]}
    if settings:
        table("alarm-settings", _table(settings, names, detail["zone"]))
    if found["may_set"]:
        with st.expander(w("change"), key="alarm-setting-change"):
            _add(found, detail, names)
            _end(detail["code"], [each for each in settings if each["ended_at"] is None])


def rule_name(code: str) -> str:
    """A rule in words."""
    kind, _, rest = code.partition(":")
    name, _, side = rest.partition(":")
    if kind == "limit" and name:
        return term("alarm.rule", side, indicator=indicator(name)) if side else indicator(name)
    return term("alarm.rule", code.replace(":", "_")) if rest else term("alarm.kind", kind)


def _table(settings: list[dict[str, Any]], names: dict[str, str], zone: str) -> dict[str, Any]:
    return {
        "columns": [
            {"label": w("rule")},
            {"label": w("where")},
            {"label": w("what"), "wrap": True},
            {"label": w("basis"), "wrap": True},
            {"label": w("by"), "wrap": True},
            {"label": w("state")},
        ],
        "rows": [
            {
                "id": str(each["id"]),
                "cells": [
                    rule_name(each["rule"]),
                    names.get(each["sampling_point"] or "", w("whole_site")),
                    _said(each),
                    each["reason"],
                    f"{each['set_by']} {full_time(each['set_at'], zone)}",
                    chip_cell(w("over") if each["ended_at"] else w("holds"), "plain" if each["ended_at"] else "ok"),
                ],
            }
            for each in settings
        ],
    }


def _said(setting: dict[str, Any]) -> str:
    parts = []
    if setting["priority"]:
        parts.append(f"{t('column.priority')} {term('alarm.priority', setting['priority'])}")
    parts += [f"{w(name)} {setting[name]:g}" for name in NUMBERS if setting[name] is not None]
    if setting["latches"] is not None:
        parts.append(w("latches") if setting["latches"] else w("latches_not"))
    parts += [f"{term('alarm.rationale', name)}：{setting[name]}" for name in WORDS if setting[name]]
    return " · ".join(parts) or DASH


def _add(found: SiteRules, detail: SiteDetail, names: dict[str, str]) -> None:
    limited = sorted({rule["indicator"] for rule in found["rules"]})
    sides = [f"limit:{code}{side}" for code in limited for side in ("", ":low", ":high")]
    with st.form("alarm-setting", border=False, clear_on_submit=True):
        first, second, third = st.columns(3, gap="small")
        rule = first.selectbox(w("rule"), [*sides, *OTHERS], format_func=rule_name, key="setting_rule")
        point = second.selectbox(
            w("where"), ["", *names], format_func=lambda each: names.get(each, w("whole_site")), key="setting_point"
        )
        priority = third.selectbox(
            t("column.priority"), ["", "high", "medium", "low"], key="setting_priority",
            format_func=lambda each: term("alarm.priority", each) if each else w("unchanged"),
        )  # fmt: skip
        columns = st.columns(4, gap="small")
        numbers = {
            name: column.number_input(w(name), min_value=0.0, value=None, key=f"setting_{name}")
            for name, column in zip(NUMBERS, columns, strict=True)
        }
        latches = st.checkbox(w("latches"), key="setting_latches")
        spoken = {
            name: column.text_input(term("alarm.rationale", name), max_chars=500, key=f"setting_{name}").strip()
            for name, column in zip(WORDS, st.columns(3, gap="small"), strict=True)
        }
        reason = st.text_input(w("reason"), max_chars=500, key="setting_reason").strip()
        sent = st.form_submit_button(w("save"), type="primary")
    if not sent:
        return
    if len(reason) < LEAST_REASON:
        st.warning(term("alarm.act", "reason_short"))
        return
    wanted: dict[str, Any] = {"rule": rule, "sampling_point": point or None, "priority": priority or None}
    wanted |= {name: value for name, value in numbers.items() if value is not None}
    if wanted.get("respond_within_s") is not None:
        wanted["respond_within_s"] = int(wanted["respond_within_s"])
    wanted |= {name: value or None for name, value in spoken.items()}
    _send(
        lambda: session.alarms().set_parameters(
            detail["code"], {**wanted, "latches": latches or None, "reason": reason}
        )
    )


def _end(site: str, settings: list[dict[str, Any]]) -> None:
    if not settings:
        return
    by_id = {each["id"]: each for each in settings}
    with st.form("alarm-setting-end", border=False, clear_on_submit=True):
        left, right = st.columns([0.4, 0.6], gap="small")
        number = left.selectbox(
            w("end_which"), list(by_id), key="setting_end",
            format_func=lambda each: f"{rule_name(by_id[each]['rule'])} · {_said(by_id[each])}",
        )  # fmt: skip
        reason = right.text_input(w("end_reason"), max_chars=500, key="setting_end_reason").strip()
        sent = st.form_submit_button(w("end"))
    if sent and len(reason) < LEAST_REASON:
        st.warning(term("alarm.act", "reason_short"))
    elif sent:
        _send(lambda: session.alarms().end_parameters(site, int(number), reason))


def _send(call: Any) -> None:
    try:
        call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.toast(t("alarms.done"))
    st.rerun()
