"""Readings a second through the detector on one core, beside river and ioos_qc on the same readings.

The rows are as the journal gives them: packed, and the channels of a minute in any order. What is timed begins with
finding each row's slot and ends with flags, scores and closed ticks. Time is the process's CPU time: other programs
on the machine cost nothing, and a second core gives nothing.
"""

import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector import TESTS, ChannelSpec, Layout, Observer, Rows, SiteSpec, State, step
from monitor.detector.verdicts import Verdicts
from monitor.memory import keep_freed_memory
from operations.errors import OperatorError
from registry.model import Role
from store.records import READING, Readings

VERDICT_TESTS: Final = ("cross_relations", "site_causes", "copied_series")
"""What `Verdicts` adds to `TESTS`."""
FLEETS: Final = (1_000, 10_000, 100_000)
INDICATORS: Final = ("free_chlorine", "ph", "orp", "turbidity", "water_temperature", "circulation_flow", "a", "b", "c")
"""Nine channels a site, as the drinking-water series have."""
ROWS: Final = 1_000_000
"""Readings that are timed at each size, at least three batches of them; the median batch counts."""
MINUTES: Final = 4
"""Minutes of the fleet in a batch."""
START_US: Final = 1_767_225_600_000_000
MINUTE_US: Final = 60_000_000
SAMPLES: Final = 600
"""Readings of every channel of one site that the peers judge."""
MINUTES_WARM: Final = 37 * 60
"""Before anything is timed: the slowest rule of the verdicts, on turbidity, wants a day and a half of past."""


def measure() -> dict[str, Any]:
    """Every figure. Raises `OperatorError` where a peer is not installed."""
    keep_freed_memory()  # as the monitor does
    by_channels = {str(channels): round(_detector(channels, verdicts=True)) for channels in FLEETS}
    own = by_channels[str(FLEETS[1])]
    without_verdicts = round(_detector(FLEETS[1], verdicts=False))
    river, ioos_qc = _river(), _ioos_qc()
    layout = fleet(FLEETS[1])
    return {
        "readings_per_s": own,
        "by_channels": by_channels,
        "without_verdicts_readings_per_s": without_verdicts,
        "bytes_per_channel": round(State(layout).bytes_per_channel + _bytes_of_verdicts(layout)),
        "without_verdicts_bytes_per_channel": round(State(layout).bytes_per_channel),
        "tests": [*TESTS, *VERDICT_TESTS],
        "river_readings_per_s": round(river),
        "ioos_qc_readings_per_s": round(ioos_qc),
        "ratio_river": round(own / river, 1),
        "ratio_ioos_qc": round(own / ioos_qc, 1),
        "without_verdicts_ratio_river": round(without_verdicts / river, 1),
    }


def fleet(channels: int) -> Layout:
    """Sites of nine channels, a reading a minute each."""
    width = len(INDICATORS)
    specs = [
        ChannelSpec(
            channel + 1,
            f"site{channel // width}",
            INDICATORS[channel % width],
            Role.OPERATIONAL if INDICATORS[channel % width] == "circulation_flow" else Role.QUALITY,
        )
        for channel in range(channels)
    ]
    return Layout.of(specs, [SiteSpec(f"site{site}") for site in range((channels + width - 1) // width)])


def batches(channels: int, first: int, count: int, minutes: int = MINUTES) -> Iterator[Readings]:
    """Batches of `minutes` of the whole fleet from minute `first` on, the channels of a minute in any order."""
    rng = np.random.default_rng(first)
    level = 7 + np.arange(channels) % len(INDICATORS)
    for batch in range(count):
        rows = np.empty(channels * minutes, dtype=READING)
        for minute in range(minutes):
            part = rows[minute * channels : (minute + 1) * channels]
            part["channel_id"] = rng.permutation(channels) + 1
            part["ts"] = START_US + (first + batch * minutes + minute) * MINUTE_US
        rows["arrived"], rows["late"] = rows["ts"], False
        noise = np.round(rng.normal(0, 0.1, rows.size), 2)
        rows["value"] = level[rows["channel_id"] - 1] + noise
        yield rows


def _detector(channels: int, *, verdicts: bool) -> float:
    layout = fleet(channels)
    state = State(layout)
    observers: list[Observer] = [Verdicts(layout)] if verdicts else []
    slots = np.full(channels + 2, -1, dtype=np.int64)
    slots[[int(spec.key) for spec in layout.channels]] = np.arange(channels)
    count = max(3, min(50, ROWS // (channels * MINUTES)))
    # In long strides, so that every test and rule judges.
    for minute in range(0, MINUTES_WARM, 10):
        for rows in batches(channels, minute, 1, 1):
            step(state, layout, _rows(rows, slots), observers)
    rates = []
    for rows in batches(channels, MINUTES_WARM, count):
        began = time.process_time()
        step(state, layout, _rows(rows, slots), observers)
        rates.append(rows.size / (time.process_time() - began))
    return float(np.median(rates))


def _bytes_of_verdicts(layout: Layout) -> float:
    """Memory of the verdicts of every site, for each channel."""
    return sum(array.nbytes for array in Verdicts(layout).save().values()) / len(layout.channels)


def _rows(readings: Readings, slots: NDArray[np.int64]) -> Rows:
    return Rows(
        slots[readings["channel_id"]],
        readings["ts"].astype(np.int64),
        readings["value"].astype(np.float64),
        readings["late"].astype(np.bool_),
    )


def _one_site() -> NDArray[np.float64]:
    """The readings of the first site, shape (samples, channels)."""
    width = len(INDICATORS)
    values = np.empty((SAMPLES, width))
    for sample, rows in enumerate(batches(width, 0, SAMPLES, 1)):
        values[sample, rows["channel_id"] - 1] = rows["value"]
    return values


def _peer(module: str) -> Any:
    """A library to compare with, which only the tests' extra installs."""
    try:
        return import_module(module)
    except ImportError as error:
        raise OperatorError(
            f"bench detector needs {module.split('.', maxsplit=1)[0]}: pip install -e '.[test]'"
        ) from error


def _river() -> float:
    """HalfSpaceTrees (25 trees, height 10, window 250) as its documentation shows: score, then learn."""
    model = _peer("river.anomaly").HalfSpaceTrees(n_trees=25, height=10, window_size=250, seed=1)
    samples = [dict(zip(INDICATORS, (row / 20).tolist(), strict=True)) for row in _one_site()]
    began = time.process_time()
    for sample in samples:
        model.score_one(sample)
        model.learn_one(sample)
    return len(samples) * len(INDICATORS) / (time.process_time() - began)


def _ioos_qc() -> float:
    """Its gross range, spike, rate of change, flat line and attenuated signal over whole series: its fastest way."""
    qartod = _peer("ioos_qc.qartod")
    values = _one_site()
    times = np.arange(SAMPLES) * 60 + START_US // 1_000_000
    stamps = times.astype("datetime64[s]")
    began = time.process_time()
    for series in values.T:
        qartod.gross_range_test(series, (0, 100))
        qartod.spike_test(series, 1, 2)
        qartod.rate_of_change_test(series, times, 0.02, 0.04)
        qartod.flat_line_test(series, times, 3600, 7200, 0.001)
        qartod.attenuated_signal_test(series, stamps, 0.01, 0.001, test_period=10800, min_obs=30)
    return values.size / (time.process_time() - began)
