"""Days in the life of an alarm, told on a virtual clock, on a real database through the real journal."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.recompute import recompute
from registry.alarm_settings import AlarmSetting
from registry.model import Device, Registry, SiteStatus
from registry.opening import OpeningHours
from store.connections import Connection
from tests.monitor.timeline import Timeline
from tests.monitor.worlds import GOOD, START, pool

OPEN, SEEN, WAITS = "unacknowledged", "acknowledged", "returned_unacknowledged"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def timeline(connection: Connection) -> Iterator[Timeline]:
    """A live pool with one basin, open day and night; in the end its history is folded again and must be the same."""
    story = Timeline(connection, pool())
    yield story
    story.monitor.finish()
    found = recompute(connection, START - timedelta(days=1), story.now + timedelta(days=1))
    assert [(each.table, each.examples) for each in found.tables if each.different] == []


def newest(timeline: Timeline) -> int:
    """The id of the alarm raised last."""
    return int(timeline.rows("SELECT max(id) FROM alarm")[0][0])


def happened(timeline: Timeline) -> list[str]:
    """Every event in order, as "event state"."""
    return [" ".join(row) for row in timeline.rows("SELECT event, state FROM alarm_event ORDER BY id")]


def setting(rule: str, **given: object) -> dict[str, object]:
    """An alarm setting of pool P1 as the journal keeps it."""
    said = {"id": 1, "site": "P1", "rule": rule, "reason": "两次复发", "set_by": "centre", "set_at": START.isoformat()}
    return dict.fromkeys(AlarmSetting.__slots__) | said | given


def behind_a_gateway(devices: int) -> Registry:
    """A pool with so many devices behind gateway G1, and one more that speaks for itself."""
    base = pool(devices=devices + 1)
    found = [replace(each, gateway="" if each.code == f"D1-{devices + 1}" else "G1") for each in base.devices.values()]
    gateway = Device("G1", "P1", "B1", 60)
    return Registry.of(base.sites.values(), base.sampling_points.values(), [*found, gateway], base.channels.values())


def test_a_flapping_value_is_one_alarm_at_a_time(timeline: Timeline) -> None:
    """Around the limit for half an hour: nothing. Out and back for a quarter each: one alarm asks, the third."""
    for minute in range(30):
        timeline.at(minute).push(ph=7.9 if minute % 3 else 7.8)
    timeline.expect()
    for cycle in range(3):
        begin = 30 + 30 * cycle
        timeline.at(begin, begin + 15).push(ph=7.9).at(begin + 15, begin + 30).push(ph=7.4)
    timeline.expect("limit ph high normal", "limit ph high normal", f"limit ph high {WAITS}")
    assert timeline.rows("SELECT occurrence FROM alarm ORDER BY id") == [(1,), (2,), (3,)]
    timeline.act("acknowledge", newest(timeline)).expect(*["limit ph high normal"] * 3)
    assert happened(timeline).count("acknowledged normal") == 1


def test_a_breach_grows_from_warning_to_alarm_to_serious(timeline: Timeline) -> None:
    """Ten minutes are a warning, thirty an alarm, a hazard is serious; the priority rises with it."""
    timeline.at(0, 11).push(free_chlorine=0.2)
    assert timeline.rows("SELECT severity, priority FROM alarm") == [("warning", "medium")]
    timeline.at(11, 31).push(free_chlorine=0.2)
    assert timeline.rows("SELECT severity, priority FROM alarm") == [("alarm", "high")]
    timeline.at(31, 34).push(free_chlorine=0.02)
    assert timeline.rows("SELECT severity, priority, legal_lead FROM alarm") == [("serious", "high", True)]
    assert happened(timeline) == [f"raised {OPEN}", f"worsened {OPEN}", f"worsened {OPEN}"]


def test_a_gateway_with_forty_channels_goes_down_as_one_alarm(connection: Connection) -> None:
    """Five devices behind one gateway, a sixth beside it: one alarm, what hangs on them muted, legal leads not."""
    timeline = Timeline(connection, behind_a_gateway(5))
    behind = [f"D1-{n}" for n in range(1, 6)]
    wrong = {"D1-1": {"circulation_flow": 1.0}, "D1-2": {"ph": 8.5}}
    for minute in range(12):
        for device in behind:
            timeline.at(minute).push(device=device, **GOOD | wrong.get(device, {}))
        timeline.at(minute).push(device="D1-6", **GOOD)
    timeline.expect(f"circulation circulation_flow low {OPEN}", f"limit ph high {OPEN}")
    timeline.at(12, 25).push(device="D1-6", **GOOD)
    assert timeline.rows("SELECT rule, device, suppressed_by, muted FROM alarm ORDER BY rule") == [
        ("circulation:low", "D1-1", "gateway:G1:offline", True),
        ("limit:ph:high", "D1-2", None, False),
        ("offline:gateway", "G1", None, False),
    ]
    for minute in range(25, 28):
        for device in behind:
            timeline.at(minute).push(device=device, **GOOD | {"circulation_flow": 1.0})
        timeline.at(minute).push(device="D1-6", **GOOD)
    assert timeline.rows("SELECT state, suppressed_by, muted FROM alarm WHERE rule = 'circulation:low'") == [
        (OPEN, None, False)
    ]
    assert timeline.rows("SELECT return_reason FROM alarm WHERE rule = 'offline:gateway'") == [("online",)]


def test_the_whole_site_takes_the_place_of_its_gateway(connection: Connection) -> None:
    """First all behind the gateway are silent, then the last device too: the site's alarm is the only one."""
    timeline = Timeline(connection, behind_a_gateway(2))
    for minute in range(3):
        for device in ("D1-1", "D1-2", "D1-3"):
            timeline.at(minute).push(device=device, ph=7.4)
    timeline.at(3, 16).push(device="D1-3", ph=7.4).expect(f"offline G1 {OPEN}")
    timeline.at(16, 28).nothing().expect(f"offline G1 {WAITS}", f"offline P1 {OPEN}")
    assert timeline.rows("SELECT return_reason FROM alarm WHERE device = 'G1'") == [("whole_site_offline",)]


