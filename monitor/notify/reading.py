"""The world of a pass, read from the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row

from monitor.notify.collecting import WITHIN, sent_key
from monitor.notify.model import (
    Channel,
    Contact,
    Duty,
    LogEntry,
    Matter,
    Office,
    Outcome,
    Quiet,
    Role,
    Route,
    Sent,
    Step,
    World,
)
from monitor.notify.trend import MINUTES, trend_words
from registry.canary import PLATFORM
from registry.catalogue import Language
from store import notifications, notify_settings, queries
from store.connections import Connection
from store.queries.alarms import ACTIVE_STATES
from store.records import from_us

ROSTER_AROUND: Final = timedelta(days=8)
"""More than `KEPT_WITHIN` of `monitor.notify.addressing`, which asks whether a roster is kept at all."""

# Alarms that are on, those with an undecided row, and those that somebody was told of and has not heard the end of.
_MATTERS: Final = """
SELECT a.id, a.kind, a.condition, a.site, a.device, a.simulated, a.audience, a.priority, a.state,
       a.raised_at, a.returned_at, a.historic, a.shelved_until, a.suppressed_by, a.out_of_service_until,
       a.on_the_way_at,
       coalesce(s.county, '') AS county, coalesce(s.scenario, '') AS scenario, coalesce(s.zone, 'Asia/Shanghai') AS zone
FROM alarm a LEFT JOIN site s ON s.code = a.site
WHERE (a.state IN ('unacknowledged', 'acknowledged') OR a.id = ANY(%(ids)s))
  AND (s.code IS NOT NULL OR a.site = %(platform)s)
"""


def world(connection: Connection, now: datetime, undecided: Collection[int]) -> World:
    """Everything a pass decides by, as of `now`; `undecided` are alarms with rows in the outbox."""
    log = {(row["group_key"], row["recipient"]): entry_of(row) for row in notifications.log_entries(connection)}
    told = {alarm for entry in log.values() for alarm in entry.told}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_MATTERS, {"ids": [*told, *undecided], "platform": PLATFORM}).fetchall()
    return World(
        matters=[matter_of(row) for row in rows],
        routes=[route_of(row) for row in notify_settings.routes(connection) if row["enabled"]],
        contacts={row["username"]: contact_of(row) for row in notify_settings.contacts(connection)},
        duties=duties(connection, now),
        channels=channels(connection),
        log=log,
        sent=sent(connection, now),
        office=office(connection),
    )


def duties(connection: Connection, now: datetime) -> list[Duty]:
    """The roster around an instant."""
    lines = notify_settings.roster(connection, now - ROSTER_AROUND, now + ROSTER_AROUND)
    return [Duty(each["person"], each["county"], Role(each["role"]), each["since"], each["until"]) for each in lines]


def channels(connection: Connection) -> dict[int, Channel]:
    """Channels that are switched on, without what it takes to get there."""
    return {
        row["id"]: Channel(
            row["id"], row["kind"], row["person"], row["language"], frozenset(row["priorities"]), row["demonstration"]
        )
        for row in notify_settings.channels(connection)
        if row["enabled"]
    }


def office(connection: Connection) -> Office:
    """The agency's working hours; the design default where it has set none."""
    row = notify_settings.office_hours(connection)
    return Office() if row is None else Office(row["begins"], row["ends"])


def sent(connection: Connection, now: datetime) -> dict[str, Sent]:
    """What recipients were sent within the time that messages are counted in."""
    found: dict[str, Sent] = {}
    for name, simulated, at, collected in notifications.sent_since(connection, now - WITHIN):
        key = sent_key(name, simulated=simulated)
        before = found.get(key, Sent())
        last = max(at, before.collected_at or at) if collected else before.collected_at
        found[key] = Sent((*before.at, at), last)
    return found


def matter_of(row: Mapping[str, Any]) -> Matter:
    """An alarm's row, with county, scenario and zone of its site."""
    return Matter(
        id=row["id"],
        kind=row["kind"],
        condition=row["condition"],
        site=row["site"],
        county=row["county"],
        scenario=row["scenario"],
        zone=row["zone"],
        simulated=row["simulated"],
        audience=row["audience"],
        priority=row["priority"],
        active=row["state"] in ACTIVE_STATES,
        # Who is on the way knows.
        acknowledged=row["state"] == "acknowledged" or row["on_the_way_at"] is not None,
        raised_at=row["raised_at"],
        returned_at=row["returned_at"],
        device=row["device"],
        muted=_muted(row),
    )


def _muted(row: Mapping[str, Any]) -> Outcome | None:
    marks = (
        (row["historic"], Outcome.HISTORIC),
        (row["out_of_service_until"], Outcome.OUT_OF_SERVICE),
        (row["shelved_until"], Outcome.SHELVED),
        (row["suppressed_by"], Outcome.SUPPRESSED),
    )
    return next((outcome for mark, outcome in marks if mark), None)


def entry_of(row: Mapping[str, Any]) -> LogEntry:
    """A row of the log."""
    told = {int(alarm): from_us(at) for alarm, at in row["told"].items()}
    return LogEntry(told, row["worst"], row["first_at"], row["last_at"])


def route_of(row: Mapping[str, Any]) -> Route:
    """A row of the routes."""
    return Route(
        id=row["id"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        steps=tuple(step_of(each) for each in row["steps"]),
        **{name: frozenset(row[name]) for name in ("counties", "scenarios", "kinds", "priorities", "audiences")},
        receivers=tuple(row["receivers"]),
        group_wait=timedelta(seconds=row["group_wait_s"]),
        group_interval=timedelta(seconds=row["group_interval_s"]),
        repeat=_seconds(row["repeat_s"]),
        digest=_seconds(row["digest_s"]),
        tell_resolved=row["tell_resolved"],
        beside=row["beside"],
    )


def step_of(row: Mapping[str, Any]) -> Step:
    """A step of a route as it is stored."""
    return Step(Role(row["role"]), timedelta(seconds=row["after_s"]), _seconds(row["after_off_s"]))


def contact_of(row: Mapping[str, Any]) -> Contact:
    """A person with how they want to be told."""
    quiet = None
    if row["quiet_from"] is not None:
        quiet = Quiet(row["quiet_from"], row["quiet_to"], frozenset(row["quiet_broken_by"]))
    return Contact(
        row["username"], row["role"], frozenset(row["counties"]), row["site"], row["language"], row["zone"], quiet
    )


def _seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def alarm_rows(connection: Connection, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Whole rows of alarms, for wording."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT * FROM alarm WHERE id = ANY(%s)", (list(ids),)).fetchall()
    return {row["id"]: row for row in rows}


def trends(
    connection: Connection, alarms: Mapping[int, Mapping[str, Any]], now: datetime, languages: Sequence[Language]
) -> dict[tuple[int, Language], str]:
    """Where the value of each alarm's channel went lately, in words."""
    of_channel = {row["channel_id"]: number for number, row in alarms.items() if row["channel_id"] is not None}
    if not of_channel:
        return {}
    rows = queries.reading_rows(connection, list(of_channel), now - timedelta(minutes=MINUTES), now)
    found: dict[tuple[int, Language], str] = {}
    for channel, number in of_channel.items():
        mine = rows.channel_id == channel
        for language in languages:
            said = trend_words(language, alarms[number]["indicator"], rows.ts[mine], rows.value[mine])
            if said is not None:
                found[number, language] = said
    return found
