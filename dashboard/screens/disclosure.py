"""Disclosure: which results are published and by when, which venues show their values, rounds of votes."""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, rfc3339, today_in
from dashboard.html import badge_cell, chip_cell, escape, title
from dashboard.language import indicator, language, name_of, t, term, unit_of
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.draw_forms import done
from registry.catalogue import text

VIEWS = ("samples", "consents", "rounds")
POOL = "pool"
"""The scenario whose values and samples are for the public."""


def p(key: str, /, **fields: object) -> str:
    """A string of the page."""
    return text(language(), f"disclosure.page.{key}", **fields)


def show() -> None:
    """Draw the page."""
    st.html(title(p("title"), sub=p("lead")))
    link = f"/public?lang={language()}"
    st.html(f"<p class='ld-links'><a href='{link}' target='_blank' rel='noopener'>{escape(p('address'))} ↗</a></p>")
    view = st.segmented_control(
        p("view"), VIEWS, default="samples", key="disclosure_view", persist_state="session", required=True,
        format_func=lambda each: p(f"view_{each}"), label_visibility="collapsed",
    )  # fmt: skip
    try:
        {"samples": _samples, "consents": _consents, "rounds": _rounds}[view or "samples"]()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)


def _samples() -> None:
    today = today_in(ZONE)
    months = [f"{today.replace(day=1):%Y-%m}"]
    while len(months) < 12:
        months.append(f"{datetime.fromisoformat(f'{months[-1]}-01') - timedelta(days=1):%Y-%m}")
    month = st.selectbox(term("disclosure.public", "month"), months, key="disclosure_month", width=160)
    found = session.disclosure().disclosure_samples(month)
    table("disclosure-samples", _samples_table(found))
    if not session.may_control():
        return
    waiting = [each["sample"]["id"] for each in found if not each["published_at"] and not each["withdrawn_at"]]
    if waiting and st.button(p("publish_all", count=len(waiting)), type="primary", key="disclosure_publish"):
        done(lambda: session.disclosure().publish(waiting))
    public = {each["sample"]["id"]: each["sample"] for each in found if each["published_at"]}
    if public:
        with st.expander(p("take_back")), st.form("disclosure_take_back", border=False):
            number = st.selectbox(
                p("view_samples"),
                list(public),
                format_func=lambda each: (
                    f"{name_of(public[each], 'site_name')} · "
                    f"{indicator(public[each]['indicator'])} {public[each]['text']}"
                ),
            )
            reason = st.text_input(p("reason"), max_chars=1000)
            if st.form_submit_button(p("save")) and reason.strip():
                done(lambda: session.disclosure().take_back(number, reason))


def _samples_table(found: list[dict[str, Any]]) -> dict[str, Any]:
    columns = [
        {"label": t("column.site"), "clip": True},
        {"label": term("disclosure.public", "indicator")},
        {"label": term("disclosure.public", "result"), "align": "right"},
        {"label": term("disclosure.public", "limit"), "align": "right"},
        {"label": term("disclosure.public", "says")},
        {"label": p("due"), "align": "right"},
        {"label": p("state")},
    ]
    rows = []
    for each in found:
        sample = each["sample"]
        due = each["due_on"] if each["due_sure"] else p("due_unsure", day=each["due_on"])
        rows.append(
            {
                "id": str(sample["id"]),
                "cells": [
                    [*([badge_cell(), " "] if sample["simulated"] else []), name_of(sample, "site_name")],
                    indicator(sample["indicator"]),
                    f"{sample['text']} {unit_of(sample['indicator'])}",
                    sample["interval"] or "–",
                    term("disclosure.state", sample["state"]),
                    due,
                    _state_cell(each),
                ],
                "tone": "high" if each["overdue"] else "",
                "href": "",
            }
        )
    return {"columns": columns, "rows": rows, "clickable": False, "empty": p("no_samples")}


def _state_cell(each: dict[str, Any]) -> Any:
    if each["published_at"]:
        return chip_cell(p("published"), "ok")
    if each["withdrawn_at"]:
        return chip_cell(p("withdrawn", reason=each["withdraw_reason"]), "closed")
    return chip_cell(p("overdue"), "high") if each["overdue"] else chip_cell(p("waiting"), "pending")


def _consents() -> None:
    st.html(f"<p class='ld-note'>{escape(p('consent_lead'))}</p>")
    public = session.disclosure().public_sites()
    rows = [
        {
            "id": each["site"],
            "cells": [
                [*([badge_cell(), " "] if each["simulated"] else []), each[f"name_{language()}"]],
                p("values", count=sum(len(point["values"]) for point in each["points"])),
            ],
            "tone": "",
            "href": "",
        }
        for each in public
    ]
    columns = [
        {"label": t("column.site"), "clip": True},
        {"label": term("disclosure.public", "values"), "align": "right"},
    ]
    empty = term("disclosure.public", "none")
    table("consents", {"columns": columns, "rows": rows, "clickable": False, "empty": empty})
    if not session.may_control():
        return
    shown = {each["site"] for each in public}
    sites = {each["code"]: each for each in session.feed().wait_first(4).sites if each["scenario"] == POOL}
    left, right = st.columns(2)
    for place, key, codes, wanted in (
        (left, "give", [code for code in sites if code not in shown], True),
        (right, "revoke", [code for code in sites if code in shown], False),
    ):
        with place, st.form(f"consent_{key}"):
            code = st.selectbox(p(key), codes, format_func=lambda each: name_of(sites[each]))
            if st.form_submit_button(p(key)) and code:
                done(partial(session.disclosure().set_consent, code, public=wanted))


def _rounds() -> None:
    found = session.disclosure().rounds()
    if session.may_control():
        _open_round()
    columns = [
        {"label": p("name"), "clip": True},
        {"label": p("round_state")},
        {"label": p("closes"), "align": "right"},
        {"label": p("result_votes"), "wrap": True},
    ]
    rows = []
    for each in found:
        ranked = sorted(each["choices"], key=lambda choice: -choice["votes"])
        votes = " · ".join(
            f"{name_of(choice)} {term('disclosure.public', 'votes', count=choice['votes'])}" for choice in ranked[:6]
        )
        state = chip_cell(p("open"), "pending") if each["open"] else chip_cell(p("closed"), "ok")
        cells = [
            [*([badge_cell(), " "] if each["simulated"] else []), each["name"]],
            state,
            clock(each["closes_at"], ZONE),
            votes,
        ]
        rows.append({"id": str(each["id"]), "cells": cells, "tone": "", "href": ""})
    table("rounds", {"columns": columns, "rows": rows, "clickable": False, "empty": p("no_rounds")})


def _open_round() -> None:
    sites = {each["code"]: each for each in session.feed().wait_first(4).sites if each["scenario"] == POOL}
    with st.expander(p("new_round"), icon=":material/add_circle:"), st.form("round", border=False):
        name = st.text_input(p("name"), max_chars=200)
        chosen = st.multiselect(p("choices"), list(sites), format_func=lambda code: name_of(sites[code]))
        last = st.date_input(p("closes"), value=today_in(ZONE) + timedelta(days=7), format="YYYY-MM-DD")
        if st.form_submit_button(p("new_round"), type="primary") and name.strip() and len(chosen) >= 2:
            ends = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(ZONE))
            asked = {"name": name, "sites": chosen, "closes_at": rfc3339(ends)}
            done(lambda: session.disclosure().open_round(asked))