def test_a_night_closes_quietly_and_the_morning_begins_anew(connection: Connection) -> None:
    """Closed from 12:30 to 13:30: chlorine falls meanwhile, nobody is told; it has ten minutes in the morning."""
    week = OpeningHours((((9 * 60, 12 * 60 + 30), (13 * 60 + 30, 22 * 60)),) * 7)
    timeline = Timeline(connection, pool(opening=week))
    timeline.at(0, 30).push(**GOOD).at(30, 90).push(**GOOD | {"free_chlorine": 0.05}).expect()
    timeline.at(90, 99).push(**GOOD | {"free_chlorine": 0.1}).expect()
    timeline.at(99, 120).push(**GOOD).expect()
    assert timeline.shown("free_chlorine") == "normal"


def test_an_announced_closure_is_not_judged(timeline: Timeline) -> None:
    """The venue closes for renovation: an alarm that was on ends for it, nothing is judged, then it is again."""
    timeline.at(0, 11).push(**GOOD | {"ph": 8.5}).expect(f"limit ph high {OPEN}")
    timeline.at(11).push(**GOOD).announce("closed", 60)
    timeline.at(12, 71).push(**GOOD | {"ph": 9.0, "circulation_flow": 0.0}).expect(f"limit ph high {WAITS}")
    assert timeline.rows("SELECT return_reason FROM alarm") == [("closed",)]
    assert timeline.shown("ph") == "closed"
    timeline.at(72, 84).push(**GOOD | {"ph": 8.5}).expect("limit ph high normal", f"limit ph high {OPEN}")


def test_a_calibration_mutes_what_begins_in_it_and_what_lasts_is_told_after_the_hold_off(timeline: Timeline) -> None:
    """A pH of 9 for an hour from within a half hour's calibration: kept, muted, and told half an hour after its end."""
    timeline.at(0, 5).push(**GOOD).announce("calibration", 30)
    timeline.at(5, 40).push(**GOOD | {"ph": 9.0}).expect(f"limit ph high {OPEN}")
    assert timeline.rows("SELECT suppressed_by LIKE 'announcement:%', muted FROM alarm") == [(True, True)]
    timeline.at(40, 64).push(**GOOD | {"ph": 9.0})
    assert "unsuppressed" not in " ".join(happened(timeline))
    timeline.at(64, 67).push(**GOOD | {"ph": 9.0})
    assert timeline.rows("SELECT suppressed_by, muted, state FROM alarm") == [(None, False, OPEN)]
    assert happened(timeline)[-1] == f"unsuppressed {OPEN}"


