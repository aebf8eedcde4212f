"""Sites, their channels and the figures over them."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import (
    ChannelId,
    ChannelState,
    Count,
    CountyCode,
    DeviceCode,
    IndicatorCode,
    PointCode,
    Priority,
    Share,
    SiteCode,
    SiteState,
    Time,
    UnitSymbol,
)
from monitor.api.schemas.samples import SampleSummary


class AlarmCounts(BaseModel):
    """Open alarms (condition active) by priority."""

    high: Count = 0
    medium: Count = 0
    low: Count = 0


class Group(BaseModel):
    """Figures over the live sites or over the simulated ones, never over both."""

    sites_total: Count
    sites_online: Count
    open_alarms: AlarmCounts | None = Field(description="Null for the role public")
    channels_judged: Count = Field(description="Channels with a fresh value judged against a limit now")
    channels_compliant: Count = Field(description="Of these, neither in breach nor pending")
    compliant_share: Share | None = Field(description="channels_compliant ÷ channels_judged, 0..1", examples=[0.973])
    transmission_rate: Share | None = Field(
        description="Readings received ÷ readings due over the last hour, 0..1", examples=[0.998]
    )


class Groups(BaseModel):
    """Live and simulated sites side by side."""

    live: Group
    simulated: Group


class CountyState(BaseModel):
    """A county for the map."""

    code: CountyCode
    worst: Literal["ok", "low", "medium", "high", "offline", "none"] = Field(
        description="Worst open alarm; `offline` if a site is silent, `none` without on-line sites"
    )
    sites: Count = Field(description="Sites with instruments")
    sites_online: Count
    open_alarms: AlarmCounts | None
    simulated: bool = Field(description="Whether a simulated site is among them: wear the badge")


class Overview(BaseModel):
    """The live page's figures in one answer."""

    at: Time
    groups: Groups
    offline_sites: Count = Field(description="Sites known by manual results only")
    dead_letters_24h: dict[str, int] = Field(
        description="Rejected messages of the last 24 h by reason", examples=[{"unknown_device": 3}]
    )
    counties: list[CountyState]
    speed: float | None = Field(
        description="Speed of the simulated physics as the monitor judges by it; null without simulated sites"
    )


class SiteNow(BaseModel):
    """A site and how it is now."""

    code: SiteCode
    county: CountyCode
    status: Literal["live", "simulated", "offline"]
    scenario: str = Field(description="Kind of venue, as declared", examples=["pool"])
    simulated: bool
    name_zh: str
    name_en: str
    lon: float = Field(description="Longitude, degrees, WGS-84")
    lat: float = Field(description="Latitude, degrees, WGS-84")
    zone: str = Field(description="IANA time zone", examples=["Asia/Shanghai"])
    opening: list[list[tuple[str, str]]] = Field(
        description="Seven weekdays, Monday first: [opens, closes) in the site's zone, HH:MM, up to 24:00",
        examples=[[[["06:00", "22:00"]]] * 7],
    )
    around_the_clock: bool
    open_now: bool
    online: bool = Field(description="A device was heard within its off-line delay")
    last_seen: Time | None = Field(description="Device time of the newest reading")
    state: SiteState
    worst_priority: Priority | None = Field(description="Of the open alarms")
    open_alarms: AlarmCounts | None = Field(description="Null for the role public")
    channels_judged: Count = Field(description="Channels with a fresh value judged against a limit now")
    channels_compliant: Count = Field(description="Of these, neither in breach nor pending")
    samples: SampleSummary | None = Field(description="What recent manual results say; null without any")


class SiteSummary(SiteNow):
    """A site in a list; `channels` is how many it has."""

    channels: Count


class SamplingPointInfo(BaseModel):
    """A sampling point (basin)."""

    code: PointCode
    name_zh: str
    name_en: str
    water_kind: str = Field(description="A kind of sampling point that the scenario declares", examples=["indoor"])
    volume_m3: float = Field(description="Water volume, m³")


class DeviceInfo(BaseModel):
    """An instrument."""

    code: DeviceCode
    sampling_point: PointCode
    period_s: int = Field(description="Reporting period, s")
    online: bool
    last_seen: Time | None


class LimitInfo(BaseModel):
    """The limit a channel is judged by."""

    profile: str = Field(examples=["gb37488-2019-artificial-pool"])
    standard: str = Field(description="Empty where only a rule of the site's own limits", examples=["GB 37488-2019"])
    clause: str = Field(examples=["4.4.1 表4"])
    force: Literal["binding", "recommended", "operational"]
    lo: float | None = Field(description="Lower bound, in the channel's unit")
    hi: float | None = Field(description="Upper bound, in the channel's unit")
    lo_inclusive: bool
    hi_inclusive: bool
    interval: str = Field(examples=["0.3–1.0 mg/L"])
    certainty: Literal["primary", "secondary", "unverified", "design"] = Field(
        description="How sure the encoded value is; `design` is a default of the platform, not law"
    )
    note_zh: str
    note_en: str
    severity: Priority = Field(description="Priority of an alarm above `hi`")
    severity_low: Priority = Field(description="Priority of an alarm below `lo`")
    site_rule: bool = Field(description="Whether a rule of the site's own sets it, or adopted the standard")


class ChannelInfo(BaseModel):
    """What a channel is."""

    id: ChannelId
    site: SiteCode
    simulated: bool
    device: DeviceCode
    sampling_point: PointCode
    indicator: IndicatorCode
    unit: UnitSymbol
    precision: int = Field(description="Decimals to show")
    role: Literal["quality", "operational", "context"]
    limit: LimitInfo | None


class ChannelNow(ChannelInfo):
    """A channel with its newest value; value, ts, state and since are null before the first reading."""

    value: float | None = Field(description="In `unit`", examples=[0.46])
    ts: Time | None
    state: ChannelState | None
    since: Time | None = Field(description="Since when it has been in this state (event time)")


class SiteDetail(SiteNow):
    """A site with everything measured there; `channels` is the list here, not the count."""

    sampling_points: list[SamplingPointInfo]
    devices: list[DeviceInfo]
    channels: list[ChannelNow]


class Latest(BaseModel):
    """A channel's newest value and state."""

    channel_id: ChannelId
    ts: Time
    value: float = Field(description="In the channel's unit")
    state: ChannelState
    since: Time | None
