"""What can be done about a case now, and why the rest cannot: each act tried with everything filled in."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from monitor.supervision.case import CLOSURES, Act, Action, Case, Closure, Facts, Party, TransferReason
from monitor.supervision.conditions import BY, FROM, LONGEST_DAYS, Refusal, barriers, refusals

_SOMEBODY: Final = ("\x00first", "\x00second")


@dataclass(frozen=True, slots=True)
class Choice:
    """A reason that may be chosen for an act, and what stands in its way."""

    value: str
    against: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """An act: nothing in `against` means that it is possible once its form is filled in."""

    action: Action
    against: tuple[Refusal, ...]
    choices: tuple[Choice, ...] = ()

    @property
    def possible(self) -> bool:
        """Whether it can be done now."""
        return not self.against


def outlook(case: Case, party: Party, now: datetime, facts: Facts) -> list[Outlook]:
    """Every act that people take, in the order of the workflow."""
    return [_of(case, action, party, now, facts) for action in FROM if BY[action] != {Party.PLATFORM}]


def _of(case: Case, action: Action, party: Party, now: datetime, facts: Facts) -> Outlook:
    if against := barriers(case, action, party):
        return Outlook(action, against)
    ideal = Act(
        action,
        now,
        "",
        party,
        text="-",
        due=now.astimezone(ZoneInfo(case.zone)).date() + timedelta(days=LONGEST_DAYS),
        officers=_SOMEBODY,
        number="-",
        recipient="-",
        minor=True,
        harmless=True,
        into=0,
        files=1,
        alarms=(0,),
        facts=facts,
    )
    if action is Action.CLOSE:
        choices = [
            Choice(each.value, refusals(case, replace(ideal, closure=each)))
            for each in Closure
            if each in CLOSURES[case.state]
        ]
    elif action is Action.TRANSFER:
        choices = [Choice(each.value, refusals(case, replace(ideal, reason=each))) for each in TransferReason]
    else:
        return Outlook(action, refusals(case, ideal))
    possible = any(not choice.against for choice in choices)
    return Outlook(action, () if possible else choices[0].against, tuple(choices))
