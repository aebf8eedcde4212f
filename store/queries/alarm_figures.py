"""The inspectors' alarms of a span, as their figures are reckoned from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from store.connections import Connection

# An alarm's id is its journal row × 65536 + ordinal: what muted it in that very row muted it when it began. Of several
# answers to a verdict the newest that was not taken back counts.
_HISTORY: Final = """
SELECT a.id, a.site, a.sampling_point, a.rule, a.condition, a.priority, a.raised_at, a.returned_at,
       coalesce(bool_or(e.event IN ('suppressed', 'shelved', 'out_of_service') AND e.journal_id = a.id / 65536), false)
           AS muted,
       min(e.at) FILTER (WHERE e.event = 'acknowledged') AS acknowledged_at,
       (array_agg(e.detail ->> 'answer' ORDER BY e.id DESC) FILTER (WHERE e.event = 'feedback' AND NOT EXISTS (
           SELECT FROM alarm_event u WHERE u.alarm_id = a.id AND u.event = 'feedback_undone'
           AND (u.detail ->> 'undoes')::bigint = e.journal_id)))[1] AS answer
FROM alarm a LEFT JOIN alarm_event e ON e.alarm_id = a.id
    AND e.event IN ('suppressed', 'shelved', 'out_of_service', 'acknowledged', 'feedback')
WHERE a.site = ANY(%(sites)s) AND a.audience = 'inspector' AND NOT a.historic
  AND (a.raised_at >= %(first)s AND a.raised_at < %(last)s
       OR a.raised_at < %(first)s AND a.state IN ('unacknowledged', 'acknowledged'))
GROUP BY a.id ORDER BY a.raised_at, a.id
"""


def alarm_history(
    connection: Connection, sites: Sequence[str], first: datetime, last: datetime
) -> list[dict[str, Any]]:
    """Alarms for inspectors raised in [`first`, `last`), or before and active still, oldest first, by column name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_HISTORY, {"sites": list(sites), "first": first, "last": last}).fetchall()
