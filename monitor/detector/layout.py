"""What the detector is told about channels and sites, as arrays: one slot a channel, one index a site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitor.detector.flags import RoleCode
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
        """Shape (sites, width): the slots of each site in ascending order, then -1."""
        slots: list[list[int]] = [[] for _ in self.sites]
        for slot, site in enumerate(self.site.tolist()):
            slots[site].append(slot)
        width = max((len(each) for each in slots), default=0)
        return np.array([each + [-1] * (width - len(each)) for each in slots], dtype=np.int64).reshape(-1, width)

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
    def tick_us(self) -> Ints:
        """Shape (sites,): length of the site's event-time tick, us."""
        fastest = np.full(len(self.sites), np.inf)
        np.minimum.at(fastest, self.site, self.period_s.astype(np.float64))
        told = np.array([site.tick_s for site in self.sites], dtype=np.float64)
        seconds = np.where(told > 0, told, np.where(np.isfinite(fastest), fastest, 60.0))
        return np.maximum(np.rint(seconds * 1e6), 1).astype(np.int64)

    @cached_property
    def budget_per_day(self) -> Floats32:
        """Shape (sites,): expected false alarms a day."""
        return np.array([site.budget / 7 for site in self.sites], dtype=np.float32)

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
