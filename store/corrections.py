"""Corrections: what a reading should have been. The reading stays; the correction stands beside it and counts."""

import math
from datetime import datetime
from typing import Final

from store import journal
from store.connections import Connection
from store.records import to_us

_STORED: Final = "SELECT value FROM reading WHERE channel_id = %s AND ts = %s"
_SUPERSEDE: Final = """
UPDATE correction SET superseded_by = %(id)s
WHERE channel_id = %(channel_id)s AND ts = %(ts)s AND superseded_by IS NULL
"""
_INSERT: Final = """
INSERT INTO correction (id, channel_id, ts, value, reason, person, corrected_at) OVERRIDING SYSTEM VALUE
VALUES (%(id)s, %(channel_id)s, %(ts)s, %(value)s, %(reason)s, %(person)s, %(at)s)
"""


def correct(
    connection: Connection,
    channel_id: int,
    ts: datetime,
    value: float | None,
    *,
    reason: str,
    person: str,
    at: datetime,
) -> int:
    """Correct a stored reading, or declare it void (None), and return the correction's id.

    A later correction of the same reading takes the place of this one, which stays as history. Commits its own
    transaction (a savepoint if one is open), whose last statement is the journal row.

    Raises
    ------
    LookupError : there is no such reading
    ValueError : the value is not a number, or reason or person is missing

    """
    if value is not None and not math.isfinite(value):
        raise ValueError(f"channel {channel_id}: corrected value {value} must be a finite number, or None for void")
    if not reason.strip() or not person.strip():
        raise ValueError(f"channel {channel_id}: a correction needs a reason and the person who makes it")
    with connection.transaction():
        if connection.execute(_STORED, (channel_id, ts)).fetchone() is None:
            raise LookupError(f"channel {channel_id} has no reading at {ts.isoformat()}")
        row = connection.execute("SELECT nextval(pg_get_serial_sequence('correction', 'id'))").fetchone()
        number = int(row[0]) if row else 0
        row_of = {"id": number, "channel_id": channel_id, "ts": ts, "value": value}
        connection.execute(_SUPERSEDE, row_of)
        connection.execute(_INSERT, {**row_of, "reason": reason, "person": person, "at": at})
        journaled = {"what": "correction", "id": number, "channel_id": channel_id, "ts": to_us(ts), "value": value}
        journal.append_event(connection, "config", {**journaled, "reason": reason, "person": person}, at)
    return number
