"""What is missing in the numbering of each device: messages that were lost before they reached the broker.

A native payload carries ``seq``, which its device counts up by one. A number that is left out is missing until it
comes after all (late, or delivered out of order); a number below the newest with a newer time is a device that was
started anew and counts from its beginning. Counting begins with the first number of this process.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST_LEFT_OUT: Final = 10_000
"""A greater jump is another numbering, not a loss of so many messages."""

MOST_HOLES: Final = 200
"""Holes remembered a device; the oldest are given up for lost beyond it."""


class Numbered(NamedTuple):
    """A sample that carries a number: its place in the batch, its device, the number and the sample's time in us."""

    place: int
    device: str
    seq: int
    ts: int


class Change(NamedTuple):
    """What changed for a device since it was last told."""

    device: str
    missing: int
    gaps: int
    restarts: int


@dataclass(slots=True)
class _Device:
    newest: int
    ts: int
    holes: list[tuple[int, int]] = field(default_factory=list)
    """First and last number of each run that is missing, in order."""

    missing: int = 0
    gaps: int = 0
    restarts: int = 0


class SequenceWatch:
    """Follows the numbers of all devices; `missing` is how many are left out at the moment."""

    def __init__(self) -> None:
        self.missing = 0
        self._devices: dict[str, _Device] = {}
        self._told: dict[str, Change] = {}
        self._touched: set[str] = set()

    def note(self, numbers: Iterable[Numbered]) -> None:
        """Take note of numbers in the order of the stream."""
        devices = self._devices
        for _, code, seq, ts in numbers:
            device = devices.get(code)
            if device is None:
                devices[code] = _Device(seq, ts)
            elif seq == device.newest + 1:
                device.newest, device.ts = seq, ts
            else:
                self._odd(code, device, seq, ts)

    def changes(self) -> list[Change]:
        """What changed since `told` was last called, to be added to what is kept of each device."""
        found = []
        for code in sorted(self._touched):
            now, before = self._now(code), self._told.get(code, Change(code, 0, 0, 0))
            found.append(
                Change(code, now.missing - before.missing, now.gaps - before.gaps, now.restarts - before.restarts)
            )
        return found

    def told(self) -> None:
        """What `changes` gave is kept."""
        self._told |= {code: self._now(code) for code in self._touched}
        self._touched.clear()

    def _now(self, code: str) -> Change:
        device = self._devices[code]
        return Change(code, device.missing, device.gaps, device.restarts)

    def _odd(self, code: str, device: _Device, seq: int, ts: int) -> None:
        """A number that is not the next one."""
        if seq > device.newest:
            left_out = seq - device.newest - 1
            if left_out <= MOST_LEFT_OUT:
                device.holes.append((device.newest + 1, seq - 1))
                del device.holes[:-MOST_HOLES]
                self._count(device, left_out)
                device.gaps += 1
            else:
                self._start_over(device)
            device.newest, device.ts = seq, ts
        elif self._fill(device, seq):
            self._count(device, -1)
        elif seq < device.newest and ts > device.ts:
            self._start_over(device)
            device.newest, device.ts = seq, ts
        else:
            return  # delivered again
        self._touched.add(code)

    def _start_over(self, device: _Device) -> None:
        device.restarts += 1
        device.holes.clear()

    def _count(self, device: _Device, by: int) -> None:
        device.missing += by
        self.missing += by

    @staticmethod
    def _fill(device: _Device, seq: int) -> bool:
        """Whether the number was missing; it is no longer."""
        place = next((n for n, (first, last) in enumerate(device.holes) if first <= seq <= last), -1)
        if place < 0:
            return False
        first, last = device.holes[place]
        device.holes[place : place + 1] = [
            (low, high) for low, high in ((first, seq - 1), (seq + 1, last)) if low <= high
        ]
        return True
