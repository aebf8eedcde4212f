"""Small worlds for the stages: people, routes and alarms at instants that a reader can see."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitor.notify.model import (
    Channel,
    Contact,
    Decided,
    Duty,
    LogEntry,
    Matter,
    Quiet,
    Reason,
    Role,
    Route,
    Sent,
    Step,
    World,
)
from monitor.notify.pipeline import decide

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HIGH = Route(
    1,
    "高级",
    "High",
    (
        Step(Role.INSPECTOR, timedelta(), timedelta()),
        Step(Role.SECTION_HEAD, 30 * MINUTE, 30 * MINUTE),
        Step(Role.DUTY_OFFICER, HOUR, HOUR),
    ),
    priorities=frozenset({"high"}),
)
MEDIUM = replace(
    HIGH,
    id=2,
    name_zh="中级",
    name_en="Medium",
    steps=(Step(Role.INSPECTOR, timedelta(), None), Step(Role.SECTION_HEAD, 4 * HOUR, None)),
    priorities=frozenset({"medium"}),
    repeat=timedelta(days=1),
)
LOW = replace(MEDIUM, id=3, name_en="Low", priorities=frozenset({"low"}), digest=HOUR, repeat=None, tell_resolved=False)


TO_VENUE = Route(
    4,
    "告知场所",
    "The venue is told",
    (Step(Role.VENUE, timedelta(), timedelta()),),
    priorities=frozenset({"high"}),
    audiences=frozenset({"inspector"}),
    group_wait=MINUTE,
    group_interval=15 * MINUTE,
    repeat=timedelta(days=1),
    beside=True,
)


def local(month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """An instant of 2026 by Nantong's clock."""
    return datetime(2026, month, day, hour, minute, second, tzinfo=SHANGHAI).astimezone(UTC)


def matter(number: int, at: datetime, site: str = "P-1", **more: Any) -> Matter:
    """An unacknowledged high alarm on a pool of Chongchuan."""
    given: dict[str, Any] = {
        "kind": "limit",
        "condition": f"channel:{number}:low",
        "county": "320602",
        "scenario": "pool",
        "zone": "Asia/Shanghai",
        "simulated": False,
        "audience": "inspector",
        "priority": "high",
        "active": True,
        "acknowledged": False,
    }
    return Matter(id=number, site=site, raised_at=at, **{**given, **more})


def people(*names: str, **roles: str) -> dict[str, Contact]:
    """Inspectors by name, and others by name and role."""
    return {name: Contact(name, "inspector") for name in names} | {
        name: Contact(name, role) for name, role in roles.items()
    }


def duty(person: str, role: Role, since: datetime, until: datetime, county: str = "320602") -> Duty:
    """A line of the roster."""
    return Duty(person, county, role, since, until)


class Play:
    """Passes over a world at chosen instants; the log is kept between them as the database does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.said: list[str] = []

    def at(self, now: datetime, *matters: Matter) -> list[str]:
        """What is sent at an instant: "recipient reason site…"; the alarms are those given."""
        self.world = replace(self.world, matters=matters)
        decided = decide(self.world, now)
        self._keep(decided, now)
        self.said = [
            f"{message.recipient} {telling.reason} {telling.group.site}"
            for message, _ in decided.messages
            for telling in message.tellings
        ]
        self.decided = decided
        return self.said

    def _keep(self, decided: Decided, now: datetime) -> None:
        log, sent = dict(self.world.log), dict(self.world.sent)
        for message, _ in decided.messages:
            before = sent.get(message.recipient, Sent())
            collected = now if len(message.tellings) > 1 else before.collected_at
            sent[message.recipient] = Sent((*before.at, now), collected)
            for each in message.tellings:
                entry = each.entry or LogEntry({}, "low", now, now)
                told = {**{each.id: now for each in each.matters}, **entry.told}
                worst = each.priority if each.reason is not Reason.RESOLVED else entry.worst
                log[each.group.key, each.recipient.name] = LogEntry(told, worst, entry.first_at, now)
        for key in decided.closed:
            log.pop(key, None)
        self.world = replace(self.world, log=log, sent=sent)


def world(contacts: dict[str, Contact], duties: Sequence[Duty] = (), *channels: Channel) -> World:
    """A world without alarms yet."""
    return World((), (HIGH, MEDIUM, LOW), contacts, duties, {each.id: each for each in channels})


NIGHT = Quiet(time(22), time(7))
