"""Credit and double random: sites by class with the sum, draws, targeted checks, conflicts of interest, weights."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.draws_client import CreditPage, SiteCredit
from dashboard.html import badge, badge_cell, chip_cell, escape, heading, title
from dashboard.language import county_name, name_of, t
from dashboard.problems import failed
from dashboard.widgets.case_words import case_table
from dashboard.widgets.components import table
from dashboard.widgets.draw_forms import CLASS_TONE, conflict_forms, draw_page, p, weights_form

CLASSES: Final = ("A", "B", "C", "D")
PAGE: Final = 50
TARGETED: Final = ("lead", "verifying")


def show() -> None:
    """Draw the page."""
    st.html(title(p("title"), sub=p("lead")))
    views = ["credit", "draws", "targeted", "conflicts", *(["weights"] if session.may_control() else [])]
    sites = session.feed().wait_first(4).sites
    only_simulated = bool(sites) and all(each["simulated"] or each["status"] == "offline" for each in sites)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        view = st.segmented_control(
            p("view"), views, default="credit", key="draws_view", persist_state="session", required=True,
            format_func=lambda each: p(f"view_{each}"), label_visibility="collapsed",
        )  # fmt: skip
        book = st.segmented_control(
            p("book"), ("live", "simulated"), default="simulated" if only_simulated else "live", key="draws_book",
            persist_state="session", required=True, format_func=lambda each: t(f"group.{each}"),
        )  # fmt: skip
    simulated = book == "simulated"
    try:
        match view:
            case "draws":
                draw_page(simulated=simulated)
            case "targeted":
                _targeted(simulated=simulated)
            case "conflicts":
                conflict_forms()
            case "weights":
                weights_form()
            case _:
                _credit(simulated=simulated)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)


def _credit(*, simulated: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        county = st.selectbox(
            t("column.county"), ("", *session.counties()), key="draws_county", width=170,
            format_func=lambda code: county_name(code) if code else t("filter.all_counties"),
        )  # fmt: skip
        letter = st.selectbox(
            p("letter"), ("", *CLASSES), key="draws_letter", width=120, format_func=lambda each: each or t("filter.any")
        )
    found = session.draws().credit(simulated=str(simulated).lower(), county=county, letter=letter, limit=PAGE)
    _classes(found, simulated=simulated)
    listed, summed = st.columns(2, gap="medium")
    with listed:
        if found["total"] > len(found["items"]):
            st.html(f"<p class='ld-note'>{escape(p('first_of', shown=len(found['items']), total=found['total']))}</p>")
        table("credit", _credit_table(found))
    if not found["items"]:
        return
    by_code = {each["site"]: each for each in found["items"]}
    with summed:
        chosen = st.selectbox(
            p("pick"), list(by_code), key="draws_site", format_func=lambda code: name_of(by_code[code], "site_name")
        )
        sum_of(by_code[chosen])


def _classes(found: CreditPage, *, simulated: bool) -> None:
    tiles = "".join(
        f"<div class='ld-tile' data-class='{name}'><div class='ld-k'>{escape(p('letter'))} {name}</div>"
        f"<div class='ld-v'>{escape(p('sites', count=found['classes'][name]))}</div></div>"
        for name in CLASSES
    )
    st.html(
        "<div class='ld-kpis' style='grid-template-columns:1fr'><section class='ld-group'>"
        f"<header>{escape(p('view_credit'))}{badge() if simulated else ''}</header>"
        f"<div class='ld-tiles ld-quarters'>{tiles}</div></section></div>"
    )


def _credit_table(found: CreditPage) -> dict[str, Any]:
    columns = [
        {"label": t("column.site"), "clip": True},
        {"label": t("column.county")},
        {"label": p("letter")},
        {"label": p("points"), "align": "right"},
        {"label": p("lots"), "align": "right"},
        {"label": p("sum"), "wrap": True},
    ]
    return {
        "columns": columns,
        "rows": [{"id": each["site"], "cells": _credit_cells(each), "tone": "", "href": ""} for each in found["items"]],
        "clickable": False,
        "empty": t("site.none"),
    }


def _credit_cells(each: SiteCredit) -> list[Any]:
    taken = [f"{name_of(item)} {item['count']}×" for item in each["items"] if item["points"]]
    return [
        [*([badge_cell(), " "] if each["simulated"] else []), name_of(each, "site_name")],
        county_name(each["county"]),
        chip_cell(each["letter"], CLASS_TONE[each["letter"]]),
        p("points_unit", points=each["points"]) if each["known"] else p("unknown"),
        p("certain") if each["lots"] is None else str(each["lots"]),
        " · ".join(taken) or "–",
    ]


def sum_of(credit: SiteCredit) -> None:
    """The whole sum that leads to a site's class."""
    version = p("version", id=credit["weights_id"]) if credit["weights_id"] else p("version_start")
    st.html(
        heading(
            p("sum"),
            f"<span class='ld-note'>{escape(p('days', days=credit['days'], version=version))}</span>",
        )
    )
    columns = [
        {"label": p("item")},
        *({"label": p(name), "align": "right"} for name in ("count", "each", "most", "taken")),
    ]
    rows = [
        {
            "id": item["fact"],
            "cells": [
                name_of(item),
                str(item["count"]),
                str(item["points_each"]),
                str(item["most"]),
                str(item["points"]),
            ],
            "tone": "",
            "href": "",
        }
        for item in credit["items"]
    ]
    total = p("points_unit", points=credit["points"])
    rows.append(
        {"id": "total", "cells": [f"{p('letter')} {credit['letter']}", "", "", "", total], "tone": "", "href": ""}
    )
    table("credit-sum", {"columns": columns, "rows": rows, "clickable": False, "empty": ""})


def _targeted(*, simulated: bool) -> None:
    st.html(f"<p class='ld-note'>{escape(p('targeted_lead'))}</p>")
    found = session.cases().cases(simulated=str(simulated).lower(), open="true", state=list(TARGETED), limit=PAGE)
    table("targeted", {**case_table(found["items"]), "empty": p("no_targeted")})
