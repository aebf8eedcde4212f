"""Alarms about the platform itself: folded from the ticks like all others, worded, and never at a venue."""

import json

import pytest

from monitor import carrying
from monitor.alarms.book import Changes
from monitor.alarms.wording import alarm_text
from monitor.engine import Engine
from monitor.platform import CANARY_HEARD_S, CANARY_SILENT_S, Platform
from registry.canary import CHANNEL, DEVICE, PLATFORM, with_canary
from registry.model import Registry
from store.journal import Entry
from store.records import from_us
from tests.monitor.worlds import pool, us

NOW = us(10)


def tick(number: int, **said: float) -> Entry:
    """A journal row that tells the time and what the parts said of themselves."""
    now = NOW + number * 10_000_000
    body = {"now": now, "listened": NOW, **said}
    return Entry(number, "tick", from_us(now), 1, None, json.dumps(body).encode(), None, b"", b"")


def test_messages_that_do_not_add_up_are_one_alarm_until_they_do() -> None:
    """An imbalance raises, goes on without another alarm, and returns; the row says how many."""
    engine, changes = Engine(with_canary(pool())), Changes()
    engine.fold([tick(1), tick(2, imbalance=3), tick(3, imbalance=4)], changes)
    (row,) = changes.raised.values()
    assert (row["kind"], row["site"], row["value"], row["priority"]) == ("accounting", PLATFORM, 3.0, "high")
    assert engine.conditions() == ["platform:accounting"]
    again = carrying.load(carrying.dump(engine), with_canary(pool()))
    later = Changes()
    again.fold([tick(4, imbalance=4), tick(5, imbalance=0)], later)
    assert later.raised == {}
    (amended,) = later.amended.values()
    assert amended["return_reason"] == "settled"


def test_a_canary_that_is_not_heard_is_an_alarm_with_its_beginning() -> None:
    """From a minute of silence on; over when it is heard again; nothing where no canary runs."""
    platform = Platform()

    def seen(**said: float) -> list[tuple[str, bool]]:
        return [(each.condition, each.row is not None) for each in platform.sweep({"now": NOW, **said})]

    assert seen() == seen(canary=CANARY_SILENT_S - 1) == []
    assert seen(canary=CANARY_SILENT_S) == [("platform:canary", True)]
    assert seen() == seen(canary=CANARY_HEARD_S + 1) == []
    assert seen(canary=1.0) == [("platform:canary", False)]


@pytest.mark.parametrize("said", [{"imbalance": 2.0}, {"canary": 90.0}])
def test_the_alarms_have_words_in_both_languages_and_the_zone_of_the_agency(said: dict[str, float]) -> None:
    """Neither names a venue; times are those of the agency's wall clock."""
    engine, changes = Engine(pool()), Changes()
    engine.fold([tick(1, **said)], changes)
    (row,) = changes.raised.values()
    chinese, english = alarm_text("zh", row, pool()), alarm_text("en", row, pool())
    assert "平台自检" in chinese
    assert english.startswith("Platform:")
    assert "(UTC+8)" in english


def test_the_canary_is_added_and_counts_nowhere(database: str) -> None:
    """It is in the registry of those who carry messages, and in no table."""
    carried = with_canary(Registry.of([], [], [], []))
    assert carried.channels[CHANNEL].device == DEVICE
    assert carried.topic_of(carried.devices[DEVICE], "telemetry") == f"landun/v1/000000/{PLATFORM}/{DEVICE}/telemetry"
    assert pool().sites.keys().isdisjoint(carried.sites)
