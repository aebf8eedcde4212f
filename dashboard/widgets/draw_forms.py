"""Draws and what they need: announcing, holding, reporting, conflicts of interest, weights."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.draws_client import Draw
from dashboard.formatting import clock, today_in
from dashboard.html import badge, badge_cell, chip, chip_cell, escape, heading
from dashboard.language import county_name, language, name_of, t, term
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from registry.catalogue import text

OUTCOMES = ("in_order", "problem", "not_found")
CLASS_TONE: Final = {"A": "ok", "B": "advice", "C": "medium", "D": "high"}
"""Colours of the classes of credit."""


def p(key: str, /, **fields: object) -> str:
    """A string of the page."""
    return text(language(), f"credit.page.{key}", **fields)


def draw_page(*, simulated: bool) -> None:
    """Every draw of the book that is open, and the one that is chosen."""
    draws = [each for each in session.draws().draws() if each["simulated"] == simulated]
    if session.may_control():
        _announce(simulated=simulated)
    table("draws", _draws_table(draws))
    if not draws:
        return
    by_id = {each["id"]: each for each in draws}
    number = st.selectbox(p("open"), list(by_id), key="draw_open", format_func=lambda each: by_id[each]["name"])
    _one(session.draws().draw(number))


def _state(draw: Draw) -> str:
    return "cancelled" if draw["cancelled_at"] else "held" if draw["drawn_at"] else "announced"


def _draws_table(draws: list[Draw]) -> dict[str, Any]:
    tones = {"announced": "pending", "held": "ok", "cancelled": "closed"}
    rows = [
        {
            "id": str(each["id"]),
            "cells": [
                [*([badge_cell(), " "] if each["simulated"] else []), each["name"]],
                chip_cell(p(_state(each)), tones[_state(each)]),
                p("population", sites=each["sites"], count=each["to_draw"]),
                clock(each["announced_at"], ZONE),
                each["word_from"],
            ],
            "tone": "",
            "href": "",
        }
        for each in draws
    ]
    columns = [
        {"label": p("name"), "clip": True},
        {"label": p("state")},
        {"label": p("how_many")},
        {"label": p("announced_at"), "align": "right"},
        {"label": p("word_source"), "wrap": True},
    ]
    return {"columns": columns, "rows": rows, "clickable": False, "empty": p("no_draws")}


def _announce(*, simulated: bool) -> None:
    with st.expander(p("announce"), icon=":material/add_circle:"), st.form("draw_announce", border=False):
        name = st.text_input(p("name"), max_chars=200)
        left, right = st.columns(2)
        count = left.number_input(p("how_many"), min_value=0, value=1, step=1)
        counties = right.multiselect(p("counties"), session.counties(), format_func=county_name)
        over = {each["id"]: each for each in session.disclosure().rounds() if not each["open"]}
        by_votes = st.selectbox(
            text(language(), "disclosure.page.by_votes"),
            [0, *over],
            format_func=lambda each: over[each]["name"] if each else text(language(), "disclosure.page.not_by_votes"),
        )
        word_from = st.text_input(p("word_from"), max_chars=500)
        if st.form_submit_button(p("announce"), type="primary") and name.strip() and word_from.strip():
            done(
                lambda: session.draws().announce(
                    {
                        "name": name,
                        "count": int(count),
                        "counties": counties,
                        "simulated": simulated,
                        "word_from": word_from,
                        **({"round_id": by_votes} if by_votes else {}),
                    }
                )
            )


def _one(draw: Draw) -> None:
    st.html(heading(f"{p('draw')} {draw['id']} · {draw['name']}", badge() if draw["simulated"] else ""))
    facts = [
        (p("sha256"), draw["population_sha256"]),
        (p("commitment"), draw["commitment"]),
        (p("word_source"), draw["word_from"]),
        *([(p("nonce"), draw["nonce"]), (p("word"), draw["word"]), (p("seed"), draw["seed"])] if draw["seed"] else []),
        *([(p("cancelled"), draw["cancel_reason"])] if draw["cancelled_at"] else []),
    ]
    lines = "".join(
        f"<div style='overflow-wrap:anywhere'><b>{escape(label)}</b> {escape(value or '')}</div>"
        for label, value in facts
    )
    st.html(f"<div class='ld-panel'>{lines}<p class='ld-note'>{escape(p('repeat'))}</p></div>")
    st.download_button(
        p("published"), partial(session.draws().population, draw["id"]), file_name=f"draw-{draw['id']}.json",
        mime="application/json", icon=":material/download:", key=f"draw_population_{draw['id']}",
    )  # fmt: skip
    if draw["tasks"]:
        table("draw-tasks", _tasks_table(draw))
        _report(draw)
    elif session.may_control() and not draw["cancelled_at"]:
        with st.form(f"draw_hold_{draw['id']}"):
            word = st.text_input(p("word"), max_chars=500, help=draw["word_from"])
            if st.form_submit_button(p("hold"), type="primary") and word.strip():
                done(lambda: session.draws().hold(draw["id"], word))
    if session.may_control() and not draw["cancelled_at"]:
        with st.expander(p("cancel")), st.form(f"draw_cancel_{draw['id']}", border=False):
            reason = st.text_input(p("reason"), max_chars=1000)
            if st.form_submit_button(p("cancel")) and reason.strip():
                done(lambda: session.draws().cancel_draw(draw["id"], reason))


def _tasks_table(draw: Draw) -> dict[str, Any]:
    tones = {"in_order": "ok", "problem": "high", "not_found": "medium"}
    rows = [
        {
            "id": str(each["place"]),
            "cells": [
                str(each["place"]),
                name_of(each, "site_name"),
                county_name(each["county"]),
                each["letter"],
                f"{each['officer_name']} · {each['second_officer_name']}",
                chip_cell(term("credit.outcome", each["outcome"]), tones[each["outcome"]])
                if each["outcome"]
                else p("to_do"),
                " · ".join(filter(None, (each["note"], p("case", id=each["case_id"]) if each["case_id"] else ""))),
            ],
            "tone": "",
            "href": "",
        }
        for each in draw["tasks"]
    ]
    columns = [
        {"label": p("place"), "align": "right"},
        {"label": t("column.site"), "clip": True},
        {"label": t("column.county")},
        {"label": p("letter")},
        {"label": p("officers")},
        {"label": p("outcome")},
        {"label": p("note"), "wrap": True},
    ]
    return {"columns": columns, "rows": rows, "clickable": False, "empty": ""}


def _report(draw: Draw) -> None:
    me = session.me()
    mine = [
        each
        for each in draw["tasks"]
        if not each["outcome"]
        and (session.may_control() or me["username"] in (each["officer"], each["second_officer"]))
    ]
    if not mine or draw["cancelled_at"]:
        return
    by_place = {each["place"]: each for each in mine}
    with st.form(f"draw_report_{draw['id']}"):
        place = st.selectbox(
            p("report"),
            list(by_place),
            format_func=lambda each: f"{each} · {name_of(by_place[each], 'site_name')}",
        )
        left, right = st.columns(2)
        outcome = left.radio(
            p("outcome"), OUTCOMES, horizontal=True, format_func=lambda each: term("credit.outcome", each)
        )
        on = right.date_input(p("inspected_on"), value=today_in(ZONE), format="YYYY-MM-DD")
        note = st.text_area(p("note"), max_chars=4000)
        if st.form_submit_button(p("save"), type="primary"):
            report = {"outcome": outcome, "inspected_on": f"{on}", "note": note}
            done(lambda: session.draws().report_task(draw["id"], place, report))


def conflict_forms() -> None:
    """Who must not inspect where."""
    sites = {each["code"]: each for each in session.feed().wait_first(4).sites}
    people = {each["username"]: each["name"] for each in session.cases().officers() if each["role"] == "inspector"}
    me = session.me()
    own = {me["username"]: me["name"]} if me["role"] == "inspector" else people
    with st.expander(p("conflict_new"), icon=":material/add_circle:"), st.form("conflict", border=False):
        left, right = st.columns(2)
        officer = left.selectbox(p("officer"), list(own), format_func=lambda each: own[each])
        site = right.selectbox(t("column.site"), list(sites), format_func=lambda code: name_of(sites[code]))
        reason = st.text_input(p("reason"), max_chars=1000)
        if st.form_submit_button(p("save"), type="primary") and officer and site and reason.strip():
            done(lambda: session.draws().declare_conflict(officer, site, reason))
    found = session.draws().conflicts()
    columns = [
        {"label": p("officer")},
        {"label": t("column.site"), "clip": True},
        {"label": p("reason"), "wrap": True},
        {"label": t("column.since"), "align": "right"},
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": [
                each["officer_name"],
                name_of(each, "site_name"),
                each["reason"],
                clock(each["declared_at"], ZONE),
            ],
            "tone": "",
            "href": "",
        }
        for each in found
    ]
    table("conflicts", {"columns": columns, "rows": rows, "clickable": False, "empty": p("no_conflicts")})
    if found and session.may_control():
        by_id = {each["id"]: each for each in found}
        with st.form("conflict_end"):
            number = st.selectbox(
                p("end_conflict"),
                list(by_id),
                format_func=lambda each: f"{by_id[each]['officer_name']} · {name_of(by_id[each], 'site_name')}",
            )
            if st.form_submit_button(p("end_conflict")):
                done(lambda: session.draws().end_conflict(number))


def weights_form() -> None:
    """The weights in force, and other ones."""
    versions = session.draws().weights()
    st.html(f"<p class='ld-note'>{escape(p('weights_lead'))}</p>")
    in_force = versions[0]["weights"]
    with st.form("weights"):
        left, right = st.columns((3, 2), gap="medium")
        with left:
            facts = _weights_of_facts(in_force["facts"])
        with right:
            classes = _classes_of_points(in_force["classes"])
            days = st.number_input(p("days_back"), 1, 3_650, in_force["days"], step=1)
            letters = list(in_force["classes"])
            unknown = st.selectbox(p("unknown_is"), letters, index=letters.index(in_force["unknown"]))
        reason = st.text_input(p("reason"), max_chars=1000)
        if st.form_submit_button(p("set_weights"), type="primary") and reason.strip():
            wanted = {"days": int(days), "unknown": unknown, "classes": classes, "facts": facts}
            done(lambda: session.draws().set_weights(wanted, reason))
    st.html(heading(p("history")))
    columns = [
        {"label": p("name")},
        {"label": p("reason"), "wrap": True},
        {"label": t("column.since"), "align": "right"},
    ]
    zh_en = {"zh": 0, "en": -1}[language()]
    rows = [
        {
            "id": str(each["id"] or 0),
            "cells": [
                p("version", id=each["id"]) if each["id"] else p("version_start"),
                each["reason"] if each["id"] else each["reason"].split(" | ")[zh_en],
                clock(each["set_at"], ZONE) if each["set_at"] else "–",
            ],
            "tone": "",
            "href": "",
        }
        for each in versions
    ]
    table("weights-history", {"columns": columns, "rows": rows, "clickable": False, "empty": ""})


def _weights_of_facts(facts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Points of each fact, and how many it takes at most, a row each; negative points are given, not taken."""
    heads = st.columns((3, 2, 2), vertical_alignment="bottom")
    for place, head in zip(heads, ("item", "each", "most"), strict=True):
        place.html(f"<b>{escape(p(head))}</b>")
    found = {}
    for fact, weight in facts.items():
        name, points, most = st.columns((3, 2, 2), vertical_alignment="center")
        label = term("credit.fact", fact)
        name.html(escape(label))
        found[fact] = {
            "points": _whole(points, f"{label}: {p('each')}", weight["points"], f"points-{fact}", least=-100),
            "most": _whole(most, f"{label}: {p('most')}", weight["most"], f"most-{fact}"),
        }
    return found


