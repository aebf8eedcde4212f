"""How cases are written and coloured, on every screen that shows them."""

from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.formatting import DASH, parse
from dashboard.html import badge_cell, chip, chip_cell
from dashboard.language import county_name, language, name_of, term
from dashboard.links import address
from dashboard.shapes.cases import Case
from registry.catalogue import text

STATE_TONE: Final = {
    "lead": "pending",
    "verifying": "advice",
    "work_order": "medium",
    "guidance": "advice",
    "rectification": "medium",
    "feedback": "pending",
    "rectified": "ok",
    "transferred": "high",
    "filed": "silent",
    "closed": "closed",
}


def w(key: str, /, **fields: object) -> str:
    """A string about cases."""
    return text(language(), f"supervision.{key}", **fields)


def p(key: str, /, **fields: object) -> str:
    """A string of the cases' pages."""
    return w(f"page.{key}", **fields)


def state_name(case: Case) -> str:
    """Where a case is."""
    return term("supervision.state", case["state"])


def state_chip(case: Case) -> str:
    """Where a case is, as a chip, and whether it is overdue."""
    late = f" {chip(term('supervision.state', 'overdue'), 'high')}" if case["overdue"] else ""
    return chip(state_name(case), STATE_TONE.get(case["state"], "plain")) + late


def left(case: Case) -> str:
    """How long the clock still runs, or since when it has ended."""
    days = case["days_left"]
    if days is None:
        return DASH
    if case["overdue"]:
        return p("late", days=-days)
    return p("last_day") if days == 0 else p("left", days=days)


def last_day(end: str | None, zone: str) -> str:
    """The local day that a deadline ends with."""
    return "" if end is None else f"{parse(end).astimezone(ZoneInfo(zone)) - timedelta(seconds=1):%Y-%m-%d}"


def case_table(cases: list[Case], *, officers: bool = True) -> dict[str, Any]:
    """Cases for the table component, in the order given; a click leads to the case."""
    columns = [
        {"label": p("number")},
        {"label": p("state")},
        {"label": p("site"), "clip": True},
        {"label": p("due"), "align": "right"},
        {"label": p("remaining"), "align": "right"},
        *([{"label": p("officer")}, {"label": p("subject"), "wrap": True}] if officers else []),
        *([] if officers else [{"label": p("requirement"), "wrap": True}]),
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": _cells(each, officers=officers),
            "tone": "high" if each["overdue"] else "",
            "href": address("cases", case=each["id"]),
        }
        for each in cases
    ]
    return {"columns": columns, "rows": rows, "clickable": True, "empty": p("none")}


def _cells(case: Case, *, officers: bool) -> list[Any]:
    site: list[Any] = [*([badge_cell(), " "] if case["simulated"] else []), name_of(case, "site_name")]
    people = " · ".join(filter(None, (case["officer_name"], case["second_officer_name"])))
    remaining = chip_cell(left(case), "high") if case["overdue"] else left(case)
    if case["closure"]:
        remaining = term("supervision.closure", case["closure"]).split("：")[0].split(":")[0]
    return [
        case["number"],
        chip_cell(state_name(case), STATE_TONE.get(case["state"], "plain")),
        [*site, " ", {"text": county_name(case["county"])}] if officers else site,
        case["due_day"] or DASH,
        remaining,
        *([people or p("nobody"), case["subject"] or ""] if officers else [case["requirement"] or DASH]),
    ]
