from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from monitor.gates import Gate
from monitor.judgement import JudgeState, State, judge
from monitor.layout import Layout
from registry.model import Registry, SiteStatus
from registry.opening import OpeningHours
from store.records import READING, Readings
from tests.monitor import worlds
from tests.monitor.worlds import GOOD, channel, pool, readings, us


@dataclass
class Judge:
    """A judge to play readings to; `found` collects (what, side, minute of the reading, minute since)."""

    registry: Registry = field(default_factory=pool)
    speed: float = 1.0

    def __post_init__(self) -> None:
        self.layout = Layout.of(self.registry)
        self.state = JudgeState(self.layout)
        self.found: list[tuple[str, int, float, float]] = []
        self.transitions: list[Any] = []

    def take(self, batch: Readings) -> "Judge":
        found = judge(self.layout, self.layout.delays(self.speed), self.state, batch, np.zeros(len(batch), np.int64))
        for each in found.transitions:
            self.transitions.append(each)
            what = "raised" if each["raised"] else "returned"
            minutes = [(int(each[name]) - us(0.0)) / 60e6 for name in ("ts", "since")]
            self.found.append((what, int(each["side"]), minutes[0], minutes[1]))
        return self

    def play(self, indicator: str, values: dict[float, float], *, late: bool = False) -> "Judge":
        """Values by minute."""
        channel_id = channel(self.registry, indicator)
        for minute, value in values.items():
            self.take(readings([(channel_id, minute, value)], late=late))
        return self

    def every_minute(self, indicator: str, value: float, start: int, stop: int) -> "Judge":
        return self.play(indicator, {float(minute): value for minute in range(start, stop)})

    def shown(self, indicator: str) -> str:
        slot = self.layout.slot_of(np.array([channel(self.registry, indicator)]))[0]
        return State(int(self.state.code[slot])).name.lower()

    def since(self, indicator: str) -> float:
        slot = self.layout.slot_of(np.array([channel(self.registry, indicator)]))[0]
        return (int(self.state.since[slot]) - us(0.0)) / 60e6


def test_alarm_is_raised_at_the_reading_that_completes_the_on_delay() -> None:
    """Ten minutes outside raise the alarm on the reading at which they are over, dated from the first outside."""
    judge = Judge().every_minute("free_chlorine", GOOD["free_chlorine"], 0, 5)
    judge.every_minute("free_chlorine", 0.1, 5, 15)
    assert judge.found == []
    assert judge.shown("free_chlorine") == "pending"
    judge.every_minute("free_chlorine", 0.1, 15, 20)
    assert judge.found == [("raised", -1, 15.0, 5.0)]
    assert judge.shown("free_chlorine") == "breach"
    assert judge.since("free_chlorine") == 5.0


def test_three_samples_are_needed_however_long_they_took() -> None:
    """A device that reports every ten minutes raises at its third sample outside, not its second."""
    judge = Judge(pool(period_s=600)).play("ph", {0: 8.5, 10: 8.5})
    assert judge.found == []
    judge.play("ph", {20: 8.5})
    assert judge.found == [("raised", 1, 20.0, 0.0)]


def test_a_value_inside_ends_the_run() -> None:
    """The on-delay starts anew after one good value."""
    judge = Judge().every_minute("ph", 8.5, 0, 9).play("ph", {9: 7.4}).every_minute("ph", 8.5, 10, 20)
    assert judge.found == []
    judge.play("ph", {20: 8.5})
    assert judge.found == [("raised", 1, 20.0, 10.0)]


def test_a_gap_longer_than_the_offline_delay_ends_the_run() -> None:
    """Nobody knows what the water was while nothing was reported, so the on-delay starts anew."""
    judge = Judge().play("ph", {0: 8.5, 1: 8.5, 2: 8.5, 12.1: 8.5})
    assert judge.found == []
    assert judge.since("ph") == 12.1
    unbroken = Judge().play("ph", {0: 8.5, 1: 8.5, 2: 8.5, 12.0: 8.5})
    assert unbroken.found == [("raised", 1, 12.0, 0.0)]


