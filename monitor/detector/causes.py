"""What each place's readings look like beside its own past: the evidence that a verdict is made of.

A place is what the detector calls a site: one basin or one store, whose instruments belong together. For each
closed tick `Senses.advance` takes the newest value of each known indicator and keeps, over its own past:

- `mid` and `slow`, the level over minutes and over hours (EWMA of a median of three, each step clipped, so that
  a bubble moves neither; Huber 1964),
- `ref` and `spread`, where that level usually is and how far it strays (EWMA over days, frozen while anything is
  unusual, so that nothing is learned from data in alarm),
- `rough`, the roughness of neighbouring values (QARTOD's spike form), now and usually: bubbles raise it, made-up
  figures lower it,
- runs of equal values, beside how often neighbours usually are equal.

Two columns are made: `HOCL`, log10 of hypochlorous acid, and `RESIDUAL`, ORP less what that lets expect.
Everything is element-wise over places, so batches do not matter. Columns lie one after the other in memory (Fortran
order): one of them over all places is then read at full speed. Where every place closes at once, places are told as
`slice(None)`, which costs no gathering.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.chemistry import log_chlorine, log_hypochlorous, slope, zero_if_unknown
from monitor.detector.layout import Bools, Floats, Floats32, Ints, Layout
from monitor.detector.state import NEVER


class Sense(IntEnum):
    """A column: an indicator whose physics we know, or one derived from several."""

    CHLORINE = 0
    PH = 1
    ORP = 2
    TURBIDITY = 3
    TEMPERATURE = 4
    FLOW = 5
    COLD = 6
    HOCL = 7
    RESIDUAL = 8


MEASURED: Final = 7
"""The first columns are read from channels."""
QUALITY: Final = 4
"""Chlorine, pH, ORP, turbidity."""
COLUMN_OF: Final[Mapping[str, Sense]] = {
    "free_chlorine": Sense.CHLORINE,
    "ph": Sense.PH,
    "orp": Sense.ORP,
    "turbidity": Sense.TURBIDITY,
    "water_temperature": Sense.TEMPERATURE,
    "circulation_flow": Sense.FLOW,
    "cold_store": Sense.COLD,
}
LEAST_FLOW: Final = 0.5  # m³/h
TINY: Final = np.float32(1e-9)


@dataclass(frozen=True, slots=True)
class Tuning:
    """Time constants in seconds, and the least spread of each column that is taken for usual."""

    mid_tau: float = 480.0
    slow_tau: float = 10_800.0
    ref_tau: float = 172_800.0
    calm_tau: float = 2_400.0
    rough_ref_tau: float = 86_400.0
    clip: float = 8.0
    """Most that one value may pull at `mid`, in spreads."""
    floors: tuple[float, ...] = (0.012, 0.02, 2.5, 0.03, 0.15, 0.015, 0.3, 0.012, 2.0)
    """log10 mg/L, pH, mV, NTU, ℃, log10 m³/h, ℃, log10 mg/L, mV."""
    rough_floors: tuple[float, ...] = (0.004, 0.004, 0.6, 0.004, 0.04, 0.05, 0.04)
    """In the unit of the readings: what a working instrument's noise is at least, after rounding."""
    lately_tau: float = 900.0
    stretch: float = 16.0
    """Most times as far apart as usual that readings are allowed for; see `_stretched`."""
    gap_s: float = 900.0
    """After such a silence the levels begin anew."""


FIELDS: Final[Mapping[str, tuple[type, Any, int]]] = {
    # name: (dtype, value when nothing is known, columns; 0 = one number a place)
    "ts": (np.int64, NEVER, MEASURED),
    "x1": (np.float32, np.nan, MEASURED),
    "x2": (np.float32, np.nan, MEASURED),
    "jag": (np.float32, 0.0, MEASURED),
    "calm": (np.float32, 0.0, MEASURED),
    "rough_ref": (np.float32, 0.0, MEASURED),
    "equal": (np.float32, 0.5, MEASURED),
    "run": (np.float32, 0.0, MEASURED),
    "run_s": (np.float32, 0.0, MEASURED),
    "mid": (np.float32, np.nan, 9),
    "slow": (np.float32, np.nan, 9),
    "ref": (np.float32, np.nan, 9),
    "spread": (np.float32, 0.0, 9),
    "slow_spread": (np.float32, 0.0, 9),
    "seen": (np.float32, 0.0, 9),
    "variance": (np.float32, 0.0, 0),
    "covariance": (np.float32, 0.0, 0),
    "settled": (np.float32, 0.0, 0),
    "lately": (np.float32, 0.0, 0),
    "interval": (np.float32, 0.0, 0),
}


