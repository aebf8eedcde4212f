"""Seventh stage: the channels that a message goes out on, and quiet hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitor.notify.hours import quiet_until
from monitor.notify.model import Channel, Drop, Message, World

INBOX = "inbox"


@dataclass(frozen=True, slots=True)
class FanOut:
    """A person's inbox, which is always open, and those of their channels that want the message."""

    world: World
    now: datetime

    def run(self, message: Message) -> Iterator[Drop]:
        """The drops of a message, all in one language. What is simulated reaches inboxes and marked channels only."""
        kind, _, name = message.recipient.partition(":")
        if kind == "channel":
            channel = self.world.channels[int(name)]
            if self._wanted(channel, message):
                yield Drop(channel.id, channel.kind, channel.language)
            return
        contact = self.world.contacts[name]
        yield Drop(None, INBOX, contact.language)
        until = quiet_until(contact.quiet, message.priority, self.now, contact.zone)
        for channel in self.world.channels.values():
            if channel.person == name and self._wanted(channel, message):
                yield Drop(channel.id, channel.kind, contact.language, until)

    @staticmethod
    def _wanted(channel: Channel, message: Message) -> bool:
        return message.priority in channel.priorities and channel.demonstration == message.simulated
