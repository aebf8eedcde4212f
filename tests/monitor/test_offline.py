from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.layout import Layout
from monitor.offline import SETTLE_US, Silence
from registry.model import Registry, SiteStatus
from store.records import READING
from tests.monitor.worlds import channel, pool, us

SETTLE = SETTLE_US / 60e6


@dataclass
class Watch:
    """A silence watch to play minutes to; `found` collects (minute, what, code)."""

    registry: Registry = field(default_factory=pool)
    speed: float = 1.0

    def __post_init__(self) -> None:
        self.layout = Layout.of(self.registry)
        self.silence = Silence(self.layout)
        self.found: list[tuple[float, str, str]] = []

    def hear(self, minute: float, device: str = "D1-1", *, late: bool = False, age: float = 0.0) -> None:
        row = (channel(self.registry, "ph", device), us(minute - age), 7.4, us(minute), late)
        self.silence.hear(self.layout, np.array([row], dtype=READING), np.array([us(minute)]))

    def tick(
        self, minute: float, *, ingest: bool = True, listened: float | None = None, since: float | None = None
    ) -> None:
        """`ingest` says whether it listens, `listened` until when if not until now, `since` since when."""
        until = us(minute if listened is None else listened) if ingest else None
        began = None if since is None else us(since)
        sweep = self.silence.sweep(self.layout, self.layout.delays(self.speed), us(minute), until, began)
        devices = [device.code for device in self.layout.devices]
        sites = [site.code for site in self.layout.sites]
        for what, codes, indices in (
            ("back", devices, sweep.devices_back),
            ("merged", devices, sweep.whole_site),
            ("back", sites, sweep.sites_back),
            ("lost", sites, sweep.sites_lost),
            ("lost", devices, sweep.devices_lost),
        ):
            self.found += [(minute, what, codes[index]) for index in indices.tolist()]

    def play(
        self, start: int, stop: int, *, talking: tuple[str, ...] = ("D1-1",), ingest: bool = True, ticks: bool = True
    ) -> "Watch":
        """Minutes of ticks, six a minute, with some devices talking once a minute."""
        for sixth in range(start * 6, stop * 6):
            if sixth % 6 == 0:
                for device in talking:
                    self.hear(sixth / 6, device)
            if ticks:
                self.tick(sixth / 6, ingest=ingest)
        return self


def test_a_silent_device_is_found_after_the_offline_delay_and_returns_when_heard() -> None:
    """More than ten minutes without a reading: lost, once; the next reading brings it back at the next tick."""
    watch = Watch().play(0, 21).play(21, 40, talking=())
    assert watch.found == [(30 + 1 / 6, "lost", "P1")]
    watch.play(40, 45)
    assert watch.found[1:] == [(40.0, "back", "P1")]


def test_three_periods_are_waited_for_when_they_are_longer() -> None:
    """A device with a period of ten minutes is given thirty."""
    watch = Watch(pool(period_s=600)).play(0, 21).play(21, 50, talking=())
    assert watch.found == []
    watch.play(50, 52, talking=())
    assert [each[1:] for each in watch.found] == [("lost", "P1")]


def test_a_power_cut_is_one_alarm_of_the_site() -> None:
    """Three devices that fall silent within a period of each other are one condition."""
    three = ("D1-1", "D1-2", "D1-3")
    watch = Watch(pool(devices=3)).play(0, 20, talking=three)
    watch.hear(20.3, "D1-2")
    watch.hear(20.9, "D1-3")
    watch.play(20, 60, talking=())
    assert [each[1:] for each in watch.found] == [("lost", "P1")]
    watch.play(60, 62, talking=three)
    assert [each[1:] for each in watch.found[1:]] == [("back", "P1")]


def test_one_of_several_devices_is_its_own_alarm_until_the_site_is_gone() -> None:
    """The device's alarm gives way to the site's, and comes again when the others return without it."""
    watch = Watch(pool(devices=2)).play(0, 20, talking=("D1-1", "D1-2")).play(20, 40, talking=("D1-1",))
    watch.play(40, 60, talking=()).play(60, 70, talking=("D1-1",))
    assert [each[1:] for each in watch.found] == [
        ("lost", "D1-2"),
        ("merged", "D1-2"),
        ("lost", "P1"),
        ("back", "P1"),
        ("lost", "D1-2"),
    ]


