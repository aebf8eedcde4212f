"""Cases, their steps, warnings and files, as rows by column name. Nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Placeholder
from psycopg.types.json import Jsonb

from store.connections import Connection, scalar

ENFORCED: Final = ("order", "transfer", "file")
"""Steps that make a case one that came to an order or a filing."""
CLEARED: Final = ("false_alarm", "no_problem", "merged", "filing_dropped")
"""Closures by which it turned out that there was nothing, whatever was ordered before."""


class StoredFile(NamedTuple):
    """A file of a case, without its content. `sha256` is that of the content, hexadecimal."""

    id: int
    case_id: int
    event_id: int
    name: str
    media_type: str
    bytes: int
    sha256: str
    for_venue: bool
    added_at: datetime
    added_by: str


_FILE: Final = SQL("id, case_id, event_id, name, media_type, bytes, sha256, for_venue, added_at, added_by")


def add_case(connection: Connection, row: Mapping[str, Any]) -> int:
    """Insert a case and return its number."""
    names = SQL(", ").join(map(Identifier, row))
    values = SQL(", ").join(map(Placeholder, row))
    statement = SQL("INSERT INTO case_record ({}) VALUES ({}) RETURNING id").format(names, values)
    (number,) = connection.execute(statement, dict(row)).fetchone() or (0,)
    return int(number)


def save_case(connection: Connection, case_id: int, row: Mapping[str, Any]) -> None:
    """Write a case as it stands now."""
    changes = SQL(", ").join(SQL("{} = {}").format(Identifier(name), Placeholder(name)) for name in row)
    connection.execute(SQL("UPDATE case_record SET {} WHERE id = %(_id)s").format(changes), {**row, "_id": case_id})


def find_case(connection: Connection, case_id: int, *, lock: bool = False) -> dict[str, Any] | None:
    """One case, None where there is none; `lock` keeps others from stepping until the transaction ends."""
    statement = SQL("SELECT * FROM case_record WHERE id = %s {}").format(SQL("FOR UPDATE" if lock else ""))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, (case_id,)).fetchone()


def add_event(
    connection: Connection,
    case_id: int,
    at: datetime,
    action: str,
    state: str,
    actor: str,
    text: str,
    detail: Mapping[str, Any],
) -> int:
    """Note a step and return its number."""
    return int(
        scalar(
            connection,
            "INSERT INTO case_event (case_id, at, action, state, actor, text, detail) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (case_id, at, action, state, actor, text, Jsonb(dict(detail))),
        )
    )


def case_events(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """A case's steps, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM case_event WHERE case_id = %s ORDER BY id", (case_id,)).fetchall()


def earlier_enforced(connection: Connection, site: str, before: datetime) -> int:
    """How many cases of a site that were opened before came to an order, a transfer or a filing."""
    return int(
        scalar(
            connection,
            "SELECT count(*) FROM case_record c WHERE site = %s AND opened_at < %s AND "
            "coalesce(closure, '') <> ALL(%s) AND EXISTS "
            "(SELECT 1 FROM case_event e WHERE e.case_id = c.id AND e.action = ANY(%s))",
            (site, before, list(CLEARED), list(ENFORCED)),
        )
    )


# ---------------------------------------------------------------------- warnings
def cases_of_alarms(connection: Connection, alarms: Sequence[int]) -> dict[int, int]:
    """The case that each warning is in, for those that are in one."""
    rows = connection.execute("SELECT alarm_id, case_id FROM case_alarm WHERE alarm_id = ANY(%s)", (list(alarms),))
    return {int(alarm): int(case) for alarm, case in rows}


def alarms_of_case(connection: Connection, case_id: int) -> list[int]:
    """The warnings that a case is about, oldest first."""
    rows = connection.execute("SELECT alarm_id FROM case_alarm WHERE case_id = %s ORDER BY alarm_id", (case_id,))
    return [int(alarm) for (alarm,) in rows]


