"""Fifth stage: what to tell a recipient of a group now, by what the log says they were told before, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from monitor.notify.hours import next_boundary
from monitor.notify.model import Group, Held, LogEntry, Matter, Reason, Recipient, Telling, rank, worst


@dataclass(frozen=True)
class Decide:
    """A reason instead of a yes: what makes "why was I told?" answerable."""

    log: Mapping[tuple[str, str], LogEntry]
    now: datetime

    def run(self, group: Group, recipients: Sequence[Recipient], logged: Sequence[str]) -> Iterator[Telling | Held]:
        """For everybody who is addressed, and everybody `logged`, who was told before and hears how it ended."""
        addressed = {each.name for each in recipients}
        for recipient in recipients:
            entry = self.log.get((group.key, recipient.name))
            yield from (
                self._first(group, recipient, bool(logged))
                if entry is None
                else self._again(group, recipient, entry, present=True)
            )
        for name in logged:
            if name not in addressed:
                # Who is not on duty any more hears that it is over, and nothing else.
                recipient = Recipient(name, 0, None, "log")
                yield from self._again(group, recipient, self.log[group.key, name], present=False)

    def _first(self, group: Group, recipient: Recipient, told_before: bool) -> Iterator[Telling | Held]:
        pressing = _pressing(group)
        if not pressing:
            return
        before = self._told.get(recipient.name, {})
        known = {each.id: before[each.id] for each in pressing if each.id in before}
        if any(rank(each.priority) < rank(known[each.id].worst) for each in pressing if each.id in known):
            # It got worse, and so another route's: nobody waits for that.
            yield Telling(group, recipient, Reason.WORSE, pressing, None)
            return
        if len(known) == len(pressing):
            if group.route.repeat is not None:
                last = max(each.last_at for each in known.values())
                yield from self._when(last + group.route.repeat, group, recipient, Reason.REPEAT, pressing, None)
            return
        due = min(each.raised_at for each in pressing) + group.route.group_wait
        if group.route.digest is not None:
            due = next_boundary(due, group.route.digest, group.zone)
        if self.now < due:
            yield Held(group, recipient.name, "digest" if group.route.digest else "group_wait", due)
            return
        if recipient.step > 0:
            reason = Reason.ESCALATED
        else:
            reason = Reason.HANDOVER if told_before and recipient.by == "roster" else Reason.NEW
        yield Telling(group, recipient, reason, pressing, None)

    def _again(self, group: Group, recipient: Recipient, entry: LogEntry, *, present: bool) -> Iterator[Telling | Held]:
        pressing, route = _pressing(group), group.route
        told = tuple(each for each in group.matters if each.id in entry.told)
        if not any(each.active for each in group.matters):
            if route.tell_resolved and told:
                # What flaps is not over: it has to stay so for an interval.
                over = max((each.returned_at for each in group.matters if each.returned_at), default=entry.last_at)
                yield from self._when(
                    max(over, entry.last_at) + route.group_interval, group, recipient, Reason.RESOLVED, told, entry
                )
            return
        if not present or not pressing:
            return
        new = tuple(each for each in pressing if each.id not in entry.told)
        if rank(worst(each.priority for each in pressing)) < rank(entry.worst):
            yield Telling(group, recipient, Reason.WORSE, pressing, entry)
        elif new:
            due = entry.last_at + route.group_interval
            if route.digest is not None:
                due = max(due, next_boundary(entry.last_at, route.digest, group.zone))
            yield from self._when(due, group, recipient, Reason.MORE, new, entry)
        elif route.repeat is not None:
            yield from self._when(entry.last_at + route.repeat, group, recipient, Reason.REPEAT, pressing, entry)

    @cached_property
    def _told(self) -> dict[str, dict[int, LogEntry]]:
        """What each recipient was told of, by whichever route: recipient → alarm → entry."""
        found: dict[str, dict[int, LogEntry]] = {}
        for (_, name), entry in self.log.items():
            found.setdefault(name, {}).update(dict.fromkeys(entry.told, entry))
        return found

    def _when(
        self,
        due: datetime,
        group: Group,
        recipient: Recipient,
        reason: Reason,
        matters: tuple[Matter, ...],
        entry: LogEntry | None,
    ) -> Iterator[Telling | Held]:
        if self.now >= due:
            yield Telling(group, recipient, reason, matters, entry)
        else:
            yield Held(group, recipient.name, reason, due)


def _pressing(group: Group) -> tuple[Matter, ...]:
    return tuple(each for each in group.matters if each.pressing)
