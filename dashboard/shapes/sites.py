"""Sites with what is measured there and how it is now."""

from typing import Any, Literal, TypedDict

from dashboard.shapes.common import Priority


class AlarmCounts(TypedDict):
    """Open alarms by priority."""

    high: int
    medium: int
    low: int


class Group(TypedDict):
    """Figures over the live sites or over the simulated ones."""

    sites_total: int
    sites_online: int
    open_alarms: AlarmCounts | None
    channels_judged: int
    channels_compliant: int
    compliant_share: float | None
    transmission_rate: float | None


class CountyState(TypedDict):
    """A county for the map."""

    code: str
    worst: str
    sites: int
    sites_online: int
    open_alarms: AlarmCounts | None
    simulated: bool


class Overview(TypedDict):
    """The live page's figures."""

    at: str
    groups: dict[Literal["live", "simulated"], Group]
    offline_sites: int
    dead_letters_24h: dict[str, int]
    counties: list[CountyState]
    speed: float | None


class SampleSummary(TypedDict):
    """What the newest manual results of a site say."""

    state: str
    taken_at: str
    results: int
    suspected: int


class Site(TypedDict):
    """A site and how it is now; `channels` is a count in a list of sites."""

    code: str
    county: str
    status: str
    simulated: bool
    name_zh: str
    name_en: str
    lon: float
    lat: float
    zone: str
    opening: list[list[list[str]]]
    around_the_clock: bool
    open_now: bool
    online: bool
    last_seen: str | None
    state: str
    worst_priority: Priority | None
    open_alarms: AlarmCounts | None
    channels_judged: int
    channels_compliant: int
    samples: SampleSummary | None
    scenario: str
    channels: Any


class Point(TypedDict):
    """A sampling point (basin)."""

    code: str
    name_zh: str
    name_en: str
    water_kind: str
    volume_m3: float


class Limit(TypedDict):
    """The limit a channel is judged by."""

    profile: str
    standard: str
    clause: str
    force: str
    lo: float | None
    hi: float | None
    lo_inclusive: bool
    hi_inclusive: bool
    interval: str
    certainty: str
    note_zh: str
    note_en: str
    site_rule: bool


class Channel(TypedDict):
    """A channel with its newest value."""

    id: int
    device: str
    sampling_point: str
    indicator: str
    unit: str
    precision: int
    role: str
    limit: Limit | None
    value: float | None
    ts: str | None
    state: str | None
    since: str | None


class Device(TypedDict):
    """An instrument."""

    code: str
    sampling_point: str
    period_s: int
    online: bool
    last_seen: str | None


class SiteDetail(Site):
    """A site with everything measured there; here `channels` is a list of `Channel`."""

    sampling_points: list[Point]
    devices: list[Device]
