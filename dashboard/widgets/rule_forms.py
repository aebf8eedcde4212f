"""Setting a rule of a site's own, and ending one."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import rfc3339
from dashboard.html import escape, heading
from dashboard.language import indicator, name_of, unit_of
from dashboard.problems import failed
from dashboard.shapes import SiteDetail
from dashboard.shapes.judging import SiteRules
from dashboard.widgets.rule_words import limit_text, named, own_text, w, where
from registry.indicators import INDICATORS

LEAST_REASON: Final = 4


def rule_forms(found: SiteRules, detail: SiteDetail) -> None:
    """Both forms, and what came of the last one."""
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
        w("own.reason"), key=f"rule_reason_{code}_{_round()}", placeholder=w("own.reason_hint"), max_chars=500
    )
    until = right.date_input(
        w("own.until"), value=None, key=f"rule_until_{code}_{_round()}", format="YYYY-MM-DD", min_value=date(2000, 1, 1)
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
        w("own.lo", unit=unit), value=None, step=step, format=shown, key=f"rule_lo_{code}_{chosen}_{_round()}"
    )
    hi = third.number_input(
        w("own.hi", unit=unit), value=None, step=step, format=shown, key=f"rule_hi_{code}_{chosen}_{_round()}"
    )
    rule = now.get(chosen)
    said = w("own.now", interval=limit_text(rule), standard=named(rule)) if rule else w("own.now_none")
    st.html(f"<p class='ld-note'>{escape(said)}</p>")
    return {"indicator": chosen, "lo": lo, "hi": hi}


def _round() -> int:
    """Part of the fields' keys, so that they are empty again once a rule is set."""
    return int(st.session_state.get("rules_round", 0))


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
        format_func=lambda each: f"{own_text(running[each], found)} · {where(running[each], detail)}",
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
    st.session_state["rules_round"] = _round() + 1
    st.rerun()
