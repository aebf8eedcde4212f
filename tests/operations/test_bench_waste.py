"""The benchmark of custody measures what it says, at a size that a test can afford."""

import numpy as np

from monitor.waste import Rule, step, sweep
from operations.bench.waste import START_US, batches, filled
from registry.waste.catalogue import Event


def test_bags_that_are_filled_in_are_open_and_batches_move_them() -> None:
    """Every bag of a batch is found, moved on, and those that lost weight are told."""
    state, keys, sites = filled(40_000)
    assert state.open_bags == 40_000
    lost = 0
    for number, events in enumerate(batches(keys, sites, 3)):
        lost += int((events["net_g"] == 1_500).sum())
        step(state, events)
        told = sweep(state, START_US + (21 + number) * 3_600_000_000)
        lost -= int(((told["rule"] == Rule.WEIGHT) & told["on"]).sum())
    assert lost == 0
    assert state.open_bags == 40_000
    assert set(np.unique(events["event"]).tolist()) == {Event.HANDED_OVER}
