from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alarms.wording import alarm_text
from registry.model import Channel, Registry, SiteStatus
from registry.opening import OpeningHours
from store import journal
from store.connections import Connection
from store.registry_rows import save_registry
from tests.monitor.timeline import Timeline
from tests.monitor.worlds import GOOD, START, pool

OPEN, SEEN = "unacknowledged", "acknowledged"


@pytest.fixture
def timeline(connection: Connection) -> Timeline:
    """A live pool with one basin, open day and night."""
    return Timeline(connection, pool())


def test_a_breach_from_first_reading_to_the_end(timeline: Timeline) -> None:
    """Raised at the reading that completes the on-delay, seen by an inspector, over when the water is good again."""
    timeline.at(0, 5).push(**GOOD).expect()
    timeline.at(5, 15).push(**GOOD | {"free_chlorine": 0.1}).expect()
    assert timeline.shown("free_chlorine") == "pending"
    timeline.at(15).push(free_chlorine=0.08).expect(f"limit free_chlorine low {OPEN}")
    assert timeline.shown("free_chlorine") == "breach"
    (alarm,) = timeline.rows("SELECT id FROM alarm")[0]
    timeline.at(16, 18).push(free_chlorine=0.05).act("acknowledge", alarm, "已联系场馆")
    timeline.expect(f"limit free_chlorine low {SEEN}")
    timeline.at(18, 28).push(free_chlorine=0.5).expect(f"limit free_chlorine low {SEEN}")
    timeline.at(28, 29).push(free_chlorine=0.5).expect("limit free_chlorine low normal")
    assert timeline.shown("free_chlorine") == "normal"

    minute = timedelta(minutes=1)
    assert timeline.rows("SELECT since, raised_at, returned_at, value, extreme, acknowledged_by FROM alarm") == [
        (START + 5 * minute, START + 15 * minute, START + 28 * minute, 0.08, 0.05, "wang")
    ]
    assert timeline.rows("SELECT event, state, actor, text FROM alarm_event ORDER BY id") == [
        ("raised", "unacknowledged", None, None),
        ("acknowledged", "acknowledged", "wang", "已联系场馆"),
        ("returned", "normal", None, "within_limit"),
    ]


def test_the_text_of_a_stored_alarm(timeline: Timeline) -> None:
    """The row that the API reads is all that the wording needs."""
    timeline.at(0, 11).push(free_chlorine=0.1)
    with timeline.connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alarm")
        names = [column.name for column in cursor.description or ()]
        row = dict(zip(names, cursor.fetchone() or (), strict=True))
    text = alarm_text("zh", row, timeline.registry)
    for part in ("江海游泳馆1", "标准池1", "游离性余氯", "0.10 mg/L", "0.3–1.0 mg/L", "GB 37488-2019", "12:00"):
        assert part in text


def test_the_event_of_an_action_names_its_journal_row(timeline: Timeline) -> None:
    """So the API sees that it was applied; an action on an alarm that never was stays in the journal alone."""
    timeline.at(0, 11).push(ph=8.5)
    (alarm,) = timeline.rows("SELECT id FROM alarm")[0]
    for what, target in (("comment", alarm), ("acknowledge", alarm), ("acknowledge", alarm), ("acknowledge", 4711)):
        timeline.act(what, target)
        applied = timeline.rows(
            "SELECT count(*) FROM alarm_event WHERE journal_id = (SELECT max(id) FROM journal WHERE kind = 'action')"
        )
        assert applied == [(0 if target == 4711 else 1,)]
    timeline.expect(f"limit ph high {SEEN}")


def test_a_returned_alarm_waits_for_acknowledgement(timeline: Timeline) -> None:
    """Returned and unseen is not over; a relapse before it was seen is a new occurrence that asks in its place."""
    timeline.at(0, 11).push(ph=8.5).at(11, 22).push(ph=7.4).expect("limit ph high returned_unacknowledged")
    timeline.at(22, 33).push(ph=8.5).expect("limit ph high normal", f"limit ph high {OPEN}")
    ((first, _, _), (newest, before, occurrence)) = timeline.rows(
        "SELECT id, relapse_of, occurrence FROM alarm ORDER BY id"
    )
    assert (before, occurrence) == (first, 2)
    timeline.act("acknowledge", newest).expect("limit ph high normal", f"limit ph high {SEEN}")


