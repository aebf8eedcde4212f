"""The registry as arrays: one slot a channel, with everything the judge needs to know about it.

Slots are in order of channel id, so that nothing depends on the order in which a registry was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from registry.indicators import INDICATORS
from registry.limits import Force, Limit, LimitProfile, profiles
from registry.model import Channel, Device, Registry, Role, Site
from registry.opening import MINUTES_A_DAY, minute_of_week
from store.records import to_us

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CIRCULATION: Final = "circulation_flow"
"""The indicator that says whether the plant runs."""

PROFILES_OF_SCENARIO: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"pool": ("gb37488-2019-artificial-pool", "plant-operation")}
)
"""Which limit profiles a site of each scenario is judged by; of two limits on one indicator the later wins."""

FOREVER: Final = 2**62
"""An instant (us) after all others; `-FOREVER` is before all others. Its difference to a real time fits int64."""

MIN_SILENCE_S: Final = 600.0
"""A device is never called silent sooner than this (FACTS 2.3: offline after 3 missed periods, at least 10 minutes)."""

MIN_SIMULATED_SILENCE_S: Final = 10.0
"""However fast a simulation runs, ingest tells only every 5 s that it listens, so silence can't be seen sooner."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays in us at one speed of the simulation: `on`, `off`, `gap` a channel, `silence` a device."""

    on: Ints
    off: Ints
    gap: Ints
    silence: Ints


