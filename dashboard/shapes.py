"""The answers of the API as this side reads them; `monitor.api.schemas` is where they are stated."""

from typing import Any, Literal, NotRequired, TypedDict

Priority = Literal["high", "medium", "low"]


class Me(TypedDict):
    """Who is signed in."""

    username: str
    name: str
    role: str
    counties: list[str]
    site: str | None
    one_time: NotRequired[bool]


class Mistake(TypedDict):
    """Something wrong at one place of a file or form."""

    sheet_zh: str
    sheet_en: str
    row: int
    column_zh: str | None
    column_en: str | None
    value: str
    text_zh: str
    text_en: str
    problem_zh: str
    problem_en: str


class Token(Me):
    """A sign-in."""

    access_token: str
    expires_in: int


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


class Latest(TypedDict):
    """A channel's newest value and state."""

    channel_id: int
    ts: str
    value: float
    state: str
    since: str | None


class Points(TypedDict):
    """Columns of equal length, one entry a bucket."""

    ts: list[str]
    min: list[float]
    max: list[float]
    mean: list[float]
    count: list[int]
    beyond: list[int]


class Series(TypedDict):
    """A channel's readings over time."""

    channel_id: int
    indicator: str
    unit: str
    bucket_s: float
    source: str
    points: Points


class AlarmEvent(TypedDict):
    """One transition of an alarm, or a comment."""

    at: str
    event: str
    state: str
    actor: str | None
    text: str | None
    journal_id: int
    detail: dict[str, Any] | None


class SpokenChannel(TypedDict):
    """A channel that a verdict rests on."""

    channel_id: int
    indicator: str
    value: float | None
    expected_lo: float | None
    expected_hi: float | None


class Evidence(TypedDict):
    """What a verdict of the detector rests on."""

    since: str
    tests: list[str]
    channels: list[SpokenChannel]
    same_as: dict[str, str] | None


class Alarm(TypedDict):
    """An alarm."""

    id: int
    kind: str
    audience: str
    verdict: str | None
    verdict_name_zh: str | None
    verdict_name_en: str | None
    sureness: float | None
    evidence: Evidence | None
    advice_zh: str | None
    advice_en: str | None
    site: str
    site_name_zh: str
    site_name_en: str
    county: str
    device: str | None
    sampling_point: str | None
    sampling_point_name_zh: str | None
    sampling_point_name_en: str | None
    channel_id: int | None
    indicator: str | None
    simulated: bool
    priority: Priority
    state: str
    since: str
    raised_at: str
    returned_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    value: float | None
    extreme: float | None
    unit: str | None
    side: str | None
    limit_lo: float | None
    limit_hi: float | None
    limit_profile: str | None
    clause: str | None
    return_reason: str | None
    text_zh: str
    text_en: str
    muted: NotRequired[bool]
    isa_state: NotRequired[str]
    severity: NotRequired[str]
    worsened_at: NotRequired[str | None]
    legal_lead: NotRequired[bool]
    historic: NotRequired[bool]
    occurrence: NotRequired[int]
    shelved_until: NotRequired[str | None]
    shelved_by: NotRequired[str | None]
    shelve_reason: NotRequired[str | None]
    suppressed_by: NotRequired[str | None]
    out_of_service_until: NotRequired[str | None]
    out_of_service_by: NotRequired[str | None]
    out_of_service_reason: NotRequired[str | None]
    rationale: NotRequired[dict[str, Any] | None]
    rule: NotRequired[str]
    on_the_way_at: NotRequired[str | None]
    on_the_way_by: NotRequired[str | None]
    events: NotRequired[list[AlarmEvent]]


class AlarmPage(TypedDict):
    """A page of alarms, newest first."""

    total: int
    items: list[Alarm]


class Component(TypedDict):
    """One part of the platform."""

    name: str
    state: str
    since: str | None
    detail: str
    detail_zh: str