def test_values_are_rounded_to_the_limit_before_comparison() -> None:
    """7.84 is 7.8 at the limit's precision and so within it; 7.86 is 7.9 and outside (修约值比较)."""
    assert Judge().every_minute("ph", 7.84, 0, 20).found == []
    assert Judge().every_minute("ph", 7.86, 0, 20).found == [("raised", 1, 10.0, 0.0)]


def test_an_alarm_returns_after_the_off_delay_inside_the_deadband() -> None:
    """Values between limit and deadband do not end an alarm; ten minutes beyond the deadband do."""
    judge = Judge().every_minute("free_chlorine", 0.1, 0, 12)
    judge.every_minute("free_chlorine", 0.31, 12, 40)  # inside 0.3, not inside 0.3 + 0.02
    assert judge.found == [("raised", -1, 10.0, 0.0)]
    assert judge.shown("free_chlorine") == "breach"
    judge.every_minute("free_chlorine", 0.4, 40, 51)
    assert judge.found[1:] == [("returned", -1, 50.0, 0.0)]
    assert judge.shown("free_chlorine") == "normal"


def test_a_relapse_starts_the_off_delay_anew() -> None:
    """The values inside must be consecutive."""
    judge = Judge().every_minute("ph", 8.5, 0, 11).every_minute("ph", 7.4, 11, 20).play("ph", {20: 8.5})
    judge.every_minute("ph", 7.4, 21, 31)
    assert len(judge.found) == 1
    judge.play("ph", {31: 7.4})
    assert judge.found[1] == ("returned", 1, 31.0, 0.0)


def test_a_gap_starts_the_off_delay_anew() -> None:
    """Two good values an hour apart are no proof of an hour inside."""
    judge = Judge().every_minute("ph", 8.5, 0, 11).play("ph", {11: 7.4, 71: 7.4})
    assert len(judge.found) == 1


def test_the_other_side_is_another_condition() -> None:
    """From too little to too much chlorine the low alarm returns before the high one is raised."""
    judge = Judge().every_minute("free_chlorine", 0.1, 0, 11).every_minute("free_chlorine", 3.0, 11, 30)
    assert judge.found == [("raised", -1, 10.0, 0.0), ("returned", -1, 21.0, 0.0), ("raised", 1, 21.0, 11.0)]


def test_the_extreme_is_the_furthest_value_while_active() -> None:
    """The extreme covers the on-delay and the time the alarm was on."""
    judge = Judge().play("ph", {0: 8.6, 1: 8.9, 2: 8.5}).every_minute("ph", 8.3, 3, 11)
    assert judge.transitions[0]["extreme"] == 8.9
    judge.play("ph", {11: 9.5, 12: 8.1}).every_minute("ph", 7.4, 13, 24)
    assert judge.transitions[1]["extreme"] == 9.5


def test_a_recommendation_is_advice_and_never_an_alarm() -> None:
    """Water temperature is worded 宜: outside it the state is advice, for however long."""
    judge = Judge().every_minute("water_temperature", 35.0, 0, 60)
    assert judge.found == []
    assert judge.shown("water_temperature") == "advice"
    assert judge.since("water_temperature") == 0.0


def test_what_has_no_limit_is_unjudged() -> None:
    """The number of bathers is context."""
    assert Judge().play("bathers", {0: 40.0}).shown("bathers") == "unjudged"


def test_a_reading_is_judged_by_the_version_of_the_standard_valid_at_its_time() -> None:
    """Until 2019-11-01 in the site's zone GB 9667-1996 allowed a pH of 8.5; GB 37488-2019 does not."""
    judge = Judge()
    before, after = datetime(2019, 10, 31, 15, 59, tzinfo=UTC), datetime(2019, 10, 31, 16, 0, tzinfo=UTC)
    for at, shown in ((before, "normal"), (after, "pending")):
        judge.take(np.array([(channel(judge.registry, "ph"), us(at), 8.5, us(at), False)], dtype=READING))
        assert judge.shown("ph") == shown


