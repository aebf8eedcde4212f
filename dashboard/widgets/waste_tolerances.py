"""What the rules of custody tolerate: by step of custody, with sources; for those who may, the form that sets them."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time
from dashboard.html import chip_cell, escape, heading
from dashboard.language import language, name_of, term
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.waste_tables import data, line

LEAST_REASON: Final = 4
COLUMNS: Final = 3
TONE: Final = {"primary": "ok", "secondary": "pending", "unverified": "medium", "design": "plain"}
SAID: Final = "tolerances_said"
Row = dict[str, Any]


def w(key: str, /, **fields: object) -> str:
    """A string about tolerances."""
    return term("waste_tolerance.page", key, **fields)


def tolerances(_: Row) -> None:
    """The form where it may be used, the table by step, the settings so far."""
    st.html(f"<p class='ld-note'>{escape(w('lead'))}</p>")
    if said := st.session_state.pop(SAID, None):
        st.success(said)
    found = session.waste().tolerances()
    known = found["tolerances"]
    if found["may_set"]:
        with st.expander(w("change"), key="tolerance-change"):
            st.html(f"<p class='ld-note'>{escape(w('effect'))}</p>")
            _form(known)
    for _group, rows in groupby(known, key=lambda each: str(each["group"])):
        of_group = list(rows)
        st.html(heading(name_of(of_group[0], "group")))
        table(f"tolerances-{of_group[0]['group']}", _table(of_group))
    st.html(heading(w("history")))
    table("tolerance-history", _history(found["history"]))


def _table(rows: list[Row]) -> Row:
    columns: list[Row] = [
        {"label": w("name"), "wrap": True},
        {"label": w("value"), "align": "right"},
        {"label": w("default"), "align": "right"},
        {"label": w("source"), "wrap": True},
        {"label": w("rules"), "wrap": True},
        {"label": w("set"), "wrap": True},
    ]
    return data(columns, (line(each["name"], _cells(each)) for each in rows), "")


def _cells(each: Row) -> list[Any]:
    value = _amount(each, each["value"])
    sure = chip_cell(term("standard.certainty", each["certainty"]), TONE[each["certainty"]])
    by = w("by", by=each["set_by"], at=full_time(each["set_at"], ZONE), reason=each["reason"]) if each["set_by"] else ""
    return [
        name_of(each),
        chip_cell(value, "advice") if each["changed"] else value,
        _amount(each, each["default"]),
        [sure, " ", name_of(each, "source")],
        term("waste_page.page", "and").join(each[f"rules_{language()}"]) or "–",
        by or w("not_set"),
    ]


def _amount(each: Row, value: Any) -> str:
    """A value with its unit; yes or no."""
    if isinstance(value, bool):
        return w("yes" if value else "no")
    return w("amount", value=f"{value:g}", unit=name_of(each, "unit")).strip()


def _form(known: Sequence[Row]) -> None:
    groups = {str(each["group"]): name_of(each, "group") for each in known}
    group = st.segmented_control(
        w("group"), list(groups), default=next(iter(groups)), key="tolerance_group", required=True,
        format_func=lambda each: groups[each],
    )  # fmt: skip
    shown = [each for each in known if each["group"] == group]
    with st.form("tolerance-form", border=False):
        columns = st.columns(COLUMNS, gap="small")
        values = {each["name"]: _field(columns[place % COLUMNS], each) for place, each in enumerate(shown)}
        reason = st.text_input(w("reason"), max_chars=500, key=f"tolerance_reason_{_round()}").strip()
        with st.container(horizontal=True, gap="small"):
            sent = st.form_submit_button(w("save"), type="primary", key="tolerance_save")
            back = st.form_submit_button(w("reset"), key="tolerance_reset")
    if not sent and not back:
        return
    changed = {each["name"]: values[each["name"]] for each in shown if values[each["name"]] != each["value"]}
    if len(reason) < LEAST_REASON:
        st.error(w("reason_short"))
    elif back:
        _send(lambda: session.waste().reset_tolerances(reason))
    elif not changed:
        st.warning(w("unchanged"))
    elif wrong := [said for each in shown if (said := _above(each, shown, values))]:
        st.error("\n\n".join(wrong))
    else:
        _send(lambda: session.waste().set_tolerances(changed, reason))


def _field(column: Any, each: Row) -> Any:
    key = f"tolerance_{each['name']}_{_round()}"
    if each["kind"] == "yes_no":
        return column.checkbox(name_of(each), value=each["value"], key=key)
    bounds = {"least": f"{each['least']:g}", "most": f"{each['most']:g}"}
    label = w("label", name=name_of(each), unit=name_of(each, "unit"), **bounds)
    whole = each["kind"] == "whole"
    number = int if whole else float
    return column.number_input(
        label, min_value=number(each["least"]), max_value=number(each["most"]), value=number(each["value"]), key=key,
        step=1 if whole else 0.05 if each["unit"] == "kg" else 0.5, format="%d" if whole else "%g",
    )  # fmt: skip


def _above(each: Row, shown: Sequence[Row], values: Row) -> str | None:
    """What is wrong where a value is greater than the one that it may not exceed, which stands in the same step."""
    other = next((of for of in shown if of["name"] == each["not_above"]), None)
    if other is None or values[each["name"]] <= values[other["name"]]:
        return None
    said = {"value": _amount(each, values[each["name"]]), "limit": _amount(other, values[other["name"]])}
    return w("above", name=name_of(each), other=name_of(other), **said)


def _round() -> int:
    """Part of the fields' keys, so that they show what holds once it is set."""
    return int(st.session_state.get("tolerances_round", 0))


def _send(call: Callable[[], None]) -> None:
    try:
        call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.session_state[SAID] = w("saved")
    st.session_state["tolerances_round"] = _round() + 1
    st.rerun()


def _history(settings: Sequence[Row]) -> Row:
    columns: list[Row] = [
        {"label": w("at")},
        {"label": w("who")},
        {"label": w("what"), "wrap": True},
        {"label": w("why"), "wrap": True},
    ]
    rows = (
        line(
            each["id"],
            [
                full_time(each["set_at"], ZONE),
                each["set_by"],
                term("waste_page.page", "and").join(map(_moved, each["changes"])) or "–",
                each["reason"],
            ],
        )
        for each in settings
    )
    return data(columns, rows, w("none"))


def _moved(change: Row) -> str:
    before, after = (_amount(change, change[name]) for name in ("before", "after"))
    return w("moved", name=name_of(change), before=before, after=after)
