"""The workflow of a case: stories, and laws that hold on every path."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

from monitor.supervision.case import (
    CLOSURES,
    PRIORITIES,
    Act,
    Action,
    CaseState,
    Closure,
    Facts,
    Measure,
    Party,
    TransferReason,
)
from monitor.supervision.conditions import FROM, TWO_OFFICERS, ActRefusedError, barriers, refusals
from monitor.supervision.machine import step
from monitor.supervision.outlook import outlook
from registry.catalogue import LANGUAGES, entries
from tests.supervision.stories import MONDAY, Step, a_case, act, after, day_after, lives

DAY = timedelta(days=1)
ORDERED = (act(Action.ACCEPT), act(Action.ORDER, due_in=7))


def keys(error: ActRefusedError) -> list[str]:
    """What stood in the way."""
    return [reason.key for reason in error.reasons]


def refused(case_acts: tuple[Act, ...], *, case: object = None) -> list[str]:
    """Why the last of some acts is not possible."""
    *before, last = case_acts
    start = after(*before) if before else a_case()
    with pytest.raises(ActRefusedError) as caught:
        step(start, last)
    return keys(caught.value)


def test_the_loop_from_lead_to_closure() -> None:
    """Found, ordered with a deadline, corrected, looked at again, closed with a reason: each state with its clock."""
    case = a_case()
    assert (case.state, case.deadline and case.deadline.clock) == (CaseState.LEAD, "assess")
    case = step(case, act(Action.ACCEPT))
    assert (case.state, case.officer) == (CaseState.VERIFYING, "li")
    case = step(case, act(Action.ORDER, text="停用一号池并恢复加药", due_in=7))
    assert (case.state, case.measure, case.requirement) == (
        CaseState.RECTIFICATION,
        Measure.RECTIFICATION,
        "停用一号池并恢复加药",
    )
    assert case.second_officer == "wang"
    assert case.deadline is not None
    assert case.deadline.day == day_after(MONDAY, 7)
    case = step(case, act(Action.FEEDBACK, MONDAY + 3 * DAY, Party.VENUE))
    assert (case.state, case.deadline and case.deadline.clock) == (CaseState.FEEDBACK, "recheck")
    case = step(case, act(Action.RECHECK_PASSED, MONDAY + 5 * DAY))
    assert case.corrected_in_time()
    case = step(case, act(Action.CLOSE, MONDAY + 6 * DAY, closure=Closure.RECTIFIED))
    assert (case.state, case.closure, case.deadline) == (CaseState.CLOSED, Closure.RECTIFIED, None)


def test_minor_and_corrected_in_time_ends_without_penalty() -> None:
    """Art 33: corrected before the deadline, minor, without harm, found by two officers: no penalty."""
    corrected = (*ORDERED, act(Action.FEEDBACK, MONDAY + DAY, Party.VENUE), act(Action.RECHECK_PASSED, MONDAY + DAY))
    ending = act(Action.CLOSE, MONDAY + 2 * DAY, closure=Closure.NO_PENALTY_MINOR, minor=True, harmless=True)
    assert after(*corrected, ending).closure is Closure.NO_PENALTY_MINOR


def test_art_33_names_each_condition_that_is_missing() -> None:
    """Corrected late, not minor, harmful, one officer: four reasons at once."""
    late = (
        *ORDERED,
        act(Action.FEEDBACK, MONDAY + 9 * DAY, Party.VENUE),
        act(Action.RECHECK_PASSED, MONDAY + 10 * DAY),
        act(Action.CLOSE, MONDAY + 10 * DAY, closure=Closure.NO_PENALTY_MINOR, officers=("li",)),
    )
    assert refused(late) == ["not_minor", "two_officers", "not_in_time", "harm"]


def test_the_first_time_may_end_without_penalty_though_late() -> None:
    """Art 33's second way asks for no deadline, but for the first time; the second time it is refused."""
    late = (
        *ORDERED,
        act(Action.FEEDBACK, MONDAY + 9 * DAY, Party.VENUE),
        act(Action.RECHECK_PASSED, MONDAY + 10 * DAY),
    )
    ending = act(Action.CLOSE, MONDAY + 10 * DAY, closure=Closure.NO_PENALTY_FIRST, minor=True)
    assert after(*late, ending).closure is Closure.NO_PENALTY_FIRST
    again = act(Action.CLOSE, MONDAY + 10 * DAY, closure=Closure.NO_PENALTY_FIRST, minor=True, earlier=1)
    assert refused((*late, again)) == ["not_first"]


