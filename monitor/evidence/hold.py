"""Rows of the journal that cases and packages rely on, kept past the journal's retention.

The journal is kept for weeks, a case may be argued for years. So the rows behind every alarm that is in a case or in a
package are copied, whole, with the links from them up to the next anchor, before the journal drops them.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from monitor.evidence.chain import chain_of, checkpoints
from monitor.evidence.scope import MARGIN, needed, scope_of, subject_of
from registry.model import Registry
from store import kept_rows
from store.connections import Connection
from store.registry_rows import load_registry

AT_ONCE: Final = 200
"""Alarms held in one pass; the next pass goes on."""

AGAIN: Final = timedelta(hours=6)
"""How often an alarm that is not over is looked at again."""

# The longest waiting first, so that none waits for ever.
_WAITING: Final = """
SELECT alarm.id FROM alarm LEFT JOIN evidence_hold AS hold ON hold.alarm_id = alarm.id
WHERE (hold.alarm_id IS NULL OR (NOT hold.complete AND hold.held_at < %(again)s))
  AND (EXISTS (SELECT FROM case_alarm WHERE case_alarm.alarm_id = alarm.id)
       OR EXISTS (SELECT FROM evidence_package WHERE subject = 'alarm' AND subject_id = alarm.id))
ORDER BY hold.held_at NULLS FIRST, alarm.id LIMIT %(limit)s
"""
_HELD: Final = """
INSERT INTO evidence_hold (alarm_id, held_at, rows, complete) VALUES (%s, %s, %s, %s)
ON CONFLICT (alarm_id) DO UPDATE SET held_at = EXCLUDED.held_at, rows = EXCLUDED.rows, complete = EXCLUDED.complete
"""
_log = logging.getLogger(__name__)


def hold(connection: Connection, now: datetime) -> int:
    """Keep the rows of alarms that need it; returns how many alarms were looked at. Commits each by itself."""
    waiting = [int(row[0]) for row in connection.execute(_WAITING, {"again": now - AGAIN, "limit": AT_ONCE}).fetchall()]
    registry = load_registry(connection) if waiting else None
    for alarm in waiting:
        if registry is not None:
            _hold_one(connection, alarm, registry, now)
    return len(waiting)


def _hold_one(connection: Connection, alarm: int, registry: Registry, now: datetime) -> None:
    subject = subject_of(connection, "alarm", alarm)
    wanted = needed(connection, subject, scope_of(connection, subject, registry, now))
    chain = chain_of(connection, wanted.ids)
    linked = [link.id for run in chain.runs for link in run]
    fixed = set(checkpoints(chain.anchors))
    ended = subject.alarms[0]["returned_at"]
    complete = ended is not None and now > ended + 2 * MARGIN and all(run[-1].id in fixed for run in chain.runs)
    with connection.transaction():
        kept_rows.keep(connection, (entry.id for entry in chain.entries), linked)
        connection.execute(_HELD, (alarm, now, len(chain.entries), complete))
    _log.info("alarm %d: %d rows of the journal kept as evidence, %d links", alarm, len(chain.entries), len(linked))