@dataclass(frozen=True)
class Layout:
    """Constant arrays, shape (channels,) unless said otherwise; durations in seconds, limits in the channel's unit.

    `limits` holds the limit of each slot or None. `device`, `point` and `opening` are indices into `devices`,
    `points` and `open_table`; `site` is an index into `sites`, a device.
    """

    registry: Registry
    channels: tuple[Channel, ...]
    devices: tuple[Device, ...]
    sites: tuple[Site, ...]
    limits: tuple[Limit | None, ...]
    channel_ids: Ints
    device: Ints
    point: Ints
    points: tuple[tuple[str, str], ...]
    opening: Ints
    open_table: Bools
    zone: Ints
    zones: tuple[str, ...]
    valid_from: Ints
    valid_to: Ints
    site: Ints

    @classmethod
    def of(cls, registry: Registry, known: Mapping[str, LimitProfile] | None = None) -> "Layout":
        """Lay a registry out. `known` are the limit profiles, by default those that ship with the platform."""
        known = profiles() if known is None else known
        channels = tuple(sorted(registry.channels.values(), key=lambda each: each.id))
        devices = tuple(sorted(registry.devices.values(), key=lambda each: each.code))
        sites = tuple(sorted(registry.sites.values(), key=lambda each: each.code))
        device_index = {device.code: index for index, device in enumerate(devices)}
        points = tuple(sorted(registry.sampling_points))
        point_index = {key: index for index, key in enumerate(points)}
        site_index = {site.code: index for index, site in enumerate(sites)}
        of_channel = [registry.site_of(channel) for channel in channels]
        openings = sorted({site.opening.week for site in sites})
        opening_index = {week: index for index, week in enumerate(openings)}
        tables = {site.opening.week: site.opening.minute_table() for site in sites}
        zones = tuple(sorted({site.zone for site in sites}))
        limits, windows = _limits(registry, channels, known)
        return cls(
            registry=registry,
            channels=channels,
            devices=devices,
            sites=sites,
            limits=tuple(limits),
            channel_ids=_ints([channel.id for channel in channels]),
            device=_ints([device_index[channel.device] for channel in channels]),
            point=_ints([point_index[d.site, d.sampling_point] for d in map(registry.device_of, channels)]),
            points=points,
            opening=_ints([opening_index[site.opening.week] for site in of_channel]),
            open_table=np.array([tables[week] for week in openings], dtype=np.bool_).reshape(-1, 7 * MINUTES_A_DAY),
            zone=_ints([zones.index(site.zone) for site in of_channel]),
            zones=zones,
            valid_from=_ints([window[0] for window in windows]),
            valid_to=_ints([window[1] for window in windows]),
            site=_ints([site_index[device.site] for device in devices]),
        )

    def slot_of(self, channel_ids: NDArray[np.int32] | Ints) -> Ints:
        """The slot of each channel id, -1 where it is not registered."""
        if not self.channels:
            return np.full(channel_ids.shape, -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.channel_ids, channel_ids), len(self.channels) - 1)
        return np.where(self.channel_ids[found] == channel_ids, found, -1)

    def is_open(self, slot: Ints, ts: Ints) -> Bools:
        """Whether the site of each slot is open at each instant (us), by its own clock."""
        minute = np.zeros(ts.shape, dtype=np.int64)
        for index, zone in enumerate(self.zones):
            here = self.zone[slot] == index
            minute[here] = minute_of_week(ts[here], zone)
        return np.asarray(self.open_table[self.opening[slot], minute])

    def delays(self, speed: float) -> Delays:
        """The delays in us while the simulation runs at `speed`; those of live sites do not change with it."""
        silence = np.maximum(3 * self._period, MIN_SILENCE_S)
        factor = np.where(self._simulated, speed, 1.0)
        silence = np.where(
            self._simulated, np.maximum(silence / factor, np.minimum(silence, MIN_SIMULATED_SILENCE_S)), silence
        )
        of_channel = factor[self.device]
        return Delays(
            on=_microseconds(self._on_delay / of_channel),
            off=_microseconds(self._off_delay / of_channel),
            gap=_microseconds(silence[self.device]),
            silence=_microseconds(silence),
        )

    @cached_property
    def simulated_device(self) -> Bools:
        """Shape (devices,): whether a device is a simulation."""
        return self._simulated

    @cached_property
    def limited(self) -> Bools:
        """Whether a limit applies to the channel."""
        return np.array([limit is not None for limit in self.limits], dtype=np.bool_)

    @cached_property
    def alarming(self) -> Bools:
        """Whether a value outside raises an alarm; a recommendation (宜) is advice only."""
        return np.array([limit is not None and limit.raises_alarm for limit in self.limits], dtype=np.bool_)

    @cached_property
    def limit_flag(self) -> NDArray[np.int16]:
        """QARTOD flag of a value beyond the limit: 3 suspect for an operational one, 4 fail for one of a standard."""
        operational = [limit is not None and limit.force is Force.OPERATIONAL for limit in self.limits]
        return np.where(np.array(operational, dtype=np.bool_), 3, 4).astype(np.int16)

    @cached_property
    def needs_circulation(self) -> Bools:
        """Whether a value says something only while the water circulates."""
        return np.array([INDICATORS[each.indicator].role is Role.QUALITY for each in self.channels], dtype=np.bool_)

    @cached_property
    def flow(self) -> Bools:
        """Whether the channel is the one that tells if its sampling point's circulation runs."""
        is_flow = np.array([each.indicator == CIRCULATION for each in self.channels], dtype=np.bool_)
        return is_flow & self.limited

    @cached_property
    def lo(self) -> Floats:
        """Lower bound, -infinity where there is none."""
        return _floats([-np.inf if limit is None or limit.lo is None else limit.lo for limit in self.limits])

    @cached_property
    def hi(self) -> Floats:
        """Upper bound, infinity where there is none."""
        return _floats([np.inf if limit is None or limit.hi is None else limit.hi for limit in self.limits])

    @cached_property
    def lo_inclusive(self) -> Bools:
        """Whether the lower bound itself is allowed."""
        return np.array([limit is None or limit.lo_inclusive for limit in self.limits], dtype=np.bool_)

    @cached_property
    def hi_inclusive(self) -> Bools:
        """Whether the upper bound itself is allowed."""
        return np.array([limit is None or limit.hi_inclusive for limit in self.limits], dtype=np.bool_)

    @cached_property
    def precision(self) -> Ints:
        """Decimals a value is rounded to before it is compared."""
        return _ints([0 if limit is None else limit.precision for limit in self.limits])

    @cached_property
    def deadband(self) -> Floats:
        """How far inside the limit a value must come back before an alarm may return."""
        return _floats([0.0 if limit is None else limit.deadband for limit in self.limits])

    @cached_property
    def physical_lo(self) -> Floats:
        """Least value that a working instrument reports (QARTOD gross range)."""
        return _floats([INDICATORS[channel.indicator].physical_lo for channel in self.channels])

    @cached_property
    def physical_hi(self) -> Floats:
        """Greatest value that a working instrument reports (QARTOD gross range)."""
        return _floats([INDICATORS[channel.indicator].physical_hi for channel in self.channels])

    @cached_property
    def _on_delay(self) -> Floats:
        return _floats([0.0 if limit is None else limit.on_delay_s for limit in self.limits])

    @cached_property
    def _off_delay(self) -> Floats:
        return _floats([0.0 if limit is None else limit.off_delay_s for limit in self.limits])

    @cached_property
    def _period(self) -> Floats:
        return _floats([float(device.period_s) for device in self.devices])

    @cached_property
    def _simulated(self) -> Bools:
        return np.array([self.registry.sites[device.site].simulated for device in self.devices], dtype=np.bool_)


def _limits(
    registry: Registry, channels: Sequence[Channel], known: Mapping[str, LimitProfile]
) -> tuple[list[Limit | None], list[tuple[int, int]]]:
    """The limit of each channel and the span (us) in which its profile is in force."""
    limits: list[Limit | None] = []
    windows: list[tuple[int, int]] = []
    for channel in channels:
        site = registry.site_of(channel)
        point = registry.sampling_point_of(registry.device_of(channel))
        limit: Limit | None = None
        window = (-FOREVER, FOREVER)
        for code in PROFILES_OF_SCENARIO.get(site.scenario, ()):
            found = known[code].applicable(site, point).get(channel.indicator)
            if found is not None:
                limit, window = found, _in_force(known[code], site.zone)
        limits.append(limit)
        windows.append(window)
    return limits, windows


def _in_force(profile: LimitProfile, zone: str) -> tuple[int, int]:
    def midnight(day: date) -> int:
        return to_us(datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)))

    return midnight(profile.valid_from), FOREVER if profile.valid_to is None else midnight(profile.valid_to)


def _microseconds(seconds: Floats) -> Ints:
    return np.rint(seconds * 1e6).astype(np.int64)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)