def test_water_temperature_is_advice(timeline: Timeline) -> None:
    """Half an hour at 33 ℃ is shown as advice and is no alarm."""
    timeline.at(0, 30).push(water_temperature=33.0).expect()
    assert timeline.shown("water_temperature") == "advice"


def test_closing_time_ends_alarms_of_the_water(connection: Connection) -> None:
    """At 12:30 the pool closes: the alarm returns, and nothing is judged after."""
    timeline = Timeline(connection, pool(opening=OpeningHours.daily(9 * 60, 12 * 60 + 30)))
    timeline.at(0, 30).push(ph=8.5).expect(f"limit ph high {OPEN}")
    timeline.at(30, 60).push(ph=8.5).expect("limit ph high returned_unacknowledged")
    assert timeline.rows("SELECT return_reason FROM alarm") == [("closed",)]
    assert timeline.shown("ph") == "closed"


def test_a_stopped_pump_is_one_alarm(timeline: Timeline) -> None:
    """With the circulation off the quality of standing water is not judged; the pump is what is wrong."""
    timeline.at(0, 20).push(circulation_flow=0.0, free_chlorine=0.1, ph=8.5)
    timeline.expect(f"circulation circulation_flow low {OPEN}")


def test_impossible_values_are_flagged(timeline: Timeline) -> None:
    """A value outside the instrument's range fails QARTOD's gross range test and is not judged."""
    timeline.at(0, 15).push(ph=15.0).expect()
    assert timeline.shown("ph") == "bad"
    assert timeline.rows("SELECT count(*), min(test), min(flag), max(flag) FROM reading_flag") == [
        (15, "gross_range", 4, 4)
    ]


def test_every_reading_beyond_its_limit_is_flagged(timeline: Timeline) -> None:
    """On time or late: 4 beyond a standard's limit, 3 beyond an operational one; a value inside has no flag."""
    timeline.at(0, 5).push(ph=8.5)
    timeline.at(5, 8).push(ph=7.4, circulation_flow=0.0)
    timeline.at(8).push(ph=8.6, late=True, age=60)
    timeline.at(9).push(ph=7.5, late=True, age=70)
    assert timeline.rows("SELECT test, flag, count(*) FROM reading_flag GROUP BY 1, 2 ORDER BY 2") == [
        ("limit", 3, 3),
        ("limit", 4, 6),
    ]


def test_a_value_beyond_a_limit_while_closed_is_not_flagged(connection: Connection) -> None:
    """What nobody judges is not beyond anything, be it on time or late."""
    closed = Timeline(connection, pool(opening=OpeningHours(((),) * 7)))
    closed.at(0, 3).push(ph=8.5)
    closed.at(3).push(ph=8.5, late=True, age=60)
    assert closed.rows("SELECT count(*) FROM reading_flag") == [(0,)]


def test_history_pages_nobody_and_fills_an_empty_channel(timeline: Timeline) -> None:
    """Hours of late readings outside the limit: stored, shown as the latest where there is none, nobody told."""
    for minute in range(30):  # a gateway that sends two minutes of its backlog a minute
        timeline.at(minute, minute + 1).push(late=True, age=90.0 - minute, ph=8.5, turbidity=0.2)
    assert (timeline.shown("ph"), timeline.shown("turbidity")) == ("unjudged", "normal")
    timeline.at(30).push(ph=7.4)
    timeline.at(31, 60).push(late=True, age=5.0, ph=8.5)
    assert timeline.shown("ph") == "normal"
    assert timeline.rows("SELECT DISTINCT event FROM alarm_event ORDER BY 1") == [("found",), ("relapsed",)]
    assert timeline.rows("SELECT DISTINCT historic FROM alarm") == [(True,)]


def test_a_clock_that_is_hours_slow_is_found_by_its_steady_lateness(timeline: Timeline) -> None:
    """Every reading eight hours late by the same amount: an alarm for the venue; timely readings end it."""
    timeline.at(0, 5).push(ph=7.4).at(5, 14).push(late=True, age=480.0, ph=7.4).expect()
    timeline.at(14, 18).push(late=True, age=480.0, ph=7.4).expect("detector D1-1 unacknowledged")
    assert timeline.rows("SELECT verdict, audience, since, evidence->>'minutes' FROM alarm") == [
        ("clock", "venue", START + timedelta(minutes=5), "480")
    ]
    timeline.at(18, 22).push(ph=7.4).expect("detector D1-1 returned_unacknowledged")
    assert timeline.rows("SELECT return_reason FROM alarm") == [("clock_right",)]


