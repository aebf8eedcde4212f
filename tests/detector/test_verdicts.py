"""Verdicts on simulated pools: the same however the stream is cut or the memory saved, and silent without a fault."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from monitor.detection import Detection
from monitor.detector import verdicts
from monitor.detector.verdict import AUDIENCE, LANE_OF, Kind, Lane, Parameters, sureness
from monitor.detector.verdicts import Finding
from monitor.layout import Layout
from monitor.sensitivity import Feedback, site_budget, threshold_factor
from registry.catalogue import entries
from registry.demonstration import demonstration
from registry.model import Registry
from simulators.engine import Engine
from simulators.fault_kinds import FaultKind
from simulators.faults import Fault
from store.records import READING, Readings
from tests.simulators.worlds import rows_at

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = 60_000_000
HOURS, ONSET = 19, 14
FAULTS = (FaultKind.STUCK_SENSOR, FaultKind.DOSING_FAILURE, FaultKind.CALIBRATION_STEP, FaultKind.UNIT_X10)
NAMES = (Kind.STUCK, Kind.DOSING_FAILURE, Kind.CALIBRATION, Kind.UNIT_ERROR)


@pytest.fixture(scope="module")
def world() -> tuple[Registry, Readings, dict[str, Kind]]:
    """Nineteen hours of some pools, a reading a minute; from the 14th hour on one fault in each but the last."""
    registry = demonstration(3, online=3, offline=0, registered_at=BEGIN - timedelta(days=30))
    begin = int(BEGIN.timestamp() * 1e6)
    engine = Engine.settled(registry, 5, begin // MINUTE)
    starts = begin + ONSET * 60 * MINUTE
    faulty = dict(zip((device.code for device in engine.devices[:-1]), range(99), strict=False))
    engine.set_faults(Fault(f"f{n}", code, FAULTS[n % len(FAULTS)], starts, None, starts) for code, n in faulty.items())
    rows = []
    for minute in range(begin // MINUTE + 1, begin // MINUTE + 1 + HOURS * 60):
        engine.advance(minute)
        rows += rows_at(registry, engine, minute)
    named = {
        f"{registry.devices[code].site}/{registry.devices[code].sampling_point}": NAMES[n % len(NAMES)]
        for code, n in faulty.items()
    }
    return registry, np.array(rows, dtype=READING), named


def folded(registry: Registry, readings: Readings, cuts: list[int], *, carried: bool = False) -> list[Finding]:
    """Every finding, the stream handed over in pieces; `carried`: the memory is saved and restored at each cut."""
    layout = Layout.of(registry)
    detection, found = Detection(layout), []
    edges = [0, *cuts, len(readings)]
    for a, b in pairwise(edges):
        part = readings[a:b]
        for each in detection.take(part, layout.slot_of(part["channel_id"])).findings:
            values = {name: getattr(each, name) for name in Finding.__slots__}
            found.append(Finding(**values | {"row": each.row + a}))
        if carried:
            head, arrays = detection.head(), detection.export()
            detection = Detection.of_head(layout, head)
            detection.adopt(arrays)
    return found


def test_each_fault_is_named_and_health_is_silent(world: tuple[Registry, Readings, dict[str, Kind]]) -> None:
    """Every basin with a fault gets its name within five hours; before that, and elsewhere, nobody is told anything."""
    registry, readings, named = world
    begun = [each for each in folded(registry, readings, []) if each.kind is not Kind.NONE]
    layout = Detection(Layout.of(registry)).layout
    kinds = {layout.sites[each.site].code: each.kind for each in begun}
    assert kinds == named
    onset = int(BEGIN.timestamp() * 1e6) + ONSET * 60 * MINUTE
    assert all(each.ts > onset for each in begun)
    for each in begun:
        assert each.slots
        assert each.since <= each.ts
        assert 0.5 <= each.sureness <= 0.99
        assert len(each.values) == len(each.expected) == len(each.slots)


@pytest.mark.parametrize("carried", [False, True])
def test_cuts_and_restarts_change_nothing(world: tuple[Registry, Readings, dict[str, Kind]], carried: bool) -> None:
    """To the last bit of every finding, wherever the stream is cut and the memory saved and restored."""
    registry, readings, _ = world
    cuts = sorted(np.random.default_rng(4).choice(len(readings), size=25, replace=False).tolist())
    assert folded(registry, readings, cuts, carried=carried) == folded(registry, readings, [])


def test_asking_only_where_something_is_unusual_changes_nothing(
    world: tuple[Registry, Readings, dict[str, Kind]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rule asked at every tick of every place finds exactly the same."""
    registry, readings, _ = world
    asked_where_unusual = folded(registry, readings, [])
    monkeypatch.setattr(verdicts, "unusual", lambda _of, _at, _seen, now: np.ones(len(now.z), dtype=np.bool_))
    assert folded(registry, readings, []) == asked_where_unusual


def test_every_kind_has_a_lane_a_queue_and_words() -> None:
    """What is not a cause says whose work it is, what it means and what to do, in both languages."""
    for kind in Kind:
        if kind is Kind.NONE:
            continue
        lane = LANE_OF[kind]
        assert f"verdict.kind.{kind.code}" in entries()
        if lane is not Lane.CAUSE:
            assert AUDIENCE[lane] in ("inspector", "venue")
            assert f"verdict.says.{kind.code}" in entries()
            assert f"verdict.do.{kind.code}" in entries()


def test_feedback_halves_a_sites_budget_and_taking_it_back_restores_it() -> None:
    """Answers multiply, within bounds; thresholds rise as the budget falls; undoing gives back exactly what was."""
    assert site_budget(0.25, []) == 0.25
    assert site_budget(0.25, ["false", "false"]) == 0.0625
    assert site_budget(0.25, ["false"] * 99) == 0.25 / 64
    factors = [threshold_factor(budget) for budget in (2.0, 0.5, 0.25, 0.125, 0.01)]
    assert factors == sorted(factors)
    assert threshold_factor(0.25) == 1.0
    registry = demonstration(3, online=2, offline=0, registered_at=BEGIN)
    detection = Detection(Layout.of(registry))
    before = detection.verdicts.factor.copy()
    site = next(iter(registry.sites))
    detection.answer(Feedback(7, 1, site, "false"))
    assert (detection.verdicts.factor != before).any()
    detection.take_back(7)
    assert (detection.verdicts.factor == before).all()
    with pytest.raises(ValueError, match="feedback 7"):
        detection.take_back(7)


def test_sureness_grows_with_strength_and_margin() -> None:
    """Half at the threshold with a rival beside it, nearly certain when strong and alone."""
    assert sureness(1.0, 0.0) == 0.5
    assert sureness(3.0, 1.0) == 0.99
    assert sureness(1.5, 0.2) < sureness(1.5, 0.8)
    assert Parameters().chemistry > 0