def test_feedback_that_nobody_checked_is_no_correction() -> None:
    """What a venue reports is not yet corrected: Art 33 needs a passed recheck, even after a transfer."""
    told = (
        *ORDERED,
        act(Action.FEEDBACK, MONDAY + DAY, Party.VENUE),
        act(Action.TRANSFER, MONDAY + DAY, reason=TransferReason.SUSPECTED_BREACH),
        act(Action.CLOSE, MONDAY + 2 * DAY, closure=Closure.NO_PENALTY_MINOR, minor=True, harmless=True),
    )
    assert refused(told) == ["not_corrected"]


def test_overdue_goes_to_formal_filing_and_not_before() -> None:
    """On the last day the deadline runs still; on the next the case may be transferred, filed, decided."""
    reason = {"reason": TransferReason.OVERDUE}
    last_day = act(Action.TRANSFER, MONDAY + 7 * DAY, **reason)  # type: ignore[arg-type]
    assert refused((*ORDERED, last_day)) == ["not_overdue"]
    next_day = act(Action.TRANSFER, MONDAY + 8 * DAY, **reason)  # type: ignore[arg-type]
    assert after(*ORDERED).overdue(MONDAY + 8 * DAY)
    case = after(*ORDERED, next_day)
    assert (case.state, case.deadline and case.deadline.clock) == (CaseState.TRANSFERRED, "file")
    case = step(case, act(Action.FILE, MONDAY + 9 * DAY))
    assert (case.state, case.deadline and case.deadline.clock) == (CaseState.FILED, "decide")
    case = step(case, act(Action.CLOSE, MONDAY + 60 * DAY, closure=Closure.DECIDED))
    assert case.closure is Closure.DECIDED


def test_a_failed_recheck_needs_a_new_deadline_and_is_remembered() -> None:
    """Back to the order with a new day; what was reported is void, and the case may be transferred for it."""
    failed = act(Action.RECHECK_FAILED, MONDAY + 4 * DAY, due_in=3)
    case = after(*ORDERED, act(Action.FEEDBACK, MONDAY + DAY, Party.VENUE), failed)
    assert (case.state, case.rechecks_failed, case.corrected_at) == (CaseState.RECTIFICATION, 1, None)
    assert case.deadline is not None
    assert case.deadline.day == day_after(MONDAY, 7)
    reason = TransferReason.RECHECK_FAILED
    assert after(act(Action.TRANSFER, MONDAY + 5 * DAY, reason=reason), case=case).state is CaseState.TRANSFERRED
    assert refused((*ORDERED, act(Action.RECHECK_FAILED, MONDAY + DAY, due_in=None))) == ["due"]


def test_a_deadline_is_extended_before_it_has_passed_and_only_forward() -> None:
    """An extension has a reason and a later day; once overdue it is too late for one."""
    case = after(*ORDERED, act(Action.EXTEND, MONDAY + 6 * DAY, due_in=10))
    assert case.extended == 1
    assert case.measure_due_at == (case.deadline and case.deadline.at)
    assert refused((*ORDERED, act(Action.EXTEND, MONDAY + DAY, due_in=2))) == ["not_later"]
    assert refused((*ORDERED, act(Action.EXTEND, MONDAY + 8 * DAY, due_in=20))) == ["already_overdue"]
    assert refused((*ORDERED, act(Action.EXTEND, MONDAY + DAY, due_in=20, text=""))) == ["text"]


