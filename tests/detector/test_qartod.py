"""The series tests beside ioos_qc, the reference implementation: its recorded calls, and random series."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ioos_qc import qartod as reference

from monitor.detector import Flag, qartod
from tests.shared_data import shared


def numbers(values: list[Any]) -> np.ndarray[Any, Any]:
    """Values as the recording has them: None and "NaN" are missing."""
    return np.array([np.nan if each is None else float(each) for each in np.ravel(values)])


def seconds(times: list[Any]) -> np.ndarray[Any, Any]:
    """Times as the recording has them, in seconds."""
    if np.asarray(times).dtype.kind in "iuf":
        return np.asarray(np.ravel(times), dtype=np.float64)
    return np.array(np.ravel(times), dtype="datetime64[ns]").astype("datetime64[us]").astype(np.int64) / 1e6


def climatology(config: str, inp: list[Any], tinp: list[Any], zinp: list[Any]) -> np.ndarray[Any, Any]:
    """Call our climatology test with the spans that a recorded configuration describes.

    Ours has no axis of depth: a depth is one of the conditions under which a span applies.
    """
    at, depth = seconds(tinp), numbers(zinp)
    spans = []
    for window in config.split("window(")[1:]:
        found = {name: _span(window, name) for name in ("tspan", "fspan", "vspan", "zspan")}
        period = re.search(r"period='(\w+)'", window)
        assert found["tspan"] is not None
        assert found["vspan"] is not None
        position = at if period is None else np.array([_attribute(each, period[1]) for each in at])
        applies = (position >= found["tspan"][0]) & (position <= found["tspan"][1])
        if found["zspan"] is not None:
            applies &= (depth >= found["zspan"][0]) & (depth <= found["zspan"][1])
        spans.append((applies, found["vspan"], found["fspan"]))
    return qartod.climatology_test(numbers(inp), spans)


def _span(window: str, name: str) -> tuple[float, float] | None:
    number = re.search(rf"{name}=Span\(minv=([-\d.]+), maxv=([-\d.]+)\)", window)
    if number:
        return float(number[1]), float(number[2])
    time = re.search(rf"{name}=Span\(minv=Timestamp\('([^']+)'\), maxv=Timestamp\('([^']+)'\)\)", window)
    return None if time is None else tuple(seconds([time[1], time[2]]).tolist())


def _attribute(at: float, period: str) -> float:
    day = datetime.fromtimestamp(at)  # noqa: DTZ006  # naive, as the recording's times
    return {
        "dayofyear": day.timetuple().tm_yday,
        "month": day.month,
        "quarter": (day.month - 1) // 3 + 1,
        "weekofyear": day.isocalendar().week,
        "week": day.isocalendar().week,
    }[period]


CALLS: dict[str, Callable[..., Any]] = {
    "gross_range_test": lambda inp, **rest: qartod.gross_range_test(numbers(inp), **rest),
    "spike_test": lambda inp, **rest: qartod.spike_test(numbers(inp), **rest),
    "rate_of_change_test": lambda inp, tinp, **rest: qartod.rate_of_change_test(numbers(inp), seconds(tinp), **rest),
    "flat_line_test": lambda inp, tinp, **rest: qartod.flat_line_test(numbers(inp), seconds(tinp), **rest),
    "attenuated_signal_test": lambda inp, tinp, min_obs=None, **rest: qartod.attenuated_signal_test(
        numbers(inp), seconds(tinp), min_observations=min_obs, **rest
    ),
    "climatology_test": climatology,
}


def test_recorded_calls_give_the_same_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recorded call of ioos_qc's tests that we have by the same name gives the flags it gave there."""
    monkeypatch.setenv("TZ", "UTC")
    wrong, done = [], dict.fromkeys(CALLS, 0)
    for line in shared("qartod/recorded.jsonl").read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        if call["function"] not in CALLS:
            continue
        names = {"gross_range_test": ["inp", "fail_span", "suspect_span"]}.get(call["function"], ["inp", "tinp"])
        arguments = dict(zip(names, call["args"], strict=False)) | call["kwargs"]
        flags = CALLS[call["function"]](**arguments)
        done[call["function"]] += 1
        if flags.tolist() != np.ravel(call["flags"]).tolist():
            wrong.append((call["test"], arguments, call["flags"], flags.tolist()))
    assert not wrong, f"{len(wrong)} of {sum(done.values())}, the first: {wrong[0]}"
    assert all(done.values()), done


