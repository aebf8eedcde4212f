"""How bags, scans and weights are written, on every screen that shows them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from dashboard.formatting import clock
from dashboard.html import badge_cell, chip_cell
from dashboard.language import county_name, language, name_of
from dashboard.links import address
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import counted, text

TONE: Final = {"collected": "pending", "stored": "advice", "handed": "medium", "received": "advice", "treated": "ok"}
SMALLEST_KG: Final = 0.005
"""Less is written 0.00 kg."""
Row = Mapping[str, Any]


def p(key: str, /, **fields: object) -> str:
    """A string of the page."""
    return text(language(), f"waste_page.page.{key}", **fields)


def bag_count(count: int) -> str:
    """How many bags."""
    return counted(language(), "waste_page.page.bags", count=count)


def kg(value: float | None) -> str:
    """A weight with its unit; – where there is none."""
    return "–" if value is None else p("kg", kg=f"{value:,.2f}")


def hours(value: float | None) -> str:
    """A time in hours; – where there is none."""
    return "–" if value is None else p("hours", hours=f"{value:.1f}")


def data(columns: Sequence[dict[str, Any]], rows: Iterable[dict[str, Any]], empty: str) -> dict[str, Any]:
    """What the table component takes."""
    made = list(rows)
    return {"columns": list(columns), "rows": made, "clickable": any(row["href"] for row in made), "empty": empty}


def line(number: object, cells: list[Any], *, tone: str = "", href: str = "") -> dict[str, Any]:
    """A row of a table."""
    return {"id": str(number), "cells": cells, "tone": tone, "href": href}


def bag_table(bags: Sequence[Row], empty: str, *, of_one: bool = False) -> dict[str, Any]:
    """Bags, in the order given; a click leads to a bag's life. `of_one`: all of one institution, not named again."""
    columns: list[dict[str, Any]] = [
        {"label": p("tag")},
        *(() if of_one else ({"label": p("site"), "clip": True},)),
        {"label": p("ward")},
        {"label": p("category")},
        {"label": p("step")},
        {"label": p("age"), "align": "right"},
        {"label": p("weight"), "align": "right"},
        {"label": p("findings"), "wrap": True},
    ]
    return data(columns, (line(each["tag"], _bag(each, of_one), href=bag_address(each)) for each in bags), empty)


def bag_address(bag: Row) -> str:
    """Where a bag's life is shown."""
    book = "simulated" if bag["simulated"] else "live"
    return f"{address('waste')}&bag={quote(bag['tag'])}&book={book}"


def _bag(each: Row, of_one: bool) -> list[Any]:
    return [
        [*([badge_cell(), " "] if each["simulated"] else []), each["tag"]],
        *(() if of_one else (name_of(each, "site_name"),)),
        name_of(each, "ward") or "–",
        name_of(each, "category"),
        step_cell(each),
        hours(each["age_h"]),
        kg(each["kg"]),
        [chip_cell(words, "high") for words in each[f"rules_{language()}"]] or "–",
    ]


def step_cell(each: Row) -> dict[str, Any]:
    """Where a bag is, as a chip."""
    return chip_cell(name_of(each, "step"), TONE.get(each["step"] or "", "plain"))


def state_table(states: Sequence[Row]) -> dict[str, Any]:
    """Bags at each step with the age of the oldest."""
    columns: list[dict[str, Any]] = [
        {"label": p("step")},
        {"label": p("count"), "align": "right"},
        {"label": p("weight"), "align": "right"},
        {"label": p("oldest"), "align": "right"},
    ]
    rows = (
        line(each["step"], [step_cell(each), bag_count(each["bags"]), kg(each["kg"]), hours(each["oldest_h"])])
        for each in states
    )
    return data(columns, rows, p("none_bags"))


def county_table(weighed: Sequence[Row]) -> dict[str, Any]:
    """Today's kilograms by county and category."""
    codes = sorted({each["category"] or "" for each in weighed})
    names = {each["category"] or "": name_of(each, "category") for each in weighed}
    counties = sorted({each["county"] for each in weighed})
    found = {(each["county"], each["category"] or ""): each["kg"] for each in weighed}
    columns: list[dict[str, Any]] = [
        {"label": p("county")},
        *({"label": names[code], "align": "right"} for code in codes),
    ]
    rows = (
        line(county, [county_name(county), *(kg(found.get((county, code))) for code in codes)]) for county in counties
    )
    return data(columns, rows, p("none_today"))


def balance_table(lines: Sequence[Row], *, by_day: bool) -> dict[str, Any]:
    """What was weighed at each step, the gap in red where it is beyond the tolerance."""
    columns: list[dict[str, Any]] = [
        {"label": p("day") if by_day else p("site"), "clip": True},
        *({"label": p(name), "align": "right"} for name in ("collected_kg", "stored_kg", "handed_kg", "received_kg")),
        {"label": p("gap_kg"), "align": "right"},
    ]
    return data(columns, (line(n, _balance(each, by_day)) for n, each in enumerate(lines)), p("none_balance"))


def _balance(each: Row, by_day: bool) -> list[Any]:
    share = each["gap_share"]
    gap = f"{each['gap_kg']:+,.2f}"
    if abs(each["gap_kg"]) < SMALLEST_KG:
        said = kg(0.0)
    else:
        said = p("kg", kg=gap) if share is None else p("gap_of", kg=gap, share=f"{share:+.1%}")
    site: list[Any] = [*([badge_cell(), " "] if each["simulated"] else []), name_of(each, "site_name")]
    return [
        each["day"] if by_day else site,
        *(kg(each[name]) for name in ("collected_kg", "stored_kg", "handed_kg", "received_kg")),
        chip_cell(said, "high") if each["notable"] else said,
    ]


def scan_table(scans: Sequence[Row], *, with_tag: bool, empty: str) -> dict[str, Any]:
    """Scans and weighings; `with_tag`: of several bags."""
    columns: list[dict[str, Any]] = [
        {"label": p("time")},
        {"label": p("event")},
        {"label": p("what")},
        {"label": p("site"), "clip": True},
        {"label": p("category")},
        {"label": p("weight"), "align": "right"},
        {"label": p("signed"), "wrap": True},
        {"label": p("where"), "wrap": True},
    ]
    return data(columns, (line(n, _scan(each, with_tag)) for n, each in enumerate(scans)), empty)


def _scan(each: Row, with_tag: bool) -> list[Any]:
    what = f"{name_of(each, 'container')} {each['tag']}"
    where = " · ".join(
        filter(
            None, (name_of(each, "place"), each["parent"], name_of(each, "receiver"), each["vehicle"], each["manifest"])
        )
    )
    return [
        clock(each["ts"], ZONE),
        name_of(each, "event"),
        what if with_tag else name_of(each, "container"),
        name_of(each, "site_name"),
        name_of(each, "category") if each["category"] else "–",
        kg(each["kg"]),
        p("and").join(each["signed_by"]) or p("unsigned"),
        where or "–",
    ]
