"""Going on from one snapshot to the next gives what judging everything anew gives, to the API and to its readers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from monitor.api.encoding import latest_json, now_fields
from monitor.api.facts import Facts
from monitor.api.schemas import AlarmCounts, Latest, SiteSummary
from monitor.api.schemas.samples import SampleSummary
from monitor.api.scope import Principal
from monitor.api.snapshot import Snapshot
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store.queries.latest import LatestValue

START = datetime(2026, 3, 28, 21, 58, 30, tzinfo=UTC)  # the night in which Berlin's clocks go forward
SITES = ("A", "B", "C", "D", "E")
CENTRE = Principal("c", "c", "centre", (), None, "")
INSPECTOR = Principal("i", "i", "inspector", ("320602",), None, "")
PUBLIC = Principal("p", "p", "public", (), None, "")
READERS = {reader.username: reader for reader in (CENTRE, INSPECTOR, PUBLIC)}
STATES = ("normal", "advice", "pending", "breach", "closed", "stale", "unjudged", "bad")
SUMMARIES = TypeAdapter(list[SiteSummary])


def registry() -> Registry:
    """Live and simulated sites, one in a zone with summer time, one of a scale alone, one without devices."""
    daily, nights = OpeningHours.daily(6 * 60, 22 * 60), OpeningHours.daily(90, 150)
    hours = (daily, daily, nights, OpeningHours.always(), daily)
    sites = [
        Site(
            code,
            ("320602", "320682")[place % 2],
            SiteStatus.OFFLINE if code == "E" else SiteStatus.SIMULATED if code == "B" else SiteStatus.LIVE,
            f"场所“{code}”",
            f"Site {code}",
            120.9,
            32.0,
            START,
            opening=hours[place],
            zone="Europe/Berlin" if code == "C" else "Asia/Shanghai",
        )
        for place, code in enumerate(SITES)
    ]
    devices = [
        Device("A1", "A", "p", 60),
        Device("A2", "A", "p", 600),
        Device("B1", "B", "p", 60),
        Device("C1", "C", "p", 60),
        Device("D1", "D", "p", kind="smart_scale"),
    ]
    channels = [
        Channel(10 * place + number, device.code, ("ph", "turbidity")[number])
        for place, device in enumerate(devices[:4])
        for number in (0, 1)
    ]
    return Registry.of(sites, [SamplingPoint(site.code, "p", "池", "Pool") for site in sites], devices, channels)


EVERYTHING = registry()
CHANNELS = sorted(EVERYTHING.channels)
AGES = st.sampled_from([-60, 0, 1, 9.999999, 10, 599, 600, 600.000001, 601, 1799, 1800, 1801, 90_000])
VALUES = st.builds(
    lambda channel, age, state: ("value", channel, age, state),
    st.sampled_from([*CHANNELS, 999]),
    AGES,
    st.sampled_from(STATES),
)
PASSING = st.tuples(
    st.just("time"), st.sampled_from([0.000001, 0.5, 1, 10, 10.000001, 59, 90, 600, 600.000001, 1800.000001, 3600, -5])
)
OTHER = st.one_of(
    st.tuples(st.just("alarms"), st.sampled_from(SITES), st.integers(0, 2)),
    st.tuples(st.just("samples"), st.sampled_from(SITES), st.sampled_from([None, "suspected", "within"])),
    st.tuples(st.just("connected"), st.sampled_from(sorted(EVERYTHING.devices))),
    st.tuples(st.just("speed"), st.sampled_from([None, 1.0, 60.0])),
    st.tuples(st.just("forgotten"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("renamed"), st.sampled_from(SITES)),
    st.tuples(st.just("removed")),
)
READING = st.tuples(st.just("read"), st.sampled_from(sorted(READERS)))


def changed(facts: Facts, at: datetime, change: tuple[Any, ...]) -> Facts:
    """The facts after a change at an instant."""
    new: dict[str, Any] = {}
    match change:
        case ("value", channel, age, state):
            row = LatestValue(channel, at - timedelta(seconds=age), 7.1, state, None, 1)
            new["latest"] = {**facts.latest, channel: row}
        case ("forgotten", channel):
            new["latest"] = without(facts.latest, channel)
        case ("alarms", site, count):
            new["open_alarms"] = without(facts.open_alarms, site) | ({site: AlarmCounts(high=count)} if count else {})
        case ("samples", site, state):
            said = SampleSummary(state=state, taken_at=at, results=3, suspected=1) if state else None
            new["samples"] = without(facts.samples, site) | ({site: said} if said else {})
        case ("connected", device):
            new["connected"] = facts.connected ^ {device}
        case ("speed", speed):
            new["speed"] = speed
        case ("renamed", code):
            sites = facts.registry.sites.items()
            renamed = {key: replace(each, name_en=f"{each.name_en}!") if key == code else each for key, each in sites}
            new["registry"] = replace(facts.registry, sites=renamed)
        case ("removed",):
            rest = Registry.of([EVERYTHING.sites["E"]], [], [], [])
            new["registry"] = rest if facts.registry.devices else EVERYTHING
    return replace(facts, **new)


def without(mapping: Mapping[Any, Any], key: object) -> dict[Any, Any]:
    """A mapping without one of its keys."""
    return {each: value for each, value in mapping.items() if each != key}


def listed(now: Snapshot, reader: Principal) -> list[dict[str, Any]]:
    """The list of sites as the models write it, without anything kept."""
    alarms = reader.role != "public"
    sites = [
        SiteSummary(**now_fields(each, alarms=alarms), channels=each.channels)
        for each in now.sites.values()
        if reader.sees(each.site)
    ]
    found: list[dict[str, Any]] = json.loads(SUMMARIES.dump_json(sites))
    return found


def answered(now: Snapshot, reader: Principal, version: str, known: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a reader has, and its version, after asking for what differs from what they had: all that there is."""
    answer = now.summaries(reader, None, None, version)
    told = {site["code"]: site for site in json.loads(answer.body)}
    sites = told if answer.since is None else {**known, **told}
    assert list(sites.values()) == listed(now, reader)
    assert json.loads(now.summaries(reader, None, None).body) == listed(now, reader)
    return answer.version, sites


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(VALUES, PASSING, PASSING, OTHER, READING), min_size=1, max_size=30))
@example([("value", 0, 600, "normal"), ("time", 0.000001)])
@example([("value", 0, 599, "normal"), ("value", 1, 1, "breach"), ("time", 1.000001)])
@example([("value", 0, 1, "normal"), ("time", 600), ("time", -5), ("time", 3600), ("time", -3000)])
@example([("value", 20, 11, "normal"), ("speed", 60.0), ("speed", None)])
@example([("connected", "D1"), ("connected", "D1")])
@example([("value", 0, 1, "breach"), ("alarms", "A", 1), ("forgotten", 0), ("alarms", "A", 0)])
@example([("samples", "E", "within"), ("samples", "E", None)])
def test_going_on_is_judging_anew(changes: list[tuple[Any, ...]]) -> None:
    """After any changes the figures are those of a fresh snapshot, and readers who ask for differences see the same."""
    facts, at = Facts(EVERYTHING, {}, {}, {}, {}, None), START
    now = Snapshot.of(facts, at)
    have: dict[str, tuple[str, dict[str, Any]]] = dict.fromkeys(READERS, ("", {}))
    for change in changes:
        if change[0] == "read":
            have[change[1]] = answered(now, READERS[change[1]], *have[change[1]])
            continue
        if change[0] == "time":
            at += timedelta(seconds=change[1])
        facts = changed(facts, at, change)
        now = Snapshot.of(facts, at, now)
        assert now.sites == Snapshot.of(facts, at).sites
        assert list(now.sites) == list(facts.registry.sites)