class Senses:
    """Struct of arrays of shape (places,) or (places, columns), fields as in `FIELDS`.

    `settled` is how many seconds the place has been undisturbed: since a gap or a standstill of the water. `lately` and
    `interval` are the seconds between its readings, now and usually.
    """

    ts: Ints
    x1: Floats32
    x2: Floats32
    jag: Floats32
    calm: Floats32
    rough_ref: Floats32
    equal: Floats32
    run: Floats32
    run_s: Floats32
    mid: Floats32
    slow: Floats32
    ref: Floats32
    spread: Floats32
    slow_spread: Floats32
    seen: Floats32
    variance: Floats32
    covariance: Floats32
    settled: Floats32
    lately: Floats32
    interval: Floats32

    def __init__(self, places: int) -> None:
        for name, (dtype, unknown, columns) in FIELDS.items():
            setattr(self, name, unknown_columns(places, columns, unknown, dtype))


def unknown_columns(places: int, columns: int, unknown: Any, dtype: type) -> NDArray[Any]:
    """An array of shape (places, columns) in Fortran order, (places,) where `columns` is 0, filled with `unknown`."""
    return np.full((places, columns) if columns else places, unknown, dtype=dtype, order="F")


Places = slice | Ints
"""`slice(None)` for every place, or indices, ascending, each once."""


@lru_cache(maxsize=32)
def floors_of(told: tuple[float, ...], places: int) -> Floats32:
    """Least spreads as an array, shape (places, columns): a whole one is compared several times faster than one row."""
    return np.asfortranarray(np.tile(np.array(told, dtype=np.float32), (places, 1)))


def kept(values: Floats32, mask: Bools) -> Floats32:
    """The values where `mask`, elsewhere 0, NaN and all: `np.where`, but as integers, which is twice as fast."""
    return (values.view(np.int32) & -mask.astype(np.int32)).view(np.float32)


