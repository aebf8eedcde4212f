"""The detector's memory: a struct of arrays with one slot a channel, and one of sites.

Arithmetic is in float32 on values less their channel's first reading (`origin`, float64), so that a large level
costs no resolution. Every field starts as "unknown" and is named once, here, with its type and unit.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from monitor.detector.layout import Bools, Floats, Floats32, Ints, Layout
from monitor.detector.parameters import BINS, FLAT_START, USUAL_START
from monitor.detector.rounds import NO_TICK

NEVER: Final = -(2**62)
"""An instant (us) before all others."""

CHANNEL_FIELDS: Final[Mapping[str, tuple[type, Any, int]]] = {
    # name: (dtype, value when nothing is known, columns; 0 = one number a channel)
    "ts": (np.int64, NEVER, 0),  # us, newest reading
    "origin": (np.float64, 0.0, 0),  # unit of the channel; all values below are less this
    "x": (np.float32, 0.0, 0),  # newest reading
    "x2": (np.float32, 0.0, 0),  # the reading before it
    "x3": (np.float32, 0.0, 0),  # and the one before that
    "seen": (np.float32, 0.0, 0),  # s of data, gaps left out
    "resolution": (np.float32, 0.0, 0),  # least step seen, or told; 0 unknown
    "level": (np.float32, 0.0, 0),  # EWMA of the readings not in alarm
    "scale": (np.float32, 0.0, 0),  # EW mean distance from the level, as a standard deviation
    "scale_peak": (np.float32, 0.0, 0),  # greatest scale of the last weeks
    "z": (np.float32, 0.0, 0),  # newest distance from the level, in scales
    "size": (np.float32, 0.0, 0),  # newest |z|, bounded
    "q": (np.float32, 0.0, 0),  # persistence of the size
    "hot_s": (np.float32, 0.0, 0),  # s, for how long the channel has been away from its level
    "settled_s": (np.float32, 0.0, 0),  # s, for how long it has been steady there
    "fast": (np.float32, 0.0, 0),  # fast EWMA: the level that a lasting change will get
    "fast_scale": (np.float32, 0.0, 0),  # its scale
    "rebased": (np.int64, NEVER, 0),  # us, when a lasting change last became the level
    "block_end": (np.int64, NEVER, 0),  # us, end of the hour of `peak`, `block_hot` and `bin`
    "bin": (np.uint8, 0, 0),  # column of `hours`
    "peak": (np.float32, 0.0, 0),  # greatest q of the hour
    "block_hot": (np.bool_, False, 0),  # whether the channel was away from its level in the hour
    "usual": (np.float32, USUAL_START, 0),  # the hourly peak that is exceeded once in ten hours
    "step": (np.float32, 0.0, 0),  # usual |x - x2|
    "calm": (np.float32, 0.0, 0),  # |x - x2| of the last hours
    "anchor": (np.float32, 0.0, 0),  # the value a flat line began with
    "flat_s": (np.float32, 0.0, 0),  # s, for how long it has not moved
    "flat_usual": (np.float32, FLAT_START, 0),  # s, the longest usual flat line
    "hours": (np.float32, np.nan, 48),  # usual value by hour of the day, closed then open
    "hour_scale": (np.float32, 0.0, 0),  # usual distance from it
    "daily": (np.float32, 0.0, 0),  # EWMA over half a day
    "day_end": (np.int64, NEVER, 0),  # us, end of the day of the drift test
    "days": (np.float32, 0.0, 0),  # days of the drift test
    "drift_level": (np.float32, 0.0, 0),  # reference of the drift test
    "drift_scale": (np.float32, 0.0, 0),  # day-to-day distance from it
    "cusum_hi": (np.float32, 0.0, 0),  # upward drift, in drift scales
    "cusum_lo": (np.float32, 0.0, 0),  # downward drift, in drift scales
}

SITE_FIELDS: Final[Mapping[str, tuple[type, Any, int]]] = {
    "tick": (np.int64, NO_TICK, 0),  # the open event-time tick
    "pending": (np.bool_, False, 0),  # whether the open tick has readings
    "statistic": (np.float32, 0.0, 0),  # newest site statistic, before calibration
    "score": (np.float32, 0.0, 0),  # 1 = alarm threshold
    "hot": (np.bool_, False, 0),  # whether the site is in alarm
    "since": (np.int64, NEVER, 0),  # us, when the alarm (or the last one) began
    "block_end": (np.int64, NEVER, 0),  # us, end of the hour of `peak` and `block_hot`
    "peak": (np.float32, 0.0, 0),  # greatest statistic of the hour
    "block_hot": (np.bool_, False, 0),  # whether the site was in alarm in the hour
    "blocks": (np.int32, 0, 0),  # hours seen
    "histogram_hours": (np.int32, 0, 0),  # sum of the histogram
    "histogram": (np.int32, 0, BINS),  # hours not in alarm by greatest statistic
    "quantile": (np.float32, 0.0, 0),  # what the histogram says, 0 = too little is known
    "factor": (np.float32, 1.0, 0),  # the threshold times this: feedback of the people who looked
}


class State:
    """What the detector knows; `step` advances it in place. Fields as in `CHANNEL_FIELDS` and `SITE_FIELDS`.

    Site fields carry the prefix `site_`.
    """

    ts: Ints
    origin: Floats
    x: Floats32
    x2: Floats32
    x3: Floats32
    seen: Floats32
    resolution: Floats32
    level: Floats32
    scale: Floats32
    scale_peak: Floats32
    z: Floats32
    size: Floats32
    q: Floats32
    hot_s: Floats32
    settled_s: Floats32
    fast: Floats32
    fast_scale: Floats32
    rebased: Ints
    block_end: Ints
    bin: NDArray[np.uint8]
    peak: Floats32
    block_hot: Bools
    usual: Floats32
    step: Floats32
    calm: Floats32
    anchor: Floats32
    flat_s: Floats32
    flat_usual: Floats32
    hours: Floats32
    hour_scale: Floats32
    daily: Floats32
    day_end: Ints
    days: Floats32
    drift_level: Floats32
    drift_scale: Floats32
    cusum_hi: Floats32
    cusum_lo: Floats32
    site_tick: Ints
    site_pending: Bools
    site_statistic: Floats32
    site_score: Floats32
    site_hot: Bools
    site_since: Ints
    site_block_end: Ints
    site_peak: Floats32
    site_block_hot: Bools
    site_blocks: NDArray[np.int32]
    site_histogram_hours: NDArray[np.int32]
    site_histogram: NDArray[np.int32]
    site_quantile: Floats32
    site_factor: Floats32

    def __init__(self, layout: Layout) -> None:
        for name, (dtype, unknown, columns) in CHANNEL_FIELDS.items():
            setattr(self, name, _unknown(len(layout.channels), dtype, unknown, columns))
        for name, (dtype, unknown, columns) in SITE_FIELDS.items():
            setattr(self, f"site_{name}", _unknown(len(layout.sites), dtype, unknown, columns))
        self.resolution[:] = layout.resolution

    def save(self) -> dict[str, NDArray[Any]]:
        """Every array by name: a copy, which `restore` takes back."""
        return {name: getattr(self, name).copy() for name in _names()}

    @classmethod
    def restore(cls, layout: Layout, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The state that was saved under the same layout. Raises `ValueError` naming an array that does not fit."""
        state = cls(layout)
        for name in _names():
            if name not in arrays:
                raise ValueError(f"array {name} is missing from the saved state")
            current, saved = getattr(state, name), arrays[name]
            if saved.shape != current.shape or saved.dtype != current.dtype:
                raise ValueError(
                    f"array {name} is {saved.dtype}{list(saved.shape)}, must be {current.dtype}{list(current.shape)}"
                )
            setattr(state, name, saved.copy())
        return state

    def relaid(self, old: Layout, new: Layout) -> "State":
        """The state under a new layout: channels and sites that stay keep theirs, new ones begin, gone ones end."""
        state = State(new)
        kept = [(slot, old.slot_of[spec.key]) for slot, spec in enumerate(new.channels) if spec.key in old.slot_of]
        known = {site.code: at for at, site in enumerate(old.sites)}
        stays = [(at, known[site.code]) for at, site in enumerate(new.sites) if site.code in known]
        for prefix, fields, pairs in (("", CHANNEL_FIELDS, kept), ("site_", SITE_FIELDS, stays)):
            if pairs:
                to, of = np.array(pairs, dtype=np.int64).T
                for name in fields:
                    getattr(state, prefix + name)[to] = getattr(self, prefix + name)[of]
        return state

    @property
    def bytes_per_channel(self) -> float:
        """Bytes of all arrays, those of sites included, for each channel."""
        return float(sum(getattr(self, name).nbytes for name in _names()) / max(1, self.ts.size))


def _names() -> list[str]:
    return [*CHANNEL_FIELDS, *(f"site_{name}" for name in SITE_FIELDS)]


def _unknown(slots: int, dtype: type, unknown: Any, columns: int) -> NDArray[Any]:
    return np.full((slots, columns) if columns else slots, unknown, dtype=dtype)
