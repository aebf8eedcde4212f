"""What is kept from start to start: commands, ground truth, the water; and the guard of the disk."""

from pathlib import Path

import numpy as np
import pytest

from simulators.clock import MINUTE_US, SECOND_US, PhysicsClock
from simulators.disk import DiskGuard
from simulators.engine import arrays_of
from simulators.errors import ConflictError, UnknownError
from simulators.fault_kinds import FaultKind
from simulators.ledger import REMEMBERED, Ledger
from simulators.state import FleetState, load_checkpoint, load_state, save_checkpoint, save_state
from tests.simulators.worlds import SEED, engine_at, minute_of

NOW = 1_763_800_000 * SECOND_US
CLOCK = PhysicsClock(wall=NOW, physics=NOW + 3600 * SECOND_US, speed=60.0)


def test_fault_lasts_its_minutes_of_physics() -> None:
    """Ten minutes of physics are ten seconds of wall clock at ×60; the truth holds both."""
    ledger = Ledger()
    fault = ledger.begin("d1", FaultKind.PUMP_OFF, 10, NOW, CLOCK)
    assert fault.starts == CLOCK.physics
    assert fault.ends == CLOCK.physics + 10 * MINUTE_US
    assert ledger.end_due(NOW + 9_900_000, CLOCK) == ()
    (ended,) = ledger.end_due(NOW + 10_400_000, CLOCK)
    assert ended.ended_at == NOW + 10 * SECOND_US
    assert ledger.active == ()


def test_fault_without_an_end_lasts_until_it_is_ended() -> None:
    """Ending it notes the wall clock; ending it again changes nothing."""
    ledger = Ledger()
    fault = ledger.begin("d1", FaultKind.DOSING_FAILURE, None, NOW, CLOCK)
    assert ledger.end_due(NOW + 10**12, CLOCK) == ()
    ended = ledger.end(fault.id, NOW + SECOND_US, CLOCK)
    assert (ended.ended_at, ended.ends) == (NOW + SECOND_US, CLOCK.physics + 60 * SECOND_US)
    assert ledger.end(fault.id, NOW + 9 * SECOND_US, CLOCK) == ended


def test_same_fault_twice_and_unknown_faults_are_refused() -> None:
    """One basin has one fault of a kind at a time; the errors name device, fault and id."""
    ledger = Ledger()
    ledger.begin("d1", FaultKind.DOSING_FAILURE, None, NOW, CLOCK)
    with pytest.raises(ConflictError, match=r"d1.*dosing_failure"):
        ledger.begin("d1", FaultKind.DOSING_FAILURE, 5, NOW, CLOCK)
    ledger.begin("d2", FaultKind.DOSING_FAILURE, None, NOW, CLOCK)
    with pytest.raises(UnknownError, match="'nonsense'"):
        ledger.end("nonsense", NOW, CLOCK)


def test_ledger_forgets_the_oldest_ended_faults_only() -> None:
    """Memory is bounded; a fault at work is never forgotten."""
    ledger = Ledger()
    first = ledger.begin("d0", FaultKind.PH_DRIFT, None, NOW, CLOCK)
    for number in range(REMEMBERED + 20):
        at = NOW + number * SECOND_US
        ledger.end(ledger.begin("d1", FaultKind.PUMP_OFF, None, at, CLOCK).id, at, CLOCK)
    ledger.begin("d2", FaultKind.PUMP_OFF, None, NOW, CLOCK)
    assert len(list(ledger)) <= REMEMBERED + 2
    assert first in ledger.active


def test_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Speed, stopped sites and faults survive a restart."""
    ledger = Ledger()
    ledger.begin("d1", FaultKind.DROPOUT, 10, NOW, CLOCK)
    state = FleetState(CLOCK, {"s1", "s2"}, tuple(ledger))
    save_state(tmp_path / "state.json", state)
    assert load_state(tmp_path / "state.json") == state
    assert load_state(tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99}', '{"version": 1, "clock": {"nonsense": 1}}'])
def test_damaged_state_is_set_aside(tmp_path: Path, text: str) -> None:
    """A damaged file does not stop a start, and is kept for who wants to look at it."""
    path = tmp_path / "state.json"
    path.write_text(text)
    assert load_state(path) is None
    assert path.with_suffix(".damaged").read_text() == text


def test_checkpoint_comes_back_for_the_same_fleet_only(tmp_path: Path) -> None:
    """Another seed, another fleet or a damaged file is no checkpoint; an older one does not replace a newer."""
    path = tmp_path / "physics.npz"
    engine = engine_at(minute_of(2025, 11, 3, 10, 0))
    devices = engine.plant.devices
    older = engine.checkpoint
    engine.advance(engine.minute + 5)
    save_checkpoint(path, engine.checkpoint, devices, SEED)
    save_checkpoint(path, older, devices, SEED)
    found = load_checkpoint(path, devices, SEED)
    assert found is not None
    for name, array in arrays_of(engine.checkpoint).items():
        assert np.array_equal(arrays_of(found)[name], array), name
    assert load_checkpoint(path, devices, SEED + 1) is None
    assert load_checkpoint(path, devices[1:], SEED) is None
    path.write_bytes(path.read_bytes()[:200])
    assert load_checkpoint(path, devices, SEED) is None


def test_disk_guard_says_when_it_stops_and_when_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Low below the bound, fine again above it; each change is one line in the log."""
    free = [3_000]
    guard = DiskGuard(2_000, lambda: free[0])
    states = []
    with caplog.at_level("INFO", logger="simulators.disk"):
        for step, value in enumerate((3_000, 1_999, 1_000, 2_000, 2_500)):
            free[0] = value
            guard.check(NOW + step * 10 * SECOND_US)
            states.append(guard.low)
    assert states == [False, True, True, False, False]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
