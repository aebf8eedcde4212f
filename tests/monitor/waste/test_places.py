"""Rules about institutions, stores and vehicles, told in days, degrees and fixes."""

from typing import Any

import numpy as np
import pytest

from monitor.waste import FIX, NONE, TEMPERATURE, Rule, Tolerances, locate, measure
from monitor.waste.geometry import Corridors
from registry.waste.catalogue import Event
from tests.monitor.waste.chains import HOSPITAL, HOUR, MIDNIGHT, PLANT, Chain


def day_of(chain: Chain, day: int, bags: int = 8, net_g: int = 5_000, sharps: int = 1) -> list[Any]:
    """A day of the hospital: bags collected and stored in the morning, handed over at noon, treated in the evening."""
    events = []
    for number in range(bags):
        tag, begin = f"D{day}-{number}", 24 * day + 8 + number / 60
        category = 2 if number < sharps else 1
        # Days differ a little, as they do.
        grams = net_g + 37 * (day % 5)
        events += [
            chain.event(begin, Event.COLLECTED, tag, net_g=grams, category=category),
            chain.event(begin + 1, Event.STORED_IN, tag, net_g=grams),
            chain.event(begin + 4, Event.HANDED_OVER, tag, net_g=grams),
            chain.event(begin + 6, Event.RECEIVED, tag, net_g=grams),
            chain.event(begin + 10, Event.TREATED, tag),
        ]
    return events


def days(chain: Chain, first: int, last: int, **said: Any) -> list[tuple[str, bool]]:
    """Live through days, swept at three in the night after each; what was told of institutions."""
    told = []
    for day in range(first, last):
        chain.take(*day_of(chain, day, **said))
        told += chain.told(24 * (day + 1) + 3)
    return told


def test_an_ordinary_month_says_nothing_of_the_institution() -> None:
    """Thirty days that differ a little."""
    assert days(Chain(), 0, 30) == []


def test_an_institution_that_falls_silent_is_told_after_two_days_more_than_it_ever_was() -> None:
    """It gave waste on every day: the second day without is told, and a bag ends it."""
    chain = Chain()
    assert days(chain, 0, 20) == []
    assert chain.told(24 * 21 + 3) == []
    assert chain.told(24 * 22 + 3) == [("silent", True)]
    chain.take(*day_of(chain, 22))
    assert chain.told(24 * 23 + 3) == [("silent", False)]


def test_half_the_weight_for_days_is_outside_the_institutions_own_history() -> None:
    """One light day is none; three are told, and full days end it."""
    chain = Chain()
    assert days(chain, 0, 20, sharps=0) == []
    assert days(chain, 20, 21, bags=4, sharps=0) == []
    assert days(chain, 21, 22, sharps=0) == []
    assert days(chain, 22, 25, bags=4, sharps=0) == [("output", True)]
    assert days(chain, 25, 29, sharps=0) == [("output", False)]


def test_one_heavy_day_among_days_that_are_a_little_less_and_more_is_no_other_way_of_life() -> None:
    """Four times the weight on one day, then a tenth less and a tenth more: the days are not all on one side."""
    chain = Chain()
    assert days(chain, 0, 20, sharps=0) == []
    assert days(chain, 20, 21, net_g=20_000, sharps=0) == []
    assert days(chain, 21, 22, net_g=4_400, sharps=0) == []
    assert days(chain, 22, 23, net_g=5_700, sharps=0) == []


def test_sharps_that_double_are_outside_the_institutions_own_history() -> None:
    """An eighth of the weight was sharps, now it is half."""
    chain = Chain()
    assert days(chain, 0, 20) == []
    assert days(chain, 20, 23, sharps=4)[:1] == [("sharps", True)]


def test_one_heavy_bag_does_not_change_the_share_of_sharps() -> None:
    """400 kg of something else on one day: the share of three days falls, that of the other two does not."""
    chain = Chain()
    assert days(chain, 0, 20) == []
    chain.take(*day_of(chain, 20), chain.event(24 * 20 + 8.5, Event.COLLECTED, "HEAVY", net_g=400_000))
    assert chain.told(24 * 21 + 3) == []
    assert days(chain, 21, 24) == []


def test_a_disposer_that_does_not_come_for_two_days_is_told_and_ends_it_by_coming() -> None:
    """Two whole days with bags in the store and no hand-over; where nothing lies, nothing is due."""
    chain = Chain()
    days(chain, 0, 3)
    waiting = [event for day in (3, 4) for event in day_of(chain, day) if event["event"][0] <= Event.STORED_IN]
    chain.take(*waiting)
    assert ("pickup", True) not in chain.told(24 * 4 + 3)
    assert ("pickup", True) in chain.told(24 * 5 + 3)
    chain.take(chain.event(24 * 5 + 9, Event.HANDED_OVER, "D3-0"))
    assert ("pickup", False) in chain.told(24 * 5 + 9.5)
    empty = Chain()
    days(empty, 0, 3)
    assert "pickup" not in {rule for rule, _ in empty.told(24 * 5 + 3)}


