"""The demonstration in the database: which sites it is, and taking it away, also while the system runs.

The journal keeps its rows, because its chain is the evidence of all other sites too.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final, NamedTuple

from store import aggregates, journal
from store.connections import Connection


class Invented(NamedTuple):
    """Somebody who shows what people of a role see."""

    username: str
    name: str
    role: str


PEOPLE: Final = (
    Invented("demo-centre", "演示·监测中心", "centre"),
    Invented("demo-inspector", "演示·监督员甲", "inspector"),
    Invented("demo-inspector-2", "演示·监督员乙", "inspector"),
    Invented("demo-venue", "演示·场所", "venue"),
)
"""Whom the demonstration brings and takes away. What they did stays written down under their name."""

_CHANNELS: Final = "SELECT c.id FROM channel c JOIN device d ON d.code = c.device WHERE d.site = ANY(%s)"
_OF_SITES: Final = {
    "outbox": "DELETE FROM outbox WHERE alarm_id IN (SELECT id FROM alarm WHERE site = ANY(%(sites)s))",
    "notification": "DELETE FROM notification WHERE simulated AND sites && %(sites)s",
    "notify_log": "DELETE FROM notify_log WHERE split_part(group_key, ':', 2) = ANY(%(sites)s)",
    # Their steps, warnings and files go with them.
    "case_record": "DELETE FROM case_record WHERE site = ANY(%(sites)s)",
    "alarm_event": "DELETE FROM alarm_event WHERE alarm_id IN (SELECT id FROM alarm WHERE site = ANY(%(sites)s))",
    "alarm": "DELETE FROM alarm WHERE site = ANY(%(sites)s)",
    "channel_latest": "DELETE FROM channel_latest WHERE channel_id = ANY(%(channels)s)",
    "waste_bag": "DELETE FROM waste_bag WHERE site = ANY(%(sites)s)",
    "waste_event": "DELETE FROM waste_event WHERE site = ANY(%(sites)s)",
    "position": "DELETE FROM position WHERE device IN (SELECT code FROM device WHERE site = ANY(%(sites)s))",
    "dead_letter": "DELETE FROM dead_letter WHERE site = ANY(%(sites)s)",
    "device_status": (
        "DELETE FROM device_status WHERE device IN (SELECT code FROM device WHERE site = ANY(%(sites)s))"
    ),
    "device_sequence": (
        "DELETE FROM device_sequence WHERE device IN (SELECT code FROM device WHERE site = ANY(%(sites)s))"
    ),
    "evidence_package": "DELETE FROM evidence_package WHERE site = ANY(%(sites)s)",
    "device_review": (
        "DELETE FROM device_review WHERE device IN (SELECT code FROM device WHERE site = ANY(%(sites)s))"
    ),
    "simulator_truth": "DELETE FROM simulator_truth WHERE site = ANY(%(sites)s)",
    "draw_task": "DELETE FROM draw_task WHERE draw_id IN (SELECT id FROM draw WHERE simulated)",
    "draw": "DELETE FROM draw WHERE simulated",
    "vote_round": "DELETE FROM vote_round WHERE simulated",
    "conflict_of_interest": "DELETE FROM conflict_of_interest WHERE site = ANY(%(sites)s) OR officer = ANY(%(people)s)",
    "person": "DELETE FROM person WHERE site = ANY(%(sites)s) OR username = ANY(%(people)s)",
    "site": "DELETE FROM site WHERE code = ANY(%(sites)s)",
    # Who answered for invented venues only is invented too.
    "responsible_person": (
        "DELETE FROM responsible_person WHERE NOT EXISTS (SELECT FROM responsible_for WHERE person = id)"
    ),
}
"""In the order of their references; sampling points, devices and channels go with their site."""

_OF_CHANNELS: Final = {
    "correction": "DELETE FROM correction WHERE channel_id = ANY(%(channels)s)",
    "reading_flag": "DELETE FROM reading_flag WHERE channel_id = ANY(%(channels)s)",
    "reading": "DELETE FROM reading WHERE channel_id = ANY(%(channels)s)",
}
_AT_ONCE: Final = 16


class Demonstration(NamedTuple):
    """The demonstration's sites, and when it was removed; None while it is there."""

    sites: tuple[str, ...]
    removed_at: datetime | None


