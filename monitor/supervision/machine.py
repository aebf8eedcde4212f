"""What moves a case from state to state, as a pure table; what stands in the way is told in `conditions`.

A case is the fold of its acts: `opened`, then `step` for each. Every open case has a clock that runs, and the deadline
that a venue was given is kept until the measure is revoked or the case is taken up anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Final

from monitor.supervision import clocks
from monitor.supervision.case import Act, Action, Case, CaseState, Closure, Measure, Source
from monitor.supervision.clocks import Deadline
from monitor.supervision.conditions import ActRefusedError, Refusal, refusals

MEASURES: Final[Mapping[Action, Measure]] = MappingProxyType(
    {
        Action.WORK_ORDER: Measure.WORK_ORDER,
        Action.GUIDE: Measure.GUIDANCE,
        Action.ORDER: Measure.RECTIFICATION,
    }
)
_NEXT: Final[Mapping[Action, CaseState]] = MappingProxyType(
    {
        Action.ACCEPT: CaseState.VERIFYING,
        Action.WORK_ORDER: CaseState.WORK_ORDER,
        Action.GUIDE: CaseState.GUIDANCE,
        Action.ORDER: CaseState.RECTIFICATION,
        Action.FEEDBACK: CaseState.FEEDBACK,
        Action.RECHECK_PASSED: CaseState.RECTIFIED,
        Action.REVOKE: CaseState.VERIFYING,
        Action.TRANSFER: CaseState.TRANSFERRED,
        Action.FILE: CaseState.FILED,
        Action.CLOSE: CaseState.CLOSED,
        Action.MERGE: CaseState.CLOSED,
        Action.REOPEN: CaseState.VERIFYING,
    }
)
"""Where an act leads; those that are not here leave the state as it is, but a failed recheck: back to the measure."""

_CLOCK_OF: Final[Mapping[CaseState, str]] = MappingProxyType(
    {
        CaseState.LEAD: "assess",
        CaseState.VERIFYING: "verify",
        CaseState.FEEDBACK: "recheck",
        CaseState.RECTIFIED: "conclude",
        CaseState.TRANSFERRED: "file",
        CaseState.FILED: "decide",
    }
)
"""The clock that starts when a case comes into a state; a measure's deadline is set by a person."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A lead as it comes in. `zone` is the site's."""

    site: str
    county: str
    zone: str
    simulated: bool
    source: Source
    subject: str
    priority: str
    source_ref: str = ""


def opened(opening: Opening, act: Act) -> Case:
    """The case that a lead becomes; `act` is its `Action.OPEN`. Raises `ActRefusedError` where nothing says why."""
    if not opening.subject.strip():
        raise ActRefusedError((Refusal("text"),))
    return Case(
        site=opening.site,
        county=opening.county,
        zone=opening.zone,
        simulated=opening.simulated,
        source=opening.source,
        source_ref=opening.source_ref,
        subject=opening.subject,
        priority=opening.priority,
        opened_at=act.at,
        opened_by=act.actor,
        state=CaseState.LEAD,
        since=act.at,
        deadline=clocks.start("assess", act.at, opening.zone),
    )


def step(case: Case, act: Act) -> Case:
    """The case after an act. Raises `ActRefusedError` with every condition that isn't met; nothing has changed then."""
    if against := refusals(case, act):
        raise ActRefusedError(against)
    after = _CHANGES[act.action](case, act) if act.action in _CHANGES else case
    state = _state_after(case, act)
    if state is case.state and act.action is not Action.RECHECK_FAILED:
        return after
    return replace(after, state=state, since=act.at, deadline=_deadline_in(state, after, act))


def _state_after(case: Case, act: Act) -> CaseState:
    if act.action is Action.RECHECK_FAILED:
        return CaseState((case.measure or Measure.RECTIFICATION).value)
    return _NEXT.get(act.action, case.state)


