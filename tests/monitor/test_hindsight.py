"""Runs of late readings: the same findings however the stream is cut, and those that the definition gives."""

import operator
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.hindsight import Hindsight, judge_late
from monitor.layout import Layout
from store.records import READING, Readings
from tests.monitor.worlds import channel, pool, us

REGISTRY = pool()
LAYOUT = Layout.of(REGISTRY)
DELAYS = LAYOUT.delays(1.0)
PH, CHLORINE = channel(REGISTRY, "ph"), channel(REGISTRY, "free_chlorine")
Found = list[tuple[int, int, int, int, int, float]]


def play(stream: Readings, cuts: Sequence[int] = ()) -> tuple[Found, Hindsight]:
    """(row, start, since, last, count, extreme) of each run that became a finding, and what may go on."""
    hindsight, found, runs = Hindsight(), [], []
    for start, stop in pairwise([0, *sorted(cuts), len(stream)]):
        batch = stream[start:stop]
        slot = LAYOUT.slot_of(batch["channel_id"])
        late = judge_late(LAYOUT, np.arange(len(batch)), slot, batch, None)
        findings, _ = hindsight.follow(LAYOUT, DELAYS, batch, late)
        for each in sorted(findings, key=lambda each: each.row):
            each.run.alarm = 1
            found.append((each.row + start, each.ts))
            runs.append(each.run)
        hindsight = Hindsight.restored(hindsight.save()) if not findings else hindsight
    told = [(row, ts, run.start, run.last, run.count, run.extreme) for (row, ts), run in zip(found, runs, strict=True)]
    return told, hindsight


@st.composite
def streams(draw: st.DrawFn) -> Readings:
    """Late readings of two channels, mostly a minute or four apart, sometimes back in time or after a gap."""
    rows, clock = [], 0.0
    for _ in range(draw(st.integers(1, 60))):
        clock += draw(st.sampled_from([1.0, 1.0, 4.0, 4.0, 11.0, -3.0, 0.0]))
        which = draw(st.sampled_from([PH, PH, PH, CHLORINE]))
        value = draw(st.sampled_from([8.5, 8.5, 8.5, 9.0, 7.4, 6.0] if which == PH else [0.1, 0.5]))
        rows.append((which, us(clock), value, us(10_000), True))
    return np.array(rows, dtype=READING)


def by_definition(stream: Readings) -> list[int]:
    """Rows at which a run of pH beyond one side first has lasted ten minutes and three readings."""
    found: list[int] = []
    run: list[int] = []
    side = 0
    for row, each in enumerate(stream):
        if each["channel_id"] != PH:
            continue
        now = int(each["value"] > 7.8) - int(each["value"] < 7.0)
        gap = int(each["ts"] - stream[run[-1]]["ts"]) if run else 0
        goes_on = run and now == side and 0 < gap <= int(DELAYS.gap[0])
        run, side = ([*run, row] if goes_on else [row]), now
        lasted = [r for r in run if stream[r]["ts"] - stream[run[0]]["ts"] >= 600e6 and run.index(r) >= 2]
        if side and lasted and lasted[0] == row:
            found.append(row)
    return found


@settings(max_examples=120, deadline=None)
@given(streams(), st.data())
def test_findings_are_those_of_the_definition_and_do_not_depend_on_batches(
    stream: Readings, data: st.DataObject
) -> None:
    """Where the stream is cut into batches, and whether the state is kept and restored between, changes nothing."""
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=4))
    whole, kept = play(stream)
    pieces, other = play(stream, cuts)
    assert [row for row, *_ in whole if stream["channel_id"][row] == PH] == by_definition(stream)
    assert [each[:3] for each in pieces] == [each[:3] for each in whole]
    of_channel = operator.itemgetter("channel")
    assert sorted(other.save(), key=of_channel) == sorted(kept.save(), key=of_channel)