def test_nothing_is_judged_while_closed() -> None:
    """Opening hours are local: 09:00 in Shanghai is 01:00 UTC, and the on-delay starts when the doors open."""
    judge = Judge(pool(opening=OpeningHours.daily(9 * 60, 21 * 60)))
    opens = (datetime(2025, 6, 3, 1, 0, tzinfo=UTC) - worlds.START).total_seconds() / 60
    for minute in range(-30, 12):
        judge.play("ph", {opens + minute: 8.5})
        assert judge.shown("ph") == ("closed" if minute < 0 else "breach" if minute >= 10 else "pending")
    assert judge.found == [("raised", 1, opens + 10, opens)]


def test_an_open_alarm_returns_when_the_venue_closes() -> None:
    """The reason says that it was the closing, not the water."""
    judge = Judge(pool(opening=OpeningHours.daily(9 * 60, 12 * 60 + 30)))
    judge.every_minute("ph", 8.5, 0, 40)
    assert judge.found == [("raised", 1, 10.0, 0.0), ("returned", 1, 30.0, 0.0)]
    assert Gate(int(judge.transitions[1]["gate"])) is Gate.CLOSED


@pytest.mark.parametrize(
    ("utc_open", "utc_closed"),
    [
        (datetime(2025, 3, 30, 6, 59, tzinfo=UTC), datetime(2025, 3, 30, 7, 0, tzinfo=UTC)),
        (datetime(2025, 10, 26, 7, 59, tzinfo=UTC), datetime(2025, 10, 26, 8, 0, tzinfo=UTC)),
    ],
)
def test_opening_hours_follow_daylight_saving(utc_open: datetime, utc_closed: datetime) -> None:
    """On the two days that change the clocks, 09:00 local is at another time of UTC."""
    judge = Judge(pool(opening=OpeningHours.daily(6 * 60, 9 * 60), zone="Europe/Berlin"))
    for at, shown in ((utc_open, "normal"), (utc_closed, "closed")):
        judge.take(np.array([(channel(judge.registry, "ph"), us(at), 7.4, us(at), False)], dtype=READING))
        assert judge.shown("ph") == shown


def test_circulation_off_suppresses_quality_alarms_of_its_basin() -> None:
    """A probe in standing water tells nothing: no alarm starts, and an open one returns with that reason."""
    judge = Judge().every_minute("free_chlorine", 0.1, 0, 12).play("circulation_flow", {12: 0.0})
    judge.every_minute("free_chlorine", 0.1, 12, 13)
    assert judge.found[1] == ("returned", -1, 12.0, 0.0)
    assert Gate(int(judge.transitions[1]["gate"])) is Gate.CIRCULATION_OFF
    for minute in range(13, 40):
        judge.play("circulation_flow", {minute: 0.0}).play("ph", {minute: 8.5})
    assert judge.shown("ph") == "unjudged"
    assert judge.found[2:] == [("raised", -1, 22.0, 12.0)]  # the circulation's own alarm, nothing else


def test_circulation_of_another_basin_does_not_matter() -> None:
    """Each sampling point has its own circulation."""
    judge = Judge(pool(devices=2))
    judge.take(readings([(channel(judge.registry, "circulation_flow", "D1-2"), 0, 0.0)]))
    assert judge.every_minute("ph", 8.5, 0, 11).found == [("raised", 1, 10.0, 0.0)]


def test_unknown_or_stale_circulation_counts_as_on() -> None:
    """A dead flow meter must not silence a basin for ever."""
    assert Judge().every_minute("ph", 8.5, 0, 11).found == [("raised", 1, 10.0, 0.0)]
    judge = Judge().play("circulation_flow", {0: 0.0})
    judge.every_minute("ph", 8.5, 5, 30)
    assert judge.found == [("raised", 1, 21.0, 11.0)]  # from 10 min after the meter's last word on


