"""Manual results as a table, on their own page and on a site's."""

from collections.abc import Sequence
from typing import Any

from dashboard.formatting import clock
from dashboard.html import badge_cell, chip_cell
from dashboard.language import clause_of, indicator, language, name_of, t, term, unit_of
from dashboard.links import address
from dashboard.look import SAMPLE_TONE
from dashboard.shapes.judging import SampleResult
from registry.catalogue import text


def w(key: str, /, **fields: object) -> str:
    """A string about samples."""
    return text(language(), f"sample.{key}", **fields)


def sample_table(results: Sequence[SampleResult], *, with_site: bool) -> dict[str, Any]:
    """The results for the table component, in the order given; a click leads to the site."""
    columns = [
        {"label": w("page.judged")},
        *([{"label": t("column.site"), "clip": True}] if with_site else []),
        {"label": w("page.point")},
        {"label": w("sheet.indicator.title")},
        {"label": w("sheet.result.title"), "align": "right"},
        {"label": w("page.limit")},
        {"label": w("sheet.kind.title")},
        {"label": w("sheet.taken_at.title"), "align": "right"},
        {"label": w("sheet.laboratory.title"), "clip": True},
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": _cells(each, with_site=with_site),
            "tone": "high" if each["state"] == "suspected" else "",
            "href": address("site", site=each["site"]) if with_site else "",
        }
        for each in results
    ]
    return {"columns": columns, "rows": rows, "clickable": with_site, "empty": w("page.none")}


def written(result: SampleResult) -> str:
    """A result with its unit; 0 of what must not be there is "not detected"."""
    if result["value"] == 0 and result["comparison"] == "=" and _counted(result["indicator"]):
        return text(language(), "sample.not_detected")
    return f"{result['text']} {unit_of(result['indicator'])}"


def _counted(code: str) -> bool:
    return unit_of(code).startswith(("CFU", "MPN"))


def _cells(result: SampleResult, *, with_site: bool) -> list[Any]:
    site: list[Any] = [*([badge_cell(), " "] if result["simulated"] else []), name_of(result, "site_name")]
    state = term("sample.state", result["state"])
    return [
        chip_cell(state, SAMPLE_TONE.get(result["state"], "plain")),
        *([site] if with_site else []),
        name_of(result, "sampling_point_name"),
        indicator(result["indicator"]),
        written(result),
        _limit(result),
        term("sample.kind", result["kind"]),
        clock(result["taken_at"], result["zone"]),
        " ".join(filter(None, (result["laboratory"], result["report"]))) or "–",
    ]


def _limit(result: SampleResult) -> list[Any]:
    if result["interval"] is None:
        return ["–"]
    bounds = result["interval"]
    if bounds.startswith("≤ 0 "):
        bounds = text(language(), "standard.not_detected")
    named = result["standard"] or text(language(), "standard.site_rule")
    clause = clause_of(result["clause"] or "").replace("—", "")
    return [bounds, " ", {"text": f"{named} {clause}".strip()}]
