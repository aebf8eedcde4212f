"""Writing what the fold found: alarms, their events and flags. The caller holds the transaction."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from psycopg.types.json import Jsonb

from monitor.alarms.book import AlarmEvent, Changes
from store import outbox
from store.connections import Connection
from store.flags import write_flags

_COLUMNS: Final = (
    "id",
    "kind",
    "condition",
    "site",
    "device",
    "sampling_point",
    "channel_id",
    "indicator",
    "simulated",
    "priority",
    "state",
    "since",
    "raised_at",
    "returned_at",
    "acknowledged_at",
    "acknowledged_by",
    "value",
    "extreme",
    "unit",
    "side",
    "limit_lo",
    "limit_hi",
    "limit_profile",
    "clause",
    "return_reason",
    "audience",
    "verdict",
    "sureness",
    "evidence",
)
_INSERT: Final = (
    f"INSERT INTO alarm ({', '.join(_COLUMNS)}) "  # noqa: S608 -- constants
    f"VALUES ({', '.join(f'%({column})s' for column in _COLUMNS)})"
)
_AMENDABLE: Final = (
    "state",
    "priority",
    "returned_at",
    "acknowledged_at",
    "acknowledged_by",
    "extreme",
    "return_reason",
    "audience",
    "verdict",
    "sureness",
    "evidence",
)
_AMEND: Final = (
    "UPDATE alarm SET "  # noqa: S608 -- constants
    + ", ".join(f"{column} = coalesce(%({column})s, {column})" for column in _AMENDABLE)
    + " WHERE id = %(id)s"
)
# An action may name an alarm that never was: it stays in the journal, and there is no row for its event to hang on.
_EVENT: Final = """
INSERT INTO alarm_event (alarm_id, journal_id, at, event, state, actor, text, detail)
SELECT %(alarm_id)s::bigint, %(journal_id)s, %(at)s, %(event)s, %(state)s, %(actor)s, %(text)s, %(detail)s
WHERE EXISTS (SELECT FROM alarm WHERE id = %(alarm_id)s::bigint)
"""
GROSS_RANGE_FLAG: Final = 4


def write(connection: Connection, changes: Changes, *, partitioned: bool = True) -> None:
    """Write alarms, events and flags; older alarms are amended first, so that a condition is free before it recurs.

    `partitioned` is False where plain tables of the same names hide the real ones; nobody is told of what those hold.
    """
    with connection.cursor() as cursor:
        if changes.amended:
            cursor.executemany(_AMEND, (_amendment(*each) for each in changes.amended.items()))
        if changes.raised:
            cursor.executemany(_INSERT, [_with_json(row, "evidence") for row in changes.raised.values()])
        if changes.events:
            events = [_event(event) for event in changes.events]
            cursor.executemany(_EVENT, events)
            if partitioned:
                outbox.put(connection, events)
    if changes.gross_range:
        channel_ids, ts = np.array(changes.gross_range, dtype=np.int64).T
        flags = np.full(len(ts), GROSS_RANGE_FLAG, dtype=np.int16)
        write_flags(connection, "gross_range", channel_ids.astype(np.int32), ts, flags, partitioned=partitioned)
    if changes.beyond:
        beyond = np.concatenate(changes.beyond)
        write_flags(connection, "limit", beyond["channel_id"], beyond["ts"], beyond["flag"], partitioned=partitioned)
    for test, parts in sorted(changes.detected.items()):
        detected = np.concatenate(parts)
        write_flags(connection, test, detected["channel_id"], detected["ts"], detected["flag"], partitioned=partitioned)


def write_extremes(connection: Connection, extremes: Iterable[tuple[int, float]]) -> None:
    """Update how far open alarms have gone beyond their limit; pairs of alarm id and value."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE alarm SET extreme = %s WHERE id = %s", ((extreme, alarm_id) for alarm_id, extreme in extremes)
        )


def _amendment(alarm_id: int, columns: Mapping[str, Any]) -> dict[str, Any]:
    return _with_json({"id": alarm_id, **dict.fromkeys(_AMENDABLE), **columns}, "evidence")


def _event(event: AlarmEvent) -> dict[str, Any]:
    return {
        "alarm_id": event.alarm_id,
        "journal_id": event.journal_id,
        "at": event.at,
        "event": event.event,
        "state": event.state,
        "actor": event.actor,
        "text": event.text,
        "detail": None if event.detail is None else Jsonb(event.detail),
    }


def _with_json(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**row, name: None if row[name] is None else Jsonb(row[name])}
