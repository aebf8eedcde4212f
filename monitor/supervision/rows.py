"""A case and its acts as the rows of their tables, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import Any, Final

from monitor.supervision.case import (
    Act,
    Action,
    Case,
    CaseState,
    Closure,
    Facts,
    Measure,
    Party,
    Source,
    TransferReason,
)
from monitor.supervision.clocks import Deadline

_SAME: Final = (
    "site", "county", "zone", "simulated", "source_ref", "subject", "priority", "opened_at", "opened_by", "since",
    "officer", "second_officer", "requirement", "measure_due_at", "extended", "corrected_at", "confirmed_at",
    "rechecks_failed", "told_at", "closed_at", "merged_into",
)  # fmt: skip
"""Fields whose column has the same name and value."""
_ENUMS: Final[Mapping[str, type[StrEnum]]] = {
    "source": Source,
    "state": CaseState,
    "measure": Measure,
    "closure": Closure,
}


def row_of(case: Case) -> dict[str, Any]:
    """The columns of a case."""
    running = case.deadline
    return {
        **{name: getattr(case, name) for name in _SAME},
        **{name: None if (value := getattr(case, name)) is None else str(value) for name in _ENUMS},
        "clock": running.clock if running else None,
        "clock_from": running.start if running else None,
        "clock_days": running.days if running else None,
        "due_day": running.day if running else None,
        "due_at": running.at if running else None,
        "due_unpublished": running.unpublished if running else None,
    }


def case_of(row: Mapping[str, Any]) -> Case:
    """The case of a row (column name → value)."""
    fields: dict[str, Any] = {name: row[name] for name in _SAME}
    fields |= {name: None if row[name] is None else known(row[name]) for name, known in _ENUMS.items()}
    running = ("clock", "clock_from", "clock_days", "due_day", "due_at", "due_unpublished")
    return Case(**fields, deadline=None if row["clock"] is None else Deadline(*(row[name] for name in running)))


_GIVEN: Final = (
    "officers", "closure", "reason", "number", "recipient", "minor", "harmless", "into", "files", "alarms", "priority",
)  # fmt: skip


def detail_of(act: Act) -> dict[str, Any]:
    """What a person gave, as JSON: with time, actor and text of the event it makes the act again."""
    given = asdict(act)
    detail = {name: given[name] for name in _GIVEN if given[name] not in (None, "", (), 0, False)}
    if act.due is not None:
        detail["due"] = act.due.isoformat()
    if act.facts.earlier:
        detail["earlier"] = act.facts.earlier
    return {"party": act.party.value, **detail}


def act_of(event: Mapping[str, Any]) -> Act:
    """The act of an event's row."""
    detail = event["detail"]
    return Act(
        action=Action(event["action"]),
        at=event["at"],
        actor=event["actor"],
        party=Party(detail["party"]),
        text=event["text"],
        due=date.fromisoformat(detail["due"]) if "due" in detail else None,
        officers=tuple(detail.get("officers", ())),
        closure=Closure(detail["closure"]) if "closure" in detail else None,
        reason=TransferReason(detail["reason"]) if "reason" in detail else None,
        number=detail.get("number", ""),
        recipient=detail.get("recipient", ""),
        minor=detail.get("minor", False),
        harmless=detail.get("harmless", False),
        into=detail.get("into"),
        files=detail.get("files", 0),
        alarms=tuple(detail.get("alarms", ())),
        priority=detail.get("priority", ""),
        facts=Facts(detail.get("earlier", 0)),
    )
