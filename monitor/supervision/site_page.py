"""A venue's file in words: the parts of the page, each a table of texts with its headings, or a sentence."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from registry.catalogue import Language, entries, indicator_name, text

Part = tuple[str, list[list[str]] | str]
"""Title, and the rows of its table (the first are headings) or a sentence."""

DASH: Final = "–"
_PRIORITIES: Final = ("high", "medium", "low")


def parts_of(language: Language, record: Mapping[str, Any], zone: str) -> list[Part]:
    """The parts of a file (`monitor.api.schemas.site_file.SiteFile` as a dict) in the order of the page."""

    def p(key: str, **fields: object) -> str:
        return text(language, f"site_file.page.{key}", **fields)

    def local(at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}"

    def term(table: str, code: str | None) -> str:
        key = f"{table}.{code}"
        return text(language, key) if code and key in entries() else code or DASH

    def remaining(each: Mapping[str, Any]) -> str:
        days = each["days_left"]
        return p("days_left", days=days) if days >= 0 else p("ended", days=-days)

    def due(each: Mapping[str, Any]) -> str:
        if each["calibrated_on"] is None:
            return p("never")
        return p("overdue", day=_day(each["due_on"])) if each["overdue"] else _day(each["due_on"])

    def found(each: Mapping[str, Any]) -> str:
        wrong = [
            item["item"] + (f" ({item['note']})" if item["note"] else "")
            for item in each["items"]
            if not item["in_order"]
        ]
        good = p("in_order", good=len(each["items"]) - len(wrong), all=len(each["items"]))
        return "；".join(filter(None, (good, *wrong, each["note"])))

    columns: dict[str, dict[str, Callable[[Any], str]]] = {
        "licences": {
            **_same("kind", "number", "authority"),
            **_days("issued_on", "valid_until"),
            "remaining": remaining,
        },
        "responsible": {
            **_same("name", "phone"),
            "role": lambda each: text(language, f"site_file.role.{each['role']}"),
            **_days("since", "until"),
        },
        "devices": {
            "device": lambda each: each["code"],
            "point": lambda each: each[f"sampling_point_name_{language}"] or each["sampling_point"],
            **_days("calibrated_on"),
            "due_on": due,
            **_days("reviewed_on"),
            "standard": lambda each: each["standard"] or DASH,
        },
        "commitments": {
            **_days("signed_on", "valid_until"),
            **_same("signed_by", "text"),
            "state": lambda each: p("withdrawn" if each["withdrawn_at"] else "stands"),
        },
        "compliance": {
            "month": lambda each: f"{each['month']:%Y-%m}",
            "indicator": lambda each: indicator_name(language, each["indicator"]),
            "readings": lambda each: f"{each['readings']:,}",
            "beyond": lambda each: f"{each['beyond']:,}",
            "share": lambda each: f"{each['share']:.1%}",
        },
        "cases": {
            "opened_at": lambda each: local(each["opened_at"]),
            "source": lambda each: term("supervision.source", each["source"]),
            "state": lambda each: term("supervision.state", each["state"]),
            "measure": lambda each: term("supervision.state", each["measure"]),
            "closure": lambda each: term("supervision.closure", each["closure"]),
        },
        "samples": {"month": lambda each: f"{each['month']:%Y-%m}", **_same("results", "suspected")},
        "self_inspections": {**_days("inspected_on"), **_same("inspected_by"), "found": found},
    }
    made: dict[str, list[list[str]] | str] = {
        name: _table(language, record[name], of) or p("nothing") for name, of in columns.items()
    }
    made["alarms"] = _alarms(language, record["alarms"]) or p("nothing")
    made["credit"] = _credit(language, record["credit"])
    order = ("licences", "responsible", "credit", "devices", "compliance", "alarms", "cases", "samples")
    return [
        (text(language, f"site_file.part.{name}"), made[name]) for name in (*order, "self_inspections", "commitments")
    ]


def _table(
    language: Language, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Callable[[Any], str]]
) -> list[list[str]]:
    if not rows:
        return []
    return [_heads(language, columns), *([cell(each) for cell in columns.values()] for each in rows)]


def _heads(language: Language, columns: Any) -> list[str]:
    return [text(language, f"site_file.column.{name}") for name in columns]


def _alarms(language: Language, rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    counts = {(each["month"], each["priority"]): each["alarms"] for each in rows}
    months = sorted({month for month, _ in counts}, reverse=True)
    if not months:
        return []
    return [
        _heads(language, ("month", *_PRIORITIES)),
        *([f"{month:%Y-%m}", *(str(counts.get((month, priority), 0)) for priority in _PRIORITIES)] for month in months),
    ]


def _credit(language: Language, credit: Mapping[str, Any]) -> list[list[str]] | str:
    said = text(
        language,
        f"site_file.page.{'class_of' if credit['known'] else 'class_unknown'}",
        letter=credit["letter"],
        points=credit["points"],
        days=credit["days"],
    )
    lines = [
        [item[f"name_{language}"], str(item["count"]), str(item["points"])]
        for item in credit["items"]
        if item["points"]
    ]
    return [_heads(language, ("item", "count", "points")), *lines, [said, "", ""]] if lines else said


def _same(*names: str) -> dict[str, Callable[[Any], str]]:
    return {name: lambda each, name=name: str(each[name]) or DASH for name in names}  # type: ignore[misc]


def _days(*names: str) -> dict[str, Callable[[Any], str]]:
    return {name: lambda each, name=name: _day(each[name]) for name in names}  # type: ignore[misc]


def _day(day: date | None) -> str:
    return DASH if day is None else day.isoformat()
