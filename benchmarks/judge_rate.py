"""Readings a second through the limit judge, beside comparing them one by one with their limits in Python.

And through the monitor's whole fold: judge, detector with every test and verdict, silence, alarms.

The comparison loop only asks whether a value is inside its limit; the judge also keeps delays, deadband,
opening hours and circulation for each channel.
"""

import time
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import report
from monitor.alarms.book import Changes
from monitor.engine import Engine
from monitor.judgement import JudgeState, judge
from monitor.layout import Layout
from registry.demonstration import load_demonstration
from store.records import READING, Readings, from_us, to_us

STEPS = 200
REGISTERED = datetime(2026, 1, 1, tzinfo=UTC)
START = to_us(datetime(2026, 1, 5, tzinfo=UTC))


def batch(layout: Layout, step: int, rng: np.random.Generator) -> Readings:
    """One reading of every channel."""
    made = np.empty(len(layout.channels), dtype=READING)
    made["channel_id"] = layout.channel_ids
    made["ts"] = START + 60_000_000 * step
    made["arrived"] = made["ts"]
    lo, _ = bounds(layout, made["ts"])
    made["value"] = np.where(np.isfinite(lo), lo, 1.0) + rng.normal(0.3, 0.2, len(made))
    made["late"] = False
    return made


def bounds(layout: Layout, ts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The bounds of every channel at an instant each."""
    version = layout.rulebook.version_of(np.arange(len(layout.channels)), ts)
    return layout.rulebook.lo[version], layout.rulebook.hi[version]


def one_by_one(layout: Layout, data: list[Readings]) -> float:
    """Seconds to compare every value with its limit in a Python loop."""
    lo, hi = (each.tolist() for each in bounds(layout, np.full(len(layout.channels), START)))
    outside = 0
    began = time.perf_counter()
    for readings in data:
        for slot, value in enumerate(readings["value"].tolist()):
            outside += not lo[slot] <= round(value, 2) <= hi[slot]
    return time.perf_counter() - began


def vectorised(layout: Layout, data: list[Readings]) -> float:
    """Seconds for the same batches through the judge."""
    state, delays = JudgeState(layout), layout.delays(1.0)
    began = time.perf_counter()
    for number, readings in enumerate(data):
        judge(layout, delays, state, readings, np.full(len(readings), number))
    return time.perf_counter() - began


def folded(layout: Layout, data: list[Readings]) -> float:
    """Seconds for the same batches through the engine, one journal row a batch."""
    engine, changes = Engine(layout.registry), Changes()
    began = time.perf_counter()
    for number, readings in enumerate(data, start=1):
        engine.replay(changes, number, readings, 1.0, from_us(int(readings["ts"][0])))
    return time.perf_counter() - began


def main() -> None:
    """Measure with a municipality's channels."""
    layout = Layout.of(load_demonstration(1, registered_at=REGISTERED))
    rng = np.random.default_rng(1)
    data = [batch(layout, step, rng) for step in range(STEPS)]
    total = STEPS * len(layout.channels)
    loop, judged, whole = one_by_one(layout, data), vectorised(layout, data), folded(layout, data)
    report(
        "judge_rate",
        channels=len(layout.channels),
        readings=total,
        judge_per_s=round(total / judged),
        fold_with_detector_per_s=round(total / whole),
        bare_comparison_per_s=round(total / loop),
        judge_of_bare_comparison=round(loop / judged, 2),
    )


if __name__ == "__main__":
    main()
