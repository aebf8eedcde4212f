"""Devices whose clock is wrong, found by what the journal says of them.

A clock that is hours off shows nowhere in the water: its readings come with the wrong time, so they are dead
letters (in the future, too old) or late, all of them, by the same amount. A gateway that empties a backlog is late
too, but its lateness shrinks as it catches up; a back-fill arrives at one moment. Steady lateness is only a clock's.
Everything is folded from journal rows: no timer, no wall clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from store.records import Readings

REASONS: Final = frozenset({"in_future", "too_old", "before_registration"})
"""Reasons of dead letters that tell of a clock."""
LETTERS: Final = 3
"""So many rejected messages …"""
FORGOTTEN_US: Final = 1_800_000_000
"""… none longer than this after the one before."""
LATE_MESSAGES: Final = 5
LATE_FOR_US: Final = 600_000_000
"""So many late messages over so long (divided by the speed at simulated sites) …"""
STEADY_US: Final = 120_000_000
"""… whose lateness differs by no more than this …"""
LEAST_US: Final = 600_000_000
"""… and is at least this."""
RIGHT_MESSAGES: Final = 3
"""So many timely messages in a row end it."""


@dataclass(slots=True)
class _Clock:
    letters: int = 0
    first_letter: int = 0
    last_letter: int = 0
    late: int = 0
    first_late: int = 0
    offset: int = 0
    right: int = 0
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class ClockFinding:
    """A device's clock was found wrong, or right again. `row` is the place in the batch, times in us.

    `offset_us` is how far it is behind (negative: ahead), None where only rejected messages tell.
    """

    row: int
    device: str
    wrong: bool
    since: int
    at: int
    offset_us: int | None = None


@dataclass
class Clocks:
    """What is known of each device's clock, by device code; devices that were always right are not kept."""

    known: dict[str, _Clock] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)
    """When a device with steady lateness was last heard (us): it is there, whatever its clock says. For the caller."""

    def rejected(self, letters: Iterable[tuple[str, int]]) -> list[ClockFinding]:
        """Take note of (device, arrival in us) of messages rejected for their time; several a message count once."""
        found = []
        for device, at in letters:
            clock = self.known.setdefault(device, _Clock())
            if clock.letters and at <= clock.last_letter:
                continue
            fresh = clock.letters == 0 or at - clock.last_letter > FORGOTTEN_US
            clock.letters, clock.first_letter = (1, at) if fresh else (clock.letters + 1, clock.first_letter)
            clock.last_letter, clock.right = at, 0
            if clock.letters >= LETTERS and not clock.wrong:
                clock.wrong = True
                found.append(ClockFinding(-1, device, True, clock.first_letter, at))
        return found

    def heard(
        self, readings: Readings, device: np.ndarray[Any, Any], codes: tuple[str, ...], divide: np.ndarray[Any, Any]
    ) -> list[ClockFinding]:
        """Take note of readings in the order of the stream.

        Parameters
        ----------
        device : shape (n,), index into `codes`; -1: not registered
        divide : shape (devices,), how many times faster than real time each runs

        """
        late = readings["late"]
        watched = np.zeros(len(codes) + 1, dtype=np.bool_)
        watched[device[late]] = True
        for code in self.known:
            if code in codes:
                watched[codes.index(code)] = True
        watched[-1] = False
        rows = np.flatnonzero(watched[device])
        if not rows.size:
            return []
        return self._messages(readings, device, codes, divide, rows)

    def _messages(
        self,
        readings: Readings,
        device: np.ndarray[Any, Any],
        codes: tuple[str, ...],
        divide: np.ndarray[Any, Any],
        rows: np.ndarray[Any, Any],
    ) -> list[ClockFinding]:
        """Go through messages: rows of one device that arrived at once."""
        who, arrived = device[rows], readings["arrived"][rows]
        order = np.lexsort((rows, arrived, who))
        rows, who, arrived = rows[order], who[order], arrived[order]
        begins = np.flatnonzero(np.append(True, (who[1:] != who[:-1]) | (arrived[1:] != arrived[:-1])))
        ends = np.append(begins[1:], rows.size)
        found = []
        for a, b in zip(begins.tolist(), ends.tolist(), strict=True):
            part = readings[rows[a:b]]
            offsets = part["arrived"] - part["ts"]
            steady = int(offsets.max() - offsets.min()) <= STEADY_US
            is_late = bool(part["late"].all())
            finding = self._message(
                codes[int(who[a])], int(arrived[a]), int(offsets.min()), is_late, steady, float(divide[int(who[a])])
            )
            if finding is not None:
                row = int(rows[b - 1])
                found.append(
                    ClockFinding(row, finding.device, finding.wrong, finding.since, finding.at, finding.offset_us)
                )
        return sorted(found, key=lambda each: each.row)

    def _message(
        self, device: str, at: int, offset: int, late: bool, steady: bool, divide: float
    ) -> ClockFinding | None:
        clock = self.known.get(device)
        if clock is None:
            if not late:
                return None
            clock = self.known.setdefault(device, _Clock())
        if not late:
            clock.late, clock.right = 0, clock.right + 1
            if clock.right >= RIGHT_MESSAGES:
                del self.known[device]
                return ClockFinding(-1, device, False, at, at) if clock.wrong else None
            return None
        clock.right = 0
        same = clock.late > 0 and steady and abs(offset - clock.offset) <= STEADY_US and offset >= LEAST_US
        if not same:
            clock.late, clock.first_late, clock.offset = int(steady and offset >= LEAST_US), at, offset
            return None
        clock.late += 1
        self.present[device] = at
        if clock.wrong or clock.late < LATE_MESSAGES or at - clock.first_late < LATE_FOR_US / divide:
            return None
        clock.wrong = True
        return ClockFinding(-1, device, True, clock.first_late, at, clock.offset)

    def save(self) -> dict[str, list[int]]:
        """As JSON."""
        return {
            code: [*(int(getattr(clock, name)) for name in _NAMES), int(clock.wrong)]
            for code, clock in sorted(self.known.items())
        }

    @classmethod
    def restored(cls, saved: Mapping[str, list[int]]) -> "Clocks":
        """Back from JSON."""
        found = cls()
        for code, values in saved.items():
            *counts, wrong = values
            found.known[code] = _Clock(**dict(zip(_NAMES, counts, strict=False)), wrong=bool(wrong))
        return found


_NAMES: Final = ("letters", "first_letter", "last_letter", "late", "first_late", "offset", "right")
