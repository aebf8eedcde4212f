"""Writing what the fold found: alarms, their events and flags. The caller holds the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString

import numpy as np
from psycopg.sql import SQL, Identifier
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
    "rule",
    "severity",
    "worsened_at",
    "legal_lead",
    "historic",
    "latches",
    "occurrence",
    "relapse_of",
    "reset_at",
    "reset_by",
    "shelved_until",
    "shelved_by",
    "shelved_once",
    "shelve_reason",
    "suppressed_by",
    "suppressed_since",
    "out_of_service_until",
    "out_of_service_by",
    "out_of_service_reason",
    "on_the_way_at",
    "on_the_way_by",
)
_EVENT_COLUMNS: Final = ("alarm_id", "journal_id", "at", "event", "state", "actor", "text", "detail")
_JSON: Final = frozenset({"evidence", "detail"})
_COPY: Final = f"COPY alarm ({', '.join(_COLUMNS)}) FROM STDIN"
_COPY_EVENTS: Final = f"COPY alarm_event ({', '.join(_EVENT_COLUMNS)}) FROM STDIN"
GROSS_RANGE_FLAG: Final = 4


def write(connection: Connection, changes: Changes, *, partitioned: bool = True) -> None:
    """Write alarms, events and flags; older alarms are amended first, so that a condition is free before it recurs.

    `partitioned` is False where plain tables of the same names hide the real ones; nobody is told of what those hold.
    """
    _amend(connection, changes.amended)
    _copy(connection, _COPY, _COLUMNS, changes.raised.values())
    events = [_event(event) for event in _known(connection, changes)]
    _copy(connection, _COPY_EVENTS, _EVENT_COLUMNS, events)
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
    pairs = list(extremes)
    if pairs:
        connection.execute(
            "UPDATE alarm SET extreme = new.extreme FROM unnest(%s::bigint[], %s::float8[]) AS new (id, extreme) "
            "WHERE alarm.id = new.id",
            ([alarm_id for alarm_id, _ in pairs], [extreme for _, extreme in pairs]),
        )


def _amend(connection: Connection, amended: Mapping[int, Mapping[str, Any]]) -> None:
    """Change columns of older alarms, those that change the same ones together."""
    alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for alarm_id, columns in amended.items():
        names = tuple(sorted(columns))
        alike.setdefault(names, []).append((*(_cell(name, columns[name]) for name in names), alarm_id))
    with connection.cursor() as cursor:
        for names, rows in alike.items():
            statement = SQL("UPDATE alarm SET {} WHERE id = %s").format(
                SQL(", ").join(SQL("{} = %s").format(Identifier(name)) for name in names)
            )
            cursor.executemany(statement, rows)


def _copy(
    connection: Connection, statement: LiteralString, names: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Add rows by COPY: ten thousand alarms at once must not keep anybody waiting."""
    rows = list(rows)
    if rows:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([_cell(name, row[name]) for name in names])


def _known(connection: Connection, changes: Changes) -> list[AlarmEvent]:
    """The events whose alarm is there. An action may name one that never was: it stays in the journal alone."""
    older = {event.alarm_id for event in changes.events} - changes.raised.keys()
    if not older:
        return changes.events
    rows = connection.execute("SELECT id FROM alarm WHERE id = ANY(%s)", (list(older),)).fetchall()
    there = {int(alarm_id) for (alarm_id,) in rows}
    return [event for event in changes.events if event.alarm_id in there or event.alarm_id in changes.raised]


def _cell(name: str, value: Any) -> Any:
    return Jsonb(value) if name in _JSON and value is not None else value


def _event(event: AlarmEvent) -> dict[str, Any]:
    return {
        "alarm_id": event.alarm_id,
        "journal_id": event.journal_id,
        "at": event.at,
        "event": event.event,
        "state": event.state,
        "actor": event.actor,
        "text": event.text,
        "detail": event.detail,
    }
