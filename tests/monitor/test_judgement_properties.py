"""Any stream, cut anywhere, in any order of the registry: the same states and transitions, bit for bit."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.judgement import CHANNEL_FIELDS, JudgeState, judge
from monitor.layout import Layout
from registry.model import Registry
from registry.opening import OpeningHours
from store.records import READING, Readings
from tests.monitor.worlds import INDICATORS, pool, us

REGISTRY = pool(devices=2, opening=OpeningHours.daily(9 * 60, 13 * 60))
LAYOUT = Layout.of(REGISTRY)
VALUES = {
    "free_chlorine": (0.1, 0.249999, 0.31, 0.6, 1.04, 2.0, 25.0),
    "ph": (6.5, 7.0, 7.4, 7.84, 7.86, 9.0, -1.0),
    "orp": (600.0, 720.0),
    "turbidity": (0.3, 1.5, 1.6, 2.0),
    "water_temperature": (22.0, 27.0, 33.0),
    "circulation_flow": (0.0, 5.5, 80.0, 3000.0),
    "bathers": (3.0,),
}


@st.composite
def streams(draw: st.DrawFn) -> Readings:
    """Readings of two basins: mostly in order and a minute apart, some late, some impossible, some after a gap."""
    rows = []
    clock = 0.0
    for _ in range(draw(st.integers(1, 60))):
        clock += draw(st.sampled_from([0.0, 1.0, 1.0, 1.0, 4.0, 11.0]))
        channel = REGISTRY.channels[draw(st.sampled_from([1, 1, 1, 2, 2, 5, 6, 7, 8, 13]))]
        value = draw(st.sampled_from(VALUES[channel.indicator]))
        late = draw(st.integers(0, 9)) == 0
        ts = clock - draw(st.sampled_from([0.0, 5.0, 90.0])) if late else clock
        rows.append((channel.id, us(ts), value, us(clock), late))
    return np.array(rows, dtype=READING)


def play(layout: Layout, stream: Readings, cuts: Sequence[int]) -> tuple[dict[str, bytes], list[tuple[Any, ...]]]:
    """The final state as bytes by field, and the transitions with rows counted in the whole stream."""
    state = JudgeState(layout)
    found = []
    bounds = [0, *sorted(cuts), len(stream)]
    numbers = np.arange(len(stream))
    for start, stop in pairwise(bounds):
        findings = judge(layout, layout.delays(1.0), state, stream[start:stop], numbers[start:stop])
        found += [(int(each["row"]) + start, *each.tolist()[1:]) for each in findings.transitions]
    fields = {name: getattr(state, name).tobytes() for name in CHANNEL_FIELDS}
    fields |= {"dirty": state.dirty.tobytes(), "extreme_dirty": state.extreme_dirty.tobytes()}
    return fields | {"on": state.circulation.on.tobytes(), "seen": state.circulation.ts.tobytes()}, found


@settings(max_examples=150, deadline=None)
@given(streams(), st.data())
def test_the_result_does_not_depend_on_where_the_stream_is_cut(stream: Readings, data: st.DataObject) -> None:
    """One call, any cuts, and one call a reading give equal states and equal transitions."""
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    whole = play(LAYOUT, stream, [])
    assert play(LAYOUT, stream, cuts) == whole
    assert play(LAYOUT, stream, range(len(stream))) == whole


@settings(max_examples=50, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_the_order_of_the_registry(stream: Readings, random: Any) -> None:
    """A registry read in another order lays out the same."""

    def shuffled(entries: Any) -> list[Any]:
        found = list(entries.values())
        random.shuffle(found)
        return found

    other = Registry.of(
        shuffled(REGISTRY.sites),
        shuffled(REGISTRY.sampling_points),
        shuffled(REGISTRY.devices),
        shuffled(REGISTRY.channels),
    )
    assert play(Layout.of(other), stream, []) == play(LAYOUT, stream, [])


def model(values: Sequence[tuple[float, float]]) -> list[tuple[str, int, float]]:
    """Alarms on pH by the plainest reading of the rules, one value (minute, pH) after another.

    Outside, after rounding to one decimal, for ten minutes and three samples: raised. Inside by 0.05 for ten
    minutes: returned. A gap of more than ten minutes begins everything anew.
    """
    found: list[tuple[str, int, float]] = []
    on: set[int] = set()
    run: list[tuple[float, int]] = []
    inside: dict[int, float] = {}
    before = -1e9
    for minute, value in values:
        if minute - before > 10:
            run, inside = [], {}
        before = minute
        tenths = round(value * 10)
        side = -1 if tenths < 70 else 1 if tenths > 78 else 0
        run = [*run, (minute, side)] if side and (not run or run[-1][1] == side) else [(minute, side)] if side else []
        returned, raised = [], []
        for each in (-1, 1):
            back = side != each and (value >= 7.05 if each < 0 else value <= 7.75)
            if each in on and back:
                inside.setdefault(each, minute)
                if minute - inside[each] >= 10:
                    returned.append(("returned", each, minute))
            else:
                inside.pop(each, None)
            if side == each and each not in on and len(run) >= 3 and minute - run[0][0] >= 10:
                raised.append(("raised", each, minute))
        for what, each, _ in returned + raised:
            (on.add if what == "raised" else on.discard)(each)
            inside.pop(each, None)
        found += returned + raised
    return found


STRETCHES = st.tuples(
    st.integers(1, 14),
    st.sampled_from([1, 1, 1, 2, 5, 10, 11]),
    st.sampled_from([6.0, 6.94, 6.96, 7.02, 7.04, 7.06, 7.4, 7.4, 7.74, 7.77, 7.84, 7.86, 9.0, 9.0]),
)
"""So many samples, so many minutes apart, of one value."""


@settings(max_examples=400, deadline=None)
@given(st.lists(STRETCHES, min_size=1, max_size=12))
def test_the_judge_agrees_with_the_plainest_reading_of_the_rules(stretches: list[tuple[int, int, float]]) -> None:
    """On any series of one channel the vectorised judge and a scalar model find the same transitions."""
    steps = [(gap, value) for count, gap, value in stretches for _ in range(count)]
    minutes = np.cumsum([gap for gap, _ in steps]).tolist()
    series = [(float(minute), value) for minute, (_, value) in zip(minutes, steps, strict=True)]
    registry = pool()
    layout = Layout.of(registry)
    ph = registry.channel_ids["D1-1", "ph"]
    stream = np.array([(ph, us(minute), value, us(minute), False) for minute, value in series], dtype=READING)
    _, found = play(layout, stream, [])
    #                                     row   slot side raised gate since ts
    ended = [each for each in found if not each[-1]]  # a condition that worsens neither begins nor ends
    told = [("raised" if each[3] else "returned", each[2], (each[6] - us(0.0)) / 60e6) for each in ended]
    assert told == model(series)


def test_every_indicator_of_the_world_is_drawn_from() -> None:
    """The streams above have values for every channel there is."""
    assert set(VALUES) == set(INDICATORS)
