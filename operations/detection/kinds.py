"""What kind of fault a flagged row of any file shows, from the tests that spoke and from what columns are named.

The verdicts of `monitor.detector.verdict` rest on the chemistry of a pool, its resolutions and its usual noise. A file
of unknown columns has none of these; what is left is which test spoke, in one channel or in several, and since when:

    one channel, the readings do not move            stuck
    one channel, a jump less than 15 minutes old     air_bubble, and for as long as it is back at its level
    one channel, a jump that stayed                  calibration (turbidity upwards: filtration)
    one channel, away without a jump                 sensor_fouling (turbidity upwards: filtration)
    chlorine and ORP away together                   dosing_failure, over_dosing
    pH and ORP away in opposite directions           ph_control
    a flow below a third of its level                pump_off
    anything else                                    unknown

Causal: a row's kind comes from that row and those before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.flags import Flag, Test
from monitor.detector.verdict import Kind
from registry.model import Role

BUBBLE_US: Final = 900_000_000
"""A lone jump is taken for a bubble for so long (us), or for `BUBBLE_PERIODS` readings where that is longer."""
BUBBLE_PERIODS: Final = 5
DRIFT_US: Final = 1_800_000_000
"""Away without a jump for so long (us), or for `BUBBLE_PERIODS` readings, is a drift."""
BACK: Final = 2.0
"""Within so many scales a channel is back at its level."""
STANDS: Final = 0.3
"""Below this part of its level a flow stands."""

MEANINGS: Final = (
    ("circulation_flow", r"flow|^fm(_?\d+)?$|流量"),
    ("free_chlorine", r"^f?cl(_?\d+)?$|free_?chlor|^chlorine|chlor_?(frei|free)|余氯|自由氯"),
    ("orp", r"redox|^orp|(^|_)orp(_|$)|氧化还原"),
    ("ph", r"(^|_)ph(_?\d+)?(_|$)|酸碱"),
    ("conductivity", r"leit|conduct|spcond|(^|_)ec(_|$)|电导"),
    ("turbidity", r"tr(ue|ü|u)b|turb|浊度|浑浊"),
    ("water_temperature", r"^tp(_?\d+)?$|temp|水温"),
)
"""Indicators by the names that columns have in the wild (German and Chinese ones too). One that fits two has none."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def meaning(name: str) -> str | None:
    """The registry's indicator (or conductivity) that a column's name tells, None where it tells none or several."""
    lowered = re.sub(r"[^0-9a-zü\u4e00-\u9fff]+", "_", name.strip().lower())
    found = [indicator for indicator, pattern in MEANINGS if re.search(pattern, lowered)]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Tested:
    """What the detector said of each reading; shape (rows, channels), `flags` (tests, rows, channels).

    `value` is NaN where there was no reading: there the channel's last one counts.
    """

    __test__: ClassVar[bool] = False  # not one of pytest's

    ts: Ints
    value: NDArray[np.float64]
    expected: NDArray[np.float64]
    z: NDArray[np.float32]
    score: NDArray[np.float32]
    flags: NDArray[np.uint8]


def kinds_of(
    names: Sequence[str], roles: Sequence[Role], tested: Tested, loudest: Ints, flagged: Ints, period_s: float
) -> NDArray[np.uint8]:
    """The `Kind` of each of the rows `flagged`, whose loudest channels are `loudest` (-1 none); shape of `flagged`."""
    told = [meaning(name) for name in names]
    newest = _newest(~np.isnan(tested.value))
    spoke = np.take_along_axis(tested.flags, np.maximum(newest, 0)[None], axis=1) >= Flag.SUSPECT
    spoke &= newest >= 0
    z, score, value, expected = (
        np.where(newest >= 0, np.take_along_axis(each, np.maximum(newest, 0), axis=0), 0)
        for each in (tested.z, tested.score, tested.value, tested.expected)
    )
    hot = (score >= 1) & (newest >= 0)
    since = _since(hot, tested.ts)
    jumped = spoke[Test.SPIKE] | spoke[Test.RATE_OF_CHANGE]
    last_jump = np.where(jumped, tested.ts[:, None], np.iinfo(np.int64).min)
    np.maximum.accumulate(last_jump, axis=0, out=last_jump)
    still = spoke[Test.FLAT_LINE]

    at, one = flagged, np.maximum(loudest, 0)
    now, bubble_us = tested.ts[at], max(BUBBLE_US, round(BUBBLE_PERIODS * period_s * 1e6))
    began = np.minimum(since[at, one], now)
    sudden = last_jump[at, one] >= began - bubble_us
    quality = np.array([role is Role.QUALITY for role in roles])
    # Of channels that went away together one may have found a new level before the other.
    last_hot = _newest(hot)
    with_it = (last_hot[at] >= 0) & (tested.ts[np.maximum(last_hot[at], 0)] >= began[:, None])
    away = np.where(with_it, np.take_along_axis(z, np.maximum(last_hot[at], 0), axis=0), 0)
    with_it[np.arange(at.size), one] = True
    alone, up = (with_it & quality).sum(axis=1) - quality[one] == 0, z[at, one] > 0

    def moved(indicator: str, sign: int) -> Bools:
        """Whether a channel of an indicator is away in a direction."""
        own = np.array([each == indicator for each in told])
        return np.asarray((own & (away * sign > 0)).any(axis=1))

    flows = np.array([each == "circulation_flow" for each in told])
    stands = (flows & hot[at] & (expected[at] > 0) & (value[at] < expected[at] * STANDS)).any(axis=1)
    cloudy = np.array([each == "turbidity" for each in told])[one] & up
    young = now - np.maximum(last_jump[at, one], began - bubble_us) < bubble_us
    lasting = now - began >= max(DRIFT_US, round(BUBBLE_PERIODS * period_s * 1e6))
    drifts = alone & ~sudden & (lasting | spoke[Test.CUSUM][at, one])
    # The first that holds counts.
    rules = (
        (loudest < 0, Kind.UNKNOWN),
        (stands, Kind.PUMP_OFF),
        (alone & still[at, one], Kind.STUCK),
        (moved("free_chlorine", -1) & moved("orp", -1), Kind.DOSING_FAILURE),
        (moved("free_chlorine", 1) & moved("orp", 1), Kind.OVER_DOSING),
        (moved("ph", 1) & moved("orp", -1) | moved("ph", -1) & moved("orp", 1), Kind.PH_CONTROL),
        (alone & sudden & (young | (np.abs(z[at, one]) < BACK)), Kind.AIR_BUBBLE),
        (alone & cloudy & (sudden | drifts), Kind.FILTRATION),
        (alone & sudden, Kind.CALIBRATION),
        (drifts, Kind.SENSOR_FOULING),
    )
    found = np.select([which for which, _ in rules], [int(kind) for _, kind in rules], int(Kind.UNKNOWN))
    return np.asarray(found, dtype=np.uint8)


def _newest(there: Bools) -> Ints:
    """The row of each channel's newest reading at each row, -1 before the first; shape of `there`."""
    rows = np.where(there, np.arange(len(there), dtype=np.int64)[:, None], -1)
    return np.maximum.accumulate(rows, axis=0)


def _since(hot: Bools, ts: Ints) -> Ints:
    """Since when each channel has been away without a break; the greatest number where it is not."""
    begins = hot.copy()
    begins[1:] &= ~hot[:-1]
    since = np.maximum.accumulate(np.where(begins, ts[:, None], np.iinfo(np.int64).min), axis=0)
    return np.where(hot, since, np.iinfo(np.int64).max)