def test_within_a_message_circulation_is_the_newest_in_the_stream() -> None:
    """A flow reading counts for what follows it in the journal, not for what came before it."""
    judge = Judge()
    flow, ph = channel(judge.registry, "circulation_flow"), channel(judge.registry, "ph")
    judge.take(readings([(ph, 0, 8.5), (flow, 0, 0.0), (ph, 1, 8.5)]))
    assert judge.shown("ph") == "unjudged"
    assert Judge().take(readings([(flow, 0, 0.0), (flow, 1, 80.0), (ph, 1, 8.5)])).shown("ph") == "pending"


def test_impossible_values_are_bad_and_neither_move_nor_end_a_run() -> None:
    """A pH of 15 is the instrument's fault (QARTOD gross range); the run goes on over it."""
    judge = Judge().every_minute("ph", 8.5, 0, 5).play("ph", {5: 15.0})
    assert judge.shown("ph") == "bad"
    judge.every_minute("ph", 8.5, 6, 11)
    assert judge.found == [("raised", 1, 10.0, 0.0)]
    assert Judge().every_minute("ph", 15.0, 0, 60).found == []


def test_a_bad_flow_is_not_a_stopped_pump() -> None:
    """An impossible flow says nothing about the circulation."""
    judge = Judge().play("circulation_flow", {0: -5.0})
    assert judge.every_minute("ph", 8.5, 1, 12).found == [("raised", 1, 11.0, 1.0)]


def test_late_readings_leave_the_state_alone() -> None:
    """History raises nothing, ends nothing, and does not replace the newest value."""
    judge = Judge().every_minute("ph", 7.4, 0, 3)
    judge.play("ph", {float(minute): 9.0 for minute in range(-60, -30)}, late=True)
    assert judge.found == []
    assert (judge.shown("ph"), judge.state.latest_value[1]) == ("normal", 7.4)
    judge.every_minute("ph", 9.0, 3, 14)
    judge.play("ph", {float(minute): 7.4 for minute in range(14, 60)}, late=True)
    assert [each[0] for each in judge.found] == ["raised"]


def test_a_channel_without_any_timely_value_shows_its_newest_late_one() -> None:
    """After a back-fill the latest value is there, judged normal or not at all, and a timely one takes its place."""
    judge = Judge().play("ph", {-10: 7.4, -5: 7.5, -8: 7.3}, late=True)
    assert (judge.shown("ph"), judge.state.latest_value[1], judge.since("ph")) == ("normal", 7.5, -5.0)
    judge.play("ph", {-4: 9.0}, late=True)
    assert judge.shown("ph") == "unjudged"
    judge.play("ph", {0: 9.0})
    assert (judge.shown("ph"), judge.since("ph")) == ("pending", 0.0)


def test_simulated_delays_shrink_with_the_speed_and_live_ones_do_not() -> None:
    """At ×60 ten minutes are ten seconds for a simulated site; a live site waits its ten minutes."""
    for status, found in ((SiteStatus.SIMULATED, [("raised", 1, 10 / 60, 0.0)]), (SiteStatus.LIVE, [])):
        judge = Judge(pool(status=status), speed=60.0)
        for second in range(12):
            judge.play("ph", {second / 60: 8.5})
        assert judge.found == found


@pytest.mark.parametrize("registry", [pool(), Registry.of([], [], [], [])], ids=["some", "none"])
def test_unregistered_channels_are_counted_and_passed_over(registry: Registry) -> None:
    """A reading of a channel the registry does not have changes nothing, even where it has none at all."""
    layout = Layout.of(registry)
    state = JudgeState(layout)
    found = judge(layout, layout.delays(1.0), state, readings([(999, 0, 1.0)]), np.zeros(1, np.int64))
    assert found.unregistered == 1
    assert not state.dirty.any()
