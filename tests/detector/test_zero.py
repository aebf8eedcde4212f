"""A reading at the very end of its instrument's range is a reading."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detector import ChannelSpec, Layout, Rows, SiteSpec, State, flush, step
from monitor.detector.causes import Sense
from monitor.detector.verdicts import Verdicts

MINUTE = 60_000_000


@settings(max_examples=60, deadline=None)
@given(first=st.integers(1, 199), end=st.sampled_from([0.0, 20.0]))
def test_verdicts_take_a_value_at_the_end_of_the_range(first: int, end: float) -> None:
    """Whatever the channel's first reading was: zero is zero and not something below that nobody could report."""
    layout = Layout.of([ChannelSpec(1, "p", "free_chlorine", point="b", gross_lo=0.0, gross_hi=20.0)], [SiteSpec("p")])
    state, verdicts = State(layout), Verdicts(layout)
    values = np.array([first / 100, first / 100, end])
    ts = np.arange(1, 4, dtype=np.int64) * MINUTE
    rows = Rows(np.zeros(3, dtype=np.int64), ts, values, np.zeros(3, dtype=np.bool_))
    step(state, layout, rows, [verdicts])
    flush(state, layout, 10 * MINUTE, [verdicts])
    assert abs(float(verdicts.senses.x1[0, Sense.CHLORINE]) - end) < 1e-4
