"""What the detector is told about channels and sites, as arrays: one slot a channel, one index a site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitor.detector.flags import RoleCode
from monitor.detector.parameters import (
    BREAK_LEAST,
    BREAK_PERIODS,
    CALIBRATION_QUANTILE,
    DEFAULT_RATE,
    DEFAULT_THRESHOLD,
    FAST_TAU,
    FLAT_LEAST,
    FLAT_PERIODS,
    GAP_LEAST,
    GAP_PERIODS,
    LEVEL_PERIODS,
    LEVEL_TAU,
    LONGEST_S,
    SETTLE_PERIODS,
    SETTLE_S,
    TAIL_EXPONENT,
)
from registry.model import Role
from registry.opening import MINUTES_A_DAY, OpeningHours, minute_of_week

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Codes = NDArray[np.uint8]

DEFAULT_BUDGET: float = 0.25
"""Expected false alarms of a site in a week, where nobody set another: 0.035 a day, four a day for an inspector."""


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """One channel: `key` names it for ever (the channel id), `period_s` is its reporting interval.

    `resolution` is the step of its readings in its unit; 0 means: learn it. `gross_lo` and `gross_hi` bound what
    a working instrument reports (QARTOD gross range), in its unit.
    """

    key: int | str
    site: str
    indicator: str
    role: Role = Role.QUALITY
    point: str = ""
    period_s: float = 60.0
    resolution: float = 0.0
    gross_lo: float = -np.inf
    gross_hi: float = np.inf


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """One site: `budget` is its expected false alarms a week, `tick_s` the length of its event-time tick.

    A `tick_s` of 0 is the period of its fastest channel.
    """

    code: str
    budget: float = DEFAULT_BUDGET
    zone: str = "Asia/Shanghai"
    opening: OpeningHours = field(default_factory=OpeningHours.always)
    tick_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Taus:
    """Durations by channel, shape (channels,), s: see `monitor.detector.parameters`."""

    level: Floats32
    fast: Floats32
    settle: Floats32
    longest: Floats32
    gap: Floats32
    breaks: Floats32
    flat: Floats32


@dataclass(frozen=True)
class Layout:
    """Constant arrays of shape (channels,) or (sites,). Slots are in the order of `channels`."""

    channels: tuple[ChannelSpec, ...]
    sites: tuple[SiteSpec, ...]

    @classmethod
    def of(cls, channels: Sequence[ChannelSpec], sites: Sequence[SiteSpec]) -> "Layout":
        """Lay channels out. Raises `ValueError` on a key used twice or a channel of a site that is not there."""
        keys = [channel.key for channel in channels]
        if len(set(keys)) != len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"channel {twice!r} is there twice; every key must be its own")
        known = {site.code for site in sites}
        for channel in channels:
            if channel.site not in known:
                raise ValueError(f"channel {channel.key!r}: its site {channel.site!r} is not one of the sites")
        return cls(tuple(channels), tuple(sites))

    @cached_property
    def slot_of(self) -> Mapping[int | str, int]:
        """The slot of each channel's key."""
        return {channel.key: slot for slot, channel in enumerate(self.channels)}

    @cached_property
    def site(self) -> Ints:
        """Shape (channels,): index of the channel's site."""
        index = {site.code: at for at, site in enumerate(self.sites)}
        return np.array([index[channel.site] for channel in self.channels], dtype=np.int64)

    @cached_property
    def members(self) -> Ints:
        """Shape (width, sites), width at least 3: down each column the slots of a site, ascending, then -1."""
        slots: list[list[int]] = [[] for _ in self.sites]
        for slot, site in enumerate(self.site.tolist()):
            slots[site].append(slot)
        width = max(3, *(len(each) for each in slots)) if slots else 3
        filled = np.array([each + [-1] * (width - len(each)) for each in slots], dtype=np.int64).reshape(-1, width)
        # Reductions over the first axis are many times faster than over a short last one.
        return np.ascontiguousarray(filled.T)

    @cached_property
    def member_exists(self) -> Bools:
        """Shape of `members`: whether there is a channel."""
        return self.members >= 0

    @cached_property
    def member_stale_us(self) -> Ints:
        """Shape of `members`: a channel silent for longer (us) has no say at its site."""
        return np.rint(self.taus.gap[self.members].astype(np.float64) * 1e6).astype(np.int64)

    @cached_property
    def member_quality(self) -> Floats32:
        """Shape of `members`: 1 for quality channels, 0 for others."""
        return self._has_role(RoleCode.QUALITY)

    @cached_property
    def member_operational(self) -> Floats32:
        """Shape of `members`: 1 for operational channels, 0 for others."""
        return self._has_role(RoleCode.OPERATIONAL)

    def _has_role(self, role: RoleCode) -> Floats32:
        return np.asarray(self.member_exists & (self.role[self.members] == role), dtype=np.float32)

    @cached_property
    def point(self) -> Ints:
        """Shape (channels,): index of the channel's sampling point among all (site, point) pairs, in order."""
        pairs = sorted({(channel.site, channel.point) for channel in self.channels})
        index = {pair: at for at, pair in enumerate(pairs)}
        return np.array([index[channel.site, channel.point] for channel in self.channels], dtype=np.int64)

    @cached_property
    def role(self) -> Codes:
        """Shape (channels,): `RoleCode`."""
        return np.array([RoleCode.of(channel.role) for channel in self.channels], dtype=np.uint8)

    @cached_property
    def period_s(self) -> Floats32:
        """Shape (channels,): reporting interval, s."""
        return np.array([channel.period_s for channel in self.channels], dtype=np.float32)

    @cached_property
    def resolution(self) -> Floats32:
        """Shape (channels,): step of the readings in their unit, 0 where it is to be learned."""
        return np.array([channel.resolution for channel in self.channels], dtype=np.float32)

    @cached_property
    def gross_lo(self) -> Floats:
        """Shape (channels,): least value a working instrument reports."""
        return np.array([channel.gross_lo for channel in self.channels], dtype=np.float64)

    @cached_property
    def gross_hi(self) -> Floats:
        """Shape (channels,): greatest value a working instrument reports."""
        return np.array([channel.gross_hi for channel in self.channels], dtype=np.float64)

    @cached_property
    def taus(self) -> "Taus":
        """The detector's time constants by channel: none is shorter than a few of the channel's own periods."""
        period = self.period_s
        return Taus(
            level=np.maximum(period * LEVEL_PERIODS, LEVEL_TAU).astype(np.float32),
            fast=np.maximum(period * 2, FAST_TAU).astype(np.float32),
            settle=np.maximum(period * SETTLE_PERIODS, SETTLE_S).astype(np.float32),
            longest=np.maximum(period * 2 * SETTLE_PERIODS, LONGEST_S).astype(np.float32),
            gap=np.maximum(period * GAP_PERIODS, GAP_LEAST).astype(np.float32),
            breaks=np.maximum(period * BREAK_PERIODS, BREAK_LEAST).astype(np.float32),
            flat=np.maximum(period * FLAT_PERIODS, FLAT_LEAST).astype(np.float32),
        )

    @cached_property
    def rate(self) -> Floats32:
        """Shape (sites,): from a site's calibration quantile to its threshold, by its budget (power-law tail)."""
        factors = [_tail(24 * (1 - CALIBRATION_QUANTILE), site.budget / 7) for site in self.sites]
        return np.array(factors, dtype=np.float32)

    @cached_property
    def default_threshold(self) -> Floats32:
        """Shape (sites,): the threshold of the site statistic before there is a past, by the site's budget."""
        found = [DEFAULT_THRESHOLD * _tail(DEFAULT_RATE, site.budget / 7) for site in self.sites]
        return np.array(found, dtype=np.float32)

    @cached_property
    def tick_us(self) -> Ints:
        """Shape (sites,): length of the site's event-time tick, us."""
        fastest = np.full(len(self.sites), np.inf)
        np.minimum.at(fastest, self.site, self.period_s.astype(np.float64))
        told = np.array([site.tick_s for site in self.sites], dtype=np.float64)
        seconds = np.where(told > 0, told, np.where(np.isfinite(fastest), fastest, 60.0))
        return np.maximum(np.rint(seconds * 1e6), 1).astype(np.int64)

    def ticks(self, site: Ints, ts: Ints) -> Ints:
        """The tick that each instant (us) falls into, counted in its site's own tick length."""
        lengths = self.tick_us
        # Division by one number is several times faster, and most fleets have one.
        return ts // int(lengths[0]) if (lengths == lengths[0]).all() else ts // lengths[site]

    @cached_property
    def _opening(self) -> tuple[Ints, Bools]:
        weeks = sorted({site.opening.week for site in self.sites})
        tables = np.array([OpeningHours(week).minute_table() for week in weeks], dtype=np.bool_)
        index = np.array([weeks.index(site.opening.week) for site in self.sites], dtype=np.int64)
        return index, tables.reshape(-1, 7 * MINUTES_A_DAY)

    @cached_property
    def _zones(self) -> tuple[tuple[str, ...], Ints]:
        zones = tuple(sorted({site.zone for site in self.sites}))
        return zones, np.array([zones.index(site.zone) for site in self.sites], dtype=np.int64)

    def local_time(self, site: Ints, ts: Ints) -> tuple[Codes, Bools]:
        """The local hour of the day (0–23) of each instant (us) at each site, and whether the site is open then."""
        zones, zone = self._zones
        minute = np.zeros(ts.shape, dtype=np.int64)
        for index, name in enumerate(zones):
            if len(zones) == 1:
                minute = minute_of_week(ts, name)
            else:
                here = zone[site] == index
                minute[here] = minute_of_week(ts[here], name)
        opening, tables = self._opening
        return (minute % MINUTES_A_DAY // 60).astype(np.uint8), np.asarray(tables[opening[site], minute])


def _tail(rate: float, budget: float) -> float:
    """How much further out the tail is exceeded at `budget` a day than at `rate` a day.

    Scalars of Python, so that the same budget gives the same factor in every layout.
    """
    if budget <= 0:
        raise ValueError(f"a budget of {budget} false alarms a day; it must be above 0")
    return float((rate / budget) ** (1 / TAIL_EXPONENT))