def test_a_clock_that_is_hours_fast_is_found_by_its_dead_letters_and_is_not_silence(timeline: Timeline) -> None:
    """What comes from the future is no reading, but the device is there: one alarm about its clock, none offline."""
    timeline.at(0, 5).push(ph=7.4)
    for minute in range(5, 30):
        timeline.at(minute, minute + 1).nothing().reject("in_future")
    timeline.expect("detector D1-1 unacknowledged")
    assert timeline.rows("SELECT verdict FROM alarm") == [("clock",)]


def test_silence_is_an_alarm_and_its_channels_are_stale(timeline: Timeline) -> None:
    """After ten minutes the site is called silent and its values old; a reading ends both."""
    timeline.at(0, 20).push(**GOOD).at(20, 35).nothing().expect("offline P1 unacknowledged")
    assert timeline.shown("ph") == "stale"
    timeline.at(35, 37).push(**GOOD).expect("offline P1 returned_unacknowledged")
    assert timeline.shown("ph") == "normal"
    assert timeline.rows("SELECT since, return_reason FROM alarm") == [(START + timedelta(minutes=19), "online")]


def test_an_outage_of_ingest_is_nobodys_silence(timeline: Timeline) -> None:
    """Twenty minutes without ingest, then its backlog in order: no alarm at any time."""
    timeline.at(0, 20).push(**GOOD)
    timeline.ingest = False
    timeline.at(20, 40).nothing().expect()
    timeline.ingest = True
    timeline.at(40).push(**GOOD).at(41, 60).push(**GOOD).expect()


def test_a_night_with_everything_off_is_nobodys_silence(timeline: Timeline) -> None:
    """In the morning the monitor and ingest start before the devices have reported."""
    timeline.at(0, 20).push(**GOOD)
    timeline.restart().at(620, 625).nothing().at(625, 640).push(**GOOD).expect()


def test_a_monitor_away_judges_what_it_missed(timeline: Timeline) -> None:
    """Readings committed while the monitor was down raise their alarm when it is back, dated by their own time."""
    timeline.at(0, 5).push(**GOOD)
    timeline.restart().monitor_runs = False
    timeline.at(5, 25).push(ph=8.5).expect()
    timeline.monitor_runs = True
    timeline.at(25).push(ph=8.5).expect(f"limit ph high {OPEN}")
    assert timeline.rows("SELECT raised_at FROM alarm") == [(START + timedelta(minutes=15),)]


def test_speed_applies_to_simulated_sites_only(connection: Connection) -> None:
    """At ×60 ten minutes are ten seconds, so the third reading outside raises; live sites wait."""
    simulated, live = pool(status=SiteStatus.SIMULATED), pool(sites=2)
    registry = Registry.of(
        [simulated.sites["P1"], live.sites["P2"]],
        live.sampling_points.values(),
        live.devices.values(),
        live.channels.values(),
    )
    timeline = Timeline(connection, registry)
    timeline.at(0).push(**GOOD).config(what="simulation", speed=60.0)
    for k in range(1, 5):
        timeline.at(k / 6).push(ph=8.5).at(k / 6).push(device="D2-1", ph=8.5)
    timeline.expect(f"limit ph high {OPEN}")
    assert timeline.rows("SELECT site, simulated FROM alarm") == [("P1", True)]


@pytest.mark.parametrize("every", [1, 7])
def test_restarts_neither_double_nor_lose_an_alarm(connection: Connection, every: int) -> None:
    """A monitor forgotten every few minutes writes what one that never stops does."""
    timeline = Timeline(connection, pool())
    for minute in range(60):
        timeline.at(minute).push(**GOOD | {"ph": 8.5 if 5 <= minute < 30 else 7.4, "free_chlorine": 0.1})
        if minute % every == 0:
            timeline.restart()
    timeline.expect(f"limit free_chlorine low {OPEN}", "limit ph high returned_unacknowledged")
    assert timeline.rows("SELECT event, count(*) FROM alarm_event GROUP BY 1 ORDER BY 1") == [
        ("raised", 2),
        ("returned", 1),
        ("worsened", 1),
    ]


