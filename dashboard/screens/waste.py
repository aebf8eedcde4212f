"""Medical waste: where it is now, what is overdue, the balance, vehicles, an institution's chain, a bag's life."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, today_in
from dashboard.html import badge, badge_cell, chip, chip_cell, escape, heading, title
from dashboard.language import county_name, language, name_of, t
from dashboard.links import address
from dashboard.map_outline import place
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import county_map, table
from dashboard.widgets.waste_documents import documents
from dashboard.widgets.waste_tables import (
    bag_count,
    bag_table,
    balance_table,
    county_table,
    data,
    hours,
    kg,
    line,
    p,
    scan_table,
    state_table,
)
from dashboard.widgets.waste_tolerances import tolerances
from registry.counties import COUNTIES

VIEWS: Final = ("now", "overdue", "balance", "vehicles", "institution", "bag", "documents", "tolerances")
REFRESH_S: Final = 10
MOST_THERE: Final = 15
"""Of the bags that lie at an institution so many are shown, the oldest."""
FARTHEST_DEG: Final = 0.02
"""Fixes farther apart, some two kilometres, are not joined."""
AROUND: Final = 12.0
"""Units of the drawing that are shown around a vehicle's ways."""
NOT_FOUND: Final = 404
SCANS_PX: Final = 560
"""Height of the list of scans, which scrolls: a hospital scans hundreds of bags a day."""


def show() -> None:
    """Draw the page: the view that is chosen, or the bag that the address names."""
    st.html(title(p("title"), sub=p("lead")))
    if tag := st.query_params.get("bag", ""):
        st.session_state["waste_tag"] = tag
        st.session_state["waste_view"] = "bag"
        st.session_state["waste_book"] = st.query_params.get("book", "live")
        for name in ("bag", "book"):
            st.query_params.pop(name, None)
    if vehicle := st.query_params.pop("vehicle", ""):
        st.session_state["waste_vehicle"], st.session_state["waste_view"] = vehicle, "vehicles"
        st.session_state["waste_book"] = st.query_params.pop("book", "live")
    sites = session.feed().wait_first(4).sites
    only_simulated = bool(sites) and all(each["simulated"] or each["status"] == "offline" for each in sites)
    st.session_state.setdefault("waste_view", "now")
    st.session_state.setdefault("waste_book", "simulated" if only_simulated else "live")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        view = st.segmented_control(
            p("view"), VIEWS, key="waste_view", required=True, format_func=lambda each: p(f"view_{each}"),
            label_visibility="collapsed",
        )  # fmt: skip
        book = st.segmented_control(
            p("book"), ("live", "simulated"), key="waste_book", required=True, format_func=lambda e: t(f"group.{e}")
        )
        county = st.selectbox(
            t("column.county"), ("", *session.counties()), key="waste_county", persist_state="session", width=170,
            format_func=lambda code: county_name(code) if code else t("filter.all_counties"),
        )  # fmt: skip
    overview = session.feed().wait_first(4).overview
    speed = (overview and overview["speed"]) or 1.0
    if book == "simulated" and speed > 1:
        st.html(f"<p class='ld-note'>{escape(p('faster', speed=f'{speed:g}'))}</p>")
    query = {"simulated": "true" if book == "simulated" else "false", "county": county}
    try:
        _VIEWS[view or "now"](query)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)


@st.fragment(run_every=REFRESH_S)
def _now(query: dict[str, Any]) -> None:
    try:
        found = session.waste().waste_overview(**query)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    total = sum(each["kg"] for each in found["weighed"])
    tiles = (
        ("today", kg(total), p("of", part=found["reporting"], whole=found["institutions"])),
        ("overdue", bag_count(found["overdue"]), ""),
        ("open", bag_count(found["open"]), ""),
    )
    drawn = "".join(
        f"<div class='ld-tile' data-figure='{name}'><div class='ld-k'>{escape(p(name))}</div>"
        f"<div class='ld-v'>{escape(value)}</div><div class='ld-k2'>{escape(below)}</div></div>"
        for name, value, below in tiles
    )
    mark = badge() if query["simulated"] == "true" else ""
    st.html(
        "<div class='ld-kpis' style='grid-template-columns:1fr'><section class='ld-group'>"
        f"<header>{escape(clock(found['at'], ZONE))}{mark}</header>"
        f"<div class='ld-tiles ld-quarters'>{drawn}</div></section></div>"
    )
    left, right = st.columns([0.45, 0.55], gap="medium")
    with left:
        st.html(heading(p("states")))
        table("waste-states", state_table(found["states"]))
    with right:
        st.html(heading(p("by_county")))
        table("waste-counties", county_table(found["weighed"]))


