"""The nouns of the platform: counties, sites, sampling points, devices and channels.

Everything here is an immutable value. Where it is kept is `store`'s business; a `Registry` is the
whole of it, read at once, with the look-ups that ingest, the monitor and the simulators need.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final

from registry.opening import OpeningHours

CODE_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
"""What a code may consist of. A space or a dot in an MQTT topic breaks NATS's subject mapping."""

HOME_ZONE: Final = "Asia/Shanghai"
"""The zone that every county lies in: of a site that names none, and of what belongs to no site."""


class RegistryError(ValueError):
    """A registry entry is not acceptable; the message names the entry, the field and what would be right."""


class Role(StrEnum):
    """What an indicator says: about the water, about the plant, or about the circumstances."""

    QUALITY = "quality"
    OPERATIONAL = "operational"
    CONTEXT = "context"


class SiteStatus(StrEnum):
    """How a site is watched: by real devices, by simulated ones, or by manual results only."""

    LIVE = "live"
    SIMULATED = "simulated"
    OFFLINE = "offline"


class WaterKind(StrEnum):
    """The commonest kinds of sampling point of pools; each scenario declares its own (`registry.scenarios`)."""

    INDOOR = "indoor"
    OUTDOOR = "outdoor"


class Disinfection(StrEnum):
    """The commonest treatments of pools; each scenario declares its own (`registry.scenarios`)."""

    CHLORINE = "chlorine"
    CHLORINATED_ISOCYANURATE = "chlorinated_isocyanurate"
    OZONE = "ozone"


class Dialect(StrEnum):
    """The payload that a device speaks, see docs/devices.md."""

    NATIVE = "native"
    THINGSBOARD = "thingsboard"
    THINGSBOARD_GATEWAY = "thingsboard_gateway"
    SENML_JSON = "senml_json"
    SENML_CBOR = "senml_cbor"
    SPARKPLUG = "sparkplug"
    ALINK = "alink"
    HUAWEI = "huawei"
    HJ212 = "hj212"
    MODBUS = "modbus"
    JT808 = "jt808"


@dataclass(frozen=True, slots=True)
class Indicator:
    """A measured quantity.

    `precision` is the number of decimals it is shown with; `physical_lo` and `physical_hi` bound what a
    working instrument can report (QARTOD gross range), in `unit`.
    """

    code: str
    name_zh: str
    name_en: str
    unit: str
    precision: int
    physical_lo: float
    physical_hi: float
    role: Role


