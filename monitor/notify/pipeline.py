"""The stages in a row. One world and one `now` for a whole pass: what is decided depends on nothing else."""

from collections.abc import Sequence
from datetime import datetime

from monitor.notify.addressing import Address
from monitor.notify.collecting import Collect
from monitor.notify.deciding import Decide
from monitor.notify.fanning import FanOut
from monitor.notify.model import Decided, Group, Held, Matter, Outcome, Telling, World
from monitor.notify.muting import Mute
from monitor.notify.routing import Choose, Gather


def decide(world: World, now: datetime) -> Decided:
    """What is to be sent at an instant, what became of each alarm, and what waits for what."""
    decided = Decided()
    speaking, muted = Mute().run(world.matters)
    decided.outcomes |= muted
    routed, left = Choose(world.routes).run(speaking)
    decided.outcomes |= {each.id: Outcome.NO_ROUTE for each in left}
    logged: dict[str, list[str]] = {}
    for key, name in world.log:
        logged.setdefault(key, []).append(name)
    address, judge = Address(world, now), Decide(world.log, now)
    tellings: list[Telling] = []
    groups = Gather().run(routed)
    for group in groups:
        recipients = address.run(group)
        known = [name for name in logged.get(group.key, ()) if _there(world, name)]
        for found in judge.run(group, recipients, known):
            if isinstance(found, Telling):
                tellings.append(found)
            else:
                decided.held.append(found)
        if not recipients and not group.route.beside and any(each.pressing for each in group.matters):
            decided.held.append(Held(group, None, "off_hours" if address.waits(group) else "nobody"))
    messages, held = Collect(world.sent, now).run(tellings)
    decided.held += held
    fan = FanOut(world, now)
    decided.messages = [(message, tuple(fan.run(message))) for message in messages]
    _settle(decided, world, groups, speaking)
    return decided


def _there(world: World, recipient: str) -> bool:
    kind, _, name = recipient.partition(":")
    return name in world.contacts if kind == "person" else int(name) in world.channels


def _settle(decided: Decided, world: World, groups: Sequence[Group], speaking: Sequence[Matter]) -> None:
    """Outcomes of alarms that are settled, and the log's entries whose group is over."""
    told = {
        each.id
        for message, _ in decided.messages
        for telling in message.tellings
        for each in telling.matters
        if not telling.group.route.beside
    }
    told |= {alarm for (key, _), entry in world.log.items() if not world.beside(key) for alarm in entry.told}
    waiting = {each.group.key for each in decided.held}
    for held in decided.held:
        if held.why == "nobody":
            decided.outcomes |= {matter.id: Outcome.NOBODY for matter in held.group.matters if matter.pressing}
    for each in speaking:
        if each.id in told:
            decided.outcomes[each.id] = Outcome.TOLD
        elif not each.active:
            decided.outcomes.setdefault(each.id, Outcome.OVER_BEFORE)
        elif each.acknowledged:
            decided.outcomes.setdefault(each.id, Outcome.SEEN_BEFORE)
    open_keys = {group.key for group in groups if any(each.active for each in group.matters)}
    decided.closed = [(key, name) for key, name in world.log if key not in open_keys and key not in waiting]