@st.fragment(run_every=REFRESH_S)
def _overdue(query: dict[str, Any]) -> None:
    try:
        found = session.waste().bags(**query, overdue="true", limit=200)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    table("waste-overdue", bag_table(found, p("none_overdue")))


def _balance(query: dict[str, Any]) -> None:
    today = today_in(ZONE)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = _institution(query, whole=True)
        days = st.date_input(
            t("filter.days"), value=(today - timedelta(days=6), today), key="waste_days", format="YYYY-MM-DD", width=260
        )
    first, last = (days[0], days[-1]) if isinstance(days, tuple) and days else (today, today)
    st.html(f"<p class='ld-note'>{escape(p('balance_lead'))}</p>")
    found = session.waste().balance(f"{first}", f"{last}", **query, site=chosen)
    table("waste-balance", balance_table(found, by_day=bool(chosen)))


@st.fragment(run_every=REFRESH_S)
def _vehicles(query: dict[str, Any]) -> None:
    simulated = query["simulated"]
    try:
        found = sorted(
            session.waste().vehicles(simulated=simulated),
            key=lambda each: (each["fix"] or {}).get("ts", ""),
            reverse=True,
        )
        codes = [each["code"] for each in found]
        plates = {each["code"]: each["plate"] for each in found}
        if st.session_state.get("waste_vehicle") not in plates:
            st.session_state.pop("waste_vehicle", None)
        chosen = (
            st.selectbox(p("vehicle"), codes, key="waste_vehicle", width=220, format_func=lambda code: plates[code])
            if codes
            else None
        )
        fixes = session.waste().track(chosen, simulated=simulated) if chosen else []
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    left, right = st.columns([0.6, 0.4], gap="medium")
    with left:
        st.html(heading(p("track_of"), f"<span class='ld-note'>{escape(plates.get(chosen or '', ''))}</span>"))
        county_map("waste-map", _map(found, chosen, fixes))
    with right:
        st.html(heading(p("view_vehicles")))
        table("waste-vehicles", data(_VEHICLE_COLUMNS(), map(_vehicle, found), p("none_vehicles")))


def _map(vehicles: list[dict[str, Any]], chosen: str | None, fixes: list[dict[str, Any]]) -> dict[str, Any]:
    book = "simulated" if any(each["simulated"] for each in vehicles) else "live"
    shape = "diamond" if book == "simulated" else "round"
    planned = [
        [place(lon, lat) for lon, lat in route]
        for each in vehicles
        if each["code"] == chosen
        for route in each["routes"]
    ]
    driven = list(_driven(fixes))
    seen = [at for way in (*planned, *driven) for at in way]
    return {
        "counties": {
            code: {"name": county_name(code), "tone": "plain", "title": county_name(code)} for code in COUNTIES
        },
        "lines": [*(["planned", way] for way in planned), *(["driven", way] for way in driven)],
        "sites": [
            [
                each["code"],
                *place(each["fix"]["lon"], each["fix"]["lat"]),
                "silent" if each["stale"] else "ok",
                "diamond" if each["simulated"] else "round",
                f"{each['plate']} · {clock(each['fix']['ts'], ZONE)}",
            ]
            for each in vehicles
            if each["fix"]
        ],
        "selected": None,
        "focus": _frame(seen),
        "legend": [
            {"tone": "ok", "shape": shape, "text": p("on_road")},
            {"tone": "silent", "shape": shape, "text": p("stale")},
            {"tone": "planned", "shape": "line", "text": p("planned")},
            {"tone": "driven", "shape": "line", "text": p("driven")},
        ],
        "site": f"{address('waste', book=book)}&vehicle=",
        "labels": {"in": t("map.zoom_in"), "out": t("map.zoom_out"), "reset": t("map.reset")},
    }


def _driven(fixes: list[dict[str, Any]]) -> Iterator[list[tuple[float, float]]]:
    """Ways between fixes that are near enough to be joined; nobody knows what lies between the others."""
    way: list[tuple[float, float]] = []
    last: dict[str, Any] | None = None
    for fix in fixes:
        if last is not None and max(abs(fix["lon"] - last["lon"]), abs(fix["lat"] - last["lat"])) > FARTHEST_DEG:
            yield way
            way = []
        at = place(fix["lon"], fix["lat"])
        way.extend([at] if way else [at, at])
        last = fix
    if way:
        yield way


def _frame(points: list[tuple[float, float]]) -> list[float] | None:
    """Left, top, right, bottom of points with some room around; None of none."""
    if not points:
        return None
    xs, ys = zip(*points, strict=True)
    return [min(xs) - AROUND, min(ys) - AROUND, max(xs) + AROUND, max(ys) + AROUND]