def test_nobody_can_announce_an_alarm_away(timeline: Timeline) -> None:
    """What was on when maintenance was announced goes on asking; what began before it and shows within it too."""
    timeline.at(0, 6).push(**GOOD | {"free_chlorine": 0.1})
    timeline.at(6, 11).push(**GOOD | {"free_chlorine": 0.1, "ph": 8.5}).expect(f"limit free_chlorine low {OPEN}")
    timeline.announce("maintenance", 120)
    timeline.at(11, 20).push(**GOOD | {"free_chlorine": 0.1, "ph": 8.5})
    timeline.expect(f"limit free_chlorine low {OPEN}", f"limit ph high {OPEN}")
    assert timeline.rows("SELECT count(*) FROM alarm WHERE muted") == [(0,)]


def test_maintenance_may_cut_the_power_and_one_basin_does_not_mute_another(connection: Connection) -> None:
    """One of two basins is under maintenance: its silence is muted, the other's breach is not."""
    timeline = Timeline(connection, pool(devices=2))
    for minute in range(3):
        timeline.at(minute).push(device="D1-1", ph=7.4).at(minute).push(device="D1-2", ph=7.4)
    timeline.announce("maintenance", 120, point="B1")
    timeline.at(3, 25).push(device="D1-2", ph=8.5)
    assert timeline.rows("SELECT rule, device, muted FROM alarm ORDER BY rule") == [
        ("limit:ph:high", "D1-2", False),
        ("offline:device", "D1-1", True),
    ]


def test_a_shelf_holds_until_its_time_and_then_the_alarm_asks_again(timeline: Timeline) -> None:
    """Shelved for twenty minutes through a return and a relapse; when that is over somebody has to look again."""
    timeline.at(0, 11).push(ph=8.5)
    timeline.put_away("shelve", newest(timeline), 45, once=False)
    assert timeline.rows("SELECT muted, shelved_by, shelve_reason FROM alarm") == [(True, "wang", "等待更换探头")]
    detail = timeline.rows("SELECT detail->>'legal_lead', detail->>'once' FROM alarm_event WHERE event = 'shelved'")
    assert detail == [("true", "false")]
    timeline.act("acknowledge", newest(timeline))
    timeline.at(11, 23).push(ph=7.4).expect("limit ph high normal")
    timeline.at(23, 35).push(ph=8.5).expect("limit ph high normal", f"limit ph high {OPEN}")
    assert timeline.rows("SELECT muted FROM alarm ORDER BY id") == [(False,), (True,)]
    timeline.act("acknowledge", newest(timeline))
    timeline.at(35, 57).push(ph=8.5)
    assert timeline.rows("SELECT muted, state, acknowledged_by FROM alarm ORDER BY id")[-1] == (False, OPEN, None)
    assert happened(timeline)[-1] == f"unshelved {OPEN}"


def test_a_one_shot_shelf_ends_with_the_condition(timeline: Timeline) -> None:
    """Put away for hours, but the water is good after ten minutes: the next breach is told at once."""
    timeline.at(0, 11).push(ph=8.5)
    timeline.put_away("shelve", newest(timeline), 300, once=True)
    timeline.at(11, 22).push(ph=7.4).at(22, 33).push(ph=8.5)
    assert timeline.rows("SELECT muted FROM alarm ORDER BY id") == [(False,), (False,)]


def test_a_device_out_of_service_mutes_all_its_alarms_until_it_is_back(timeline: Timeline) -> None:
    """The probe waits for a spare: pH and chlorine alarms of its device are kept but told nobody; then they ask."""
    timeline.at(0, 11).push(ph=8.5)
    first = newest(timeline)
    timeline.put_away("out_of_service", first, 600, device="D1-1")
    timeline.at(11, 25).push(ph=8.5, free_chlorine=0.1)
    assert timeline.rows("SELECT muted, out_of_service_by FROM alarm ORDER BY id") == [(True, "wang")] * 2
    timeline.restart().act("in_service", first)
    assert timeline.rows("SELECT muted, state FROM alarm ORDER BY id") == [(False, OPEN)] * 2


def test_a_latched_alarm_waits_for_a_person(timeline: Timeline) -> None:
    """A site wants its chlorine alarms reset by hand: returned and acknowledged, it stays until somebody does."""
    timeline.at(0).push(**GOOD).config(what="alarm_setting", setting=setting("limit:free_chlorine", latches=True))
    timeline.at(1, 12).push(free_chlorine=0.1)
    alarm = newest(timeline)
    timeline.act("acknowledge", alarm).at(12, 24).push(free_chlorine=0.5)
    timeline.expect("limit free_chlorine low latched").act("acknowledge", alarm)
    timeline.expect("limit free_chlorine low latched").act("reset", alarm, "现场快检合格")
    timeline.expect("limit free_chlorine low normal")
    assert timeline.rows("SELECT reset_by FROM alarm") == [("wang",)]


