"""What stands in the way of an act, each reason with its place in the law or the design; all of them at once.

FACTS of the law: 行政处罚法 Art 42 (two officers at least), Art 33 (minor, corrected in time, no harm: no penalty; for
the first time, minor and corrected: may be none). What a state or a clock asks beyond them is the design of this
workflow, and says so in the catalogue (``supervision.refused``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from monitor.supervision.case import (
    CLOSURES,
    Act,
    Action,
    Case,
    CaseState,
    Closure,
    Measure,
    Party,
    TransferReason,
    more_urgent,
)
from registry.words import WordedError, Words

OFFICERS: Final = frozenset({Party.OFFICER, Party.DIRECTOR})
DIRECTORS: Final = frozenset({Party.DIRECTOR})
_OPEN: Final = frozenset(CaseState) - {CaseState.CLOSED}
_MEASURED: Final = frozenset({CaseState.WORK_ORDER, CaseState.GUIDANCE, CaseState.RECTIFICATION})
_UNDER_MEASURE: Final = _MEASURED | {CaseState.FEEDBACK, CaseState.RECTIFIED}

FROM: Final[Mapping[Action, frozenset[CaseState]]] = MappingProxyType(
    {
        Action.ACCEPT: frozenset({CaseState.LEAD}),
        Action.ASSIGN: _OPEN,
        Action.WORK_ORDER: frozenset({CaseState.VERIFYING}),
        Action.GUIDE: frozenset({CaseState.VERIFYING}),
        Action.ORDER: frozenset({CaseState.VERIFYING, CaseState.WORK_ORDER, CaseState.GUIDANCE}),
        Action.EXTEND: _MEASURED | {CaseState.FILED},
        Action.FEEDBACK: _MEASURED | {CaseState.FEEDBACK},
        Action.RECHECK_PASSED: _MEASURED | {CaseState.FEEDBACK},
        Action.RECHECK_FAILED: _MEASURED | {CaseState.FEEDBACK},
        Action.REVOKE: _UNDER_MEASURE,
        Action.TRANSFER: frozenset({CaseState.VERIFYING}) | _UNDER_MEASURE,
        Action.FILE: frozenset({CaseState.TRANSFERRED}),
        Action.CLOSE: frozenset(CLOSURES),
        # Never once a venue was given a deadline: it would be lost with the case.
        Action.MERGE: frozenset({CaseState.LEAD, CaseState.VERIFYING}),
        Action.REOPEN: frozenset({CaseState.CLOSED}),
        Action.ADD_ALARMS: _OPEN,
        Action.RAISE_PRIORITY: _OPEN,
        Action.ATTACH: _OPEN,
        Action.NOTE: frozenset(CaseState),
    }
)
"""From which states an act is possible."""

BY: Final[Mapping[Action, frozenset[Party]]] = MappingProxyType(
    {
        **dict.fromkeys(FROM, OFFICERS),
        Action.FEEDBACK: OFFICERS | {Party.VENUE},
        Action.REOPEN: DIRECTORS,
        Action.ADD_ALARMS: OFFICERS | {Party.PLATFORM},
        # Follows from the warnings alone, and so is nobody's to do.
        Action.RAISE_PRIORITY: frozenset({Party.PLATFORM}),
    }
)
"""Who may do it."""

TWO_OFFICERS: Final = frozenset(
    {Action.ORDER, Action.RECHECK_PASSED, Action.RECHECK_FAILED, Action.TRANSFER, Action.FILE}
)
"""Acts of enforcement: by two officers at least (行政处罚法 Art 42)."""

ASKS_OFFICERS: Final = TWO_OFFICERS | {Action.ASSIGN}
_NEEDS_TEXT: Final = frozenset(FROM) - {
    Action.ACCEPT,
    Action.FEEDBACK,
    Action.ADD_ALARMS,
    Action.RAISE_PRIORITY,
    Action.ATTACH,
    Action.ASSIGN,
}
_NEEDS_DUE: Final = frozenset({Action.WORK_ORDER, Action.GUIDE, Action.ORDER, Action.EXTEND, Action.RECHECK_FAILED})
_MEASURE_OF: Final[Mapping[Closure, Measure]] = MappingProxyType(
    {
        Closure.REPAIRED: Measure.WORK_ORDER,
        Closure.ADVISED: Measure.GUIDANCE,
        Closure.RECTIFIED: Measure.RECTIFICATION,
    }
)
_MORE: Final[Mapping[Action, tuple[str, ...]]] = MappingProxyType(
    {
        Action.FEEDBACK: ("files",),
        Action.ATTACH: ("files",),
        Action.TRANSFER: ("reason",),
        Action.FILE: ("number",),
        Action.CLOSE: ("closure", "officers", "number", "recipient", "minor", "harmless"),
        Action.MERGE: ("into",),
        Action.ADD_ALARMS: ("alarms",),
    }
)
_NO_PENALTY: Final = frozenset({Closure.NO_PENALTY_MINOR, Closure.NO_PENALTY_FIRST})
_CODES: Final = frozenset({"state", "action", "closure", "party"})
"""Fields of a refusal that are codes; each names the table of the catalogue with their names."""

LONGEST_DAYS: Final = 365
"""No deadline is set further ahead [design]: a year typed wrong would put it out of sight."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A condition that is not met: its key below ``supervision.refused`` in the catalogue, and its words' fields."""

    key: str
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> Words:
        """The condition in both languages."""
        fields = {
            name: Words.of(f"supervision.{name}.{value}") if name in _CODES else value for name, value in self.fields
        }
        return Words.of(f"supervision.refused.{self.key}", **fields)