def _VEHICLE_COLUMNS() -> list[dict[str, Any]]:  # noqa: N802 - read as the constant it would be in one language
    return [
        {"label": p("plate")},
        {"label": p("receiver"), "clip": True},
        {"label": p("heard"), "align": "right"},
        {"label": p("speed"), "align": "right"},
    ]


def _vehicle(each: dict[str, Any]) -> dict[str, Any]:
    fix = each["fix"]
    heard = p("never") if fix is None else clock(fix["ts"], ZONE)
    speed = "–" if fix is None or fix["speed_kmh"] is None else p("kmh", speed=f"{fix['speed_kmh']:.0f}")
    cells = [
        [*([badge_cell(), " "] if each["simulated"] else []), each["plate"]],
        name_of(each, "receiver"),
        chip_cell(heard, "silent") if each["stale"] else heard,
        speed,
    ]
    return line(each["code"], cells)


def _institution(query: dict[str, Any], *, whole: bool) -> str:
    found = session.waste().institutions(**query)
    names = {each["site"]: name_of(each, "site_name") for each in found}
    options = ["", *names] if whole else list(names)
    if not options:
        st.info(p("none_institutions"))
        return ""
    chosen = st.selectbox(
        p("pick"), options, key="waste_site" if whole else "waste_one", width=360,
        format_func=lambda code: names.get(code, p("all_institutions")),
    )  # fmt: skip
    return chosen or ""


def _chain(query: dict[str, Any]) -> None:
    code = _institution(query, whole=False)
    if not code:
        return
    found = session.waste().timeline(code)
    about = found["institution"]
    facts = (
        (p("beds"), p("beds_of", beds=about["beds"])),
        (p("stored_now"), f"{bag_count(about['bags'])} · {kg(about['kg'])}"),
        (p("oldest"), hours(about["oldest_h"])),
        (p("today"), kg(about["today_kg"])),
        (p("open"), bag_count(about["open"])),
    )
    lines = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    mark = badge() if about["simulated"] else ""
    name = f"{escape(name_of(about, 'site_name'))} · {escape(name_of(about, 'kind'))} {mark}"
    st.html(f"<div class='ld-panel'><h3>{name}</h3><div class='ld-facts'>{lines}</div></div>")
    waiting = session.waste().bags(simulated=query["simulated"], site=code, limit=MOST_THERE)
    more = f"<span class='ld-note'>{escape(p('oldest_of', count=MOST_THERE))}</span>" * (about["bags"] > MOST_THERE)
    st.html(heading(p("stored_now"), more))
    table("waste-there", bag_table(waiting, p("none_bags"), of_one=True))
    st.html(heading(p("timeline")))
    table("waste-scans", {**scan_table(found["scans"], with_tag=True, empty=p("none_scans")), "height": SCANS_PX})


def _bag(query: dict[str, Any]) -> None:
    tag = st.text_input(p("find"), key="waste_tag", placeholder=p("find_hint"), max_chars=24).strip()
    if not tag:
        return
    try:
        found = session.waste().bag(tag, simulated=query["simulated"])
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
        st.info(p("not_found"))
        return
    bag = found["bag"]
    words = found[f"found_{language()}"]
    chips = "".join(chip(each, "high") for each in words) or escape(p("no_findings"))
    facts = (
        (p("site"), name_of(bag, "site_name")),
        (p("ward"), name_of(bag, "ward") or "–"),
        (p("category"), f"{name_of(bag, 'category')} {bag['category'] or ''}"),
        (p("weight"), kg(bag["kg"])),
        (p("since"), clock(bag["since"], ZONE) if bag["since"] else "–"),
        (p("age"), hours(bag["age_h"])),
        (p("step"), name_of(bag, "step") + (f" · {p('in_box', box=bag['parent'])}" if bag["parent"] else "")),
    )
    lines = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    mark = badge() if bag["simulated"] else ""
    st.html(
        f"<div class='ld-panel' data-bag='{escape(tag)}'><h3>{escape(tag)} {mark}</h3>"
        f"<div class='ld-facts'>{lines}</div><p>{chips}</p></div>"
    )
    st.html(heading(p("life")))
    table("waste-life", scan_table(found["scans"], with_tag=True, empty=p("none_scans")))


_VIEWS: Final = {
    "now": _now,
    "overdue": _overdue,
    "balance": _balance,
    "vehicles": _vehicles,
    "institution": _chain,
    "bag": _bag,
    "documents": documents,
    "tolerances": tolerances,
}
