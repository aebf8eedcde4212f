"""Institutions by their local day: what each gave, when it last gave, when it was last collected from.

Sums and maxima only, so that order changes nothing. Rules on them are judged once a local day is over.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import NEVER, Verdicts, empty_verdicts
from monitor.waste.keys import Ints
from monitor.waste.rules import DAY_US, Rule, Tolerances, us
from monitor.waste.world import World
from registry.waste.catalogue import category_numbers

__all__ = ["DAYS", "DAY_US", "Institutions", "judge_days"]

DAYS: Final = 64
"""Days that are remembered."""
GRAMS, SHARPS, BAGS = range(3)
_LEAST_SPREAD: Final = 0.08
"""Of the logarithm of a day's weight: nobody's days are more alike."""
_WINDOW: Final = 3
"""Days whose mean is compared with those before."""
_LEAST_BAGS: Final = 12
"""Bags in the window, below which a share or a rate says nothing."""
_LEAST_POINTS: Final = 1.5


class Institutions:
    """Days of every site: `daily` has shape (sites, `DAYS`, 3): grams, grams of sharps, bags; by day number modulo.

    Attributes
    ----------
    day : shape (DAYS,): which day each column is, as days since the epoch in local time
    collected, handed : shape (sites,): newest collection and hand-over, us
    judged : shape (sites,): the last local day that was judged
    first, gap : shape (sites,): first day with a bag; most days in a row without one in its own history
    on : shape (sites, 4): whether PICKUP, SILENT, OUTPUT, SHARPS hold

    """

    def __init__(self, sites: int) -> None:
        self.daily = np.zeros((sites, DAYS, 3), dtype=np.int64)
        self.day = np.full(DAYS, -NEVER, dtype=np.int64)
        self.collected = np.full(sites, -NEVER, dtype=np.int64)
        self.handed = np.full(sites, -NEVER, dtype=np.int64)
        self.judged = np.full(sites, -NEVER, dtype=np.int64)
        self.first = np.full(sites, NEVER, dtype=np.int64)
        self.on = np.zeros((sites, 4), dtype=np.bool_)

    def collect(self, site: Ints, day: Ints, grams: Ints, category: Ints, sign: int) -> None:
        """Count collected bags, shape (n,); `sign` -1 takes them back. Days that are no longer remembered are left."""
        if not site.size:
            return
        newest = int(day.max())
        if sign > 0:
            self._turn(newest)
            np.minimum.at(self.first, site, day)
        column = day % DAYS
        kept = self.day[column] == day
        site, column = site[kept], column[kept]
        weight = np.maximum(grams[kept], 0) * sign
        days = self.daily.reshape(-1, 3)
        cell = site * DAYS + column
        np.add.at(days[:, GRAMS], cell, weight)
        np.add.at(days[:, SHARPS], cell, np.where(category[kept] == _SHARPS, weight, 0))
        np.add.at(days[:, BAGS], cell, sign)

    def _turn(self, newest: int) -> None:
        """Begin days up to `newest`, forgetting those `DAYS` before."""
        known = int(self.day.max())
        if newest <= known:
            return
        for day in range(max(known + 1, newest - DAYS + 1), newest + 1):
            self.day[day % DAYS] = day
            self.daily[:, day % DAYS] = 0

    def visited(self, world: World, tolerances: Tolerances) -> Verdicts:
        """End PICKUP where the disposer came since."""
        sites: Ints = np.flatnonzero(self.on[:, 0])
        begins = self.judged[sites] * DAY_US - world.offset_us[sites] - (tolerances.pickup_days - 1) * DAY_US
        sites = sites[self.handed[sites] >= begins]
        self.on[sites, 0] = False
        found = empty_verdicts(sites.size)
        found["rule"], found["on"], found["at"] = Rule.PICKUP, False, self.handed[sites]
        found["key"] = found["subject"] = found["site"] = sites
        return found

    def past(self, day: int) -> NDArray[Any]:
        """Shape (sites, DAYS, 3): the days before and with `day`, oldest first; those not known are 0."""
        days = np.arange(day - DAYS + 1, day + 1)
        column = days % DAYS
        known = self.day[column] == days
        found: Ints = self.daily[:, column] * known[None, :, None]
        return found


_SHARPS: Final = category_numbers()["sharps"]
_RULES: Final = (Rule.PICKUP, Rule.SILENT, Rule.OUTPUT, Rule.SHARPS)


def judge_days(
    institutions: Institutions, world: World, tolerances: Tolerances, now: int, oldest: Ints, waiting: NDArray[np.bool_]
) -> Verdicts:
    """Judge the local days that ended `pickup_grace_h` or longer ago and were not judged yet.

    Parameters
    ----------
    oldest : shape (sites,): since when (us) the longest-waiting bag of each site lies there, NEVER where none does
    waiting : shape (sites,): whether `oldest` is known, else the site is left for another time

    """
    day = (now - us(tolerances.pickup_grace_h) + world.offset_us) // DAY_US - 1
    due = (day > institutions.judged) & world.producer & waiting
    if not due.any():
        return empty_verdicts()
    found = [
        _judge_day(institutions, world, tolerances, int(each), due & (day == each), oldest)
        for each in np.unique(day[due])
    ]
    institutions.judged[due] = day[due]
    return np.concatenate(found)


def _judge_day(
    institutions: Institutions, world: World, tolerances: Tolerances, day: int, sites: NDArray[np.bool_], oldest: Ints
) -> Verdicts:
    """Judge one local day of some sites."""
    past = institutions.past(day)
    begins = day * DAY_US - world.offset_us
    span = tolerances.pickup_days
    since_days = begins - (span - 1) * DAY_US
    pickup = (oldest < since_days + DAY_US) & (institutions.handed < since_days)
    pickup_value = (begins + DAY_US - np.maximum(institutions.handed, oldest)) / DAY_US
    silent, quiet, allowed = _silence(institutions, world, tolerances, day, past)
    output, rate, usual = _output(world, tolerances, past)
    sharps, share, usual_share = _sharps(tolerances, past)
    holds = np.stack([pickup, silent, output, sharps], axis=1)
    value = np.stack([pickup_value, quiet, rate, share], axis=1)
    limit = np.stack([np.full(len(sites), float(span)), allowed, usual, usual_share], axis=1)
    holds &= (world.registered_us < begins)[:, None]
    changed = (holds != institutions.on) & sites[:, None]
    institutions.on[changed] = holds[changed]
    site, rule = np.nonzero(changed)
    found = empty_verdicts(site.size)
    found["rule"] = np.array(_RULES, dtype=np.uint8)[rule]
    found["key"] = found["subject"] = found["site"] = site
    found["on"] = holds[site, rule]
    found["value"], found["limit"] = value[site, rule], limit[site, rule]
    since = np.stack([np.maximum(institutions.handed, oldest), institutions.collected, begins, begins], axis=1)
    ends = begins + DAY_US
    found["at"] = np.where((since[site, rule] > -NEVER) & found["on"], since[site, rule], ends[site])
    return found


def _silence(
    institutions: Institutions, world: World, tolerances: Tolerances, day: int, past: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Whether an institution with patients gave nothing for longer than it ever does: open days without a bag.

    It is allowed two days more than the longest such run in its own past, at least `silent_days`, at most
    `silent_most_days`; while its past is shorter than `history_days`, the most.
    """
    weekday = (np.arange(day - DAYS + 1, day + 1) + 3) % 7  # 1970-01-01 was a Thursday
    open_day = world.open_days[:, weekday]
    gave = past[:, :, BAGS] > 0
    first = institutions.first
    run = np.zeros(len(gave), dtype=np.int64)
    longest = np.zeros(len(gave), dtype=np.int64)
    for column in range(DAYS):
        counted = open_day[:, column] & (day - DAYS + 1 + column >= first)
        longest = np.where(gave[:, column], np.maximum(longest, run), longest)
        run = np.where(gave[:, column], 0, run + counted)
    history = day - first + 1
    allowed = np.clip(longest + 2, tolerances.silent_days, tolerances.silent_most_days)
    allowed = np.where(history < tolerances.history_days, tolerances.silent_most_days, allowed)
    return (run >= allowed) & world.has_patients & (first < NEVER), run.astype(np.float64), allowed.astype(np.float64)