def test_enforcement_takes_two_officers() -> None:
    """An order, a recheck, a transfer, a filing by one officer, or by the same one named twice, is refused (Art 42)."""
    for officers in ((), ("li",), ("li", "li")):
        assert refused((act(Action.ACCEPT), act(Action.ORDER, officers=officers))) == ["two_officers"]
    assert {Action.ORDER, Action.RECHECK_PASSED, Action.TRANSFER, Action.FILE} <= TWO_OFFICERS


def test_an_equipment_fault_becomes_a_work_order() -> None:
    """A fault of the equipment is repaired and looked at, and is closed as repaired, not as rectified."""
    repaired = (
        act(Action.ACCEPT),
        act(Action.WORK_ORDER, due_in=3),
        act(Action.FEEDBACK, MONDAY + DAY, Party.VENUE),
        act(Action.RECHECK_PASSED, MONDAY + DAY),
    )
    assert after(*repaired, act(Action.CLOSE, MONDAY + DAY, closure=Closure.REPAIRED)).closure is Closure.REPAIRED
    assert refused((*repaired, act(Action.CLOSE, MONDAY + DAY, closure=Closure.RECTIFIED))) == ["closure_measure"]


def test_a_case_under_an_order_cannot_vanish_into_another() -> None:
    """Leads of one site are merged; once the venue was given a deadline the case must be brought to its own end."""
    assert after(act(Action.ACCEPT), act(Action.MERGE, into=3)).merged_into == 3
    assert refused((*ORDERED, act(Action.MERGE, into=3))) == ["state"]


def test_a_closed_case_is_reopened_by_who_directs() -> None:
    """With a reason, and the workflow begins anew at verification; an officer alone may not."""
    closed = (act(Action.ACCEPT), act(Action.CLOSE, closure=Closure.FALSE_ALARM))
    case = after(*closed, act(Action.REOPEN, MONDAY + DAY, Party.DIRECTOR))
    assert (case.state, case.closure, case.closed_at) == (CaseState.VERIFYING, None, None)
    assert refused((*closed, act(Action.REOPEN, MONDAY + DAY))) == ["party"]


def test_a_venue_gives_feedback_and_nothing_else() -> None:
    """Whatever the state, a venue can do one thing."""
    case = after(*ORDERED)
    allowed = [action for action in FROM if not barriers(case, action, Party.VENUE)]
    assert allowed == [Action.FEEDBACK]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_case_rises_with_its_warning(priority: str) -> None:
    """To whatever is above it, at any time while it is open; to the same, to less or to nonsense it does not."""
    case = replace(a_case(), priority=priority)
    for wanted in (*PRIORITIES, "", "urgent"):
        raising = act(Action.RAISE_PRIORITY, party=Party.PLATFORM, priority=wanted)
        if wanted in PRIORITIES[: PRIORITIES.index(priority)]:
            assert step(case, raising) == replace(case, priority=wanted)
        else:
            assert [each.key for each in refusals(case, raising)] == ["not_worse"]


def test_nobody_raises_a_priority_by_hand() -> None:
    """It follows from the warnings: no person is offered the step, and none may take it."""
    for party in (Party.OFFICER, Party.DIRECTOR, Party.VENUE):
        assert [each.key for each in barriers(a_case(), Action.RAISE_PRIORITY, party)] == ["party"]
        assert Action.RAISE_PRIORITY not in {each.action for each in outlook(a_case(), party, MONDAY, Facts())}


def test_every_reason_and_name_has_words() -> None:
    """Each state, action, closure, clock and refusal is in the catalogue, in both languages."""
    kinds = {"state": CaseState, "action": Action, "closure": Closure, "measure": Measure, "transfer": TransferReason}
    for table, names in kinds.items():
        for name in names:
            assert set(entries()[f"supervision.{table}.{name.value}"]) == set(LANGUAGES)


