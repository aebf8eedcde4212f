"""What kind of fault a file of any columns shows: names of columns, and one fault after another on made-up water."""

import numpy as np
import pytest

from monitor.detector.flags import Flag, Test
from monitor.detector.verdict import Kind
from operations.detection.detect import Detection, detect
from operations.detection.kinds import Tested, kinds_of, meaning
from operations.detection.series import Series
from registry.model import Role

MINUTE_US = 60_000_000
DAYS = 2
AT = DAYS * 1440 - 300
"""The minute at which the fault begins."""
NAMES = ("Cl", "pH", "Redox", "Trueb", "Fm")
LEVELS = np.array([0.5, 7.4, 720.0, 0.3, 80.0])
NOISE = np.array([0.01, 0.02, 2.0, 0.01, 1.0])
RESOLUTION = np.array([0.001, 0.01, 0.1, 0.001, 0.1])
ROLES = dict.fromkeys(NAMES[:4], Role.QUALITY) | {"Fm": Role.OPERATIONAL}


def judged(change: np.ndarray) -> Detection:
    """Two days of minutes, from `AT` on with `change` (minutes, columns; in noises)."""
    values = np.tile(LEVELS, (DAYS * 1440, 1)) + np.random.default_rng(3).normal(0, NOISE, (DAYS * 1440, 5))
    values[AT : AT + len(change)] += change * NOISE
    values = np.round(values / RESOLUTION) * RESOLUTION
    ts = np.arange(len(values)) * MINUTE_US + 1_767_225_600_000_000
    return detect(Series(NAMES, ts, values, tuple(map(str, ts.tolist()))), ROLES, 0.5)


def profile(minutes: int, **sizes: float) -> np.ndarray:
    """A lasting change of some columns."""
    return np.tile([sizes.get(name, 0.0) for name in NAMES], (minutes, 1))


@pytest.mark.parametrize(
    ("name", "indicator"),
    [
        ("Cl", "free_chlorine"),
        ("Cl_2", "free_chlorine"),
        ("free_chlorine_mg_l", "free_chlorine"),
        ("余氯", "free_chlorine"),
        ("pH", "ph"),
        ("Redox", "orp"),
        ("ORP_mV", "orp"),
        ("Leit", "conductivity"),
        ("Trueb", "turbidity"),
        ("TURB", "turbidity"),
        ("Tp", "water_temperature"),
        ("Fm_2", "circulation_flow"),
        ("phase", None),
        ("flow_temperature", None),
        ("x7", None),
    ],
)
def test_names_tell_indicators_where_they_are_unambiguous(name: str, indicator: str | None) -> None:
    """German, English and Chinese names; a name that fits two indicators, or none, tells none."""
    assert meaning(name) == indicator


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("dosing_failure", profile(300, Cl=-20, Redox=-20)),
        ("over_dosing", profile(300, Cl=20, Redox=20)),
        ("ph_control", profile(300, pH=20, Redox=-20)),
        ("air_bubble", profile(2, Cl=60)),
        ("calibration", profile(300, pH=20)),
        ("filtration", profile(300, Trueb=25)),
        ("pump_off", profile(300, Fm=-78, Cl=-20)),
        ("sensor_fouling", np.outer(np.arange(300) * 0.15, [0, 1.0, 0, 0, 0])),
    ],
)
def test_each_fault_gets_its_kind(kind: str, change: np.ndarray) -> None:
    """In the end; at first a jump may be a bubble, and a drift is unknown before it has lasted."""
    found = judged(change)
    told = [found.kind[at] for at in range(AT, len(found.flag)) if found.flag[at]]
    assert told[-1] == kind
    assert set(told) - {kind} <= {"air_bubble", "unknown"}
    assert all((each != "") == hot for each, hot in zip(found.kind, found.flag, strict=True))


def test_a_flat_line_in_alarm_is_a_stuck_probe() -> None:
    """Where the flat line test speaks of the one channel that is away, whether that began with a jump or not."""
    flags = np.full((len(Test), 3, 1), Flag.GOOD, dtype=np.uint8)
    flags[Test.SPIKE, 0], flags[Test.FLAT_LINE, 1:] = Flag.SUSPECT, Flag.FAIL
    column = np.ones((3, 1))
    ts = np.arange(3) * 60 * MINUTE_US
    numbers = column.astype(np.float32) * 9
    tested = Tested(ts, column, column, numbers, numbers, flags)
    rows = np.arange(3)
    found = kinds_of(["x"], [Role.QUALITY], tested, np.zeros(3, dtype=np.int64), rows, 60.0)
    assert [Kind(kind) for kind in found.tolist()] == [Kind.AIR_BUBBLE, Kind.STUCK, Kind.STUCK]


def test_what_follows_changes_no_kind() -> None:
    """A row's kind comes from that row and those before it."""
    long, short = judged(profile(300, pH=20)), judged(profile(30, pH=20))
    assert long.kind[: AT + 30] == short.kind[: AT + 30]