def test_a_device_never_heard_is_not_commissioned_and_raises_nothing() -> None:
    """Registered and silent from the start is not an alarm, and does not keep its site from being all silent."""
    watch = Watch(pool(devices=2)).play(0, 20).play(20, 40, talking=())
    assert [each[1:] for each in watch.found] == [("lost", "P1")]
    assert Watch().play(0, 60, talking=()).found == []


def test_twenty_minutes_without_ingest_are_nobodys_silence() -> None:
    """Ingest or the broker away: no alarm then, none at the return, and a real silence only a whole delay later."""
    watch = Watch().play(0, 20).play(20, 40, talking=(), ingest=False)
    assert watch.found == []
    watch.play(40, 41, talking=()).play(41, 60)
    assert watch.found == []
    silent = Watch().play(0, 20).play(20, 40, talking=(), ingest=False).play(40, 60, talking=())
    assert [each[1:] for each in silent.found] == [("lost", "P1")]
    assert 40 + SETTLE + 10 < silent.found[0][0] <= 40 + SETTLE + 10 + 1 / 6


def test_a_night_with_the_machine_off_is_nobodys_silence() -> None:
    """No ticks for ten hours, and yesterday's word from ingest in the morning: nothing is silent."""
    watch = Watch().play(0, 20)
    for sixth in range(30):
        watch.tick(620 + sixth / 6, listened=20.0)
    watch.play(625, 627, talking=()).play(627, 660)
    assert watch.found == []


def test_silence_is_measured_only_until_ingest_last_listened() -> None:
    """Ingest killed and not yet missed: its last word gets older, and nobody's silence grows."""
    watch = Watch().play(0, 20)
    for sixth in range(20 * 6, 60 * 6):
        watch.tick(sixth / 6, listened=20.0)
    assert watch.found == []


@pytest.mark.parametrize("seconds", [3, 7, 9, 12, 30])
@pytest.mark.parametrize("told", [True, False])
def test_ingest_killed_under_a_fast_simulation_raises_nothing(seconds: int, told: bool) -> None:
    """At ×60 ten seconds are silence: ingest away for as long or longer, whether a tick saw it or not, is not."""
    watch = Watch(pool(status=SiteStatus.SIMULATED), speed=60.0)

    def second_of(second: int) -> None:
        away = 100 <= second < 100 + seconds
        delivering = 100 + seconds <= second < 100 + seconds + 6  # a resumed session's messages are held
        if not away and not delivering:
            watch.hear(second / 60)
        if second % 2 == 0:
            if away or (told and second < 100 + seconds + 2 and second >= 100):
                watch.tick(second / 60, ingest=not told, listened=95 / 60)
            else:
                watch.tick(second / 60, listened=(second - second % 5) / 60)

    for second in range(300):
        second_of(second)
    assert watch.found == []


def test_ingest_killed_while_nobody_watched_raises_nothing() -> None:
    """Monitor and ingest killed together and back within a heartbeat: that ingest began anew tells of the break.

    What arrived while it was away is acknowledged by the broker and yet to come, so it must not count as silence.
    """

    def seconds(*, told: bool) -> list[str]:
        watch = Watch(pool(status=SiteStatus.SIMULATED), speed=60.0)
        for second in range(96):
            watch.hear(second / 60)
            if second % 2 == 0:
                watch.tick(second / 60, since=0.0 if told else None)
        for second in range(101, 113, 2):  # everything is held at ingest, which listens since second 98
            watch.tick(second / 60, since=98 / 60 if told else None)
        return [what for _, what, _ in watch.found]

    assert seconds(told=False) == ["lost"]
    assert seconds(told=True) == []


def test_a_change_of_speed_does_not_excuse_live_sites() -> None:
    """Silence of simulated devices counts anew when their pace changes; that of live ones goes on."""
    for status, found in ((SiteStatus.LIVE, [("lost", "P1")]), (SiteStatus.SIMULATED, [])):
        watch = Watch(pool(status=status)).play(0, 20).play(20, 28, talking=())
        watch.silence.start_over(us(28), watch.layout.simulated_device)
        watch.play(28, 34, talking=())
        assert [each[1:] for each in watch.found] == found


