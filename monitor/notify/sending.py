"""One pass: read the world, decide, and write messages, log and outcomes in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from monitor.notify import reading
from monitor.notify.model import Decided, Drop, LogEntry, Message, Outcome, Reason, Telling, World, worst
from monitor.notify.pipeline import decide
from monitor.notify.wording import Facts, shown, why, words
from registry.catalogue import LANGUAGES
from registry.model import Registry
from store import notifications, outbox
from store.connections import Connection
from store.records import to_us

SITES_KEPT: Final = 10_000
"""Sites and alarms named in a row of the log of messages; more than an agency has at once."""

_log = logging.getLogger(__name__)


def run_pass(connection: Connection, registry: Registry, now: datetime, dashboard_url: str = "") -> Decided:
    """Decide as of `now` and write what came of it. Raises `psycopg.Error` with nothing of the pass written."""
    with connection.transaction():
        rows = outbox.undecided(connection)
        world = reading.world(connection, now, {alarm for _, alarm in rows})
        decided = decide(world, now)
        facts = _facts(connection, registry, decided, now, dashboard_url, world)
        for message, drops in decided.messages:
            _write(connection, message, drops, facts, now)
        told = [each for message, _ in decided.messages for each in message.tellings]
        notifications.save_log(connection, [_entry(each, now) for each in told])
        notifications.forget_log(connection, decided.closed)
        known = {each.id for each in world.matters}
        settled = [
            (row, str(decided.outcomes.get(alarm, Outcome.GONE)))
            for row, alarm in rows
            if alarm in decided.outcomes or alarm not in known
        ]
        outbox.decide(connection, settled, now)
    if decided.messages:
        _log.info("%d messages about %d groups", len(decided.messages), len(told))
    return decided


def _facts(
    connection: Connection, registry: Registry, decided: Decided, now: datetime, dashboard_url: str, world: World
) -> Facts:
    wanted = {alarm for message, _ in decided.messages for alarm in shown(message)}
    if not wanted:
        return Facts(registry, {})
    alarms = reading.alarm_rows(connection, wanted)
    roles = {f"person:{name}": contact.role for name, contact in world.contacts.items()}
    return Facts(registry, alarms, reading.trends(connection, alarms, now, LANGUAGES), dashboard_url, roles)


def _write(connection: Connection, message: Message, drops: Sequence[Drop], facts: Facts, now: datetime) -> None:
    if not drops:
        return
    kind, _, name = message.recipient.partition(":")
    language = drops[0].language
    title, body = words(language, message, facts)
    said = {
        "at": now,
        "reason": str(message.reason),
        "person": name if kind == "person" else None,
        "channel_id": int(name) if kind == "channel" else None,
        "priority": message.priority,
        "simulated": message.simulated,
        "sites": _named(each.group.site for each in message.tellings),
        "counties": _named(each.group.county for each in message.tellings),
        "alarms": sorted({each.id for telling in message.tellings for each in telling.matters})[:SITES_KEPT],
        "title": title,
        "body": body,
        "language": language,
        "why": why(message.tellings),
    }
    notifications.add(connection, said, [_drop(each) for each in drops])


def _drop(drop: Drop) -> dict[str, Any]:
    return {"channel_id": drop.channel, "kind": drop.kind, "quiet_until": drop.quiet_until}


def _named(values: Iterable[str]) -> list[str]:
    return sorted(set(values))[:SITES_KEPT]


def _entry(telling: Telling, now: datetime) -> dict[str, Any]:
    """The log's entry after a telling: what was told before stays told."""
    before = telling.entry or LogEntry({}, "low", now, now)
    told = {**{each.id: now for each in telling.matters}, **before.told}
    pressing = [each.priority for each in telling.group.matters if each.pressing]
    return {
        "group_key": telling.group.key,
        "recipient": telling.recipient.name,
        "told": {str(alarm): to_us(at) for alarm, at in told.items()},
        "worst": worst([before.worst, *pressing]) if telling.reason is not Reason.RESOLVED else before.worst,
        "first_at": before.first_at,
        "last_at": now,
    }
