"""Who would be told of an alarm, when, on what, and why: the stages themselves, asked about what may come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from monitor.notify.addressing import Address
from monitor.notify.fanning import FanOut
from monitor.notify.hours import next_boundary, reached
from monitor.notify.model import (
    Drop,
    Group,
    Matter,
    Message,
    Office,
    Outcome,
    Reason,
    Recipient,
    Role,
    Route,
    Step,
    Telling,
    World,
)
from monitor.notify.muting import Mute
from monitor.notify.routing import Choose, Gather

HORIZON: Final = timedelta(days=14)
"""How far ahead a step is looked for; the longest holiday is nine days."""
_GRAIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who would be told, chosen by roster or role, and the channels it would go out on."""

    recipient: Recipient
    drops: tuple[Drop, ...]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step of the route: from when it tells, if nobody acknowledges before; None where that is beyond the horizon."""

    role: Role
    at: datetime | None
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would come of an alarm. `outcome` is why nobody is told; then `steps` say who else would be.

    `beside` are routes that would tell their people as well, each with its steps.
    """

    outcome: Outcome | None
    route: Route | None
    steps: tuple[StepPlan, ...] = ()
    beside: tuple[tuple[Route, tuple[StepPlan, ...]], ...] = ()


def plan(world: World, matter: Matter, now: datetime) -> Plan:
    """Who would be told of an alarm that nobody acknowledges, step by step, from `now` on."""
    others = [each for each in world.matters if each.id != matter.id]
    _, muted = Mute().run([*others, matter])
    routed, _ = Choose(world.routes).run([matter])
    # As if nobody had been told yet: the clock of escalation begins with the first step.
    empty = replace(world, log={}, sent={})
    plans = [(group.route, _steps(empty, group, matter, now)) for group in Gather().run(routed)]
    beside = tuple(each for each in plans if each[0].beside)
    outcome = muted.get(matter.id)
    taking = next((each for each in plans if not each[0].beside), None)
    if taking is None:
        return Plan(outcome or Outcome.NO_ROUTE, None, beside=beside)
    route, steps = taking
    if outcome is None and not any(each.told for each in steps):
        outcome = Outcome.NOBODY
    return Plan(outcome, route, steps, beside)


def _steps(world: World, group: Group, matter: Matter, now: datetime) -> tuple[StepPlan, ...]:
    route = group.route
    ready = max(now, matter.raised_at + route.group_wait)
    if route.digest is not None:
        ready = next_boundary(ready, route.digest, group.zone)
    found: list[StepPlan] = []
    known: set[str] = set()
    begin, waiting_for_nobody = ready, False
    for number, step in enumerate(route.steps):
        at = ready if waiting_for_nobody else when_reached(step, begin, group.zone, world.office_of(group))
        told: tuple[Told, ...] = ()
        if at is not None:
            address = Address(world, at)
            names = [each for each in address.at_step(step.role, group) if each[0] not in known]
            recipients = [Recipient(name, number, step.role, by) for name, by in names]
            if not known:
                recipients += _receivers(world, group) if recipients else []
            told = tuple(_told(world, group, matter, each, at) for each in recipients)
            known |= {each.name for each in recipients}
            if known and number == 0:
                begin = at
            waiting_for_nobody = not known
            ready = max(ready, at)
        found.append(StepPlan(step.role, at, told))
    if not known and found and found[-1].at is not None and not route.beside:
        at = found[-1].at
        last = [
            Recipient(name, len(route.steps), Role.ADMINISTRATOR, by)
            for name, by in Address(world, at).at_step(Role.ADMINISTRATOR, group)
        ]
        found.append(StepPlan(Role.ADMINISTRATOR, at, tuple(_told(world, group, matter, each, at) for each in last)))
    return tuple(found)


def _receivers(world: World, group: Group) -> Sequence[Recipient]:
    return [
        Recipient(f"channel:{each}", 0, None, "route")
        for each in group.route.receivers
        if each in world.channels and world.channels[each].demonstration == group.simulated
    ]


def _told(world: World, group: Group, matter: Matter, recipient: Recipient, at: datetime) -> Told:
    message = Message(recipient.name, (Telling(group, recipient, Reason.NEW, (matter,), None),))
    return Told(recipient, tuple(FanOut(world, at).run(message)))


def when_reached(step: Step, begin: datetime, zone: str, office: Office | None) -> datetime | None:
    """The first instant, to the second, at which a step's time has come; None within the horizon never."""
    if reached(step, begin, begin, zone, office):
        return begin
    last = begin
    while last < begin + HORIZON:
        at = last + _GRAIN
        if reached(step, begin, at, zone, office):
            return _first(step, begin, last, at, zone, office)
        last = at
    return None


def _first(step: Step, begin: datetime, no: datetime, yes: datetime, zone: str, office: Office | None) -> datetime:
    """Halve the span between an instant at which the step is not due and one at which it is."""
    while yes - no > timedelta(seconds=1):
        middle = no + (yes - no) / 2
        if reached(step, begin, middle, zone, office):
            yes = middle
        else:
            no = middle
    return yes.replace(microsecond=0)
