"""Channels that are registered and have never spoken, or not yet."""

import numpy as np

from monitor.detector import ChannelSpec, Layout, Rows, SiteSpec, State, step
from monitor.detector.causes import Sense
from monitor.detector.verdicts import Verdicts

INDICATORS = ("free_chlorine", "ph", "orp", "circulation_flow")
MINUTE = 60_000_000
SITES = 3


def remembered(*, together: bool) -> Verdicts:
    """Two hours of three sites, whose ORP is never heard and whose pH only in the second hour.

    `together`: all sites close their ticks in one call, else one site after the other.
    """
    specs = [ChannelSpec(f"{site}-{name}", f"s{site}", name) for site in range(SITES) for name in INDICATORS]
    layout = Layout.of(specs, [SiteSpec(f"s{site}") for site in range(SITES)])
    state, verdicts = State(layout), Verdicts(layout)
    for minute in range(120):
        spoke = [0, 3] if minute < 60 else [0, 1, 3]
        slots = [np.array([site * len(INDICATORS) + each for each in spoke]) for site in range(SITES)]
        for part in [np.concatenate(slots)] if together else slots:
            value = np.array([0.5, 7.2, 0.0, 80.0])[part % len(INDICATORS)] + 0.01 * ((minute + part) % 3)
            rows = Rows(part, np.full(part.size, minute * MINUTE), value, np.zeros(part.size, dtype=np.bool_))
            step(state, layout, rows, [verdicts])
    return verdicts


def test_a_channel_that_was_never_heard_leaves_no_trace() -> None:
    """Nothing is known of it: a value of its own that nobody sent would be held against the others."""
    senses = remembered(together=True).senses
    for name in ("x1", "x2", "mid", "slow", "ref"):
        assert np.isnan(getattr(senses, name)[:, Sense.ORP]).all(), name
        assert not np.isnan(getattr(senses, name)[:, Sense.PH]).any(), name
    assert (senses.run[:, Sense.ORP] == 0).all()


def test_memory_is_the_same_whether_sites_close_together_or_one_by_one() -> None:
    """Bit for bit, with channels that are missing, late to begin and regular ones."""
    one, other = (remembered(together=each).save() for each in (True, False))
    assert {name: array.tobytes() for name, array in one.items()} == {n: a.tobytes() for n, a in other.items()}
