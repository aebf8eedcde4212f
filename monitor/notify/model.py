"""What the stages of notification speak of. Values only: where they are kept is `store.notify_*`'s business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from registry.catalogue import Language
from registry.model import HOME_ZONE

PRIORITIES: Final = ("high", "medium", "low")
"""From the most urgent on."""


class Role(StrEnum):
    """Whom a step of a route tells. The first three are duties of the roster, the others roles of people."""

    INSPECTOR = "inspector"
    SECTION_HEAD = "section_head"
    DUTY_OFFICER = "duty_officer"
    VENUE = "venue"
    CENTRE = "centre"
    ADMINISTRATOR = "administrator"


DUTIES: Final = frozenset({Role.INSPECTOR, Role.SECTION_HEAD, Role.DUTY_OFFICER})


class Reason(StrEnum):
    """Why a message was sent; stored with it."""

    NEW = "new"
    MORE = "more"
    WORSE = "worse"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    HANDOVER = "handover"
    UNDELIVERED = "undelivered"
    TEST = "test"
    CASE = "case"


class Outcome(StrEnum):
    """What became of a row of the outbox."""

    TOLD = "told"
    INHIBITED = "inhibited"
    SUPPRESSED = "suppressed"
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    HISTORIC = "historic"
    SEEN_BEFORE = "seen_before"
    """Acknowledged before anybody was told."""
    OVER_BEFORE = "over_before"
    """The condition ended before anybody was told."""
    NO_ROUTE = "no_route"
    NOBODY = "nobody"
    """A route fits, and there is no one whom it could tell."""
    GONE = "gone"
    """The alarm or its site is not there any more."""


@dataclass(frozen=True, slots=True)
class Matter:
    """An alarm that people may have to be told of. `muted` is why not, by its own state; times are aware."""

    id: int
    kind: str
    condition: str
    site: str
    county: str
    scenario: str
    zone: str
    simulated: bool
    audience: str
    priority: str
    active: bool
    acknowledged: bool
    raised_at: datetime
    returned_at: datetime | None = None
    device: str | None = None
    muted: Outcome | None = None

    @property
    def pressing(self) -> bool:
        """Whether somebody has to do something: the condition is on, and nobody has said that they know."""
        return self.active and not self.acknowledged


@dataclass(frozen=True, slots=True)
class Step:
    """A step of escalation: whom to tell once nobody has acknowledged for so long since the first was told.

    `after_off` counts outside working hours; None lets the clock stand still there. Time of both kinds adds up:
    half of the one and half of the other is a whole.
    """

    role: Role
    after: timedelta
    after_off: timedelta | None


@dataclass(frozen=True, slots=True)
class Route:
    """Which alarms go to whom, and how often. An empty set of a filter lets everything pass.

    A route `beside` takes no alarm from the others: it tells its people what they tell theirs. It is nobody's stand-in,
    so an alarm that only such a route tells of has still not been told to whom it should be.
    """

    id: int
    name_zh: str
    name_en: str
    steps: tuple[Step, ...]
    counties: frozenset[str] = frozenset()
    scenarios: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    receivers: tuple[int, ...] = ()
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat: timedelta | None = timedelta(hours=4)
    digest: timedelta | None = None
    tell_resolved: bool = True
    beside: bool = False

    def fits(self, matter: Matter) -> bool:
        """Whether the route takes an alarm."""
        tests = (
            (self.counties, matter.county),
            (self.scenarios, matter.scenario),
            (self.kinds, matter.kind),
            (self.priorities, matter.priority),
            (self.audiences, matter.audience),
        )
        return all(not wanted or value in wanted for wanted, value in tests)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours, by the clock of the person's zone, in which only some priorities come through."""

    begin: time
    end: time
    broken_by: frozenset[str] = frozenset({"high"})


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a person, or nobody in particular, is told. What it takes to get there stays in the store."""

    id: int
    kind: str
    person: str | None
    language: Language = "zh"
    priorities: frozenset[str] = frozenset(PRIORITIES)
    demonstration: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who can be told. `counties` empty means all of them."""

    username: str
    role: str
    counties: frozenset[str] = frozenset()
    site: str | None = None
    language: Language = "zh"
    zone: str = HOME_ZONE
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """A line of the roster; `county` empty means all of them."""

    person: str
    county: str
    role: Role
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What a recipient was told of a group: alarm id → when first; the worst priority; when first and last."""

    told: Mapping[int, datetime]
    worst: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """What a recipient was sent lately: when each message, and when the last collected one."""

    at: tuple[datetime, ...] = ()
    collected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """Working hours by the clock of the site's zone. These are a design default, used where the agency sets none."""

    begin: time = time(8, 30)
    end: time = time(17, 30)


