"""The table of sites, worst first, a page at a time."""

from collections.abc import Sequence
from typing import Any, Final

from dashboard.formatting import clock
from dashboard.html import badge_cell, chip_cell, state_cell
from dashboard.language import county_name, name_field, name_of, t, term
from dashboard.links import address
from dashboard.look import sample_tone, severity, site_tone
from dashboard.shapes import AlarmCounts, Site

PAGE: Final = 12
"""Rows a page: what stands beside the map without scrolling, and what a refresh has to send."""


def by_severity(sites: Sequence[Site]) -> list[Site]:
    """Worst priority first, then worst state, then worst samples, then by name in the reader's language."""
    name = name_field()
    return sorted(sites, key=lambda site: (*severity(site), site[name]))


def table_data(sites: Sequence[Site]) -> dict[str, Any]:
    """A page of sites for the table component."""
    columns = [
        {"label": t("column.state")},
        {"label": t("column.site"), "clip": True},
        {"label": t("column.county")},
        {"label": t("column.opening")},
        {"label": t("column.compliant"), "align": "right"},
        {"label": t("column.open_alarms")},
        {"label": t("column.last_data"), "align": "right"},
    ]
    return {
        "columns": columns,
        "rows": [_row(site) for site in sites],
        "clickable": True,
        "empty": t("live.no_sites"),
    }


def _row(site: Site) -> dict[str, Any]:
    connected = site["status"] != "offline"
    # The badge comes first: a long name may be cut off, the badge may not.
    name: list[Any] = [*([badge_cell(), " "] if site["simulated"] else []), name_of(site)]
    cells: list[Any] = [
        state_cell(site["state"], site_tone(site["state"], site["worst_priority"])) if connected else _sampled(site),
        name,
        county_name(site["county"]),
        t("open_now.yes") if site["open_now"] else t("open_now.no"),
        f"{site['channels_compliant']} / {site['channels_judged']}" if site["channels_judged"] else "–",
        _alarms(site["open_alarms"]),
        clock(site["last_seen"] if connected or not site["samples"] else site["samples"]["taken_at"], site["zone"]),
    ]
    return {
        "id": site["code"],
        "cells": cells,
        "tone": site["worst_priority"] or "",
        "href": address("site", site=site["code"]),
    }


def _sampled(site: Site) -> dict[str, Any]:
    """The state of a site without instruments: what its recent manual results say."""
    summary = site["samples"]
    if summary is None:
        return state_cell("unconnected")
    return chip_cell(term("sample.state", summary["state"]), sample_tone(site))


def _alarms(counts: AlarmCounts | None) -> list[Any]:
    if counts is None:
        return ["–"]
    found: list[Any] = []
    for priority, count in (("high", counts["high"]), ("medium", counts["medium"]), ("low", counts["low"])):
        if count:
            found.append(chip_cell(f"{term('alarm.priority', priority)} {count}", priority))
    return found or ["–"]