def test_a_monitor_away_while_readings_came_raises_nothing() -> None:
    """The monitor finds twenty minutes of readings without ticks, then ticks on: nothing is silent."""
    assert Watch().play(0, 20).play(20, 40, ticks=False).play(40, 60).found == []


def test_a_clock_set_back_counts_anew() -> None:
    """A tick earlier than the one before is no reason for an alarm."""
    watch = Watch().play(100, 120)
    watch.tick(60)
    assert watch.play(61, 70).found == []


def test_an_alarm_stays_through_an_outage_of_ingest() -> None:
    """What was silent before ingest went away is silent until it is heard."""
    watch = Watch().play(0, 20).play(20, 40, talking=()).play(40, 60, talking=(), ingest=False)
    assert [each[1] for each in watch.found] == ["lost"]


def test_an_old_buffer_is_not_presence_but_recent_late_readings_are() -> None:
    """A gateway sending yesterday's readings is not on line; one whose readings are flagged, minutes old, is."""
    old, flagged = Watch().play(0, 20), Watch().play(0, 20)
    for minute in range(20, 40):
        old.hear(minute, late=True, age=1_000.0)
        old.tick(minute)
        flagged.hear(minute, late=True, age=1.0)
        flagged.tick(minute)
    assert [each[1:] for each in old.found] == [("lost", "P1")]
    assert flagged.found == []


def test_readings_filled_in_from_elsewhere_are_not_presence() -> None:
    """A back-fill carries its own past as arrival: it neither commissions a device nor keeps it on line."""
    watch = Watch().play(0, 20)
    for minute in range(20, 40):
        row = (channel(watch.registry, "ph"), us(minute - 5), 7.4, us(minute - 5), True)
        watch.silence.hear(watch.layout, np.array([row], dtype=READING), np.array([us(minute)]))
        watch.tick(minute)
    assert [each[1:] for each in watch.found] == [("lost", "P1")]


def test_the_delay_shrinks_with_the_speed_of_a_simulation() -> None:
    """At ×60 a simulated device is missed after ten seconds, and never sooner at any speed."""
    registry = pool(status=SiteStatus.SIMULATED)
    for speed, seconds in ((1.0, 600.0), (30.0, 20.0), (60.0, 10.0), (3600.0, 10.0)):
        assert Layout.of(registry).delays(speed).silence[0] == seconds * 1e6
    assert Layout.of(pool()).delays(3600.0).silence[0] == 600e6


def test_slowing_down_is_no_sign_of_life() -> None:
    """A silent simulated device does not come back because the delay grew, only because it was heard."""
    watch = Watch(pool(status=SiteStatus.SIMULATED), speed=60.0)
    for second in range(60):
        if second < 30:
            watch.hear(second / 60)
        watch.tick(second / 60)
    assert [each[1:] for each in watch.found] == [("lost", "P1")]
    watch.speed = 1.0
    watch.tick(1.1)
    assert len(watch.found) == 1
    watch.hear(1.2)
    watch.tick(1.2)
    assert watch.found[1:] == [(1.2, "back", "P1")]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["D1-1", "D1-2", "D1-3", ""]), st.integers(1, 240)), max_size=80))
def test_alarms_alternate_and_a_site_never_has_both_kinds(steps: list[tuple[str, int]]) -> None:
    """Whoever talks when: lost and back take turns, and no device has an alarm while its whole site has one."""
    watch = Watch(pool(devices=3))
    second = 0
    on: set[str] = set()
    for device, wait in steps:
        for _ in range(0, wait, 10):
            second += 10
            seen = len(watch.found)
            watch.tick(second / 60)
            for _, what, code in watch.found[seen:]:
                assert (code in on) == (what != "lost")
                (on.add if what == "lost" else on.discard)(code)
            assert "P1" not in on or on == {"P1"}
        if device:
            watch.hear(second / 60, device)
