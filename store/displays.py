"""Links to public displays, as rows."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from store.connections import Connection, scalar

_COLUMNS: Final = "id, site, place, made_by, made_at, revoked_by, revoked_at, shown_at"


class Display(NamedTuple):
    """A link to a venue's public display. `place` is where the screen hangs, `shown_at` when it last asked."""

    id: int
    site: str
    place: str
    made_by: str
    made_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None
    shown_at: datetime | None


def add_display(connection: Connection, site: str, place: str, by: str, at: datetime) -> Display:
    """Keep a new link. Does not commit."""
    number = scalar(
        connection,
        "INSERT INTO display (site, place, made_by, made_at) VALUES (%s, %s, %s, %s) RETURNING id",
        (site, place, by, at),
    )
    return Display(int(number), site, place, by, at, None, None, None)


def displays_of(connection: Connection, site: str) -> list[Display]:
    """A site's links, newest first, the revoked ones too."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM display WHERE site = %s ORDER BY id DESC",  # noqa: S608 -- constants
        (site,),
    ).fetchall()
    return [Display(*row) for row in rows]


def find_display(connection: Connection, number: int) -> Display | None:
    """One link, None where there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM display WHERE id = %s",  # noqa: S608 -- constants
        (number,),
    ).fetchone()
    return None if row is None else Display(*row)


def revoke_display(connection: Connection, number: int, by: str, at: datetime) -> bool:
    """Let a link open nothing any more; False where it was revoked already. Does not commit."""
    done = connection.execute(
        "UPDATE display SET revoked_by = %s, revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (by, at, number)
    )
    return done.rowcount == 1


def note_shown(connection: Connection, number: int, at: datetime, every: timedelta) -> None:
    """Remember that a screen has asked, once in `every`."""
    connection.execute(
        "UPDATE display SET shown_at = %(at)s WHERE id = %(id)s AND (shown_at IS NULL OR shown_at < %(before)s)",
        {"id": number, "at": at, "before": at - every},
    )
