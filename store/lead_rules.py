"""When a warning becomes a lead by itself, and which are due to. Nothing here commits."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from store.connections import Connection


class LeadRule(NamedTuple):
    """Warnings of a severity become leads once they have been present for so many minutes."""

    severity: str
    after_minutes: int
    reason: str
    set_by: str
    set_at: datetime


def load_lead_rules(connection: Connection) -> list[LeadRule]:
    """The rules that are set, by severity."""
    rows = connection.execute(
        "SELECT severity, after_minutes, reason, set_by, set_at FROM lead_rule ORDER BY severity"
    ).fetchall()
    return [LeadRule(*row) for row in rows]


def set_lead_rule(connection: Connection, rule: LeadRule) -> None:
    """Set a severity's rule."""
    connection.execute(
        "INSERT INTO lead_rule (severity, after_minutes, reason, set_by, set_at) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (severity) DO UPDATE SET after_minutes = EXCLUDED.after_minutes, reason = EXCLUDED.reason, "
        "set_by = EXCLUDED.set_by, set_at = EXCLUDED.set_at",
        rule,
    )


def drop_lead_rule(connection: Connection, severity: str) -> bool:
    """Leave a severity's warnings to people again; False where they were."""
    return connection.execute("DELETE FROM lead_rule WHERE severity = %s", (severity,)).rowcount == 1


def due_for_a_lead(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Warnings that a rule makes leads now and that are in no case yet, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT a.* FROM alarm a JOIN lead_rule r USING (severity) "
            # The literal states match the partial unique index of open alarms.
            "WHERE a.state IN ('unacknowledged', 'acknowledged') AND a.audience = 'inspector' AND NOT a.muted "
            "AND NOT a.historic AND a.raised_at <= %s - make_interval(mins => r.after_minutes) "
            "AND NOT EXISTS (SELECT 1 FROM case_alarm c WHERE c.alarm_id = a.id) ORDER BY a.raised_at, a.id",
            (now,),
        ).fetchall()
