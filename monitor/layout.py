"""The registry as arrays: one slot a channel, with everything the judge needs to know about it.

Slots are in order of channel id, so that nothing depends on the order in which a registry was read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.rulebook import Rulebook
from registry.alarm_settings import AlarmSettings
from registry.indicators import INDICATORS
from registry.limits import ALARM_AFTER_S, FOREVER, LimitProfile, SiteRule
from registry.model import Channel, Device, Registry, Role, Site
from registry.opening import MINUTES_A_DAY, OpeningHours, minute_of_week
from registry.scenarios import scenario_of

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

__all__ = ["FOREVER", "MIN_SILENCE_S", "MIN_SIMULATED_SILENCE_S", "Delays", "Layout"]

MIN_SILENCE_S: Final = 600.0
"""A device is never called silent sooner than this (FACTS 2.3: offline after 3 missed periods, at least 10 minutes)."""

MIN_SIMULATED_SILENCE_S: Final = 10.0
"""However fast a simulation runs, ingest tells only every 5 s that it listens, so silence can't be seen sooner."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays in us at one speed of the simulation: `on`, `off`, `alarm` a version, `gap` a channel, `silence` a device.

    `alarm` is how long a breach is only a warning.
    """

    on: Ints
    off: Ints
    alarm: Ints
    gap: Ints
    silence: Ints


@dataclass(frozen=True)
class Layout:
    """Constant arrays, shape (channels,) unless said otherwise; durations in seconds, limits in the channel's unit.

    `rulebook` holds the limits and when each is in force. `device`, `point` and `opening` are indices into `devices`,
    `points` and `open_table`; `site` is an index into `sites`, a device.
    """

    registry: Registry
    channels: tuple[Channel, ...]
    devices: tuple[Device, ...]
    sites: tuple[Site, ...]
    rulebook: Rulebook
    channel_ids: Ints
    device: Ints
    point: Ints
    points: tuple[tuple[str, str], ...]
    opening: Ints
    open_table: Bools
    zone: Ints
    zones: tuple[str, ...]
    site: Ints

    @classmethod
    def of(
        cls,
        registry: Registry,
        rules: Iterable[SiteRule] = (),
        known: Mapping[str, Sequence[LimitProfile]] | None = None,
        settings: AlarmSettings | None = None,
    ) -> "Layout":
        """Lay a registry out.

        `rules` and `settings` are the sites' own, `known` standards by family, by default those declared.
        """
        channels = tuple(sorted(registry.channels.values(), key=lambda each: each.id))
        devices = tuple(sorted(registry.devices.values(), key=lambda each: each.code))
        sites = tuple(sorted(registry.sites.values(), key=lambda each: each.code))
        device_index = {device.code: index for index, device in enumerate(devices)}
        points = tuple(sorted(registry.sampling_points))
        point_index = {key: index for index, key in enumerate(points)}
        site_index = {site.code: index for index, site in enumerate(sites)}
        of_channel = [registry.site_of(channel) for channel in channels]
        weeks = {site.code: judged_hours(site).week for site in sites}
        openings = sorted(set(weeks.values()))
        opening_index = {week: index for index, week in enumerate(openings)}
        tables = {week: OpeningHours(week).minute_table() for week in openings}
        zones = tuple(sorted({site.zone for site in sites}))
        return cls(
            registry=registry,
            channels=channels,
            devices=devices,
            sites=sites,
            rulebook=Rulebook.of(registry, channels, rules, known, settings),
            channel_ids=_ints([channel.id for channel in channels]),
            device=_ints([device_index[channel.device] for channel in channels]),
            point=_ints([point_index[d.site, d.sampling_point] for d in map(registry.device_of, channels)]),
            points=points,
            opening=_ints([opening_index[weeks[site.code]] for site in of_channel]),
            open_table=np.array([tables[week] for week in openings], dtype=np.bool_).reshape(-1, 7 * MINUTES_A_DAY),
            zone=_ints([zones.index(site.zone) for site in of_channel]),
            zones=zones,
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
        of_version = factor[self.device][self.rulebook.slot]
        return Delays(
            on=_microseconds(self.rulebook.on_delay / of_version),
            off=_microseconds(self.rulebook.off_delay / of_version),
            alarm=_microseconds(ALARM_AFTER_S / of_version),
            gap=_microseconds(silence[self.device]),
            silence=_microseconds(silence),
        )

    @cached_property
    def gateways(self) -> tuple[str, ...]:
        """Codes of the gateways that devices hang on, in order."""
        return tuple(sorted({device.gateway for device in self.devices if device.gateway}))

    @cached_property
    def gateway(self) -> Ints:
        """Shape (devices,): the index of each device's gateway, its own if it is one, -1 where it speaks for itself."""
        index = {code: place for place, code in enumerate(self.gateways)}
        return _ints([index.get(device.gateway or device.code, -1) for device in self.devices])

    @cached_property
    def simulated_device(self) -> Bools:
        """Shape (devices,): whether a device is a simulation."""
        return self._simulated

    @cached_property
    def needs_circulation(self) -> Bools:
        """Whether a value says something only while the plant runs."""
        return np.array(
            [
                INDICATORS[each.indicator].role is Role.QUALITY and self.running_of(each) is not None
                for each in self.channels
            ],
            dtype=np.bool_,
        )

    @cached_property
    def flow(self) -> Bools:
        """Whether the channel is the one that tells if its sampling point's plant runs."""
        return np.array([each.indicator == self.running_of(each) for each in self.channels], dtype=np.bool_)

    def running_of(self, channel: Channel) -> str | None:
        """The indicator that says whether the plant runs where a channel measures, None where nothing does."""
        return scenario_of(self.registry.site_of(channel).scenario).judging.running

    @cached_property
    def physical_lo(self) -> Floats:
        """Least value that a working instrument reports (QARTOD gross range)."""
        return _floats([INDICATORS[channel.indicator].physical_lo for channel in self.channels])

    @cached_property
    def physical_hi(self) -> Floats:
        """Greatest value that a working instrument reports (QARTOD gross range)."""
        return _floats([INDICATORS[channel.indicator].physical_hi for channel in self.channels])

    @cached_property
    def _period(self) -> Floats:
        return _floats([float(device.period_s) for device in self.devices])

    @cached_property
    def _simulated(self) -> Bools:
        return np.array([self.registry.sites[device.site].simulated for device in self.devices], dtype=np.bool_)


def judged_hours(site: Site) -> OpeningHours:
    """The hours in which a site's values are judged: its opening hours, or always where its scenario says so."""
    return site.opening if scenario_of(site.scenario).judging.while_open else OpeningHours.always()


def _microseconds(seconds: Floats) -> Ints:
    return np.rint(seconds * 1e6).astype(np.int64)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)
