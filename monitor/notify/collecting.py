"""Sixth stage: alarms are never capped, messages are. What would be too many for a person goes out as one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.notify.model import Held, Message, Sent, Telling, urgency

SINGLES: Final = 5
"""Messages about one place each that a recipient gets within `WITHIN`; what is more is collected into one."""
WITHIN: Final = timedelta(minutes=10)
COLLECTED_EVERY: Final = timedelta(minutes=2)
"""Collected messages to one recipient come no nearer to each other than this."""

_NOTHING: Final = Sent()


def at_most(duration: timedelta) -> int:
    """How many messages a recipient can get in `duration` at the very most, about live sites or simulated ones."""
    return SINGLES * (duration // WITHIN + 2) + duration // COLLECTED_EVERY + 1


@dataclass(frozen=True, slots=True)
class Collect:
    """Messages of each recipient; simulated sites and live ones never share one."""

    sent: Mapping[str, Sent]
    now: datetime

    def run(self, tellings: Iterable[Telling]) -> tuple[list[Message], list[Held]]:
        """What goes out, the most urgent first, and what waits for the next collected message."""
        by: dict[tuple[str, bool], list[Telling]] = {}
        for each in tellings:
            by.setdefault((each.recipient.name, each.group.simulated), []).append(each)
        messages: list[Message] = []
        held: list[Held] = []
        for (name, simulated), several in by.items():
            several.sort(key=urgency)
            before = self.sent.get(sent_key(name, simulated=simulated), _NOTHING)
            digests = [each for each in several if each.group.route.digest is not None]
            singles = [each for each in several if each.group.route.digest is None]
            free = SINGLES - sum(at > self.now - WITHIN for at in before.at)
            alone = len(singles) <= free
            together = (digests if len(digests) > 1 else []) if alone else several
            messages += [Message(name, (each,)) for each in several if each not in together]
            due = None if before.collected_at is None else before.collected_at + COLLECTED_EVERY
            if due is not None and self.now < due:
                held += [Held(each.group, name, "collected", due) for each in together]
            elif together:
                messages.append(Message(name, tuple(together)))
        return messages, held


def sent_key(recipient: str, *, simulated: bool) -> str:
    """What the messages of a recipient are counted by."""
    return f"{recipient}{'+simulated' if simulated else ''}"
