"""The page a scenario declares: its sites with the newest values of the indicators it names, and what it adds."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, number
from dashboard.html import badge_cell, chip_cell, heading, state_cell, title
from dashboard.language import county_name, indicator, language, name_of, t, term, unit_of
from dashboard.links import address
from dashboard.look import CHANNEL_TONE, SEVERITY, site_tone
from dashboard.problems import failed
from dashboard.shapes import Channel, Latest, Site, SiteDetail
from dashboard.widgets.components import table
from dashboard.widgets.site_table import by_severity
from registry.indicators import INDICATORS
from registry.scenarios import Scenario, scenarios

REFRESH_S: Final = 3
DETAIL_S: Final = 30.0


def declared() -> list[Scenario]:
    """The scenarios that have a page."""
    return [scenario for scenario in scenarios().values() if scenario.page.title_zh]


def page_of(scenario: Scenario) -> Callable[[], None]:
    """What draws the page of a scenario."""
    found = partial(_show, scenario)
    found.__name__ = f"scenario_{scenario.code}"  # type: ignore[attr-defined]  # Streamlit asks for a name
    return found


def page_title(scenario: Scenario) -> str:
    """The page's name in the navigation."""
    return scenario.page.title_zh if language() == "zh" else scenario.page.title_en


def _show(scenario: Scenario) -> None:
    st.html(title(page_title(scenario)))
    _table(scenario)
    if scenario.page.entry is not None and scenario.folder is not None:
        _entry(scenario.folder / scenario.page.entry).show(_sites(scenario), language())


@st.fragment(run_every=REFRESH_S)
def _table(scenario: Scenario) -> None:
    now = session.feed().wait_first(4)
    columns = scenario.page.columns
    try:
        rows = [_row(site, columns, now.latest) for site in by_severity(_sites(scenario))]
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    labels = [t("column.state"), t("column.site"), t("column.county")]
    labels += [f"{indicator(code)} {unit_of(code)}" for code in columns]
    table(
        f"scenario-{scenario.code}",
        {
            "columns": [{"label": each} for each in (*labels, t("column.last_data"))],
            "rows": rows,
            "clickable": True,
            "empty": t("live.no_sites"),
        },
    )
    st.html(heading(""))


def _sites(scenario: Scenario) -> list[Site]:
    return [site for site in session.feed().read().sites if site["scenario"] == scenario.code]


def _row(site: Site, columns: Sequence[str], latest: Mapping[int, Latest]) -> dict[str, Any]:
    channels = _detail(session.me()["username"], site["code"])["channels"] if site["status"] != "offline" else []
    name: list[Any] = [*([badge_cell(), " "] if site["simulated"] else []), name_of(site)]
    cells: list[Any] = [
        state_cell(site["state"], site_tone(site["state"], site["worst_priority"])),
        name,
        county_name(site["county"]),
        *(_worst([each for each in channels if each["indicator"] == code], latest, code) for code in columns),
        clock(site["last_seen"], site["zone"]),
    ]
    return {
        "id": site["code"],
        "cells": cells,
        "tone": site["worst_priority"] or "",
        "href": address("site", site=site["code"]),
    }


def _worst(channels: Sequence[Channel], latest: Mapping[int, Latest], code: str) -> list[Any]:
    """The newest value of the sampling point that is worst off; with its state unless that is normal."""
    found = []
    for channel in channels:
        newest = latest.get(channel["id"])
        value, state = (newest["value"], newest["state"]) if newest else (channel["value"], channel["state"])
        if value is not None:
            found.append((SEVERITY.get(state or "none", 9), value, state or "none"))
    if not found:
        return ["–"]
    _, value, state = min(found)
    shown = number(value, INDICATORS[code].precision)
    return (
        [shown]
        if state == "normal"
        else [shown, " ", chip_cell(term("dashboard.state", state), CHANNEL_TONE.get(state, "plain"))]
    )


@st.cache_data(ttl=DETAIL_S, max_entries=500, show_spinner=False)
def _detail(username: str, code: str) -> SiteDetail:  # noqa: ARG001 - one person's scope is not another's
    return session.client().site(code)


@cache
def _entry(path: Path) -> ModuleType:
    """The Python file a scenario brings; whoever may write there may run code here, as with any installed program."""
    spec = importlib.util.spec_from_file_location(f"landun_scenario_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"scenario page {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
