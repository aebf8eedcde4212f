"""What a sender gets: a message, and where it is to go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Gateway:
    """Through what a kind of channel goes out."""

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery. `number` is the same at every attempt, so that a receiver can tell what it has already.

    `facts` is what machines read: id, reason, priority, simulated, sites, alarms, time.
    """

    number: int
    kind: str
    title: str
    body: str
    facts: Mapping[str, Any]
    target: str = field(repr=False)
    secret: str = field(default="", repr=False)
    gateway: Gateway | None = None

    @property
    def key(self) -> str:
        """The delivery's name for receivers."""
        return f"landun-{self.number}"


def shortened(text: str, most_bytes: int) -> str:
    """A text cut to so many bytes of UTF-8, with an ellipsis where it was cut."""
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode("utf-8", "ignore") + "…"