def test_a_site_sets_its_own_delay_and_priority(timeline: Timeline) -> None:
    """An infants' pool: three minutes outside are enough, and the priority is high at once as an alarm."""
    infants = setting("limit:ph", sampling_point="B1", priority="high", on_delay_s=180.0)
    timeline.at(0).push(**GOOD).config(what="alarm_setting", setting=infants)
    timeline.at(1, 5).push(ph=7.9).expect(f"limit ph high {OPEN}")
    assert timeline.rows("SELECT priority, raised_at FROM alarm") == [("medium", START + 4 * MINUTE)]
    timeline.restart().at(5, 32).push(ph=7.9)
    assert timeline.rows("SELECT priority FROM alarm") == [("high",)]


def test_late_data_are_a_historic_finding_and_page_nobody(timeline: Timeline) -> None:
    """A gateway delivers the night's breach in the morning: one finding, over when found, that waits to be seen."""
    timeline.at(0, 3).push(ph=7.4)
    for minute in range(3, 33):
        timeline.at(minute).push(late=True, age=300.0 - minute, free_chlorine=0.1 if minute < 28 else 0.5, ph=7.4)
    timeline.expect(f"limit free_chlorine low {WAITS}")
    begin = START + 6 * MINUTE - timedelta(hours=5)
    assert timeline.rows("SELECT historic, since, raised_at, returned_at, extreme, return_reason FROM alarm") == [
        (True, begin, begin + 10 * MINUTE, begin + 48 * MINUTE, 0.1, "historic")
    ]
    assert happened(timeline) == [f"found {WAITS}"]
    timeline.act("acknowledge", newest(timeline)).expect("limit free_chlorine low normal")


def test_late_readings_of_a_breach_that_is_told_already_are_no_second_finding(timeline: Timeline) -> None:
    """Some readings of a breach come late while its alarm is on: it is the same breach."""
    timeline.at(0, 15).push(ph=8.5)
    for minute in range(15, 30):
        timeline.at(minute).push(ph=8.5).at(minute).push(late=True, age=10.0, ph=8.5)
    timeline.expect(f"limit ph high {OPEN}")


def test_two_zones_close_by_their_own_clocks(connection: Connection) -> None:
    """Noon at Shanghai is 04:00 UTC and 05:00 in London's summer: one pool is open, the other is closed."""
    base = pool(sites=2, opening=OpeningHours.daily(9 * 60, 21 * 60))
    sites = [base.sites["P1"], replace(base.sites["P2"], zone="Europe/London")]
    registry = Registry.of(sites, base.sampling_points.values(), base.devices.values(), base.channels.values())
    timeline = Timeline(connection, registry)
    for minute in range(12):
        timeline.at(minute).push(ph=8.5).at(minute).push(device="D2-1", ph=8.5)
    assert timeline.rows("SELECT site FROM alarm") == [("P1",)]
    assert timeline.shown("ph", "D2-1") == "closed"


def test_a_simulated_calibration_holds_off_as_fast_as_its_physics(connection: Connection) -> None:
    """At ×60 the half hour after a calibration is half a minute."""
    timeline = Timeline(connection, pool(status=SiteStatus.SIMULATED), grain_s=10)
    timeline.at(0).push(**GOOD).config(what="simulation", speed=60.0).announce("calibration", 1)
    muted = []
    for k in range(1, 11):
        timeline.at(k / 6).push(ph=8.5)
        muted += timeline.rows("SELECT muted FROM alarm")
    assert muted == [(True,)] * 6 + [(False,)] * 2


def test_settings_and_announcements_are_those_of_the_beginning(timeline: Timeline) -> None:
    """Without a snapshot the journal is folded from its first row: what was announced later is not known before."""
    timeline.at(0, 11).push(ph=8.5).announce("maintenance", 60)
    timeline.at(11, 14).push(ph=8.5)
    timeline.connection.execute("DELETE FROM journal_snapshot")
    timeline.restart().at(14, 16).push(ph=8.5).expect(f"limit ph high {OPEN}")
    assert timeline.rows("SELECT muted FROM alarm") == [(False,)]
