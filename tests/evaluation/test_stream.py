"""The journal that a simulated fleet leaves: the live fleet's readings, and what faults of the line do to them."""

import numpy as np
import pytest

from operations.evaluation.simulated import BEGIN
from operations.evaluation.stream import TRAVEL_US, Stream
from registry.model import Registry
from simulators.backfill import backfill
from simulators.fault_kinds import FaultKind
from simulators.faults import HOUR_US, Fault
from store.journal import Entry, event_of, readings_of
from store.records import Readings, from_us, to_us
from tests.simulators.worlds import SEED, city

MINUTE_US = 60_000_000
FIRST = to_us(BEGIN) // MINUTE_US
CITY: Registry = city(2)
DEVICE = next(iter(CITY.devices))
CHANNELS = {channel.id for channel in CITY.channels_of_device[DEVICE]}


def journal(minutes: int, *faults: Fault) -> list[Entry]:
    """The rows of so many minutes."""
    stream = Stream(CITY, SEED, faults, FIRST)
    return [entry for entries in stream.rows(minutes) for entry in entries]


def readings(entries: list[Entry], device: bool = True) -> Readings:
    """All readings, or those of the one device."""
    every = np.concatenate([readings_of(entry) for entry in entries if entry.kind == "readings"])
    return every[np.isin(every["channel_id"], list(CHANNELS))] if device else every


def fault(kind: FaultKind, begin: int, end: int, size: float | None = None) -> Fault:
    """A fault of the first device, in minutes since the beginning."""
    starts, ends = (FIRST + begin) * MINUTE_US, (FIRST + end) * MINUTE_US
    return Fault("f", DEVICE, kind, starts, ends, starts, size=size)


def test_rows_are_the_live_fleets_readings_in_order_of_arrival() -> None:
    """Every reading that the back-fill of the same fleet makes, each with its time, and a tick a minute."""
    entries = journal(30)
    found = readings(entries, device=False)
    (chunk,) = backfill(CITY, SEED, from_us(FIRST * MINUTE_US), from_us((FIRST + 30) * MINUTE_US), chunk_rows=10**9)
    expected = sorted(zip(chunk.ts.tolist(), chunk.channel_id.tolist(), chunk.value.tolist(), strict=True))
    assert (
        sorted(zip(found["ts"].tolist(), found["channel_id"].tolist(), found["value"].tolist(), strict=True))
        == expected
    )
    assert (np.diff(found["arrived"]) >= 0).all()
    assert not found["late"].any()
    ticks = [event_of(entry)["now"] for entry in entries if entry.kind == "tick"]
    assert np.diff(ticks).tolist() == [MINUTE_US] * 29
    assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))


def test_power_cut_leaves_a_hole_and_dropout_fills_it_late() -> None:
    """Without power nothing ever comes; without network everything comes at its end, and what is old is late."""
    cut = readings(journal(60, fault(FaultKind.POWER_CUT, 10, 40)))
    minutes = cut["ts"] // MINUTE_US - FIRST
    assert not ((minutes >= 10) & (minutes < 40)).any()
    dropped = readings(journal(60, fault(FaultKind.DROPOUT, 10, 40)))
    assert len(dropped) == len(readings(journal(60)))
    held = dropped[(dropped["ts"] >= (FIRST + 10) * MINUTE_US) & (dropped["ts"] < (FIRST + 40) * MINUTE_US)]
    assert set(held["arrived"].tolist()) == {(FIRST + 40) * MINUTE_US + TRAVEL_US}
    assert held["late"].tolist() == (held["arrived"] - held["ts"] > 10 * MINUTE_US).tolist()
    assert held["late"].any()


@pytest.mark.parametrize("hours", [8.0, 0.25])
def test_clock_ahead_makes_dead_letters_of_every_message(hours: float) -> None:
    """None of its readings is stored, and each message's letter names device, site and reason."""
    entries = journal(20, fault(FaultKind.CLOCK_8H, 5, 15, hours))
    letters = [letter for entry in entries if entry.kind == "dead" for letter in event_of(entry)]
    assert len(letters) == 10
    assert {(letter["device"], letter["reason"]) for letter in letters} == {(DEVICE, "in_future")}
    minutes = readings(entries)["ts"] // MINUTE_US - FIRST
    assert not ((minutes >= 5) & (minutes < 15)).any()


def test_clock_behind_makes_every_reading_late_by_as_much() -> None:
    """They are stored with their wrong times, late by ingest's own rule; afterwards all is timely again."""
    found = readings(journal(20, fault(FaultKind.CLOCK_8H, 5, 15, -0.5)))
    behind = found["arrived"] - found["ts"] > HOUR_US // 3
    assert behind.sum() == 10 * len(CHANNELS)
    assert found["late"].tolist() == behind.tolist()
