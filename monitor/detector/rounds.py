"""Putting a batch into rounds: within a round each channel is there at most once and each site closes at most once.

Rows come as the journal has them, channels interleaved. The rows of one site are taken in the order of the
stream: a row whose tick is later than the site's open one closes that tick, and that is where site-level tests
run, on what the channels were just before that row. So the outcome depends on the order of the stream alone, and
not on where it is cut into batches.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.detector.layout import Bools, Ints

_POSITION_BITS: Final = 26
"""At most 2**26 rows in a call."""

_POSITION: Final = (1 << _POSITION_BITS) - 1

NO_TICK: Final = -(2**62)
"""The open tick of a site that has never been heard."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Rows by round: round k holds `row[bounds[k]:bounds[k + 1]]`, in order of slot.

    `closes[closing_bounds[k]:closing_bounds[k + 1]]` are the places in `row` of the rows that open a tick, so that
    their site's tick before it, where it had readings, is closed before round k is judged. `tick` is the site's open
    tick once the row is in, counted in the site's own tick length.
    """

    row: Ints
    bounds: list[int]
    closes: Ints
    closing_bounds: list[int]
    tick: Ints


def rounds_of(slot: Ints, site: Ints, tick: Ints, open_tick: Ints) -> Rounds:
    """Put rows into rounds.

    Parameters
    ----------
    slot, site, tick : shape (rows,), in the order of the stream
    open_tick : shape (sites,), the tick that each site has open, `NO_TICK` where none

    """
    if slot.size >= 1 << _POSITION_BITS:
        raise ValueError(f"{slot.size} rows in one call; at most {(1 << _POSITION_BITS) - 1} are possible")
    by_site = np.sort((site << _POSITION_BITS) | np.arange(slot.size, dtype=np.int64))
    of_site, by_site = by_site >> _POSITION_BITS, by_site & _POSITION
    first = np.empty(slot.size, dtype=np.bool_)
    first[:1] = True
    np.not_equal(of_site[1:], of_site[:-1], out=first[1:])
    opens, newest = _openings(of_site, first, tick[by_site], open_tick)
    segment = _count_within(opens, first)
    place, segment = _by_round(of_site, first, segment, slot[by_site])
    counts = np.bincount(segment)
    closes = np.flatnonzero(opens[place])
    closing = np.bincount(segment[closes], minlength=counts.size)
    return Rounds(
        row=by_site[place],
        bounds=[0, *np.cumsum(counts).tolist()],
        closes=closes,
        closing_bounds=[0, *np.cumsum(closing).tolist()],
        tick=newest[place],
    )


def _openings(of_site: Ints, first: Bools, tick: Ints, open_tick: Ints) -> tuple[Bools, Ints]:
    """Whether each row opens a new tick at its site, and the newest tick there after it."""
    begin = np.flatnonzero(first)
    lengths = np.diff(np.append(begin, of_site.size))
    known = open_tick[of_site[begin]]
    # Ticks counted from the batch's least one fit 40 bits; a site's run of maxima must not see its neighbour's.
    base = int(min(tick.min(), known[known != NO_TICK].min(initial=2**62)))
    span = int(max(tick.max(), known.max())) - base + 2
    if span >= 1 << 40:
        raise ValueError("the readings of one call span more than 2**40 ticks")
    offset = np.repeat(np.arange(begin.size, dtype=np.int64) << 40, lengths)
    start = np.where(known == NO_TICK, 0, known - base + 1)
    shifted = tick - base + 1 + offset
    shifted[begin] = np.maximum(shifted[begin], start + offset[begin])
    newest = np.maximum.accumulate(shifted)
    before = np.empty_like(newest)
    before[1:] = newest[:-1]
    before[begin] = start + offset[begin]
    return newest > before, newest - offset + base - 1


def _count_within(opens: Bools, first: Bools) -> Ints:
    """How many ticks have been opened at the row's site in this batch, up to and with the row; its first row has 0."""
    counted = np.cumsum(opens)
    begin = np.flatnonzero(first)
    return counted - np.repeat(counted[begin], np.diff(np.append(begin, opens.size)))


def _by_round(of_site: Ints, first: Bools, segment: Ints, slot: Ints) -> tuple[Ints, Ints]:
    """Places in order of round, then slot, and the round of each.

    Where a channel speaks twice in a tick the later goes into a round more.
    """
    bits = int(slot.max()).bit_length() if slot.size else 0
    if int(segment.max(initial=0)).bit_length() + bits + _POSITION_BITS > 63:
        raise ValueError("too many ticks in one call; hand the readings over in smaller pieces")
    group, place = _sorted_by(segment, slot, bits)
    again = group[1:] == group[:-1]
    if not again.any():
        return place, group >> bits
    starts = np.flatnonzero(np.append(True, ~again))
    lengths = np.diff(np.append(starts, slot.size))
    rank = np.empty(slot.size, dtype=np.int64)
    rank[place] = np.arange(slot.size) - np.repeat(starts, lengths)
    group, place = _sorted_by(_widened(of_site, first, segment, rank), slot, bits)
    return place, group >> bits


def _sorted_by(major: Ints, minor: Ints, bits: int) -> tuple[Ints, Ints]:
    """(major << bits | minor) in ascending order, and the place of each; of equals the first comes first."""
    key = np.sort((((major << bits) | minor) << _POSITION_BITS) | np.arange(minor.size, dtype=np.int64))
    return key >> _POSITION_BITS, key & _POSITION


def _widened(of_site: Ints, first: Bools, segment: Ints, rank: Ints) -> Ints:
    """The round of each row when a segment takes as many rounds as its channel that speaks most often."""
    edge = first | np.append(True, segment[1:] != segment[:-1])
    index = np.cumsum(edge) - 1
    width = np.zeros(int(index[-1]) + 1, dtype=np.int64)
    np.maximum.at(width, index, rank + 1)
    before = np.cumsum(width) - width
    begin = np.flatnonzero(first)
    own = np.repeat(before[index[begin]], np.diff(np.append(begin, of_site.size)))
    return np.asarray(before[index] - own + rank)
