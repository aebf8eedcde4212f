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

_SPARSE: Final = 4
"""Cells a row up to which a table is quicker than a sort."""

_TICK_BITS: Final = 40
_TICK: Final = (1 << _TICK_BITS) - 1

NO_TICK: Final = -(2**62)
"""The open tick of a site that has never been heard."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Rows by round: round k holds `row[bounds[k]:bounds[k + 1]]`, in order of slot; `slot` is theirs.

    `closes[closing_bounds[k]:closing_bounds[k + 1]]` are the places in `row` of the rows that open a tick, so that
    their site's tick before it, where it had readings, is closed before round k is judged. `tick`, shape of `closes`,
    is the tick that each of them opens, counted in the site's own tick length.
    """

    row: Ints
    slot: Ints
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
    bits = int(slot.max()).bit_length() if slot.size else 0
    found = _in_step(slot, site, tick, open_tick, bits)
    return found if found is not None else _out_of_step(slot, site, tick, open_tick, bits)


def _in_step(slot: Ints, site: Ints, tick: Ints, open_tick: Ints, bits: int) -> Rounds | None:
    """The rounds of rows that come tick by tick, as they do while nothing is behind; None where they do not.

    Then a table of ticks by sites tells everything, without any sorting.
    """
    if not slot.size or (tick[1:] < tick[:-1]).any():
        return None
    begins = np.append(0, np.flatnonzero(tick[1:] != tick[:-1]) + 1)
    shape = begins.size, open_tick.size
    if shape[0] * shape[1] > slot.size * _SPARSE:
        return None
    cell = np.repeat(np.arange(shape[0]) * shape[1], np.diff(np.append(begins, slot.size))) + site
    first_row = np.full(shape[0] * shape[1], -1, dtype=np.int64)
    first_row[cell[::-1]] = np.arange(slot.size - 1, -1, -1)  # of several the last one assigned stays
    seen = (first_row >= 0).reshape(shape)
    opened = seen & (tick[begins][:, None] > open_tick)
    counted = opened.cumsum(axis=0)
    counted -= opened[seen.argmax(axis=0), np.arange(shape[1])]
    group, row, unique = _sorted_by(counted.ravel()[cell], slot, bits)
    if not unique:
        return None
    opens = np.zeros(slot.size, dtype=np.bool_)
    opens[first_row[opened.ravel()]] = True
    closes = np.flatnonzero(opens[row])
    return _cut(group, bits, row, closes, tick[row[closes]])


def _out_of_step(slot: Ints, site: Ints, tick: Ints, open_tick: Ints, bits: int) -> Rounds:
    """The rounds of any rows."""
    by_site = np.sort((site << _POSITION_BITS) | np.arange(slot.size, dtype=np.int64))
    of_site, by_site = by_site >> _POSITION_BITS, by_site & _POSITION
    first = np.empty(slot.size, dtype=np.bool_)
    first[:1] = True
    np.not_equal(of_site[1:], of_site[:-1], out=first[1:])
    opens, newest, base = _openings(of_site, first, tick[by_site], open_tick)
    segment = _count_within(opens, first)
    group, place = _by_round(of_site, first, segment, slot[by_site], bits)
    closes = np.flatnonzero(opens[place])
    return _cut(group, bits, by_site[place], closes, (newest[place[closes]] & _TICK) + base)


def _cut(group: Ints, bits: int, row: Ints, closes: Ints, tick: Ints) -> Rounds:
    """Rounds of rows in order of `group`, which is (round << bits | slot)."""
    starts = np.arange((int(group[-1]) >> bits) + 2 if group.size else 1) << bits
    return Rounds(
        row=row,
        slot=group & ((1 << bits) - 1),
        bounds=np.searchsorted(group, starts).tolist(),
        closes=closes,
        closing_bounds=np.searchsorted(group[closes], starts).tolist(),
        tick=tick,
    )


def _openings(of_site: Ints, first: Bools, tick: Ints, open_tick: Ints) -> tuple[Bools, Ints, int]:
    """Whether each row opens a new tick at its site, and the newest tick there after it.

    The tick stands in the lower `_TICK_BITS` bits, counted from the number that is returned with it.
    """
    begin = np.flatnonzero(first)
    known = open_tick[of_site[begin]]
    # A site's run of maxima must not see its neighbour's, so the site stands above the tick.
    base = int(min(tick.min(), known[known != NO_TICK].min(initial=2**62))) - 1
    if int(max(tick.max(), known.max())) - base >= 1 << _TICK_BITS:
        raise ValueError(f"the readings of one call span more than 2**{_TICK_BITS} ticks")
    newest = of_site << _TICK_BITS
    before = newest[begin] + np.where(known == NO_TICK, 0, known - base)
    newest += tick
    newest -= base
    newest[begin] = np.maximum(newest[begin], before)
    if (newest[1:] < newest[:-1]).any():
        np.maximum.accumulate(newest, out=newest)
    opens = np.empty(newest.size, dtype=np.bool_)
    np.not_equal(newest[1:], newest[:-1], out=opens[1:])
    opens[begin] = newest[begin] > before
    return opens, newest, base


def _count_within(opens: Bools, first: Bools) -> Ints:
    """How many ticks have been opened at the row's site in this batch, up to and with the row; its first row has 0."""
    counted = np.cumsum(opens)
    begin = np.flatnonzero(first)
    return counted - np.repeat(counted[begin], np.diff(np.append(begin, opens.size)))


def _by_round(of_site: Ints, first: Bools, segment: Ints, slot: Ints, bits: int) -> tuple[Ints, Ints]:
    """(round << bits | slot) in ascending order and the place of each.

    Where a channel speaks twice in a tick the later goes into a round more.
    """
    if int(segment.max(initial=0)).bit_length() + bits + _POSITION_BITS > 63:
        raise ValueError("too many ticks in one call; hand the readings over in smaller pieces")
    group, place, unique = _sorted_by(segment, slot, bits)
    if unique:
        return group, place
    again = group[1:] == group[:-1]
    starts = np.flatnonzero(np.append(True, ~again))
    lengths = np.diff(np.append(starts, slot.size))
    rank = np.empty(slot.size, dtype=np.int64)
    rank[place] = np.arange(slot.size) - np.repeat(starts, lengths)
    group, place, _ = _sorted_by(_widened(of_site, first, segment, rank), slot, bits)
    return group, place


def _sorted_by(major: Ints, minor: Ints, bits: int) -> tuple[Ints, Ints, bool]:
    """(major << bits | minor) in ascending order, the place of each, and whether no two are equal.

    Of equals the first comes first.
    """
    group = (major << bits) | minor
    cells = int(group.max()) + 1
    if cells <= minor.size * _SPARSE:
        # Nearly every cell has its row, and hardly one has two: laying them out is quicker than comparing them.
        taken = np.zeros(cells, dtype=np.bool_)
        taken[group] = True
        filled = np.flatnonzero(taken)
        if filled.size == minor.size:
            place = np.empty(cells, dtype=np.int64)
            place[group] = np.arange(minor.size)
            return filled, place[filled], True
    key = np.sort((group << _POSITION_BITS) | np.arange(minor.size, dtype=np.int64))
    group = key >> _POSITION_BITS
    return group, key & _POSITION, not (group[1:] == group[:-1]).any()


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