def _deadline_in(state: CaseState, case: Case, act: Act) -> Deadline | None:
    if state is CaseState.CLOSED:
        return None
    if state in _CLOCK_OF:
        return clocks.start(_CLOCK_OF[state], act.at, case.zone)
    return clocks.until(_due(act), act.at, case.zone)


def _due(act: Act) -> date:
    if act.due is None:
        raise ActRefusedError((Refusal("due"),))
    return act.due


# ---------------------------------------------------------------------- what acts change besides state and clock
def _accepted(case: Case, act: Act) -> Case:
    return case if case.officer else replace(case, officer=act.actor)


def _assigned(case: Case, act: Act) -> Case:
    first, second, *_ = (*act.officers, None, None)
    return replace(case, officer=first, second_officer=second)


def _measured(case: Case, act: Act) -> Case:
    return replace(
        _with_officers(_without_measure(case), act),
        measure=MEASURES[act.action],
        requirement=act.text.strip(),
        measure_due_at=clocks.end_of(_due(act), case.zone),
        told_at=case.told_at or act.at,
    )


def _without_measure(case: Case) -> Case:
    return replace(
        case,
        measure=None,
        requirement=None,
        measure_due_at=None,
        extended=0,
        corrected_at=None,
        confirmed_at=None,
        rechecks_failed=0,
    )


def _extended(case: Case, act: Act) -> Case:
    later = clocks.until(_due(act), act.at, case.zone)
    of_measure = case.state in {CaseState(measure.value) for measure in Measure}
    return replace(
        case,
        deadline=later,
        measure_due_at=later.at if of_measure else case.measure_due_at,
        extended=case.extended + 1,
    )


def _reported(case: Case, act: Act) -> Case:
    return replace(case, corrected_at=case.corrected_at or act.at)


def _confirmed(case: Case, act: Act) -> Case:
    return replace(_reported(_with_officers(case, act), act), confirmed_at=act.at)


def _failed(case: Case, act: Act) -> Case:
    return replace(
        _with_officers(case, act),
        corrected_at=None,
        rechecks_failed=case.rechecks_failed + 1,
        requirement=act.text.strip(),
        measure_due_at=clocks.end_of(_due(act), case.zone),
    )


def _forwarded(case: Case, act: Act) -> Case:
    return replace(_with_officers(case, act), told_at=case.told_at or act.at)


def _closed(case: Case, act: Act) -> Case:
    closure = Closure.MERGED if act.action is Action.MERGE else act.closure
    return replace(case, closed_at=act.at, closure=closure, merged_into=act.into)


def _revoked(case: Case, _: Act) -> Case:
    return _without_measure(case)


def _reopened(case: Case, _: Act) -> Case:
    return replace(_without_measure(case), closed_at=None, closure=None, merged_into=None)


def _raised(case: Case, act: Act) -> Case:
    """The only way that a priority changes, and `refusals` lets it go up only."""
    return replace(case, priority=act.priority)


def _with_officers(case: Case, act: Act) -> Case:
    """Those who were on site are the case's from then on, where it had none."""
    if case.officer is None:
        return _assigned(case, act)
    if case.second_officer is None:
        return replace(case, second_officer=next((each for each in act.officers if each != case.officer), None))
    return case


_CHANGES: Final[Mapping[Action, Callable[[Case, Act], Case]]] = MappingProxyType(
    {
        Action.ACCEPT: _accepted,
        Action.ASSIGN: _assigned,
        Action.WORK_ORDER: _measured,
        Action.GUIDE: _measured,
        Action.ORDER: _measured,
        Action.EXTEND: _extended,
        Action.FEEDBACK: _reported,
        Action.RECHECK_PASSED: _confirmed,
        Action.RECHECK_FAILED: _failed,
        Action.TRANSFER: _forwarded,
        Action.FILE: _forwarded,
        Action.CLOSE: _closed,
        Action.MERGE: _closed,
        Action.REVOKE: _revoked,
        Action.REOPEN: _reopened,
        Action.RAISE_PRIORITY: _raised,
    }
)