@dataclass(frozen=True, slots=True)
class County:
    """A county-level division by its GB/T 2260 code."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Site:
    """A supervised venue (一户一档 hangs on it). Longitude and latitude are WGS-84 degrees.

    `disinfection` are treatments that the scenario declares; some limits apply only to some of them.
    """

    code: str
    county: str
    status: SiteStatus
    name_zh: str
    name_en: str
    lon: float
    lat: float
    registered_at: datetime
    zone: str = HOME_ZONE
    scenario: str = "pool"
    opening: OpeningHours = field(default_factory=OpeningHours.always)
    disinfection: frozenset[str] = frozenset({Disinfection.CHLORINE})

    def __post_init__(self) -> None:
        _require_code("site", self.code)
        if self.registered_at.tzinfo is None:
            raise RegistryError(f"site {self.code}: registered_at {self.registered_at} has no time zone")

    @property
    def simulated(self) -> bool:
        """Whether the site is a simulation; its badge and its exclusion from live figures follow from this."""
        return self.status is SiteStatus.SIMULATED


@dataclass(frozen=True, slots=True)
class SamplingPoint:
    """A basin of a site (or, in other scenarios, a store or a tap). `volume_m3` is its water volume in m³.

    `water_kind` is a kind of sampling point that the scenario declares; limits tell them apart.
    """

    site: str
    code: str
    name_zh: str
    name_en: str
    water_kind: str = WaterKind.INDOOR
    volume_m3: float = 500.0

    def __post_init__(self) -> None:
        _require_code("sampling point", self.code)


@dataclass(frozen=True, slots=True)
class Device:
    """An instrument. `period_s` is its reporting period in seconds.

    `gateway` is the device that speaks for it, empty where it has a credential and a topic of its own. `identity` is
    what its dialect calls it where that is not its code: the MN of HJ 212, the name a gateway gives it. `address` is
    where a device that must be asked is found, such as ``modbus://192.0.2.7:502/1?map=neopool``. `kind` is one of its
    scenario's kinds of device, empty where nobody said.
    """

    code: str
    site: str
    sampling_point: str
    period_s: int = 60
    dialect: Dialect = Dialect.NATIVE
    gateway: str = ""
    identity: str = ""
    address: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        _require_code("device", self.code)
        if self.period_s < 1:
            raise RegistryError(f"device {self.code}: period_s is {self.period_s}, must be at least 1 s")


@dataclass(frozen=True, slots=True)
class Channel:
    """One indicator at one sampling point of one device. `id` is what readings are keyed by.

    `names` are further names by which the device's payload calls the indicator, e.g. ``ORP_mV``. The device's value
    times `factor` plus `offset` is in `unit`; an empty unit is the one the payload names, else the indicator's.
    """

    id: int
    device: str
    indicator: str
    names: tuple[str, ...] = ()
    unit: str = ""
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Registry:
    """All that is registered, with the look-ups others need. Raises `RegistryError` on a dangling reference."""

    sites: Mapping[str, Site]
    sampling_points: Mapping[tuple[str, str], SamplingPoint]
    devices: Mapping[str, Device]
    channels: Mapping[int, Channel]

    @classmethod
    def of(
        cls,
        sites: Iterable[Site],
        sampling_points: Iterable[SamplingPoint],
        devices: Iterable[Device],
        channels: Iterable[Channel],
    ) -> "Registry":
        """Build a registry from its entries, checking that each refers to one that exists."""
        registry = cls(
            sites={site.code: site for site in sites},
            sampling_points={(point.site, point.code): point for point in sampling_points},
            devices={device.code: device for device in devices},
            channels={channel.id: channel for channel in channels},
        )
        registry._check_references()
        return registry

    def _check_references(self) -> None:
        for site, code in self.sampling_points:
            if site not in self.sites:
                raise RegistryError(f"sampling point {code}: its site {site!r} is not registered")
        for device in self.devices.values():
            if (device.site, device.sampling_point) not in self.sampling_points:
                raise RegistryError(
                    f"device {device.code}: sampling point {device.sampling_point!r} "
                    f"of site {device.site!r} is not registered"
                )
            if device.gateway and device.gateway not in self.devices:
                raise RegistryError(f"device {device.code}: its gateway {device.gateway!r} is not registered")
        for channel in self.channels.values():
            if channel.device not in self.devices:
                raise RegistryError(f"channel {channel.id}: its device {channel.device!r} is not registered")

    @cached_property
    def channel_ids(self) -> Mapping[tuple[str, str], int]:
        """Channel id by (device code, indicator code): how ingest resolves a payload's field."""
        return {(channel.device, channel.indicator): channel.id for channel in self.channels.values()}

    @cached_property
    def channels_of_device(self) -> Mapping[str, tuple[Channel, ...]]:
        """The channels of each device, by device code, in id order."""
        grouped: dict[str, list[Channel]] = {code: [] for code in self.devices}
        for channel in sorted(self.channels.values(), key=lambda each: each.id):
            grouped[channel.device].append(channel)
        return {code: tuple(channels) for code, channels in grouped.items()}

    @cached_property
    def devices_of_site(self) -> Mapping[str, tuple[Device, ...]]:
        """The devices of each site, by site code."""
        grouped: dict[str, list[Device]] = {code: [] for code in self.sites}
        for device in self.devices.values():
            grouped[device.site].append(device)
        return {code: tuple(devices) for code, devices in grouped.items()}

    @cached_property
    def sites_by_hours(self) -> Mapping[tuple[OpeningHours, str], tuple[str, ...]]:
        """The codes of the sites that keep the same opening hours in the same time zone."""
        grouped: dict[tuple[OpeningHours, str], list[str]] = {}
        for site in self.sites.values():
            grouped.setdefault((site.opening, site.zone), []).append(site.code)
        return {hours: tuple(codes) for hours, codes in grouped.items()}

    @cached_property
    def any_simulated(self) -> bool:
        """Whether a site is a simulation."""
        return any(site.simulated for site in self.sites.values())

    def device_of(self, channel: Channel) -> Device:
        """The device a channel belongs to."""
        return self.devices[channel.device]

    def site_of(self, channel: Channel) -> Site:
        """The site a channel belongs to."""
        return self.sites[self.devices[channel.device].site]

    def sampling_point_of(self, device: Device) -> SamplingPoint:
        """The sampling point a device measures at."""
        return self.sampling_points[device.site, device.sampling_point]

    def topic_of(self, device: Device, kind: str) -> str:
        """The MQTT topic a device publishes `kind` on: ``landun/v1/{county}/{site}/{device}/{kind}``."""
        return f"landun/v1/{self.sites[device.site].county}/{device.site}/{device.code}/{kind}"


def _require_code(what: str, code: str) -> None:
    if not CODE_PATTERN.match(code):
        raise RegistryError(f"{what} code {code!r}: only letters, digits, '_' and '-' are allowed")
