"""The read side: what the API asks the database, one module a topic."""

from store.queries.alarms import (
    alarm,
    alarm_event_of,
    alarm_events,
    alarms,
    alarms_changed_since,
    last_alarm_event,
    open_alarm_counts,
)
from store.queries.audit import audit_entries
from store.queries.dead_letters import dead_letter_counts, dead_letters
from store.queries.detector import configured_budget, feedback_of_site, flags_of
from store.queries.latest import latest_since, newest_ts
from store.queries.messages import LastMessage, last_message
from store.queries.operation import (
    configured_speed,
    configured_speeds,
    connected_devices,
    database_bytes,
    forget_heartbeat,
    heartbeats,
    registry_digest,
    save_truth,
    transmission,
    truth,
    write_heartbeat,
)
from store.queries.readings import (
    Buckets,
    Rows,
    Source,
    bucket_width,
    chart,
    raw_readings,
    reading_buckets,
    reading_count,
    reading_rows,
    single_readings,
)

__all__ = [
    "Buckets",
    "LastMessage",
    "Rows",
    "Source",
    "alarm",
    "alarm_event_of",
    "alarm_events",
    "alarms",
    "alarms_changed_since",
    "audit_entries",
    "bucket_width",
    "chart",
    "configured_budget",
    "configured_speed",
    "configured_speeds",
    "connected_devices",
    "database_bytes",
    "dead_letter_counts",
    "dead_letters",
    "feedback_of_site",
    "flags_of",
    "forget_heartbeat",
    "heartbeats",
    "last_alarm_event",
    "last_message",
    "latest_since",
    "newest_ts",
    "open_alarm_counts",
    "raw_readings",
    "reading_buckets",
    "reading_count",
    "reading_rows",
    "registry_digest",
    "save_truth",
    "single_readings",
    "transmission",
    "truth",
    "write_heartbeat",
]
