from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import carrying
from monitor.alarms.book import AlarmEvent, Changes
from monitor.engine import Engine
from registry.model import Channel, Registry, SiteStatus
from store.journal import Entry
from tests.monitor.worlds import channel, event_entry, pool, readings, readings_entry, tick_entry, us

REGISTRY = pool(devices=2, status=SiteStatus.SIMULATED)


class Table:
    """Tables alarm and alarm_event as the changes leave them."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.events: list[AlarmEvent] = []
        self.flags: list[tuple[int, int]] = []

    def apply(self, changes: Changes) -> None:
        for alarm_id, columns in changes.amended.items():
            self.rows[alarm_id] |= columns
        self.rows |= changes.raised
        self.events += changes.events
        self.flags += changes.gross_range


def fold(engine: Engine, entries: Iterable[Entry]) -> Table:
    """Fold all entries in one call."""
    changes, table = Changes(), Table()
    engine.fold(list(entries), changes)
    table.apply(changes)
    return table


@st.composite
def journals(draw: st.DrawFn) -> list[Entry]:
    """Journal rows of every kind the monitor reads, over a few hours at changing speeds."""
    entries: list[Entry] = []
    minute = 0.0
    for entry_id in range(1, draw(st.integers(2, 40))):
        minute += draw(st.sampled_from([0.0, 0.2, 1.0, 1.0, 5.0, 30.0]))
        kind = draw(st.sampled_from(["readings"] * 5 + ["tick", "tick", "config", "action", "dead"]))
        if kind == "readings":
            rows = [
                (
                    draw(st.sampled_from([1, 1, 2, 6, 8, 13])),
                    minute + k / 60,
                    draw(st.sampled_from([0.1, 0.6, 8.5, 99.0])),
                )
                for k in range(draw(st.integers(1, 12)))
            ]
            entries.append(readings_entry(entry_id, readings(rows), minute))
        elif kind == "tick":
            entries.append(tick_entry(entry_id, minute, ingest=draw(st.integers(0, 5)) > 0))
        elif kind == "config":
            speed = draw(st.sampled_from([1.0, 60.0, 3600.0, 0.0]))
            entries.append(event_entry(entry_id, "config", {"what": "simulation", "speed": speed}, minute))
        elif kind == "action":
            alarm = draw(st.integers(1, 40)) * 65_536
            what = draw(st.sampled_from(["acknowledge", "comment"]))
            body = {"what": what, "alarm": alarm, "actor": "inspector", "text": "到场核查", "at": us(minute)}
            entries.append(event_entry(entry_id, "action", body, minute))
        else:
            entries.append(event_entry(entry_id, "dead", {}, minute))
    return entries


def state_of(engine: Engine) -> tuple[Any, ...]:
    """Everything an engine knows, comparable."""
    arrays = {name: array.tobytes() for name, array in carrying._export(engine).items()}
    return arrays, carrying._head(engine)


@settings(max_examples=120, deadline=None)
@given(journals(), st.data())
def test_any_cut_and_any_restart_gives_the_same_alarms(entries: list[Entry], data: st.DataObject) -> None:
    """Folded at once, a row at a time, or over snapshots taken anywhere: equal rows, events and state."""
    whole = Engine(REGISTRY)
    expected = fold(whole, entries)

    engine, table = Engine(REGISTRY), Table()
    for entry in entries:
        changes = Changes()
        engine.fold([entry], changes)
        table.apply(changes)
        if data.draw(st.booleans()):
            engine = carrying.load(carrying.dump(engine), REGISTRY)
    assert (table.rows, table.events, table.flags) == (expected.rows, expected.events, expected.flags)
    assert state_of(engine) == state_of(whole)
    assert sorted(engine.book.open) == sorted(engine.conditions()), "the book and the arrays agree"


def outside(start: int, stop: int, *, first_id: int = 1, indicator: str = "ph", value: float = 8.5) -> list[Entry]:
    """A minute's reading a row, outside the limit."""
    ph = channel(REGISTRY, indicator)
    return [
        readings_entry(first_id + minute - start, readings([(ph, minute, value)]), minute)
        for minute in range(start, stop)
    ]


def test_an_alarm_row_has_every_column() -> None:
    """What the table keeps of an alarm, from the registry, the limit and the reading."""
    table = fold(Engine(REGISTRY), outside(0, 11))
    (row,) = table.rows.values()
    assert row["id"] == 11 * 65_536
    assert {name: row[name] for name in ("kind", "condition", "site", "device", "sampling_point", "indicator")} == {
        "kind": "limit",
        "condition": "channel:2:high",
        "site": "P1",
        "device": "D1-1",
        "sampling_point": "B1",
        "indicator": "ph",
    }
    assert (row["simulated"], row["priority"], row["state"]) == (True, "high", "unacknowledged")
    assert (row["limit_lo"], row["limit_hi"], row["clause"], row["side"]) == (7.0, 7.8, "4.4.1 表4", "high")


def test_too_little_chlorine_is_more_urgent_than_too_much() -> None:
    """The two sides of a limit have priorities of their own."""
    low = fold(Engine(REGISTRY), outside(0, 11, indicator="free_chlorine", value=0.1))
    high = fold(Engine(REGISTRY), outside(0, 11, indicator="free_chlorine", value=3.0))
    assert [row["priority"] for table in (low, high) for row in table.rows.values()] == ["medium", "low"]