def _output(
    world: World, tolerances: Tolerances, past: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Whether the mean of the last days' kilograms a bed is outside what the institution's own days were before."""
    grams = past[:, :, GRAMS].astype(np.float64)
    gave = grams > 0
    log = np.where(gave, np.log(np.maximum(grams, 1.0)), np.nan)
    before, window = log[:, : DAYS - _WINDOW], log[:, DAYS - _WINDOW :]
    centre, spread = _centre(before)
    spread = np.maximum(spread, _LEAST_SPREAD)
    enough = (gave[:, : DAYS - _WINDOW].sum(axis=1) >= tolerances.history_days) & gave[:, DAYS - _WINDOW :].all(axis=1)
    shift = np.where(enough, window.sum(axis=1) / _WINDOW - centre, 0.0)
    outside = np.abs(shift) * np.sqrt(_WINDOW) > tolerances.output_sigma * spread
    outside &= np.abs(shift) > np.log(tolerances.output_ratio)
    # The whole window on one side: one heavy day is not another way of life.
    on_side = np.where(enough[:, None], (window - centre[:, None]) * np.sign(shift)[:, None], 0.0)
    outside &= (on_side > spread[:, None]).all(axis=1)
    beds = np.maximum(world.beds, 1.0)
    rate = np.exp(np.where(enough, centre + shift, np.nan)) / 1000 / beds
    usual = np.exp(np.where(enough, centre, np.nan)) / 1000 / beds
    return outside & enough & (world.beds > 0), rate, usual


def _sharps(
    tolerances: Tolerances, past: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Whether the share of sharps in the last days' weight is outside the institution's own days before, percent."""
    grams, sharps, bags = (past[:, :, n].astype(np.float64) for n in range(3))
    share = np.where(grams > 0, 100 * sharps / np.maximum(grams, 1.0), np.nan)
    before = share[:, : DAYS - _WINDOW]
    centre, spread = _centre(before)
    spread = np.maximum(spread, _LEAST_POINTS)
    total = grams[:, DAYS - _WINDOW :].sum(axis=1)
    now = np.where(total > 0, 100 * sharps[:, DAYS - _WINDOW :].sum(axis=1) / np.maximum(total, 1.0), np.nan)
    enough = (np.isfinite(before).sum(axis=1) >= tolerances.history_days) & (total > 0)
    enough &= bags[:, DAYS - _WINDOW :].sum(axis=1) >= _LEAST_BAGS
    shift = np.where(enough, np.abs(now - centre), 0.0)
    outside = (shift * np.sqrt(_WINDOW) > tolerances.sharps_sigma * spread) & (shift > tolerances.sharps_points)
    # Its middle day by itself as well: one heavy bag moves the share of the three together, not that of the others.
    middle, _ = _centre(share[:, DAYS - _WINDOW :])
    outside &= (middle - centre) * np.sign(now - centre) > tolerances.sharps_points
    return outside & enough, now, centre


def _centre(days: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and spread (1.4826 × median absolute deviation) of each row's known days, 0 where there are none."""
    known = np.isfinite(days)
    filled = np.sort(np.where(known, days, np.inf), axis=1)
    count = known.sum(axis=1)
    centre = _middle(filled, count)
    away = np.sort(np.where(known, np.abs(days - centre[:, None]), np.inf), axis=1)
    return centre, 1.4826 * _middle(away, count)


def _middle(ordered: NDArray[np.float64], count: Ints) -> NDArray[np.float64]:
    rows = np.arange(len(ordered))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, ordered.shape[1] - 1)
    middle = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.where(count > 0, middle, 0.0)