class Pipeline(TypedDict):
    """Messages on their way through ingest, which must add up."""

    received: int
    committed: int
    dead: int
    silent: int
    in_flight: int
    waiting: int
    imbalance: int
    acknowledged: int
    redelivered: int
    duplicate: int
    late: int
    missing: int
    lag_s: float


class Canary(TypedDict):
    """From the platform's own device to the live feed."""

    last_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    silent_s: float


class Health(TypedDict):
    """How the platform is doing."""

    status: str
    at: str
    version: str
    sites_live: int
    sites_total: int
    sites: dict[str, dict[str, int]]
    components: list[Component]
    journal: dict[str, int | None]
    pipeline: Pipeline | None
    canary: Canary | None
    versions: dict[str, str]
    disk_total_bytes: int | None
    disk_free_bytes: int | None


class SequenceGaps(TypedDict):
    """What is missing in the numbering of a device."""

    device: str
    missing: int
    gaps: int
    restarts: int
    at: str


class DeadLetter(TypedDict):
    """A message, or one field of one, that was not stored."""

    id: int
    received_at: str
    topic: str
    reason: str
    detail: str
    site: str | None
    device: str | None
    field: str | None
    payload_text: str
    payload_bytes: int
    replayed_at: str | None
    replayed_by: str | None


class DeadLetterPage(TypedDict):
    """A page of dead letters, newest first."""

    total: int
    items: list[DeadLetter]


class DeadLetterSummary(TypedDict):
    """Rejected messages by reason."""

    since: str
    total: int
    reasons: dict[str, int]


class ActiveFault(TypedDict):
    """A fault at work."""

    id: str
    fault: str
    started_at: str
    ends_at: str | None
    size: float | None
    unit: str | None


class FaultKind(TypedDict):
    """A kind of fault, and how large it may be."""

    fault: str
    group: str
    plants: list[str]
    unit: str
    smallest: float
    largest: float
    usual: float | None
    signed: bool
    minutes: float | None


class Basin(TypedDict):
    """A simulated basin and its instrument."""

    sampling_point: str
    device: str
    plant: str
    connected: bool
    published: int
    acknowledged: int
    buffered: int
    last_ts: str | None
    faults: list[ActiveFault]
    truth: dict[str, Any]


class FleetSite(TypedDict):
    """A simulated site."""

    code: str
    stopped: bool
    basins: list[Basin]


class Fleet(TypedDict):
    """The simulators' account of themselves."""

    running: bool
    paused_reason: str | None
    speed: float
    seed: int
    sim_now: str | None
    sites: list[FleetSite]


class Truth(TypedDict):
    """What was really wrong in a simulated basin, and when."""

    fault_id: str
    site: str
    sampling_point: str
    fault: str
    started_at: str
    ended_at: str | None


class PictureFlag(TypedDict):
    """A reading that tests flagged."""

    ts: str
    value: float
    tests_zh: str
    tests_en: str
    flag: int


class PictureChannel(TypedDict):
    """One panel of an alarm's picture."""

    channel_id: int
    indicator: str
    precision: int
    spoke: bool
    expected_lo: float | None
    expected_hi: float | None
    limit: Limit | None
    flags: list[PictureFlag]


class Picture(TypedDict):
    """An alarm beside everything else at its place, on one time axis."""

    alarm_id: int
    zone: str
    first: str
    last: str
    since: str
    raised_at: str
    returned_at: str | None
    channels: list[PictureChannel]


class FeedbackGiven(TypedDict):
    """An answer to an alarm."""

    id: int
    alarm_id: int
    at: str
    actor: str | None
    answer: str
    comment: str | None
    verdict: str | None
    verdict_name_zh: str
    verdict_name_en: str
    undone_at: str | None
    undone_by: str | None


class Sensitivity(TypedDict):
    """How easily the detector speaks at a site."""

    site: str
    budget: float
    site_budget: float
    threshold: float
    feedback: list[FeedbackGiven]


class BackTest(TypedDict):
    """A test of changed rules on stored history."""

    id: str
    state: str
    share: float
    readings: int
    detail: str | None
    found: int
    as_set: int
    alarms: list[Alarm]