def test_only_what_changed_is_judged_and_told() -> None:
    """A new value costs its own site; a second without news costs none."""
    facts = Facts(EVERYTHING, {}, {}, {}, {}, None)
    first = Snapshot.of(facts, START)
    known = first.summaries(CENTRE, None, None).version
    row = LatestValue(0, START, 7.1, "normal", None, 1)
    second = Snapshot.of(replace(facts, latest={0: row}), START + timedelta(seconds=1), first)
    assert [code for code, each in second.sites.items() if each is not first.sites[code]] == ["A"]
    assert [site["code"] for site in json.loads(second.summaries(CENTRE, None, None, known).body)] == ["A"]
    third = Snapshot.of(second.facts, START + timedelta(seconds=2), second)
    answer = third.summaries(CENTRE, None, None, second.summaries(CENTRE, None, None).version)
    assert json.loads(answer.body) == []


def test_a_version_counts_for_the_same_question_only() -> None:
    """What names another question, another reader's scope, another process or nothing at all is answered whole."""
    now = Snapshot.of(Facts(EVERYTHING, {}, {}, {}, {}, None), START)
    known = now.summaries(CENTRE, None, None).version
    assert now.summaries(CENTRE, None, None, known).since == known
    elsewhere = Snapshot.of(now.facts, START).summaries(CENTRE, None, None).version
    series, number, which = known.split("-")
    later = f"{series}-{int(number) + 1}-{which}"
    for other in (elsewhere, later, f"{series}-x-{which}", "", "-", "x-1", f"{series}--{which}"):
        assert now.summaries(CENTRE, None, None, other).since is None
    assert now.summaries(CENTRE, "320602", None, known).since is None
    assert now.summaries(CENTRE, None, "live", known).since is None
    assert now.summaries(INSPECTOR, None, None, known).since is None


@given(
    st.floats(),
    st.sampled_from(STATES),
    st.datetimes(timezones=st.just(UTC)),
    st.booleans(),
)
def test_newest_values_are_written_as_their_model_says(value: float, state: str, at: datetime, since: bool) -> None:
    """What is written without a model is what the model writes."""
    row = LatestValue(7, at, value, state, at if since else None, 3)
    model = Latest.model_validate({name: getattr(row, name) for name in Latest.model_fields})
    assert latest_json(row) == model.model_dump_json().encode()