def test_a_lost_snapshot_is_made_up_from_the_journal(timeline: Timeline) -> None:
    """A snapshot of another version is no reason to forget a run or to raise twice."""
    timeline.at(0, 5).push(ph=8.5, free_chlorine=0.1).restart()
    timeline.connection.execute("UPDATE journal_snapshot SET state = 'rubbish'")
    timeline.at(5, 11).push(ph=8.5, free_chlorine=0.1).restart()
    timeline.connection.execute("DELETE FROM journal_snapshot")
    timeline.at(11, 15).push(ph=8.5, free_chlorine=0.1)
    timeline.expect(f"limit ph high {OPEN}", f"limit free_chlorine low {OPEN}")


def test_a_registry_change_keeps_runs_and_takes_in_new_channels(timeline: Timeline) -> None:
    """A channel added in the middle of a run: the run completes, the new channel is judged."""
    timeline.at(0, 8).push(ph=8.5)
    new = Channel(99, "D1-1", "combined_chlorine")
    old = timeline.registry
    timeline.registry = Registry.of(
        old.sites.values(), old.sampling_points.values(), old.devices.values(), [*old.channels.values(), new]
    )
    save_registry(timeline.connection, timeline.registry)
    timeline.config(what="registry")
    timeline.at(8, 12).push(ph=8.5, combined_chlorine=0.2).expect(f"limit ph high {OPEN}")
    assert timeline.shown("combined_chlorine") == "normal"


def test_a_channel_taken_from_the_registry_takes_its_alarm_along(timeline: Timeline) -> None:
    """Even if the monitor was not running when it was removed."""
    timeline.at(0, 11).push(ph=8.5).expect(f"limit ph high {OPEN}").restart()
    timeline.connection.execute("DELETE FROM channel WHERE indicator = 'ph'")
    timeline.at(11).push(turbidity=0.3).expect("limit ph high returned_unacknowledged")
    assert timeline.rows("SELECT return_reason FROM alarm") == [("unregistered",)]


def test_the_cursor_and_revisions_follow_the_journal(timeline: Timeline) -> None:
    """All is read; a reader that polls for revisions beyond the last it saw misses no change."""
    seen = 0
    values: dict[int, float] = {}
    query = "SELECT revision, channel_id, value FROM channel_latest ORDER BY revision"
    for minute in range(5):
        timeline.at(minute).push(ph=7.0 + minute / 10)
        found = timeline.rows(query)
        values |= {channel_id: value for revision, channel_id, value in found if revision > seen}
        seen = max(revision for revision, *_ in found)
    assert values == {timeline.registry.channel_ids["D1-1", "ph"]: 7.4}
    assert journal.cursor(timeline.connection, "monitor") == journal.last_id(timeline.connection)
    assert timeline.rows("SELECT reading.value FROM reading JOIN channel_latest USING (channel_id, batch)") == [(7.4,)]


def test_the_heartbeat_tells_where_the_monitor_is(timeline: Timeline) -> None:
    """Cursor, lag and open alarms, as the health page shows them."""
    timeline.at(0, 11).push(ph=8.5).at(11).nothing()
    ((at, detail),) = timeline.rows("SELECT at, detail FROM heartbeat WHERE service = 'monitor'")
    assert at == timeline.now
    assert {name: detail[name] for name in ("lag", "open_alarms", "speed")} == {
        "lag": 0,
        "open_alarms": 1,
        "speed": 1.0,
    }
    assert detail["cursor"] == detail["last_id"] > 0


def test_sites_with_manual_results_only_are_left_alone(connection: Connection) -> None:
    """A registry with an off-line site and no devices at all is nothing to trip over."""
    site = replace(pool().sites["P1"], status=SiteStatus.OFFLINE)
    timeline = Timeline(connection, Registry.of([site], [], [], []))
    timeline.at(0, 15).nothing().expect()


def test_an_empty_registry_is_waited_with(connection: Connection) -> None:
    """Before the first site is registered there is nothing to do, and the first one is taken in."""
    timeline = Timeline(connection, Registry.of([], [], [], []))
    timeline.at(0, 5).nothing().expect()
    timeline.registry = pool()
    save_registry(connection, timeline.registry)
    timeline.config(what="registry").at(5, 16).push(ph=8.5).expect(f"limit ph high {OPEN}")
