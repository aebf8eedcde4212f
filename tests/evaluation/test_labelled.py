"""Scoring against labelled events: worked examples, and the reference scorer on random runs."""

import importlib.util
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.evaluation.labelled import merged, renotified, runs, score
from tests.shared_data import SHARED

MINUTE = 60.0
TOOL = SHARED / "tools" / "score.py"


def rows(length: int, *spans: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """True in each [first, last)."""
    found = np.zeros(length, dtype=np.bool_)
    for a, b in spans:
        found[a:b] = True
    return found


def test_an_alarm_that_begins_at_the_event_finds_it() -> None:
    """Between five minutes before the start and the end is in time."""
    label = rows(3000, (1000, 1020))
    for begin, found in ((994, 0.0), (995, 1.0), (1019, 1.0), (1020, 0.0)):
        flag = rows(3000, (begin, begin + 3))
        assert score(flag, flag.astype(float), label, MINUTE).onset_recall == found


def test_an_alarm_that_never_ends_finds_nothing_and_is_told_again() -> None:
    """One alarm over two days counts every six hours, and only its beginning could find an event."""
    label = rows(2880, (2000, 2020))
    flag = rows(2880, (100, 2880))
    found = score(flag, flag.astype(float), label, MINUTE)
    assert found.onset_recall == 0.0
    assert found.alarms == 8
    assert found.false_alarms_per_day == 3.5


def test_runs_less_than_an_hour_apart_are_one_alarm() -> None:
    """Sixty rows of a minute apart are one alarm, sixty-one are two."""
    assert merged(rows(500, (10, 20), (80, 90)), 60)[0].tolist() == [10]
    assert merged(rows(500, (10, 20), (81, 90)), 60)[0].tolist() == [10, 81]


def test_rows_are_compared_one_by_one() -> None:
    """Half an event flagged, and as much beside it, is a precision and a recall of a half."""
    found = score(rows(100, (15, 25)), np.zeros(100), rows(100, (10, 20)), MINUTE)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.median_delay_min == 5.0


def test_without_events_there_is_no_recall() -> None:
    """Unlabelled water has false alarms only."""
    found = score(rows(1440, (10, 20)), np.zeros(1440), rows(1440), MINUTE)
    assert found.onset_recall is None
    assert found.false_alarms_per_day == 1.0


def test_nothing_flagged_is_no_alarm() -> None:
    """No run, no alarm, no division by nothing."""
    assert [each.tolist() for each in runs(rows(5))] == [[], []]
    assert renotified(*runs(rows(5)), 3)[0].size == 0
    assert score(rows(5), np.zeros(5), rows(5), MINUTE).alarm_precision is None


def reference() -> ModuleType:
    """The scorer that development has beside the checkout."""
    if not TOOL.exists():
        pytest.skip(f"the reference scorer is not beside this checkout: {TOOL}")
    spec = importlib.util.spec_from_file_location("reference_score", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


spans = st.lists(st.tuples(st.integers(0, 2900), st.integers(1, 600)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(spans, spans, st.sampled_from([60.0, 900.0]))
def test_figures_equal_the_reference(
    flagged: list[tuple[int, int]], true: list[tuple[int, int]], step_s: float
) -> None:
    """Any flags against any events, at a minute and at a quarter of an hour."""
    tool = reference()
    flag = rows(3000, *((a, a + n) for a, n in flagged))
    label = rows(3000, *((a, a + n) for a, n in true))
    ours = score(flag, flag.astype(float), label, step_s).as_dict()
    theirs = tool.event_figures(flag, label, step_s)
    if not theirs["events"]:
        theirs["onset_recall"] = None
    for name in ("events", "alarms", "onset_recall", "alarm_precision", "false_alarms_per_day"):
        assert ours[name] == pytest.approx(theirs[name], abs=2e-3) if theirs[name] is not None else ours[name] is None