# ---------------------------------------------------------------------- laws of every path
@settings(max_examples=100)
@given(lives())
def test_no_path_loses_a_deadline(life: list[Step]) -> None:
    """An open case always has a clock; a venue's deadline ends with the measure only, and moves with a reason only."""
    for each in life:
        case, done = each.after, each.act
        assert (case.state is CaseState.CLOSED) == (case.deadline is None)
        assert (case.measure is None) == (case.measure_due_at is None)
        under_measure = case.state.value in {*Measure} | {"feedback", "rectified"}
        assert not under_measure or case.measure is not None
        before = each.before.measure_due_at
        if before is not None and case.measure_due_at != before:
            assert done.text.strip(), "with a reason"
            assert done.action in {
                Action.EXTEND,
                Action.RECHECK_FAILED,
                Action.ORDER,
                Action.REVOKE,
                Action.REOPEN,
            }
        if done.action is Action.EXTEND and each.refused is None:
            assert each.before.deadline is not None
            assert case.deadline is not None
            assert case.deadline.at > each.before.deadline.at > done.at


@settings(max_examples=100)
@given(lives())
def test_no_path_closes_without_its_conditions(life: list[Step]) -> None:
    """A case closes with a reason in words, from a state that allows this closure, with what the closure asks for."""
    for each in life:
        if each.after.state is not CaseState.CLOSED or each.before.state is CaseState.CLOSED:
            continue
        case, done = each.after, each.act
        assert done.text.strip()
        if done.action is Action.MERGE:
            assert case.merged_into is not None
            assert each.before.measure is None
            continue
        assert case.closure in CLOSURES[each.before.state]
        if case.closure in {Closure.RECTIFIED, Closure.NO_PENALTY_MINOR, Closure.NO_PENALTY_FIRST}:
            assert case.measure is Measure.RECTIFICATION
            assert case.confirmed_at is not None
        if case.closure in {Closure.NO_PENALTY_MINOR, Closure.NO_PENALTY_FIRST}:
            assert len(set(done.officers)) >= 2
            assert done.minor
        if case.closure is Closure.NO_PENALTY_MINOR:
            assert done.harmless
            assert case.corrected_in_time()
        if case.closure is Closure.NO_PENALTY_FIRST:
            assert done.facts.earlier == 0


@settings(max_examples=60)
@given(lives())
def test_enforcement_is_never_done_alone(life: list[Step]) -> None:
    """On every path an order, a recheck, a transfer and a filing had two officers, and then the case has two."""
    for each in life:
        if each.refused is None and each.act.action in TWO_OFFICERS:
            assert len(set(each.act.officers)) >= 2
            assert each.after.officer is not None
            assert each.after.second_officer not in {None, each.after.officer}


@settings(max_examples=60)
@given(lives())
def test_what_is_refused_changes_nothing_and_says_why(life: list[Step]) -> None:
    """A refusal has reasons, each in the catalogue; what is not refused has none."""
    for each in life:
        if each.refused is None:
            assert refusals(each.before, each.act) == ()
            continue
        assert each.after is each.before
        assert each.refused.reasons
        for reason in each.refused.reasons:
            fields = dict(reason.fields)
            for language in LANGUAGES:
                assert entries()[f"supervision.refused.{reason.key}"][language].format(**fields)


@settings(max_examples=100)
@given(lives())
def test_a_priority_only_rises_and_only_with_a_warning(life: list[Step]) -> None:
    """Whatever is done: it changes by the platform's own step alone, while the case is open, and only upward."""
    for each in life:
        before, now = each.before.priority, each.after.priority
        if now != before:
            assert each.act.action is Action.RAISE_PRIORITY
            assert each.act.party is Party.PLATFORM
            assert each.before.state is not CaseState.CLOSED
            assert PRIORITIES.index(now) < PRIORITIES.index(before)
            assert (each.after.state, each.after.deadline) == (each.before.state, each.before.deadline)


@settings(max_examples=40)
@given(lives())
def test_the_same_acts_make_the_same_case(life: list[Step]) -> None:
    """A case is the fold of its acts: folding those that were possible again gives it, field by field."""
    case = life[0].before
    for each in life:
        if each.refused is None:
            case = step(case, each.act)
    assert case == life[-1].after
