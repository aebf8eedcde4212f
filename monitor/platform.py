"""Alarms about the platform itself: messages that do not add up, a canary that is not heard. Pure.

What is judged comes with the ticks of the journal, as everything about time does, so that the alarms stay a fold.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitor.alarms.rules import declared_priority
from registry.canary import PLATFORM
from store.records import from_us

CANARY_SILENT_S: Final = 60.0
CANARY_HEARD_S: Final = 15.0

_NOT_OF_A_VENUE: Final = (
    "device",
    "sampling_point",
    "channel_id",
    "indicator",
    "side",
    "limit_lo",
    "limit_hi",
    "limit_profile",
    "clause",
    "extreme",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A condition of the platform that began, with the row of its alarm, or ended (`row` is None)."""

    condition: str
    row: dict[str, Any] | None


class Platform:
    """Which conditions are on."""

    def __init__(self, on: Iterable[str] = ()) -> None:
        self.on = set(on)

    def sweep(self, tick: Mapping[str, Any]) -> Iterator[Change]:
        """What a tick changes. `imbalance` are messages unaccounted for; `canary` seconds of its silence, or None."""
        now = int(tick["now"])
        imbalance, silent = int(tick.get("imbalance") or 0), tick.get("canary")
        yield from self._follow("accounting", imbalance != 0, imbalance == 0, imbalance, "messages", now, now)
        if silent is not None:
            seconds = float(silent)
            since = now - int(seconds * 1e6)
            yield from self._follow(
                "canary", seconds >= CANARY_SILENT_S, seconds <= CANARY_HEARD_S, seconds, "s", since, now
            )

    def _follow(
        self, kind: str, begins: bool, ends: bool, value: float, unit: str, since: int, now: int
    ) -> Iterator[Change]:
        condition = f"platform:{kind}"
        if begins and condition not in self.on:
            self.on.add(condition)
            yield Change(condition, _row(kind, condition, value, unit, since, now))
        elif ends and condition in self.on:
            self.on.remove(condition)
            yield Change(condition, None)


def _row(kind: str, condition: str, value: float, unit: str, since: int, now: int) -> dict[str, Any]:
    return {
        **dict.fromkeys(_NOT_OF_A_VENUE),
        "kind": kind,
        "condition": condition,
        "site": PLATFORM,
        "simulated": False,
        "rule": f"platform:{kind}",
        "priority": declared_priority(f"platform:{kind}"),
        "since": from_us(since),
        "raised_at": from_us(now),
        "value": float(value),
        "unit": unit,
    }
