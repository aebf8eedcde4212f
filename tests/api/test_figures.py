"""States and figures, as pure functions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.api.encoding import opening_text
from monitor.api.figures import NO_ALARMS, SiteFigures, Transmission, county_states, group, site_figures
from monitor.api.schemas import AlarmCounts
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store.queries.latest import LatestValue

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)  # a Friday, noon in Nantong
DAYTIME = OpeningHours.daily(6 * 60, 22 * 60)


def registry(status: SiteStatus = SiteStatus.LIVE, opening: OpeningHours = DAYTIME) -> Registry:
    """One site with two devices of two channels each: 11 and 12, 21 and 22."""
    return Registry.of(
        [Site("P-1", "320602", status, "池", "Pool", 120.9, 32.0, NOW, opening=opening)],
        [SamplingPoint("P-1", "b1", "一", "1"), SamplingPoint("P-1", "b2", "二", "2")],
        [Device("D1", "P-1", "b1"), Device("D2", "P-1", "b2")],
        [
            Channel(11, "D1", "ph"),
            Channel(12, "D1", "turbidity"),
            Channel(21, "D2", "ph"),
            Channel(22, "D2", "turbidity"),
        ],
    )


def judged(
    states: Mapping[int, str],
    *,
    ages: Mapping[int, float] | None = None,
    status: SiteStatus = SiteStatus.LIVE,
    opening: OpeningHours = DAYTIME,
    speed: float = 1.0,
) -> SiteFigures:
    """The site with channels in these states, each with a reading so many seconds old."""
    every = registry(status, opening)
    latest = {
        channel: LatestValue(channel, NOW - timedelta(seconds=(ages or {}).get(channel, 30)), 7.2, state, None, 1)
        for channel, state in states.items()
    }
    return site_figures(every, every.sites["P-1"], latest, NO_ALARMS, speed=speed, now=NOW)


NORMAL = {11: "normal", 12: "normal", 21: "normal", 22: "normal"}


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "normal"),
        ({12: "advice"}, "advice"),
        ({12: "advice", 21: "bad"}, "stale"),
        ({12: "advice", 21: "pending"}, "pending"),
        ({12: "pending", 21: "breach", 22: "bad"}, "breach"),
        ({12: "unjudged"}, "normal"),
    ],
)
def test_the_worst_channel_decides(changed: dict[int, str], state: str) -> None:
    """A site is as its worst channel: breach, pending, unusable, advice, normal."""
    assert judged({**NORMAL, **changed}).state == state


def test_a_closed_site_is_closed() -> None:
    """Outside opening hours there is nothing to judge."""
    closed = OpeningHours.daily(14 * 60, 22 * 60)
    figures = judged(dict.fromkeys(NORMAL, "closed"), opening=closed)
    assert (figures.state, figures.open_now, figures.judged) == ("closed", False, 0)


def test_silence_is_counted_by_device() -> None:
    """A site is on line while one of its devices is heard, stale while one is not, off line when all are silent."""
    ten_minutes = 600
    silent = {21: ten_minutes + 1, 22: ten_minutes + 1}
    part = judged(NORMAL, ages=silent)
    assert (part.online, part.state, part.silent) == (True, "stale", frozenset({"D2"}))
    assert (part.judged, part.compliant) == (2, 2)
    whole = judged(NORMAL, ages=dict.fromkeys(NORMAL, ten_minutes + 1))
    assert (whole.online, whole.state, whole.judged) == (False, "offline", 0)
    assert judged(NORMAL, ages=dict.fromkeys(NORMAL, ten_minutes)).state == "normal"
    assert judged({}).state == "offline"


def test_a_fast_simulation_is_off_line_sooner_but_never_within_seconds() -> None:
    """The off-line delay of simulated sites is divided by the speed, with a floor of 5 s; live ones keep theirs."""
    ages = dict.fromkeys(NORMAL, 11.0)
    assert not judged(NORMAL, ages=ages, status=SiteStatus.SIMULATED, speed=60).online
    assert judged(NORMAL, ages=ages, status=SiteStatus.LIVE, speed=60).online
    assert judged(NORMAL, ages=dict.fromkeys(NORMAL, 4.9), status=SiteStatus.SIMULATED, speed=3600).online


def test_a_stuck_channel_of_a_live_device_is_not_judged() -> None:
    """A channel that stopped while its device goes on is unusable, not compliant."""
    figures = judged({**NORMAL, 12: "breach"}, ages={12: 3600})
    assert (figures.state, figures.judged, figures.compliant) == ("stale", 3, 3)


def test_advice_is_compliant_and_pending_is_not() -> None:
    """Water temperature outside its recommended range is no breach; a value outside during its on-delay is."""
    figures = judged({11: "advice", 12: "pending", 21: "breach", 22: "normal"})
    assert (figures.judged, figures.compliant) == (4, 2)


def test_shares_are_null_without_anything_to_share() -> None:
    """No judged channel and nothing due: unknown, not zero."""
    empty = group([], {}, alarms=True)
    assert (empty.compliant_share, empty.transmission_rate) == (None, None)


def test_the_transmission_rate_is_of_the_group_and_at_most_one() -> None:
    """Received ÷ due over the sites of the group only; a fast simulation sends more than is due."""
    site = judged(NORMAL)
    rates = {"P-1": Transmission(90, 100.0), "P-9": Transmission(0, 100.0)}
    assert group([site], rates, alarms=True).transmission_rate == 0.9
    assert group([site], {"P-1": Transmission(500, 100.0)}, alarms=True).transmission_rate == 1.0


def test_counties_show_their_worst() -> None:
    """The highest priority of an open alarm, else off line, else ok, and none without on-line sites."""
    site = judged(NORMAL)
    silent = judged({})

    def worst(*sites: SiteFigures, alarms: bool = True) -> str:
        return {county.code: county.worst for county in county_states(sites, alarms=alarms)}["320602"]

    assert worst() == "none"
    assert worst(site) == "ok"
    assert worst(site, silent) == "offline"
    assert worst(replace(silent, open_alarms=AlarmCounts(low=3, medium=1))) == "medium"
    assert worst(replace(site, open_alarms=AlarmCounts(low=1, high=1))) == "high"
    offline = replace(site, site=replace(site.site, status=SiteStatus.OFFLINE))
    assert worst(offline) == "none"


def test_opening_hours_are_told_as_clock_times() -> None:
    """Minutes become HH:MM, the end of the day 24:00."""
    assert opening_text(OpeningHours.daily(6 * 60, 21 * 60 + 30))[0] == [("06:00", "21:30")]
    assert opening_text(OpeningHours.always())[6] == [("00:00", "24:00")]


def test_a_site_of_scanners_alone_is_on_line_while_one_of_them_is_connected() -> None:
    """A scale speaks when something happens: its silence does not put its site off line, its connection's end does."""
    plain = registry(SiteStatus.SIMULATED)
    devices = [replace(device, kind="smart_scale") for device in plain.devices.values()]
    every = Registry.of(plain.sites.values(), plain.sampling_points.values(), devices, [])
    first = devices[0].code
    for connected, online in ((frozenset({first}), True), (frozenset({"another"}), False)):
        found = site_figures(every, every.sites["P-1"], {}, NO_ALARMS, speed=1.0, now=NOW, connected=connected)
        assert (found.online, found.state == "offline") == (online, not online)