def link_alarms(connection: Connection, case_id: int, alarms: Sequence[int], by: str, at: datetime) -> dict[int, int]:
    """Put warnings into a case; those that are in a case already stay there and are returned with it."""
    connection.execute(
        "INSERT INTO case_alarm (alarm_id, case_id, added_at, added_by) "
        "SELECT alarm, %s, %s, %s FROM unnest(%s::bigint[]) AS alarm ON CONFLICT (alarm_id) DO NOTHING",
        (case_id, at, by, list(alarms)),
    )
    return {alarm: case for alarm, case in cases_of_alarms(connection, alarms).items() if case != case_id}


def move_alarms(connection: Connection, from_case: int, to_case: int) -> None:
    """Put all warnings of a case into another."""
    connection.execute("UPDATE case_alarm SET case_id = %s WHERE case_id = %s", (to_case, from_case))


def behind_their_alarms(connection: Connection) -> list[tuple[int, str, list[int]]]:
    """Open cases less urgent than a warning in them: number, the worst priority, and the warnings that have it."""
    rows = connection.execute(
        "SELECT id, (%(order)s::text[])[worst], alarms FROM ("
        "  SELECT c.id, r.worst, array_agg(l.alarm_id ORDER BY l.alarm_id) AS alarms,"
        "         rank() OVER (PARTITION BY c.id ORDER BY r.worst) AS place"
        "  FROM case_record c JOIN case_alarm l ON l.case_id = c.id JOIN alarm a ON a.id = l.alarm_id,"
        "       array_position(%(order)s::text[], a.priority) AS r (worst)"
        "  WHERE c.state <> 'closed' AND c.priority <> 'high'"
        "    AND r.worst < array_position(%(order)s::text[], c.priority)"
        "  GROUP BY c.id, r.worst) AS found "
        "WHERE place = 1 ORDER BY id",
        {"order": ["high", "medium", "low"]},
    ).fetchall()
    return [(int(number), str(priority), [int(each) for each in alarms]) for number, priority, alarms in rows]


def open_cases_of(connection: Connection, site: str) -> list[tuple[int, str, str]]:
    """The open cases of a site, newest first: number, state, source."""
    rows = connection.execute(
        "SELECT id, state, source FROM case_record WHERE site = %s AND state <> 'closed' ORDER BY opened_at DESC",
        (site,),
    ).fetchall()
    return [(int(number), state, source) for number, state, source in rows]


# ---------------------------------------------------------------------- files
def add_file(
    connection: Connection,
    case_id: int,
    event_id: int,
    *,
    name: str,
    media_type: str,
    sha256: str,
    content: bytes,
    for_venue: bool,
    at: datetime,
    by: str,
) -> int:
    """Keep a file, whole and unaltered, and return its number."""
    return int(
        scalar(
            connection,
            "INSERT INTO case_file (case_id, event_id, name, media_type, bytes, sha256, content, for_venue, added_at, "
            "added_by) VALUES (%s, %s, %s, %s, %s, %s, %b, %s, %s, %s) RETURNING id",
            (case_id, event_id, name, media_type, len(content), sha256, content, for_venue, at, by),
        )
    )


def files_of_case(connection: Connection, case_id: int) -> list[StoredFile]:
    """A case's files, oldest first."""
    rows = connection.execute(SQL("SELECT {} FROM case_file WHERE case_id = %s ORDER BY id").format(_FILE), (case_id,))
    return [StoredFile(*row) for row in rows]


def read_file(connection: Connection, case_id: int, file_id: int) -> tuple[StoredFile, bytes] | None:
    """A file of a case with its content, None where the case has none with this number."""
    row = connection.execute(
        SQL("SELECT {}, content FROM case_file WHERE case_id = %s AND id = %s").format(_FILE), (case_id, file_id)
    ).fetchone()
    return None if row is None else (StoredFile(*row[:-1]), bytes(row[-1]))


# ---------------------------------------------------------------------- calendars
def waiting_for_a_calendar(connection: Connection, published: int) -> list[dict[str, Any]]:
    """Open cases whose deadline was counted without the calendar of a year up to `published`, locked."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM case_record WHERE due_unpublished <= %s AND state <> 'closed' ORDER BY id FOR UPDATE",
            (published,),
        ).fetchall()