def test_a_speed_takes_effect_at_its_row() -> None:
    """Delays change in journal order: eleven seconds outside raise after the row, not before it."""
    ph = channel(REGISTRY, "ph")

    def seconds(first_id: int, start: int) -> list[Entry]:
        return [
            readings_entry(first_id + k, readings([(ph, (start + k) / 60, 8.5)]), (start + k) / 60) for k in range(12)
        ]

    speed = event_entry(20, "config", {"what": "simulation", "speed": 60.0, "at": us(0.2)}, 0.2)
    assert fold(Engine(REGISTRY), seconds(1, 0)).rows == {}
    assert [
        alarm_id // 65_536 for alarm_id in fold(Engine(REGISTRY), [*seconds(1, 0), speed, *seconds(21, 12)]).rows
    ] == [21]


@pytest.mark.parametrize("speed", [0, -1, 5000, "fast", None, float("nan")])
def test_an_impossible_speed_is_passed_over(speed: Any) -> None:
    """The speed before it stays, and the row is counted."""
    engine = Engine(REGISTRY)
    fold(engine, [event_entry(1, "config", {"what": "simulation", "speed": speed})])
    assert (engine.speed, engine.unreadable) == (1.0, 1)


@pytest.mark.parametrize(
    "bad",
    [
        Entry(12, "readings", outside(0, 1)[0].recorded_at, 1, 1, b"not zlib", None, b"", b""),
        Entry(12, "tick", outside(0, 1)[0].recorded_at, 1, None, b"{", None, b"", b""),
        event_entry(12, "tick", {}),
        event_entry(12, "action", {"what": "acknowledge", "alarm": "x", "actor": "a", "at": 1}),
        event_entry(12, "action", {"what": "acknowledge", "alarm": 10**30, "actor": "a", "at": 1}),
        event_entry(12, "action", {"what": "shout", "alarm": 1, "actor": "a", "at": 1}),
        event_entry(12, "action", {"what": "comment", "alarm": 1, "actor": "a", "at": 10**30}),
    ],
)
def test_an_unreadable_row_is_counted_and_the_next_one_judged(bad: Entry) -> None:
    """One bad row must not end all alarms."""
    engine = Engine(REGISTRY)
    table = fold(engine, [*outside(0, 10), bad, *outside(10, 11, first_id=13)])
    assert len(table.rows) == 1
    assert engine.unreadable == 1


def test_actions_are_recorded_whatever_they_find() -> None:
    """Acknowledging an open, a seen and an unknown alarm each leaves an event with the journal row's id."""
    alarm = 11 * 65_536
    body = {"what": "acknowledge", "actor": "wang", "text": "", "at": us(12.0)}
    actions = [event_entry(12 + n, "action", {**body, "alarm": each}) for n, each in enumerate([alarm, alarm, 1])]
    table = fold(Engine(REGISTRY), [*outside(0, 11), *actions])
    assert [(event.journal_id, event.state) for event in table.events[1:]] == [
        (12, "acknowledged"),
        (13, "acknowledged"),
        (14, "normal"),
    ]
    assert table.rows[alarm]["acknowledged_by"] == "wang"


def test_channels_of_a_silent_device_are_stale_until_heard() -> None:
    """The last value stays, its state says that it is old."""
    engine = Engine(REGISTRY)
    ph = channel(REGISTRY, "ph")
    ticks = [tick_entry(100 + k, 1 + k / 6) for k in range(80)]
    fold(engine, [readings_entry(1, readings([(ph, 0, 7.4)])), *ticks])
    assert engine.judge.code[1] == 5
    fold(engine, [readings_entry(500, readings([(ph, 20, 7.4)]), 20)])
    assert engine.judge.code[1] == 0


def without(registry: Registry, *channel_ids: int) -> Registry:
    """The registry without some channels, and with a new one."""
    kept = [each for each in registry.channels.values() if each.id not in channel_ids]
    return Registry.of(
        registry.sites.values(),
        registry.sampling_points.values(),
        registry.devices.values(),
        [*kept, Channel(0, "D1-1", "makeup_water")],
    )


def test_a_new_registry_keeps_the_state_of_what_stays() -> None:
    """A run begun before the change completes after it; the alarm of a channel that is gone ends as unregistered."""
    engine = Engine(REGISTRY)
    table = fold(engine, [*outside(0, 11), *outside(5, 14, first_id=20, indicator="free_chlorine", value=0.1)])
    assert len(table.rows) == 1
    engine = carrying.with_registry(engine, without(REGISTRY, channel(REGISTRY, "ph")))
    changes = Changes()
    carrying.end_orphans(engine, changes, 40, us(14.0))
    engine.fold(outside(14, 16, first_id=41, indicator="free_chlorine", value=0.1), changes)
    table.apply(changes)
    assert [(row["indicator"], row["return_reason"]) for row in table.rows.values()] == [
        ("ph", "unregistered"),
        ("free_chlorine", None),
    ]
    assert np.array_equal(engine.layout.channel_ids[:2], [0, 1])


def test_a_snapshot_of_another_kind_is_refused_with_its_reason() -> None:
    """Rubbish and other versions are a `SnapshotError`, so that the journal is folded instead."""
    good = carrying.dump(Engine(REGISTRY))
    for bad in (b"", b"rubbish", good[:-20]):
        with pytest.raises(carrying.SnapshotError):
            carrying.load(bad, REGISTRY)
