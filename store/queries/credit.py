"""What of each site's record counts in its credit, for all sites in one pass."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from store.cases import CLEARED
from store.connections import Connection

# An answer to an alarm counts unless it was taken back; an alarm counts once however often it was answered.
_RECORDS: Final = """
WITH sites AS (SELECT code FROM site WHERE %(sites)s::text[] IS NULL OR code = ANY(%(sites)s)),
steps AS (
    SELECT case_id, bool_or(action = 'file') AS filed, bool_or(action = 'order') AS ordered,
           bool_or(action = 'guide') AS advised
    FROM case_event WHERE action IN ('file', 'order', 'guide') GROUP BY case_id
),
cases AS (
    SELECT c.site,
           count(*) FILTER (WHERE s.filed) AS filings,
           count(*) FILTER (WHERE s.ordered AND NOT s.filed) AS orders,
           count(*) FILTER (WHERE s.advised AND NOT s.ordered AND NOT s.filed) AS advice,
           count(*) FILTER (WHERE c.measure = 'rectification' AND c.measure_due_at < coalesce(c.corrected_at, %(at)s))
               AS late_corrections,
           coalesce(sum(c.rechecks_failed), 0) AS failed_rechecks,
           count(*) AS cases
    FROM case_record c LEFT JOIN steps s ON s.case_id = c.id
    WHERE c.opened_at >= %(first)s AND c.opened_at < %(at)s
      AND (c.closure IS NULL OR c.closure <> ALL(%(cleared)s))
    GROUP BY c.site
),
answers AS (
    SELECT DISTINCT a.site, a.id
    FROM alarm_event e JOIN alarm a ON a.id = e.alarm_id
    WHERE e.event = 'feedback' AND e.detail ->> 'answer' = 'true' AND e.at >= %(first)s AND e.at < %(at)s
      AND a.audience = 'inspector'
      AND NOT EXISTS (SELECT FROM alarm_event u WHERE u.alarm_id = e.alarm_id AND u.event = 'feedback_undone'
                      AND (u.detail ->> 'undoes')::bigint = e.journal_id)
),
silence AS (
    SELECT site, sum(greatest(0, extract(epoch FROM coalesce(returned_at, %(at)s) - greatest(since, %(first)s)))) AS s
    FROM alarm WHERE kind = 'offline' AND device IS NULL AND raised_at < %(at)s
      AND (returned_at IS NULL OR returned_at > %(first)s)
    GROUP BY site
),
promises AS (
    SELECT DISTINCT site FROM commitment
    WHERE withdrawn_at IS NULL AND (valid_until IS NULL OR valid_until >= %(at)s::date)
),
tests AS (
    SELECT site, count(*) AS samples FROM sample
    WHERE withdrawn_at IS NULL AND taken_at >= %(first)s AND taken_at < %(at)s GROUP BY site
)
SELECT sites.code AS site,
       coalesce(c.filings, 0) AS filings, coalesce(c.orders, 0) AS orders, coalesce(c.advice, 0) AS advice,
       coalesce(c.late_corrections, 0) AS late_corrections, coalesce(c.failed_rechecks, 0) AS failed_rechecks,
       coalesce(n.true_alarms, 0) AS true_alarms, floor(coalesce(q.s, 0) / 86400)::bigint AS silent_days,
       (p.site IS NOT NULL)::integer AS commitment,
       c.site IS NOT NULL OR t.site IS NOT NULL OR d.site IS NOT NULL AS known
FROM sites
LEFT JOIN cases c ON c.site = sites.code
LEFT JOIN (SELECT site, count(*) AS true_alarms FROM answers GROUP BY site) n ON n.site = sites.code
LEFT JOIN silence q ON q.site = sites.code
LEFT JOIN promises p ON p.site = sites.code
LEFT JOIN tests t ON t.site = sites.code
LEFT JOIN (SELECT DISTINCT site FROM device) d ON d.site = sites.code
"""


def credit_records(
    connection: Connection, sites: Sequence[str] | None, first: datetime, at: datetime
) -> dict[str, dict[str, Any]]:
    """By site the facts of `registry.credit` from `first` to `at`, but those that must be judged first (samples).

    `sites` None: of all. `known` is whether the site has devices, results or cases at all. Cases that turned out to be
    nothing count nothing.
    """
    parameters = {"sites": None if sites is None else list(sites), "first": first, "at": at, "cleared": list(CLEARED)}
    with connection.cursor(row_factory=dict_row) as cursor:
        return {row.pop("site"): row for row in cursor.execute(_RECORDS, parameters).fetchall()}
