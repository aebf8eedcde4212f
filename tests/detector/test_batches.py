"""Any stream, cut anywhere: the same flags, scores, ticks and state, bit for bit."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detector import Rows, State, step
from tests.detector.streams import LAYOUT, rows


def play(stream: Rows, cuts: Iterable[int]) -> tuple[dict[str, bytes], list[Any]]:
    """The final state as bytes by field, and all that came out, with rows counted in the whole stream."""
    state = State(LAYOUT)
    out: list[list[Any]] = [[], [], [], [], []]
    ticks = []
    for a, b in pairwise([0, *sorted(cuts), stream.slot.size]):
        found = step(state, LAYOUT, Rows(stream.slot[a:b], stream.ts[a:b], stream.value[a:b], stream.late[a:b]))
        for name, kept in zip(("flags", "score", "z", "expected", "width"), out, strict=True):
            kept.append(getattr(found, name))
        for each in found.ticks:
            row = each.copy()
            row["row"] += a
            ticks.append((int(row["row"]), int(row["site"]), row.tobytes()))
    merged = [np.concatenate(kept, axis=-1).tobytes() for kept in out]
    return {name: array.tobytes() for name, array in state.save().items()}, [*merged, sorted(ticks)]


@settings(max_examples=60, deadline=None)
@given(rows(), st.data())
def test_the_result_does_not_depend_on_where_the_stream_is_cut(stream: Rows, data: st.DataObject) -> None:
    """One call, any cuts, and one call a reading give equal states and equal results."""
    cuts = data.draw(st.lists(st.integers(0, stream.slot.size), max_size=6))
    whole = play(stream, [])
    assert play(stream, cuts) == whole
    assert play(stream, range(stream.slot.size)) == whole
