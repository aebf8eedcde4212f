"""Streams for the detector's tests: three small sites of mixed channels, rows as a journal has them."""

import numpy as np
from hypothesis import strategies as st

from monitor.detector import ChannelSpec, Layout, Rows, SiteSpec
from registry.model import Role
from registry.opening import OpeningHours

MINUTE_US = 60_000_000
START_US = 1_700_000_000_000_000

LAYOUT = Layout.of(
    [
        ChannelSpec(1, "a", "ph", gross_lo=0, gross_hi=14),
        ChannelSpec(2, "a", "orp", resolution=1.0),
        ChannelSpec(3, "b", "free_chlorine", period_s=300),
        ChannelSpec(4, "a", "circulation_flow", Role.OPERATIONAL),
        ChannelSpec(5, "b", "turbidity", period_s=10),
        ChannelSpec(6, "c", "water_temperature", Role.CONTEXT),
    ],
    [
        SiteSpec("a", opening=OpeningHours.daily(540, 1200)),
        SiteSpec("b", zone="Europe/Berlin"),
        SiteSpec("c", tick_s=7),
    ],
)


@st.composite
def rows(draw: st.DrawFn, most: int = 150) -> Rows:
    """Readings a minute or so apart with steps, spikes, gaps, missing values and late rows."""
    found = []
    clock = START_US
    count = draw(st.integers(1, most))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    offset = np.zeros(len(LAYOUT.channels) + 1)
    for _ in range(count):
        clock += int(random.choice([0, 1, 7, 60, 60, 600, 90000], p=[0.3, 0.1, 0.2, 0.2, 0.1, 0.08, 0.02])) * 1_000_000
        slot = int(random.integers(-1, len(LAYOUT.channels)))
        offset[slot] += random.choice([0.0, 0.0, 3.0, -20.0], p=[0.9, 0.04, 0.03, 0.03])
        value = 7 + slot + offset[slot] + np.round(random.normal(0, 0.1), 2)
        late = random.random() < 0.05
        found.append((slot, clock - (90_000_000 if late else 0), np.nan if random.random() < 0.03 else value, late))
    slot, ts, value, late = zip(*found, strict=True)
    return Rows(np.array(slot, np.int64), np.array(ts, np.int64), np.array(value, np.float64), np.array(late, np.bool_))