def _classes_of_points(classes: Mapping[str, Mapping[str, int | None]]) -> dict[str, dict[str, int | None]]:
    """From how many points a class is given, and with how many lots it is drawn; without lots it is always drawn."""
    heads = st.columns((1, 2, 2), vertical_alignment="bottom")
    for place, head in zip(heads, ("letter", "from", "lots"), strict=True):
        place.html(f"<b>{escape(p(head))}</b>")
    found: dict[str, dict[str, int | None]] = {}
    for letter, each in classes.items():
        name, least, lots = st.columns((1, 2, 2), vertical_alignment="center")
        name.html(chip(letter, CLASS_TONE[letter]))
        many = lots.number_input(
            f"{letter}: {p('lots')}", 0, 100, each["lots"], step=1, key=f"weights-lots-{letter}",
            placeholder=p("certain"), label_visibility="collapsed",
        )  # fmt: skip
        found[letter] = {
            "from": _whole(least, f"{letter}: {p('from')}", each["from"] or 0, f"from-{letter}"),
            "lots": None if many is None else int(many),
        }
    return found


def _whole(place: Any, label: str, value: int, key: str, *, least: int = 0) -> int:
    return int(place.number_input(label, least, 100, value, step=1, key=f"weights-{key}", label_visibility="collapsed"))


def done(act: Callable[[], object]) -> None:
    """Do it, say what the API refused, or draw the page anew."""
    try:
        act()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.toast(p("done"))
    st.rerun()
