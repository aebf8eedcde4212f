"""The book of cases: opening one, and each step, in one transaction with its event and its line in the audit log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from monitor.supervision import clocks
from monitor.supervision.attachments import Attachment
from monitor.supervision.case import Act, Action, Case, CaseState, Facts, Party
from monitor.supervision.conditions import ActRefusedError, Refusal
from monitor.supervision.machine import Opening, opened, step
from monitor.supervision.rows import case_of, detail_of, row_of
from monitor.supervision.telling import tell
from registry.words import WordedError, Words
from registry.working_days import LAST_YEAR
from store import audit, cases
from store.connections import Connection

PLATFORM: Final = "platform"
"""Who acts where nobody does."""


class CaseMissingError(LookupError):
    """There is no case with this number."""


class AlarmTakenError(WordedError):
    """A warning is in a case already."""

    def __init__(self, alarm: int, case: int) -> None:
        self.alarm = alarm
        self.case = case
        super().__init__(Words.of("refusal.cases.alarm_taken", alarm=alarm, number=case))


def open_case(connection: Connection, opening: Opening, act: Act, files: Sequence[Attachment] = ()) -> int:
    """Enter a lead with its warnings (`act.alarms`) and files, and return its number. To be called in a transaction.

    Raises `ActRefusedError` where nothing says what it is about, `AlarmTakenError` where a warning is in another case.
    """
    case, act = opened(opening, act), replace(act, priority=opening.priority)
    number = cases.add_case(connection, row_of(case))
    _note(connection, number, case, act, files)
    _link(connection, number, act)
    return number


def take_step(
    connection: Connection, number: int, act: Act, files: Sequence[Attachment] = (), *, for_venue: bool = False
) -> Case:
    """Do something about a case, and return it as it is then. To be called in a transaction.

    `for_venue`: files of an officer are shown to the venue; a venue's own always are.

    Raises `CaseMissingError`, `ActRefusedError` with every condition that is not met, and `AlarmTakenError`.
    """
    # In the order of their numbers: two merges in opposite directions must not wait for each other.
    locked = {each: cases.find_case(connection, each, lock=True) for each in sorted({number, act.into or number})}
    row = locked[number]
    if row is None:
        raise CaseMissingError(number)
    case = case_of(row)
    act = replace(act, facts=facts_of(connection, case), files=len(files))
    after = step(case, act)
    if act.action is Action.MERGE:
        _merge(connection, number, after, act)
    cases.save_case(connection, number, row_of(after))
    _note(connection, number, after, act, files, for_venue=for_venue)
    if act.action is Action.ADD_ALARMS:
        _link(connection, number, act)
    tell(connection, number, after, act)
    return after


def facts_of(connection: Connection, case: Case) -> Facts:
    """What the rest of the book says that matters to a case."""
    return Facts(earlier=cases.earlier_enforced(connection, case.site, case.opened_at))


def recount(connection: Connection, now: datetime) -> list[int]:
    """Set deadlines that waited for a year's calendar by what is published now; returns the cases. In a transaction."""
    changed = []
    for row in cases.waiting_for_a_calendar(connection, LAST_YEAR):
        case = case_of(row)
        if case.deadline is None:
            continue
        after = replace(case, deadline=clocks.recounted(case.deadline, case.zone))
        cases.save_case(connection, row["id"], row_of(after))
        told = {"from": str(case.deadline.day), "to": str(row_of(after)["due_day"]), "year": case.deadline.unpublished}
        audit.append(connection, PLATFORM, "case_recounted", f"case:{row['id']}", told, now)
        changed.append(int(row["id"]))
    return changed


def raise_priorities(connection: Connection, now: datetime) -> list[int]:
    """Raise open cases to the priority of the worst of their warnings; returns them, each in a transaction of its own.

    A warning may have got worse, or have joined the case. Nothing lowers a priority again: what was once urgent is for
    a person to judge.
    """
    raised = []
    for number, priority, alarms in cases.behind_their_alarms(connection):
        act = Act(Action.RAISE_PRIORITY, now, PLATFORM, Party.PLATFORM, alarms=tuple(alarms), priority=priority)
        try:
            with connection.transaction():
                take_step(connection, number, act)
        except ActRefusedError:  # somebody closed it in between
            continue
        raised.append(number)
    return raised


def _merge(connection: Connection, number: int, case: Case, act: Act) -> None:
    """Hand the warnings over. The other case must be one that is open, of the same site and book."""
    into = cases.find_case(connection, act.into or 0, lock=True)
    fit = into is not None and into["id"] != number and into["site"] == case.site
    if into is None or not fit or into["state"] == CaseState.CLOSED.value:
        raise ActRefusedError((Refusal("into_unfit", (("into", str(act.into)),)),))
    alarms = tuple(cases.alarms_of_case(connection, number))
    cases.move_alarms(connection, number, into["id"])
    received = replace(act, action=Action.ADD_ALARMS if alarms else Action.NOTE, alarms=alarms, into=number, files=0)
    _note(connection, into["id"], case_of(into), received)


def _note(
    connection: Connection,
    number: int,
    case: Case,
    act: Act,
    files: Sequence[Attachment] = (),
    *,
    for_venue: bool = False,
) -> None:
    detail = detail_of(act)
    event = cases.add_event(
        connection, number, act.at, act.action.value, case.state.value, act.actor, act.text.strip(), detail
    )
    for each in files:
        cases.add_file(
            connection,
            number,
            event,
            name=each.name,
            media_type=each.media_type,
            sha256=each.sha256,
            content=each.content,
            for_venue=for_venue or act.party is Party.VENUE,
            at=act.at,
            by=act.actor,
        )
    told = {"event": event, "state": case.state.value, "text": act.text.strip(), **detail}
    if files:
        told["files"] = [{"name": each.name, "sha256": each.sha256} for each in files]
    audit.append(connection, act.actor, f"case_{act.action.value}", f"case:{number}", told, act.at)


def _link(connection: Connection, number: int, act: Act) -> None:
    elsewhere = cases.link_alarms(connection, number, act.alarms, act.actor, act.at)
    for alarm, case in elsewhere.items():
        raise AlarmTakenError(alarm, case)
