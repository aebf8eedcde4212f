"""Announcements of venues and inspectors, as rows and in the journal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from registry.announcements import Announcement, AnnouncementKind
from store.config_records import ConfigTable
from store.connections import Connection


def _announcement(number: int, site: str, point: str | None, kind: str, *others: Any) -> Announcement:
    return Announcement(number, site, point, AnnouncementKind(kind), *others)


_ANNOUNCEMENTS: Final = ConfigTable(
    "announcement",
    Announcement,
    what="announcement",
    key="announcement",
    make=_announcement,
    end=Announcement.withdrawn,
    ended_at_row="withdrawn_journal_id",
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
    return _ANNOUNCEMENTS.load(
        connection,
        as_of,
        "(%(sites)s::text[] IS NULL OR site = ANY(%(sites)s)) "
        "AND (%(after)s::timestamptz IS NULL OR ends_at > %(after)s)",
        {"sites": None if sites is None else list(sites), "after": ends_after},
    )


def find_announcement(connection: Connection, announcement_id: int) -> Announcement | None:
    """One announcement, None where there is none; locked until the transaction ends."""
    return _ANNOUNCEMENTS.find(connection, announcement_id)


def add_announcement(connection: Connection, wanted: Announcement, at: datetime) -> Announcement:
    """Keep a new announcement and journal it; returns it with its id. The last work before COMMIT; does not commit."""
    return _ANNOUNCEMENTS.add(connection, wanted, at)


def withdraw_announcement(
    connection: Connection, announcement: Announcement, at: datetime, by: str, reason: str
) -> Announcement:
    """End an announcement and journal that; returns it as it is now. The last work before COMMIT; does not commit."""
    return _ANNOUNCEMENTS.end_one(connection, announcement, at, by, reason)


def muted_by(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """How many alarms each announcement muted, those it still does and those it did."""
    rows = connection.execute(
        "SELECT text, count(DISTINCT alarm_id) FROM alarm_event "
        "WHERE event = 'suppressed' AND text = ANY(%s) GROUP BY 1",
        ([f"announcement:{each}" for each in ids],),
    ).fetchall()
    return {int(by.rpartition(":")[2]): int(count) for by, count in rows}