def note(connection: Connection, sites: Collection[str]) -> None:
    """Remember which sites are the demonstration's. Does not commit."""
    connection.execute(
        "INSERT INTO demonstration (sites) VALUES (%s) ON CONFLICT (only_row) DO UPDATE SET sites = EXCLUDED.sites "
        "WHERE demonstration.removed_at IS NULL",
        (sorted(sites),),
    )


def find(connection: Connection) -> Demonstration | None:
    """What is known of the demonstration; None where there never was one."""
    row = connection.execute("SELECT sites, removed_at FROM demonstration").fetchone()
    return Demonstration(tuple(row[0]), row[1]) if row else None


def sites(connection: Connection) -> list[str]:
    """The codes of the invented sites that are in the registry."""
    known = find(connection)
    rows = connection.execute(
        "SELECT code FROM site WHERE status = 'simulated' OR (status = 'offline' AND code = ANY(%s)) ORDER BY code",
        (list(known.sites) if known else [],),
    )
    return [code for (code,) in rows]


def remove(
    connection: Connection, by: str, at: datetime, note_down: Callable[[dict[str, int]], object] | None = None
) -> tuple[dict[str, int], list[int]]:
    """Delete the sites and all that is shown of them, and journal it, in a transaction.

    `note_down` is called with what was deleted, before the journal's row, which must be the last. Returns the rows
    deleted by table, and the channels whose readings `purge` is to delete: they are many, nobody can reach them any
    more, and no other channel will have their numbers.
    """
    with connection.transaction():
        codes = sites(connection)
        channels = [number for (number,) in connection.execute(_CHANNELS, (codes,))]
        _keep_numbers(connection, channels)
        parameters = {"sites": codes, "channels": channels, "people": [each.username for each in PEOPLE]}
        deleted = {table: connection.execute(each, parameters).rowcount for table, each in _OF_SITES.items()}
        connection.execute(
            "INSERT INTO demonstration (sites, removed_at, removed_by) VALUES (%(sites)s, %(at)s, %(by)s) "
            "ON CONFLICT (only_row) DO UPDATE SET removed_at = %(at)s, removed_by = %(by)s",
            {"sites": codes, "at": at, "by": by},
        )
        if note_down is not None:
            note_down(deleted)
        # The registry's row ends the alarms of what is gone and tells everybody to read it again.
        journal.append_event(connection, "config", {"what": "registry", "why": "demonstration removed"}, at)
    return deleted, channels


def purge(connection: Connection, channels: Collection[int]) -> dict[str, int]:
    """Delete the readings of channels that are not registered any more, some channels at a time; -1 is all rows."""
    deleted = dict.fromkeys(_OF_CHANNELS, 0)
    with connection.transaction():
        connection.execute("LOCK TABLE channel IN SHARE MODE")
        if channels and not connection.execute("SELECT 1 FROM channel LIMIT 1").fetchone():
            # A month of a city is tens of millions of rows; when nobody else has any, nothing need be looked up.
            connection.execute("TRUNCATE reading")
            deleted["reading"] = -1
    listed = sorted(channels)
    for start in range(0, len(listed), _AT_ONCE):
        for table, statement in _OF_CHANNELS.items():
            if deleted[table] >= 0:
                some = {"channels": listed[start : start + _AT_ONCE]}
                deleted[table] += connection.execute(statement, some).rowcount
    aggregates.forget(connection, channels, datetime.now(UTC))
    return deleted


def _keep_numbers(connection: Connection, channels: Collection[int]) -> None:
    """Let no new channel have the number of one that goes: its readings are deleted later."""
    if channels:
        connection.execute(
            "SELECT setval('channel_number', greatest(%s, (SELECT last_value FROM channel_number)))", (max(channels),)
        )