@dataclass(frozen=True, slots=True)
class World:
    """Everything a pass decides by. The log is by (group key, recipient)."""

    matters: Sequence[Matter]
    routes: Sequence[Route]
    contacts: Mapping[str, Contact]
    duties: Sequence[Duty] = ()
    channels: Mapping[int, Channel] = field(default_factory=dict)
    log: Mapping[tuple[str, str], LogEntry] = field(default_factory=dict)
    sent: Mapping[str, Sent] = field(default_factory=dict)
    office: Office = field(default_factory=Office)

    def beside(self, key: str) -> bool:
        """Whether a group's name in the log is that of a route that tells beside the others."""
        number = int(key.partition(":")[0])
        return any(each.beside and each.id == number for each in self.routes)

    def office_of(self, group: "Group") -> Office | None:
        """Working hours that count for a group. Simulated sites have none: the demonstration lives on Sundays too."""
        return None if group.simulated else self.office


@dataclass(frozen=True, slots=True)
class Group:
    """Alarms of one route at one site: what one message is about."""

    route: Route
    site: str
    county: str
    zone: str
    simulated: bool
    matters: tuple[Matter, ...]

    @property
    def key(self) -> str:
        """Its name in the log."""
        return group_key(self.route.id, self.site)


def group_key(route: int, site: str) -> str:
    """The name that a group has in the log."""
    return f"{route}:{site}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told, and how the choice came about: by which step, by roster or by role, over whose absence."""

    name: str
    step: int
    role: Role | None
    by: str
    absent: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class Telling:
    """What a recipient is to be told of a group, why, and of which alarms."""

    group: Group
    recipient: Recipient
    reason: Reason
    matters: tuple[Matter, ...]
    entry: LogEntry | None

    @property
    def priority(self) -> str:
        """The worst of its alarms."""
        return worst(each.priority for each in self.matters)


@dataclass(frozen=True, slots=True)
class Message:
    """Tellings that go out as one: one a message, or many collected."""

    recipient: str
    tellings: tuple[Telling, ...]

    @property
    def priority(self) -> str:
        """The worst of its tellings."""
        return worst(each.priority for each in self.tellings)

    @property
    def reason(self) -> Reason:
        """The reason of the most urgent telling."""
        return min(self.tellings, key=urgency).reason

    @property
    def simulated(self) -> bool:
        """Whether it is about simulated sites; no message mixes both."""
        return self.tellings[0].group.simulated


@dataclass(frozen=True, slots=True)
class Drop:
    """A message on one channel; `channel` None is the inbox, `quiet_until` the end of quiet hours it waits for."""

    channel: int | None
    kind: str
    language: Language
    quiet_until: datetime | None = None


@dataclass
class Decided:
    """What a pass decided: messages with their drops, outcome of alarms by id, and when to look again."""

    messages: list[tuple[Message, tuple[Drop, ...]]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    closed: list[tuple[str, str]] = field(default_factory=list)
    """Entries of the log whose group is over."""
    held: list["Held"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Held:
    """A telling that is not due: what it waits for, and until when if that is known."""

    group: Group
    recipient: str | None
    why: str
    until: datetime | None = None


_URGENCY: Final = {
    Reason.WORSE: 0,
    Reason.ESCALATED: 1,
    Reason.NEW: 2,
    Reason.HANDOVER: 3,
    Reason.MORE: 4,
    Reason.REPEAT: 5,
    Reason.RESOLVED: 6,
}


def urgency(telling: Telling) -> tuple[int, int, str]:
    """What is told first: by priority, then by reason, then by name so that the order is always the same."""
    return rank(telling.priority), _URGENCY[telling.reason], telling.group.key


def rank(priority: str) -> int:
    """0 for the most urgent."""
    return PRIORITIES.index(priority)


def worst(priorities: Any) -> str:
    """The most urgent of several; low of none."""
    return min(priorities, key=rank, default="low")
