"""What is kept of the detector: its budget, inspectors' feedback, and flags of readings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from store.connections import Connection

_BUDGET: Final = """
SELECT convert_from(body, 'UTF8')::jsonb ->> 'per_site_week' FROM journal
WHERE kind = 'config' AND position(convert_to('"budget"', 'UTF8') IN body) > 0
ORDER BY id DESC LIMIT 1
"""


def configured_budget(connection: Connection) -> float | None:
    """Expected false alarms a site and week by the journal's newest ``config`` row of it, None if there is none."""
    row = connection.execute(_BUDGET).fetchone()
    return float(row[0]) if row and row[0] is not None else None


def feedback_of_site(connection: Connection, site: str) -> list[dict[str, Any]]:
    """What people answered to a site's alarms and took back, oldest first, with the alarm's verdict."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT e.journal_id, e.alarm_id, e.at, e.event, e.actor, e.text, e.detail, a.kind, a.verdict, a.indicator "
            "FROM alarm_event e JOIN alarm a ON a.id = e.alarm_id "
            "WHERE a.site = %s AND e.event IN ('feedback', 'feedback_undone') ORDER BY e.id",
            (site,),
        ).fetchall()


def flags_of(
    connection: Connection, channel_ids: Sequence[int], first: datetime, last: datetime, limit: int
) -> list[dict[str, Any]]:
    """Flags of channels' readings from `first` (included) to `last`, by time, with the value they are about."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT f.channel_id, f.ts, f.test, f.flag, r.value FROM reading_flag f "
            "JOIN reading r ON r.channel_id = f.channel_id AND r.ts = f.ts "
            "WHERE f.channel_id = ANY(%s) AND f.ts >= %s AND f.ts < %s ORDER BY f.ts, f.channel_id, f.test LIMIT %s",
            (list(channel_ids), first, last, limit),
        ).fetchall()