def warm(chain: Chain, site: int, minutes: range, celsius: float) -> None:
    """Temperatures of a store, one a minute from 10 o'clock."""
    readings = np.zeros(len(minutes), dtype=TEMPERATURE)
    readings["site"], readings["celsius"] = site, celsius
    readings["ts"] = MIDNIGHT + 10 * HOUR + np.array(minutes) * 60_000_000
    measure(chain.state, readings)


def test_a_warm_store_is_told_while_waste_lies_in_it() -> None:
    """19 ℃ is allowed an institution; 21 ℃ for a quarter of an hour is not, unless the store is empty."""
    chain = Chain()
    chain.take(chain.event(8, Event.COLLECTED, "B1"), chain.event(9, Event.STORED_IN, "B1"))
    chain.at(9.5)
    warm(chain, HOSPITAL, range(30), 19)
    assert chain.told(10.5) == []
    warm(chain, HOSPITAL, range(30, 50), 21)
    assert chain.told(10.9) == [("store_warm", True)]
    warm(chain, HOSPITAL, range(60, 61), 18)
    assert chain.told(11.1) == [("store_warm", False)]
    empty = Chain()
    warm(empty, HOSPITAL, range(60), 25)
    assert empty.told(11) == []


def test_a_disposer_with_a_warm_store_must_treat_within_a_day() -> None:
    """GB 39707-2020 binds the plant: 24 h at 5 ℃ or more."""
    chain = Chain()
    chain.take(*chain.life("B1")[:4])
    warm(chain, PLANT, range(0, 40 * 60, 5), 8)
    assert chain.said(22 + 23) == []
    assert chain.said(22 + 24.5) == [("disposer_storage", True)]


def drive(chain: Chain, fixes: list[tuple[float, float, float, float]]) -> list[tuple[str, bool]]:
    """Fixes of V1 as (minute after 10 o'clock, longitude, latitude, km/h); what is told."""
    rows = np.zeros(len(fixes), dtype=FIX)
    rows["vehicle"] = chain.state.codes.number("V1")
    for name, values in zip(("ts", "lon", "lat", "speed_kmh"), zip(*fixes, strict=True), strict=True):
        rows[name] = values if name != "ts" else [MIDNIGHT + 10 * HOUR + round(each * 60e6) for each in values]
    locate(chain.state, rows)
    return chain.told(10 + fixes[-1][0] / 60)


def test_three_fixes_beside_the_route_are_a_detour_and_three_on_it_end_it() -> None:
    """300 m beside the road: two fixes are chance, the third speaks; the plant is told whose vehicle it is."""
    chain = Chain()
    beside = 32.0 + 300 / 111_320
    assert drive(chain, [(0, 120.81, 32.0, 40), (1, 120.82, beside, 40), (2, 120.83, beside, 40)]) == []
    assert drive(chain, [(3, 120.84, beside, 40)]) == [("route", True)]
    assert drive(chain, [(4 + n, 120.85 + n / 100, 32.0, 40) for n in range(3)]) == [("route", False)]


def test_standing_is_told_after_ten_minutes_and_not_within_a_fence() -> None:
    """Eleven minutes at one place of the route are told; hours at the plant are not."""
    chain = Chain()
    assert drive(chain, [(n, 120.85, 32.0, 0) for n in range(11)]) == []
    assert drive(chain, [(11, 120.85, 32.0, 0)]) == [("stop", True)]
    assert drive(chain, [(12, 120.86, 32.0, 40)]) == [("stop", False)]
    assert drive(chain, [(13 + n, 120.90, 32.0, 0) for n in range(60)]) == []


def test_how_far_a_point_is_from_a_line() -> None:
    """A point 100 m north of a road of 150 m is in it, one 200 m north is not; a circle reaches its radius."""
    road = np.array([[120.80, 32.0], [120.81, 32.0]])
    corridors = Corridors([road, np.array([[120.9, 32.0]])], [150.0, 50.0])
    points = np.array(
        [[120.805, 32.0 + metres / 111_320] for metres in (100, 200)] + [[120.9004, 32.0], [120.901, 32.0]]
    )
    index, corridor = corridors.within(points)
    assert list(zip(index.tolist(), corridor.tolist(), strict=True)) == [(0, 0), (2, 1)]
    assert corridors.distance(points[1], np.array([0])) == pytest.approx(200, rel=0.01)
    assert corridors.distance(points[1], np.array([], dtype=np.int64)) == float("inf")


def test_a_device_whose_scans_are_all_late_by_the_same_is_told_for_its_clock() -> None:
    """Eight hours behind on every scan; no scan is taken for a witness of order."""
    chain = Chain(Tolerances())
    for number in range(8):
        chain.take(chain.event(8 + number / 4, Event.COLLECTED, f"B{number}", late_h=8))
    told = chain.at(18)
    assert [(Rule(each["rule"]), each["value"]) for each in told if each["rule"] == Rule.CLOCK] == [(Rule.CLOCK, 480.0)]
    assert NONE not in told["site"][told["rule"] == Rule.CLOCK]
