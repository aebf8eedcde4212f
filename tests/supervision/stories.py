"""Cases for tests: one as it comes in, and random lives of cases for properties."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from monitor.supervision.case import PRIORITIES, Act, Action, Case, Closure, Facts, Party, Source, TransferReason
from monitor.supervision.conditions import FROM, ActRefusedError
from monitor.supervision.machine import Opening, opened, step

ZONE = "Asia/Shanghai"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in Nantong, a working day far from any holiday."""
TWO = ("li", "wang")
OPENING = Opening("P-1", "320602", ZONE, False, Source.ALARM, "一号池 余氯低于限值", "high")


def a_case(at: datetime = MONDAY) -> Case:
    """A lead that came in at a moment."""
    return opened(OPENING, Act(Action.OPEN, at, "li", Party.OFFICER))


def day_after(at: datetime, days: int) -> date:
    """A local day after a moment."""
    return at.astimezone(ZoneInfo(ZONE)).date() + timedelta(days=days)


def act(
    action: Action,
    at: datetime = MONDAY,
    party: Party = Party.OFFICER,
    *,
    text: str = "说明",
    due_in: int | None = 7,
    officers: tuple[str, ...] = TWO,
    closure: Closure | None = None,
    reason: TransferReason | None = None,
    number: str = "通卫〔2026〕1号",
    recipient: str = "市生态环境局",
    minor: bool = False,
    harmless: bool = False,
    into: int | None = None,
    files: int = 1,
    alarms: tuple[int, ...] = (7,),
    priority: str = "",
    earlier: int = 0,
) -> Act:
    """An act with everything filled in that any act may need."""
    return Act(
        action,
        at,
        "li",
        party,
        text=text,
        due=None if due_in is None else day_after(at, due_in),
        officers=officers,
        closure=closure,
        reason=reason,
        number=number,
        recipient=recipient,
        minor=minor,
        harmless=harmless,
        into=into,
        files=files,
        alarms=alarms,
        priority=priority,
        facts=Facts(earlier),
    )


def after(*acts: Act, case: Case | None = None) -> Case:
    """The case after acts that must all be possible."""
    now = case or a_case(acts[0].at)
    for each in acts:
        now = step(now, each)
    return now


@dataclass(frozen=True)
class Step:
    """One act of a random life, possible or refused."""

    before: Case
    act: Act
    after: Case
    refused: ActRefusedError | None


@st.composite
def acts(draw: st.DrawFn, at: datetime, case: Case) -> Act:
    """An act at a moment: mostly one that the state allows, with anything filled in or left out."""
    possible = [action for action, states in FROM.items() if case.state in states]
    everything = st.sampled_from(sorted(FROM))
    action = draw(st.one_of(st.sampled_from(possible), st.sampled_from(possible), everything))
    sometimes = st.sampled_from([True, True, True, False])
    return act(
        action,
        at,
        draw(st.sampled_from([Party.OFFICER, Party.DIRECTOR, Party.DIRECTOR, Party.VENUE, Party.PLATFORM])),
        text="说明" if draw(sometimes) else " ",
        due_in=draw(st.integers(-2, 60)) if draw(sometimes) else None,
        officers=draw(st.sampled_from([TWO, TWO, ("wang", "zhao"), ("li",), ("li", "li"), ()])),
        closure=draw(st.sampled_from([*Closure])),
        reason=draw(st.sampled_from([*TransferReason, None])),
        number="1" if draw(sometimes) else "",
        recipient="局" if draw(sometimes) else "",
        minor=draw(sometimes),
        harmless=draw(sometimes),
        into=3 if draw(sometimes) else None,
        files=draw(st.integers(0, 1)),
        alarms=(7,) if draw(sometimes) else (),
        priority=draw(st.sampled_from([*PRIORITIES, "", "urgent"])),
        earlier=draw(st.sampled_from([0, 0, 2])),
    )


@st.composite
def lives(draw: st.DrawFn) -> list[Step]:
    """A case from its lead on, through up to twenty acts with days between them, anywhere in three years."""
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=draw(st.integers(0, 24 * 790)))
    case = replace(a_case(at), priority=draw(st.sampled_from(PRIORITIES)))
    told = []
    for _ in range(draw(st.integers(1, 20))):
        at += timedelta(hours=draw(st.integers(0, 24 * 12)))
        done = draw(acts(at, case))
        try:
            then, refused = step(case, done), None
        except ActRefusedError as error:
            then, refused = case, error
        told.append(Step(case, done, then, refused))
        case = then
    return told
