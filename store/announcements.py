"""Announcements of venues and inspectors, as rows and in the journal.

A change is one transaction with its journal row.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from registry.announcements import Announcement, AnnouncementKind
from store import journal
from store.connections import Connection, scalar

_COLUMNS: Final = (
    "id, site, sampling_point, kind, starts_at, ends_at, hold_off_s, reason, announced_by, announced_at, "
    "withdrawn_by, withdrawn_at, withdraw_reason, withdrawn_journal_id"
)


def load_announcements(
    connection: Connection,
    *,
    sites: Sequence[str] | None = None,
    ends_after: datetime | None = None,
    as_of: int | None = None,
) -> list[Announcement]:
    """Announcements by id, of `sites` only if they are named, and as announced not over before `ends_after`.

    With `as_of` as it was right after that journal row.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM announcement "  # noqa: S608 -- constants
        "WHERE (%(sites)s::text[] IS NULL OR site = ANY(%(sites)s)) "
        "AND (%(after)s::timestamptz IS NULL OR ends_at > %(after)s) "
        "AND (%(as_of)s::bigint IS NULL OR journal_id <= %(as_of)s) ORDER BY id",
        {"sites": None if sites is None else list(sites), "after": ends_after, "as_of": as_of},
    ).fetchall()
    return [_announcement(row, as_of) for row in rows]


def find_announcement(connection: Connection, announcement_id: int) -> Announcement | None:
    """One announcement, None where there is none; locked until the transaction ends."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM announcement WHERE id = %s FOR UPDATE",  # noqa: S608 -- constants
        (announcement_id,),
    ).fetchone()
    return None if row is None else _announcement(row, None)


def add_announcement(connection: Connection, wanted: Announcement, at: datetime) -> Announcement:
    """Keep a new announcement and journal it; returns it with its id. The last work before COMMIT; does not commit."""
    found = scalar(
        connection,
        "INSERT INTO announcement "
        "(site, sampling_point, kind, starts_at, ends_at, hold_off_s, reason, announced_by, announced_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            wanted.site,
            wanted.sampling_point,
            wanted.kind,
            wanted.starts_at,
            wanted.ends_at,
            wanted.hold_off_s,
            wanted.reason,
            wanted.announced_by,
            wanted.announced_at,
        ),
    )
    added = replace(wanted, id=int(found))
    journal_id = _journal(connection, added, at)
    connection.execute("UPDATE announcement SET journal_id = %s WHERE id = %s", (journal_id, added.id))
    return added


def withdraw_announcement(
    connection: Connection, announcement: Announcement, at: datetime, by: str, reason: str
) -> Announcement:
    """End an announcement and journal that; returns it as it is now. The last work before COMMIT; does not commit."""
    withdrawn = announcement.withdrawn(at, by, reason)
    journal_id = _journal(connection, withdrawn, at)
    connection.execute(
        "UPDATE announcement SET withdrawn_by = %s, withdrawn_at = %s, withdraw_reason = %s, "
        "withdrawn_journal_id = %s WHERE id = %s",
        (by, at, reason, journal_id, announcement.id),
    )
    return withdrawn


def _journal(connection: Connection, announcement: Announcement, at: datetime) -> int:
    """The row carries the whole announcement, so that what it muted follows from the journal alone."""
    body = {"what": "announcement", "announcement": announcement.to_json()}
    return journal.append_event(connection, "config", body, at)


def _announcement(row: Sequence[Any], as_of: int | None) -> Announcement:
    *fields, withdrawn_by, withdrawn_at, reason, journal_id = row
    fields[3] = AnnouncementKind(fields[3])
    found = Announcement(*fields)
    if withdrawn_at is None or (as_of is not None and (journal_id is None or journal_id > as_of)):
        return found
    return found.withdrawn(withdrawn_at, withdrawn_by, reason)


def muted_by(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """How many alarms each announcement muted, those it still does and those it did."""
    rows = connection.execute(
        "SELECT text, count(DISTINCT alarm_id) FROM alarm_event "
        "WHERE event = 'suppressed' AND text = ANY(%s) GROUP BY 1",
        ([f"announcement:{each}" for each in ids],),
    ).fetchall()
    return {int(by.rpartition(":")[2]): int(count) for by, count in rows}
