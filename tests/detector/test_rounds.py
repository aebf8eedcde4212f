"""Rounds: the quick way for rows that come tick by tick is the general way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.detector.rounds import NO_TICK, Rounds, _in_step, _out_of_step

CHANNELS, SITES = 12, 4
SITE = np.arange(CHANNELS) % SITES
"""Of each channel; the channels of a site do not lie beside each other."""

readings = st.lists(st.tuples(st.integers(0, CHANNELS - 1), st.integers(0, 5)), min_size=1, max_size=60)
open_ticks = st.lists(st.one_of(st.just(NO_TICK), st.integers(-1, 6)), min_size=SITES, max_size=SITES)


def told(rounds: Rounds) -> tuple[list[int], ...]:
    """Everything that rounds say."""
    arrays = (rounds.row, rounds.slot, rounds.closes, rounds.tick)
    return *(each.tolist() for each in arrays), rounds.bounds, rounds.closing_bounds


def arranged(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Slot, site and tick of each row, and the bits of a slot."""
    slot, tick = np.array(rows, dtype=np.int64).T
    return slot, SITE[slot], tick, int(slot.max()).bit_length()


@given(readings, open_ticks)
def test_rows_in_step_are_laid_out_as_any_rows_are(rows: list[tuple[int, int]], opened: list[int]) -> None:
    """A table of ticks by sites gives what sorting gives, or nothing where a channel speaks twice in a tick."""
    slot, site, tick, bits = arranged(sorted(rows, key=lambda row: row[1]))
    open_tick = np.array(opened, dtype=np.int64)
    quick, general = _in_step(slot, site, tick, open_tick, bits), _out_of_step(slot, site, tick, open_tick, bits)
    if quick is not None:
        assert told(quick) == told(general)
    elif len(set(rows)) == len(rows) and SITES * (1 + np.count_nonzero(np.diff(tick))) <= 4 * len(rows):
        # Only rows that are late for their site's open tick make a channel speak twice in a round.
        assert (tick <= open_tick[site]).any()


@given(readings, open_ticks)
def test_a_row_closes_what_its_site_had_open_before_it(rows: list[tuple[int, int]], opened: list[int]) -> None:
    """One after the other in the order of the stream: the rows that open a tick, and the rounds they stand in."""
    slot, site, tick, bits = arranged(rows)
    found = _out_of_step(slot, site, tick, np.array(opened, dtype=np.int64), bits)
    newest, expected = list(opened), []
    for row, (at, now) in enumerate(zip(site.tolist(), tick.tolist(), strict=True)):
        if now > newest[at]:
            newest[at] = now
            expected.append((row, now))
    assert sorted(zip(found.row[found.closes].tolist(), found.tick.tolist(), strict=True)) == expected
    for first, last in zip(found.bounds, found.bounds[1:], strict=False):
        assert (np.diff(found.slot[first:last]) > 0).all(), "a channel stands in a round at most once, in order"
