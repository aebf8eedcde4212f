"""The late rule, against a plain one-reading-at-a-time model."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.lateness import LONGEST_DELAY_US, LateRule
from registry.model import Channel, Device, Registry, SamplingPoint
from store.records import READING, Readings
from tests.ingest.world import SITE, make_registry

NOW = 1_795_000_000_000_000
MINUTE = 60_000_000


def slow_and_quick() -> Registry:
    """Channel 10: a device with a period of 60 s; channels 20 and 30: one of 3 600 s."""
    base = make_registry(0)
    point = SamplingPoint(SITE, "basin-1", "池", "Pool")
    devices = [Device("quick", SITE, "basin-1", 60), Device("slow", SITE, "basin-1", 3600)]
    channels = [Channel(10, "quick", "ph"), Channel(20, "slow", "ph"), Channel(30, "slow", "orp")]
    return Registry.of(base.sites.values(), [point], devices, channels)


REGISTRY = slow_and_quick()


def readings(rows: list[tuple[int, int, int]]) -> Readings:
    """Readings from (channel, ts, arrived)."""
    return np.array([(channel, ts, 0.0, arrived, False) for channel, ts, arrived in rows], dtype=READING)


def test_a_reading_not_newer_than_its_channels_newest_is_late() -> None:
    """Equal counts as not newer; another channel's time does not matter."""
    batch = readings([(10, NOW, NOW), (10, NOW, NOW), (20, NOW - 1, NOW), (10, NOW - 1, NOW), (10, NOW + 1, NOW)])
    LateRule(REGISTRY, {}).mark(batch)
    assert batch["late"].tolist() == [False, True, False, True, False]


def test_a_backlog_emptied_in_order_is_late_by_its_delay() -> None:
    """Longer on the way than max(3 periods, 10 minutes): 10 minutes at a period of 60 s, 3 hours at an hour's."""
    batch = readings(
        [
            (10, NOW - LONGEST_DELAY_US - 1, NOW),
            (10, NOW - LONGEST_DELAY_US, NOW),
            (20, NOW - 180 * MINUTE - 1, NOW),
            (20, NOW - 180 * MINUTE, NOW),
        ]
    )
    LateRule(REGISTRY, {}).mark(batch)
    assert batch["late"].tolist() == [True, False, True, False]


def test_what_is_stored_already_counts() -> None:
    """After a restart the newest stored time bounds what is on time."""
    batch = readings([(10, NOW, NOW), (10, NOW + 1, NOW), (30, NOW, NOW)])
    LateRule(REGISTRY, {10: NOW}).mark(batch)
    assert batch["late"].tolist() == [True, False, False]


rows = st.lists(
    st.tuples(st.sampled_from([10, 20, 30]), st.integers(-20, 20), st.integers(0, 200)).map(
        lambda each: (each[0], NOW + each[1] * MINUTE, NOW + each[2] * MINUTE)
    ),
    max_size=40,
)


@given(rows, st.lists(st.integers(0, 40), max_size=5), st.dictionaries(st.sampled_from([10, 20, 30]), st.just(NOW)))
def test_the_rule_equals_the_plain_model_however_the_stream_is_cut(
    stream: list[tuple[int, int, int]], cuts: list[int], newest: dict[int, int]
) -> None:
    """Marks depend on the order of arrival only, not on batch boundaries."""
    patience = {10: LONGEST_DELAY_US, 20: 180 * MINUTE, 30: 180 * MINUTE}
    known = dict(newest)
    model = []
    for channel, ts, arrived in stream:
        model.append(ts <= known.get(channel, ts - 1) or arrived - ts > patience[channel])
        known[channel] = max(ts, known.get(channel, ts))
    rule = LateRule(REGISTRY, newest)
    marked: list[bool] = []
    bounds = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for lo, hi in pairwise(bounds):
        batch = readings(stream[lo:hi])
        rule.mark(batch)
        marked += batch["late"].tolist()
    assert marked == model
    assert rule.newest() == known
