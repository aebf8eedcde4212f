"""Alarms against the truth: what counts as found, as rightly named, as false."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from operations.evaluation.plan import Planned
from operations.evaluation.scoring import (
    AFTER_US,
    BEFORE_US,
    DAY_US,
    GRACE_US,
    MINUTE_US,
    NOTHING,
    Collector,
    Raised,
    confusion,
    false_alarms,
    line,
    outcomes,
)
from simulators.fault_kinds import FaultKind
from simulators.faults import Fault
from store.records import from_us

T0 = 10 * DAY_US
FAULT = Planned(
    Fault("f", "p1-b1", FaultKind.DOSING_FAILURE, T0, T0 + 600 * MINUTE_US, T0, size=0.4), site="p1", position=0.7
)
SITE_OF = {"p1-b1": "p1", "p2-b1": "p2", "p3-b1": "p3"}


def alarm(minute: float, verdict: str | None = None, site: str = "p1", kind: str = "detector") -> Raised:
    """An alarm so many minutes after the fault began."""
    at = T0 + round(minute * MINUTE_US)
    return Raised(site, kind, "inspector", at, [(at, verdict)] if verdict else [])


@pytest.mark.parametrize(
    ("minute", "found"),
    [(-5.1, False), (-4.9, True), (0, True), (629, True), (600 + GRACE_US / MINUTE_US + 1, False)],
)
def test_alarm_counts_from_shortly_before_the_fault_to_shortly_after_it(minute: float, found: bool) -> None:
    """Neither one that was raised before it nor one that comes when all is over finds a fault."""
    assert BEFORE_US == 5 * MINUTE_US
    (outcome,) = outcomes([FAULT], [alarm(minute, "dosing_failure")], SITE_OF)
    assert outcome.found is found
    assert outcome.said == ("dosing_failure" if found else NOTHING)


def test_alarm_of_another_site_finds_nothing() -> None:
    """However right it is."""
    (outcome,) = outcomes([FAULT], [alarm(30, "dosing_failure", site="p2")], SITE_OF)
    assert not outcome.found


def test_delay_is_to_the_first_alarm_and_the_name_that_of_the_first_verdict() -> None:
    """A plain limit alarm finds the fault, the verdict that follows names it."""
    (outcome,) = outcomes(
        [FAULT], [alarm(50, "sensor_fouling"), alarm(40, "dosing_failure"), alarm(30, kind="limit")], SITE_OF
    )
    assert outcome.delay_us == 30 * MINUTE_US
    assert (outcome.said, outcome.right) == ("dosing_failure", True)


def test_verdict_is_the_one_that_stood_when_the_fault_ended() -> None:
    """A detector may change its mind while the fault lasts; afterwards it is too late."""
    changed = alarm(30, "unknown")
    changed.verdicts += [(T0 + 90 * MINUTE_US, "dosing_failure"), (T0 + 601 * MINUTE_US, "over_dosing")]
    (outcome,) = outcomes([FAULT], [changed], SITE_OF)
    assert outcome.said == "dosing_failure"


def test_plain_alarms_say_their_kind() -> None:
    """Silence is called off line, a standing pump by its name, a limit only a limit."""
    for kind, said in (("offline", "offline"), ("circulation", "pump_off"), ("limit", "limit")):
        (outcome,) = outcomes([FAULT], [alarm(30, kind=kind)], SITE_OF)
        assert outcome.said == said


def test_figures_of_a_kind_are_shares_of_its_faults() -> None:
    """Recall over all, right names over those that were found, the median of the delays."""
    others = [replace(FAULT, site=f"p{number}") for number in (2, 3, 4)]
    alarms = [alarm(10, "dosing_failure"), alarm(20, "over_dosing", "p2"), alarm(90, "dosing_failure", "p3")]
    found = line(outcomes([FAULT, *others], alarms, SITE_OF))
    assert (found.faults, found.recall, found.kind_right, found.delay_minutes) == (4, 0.75, 2 / 3, 20.0)
    assert line([]).recall is None


def test_alarms_without_a_cause_are_false_and_only_they() -> None:
    """Not those around a fault or its after-effects, nor those of the site whose series was copied."""
    copy = Planned(
        Fault("c", "p2-b1", FaultKind.COPIED_SERIES, T0, T0 + 600 * MINUTE_US, T0, size=600, source="p3-b1"), "p2", 0.9
    )
    after = (600 * MINUTE_US + AFTER_US) / MINUTE_US
    venue = replace(alarm(100, "stuck", "p4"), audience="venue")
    alarms = [
        alarm(10, "dosing_failure"),
        alarm(after - 1, "over_dosing"),
        alarm(after + 1, "over_dosing"),
        alarm(10, "tampering_suspected", "p3"),
        alarm(10, "ph_control", "p4"),
        alarm(-9 * 1_440, "ph_control", "p4"),
        venue,
    ]
    sites = ["p1", "p2", "p3", "p4"]
    span = (T0 - 2 * DAY_US, T0 + 4 * DAY_US)
    found = false_alarms([FAULT, copy], alarms, sites, {"p3-b1": "p3"}, span)
    assert (found.inspector, found.venue) == (2, 1)
    assert dict(found.said) == {"over_dosing": 1, "ph_control": 1}
    shut = (600 * MINUTE_US + AFTER_US + BEFORE_US) / DAY_US
    assert found.venue_days == pytest.approx(4 * 6 - 3 * shut)
    assert found.inspector_per_venue_day == pytest.approx(2 / found.venue_days)


def test_copy_is_found_at_either_site_but_only_by_its_name() -> None:
    """Nobody can tell which of two equal series is the copy; another alarm of the other site says nothing of it."""
    copy = Planned(
        Fault("c", "p2-b1", FaultKind.COPIED_SERIES, T0, T0 + 600 * MINUTE_US, T0, size=600, source="p3-b1"), "p2", 0.9
    )
    (outcome,) = outcomes([copy], [alarm(60, "tampering_suspected", "p3"), alarm(20, "stuck", "p3")], SITE_OF)
    assert (outcome.delay_us, outcome.right) == (60 * MINUTE_US, True)


def test_water_change_is_found_as_a_cause_and_excuses_only_limits() -> None:
    """A cause raises nothing; an alarm of the detector during a change of water is false, one for a limit is not."""
    change = Planned(
        Fault("w", "p1-b1", FaultKind.WATER_CHANGE, T0, T0 + 60 * MINUTE_US, T0, size=0.3), site="p1", position=0.5
    )
    collector = Collector()
    collector.explain("p1", "water_change", T0 + 20 * MINUTE_US)
    alarms = [*collector.alarms.values(), alarm(40, "ph_control"), alarm(50, kind="limit")]
    (outcome,) = outcomes([change], alarms, SITE_OF)
    assert (outcome.delay_us, outcome.right) == (20 * MINUTE_US, True)
    found = false_alarms([change], alarms, ["p1"], SITE_OF, (T0 - DAY_US, T0 + DAY_US))
    assert (found.inspector, found.venue, found.venue_days) == (1, 0, 2.0)


def test_confusion_counts_what_each_kind_was_called() -> None:
    """One row a kind of fault, one column a name."""
    other = replace(FAULT, site="p2")
    assert confusion(outcomes([FAULT, other], [alarm(5, "unknown")], SITE_OF)) == {
        FaultKind.DOSING_FAILURE: {"unknown": 1, NOTHING: 1}
    }


def test_collector_follows_an_alarm_through_its_amendments() -> None:
    """Verdicts in order with the time they came, and the audience as it is in the end."""
    collector = Collector()
    at = datetime(2026, 5, 4, tzinfo=UTC)
    row = {"site": "p1", "kind": "detector", "audience": "inspector", "raised_at": at, "verdict": "unknown"}
    collector.take({7: row}, {}, 0)
    collector.take({}, {7: {"verdict": "stuck", "audience": "venue"}, 8: {"state": "normal"}}, T0)
    (found,) = collector.alarms.values()
    assert (found.site, found.audience) == ("p1", "venue")
    assert from_us(found.at) == at
    assert [verdict for _, verdict in found.verdicts] == ["unknown", "stuck"]
