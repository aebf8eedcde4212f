"""Late readings, judged in hindsight: what was beyond its limit for long enough is a historic finding.

A reading that comes late pages nobody: whatever it tells is over. But a breach that nobody saw, because the gateway
was off line, must not be lost either, so it is written down as a finding that waits to be looked at. A run is
followed in the order of the stream, whatever batches it is cut into; a gateway that empties its buffer sends in the
order of time, and where times go back a run ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.gates import Closures, Codes, Gate, gates
from monitor.layout import Bools, Delays, Ints, Layout
from monitor.rulebook import Applied
from store.records import Readings

MIN_SAMPLES: Final = 3
"""Consecutive valid samples outside before an alarm, however short the on-delay (FACTS 2.3)."""

SKIPPED: Final = -1
"""`Run.alarm` of a run that a live alarm tells of already."""


def in_hindsight(layout: Layout, slot: Ints, ts: Ints, closures: Closures | None) -> tuple[Applied, Codes]:
    """What late readings are judged by.

    Whether the water circulated then is not known, so it counts as circulating; nor is what bounds depended on.
    """
    applied = layout.rulebook.applied(slot, ts, np.full(slot.shape, np.nan))
    return applied, gates(layout, slot, ts, np.zeros(slot.shape, dtype=np.bool_), applied.in_force, closures)


@dataclass(frozen=True, slots=True)
class Late:
    """Late readings that a working instrument sent, shape (n,): their row in the batch, slot, and what they fall under.

    `side` is 0 where nothing judges them.
    """

    row: Ints
    slot: Ints
    side: NDArray[np.int8]
    applied: Applied

    @property
    def beyond(self) -> Bools:
        """Whether each is beyond its limit."""
        return np.asarray(self.side != 0)


def judge_late(layout: Layout, row: Ints, slot: Ints, readings: Readings, closures: Closures | None) -> Late:
    """Judge late rows, `slot` is that of each row of the whole batch."""
    i, ts = slot[row], readings["ts"][row].astype(np.int64)
    applied, gate = in_hindsight(layout, i, ts, closures)
    side = layout.rulebook.side(applied, readings["value"][row].astype(np.float64))
    return Late(row, i, np.where(gate == Gate.JUDGED, side, 0).astype(np.int8), applied)


@dataclass(slots=True)
class Run:
    """Values outside one after the other; times in us. `alarm` is the finding's id, 0 while there is none."""

    channel: int
    side: int
    start: int
    last: int
    count: int
    extreme: float
    alarm: int = 0


@dataclass(frozen=True, slots=True)
class HistoricFinding:
    """A run lasted its on-delay at a reading (`row` of the batch, `ts` in us)."""

    row: int
    slot: int
    ts: int
    value: float
    version: int
    lo: float
    hi: float
    run: Run


@dataclass
class Hindsight:
    """The runs that may go on, by channel id."""

    runs: dict[int, Run] = field(default_factory=dict)

    def follow(
        self, layout: Layout, delays: Delays, readings: Readings, late: Late
    ) -> tuple[list[HistoricFinding], list[Run]]:
        """What late readings tell: findings in no order, and every run that grew."""
        outside = late.beyond & layout.rulebook.alarming[late.applied.version]
        concerned = np.zeros(len(layout.channels) + 1, dtype=np.bool_)
        concerned[late.slot[outside]] = True
        concerned[layout.slot_of(np.array(list(self.runs), dtype=np.int64))] = True
        concerned[-1] = False
        kept = np.flatnonzero(concerned[late.slot])
        if not kept.size:
            return [], []
        kept = kept[np.argsort(late.slot[kept], kind="stable")]
        slot, side = late.slot[kept], np.where(outside[kept], late.side[kept], 0)
        ts = readings["ts"][late.row[kept]].astype(np.int64)
        step = np.diff(ts)
        cut = (slot[1:] != slot[:-1]) | (side[1:] != side[:-1]) | (step <= 0) | (step > delays.gap[slot[1:]])
        begins = np.flatnonzero(np.append(True, cut))
        findings: list[HistoricFinding] = []
        grown: list[Run] = []
        for a, b in zip(begins.tolist(), [*begins[1:].tolist(), kept.size], strict=True):
            place = kept[a:b]
            run = self._go_on(layout, delays, int(slot[a]), int(side[a]), int(ts[a]))
            if run is None:
                continue
            grown.append(run)
            finding = _grow(delays, run, late, place, ts[a:b], readings["value"][late.row[place]])
            if finding is not None:
                findings.append(finding)
        return findings, grown

    def _go_on(self, layout: Layout, delays: Delays, slot: int, side: int, ts: int) -> Run | None:
        """The run that values of a side beginning at `ts` belong to, None where they are inside."""
        channel = int(layout.channel_ids[slot])
        run = self.runs.pop(channel, None)
        if side == 0:
            return None
        if run is None or run.side != side or not 0 < ts - run.last <= delays.gap[slot]:
            run = Run(channel, side, ts, ts, 0, np.inf if side < 0 else -np.inf)
        self.runs[channel] = run
        return run

    def save(self) -> list[dict[str, Any]]:
        """The runs as JSON can hold them."""
        return [asdict(run) for run in self.runs.values()]

    @classmethod
    def restored(cls, saved: Sequence[Mapping[str, Any]]) -> "Hindsight":
        """What `save` saw."""
        return cls({each["channel"]: Run(**each) for each in saved})


def _grow(delays: Delays, run: Run, late: Late, place: Ints, ts: Ints, values: NDArray[Any]) -> HistoricFinding | None:
    """Lengthen a run by values outside, and tell if that makes it last its on-delay."""
    value = values.astype(np.float64)
    version = late.applied.version[place]
    enough = run.count + 1 + np.arange(place.size) >= MIN_SAMPLES
    done = np.flatnonzero(enough & (ts - run.start >= delays.on[version]))
    run.last, run.count = int(ts[-1]), run.count + int(place.size)
    worst = min if run.side < 0 else max
    run.extreme = float(worst(run.extreme, worst(value.tolist())))
    if run.alarm or not done.size:
        return None
    at = int(done[0])
    return HistoricFinding(
        row=int(late.row[place[at]]),
        slot=int(late.slot[place[at]]),
        ts=int(ts[at]),
        value=float(value[at]),
        version=int(version[at]),
        lo=float(late.applied.lo[place[at]]),
        hi=float(late.applied.hi[place[at]]),
        run=run,
    )