ASKS: Final[Mapping[Action, tuple[str, ...]]] = MappingProxyType(
    {
        action: (
            *(("text",) if action in _NEEDS_TEXT | {Action.FEEDBACK} else ()),
            *(("due",) if action in _NEEDS_DUE else ()),
            *(("officers",) if action in ASKS_OFFICERS else ()),
            *_MORE.get(action, ()),
        )
        for action in FROM
    }
)
"""The fields that an act asks for, in the order in which a form shows them."""


class ActRefusedError(WordedError):
    """An act is not possible, for these reasons."""

    def __init__(self, reasons: tuple[Refusal, ...]) -> None:
        self.reasons = reasons
        said = [reason.words for reason in reasons]
        super().__init__(Words("".join(each.zh for each in said), " ".join(each.en for each in said)))


def barriers(case: Case, action: Action, party: Party) -> tuple[Refusal, ...]:
    """Why somebody cannot do this now, whatever they fill in; empty where it is only a matter of filling in."""
    if party not in BY[action]:
        return (Refusal("party", (("party", party.value), ("action", action.value))),)
    if case.state not in FROM[action]:
        return (Refusal("state", (("state", case.state.value), ("action", action.value))),)
    return ()


def refusals(case: Case, act: Act) -> tuple[Refusal, ...]:
    """Every reason why an act is not possible; empty where it is."""
    if act.action not in FROM:
        return (Refusal("unknown"),)
    if against := barriers(case, act.action, act.party):
        return against
    return (*_missing(act), *_about_due(case, act), *_about_action(case, act))


def _missing(act: Act) -> tuple[Refusal, ...]:
    found = []
    if act.action in _NEEDS_TEXT and not act.text.strip():
        found.append(Refusal("text"))
    if act.action in TWO_OFFICERS and len(set(act.officers)) < 2:
        found.append(Refusal("two_officers"))
    if act.action is Action.ASSIGN and not act.officers:
        found.append(Refusal("officers"))
    if act.action is Action.ASSIGN and len(set(act.officers)) != len(act.officers):
        found.append(Refusal("two_officers"))
    if act.action is Action.FEEDBACK and not act.text.strip() and not act.files:
        found.append(Refusal("feedback"))
    if act.action is Action.ATTACH and not act.files:
        found.append(Refusal("files"))
    if act.action is Action.ADD_ALARMS and not act.alarms:
        found.append(Refusal("alarms"))
    if act.action is Action.FILE and not act.number.strip():
        found.append(Refusal("filing_number"))
    return tuple(found)


