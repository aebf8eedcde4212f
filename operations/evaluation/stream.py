"""The journal that a simulated fleet with faults would have left: the production's rows without a database.

Physics, instruments and faults are the live fleet's. What a device without power or network, or with a wrong
clock, does to its messages is done here as the fleet, the broker and ingest do it: nothing is sent, it is sent
later, it is late by ingest's own rule, or it is a dead letter.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from ingest.lateness import LateRule
from ingest.rejection import Reason
from ingest.validation import FURTHEST_AHEAD_US
from registry.model import Registry
from registry.opening import MICROSECONDS_A_MINUTE
from simulators.clock import SECOND_US, sample_instant
from simulators.engine import INDICATOR_ROWS, Engine
from simulators.fault_kinds import FaultKind
from simulators.faults import HOUR_US, Fault
from store.journal import Entry
from store.journal_body import encode_readings
from store.records import READING, Readings, from_us

TRAVEL_US: Final = 300_000
"""From a device's clock to ingest's."""
BLOCK_MINUTES: Final = 10


class Stream:
    """Journal rows of a fleet, ten minutes at a time.

    Parameters
    ----------
    registry, seed : the fleet
    faults : what happens to it
    first : minute since the epoch at which it begins (it has run for two days before)
    every, seldom_from : from that minute since the epoch on devices report every so many minutes instead of every one

    """

    def __init__(
        self,
        registry: Registry,
        seed: int,
        faults: Sequence[Fault],
        first: int,
        *,
        every: int = 1,
        seldom_from: int = 0,
    ) -> None:
        self._registry = registry
        self._every, self._seldom_from = every, seldom_from
        self._engine = Engine.settled(registry, seed, first - 1)
        self._engine.set_faults(faults)
        line = (FaultKind.POWER_CUT, FaultKind.DROPOUT, FaultKind.CLOCK_8H)
        self._line = [fault for fault in faults if fault.kind in line]
        self._late = LateRule(registry, {})
        self._kept: dict[int, list[Readings]] = {}  # column: what a device without network keeps
        self._next_id = 1
        self.readings = 0
        channels = [
            (offset, channel.id, INDICATOR_ROWS[channel.indicator], column)
            for column, device in enumerate(self._engine.devices)
            for channel in registry.channels_of_device[device.code]
            for offset in [sample_instant(0, 60 * SECOND_US, float(self._engine.phase[column]))]
        ]
        table = np.array(sorted(channels), dtype=np.int64).reshape(-1, 4)
        self._offset, self._channel, self._row, self._column = table.T

    def rows(self, minutes: int) -> Iterator[list[Entry]]:
        """The next `minutes`, in lists of ten minutes."""
        end = self._engine.minute + minutes
        while self._engine.minute < end:
            yield self._block(min(BLOCK_MINUTES, end - self._engine.minute))

    def _block(self, minutes: int) -> list[Entry]:
        first = self._engine.minute + 1
        batches, letters = [], []
        for minute in range(first, first + minutes):
            self._engine.advance(minute)
            reports = minute < self._seldom_from or minute % self._every == 0
            batch, dead = self._minute(minute) if reports else (np.empty(0, dtype=READING), [])
            batches.append(batch)
            letters.append(dead)
        together = np.concatenate(batches)
        self._late.mark(together)
        self.readings += len(together)
        entries: list[Entry] = []
        begin = 0
        for index, (batch, dead) in enumerate(zip(batches, letters, strict=True)):
            at = (first + index + 1) * MICROSECONDS_A_MINUTE
            marked = together[begin : begin + len(batch)]
            begin += len(batch)
            if len(marked):
                entries.append(self._entry("readings", encode_readings(marked), len(marked), at))
            if dead:
                entries.append(self._entry("dead", json.dumps(dead).encode(), len(dead), at))
            entries.append(self._entry("tick", json.dumps({"now": at, "listened": at}).encode(), 1, at))
        return entries

    def _minute(self, minute: int) -> tuple[Readings, list[dict[str, Any]]]:
        """What arrives in a minute, in order of arrival, and the dead letters."""
        instant = minute * MICROSECONDS_A_MINUTE
        found = np.empty(len(self._channel), dtype=READING)
        found["channel_id"] = self._channel
        found["ts"] = instant + self._offset
        found["value"] = self._engine.readings[self._row, self._column]
        found["arrived"] = found["ts"] + TRAVEL_US
        found["late"] = False
        at_work = [fault for fault in self._line if fault.at_work(instant)]
        if not at_work and not self._kept:
            return found, []
        return self._through_the_line(found, at_work, instant)

    def _through_the_line(
        self, found: Readings, at_work: Sequence[Fault], instant: int
    ) -> tuple[Readings, list[dict[str, Any]]]:
        arrives = np.ones(len(found), dtype=np.bool_)
        letters: list[dict[str, Any]] = []
        cut_off: set[int] = set()
        for fault in at_work:
            column = self._engine.columns[fault.device]
            own = self._column == column
            if fault.kind is FaultKind.CLOCK_8H:
                found["ts"][own] += round(fault.strength * HOUR_US)
                if fault.strength * HOUR_US - TRAVEL_US > FURTHEST_AHEAD_US:
                    arrives &= ~own
                    letters += self._letters(fault.device, found[own])
                continue
            arrives &= ~own
            if fault.kind is FaultKind.DROPOUT:
                cut_off.add(column)
                self._kept.setdefault(column, []).append(found[own])
        back = [np.concatenate(self._kept.pop(column)) for column in sorted(set(self._kept) - cut_off)]
        for batch in back:
            batch["arrived"] = instant + TRAVEL_US
        # Connected again, a device sends what it kept before its next sample.
        return np.concatenate([*back, found[arrives]]), letters

    def _letters(self, device: str, rows: Readings) -> list[dict[str, Any]]:
        known = self._registry.devices[device]
        topic = self._registry.topic_of(known, "telemetry")
        received = from_us(int(rows["arrived"][0])).isoformat()
        return [
            {
                "topic": topic,
                "reason": Reason.IN_FUTURE.value,
                "device": device,
                "site": known.site,
                "field": None,
                "received_at": received,
            }
        ]

    def _entry(self, kind: str, body: bytes, rows: int, at: int) -> Entry:
        number = self._next_id
        self._next_id += 1
        return Entry(number, kind, from_us(at), rows, number, body, None, b"", b"")
