"""The outbox: events of alarms that people may have to be told of, written with them, decided once by the notifier."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from store.connections import Connection, scalar

TOLD_OF: Final = frozenset(
    {"raised", "found", "worsened", "returned", "relapsed", "unshelved", "unsuppressed", "in_service"}
)
"""Events that may need telling; what a person did to an alarm needs none."""

KEPT: Final = timedelta(days=35)
"""How long decided rows are kept: as long as the journal that they came of, where that is embedded."""


def put(connection: Connection, events: Iterable[Mapping[str, Any]]) -> None:
    """Write a row for each event that may need telling, in the transaction of the events. Does not commit."""
    rows = [
        (each["alarm_id"], each["journal_id"], str(each["event"]), each["at"])
        for each in events
        if each["event"] in TOLD_OF
    ]
    if rows:
        connection.execute(
            "INSERT INTO outbox (alarm_id, journal_id, event, at) "
            "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[])",
            tuple(list(column) for column in zip(*rows, strict=True)),
        )


def newest(connection: Connection) -> int:
    """The id of the newest row, 0 of none."""
    return int(scalar(connection, "SELECT coalesce(max(id), 0) FROM outbox"))


def undecided(connection: Connection) -> list[tuple[int, int]]:
    """(row, alarm) of what is not decided, oldest first."""
    rows = connection.execute("SELECT id, alarm_id FROM outbox WHERE outcome IS NULL ORDER BY id").fetchall()
    return [(int(row), int(alarm)) for row, alarm in rows]


def waiting(connection: Connection) -> int:
    """How many rows are not decided."""
    return int(scalar(connection, "SELECT count(*) FROM outbox WHERE outcome IS NULL"))


def decide(connection: Connection, outcomes: Sequence[tuple[int, str]], at: datetime) -> None:
    """Write what became of rows. Does not commit."""
    if outcomes:
        ids, said = (list(column) for column in zip(*outcomes, strict=True))
        connection.execute(
            "UPDATE outbox o SET outcome = d.outcome, decided_at = %s "
            "FROM unnest(%s::bigint[], %s::text[]) AS d (id, outcome) WHERE o.id = d.id",
            (at, ids, said),
        )


def prune(connection: Connection, now: datetime) -> int:
    """Delete what was decided long ago; how many rows."""
    return connection.execute("DELETE FROM outbox WHERE decided_at < %s", (now - KEPT,)).rowcount