series = st.lists(st.one_of(st.none(), st.floats(-50, 50).map(lambda x: round(x, 2))), min_size=4, max_size=40).map(
    lambda values: np.array([np.nan if each is None else each for each in values])
)
threshold = st.floats(0.1, 40)


def minutes(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Times a minute apart for the reference, as it takes seconds since the epoch."""
    return np.arange(x.size) * 60 + 1_700_000_000


@settings(max_examples=100, deadline=None)
@given(series, st.tuples(threshold, threshold))
def test_gross_range_equals_the_reference(x: np.ndarray[Any, Any], widths: tuple[float, float]) -> None:
    """Values on, inside and outside of both spans get the reference's flags."""
    inner, outer = sorted(widths)
    ours = qartod.gross_range_test(x, (-outer, outer), (-inner, inner))
    assert ours.tolist() == reference.gross_range_test(x, (-outer, outer), (-inner, inner)).tolist()


@settings(max_examples=100, deadline=None)
@given(series, threshold, threshold, st.sampled_from(["average", "differential"]))
def test_spike_equals_the_reference(x: np.ndarray[Any, Any], suspect: float, fail: float, method: str) -> None:
    """Both forms, with missing values anywhere, get the reference's flags."""
    assume(not np.isnan(x).all())
    ours = qartod.spike_test(x, suspect, fail, method)
    assert ours.tolist() == reference.spike_test(x, suspect, fail, method).tolist()


@settings(max_examples=100, deadline=None)
@given(series, threshold, threshold)
def test_rate_of_change_equals_the_reference(x: np.ndarray[Any, Any], suspect: float, fail: float) -> None:
    """Rates a second, across missing values too, get the reference's flags."""
    ours = qartod.rate_of_change_test(x, minutes(x), suspect / 60, fail / 60)
    assert ours.tolist() == reference.rate_of_change_test(x, minutes(x), suspect / 60, fail / 60).tolist()


@settings(max_examples=100, deadline=None)
@given(series, st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.01, 5.0, 40.0]))
def test_flat_line_equals_the_reference(x: np.ndarray[Any, Any], suspect: int, fail: int, tolerance: float) -> None:
    """Windows of whole readings get the reference's flags."""
    ours = qartod.flat_line_test(x, minutes(x), suspect * 60, fail * 60, tolerance)
    assert ours.tolist() == reference.flat_line_test(x, minutes(x), suspect * 60, fail * 60, tolerance).tolist()


@settings(max_examples=30, deadline=None)
@given(series, threshold, threshold, st.sampled_from([None, 300, 900]), st.sampled_from([None, 2, 5]))
def test_attenuated_signal_equals_the_reference(
    x: np.ndarray[Any, Any], suspect: float, fail: float, period: int | None, least: int | None
) -> None:
    """The standard deviation of a window of time, or of all, gets the reference's flags.

    But for a spread within rounding of a threshold: the reference updates its windows' sums as it goes and so
    strays by a few units in the last place, where ours sums every window anew.
    """
    ours = qartod.attenuated_signal_test(x, minutes(x), suspect, fail, period, least)
    times = minutes(x).astype("datetime64[s]")
    theirs = reference.attenuated_signal_test(x, times, suspect, fail, test_period=period, min_obs=least)
    for limit in (suspect, fail):
        spread = qartod.attenuated_signal_test(x, minutes(x), limit - 1e-6, 0, period, least)
        assume(spread.tolist() == qartod.attenuated_signal_test(x, minutes(x), limit + 1e-6, 0, period, least).tolist())
    assert ours.tolist() == np.asarray(theirs).tolist()


def test_a_span_that_reaches_out_is_refused() -> None:
    """A suspect span beyond the fail span is a mistake in the configuration, as it is for the reference."""
    with pytest.raises(ValueError, match="must lie within"):
        qartod.gross_range_test([1.0], (0, 5), (-1, 4))


def test_nothing_is_evaluated_without_a_span() -> None:
    """A value that no climatology applies to is not evaluated (2); a missing one is missing (9)."""
    assert qartod.climatology_test([1.0, np.nan], []).tolist() == [Flag.UNKNOWN, Flag.MISSING]
