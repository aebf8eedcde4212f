"""The evaluation, short: a small city through the monitor's own fold, and what must hold whatever was tuned."""

import json

import pytest
from typer.testing import CliRunner

from landun import app
from operations.evaluation.report import shortfalls, table
from operations.evaluation.simulated import Settings, evaluate
from simulators.fault_kinds import FaultKind

KINDS = (FaultKind.POWER_CUT, FaultKind.CLOCK_8H, FaultKind.UNIT_X10, FaultKind.PUMP_OFF)
"""Kinds that nobody may miss, however small: silence, wrong times, a factor of ten, a pump that stands."""


@pytest.mark.timeout(180)
def test_what_nobody_may_miss_is_found_named_and_soon() -> None:
    """One fault of each, in eight pools over three days; hardly an alarm without a cause reaches inspectors."""
    result = evaluate(Settings(pools=8, days=3, warm_up=1, each=1, seed=3, kinds=KINDS))
    figures = result.figures()
    assert figures["readings"] > 8 * 6 * 3 * 1_300
    assert set(figures["kinds"]) == {kind.value for kind in KINDS}
    assert all(outcome.found for outcome in result.outcomes)
    for kind, said in (("power_cut", "offline"), ("clock_8h", "clock"), ("unit_x10", "unit_error")):
        assert figures["confusion"][kind] == {said: 1}, kind
    silent = [part for part in figures["kinds"]["power_cut"].values() if part["faults"]]
    assert [10 <= part["delay_minutes"] <= 12 for part in silent] == [True]
    assert figures["false_alarms"]["venue_days"] > 10
    assert figures["false_alarms"]["inspector_per_venue_day"] <= 0.1
    assert json.loads(json.dumps(figures)) == figures
    for line in ("power_cut", "offline 1", "False alarms in", "clock_8h [clock]: clock 1"):
        assert line in table(figures)


@pytest.mark.timeout(180)
def test_an_interval_that_grows_is_no_fault() -> None:
    """Devices that reported every minute report every five from the third day on: nobody is told of anything."""
    figures = evaluate(
        Settings(pools=16, days=4, warm_up=2, each=1, seed=5, kinds=(FaultKind.PUMP_OFF,), every=5)
    ).figures()
    assert figures["minutes_between_readings_after_the_warm_up"] == 5
    assert figures["false_alarms"]["venue_days"] > 25
    assert (figures["false_alarms"]["inspector"], figures["false_alarms"]["venue"]) == (0, 0)
    assert figures["confusion"]["pump_off"] == {"pump_off": 1}


def test_shortfalls_name_what_is_below_the_promise() -> None:
    """Recall and names of the upper two thirds, and the rate of false alarms; the lowest third is only stated."""
    good = {"faults": 14, "recall": 1.0, "kind_right": 1.0, "delay_minutes": 5.0}
    poor = {"faults": 6, "recall": 0.2, "kind_right": None, "delay_minutes": None}
    figures = {
        "kinds": {
            "spike": {"upper": good, "lowest": poor},
            "stuck_sensor": {"upper": {**good, "recall": 0.9}, "lowest": good},
        },
        "false_alarms": {"inspector_per_venue_day": 0.05},
    }
    assert shortfalls(figures) == [
        "stuck_sensor: recall 0.90 is below 0.95",
        "false alarms to inspectors: 0.0500 per venue and day is above 0.035",
    ]


def test_command_refuses_what_does_not_fit_in_one_line() -> None:
    """Too many faults for two pools, and nothing named to evaluate on."""
    for arguments, said in (
        (["evaluate", "--simulated", "--pools", "2", "--days", "9", "--each", "9"], "no room for another"),
        (["evaluate"], "--simulated"),
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code != 0
        assert said in str(done.exception) + done.output
