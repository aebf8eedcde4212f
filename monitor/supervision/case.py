"""A case (线索) and what is done about it: the names that the machine, the tables and the screens share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from monitor.supervision.clocks import Deadline


class CaseState(StrEnum):
    """Where a case is; values are those of column ``case_record.state``. Overdue is none: it follows from the clock."""

    LEAD = "lead"
    VERIFYING = "verifying"
    WORK_ORDER = "work_order"
    GUIDANCE = "guidance"
    RECTIFICATION = "rectification"
    FEEDBACK = "feedback"
    RECTIFIED = "rectified"
    TRANSFERRED = "transferred"
    FILED = "filed"
    CLOSED = "closed"


class Source(StrEnum):
    """Where a lead comes from."""

    ALARM = "alarm"
    INSPECTION = "inspection"
    SAMPLE = "sample"
    COMPLAINT = "complaint"
    TRANSFER = "transfer"


class Action(StrEnum):
    """What can be done about a case; values are those of column ``case_event.action``."""

    OPEN = "open"
    ACCEPT = "accept"
    ASSIGN = "assign"
    WORK_ORDER = "work_order"
    GUIDE = "guide"
    ORDER = "order"
    EXTEND = "extend"
    FEEDBACK = "feedback"
    RECHECK_PASSED = "recheck_passed"
    RECHECK_FAILED = "recheck_failed"
    REVOKE = "revoke"
    TRANSFER = "transfer"
    FILE = "file"
    CLOSE = "close"
    MERGE = "merge"
    REOPEN = "reopen"
    ADD_ALARMS = "add_alarms"
    RAISE_PRIORITY = "raise_priority"
    ATTACH = "attach"
    NOTE = "note"


class Measure(StrEnum):
    """What a venue was asked to do."""

    WORK_ORDER = "work_order"
    GUIDANCE = "guidance"
    RECTIFICATION = "rectification"


class Closure(StrEnum):
    """Why a case was closed; values are those of column ``case_record.closure``."""

    FALSE_ALARM = "false_alarm"
    NO_PROBLEM = "no_problem"
    REFERRED = "referred"
    MERGED = "merged"
    REPAIRED = "repaired"
    ADVISED = "advised"
    RECTIFIED = "rectified"
    NO_PENALTY_MINOR = "no_penalty_minor"
    NO_PENALTY_FIRST = "no_penalty_first"
    NOT_FILED = "not_filed"
    DECIDED = "decided"
    FILING_DROPPED = "filing_dropped"


class TransferReason(StrEnum):
    """Why a case goes on to formal filing (立案)."""

    OVERDUE = "overdue"
    RECHECK_FAILED = "recheck_failed"
    SUSPECTED_BREACH = "suspected_breach"


class Party(StrEnum):
    """In which capacity somebody acts."""

    OFFICER = "officer"
    DIRECTOR = "director"
    VENUE = "venue"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it stands: the fold of its acts. Times are aware; see ``store/migrations/0090_cases.sql``."""

    site: str
    county: str
    zone: str
    simulated: bool
    source: Source
    source_ref: str
    subject: str
    priority: str
    opened_at: datetime
    opened_by: str
    state: CaseState
    since: datetime
    deadline: Deadline | None
    officer: str | None = None
    second_officer: str | None = None
    measure: Measure | None = None
    requirement: str | None = None
    measure_due_at: datetime | None = None
    extended: int = 0
    corrected_at: datetime | None = None
    confirmed_at: datetime | None = None
    rechecks_failed: int = 0
    told_at: datetime | None = None
    closed_at: datetime | None = None
    closure: Closure | None = None
    merged_into: int | None = None

    def overdue(self, now: datetime) -> bool:
        """Whether the clock that runs has ended."""
        return self.deadline is not None and now >= self.deadline.at

    def corrected_in_time(self) -> bool:
        """Whether the venue reported the correction before the measure's deadline, and no recheck failed since."""
        return (
            self.corrected_at is not None
            and self.measure_due_at is not None
            and self.corrected_at < self.measure_due_at
            and self.rechecks_failed == 0
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What an act may depend on beside the case: how many earlier cases of the site came to an order or a filing."""

    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does about a case, with what they give; which of it an action needs is in `machine`.

    `officers` are usernames: those assigned, or those on site. `due` is a local day. `number` is that of a letter,
    a filing or a decision, `recipient` who it was referred to, `into` the case that this one is merged into,
    `priority` the one that the case is opened with or raised to.
    """

    action: Action
    at: datetime
    actor: str
    party: Party
    text: str = ""
    due: date | None = None
    officers: tuple[str, ...] = ()
    closure: Closure | None = None
    reason: TransferReason | None = None
    number: str = ""
    recipient: str = ""
    minor: bool = False
    harmless: bool = False
    into: int | None = None
    files: int = 0
    alarms: tuple[int, ...] = ()
    priority: str = ""
    facts: Facts = field(default_factory=Facts)


VENUE_SEES: Final = frozenset(
    {
        Action.WORK_ORDER,
        Action.GUIDE,
        Action.ORDER,
        Action.EXTEND,
        Action.FEEDBACK,
        Action.RECHECK_PASSED,
        Action.RECHECK_FAILED,
        Action.REVOKE,
        Action.TRANSFER,
        Action.FILE,
        Action.CLOSE,
    }
)
"""The steps that concern the venue; it sees a case from the first measure on."""

PRIORITIES: Final = ("high", "medium", "low")
"""From the most urgent on."""


def more_urgent(one: str, other: str) -> bool:
    """Whether a priority is above another; one that is unknown is above none."""
    return one in PRIORITIES and PRIORITIES.index(one) < PRIORITIES.index(other)


CLOSURES: Final[Mapping[CaseState, frozenset[Closure]]] = MappingProxyType(
    {
        CaseState.LEAD: frozenset({Closure.REFERRED}),
        CaseState.VERIFYING: frozenset({Closure.FALSE_ALARM, Closure.NO_PROBLEM, Closure.REFERRED}),
        CaseState.GUIDANCE: frozenset({Closure.ADVISED}),
        CaseState.RECTIFIED: frozenset(
            {
                Closure.REPAIRED,
                Closure.ADVISED,
                Closure.RECTIFIED,
                Closure.NO_PENALTY_MINOR,
                Closure.NO_PENALTY_FIRST,
            }
        ),
        CaseState.TRANSFERRED: frozenset(
            {Closure.NOT_FILED, Closure.REFERRED, Closure.NO_PENALTY_MINOR, Closure.NO_PENALTY_FIRST}
        ),
        CaseState.FILED: frozenset(
            {Closure.DECIDED, Closure.FILING_DROPPED, Closure.NO_PENALTY_MINOR, Closure.NO_PENALTY_FIRST}
        ),
    }
)
"""With which reasons a case may be closed from each state, where its conditions are met; from others it may not."""