def _about_due(case: Case, act: Act) -> tuple[Refusal, ...]:
    if act.action not in _NEEDS_DUE:
        return ()
    if act.due is None:
        return (Refusal("due"),)
    today = act.at.astimezone(ZoneInfo(case.zone)).date()
    if act.due < today:
        return (Refusal("due_past", (("due", act.due.isoformat()), ("today", today.isoformat()))),)
    if act.due > today + timedelta(days=LONGEST_DAYS):
        return (Refusal("due_far", (("due", act.due.isoformat()), ("days", str(LONGEST_DAYS)))),)
    return ()


def _about_action(case: Case, act: Act) -> tuple[Refusal, ...]:
    if act.action is Action.EXTEND:
        return _about_extension(case, act)
    if act.action is Action.TRANSFER:
        return _about_transfer(case, act)
    if act.action is Action.CLOSE:
        return _about_closure(case, act)
    if act.action is Action.MERGE and act.into is None:
        return (Refusal("into"),)
    if act.action is Action.RAISE_PRIORITY and not more_urgent(act.priority, case.priority):
        return (Refusal("not_worse"),)
    return ()


def _about_extension(case: Case, act: Act) -> tuple[Refusal, ...]:
    found = []
    if case.state is CaseState.FILED and act.party is not Party.DIRECTOR:
        found.append(Refusal("director"))
    if case.overdue(act.at):
        found.append(Refusal("already_overdue"))
    if act.due is not None and case.deadline is not None and act.due <= case.deadline.day:
        found.append(Refusal("not_later", (("due", case.deadline.day.isoformat()),)))
    return tuple(found)


def _about_transfer(case: Case, act: Act) -> tuple[Refusal, ...]:
    if act.reason is None:
        return (Refusal("transfer_reason"),)
    ordered = case.measure is Measure.RECTIFICATION
    uncorrected = ordered and case.corrected_at is None and case.measure_due_at is not None
    if act.reason is TransferReason.OVERDUE and not (
        uncorrected and case.measure_due_at is not None and act.at >= case.measure_due_at
    ):
        return (Refusal("not_overdue"),)
    if act.reason is TransferReason.RECHECK_FAILED and not (ordered and case.rechecks_failed):
        return (Refusal("no_failed_recheck"),)
    return ()


def _about_closure(case: Case, act: Act) -> tuple[Refusal, ...]:
    closure = act.closure
    if closure is None:
        return (Refusal("closure"),)
    if closure not in CLOSURES[case.state]:
        return (Refusal("closure_state", (("closure", closure.value), ("state", case.state.value))),)
    found = []
    if closure in _MEASURE_OF and case.measure is not _MEASURE_OF[closure]:
        found.append(Refusal("closure_measure", (("closure", closure.value),)))
    if closure is Closure.REFERRED and not act.recipient.strip():
        found.append(Refusal("recipient"))
    if closure is Closure.DECIDED and not act.number.strip():
        found.append(Refusal("decision_number"))
    if closure in _NO_PENALTY:
        found.extend(_about_no_penalty(case, act, closure))
    return tuple(found)


def _about_no_penalty(case: Case, act: Act, closure: Closure) -> tuple[Refusal, ...]:
    """行政处罚法 Art 33: minor, corrected in time, no harm; or for the first time, minor, corrected."""
    found = []
    if not act.minor:
        found.append(Refusal("not_minor"))
    if len(set(act.officers)) < 2:
        found.append(Refusal("two_officers"))
    if case.measure is not Measure.RECTIFICATION or case.confirmed_at is None:
        found.append(Refusal("not_corrected"))
    elif closure is Closure.NO_PENALTY_MINOR and not case.corrected_in_time():
        found.append(Refusal("not_in_time"))
    if closure is Closure.NO_PENALTY_MINOR and not act.harmless:
        found.append(Refusal("harm"))
    if closure is Closure.NO_PENALTY_FIRST and act.facts.earlier:
        found.append(Refusal("not_first", (("earlier", str(act.facts.earlier)),)))
    return tuple(found)
