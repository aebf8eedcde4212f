"""Alarms with what they rest on and what was done about them."""

from typing import Any, NotRequired, TypedDict

from dashboard.shapes.common import Priority


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
