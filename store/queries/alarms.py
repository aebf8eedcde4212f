"""Alarms and their history, as rows by column name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.sql import SQL

from store.connections import Connection, scalar

ACTIVE_STATES: Final = ("unacknowledged", "acknowledged")
"""ISA-18.2 states in which the condition is present."""


def alarms(
    connection: Connection,
    sites: Sequence[str] | None = None,
    *,
    open: bool | None = None,  # noqa: A002 -- the API's word
    states: Sequence[str] | None = None,
    priorities: Sequence[str] | None = None,
    simulated: bool | None = None,
    audience: str | None = None,
    muted: bool | None = None,
    historic: bool | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[dict[str, Any]]]:
    """How many alarms match, and a page of them, newest first; a filter that is None lets everything pass.

    `open`: whether the condition is present. `first` and `last` bound `raised_at`, `last` excluded.
    """
    tests: list[tuple[str, Any]] = [
        ("site = ANY(%(sites)s)", None if sites is None else list(sites)),
        ("(state = ANY(%(active)s)) = %(open)s", open),
        ("state = ANY(%(states)s)", None if states is None else [str(state) for state in states]),
        ("priority = ANY(%(priorities)s)", None if priorities is None else [str(each) for each in priorities]),
        ("simulated = %(simulated)s", simulated),
        ("audience = %(audience)s", audience),
        ("muted = %(muted)s", muted),
        ("historic = %(historic)s", historic),
        ("raised_at >= %(first)s", first),
        ("raised_at < %(last)s", last),
    ]
    names = ("sites", "open", "states", "priorities", "simulated", "audience", "muted", "historic", "first", "last")
    parameters: dict[str, Any] = dict(zip(names, (value for _, value in tests), strict=True))
    parameters |= {"active": list(ACTIVE_STATES), "limit": limit, "offset": offset}
    where = SQL(" AND ").join([SQL("true"), *(SQL(test) for test, value in tests if value is not None)])
    with connection.cursor(row_factory=dict_row) as cursor:
        total = cursor.execute(SQL("SELECT count(*) AS n FROM alarm WHERE {}").format(where), parameters).fetchone()
        page = SQL("SELECT * FROM alarm WHERE {} ORDER BY raised_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s")
        rows = cursor.execute(page.format(where), parameters).fetchall()
    return int(total["n"]) if total else 0, rows


def alarm(connection: Connection, alarm_id: int) -> dict[str, Any] | None:
    """One alarm, None where there is none with this id."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM alarm WHERE id = %s", (alarm_id,)).fetchone()


def alarm_events(connection: Connection, alarm_id: int) -> list[dict[str, Any]]:
    """An alarm's transitions and comments, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM alarm_event WHERE alarm_id = %s ORDER BY id", (alarm_id,)).fetchall()


def alarm_event_of(connection: Connection, alarm_id: int, journal_id: int) -> dict[str, Any] | None:
    """The event that a journal row (an ``action``) led to, None while the monitor has not applied it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM alarm_event WHERE alarm_id = %s AND journal_id = %s ORDER BY id LIMIT 1",
            (alarm_id, journal_id),
        ).fetchone()


def last_alarm_event(connection: Connection) -> int:
    """The id of the newest event, 0 if there is none. The monitor alone writes them, so ids are in commit order."""
    return int(scalar(connection, "SELECT coalesce(max(id), 0) FROM alarm_event"))


def alarms_changed_since(connection: Connection, event_id: int) -> tuple[int, list[dict[str, Any]]]:
    """The newest event's id, and the alarms with an event after `event_id` as they are now, oldest first."""
    last = last_alarm_event(connection)
    if last <= event_id:
        return last, []
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT * FROM alarm WHERE id IN (SELECT alarm_id FROM alarm_event WHERE id > %s AND id <= %s) ORDER BY id",
            (event_id, last),
        ).fetchall()
    return last, rows


def open_alarm_counts(connection: Connection) -> list[tuple[str, str, int]]:
    """(site, priority, number of alarms whose condition is present and that are not muted)."""
    rows = connection.execute(
        # The literal states match the partial unique index of open alarms.
        "SELECT site, priority, count(*) FROM alarm WHERE state IN ('unacknowledged', 'acknowledged') "
        "AND NOT muted GROUP BY 1, 2"
    ).fetchall()
    return [(site, priority, int(count)) for site, priority, count in rows]