def slots_of(layout: Layout) -> Ints:
    """The slot of each place's first channel of each measured column, -1 where there is none; (places, MEASURED)."""
    found = np.full((len(layout.sites), MEASURED), -1, dtype=np.int64)
    for slot in range(len(layout.channels) - 1, -1, -1):
        column = COLUMN_OF.get(layout.channels[slot].indicator)
        if column is not None:
            found[layout.site[slot], column] = slot
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What `advance` found at the places it was given: shape (n,) or (n, columns).

    `fresh`: a new value came. `dt` (s) since the one before, 0 where there was none. `whole`: there were two values
    before it. `step`: how far it is from the one before, 0 where not `whole`. `level`: the newest values as levels are
    kept. `slope`: of ORP on log10 HOCl. `log_share`: log10 of the share of HOCl, NaN unknown.
    """

    fresh: Bools
    dt: Floats32
    elapsed: Floats32
    whole: Bools
    step: Floats32
    level: Floats32
    slope: Floats32
    log_share: Floats32

    def of(self, some: Ints) -> "Seen":
        """The same of some of the places."""
        return Seen(*(getattr(self, name)[some] for name in self.__slots__))


def _moved(mask: Bools | None, new: NDArray[Any], old: NDArray[Any]) -> NDArray[Any]:
    """The new values where `mask`, elsewhere the old ones; None: everywhere."""
    return new if mask is None else np.where(mask, new, old)


def advance(senses: Senses, tuning: Tuning, at: Places, value: Floats, ts: Ints, learn: Bools) -> Seen:
    """Take the newest values of places `at`; shape (n, MEASURED), NaN where nothing was ever read.

    `ts` (us) is `NEVER` where there is no channel. `learn` (n,): whether what is usual may be learned from the values.
    """
    raw = value.astype(np.float32)
    before, x1, x2 = senses.ts[at], senses.x1[at], senses.x2[at]
    fresh = (ts > before) & ~np.isnan(raw)
    known = fresh & (before != NEVER)
    dt = ((ts - before) * known / 1e6).astype(np.float32)
    broken = fresh & (~known | (dt > tuning.gap_s))
    elapsed, gap = dt.max(axis=1), broken.any(axis=1)
    step = raw - x1
    whole = (dt > 0) & ~np.isnan(step)
    step = kept(step, whole)
    disturbed = bool(gap.any())
    joined = fresh & ~broken if disturbed else fresh
    # Where there is no channel, what is known stays unknown by the arithmetic alone. So when every channel brings a
    # new value, as in most ticks, nothing has to be held back, which would cost more than the rest.
    mask = None if ((ts == NEVER) | fresh).all() else fresh
    _roughness(senses, tuning, at, raw, mask, joined, np.where(joined, dt, np.float32(0)) if disturbed else dt, learn)
    median = _median(raw, x1, x2, broken if disturbed else None)
    newest = _moved(mask, raw, x1)
    senses.x2[at] = _moved(mask, np.where(broken, raw, x1) if disturbed else x1, x2)
    senses.x1[at] = newest
    senses.ts[at] = _moved(mask, ts, before)
    _levels(senses, tuning, at, median, mask, fresh, broken, dt)
    _follow_interval(senses, tuning, at, np.where(gap, np.float32(0), elapsed) if disturbed else elapsed, learn)
    slopes, log_share = _derived(senses, tuning, at, learn, elapsed)
    settled = senses.settled[at] + elapsed
    senses.settled[at] = np.where(gap, np.float32(0), settled) if disturbed else settled
    _learn(senses, tuning, at, learn, elapsed)
    return Seen(fresh, dt, elapsed, whole, step, transformed(newest), slopes, log_share)


def _roughness(
    senses: Senses,
    tuning: Tuning,
    at: Places,
    raw: Floats32,
    mask: Bools | None,
    joined: Bools,
    dt: Floats32,
    learn: Bools,
) -> None:
    """`joined` values follow one before them without a gap; `dt` is 0 for the others. `mask` as for `_moved`."""
    x1 = senses.x1[at]
    jag = np.abs(x1 - (raw + senses.x2[at]) / 2)
    jag = kept(jag, joined & ~np.isnan(jag))
    calm, usual, seen = senses.calm[at], senses.rough_ref[at], senses.seen[at][:, :MEASURED]
    bounded = np.minimum(jag, 6 * np.maximum(usual, floors_of(tuning.rough_floors, len(usual))))
    senses.jag[at] = jag
    senses.calm[at] = calm + dt / (tuning.calm_tau + dt) * (bounded - calm)
    rate = dt * learn[:, None] / (np.minimum(seen, tuning.rough_ref_tau) + dt + 1)
    senses.rough_ref[at] = usual + rate * (bounded - usual)
    same = joined & (raw == x1)
    run, run_s, equal = senses.run[at], senses.run_s[at], senses.equal[at]
    senses.run[at] = _moved(mask, (run + 1) * same, run)
    senses.run_s[at] = _moved(mask, (run_s + dt) * same, run_s)
    senses.equal[at] = equal + rate * (same - equal)


def _median(raw: Floats32, x1: Floats32, x2: Floats32, broken: Bools | None) -> Floats32:
    middle = np.maximum(np.minimum(raw, x1), np.minimum(np.maximum(raw, x1), x2))
    first = np.isnan(middle)
    return np.where(first if broken is None else broken | first, raw, middle)


def log_flow(value: Floats32) -> Floats32:
    """log10 of a flow in m³/h."""
    return np.asarray(np.log10(np.ascontiguousarray(np.maximum(value, np.float32(LEAST_FLOW)))))


LOGARITHMS: Final[Mapping[Sense, Callable[[Floats32], Floats32]]] = {Sense.CHLORINE: log_chlorine, Sense.FLOW: log_flow}
"""Columns whose levels are kept as logarithms."""


def transformed(value: Floats32) -> Floats32:
    """Readings of the measured columns as levels are kept."""
    level = value.copy(order="K")
    for column, logarithm in LOGARITHMS.items():
        level[:, column] = logarithm(value[:, column])
    return level


def _levels(
    senses: Senses,
    tuning: Tuning,
    at: Places,
    median: Floats32,
    mask: Bools | None,
    fresh: Bools,
    broken: Bools,
    dt: Floats32,
) -> None:
    level = transformed(median)
    mid, slow = senses.mid[at][:, :MEASURED], senses.slow[at][:, :MEASURED]
    most = tuning.clip * np.maximum(senses.spread[at][:, :MEASURED], floors_of(tuning.floors[:MEASURED], len(level)))
    pull = np.minimum(np.maximum(level - mid, -most), most) * (dt / (tuning.mid_tau + dt))
    pulled = _moved(mask, mid + pull, mid)
    begin = fresh & (broken | np.isnan(mid))
    if begin.any():
        pulled = np.where(begin, level, pulled)
    eased = _moved(mask, slow + (pulled - slow) * (dt / (tuning.slow_tau + dt)), slow)
    begin = fresh & np.isnan(slow)
    if begin.any():
        eased = np.where(begin, pulled, eased)
    senses.mid[at, :MEASURED], senses.slow[at, :MEASURED] = pulled, eased


def _derived(senses: Senses, tuning: Tuning, at: Places, learn: Bools, elapsed: Floats32) -> tuple[Floats32, Floats32]:
    """The columns made of others; the slope of ORP on log10 HOCl and log10 of the share of HOCl."""
    mid, slow, ref = senses.mid[at], senses.slow[at], senses.ref[at]
    ref_orp, ref_hocl = ref[:, Sense.ORP], ref[:, Sense.HOCL]
    both = np.stack([mid.T, slow.T], axis=1)
    hocl, slow_hocl = log_hypochlorous(both[Sense.CHLORINE], both[Sense.PH], both[Sense.TEMPERATURE])
    off_hocl, off_orp = hocl - ref_hocl, mid[:, Sense.ORP] - ref_orp
    ready = learn & ~np.isnan(off_hocl) & ~np.isnan(off_orp) & (senses.seen[at][:, Sense.HOCL] > 7_200)
    rate = np.where(ready, elapsed / (tuning.ref_tau + elapsed), 0).astype(np.float32)
    off_hocl, off_orp = zero_if_unknown(off_hocl), zero_if_unknown(off_orp)
    variance, covariance = senses.variance[at], senses.covariance[at]
    senses.variance[at] = variance = variance + rate * (off_hocl * off_hocl - variance)
    senses.covariance[at] = covariance = covariance + rate * (off_hocl * off_orp - covariance)
    found = slope(variance, covariance)
    for level, acid in ((senses.mid, hocl), (senses.slow, slow_hocl)):
        orp = level[at, Sense.ORP]
        expected = ref_orp + found * (acid - ref_hocl)
        level[at, Sense.HOCL] = acid
        level[at, Sense.RESIDUAL] = orp - np.where(np.isnan(expected), orp, expected)
    return found, hocl - mid[:, Sense.CHLORINE]


def _learn(senses: Senses, tuning: Tuning, at: Places, learn: Bools, elapsed: Floats32) -> None:
    mid, slow, ref, spread, slow_spread = (
        getattr(senses, n)[at] for n in ("mid", "slow", "ref", "spread", "slow_spread")
    )
    seen = senses.seen[at]
    there = ~np.isnan(mid)
    first = there & np.isnan(ref)
    if first.any():
        ref = np.where(first, mid, ref)
    step = there * (learn * elapsed)[:, None]
    rate = step / (np.minimum(seen, np.float32(tuning.ref_tau)) + step + 1)
    most = 4 * np.maximum(spread, floors_of(tuning.floors, len(spread)))
    young = seen < 21_600
    if young.any():
        most = np.where(young, np.float32(np.inf), most)
    off = np.minimum(np.maximum(kept(mid - ref, there), -most), most)
    off_slow = np.minimum(np.maximum(kept(slow - ref, there), -most), most)
    senses.ref[at] = ref + rate * off
    senses.spread[at] = spread + rate * (np.float32(1.2533) * np.abs(off) - spread)
    senses.slow_spread[at] = slow_spread + rate * (np.float32(1.2533) * np.abs(off_slow) - slow_spread)
    senses.seen[at] = seen + step


def _follow_interval(senses: Senses, tuning: Tuning, at: Places, dt: Floats32, learn: Bools) -> None:
    """How far apart readings come, now and usually; the usual moves as slowly as the spreads that it belongs to."""
    lately, interval = senses.lately[at], senses.interval[at]
    if ((dt == lately) & (dt == interval)).all():
        return
    senses.lately[at] = lately + dt / (tuning.lately_tau * (lately > 0) + dt + TINY) * (dt - lately)
    rate = dt * learn / (tuning.ref_tau * (interval > 0) + dt + TINY)
    senses.interval[at] = interval + rate * (dt - interval)


def _stretched(senses: Senses, tuning: Tuning, at: Places, spreads: tuple[Floats32, ...]) -> tuple[Floats32, ...]:
    """Spreads where readings come farther apart than those that they were learned from; shape (n, columns).

    An average over minutes is then one of fewer values, so that it strays more: as the root of their number, which
    is that of independent noise.
    """
    lately, interval = senses.lately[at], senses.interval[at]
    if (lately <= interval).all():
        return spreads
    times = np.clip(lately / np.maximum(interval, TINY), 1, tuning.stretch)
    root = np.sqrt(times).astype(np.float32)[:, None]
    return tuple(spread * root for spread in spreads)


def standard(senses: Senses, tuning: Tuning, at: Places) -> tuple[Floats32, Floats32, Floats32, Floats32]:
    """Departure of `mid` and of `slow` from `ref`, and the usual spread of each; shape (n, columns), NaN: unknown."""
    ref = senses.ref[at]
    floors = floors_of(tuning.floors, len(ref))
    usual = np.maximum(senses.spread[at], floors), np.maximum(senses.slow_spread[at], floors * np.float32(0.6))
    spread, slow_spread = _stretched(senses, tuning, at, usual)
    return senses.mid[at] - ref, senses.slow[at] - ref, spread, slow_spread


def original(column: Sense, level: float) -> float:
    """A level in the unit of its channel."""
    return float(10**level) if column in LOGARITHMS else float(level)
