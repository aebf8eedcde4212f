"""The form that puts a fault into what is simulated: where, which, how large, for how long."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.html import escape, heading
from dashboard.language import county_name, fault_effect, fault_group, fault_name, fault_unit, name_of, t
from dashboard.opening import opening_text
from dashboard.shapes import FaultKind, Fleet, Point, Site

POOL: Final = "pool"
"""The plant that is offered first."""


def fault_form(sites: dict[str, Site], fleet: Fleet, do: Callable[[Callable[[], None], str], None]) -> tuple[str, str]:
    """Draw the form; the site and sampling point that are chosen. `do` calls the API and says what was done."""
    st.html(heading(t("simulators.inject")))
    pools = {site["code"] for site in fleet["sites"] if any(basin["plant"] == POOL for basin in site["basins"])}
    ordered = sorted(
        sites.values(),
        key=lambda site: (site["code"] not in pools, not site["open_now"], not site["online"], name_of(site)),
    )
    codes = [site["code"] for site in ordered]
    if st.session_state.get("fault_site") not in codes:
        # What is chosen stays chosen, even when it closes meanwhile; at first it is a pool that is open now.
        st.session_state["fault_site"] = codes[0]
    first, second = st.columns([0.68, 0.32], gap="small")
    with first:
        code = st.selectbox(
            t("column.site"),
            codes,
            key="fault_site",
            persist_state="session",
            format_func=lambda each: _site_option(sites[each]),
        )
    points = {point["code"]: point for point in points_of(session.me()["username"], code)}
    with second:
        point = st.selectbox(
            t("column.basin"),
            list(points),
            key=f"fault_point_{code}",
            persist_state="session",
            format_func=lambda each: name_of(points[each]),
        )
    plants = _plants(fleet, code, point)
    kinds = {kind["fault"]: kind for kind in _kinds() if plants & set(kind["plants"])}
    third, fourth, fifth = st.columns([0.5, 0.25, 0.25], gap="small")
    with third:
        fault = st.selectbox(
            t("simulators.fault"),
            list(kinds),
            key=f"fault_kind_{'-'.join(sorted(plants))}",
            persist_state="session",
            format_func=lambda each: f"{fault_group(kinds[each]['group'])} · {fault_name(each)}",
        )
    kind = kinds[fault]
    with fourth:
        size = _size(kind)
    with fifth:
        minutes = st.number_input(
            t("simulators.minutes"),
            min_value=0,
            max_value=4320,
            value=0,
            step=60,
            key="fault_minutes",
            persist_state="session",
        )
    notes = [fault_effect(fault), *_size_note(kind), _lasts(kind, minutes, fleet["speed"])]
    st.html(f"<p class='ld-note'>{'<br>'.join(escape(note) for note in notes)}</p>")
    site = sites[code]
    if not site["open_now"]:
        st.warning(t("simulators.closed_now", site=name_of(site), hours=opening_text(site)))
    if st.button(t("simulators.inject_now"), key="fault_inject", type="primary", icon=":material/bolt:"):
        do(
            lambda: session.client().inject(code, point, fault, float(minutes) if minutes else None, size),
            t("simulators.injected", fault=fault_name(fault), site=name_of(site)),
        )
    return code, point


def _plants(fleet: Fleet, site: str, point: str) -> set[str]:
    """What is watched at a sampling point."""
    basins = [basin for each in fleet["sites"] if each["code"] == site for basin in each["basins"]]
    return {basin["plant"] for basin in basins if basin["sampling_point"] == point} or {POOL}


@st.cache_data(ttl=600, show_spinner=False)
def _kinds() -> list[FaultKind]:
    return session.client().fault_kinds()


def _has_size(kind: FaultKind) -> bool:
    """Whether a size can be chosen: not where it is how long the fault lasts, or always the same."""
    return kind["unit"] != "min" and kind["smallest"] < kind["largest"]


def _size(kind: FaultKind) -> float | None:
    return st.number_input(
        t("simulators.size", unit=fault_unit(kind["unit"])) if _has_size(kind) else t("simulators.size", unit="–"),
        min_value=-kind["largest"] if kind["signed"] else kind["smallest"],
        max_value=kind["largest"],
        value=None,
        placeholder=t("simulators.size_full") if kind["usual"] is None else _usual(kind),
        disabled=not _has_size(kind),
        key=f"fault_size_{kind['fault']}",
    )


def _usual(kind: FaultKind) -> str:
    return t("simulators.size_whole") if kind["usual"] is None else f"{kind['usual']:g}"


def _size_note(kind: FaultKind) -> list[str]:
    if not _has_size(kind):
        return []
    key = "simulators.size_note_signed" if kind["signed"] else "simulators.size_note"
    unit = fault_unit(kind["unit"])
    usual = _usual(kind) if kind["usual"] is None else f"{_usual(kind)} {unit}"
    return [t(key, smallest=f"{kind['smallest']:g}", largest=f"{kind['largest']:g}", unit=unit, usual=usual)]


def _lasts(kind: FaultKind, minutes: int, speed: float) -> str:
    if minutes:
        return t("simulators.minutes_note", speed=f"{speed:g}", real=f"{minutes / speed:.1f}")
    if kind["minutes"]:
        return t("simulators.minutes_natural", minutes=f"{kind['minutes']:g}")
    return t("simulators.minutes_open")


def _site_option(site: Site) -> str:
    state = t("open_now.yes") if site["open_now"] else t("open_now.no")
    return f"{name_of(site)} · {county_name(site['county'])} · {state}"


@st.cache_data(ttl=60, max_entries=200, show_spinner=False)
def points_of(username: str, code: str) -> list[Point]:  # noqa: ARG001 - one person's scope is not another's
    """The sampling points of a site."""
    return session.client().site(code)["sampling_points"]
