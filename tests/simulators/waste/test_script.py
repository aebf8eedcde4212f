from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.waste.catalogue import Event
from simulators.clock import PhysicsClock
from simulators.device import Presence
from simulators.waste.chain import LOCAL_US
from simulators.waste.city import demonstration_city
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.live import WasteLife, waste_devices
from simulators.waste.model import DAY_US, MINUTE_US
from simulators.waste.registering import registered
from simulators.waste.routes import METRES_A_DEGREE, off_line
from simulators.waste.script import Order, Script
from tests.simulators.worlds import REGISTERED

CITY = demonstration_city(7)
NOON = 20_500 * DAY_US - LOCAL_US + 12 * 60 * MINUTE_US
BORN = NOON - 2 * DAY_US
HOSPITAL = 0


def order(kind: WasteFault, size: float = 0.0, place: int = HOSPITAL, starts: int = NOON) -> Order:
    """A fault from now on."""
    return Order("f", kind, place, size, starts, starts + DAY_US)


def test_what_was_said_does_not_change_when_a_fault_is_put_in() -> None:
    """The past stays, and from now on exactly one bag of the hospital is never stored."""
    before, after = Script(CITY, BORN, NOON), Script(CITY, BORN, NOON, [order(WasteFault.LOST_BAG)])
    assert np.array_equal(before.said(BORN, NOON), after.said(BORN, NOON))
    lost = set(before.events[before.events["event"] == Event.STORED_IN]["unit"].tolist())
    lost -= set(after.events[after.events["event"] == Event.STORED_IN]["unit"].tolist())
    assert len(lost) == 1
    own = after.events[after.events["unit"] == next(iter(lost))]
    assert own["event"].tolist() == [Event.COLLECTED]
    assert NOON <= int(own["said"][0]) < NOON + DAY_US


@pytest.mark.parametrize("kind", [WasteFault.LOST_BAG, WasteFault.DUPLICATE_TAG, WasteFault.UNSIGNED])
def test_a_fault_meets_the_same_bag_whenever_the_script_is_written_anew(kind: WasteFault) -> None:
    """A fleet that was away for a day goes on with the same story."""
    first = Script(CITY, BORN, NOON, [order(kind)])
    again = Script(CITY, BORN, NOON + DAY_US, [order(kind)])
    assert np.array_equal(first.said(BORN, NOON + DAY_US), again.said(BORN, NOON + DAY_US))


def test_nothing_is_said_of_a_load_that_began_before_the_city_did() -> None:
    """Every bag that is stored was collected before the script's eyes."""
    events = Script(CITY, BORN, NOON).events
    assert int(events["said"].min()) >= BORN
    collected = set(events[events["event"] == Event.COLLECTED]["unit"].tolist())
    assert set(events[events["event"] == Event.STORED_IN]["unit"].tolist()) <= collected


def test_a_vehicle_drives_its_line_unless_it_is_sent_astray() -> None:
    """Fixes are within metres of the line; during a detour they are as far off as its size."""
    rng = np.random.default_rng(1)
    morning = NOON - 12 * 60 * MINUTE_US + round(CITY.routes[0].departure) * MINUTE_US
    for detour in ([], [order(WasteFault.DETOUR, 800.0, 0, morning)]):
        script = Script(CITY, BORN, NOON, detour)
        seen = [script.fix(0, morning + minute * MINUTE_US, rng) for minute in range(15, 45)]
        points = np.array([(fix.lon, fix.lat) for fix in seen if fix is not None])
        assert len(points) == 30
        off = off_line(points, CITY.routes[(NOON + LOCAL_US) // DAY_US % 2])
        assert off.max() < 40 if not detour else (off > 300).sum() >= 5
        steps = np.hypot(*(np.diff(points, axis=0) * METRES_A_DEGREE).T)
        assert steps.max() > 200  # m in a minute: it moves


def test_a_halt_keeps_a_vehicle_where_nothing_is_to_be_fetched() -> None:
    """After a halt of twenty minutes its stops are twenty minutes later."""
    morning = NOON - 12 * 60 * MINUTE_US + round(CITY.routes[0].departure) * MINUTE_US
    usual = Script(CITY, BORN, NOON)
    halted = Script(CITY, BORN, NOON, [order(WasteFault.UNPLANNED_STOP, 20.0, 0, morning)])
    day = (NOON + LOCAL_US) // DAY_US
    late = halted._tours[day][0].back - usual._tours[day][0].back
    assert late == pytest.approx(20.0)


class Teller:
    """A device that only remembers what it was told to say."""

    presence = Presence.ONLINE

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []

    def sample(self, ts: int, values: Mapping[str, Any]) -> None:
        if "id" in values:
            self.said.append((ts, values["id"]))


def test_a_city_that_was_away_tells_what_happened_meanwhile_once_and_at_its_time(tmp_path: Path) -> None:
    """A start, an end and another start a day later tell the same as one long life, without a repeat."""
    registry, _ = registered(CITY, REGISTERED)
    told = {}
    for name, ends in (("whole", [NOON + DAY_US]), ("interrupted", [NOON + DAY_US // 8, NOON + DAY_US])):
        tellers = {device.code: Teller() for device in waste_devices(registry)}
        folder = tmp_path / name
        folder.mkdir()
        begin = NOON
        for end in ends:
            life = WasteLife(CITY, registry, tellers, folder, begin)  # type: ignore[arg-type]
            life.turn(end, PhysicsClock(wall=begin, physics=begin))
            life.keep()
            begin = end + DAY_US // 2 if end != ends[-1] else end
        told[name] = {code: teller.said for code, teller in tellers.items()}
    assert told["whole"] == told["interrupted"]
    ids = [each for said in told["whole"].values() for _, each in said]
    assert len(ids) == len(set(ids)) > 500
    assert all(ts * 1_000 <= NOON + DAY_US for said in told["whole"].values() for ts, _ in said)
