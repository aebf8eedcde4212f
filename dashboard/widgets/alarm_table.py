"""Alarms as a table and what happened to one, used on several pages."""

from collections.abc import Iterable, Sequence
from typing import Any

from dashboard.formatting import clock, full_time
from dashboard.html import badge_cell, chip_cell, escape, priority_cell
from dashboard.language import name_of, t, term
from dashboard.links import address
from dashboard.look import ALARM_TONE
from dashboard.shapes import Alarm, AlarmEvent
from registry.model import HOME_ZONE

ZONE = HOME_ZONE
"""Alarms carry no zone of their own; every county of the registry lies in this one."""


def alarm_table(
    alarms: Sequence[Alarm],
    *,
    selected: int | None = None,
    empty: str = "",
    height: int = 0,
    lead: bool = False,
    one_site: bool = False,
) -> dict[str, Any]:
    """The alarms for the table component, in the order given; with `lead` a click leads to the alarm's page.

    With `one_site` the page names the site, and the table does not.
    """
    columns = [
        {"label": t("column.priority")},
        {"label": t("column.raised_at"), "align": "left"},
        *([] if one_site else [{"label": t("column.site")}]),
        {"label": t("column.text"), "wrap": True},
        {"label": t("column.alarm_state")},
    ]
    rows = [
        {
            "id": str(alarm["id"]),
            "cells": _cells(alarm, one_site=one_site),
            "tone": alarm["priority"] if _active(alarm) else "",
            "href": address("alarms", alarm=alarm["id"]) if lead else "",
        }
        for alarm in alarms
    ]
    return {
        "columns": columns,
        "rows": rows,
        "clickable": True,
        "selected": "" if selected is None else str(selected),
        "empty": empty or t("alarms.none"),
        "height": height,
    }


def _active(alarm: Alarm) -> bool:
    return alarm["state"] in ("unacknowledged", "acknowledged")


def _cells(alarm: Alarm, *, one_site: bool) -> list[Any]:
    site: list[Any] = [*([badge_cell(), " "] if alarm["simulated"] else []), name_of(alarm, "site_name")]
    return [
        priority_cell(alarm["priority"]),
        clock(alarm["raised_at"], ZONE),
        *([] if one_site else [site]),
        name_of(alarm, "text"),
        chip_cell(
            term("alarm.state", alarm.get("isa_state", alarm["state"])),
            ALARM_TONE.get(alarm.get("isa_state", alarm["state"]), "plain") if _active(alarm) else "plain",
        ),
    ]


def happenings(events: Iterable[AlarmEvent]) -> str:
    """What happened to an alarm, as the lines of a ``ld-timeline``."""
    lines = []
    for event in events:
        actor = escape(event["actor"] or t("alarms.platform"))
        # The platform's own remarks repeat the alarm's text in one language; a person's are theirs.
        words = f"<br>“{escape(event['text'])}”" if event["text"] and event["actor"] else ""
        lines.append(
            f"<li><time>{full_time(event['at'], ZONE)}</time><b>{escape(term('dashboard.event', event['event']))}</b> "
            f"<span class='ld-soft'>{actor}</span>{words}</li>"
        )
    return "".join(lines)
