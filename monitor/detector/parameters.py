"""The detector's constants: one set for every channel of every kind, in event time (s) and in the channel's own scale.

They were chosen on the drinking-water and river series that docs/detection.md names, and lie in the middle of a
plateau: none changes the result much when it is moved by a fifth.
"""

from typing import Final

# Level and scale: an EWMA that is hardly moved by outliers (clipped, as Huber's M-estimate), and not by alarms.
LEVEL_TAU: Final = 3600.0
"""Time constant of the level (s), or `LEVEL_PERIODS` readings where that is longer."""
LEVEL_PERIODS: Final = 4.0
SCALE_TAU: Final = 43200.0
"""Time constant of the scale (s)."""
CLIP: Final = 4.0
"""A reading moves level and scale by at most so many scales."""
LEAK: Final = 0.1
"""In alarm the level follows at this part of its speed."""
RESOLUTIONS: Final = 2.3
"""The scale is at least so many steps of the instrument's resolution."""
SCALE_FLOOR: Final = 0.1
"""The scale is at least this part of the greatest of the last weeks: a calm hour does not make small things large."""
SCALE_MEMORY: Final = 30 * 86400.0
DEVIATION: Final = 1.2533
"""sqrt(pi / 2): standard deviation over mean absolute deviation of a normal distribution."""
WARM_UP: Final = 3600.0
"""Data (s) before a channel is judged."""

# Persistence: how long a distance has lasted, a leaky mean of its size.
SIZE_LIMIT: Final = 25.0
"""A distance z counts as |z| / (1 + |z| / limit): ever larger, but bounded, so that no channel drowns another."""
SLEW: Final = 6.0
"""A size may grow by its last value and so much a minute: one odd sample is not an event."""
RISE_TAU: Final = 60.0
FALL_TAU: Final = 45.0
HOT: Final = 4.5
"""From this persistence on a channel is away from its level."""

# Re-baselining: a lasting change becomes the new level.
FAST_TAU: Final = 900.0
"""Time constant of the level that is ready to take over (s), at least two readings."""
SETTLED: Final = 2.0
"""A channel away from its level has settled while it stays within so many scales of its fast level, …"""
SETTLE_S: Final = 2700.0
"""… for this long (s), or `SETTLE_PERIODS` readings where that is longer. Then the fast level is the level."""
SETTLE_PERIODS: Final = 3.0
LONGEST_S: Final = 7200.0
"""After this long (s) away, or twice `SETTLE_PERIODS` readings, the level is taken over all the same."""
NEW_SCALE: Final = 0.5
"""How far the scale moves to that of the fast level at a take-over, where that is larger."""

# A channel's usual persistence, by which channels of a site are made comparable.
BLOCK_US: Final = 3_600_000_000
"""Peaks are taken by the hour (us): alarms less than an hour apart are one."""
USUAL_QUANTILE: Final = 0.9
USUAL_START: Final = 2.0
USUAL_LEAST: Final = 0.5
RESTLESS: Final = 6.0
"""A channel whose usual peak is above this says little: its weight falls with the 1.5th power of the excess."""

# Site statistic: the loudest three quality channels, less what the plant's own changes explain.
SECOND: Final = 0.75
THIRD: Final = 0.2
OPERATIONAL_DISCOUNT: Final = 0.01

# Calibration.
BINS: Final = 48
LEAST_PEAK: Final = 0.5
"""Upper edge of the first bin of the histogram of a site's hourly peaks."""
OCTAVES: Final = 7.0
CALIBRATION_QUANTILE: Final = 0.95
"""The quantile that is read off the histogram: once in twenty hours, well below any alarm."""
TAIL_EXPONENT: Final = 3.0
"""From there to the budget's rate the tail is taken as a power law."""
DEFAULT_THRESHOLD: Final = 8.4
"""The threshold at `DEFAULT_RATE` false alarms a day before there is a past."""
DEFAULT_RATE: Final = 0.5
DEFAULT_WEIGHT: Final = 336.0
"""How many hours of past the default is worth."""
WARM_BLOCKS: Final = 12
"""A site's first hours are not counted."""
FORGET_BLOCKS: Final = 1344
"""When so many hours (eight weeks) are counted, every count is halved."""

# The other tests.
GAP_PERIODS: Final = 3.0
GAP_LEAST: Final = 600.0
"""A gap is more than three periods and ten minutes (FACTS 2.3)."""
BREAK_PERIODS: Final = 12.0
BREAK_LEAST: Final = 10800.0
"""After a silence this long (s) the level begins anew."""
SPIKE_LIMIT: Final = 8.0
RATE_LIMIT: Final = 10.0
NOISE_TAU: Final = 259200.0
"""Time constant (s) of the usual step from reading to reading."""
CALM_TAU: Final = 10800.0
ATTENUATED: Final = 0.15
VANISHED: Final = 0.05
FLAT_LEAST: Final = 1800.0
FLAT_PERIODS: Final = 10.0
FLAT_TIMES: Final = 3.0
FLAT_START: Final = 7200.0
HOUR_TAU: Final = 36000.0
CLIMATOLOGY_LIMIT: Final = 6.0
DAY_US: Final = 86_400_000_000
DRIFT_TAU_DAYS: Final = 14.0
DRIFT_SLACK: Final = 0.5
DRIFT_LIMIT: Final = 5.0
"""CUSUM: slack and limit in day-to-day standard deviations (Montgomery, Statistical Quality Control, ch. 9: k, h)."""
DRIFT_WARM_DAYS: Final = 7
