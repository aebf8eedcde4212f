"""The detector: what it made of an alarm, its picture, its budget, feedback, and tests of changes on history."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import (
    AlarmState,
    ChannelId,
    Count,
    DeviceCode,
    IndicatorCode,
    PointCode,
    SiteCode,
    Time,
)
from monitor.api.schemas.sites import LimitInfo

FeedbackAnswer = Literal["false", "true"]


class PictureFlag(BaseModel):
    """A reading that a test flagged."""

    ts: Time
    value: float = Field(description="In the channel's unit")
    tests: list[str] = Field(description="Names of the tests, QARTOD's where it has them")
    tests_zh: str
    tests_en: str
    flag: int = Field(description="QARTOD: 3 suspect, 4 fail, 9 missing")


class PictureChannel(BaseModel):
    """One panel of an alarm's picture."""

    channel_id: ChannelId
    device: DeviceCode
    indicator: IndicatorCode
    indicator_name_zh: str
    indicator_name_en: str
    unit: str
    precision: int
    spoke: bool = Field(description="Whether the verdict rests on this channel")
    expected_lo: float | None = Field(description="Lowest usual level when it spoke, in `unit`")
    expected_hi: float | None = Field(description="Highest usual level when it spoke, in `unit`")
    limit: LimitInfo | None
    flags: list[PictureFlag]


class Picture(BaseModel):
    """An alarm beside everything else at its sampling point, on one time axis: the channels that spoke first."""

    alarm_id: int
    zone: str
    first: Time = Field(description="Where the time axis begins")
    last: Time
    since: Time
    raised_at: Time
    returned_at: Time | None
    channels: list[PictureChannel]


class FeedbackIn(BaseModel):
    """An inspector's answer to an alarm: it was false (误报), or true (属实)."""

    model_config = ConfigDict(extra="forbid")
    answer: FeedbackAnswer
    comment: str | None = Field(default=None, max_length=2000, examples=["现场复测正常，探头有气泡"])


class FeedbackUndo(BaseModel):
    """Taking an answer back."""

    model_config = ConfigDict(extra="forbid")
    feedback: int = Field(description="`id` of the answer")
    comment: str | None = Field(default=None, max_length=2000)


class FeedbackGiven(BaseModel):
    """An answer that was given, and whether it still stands."""

    id: int = Field(description="The journal row that it is")
    alarm_id: int
    at: Time
    actor: str | None
    answer: FeedbackAnswer
    comment: str | None
    verdict: str | None
    verdict_name_zh: str
    verdict_name_en: str
    undone_at: Time | None
    undone_by: str | None


class Sensitivity(BaseModel):
    """How easily the detector speaks at a site, and why."""

    site: SiteCode
    budget: float = Field(description="The setting: expected false alarms a site and week")
    site_budget: float = Field(description="The same after this site's feedback")
    threshold: float = Field(description="What this site's thresholds are multiplied by; 1 is the default")
    feedback: list[FeedbackGiven] = Field(description="Newest first")


class Budget(BaseModel):
    """The one setting of the detector."""

    model_config = ConfigDict(extra="forbid")
    per_site_week: float = Field(ge=0.01, le=7.0, description="Expected false alarms a site and week", examples=[0.25])


class RuleChange(BaseModel):
    """A change of a limit or its delays; what is null stays as it is."""

    model_config = ConfigDict(extra="forbid")
    indicator: IndicatorCode
    lo: float | None = Field(default=None, description="New lower bound, in the indicator's unit")
    hi: float | None = Field(default=None, description="New upper bound, in the indicator's unit")
    on_delay_s: float | None = Field(default=None, ge=0, le=86_400, description="Seconds outside before an alarm")
    off_delay_s: float | None = Field(default=None, ge=0, le=86_400, description="Seconds inside before its return")
    deadband: float | None = Field(default=None, ge=0, description="How far inside it must be, in the indicator's unit")


class BackTestRequest(BaseModel):
    """Which history to judge again, and under which changes."""

    model_config = ConfigDict(extra="forbid")
    sites: list[SiteCode] = Field(min_length=1, max_length=200)
    first: Time = Field(alias="from")
    last: Time = Field(alias="to")
    changes: list[RuleChange] = Field(default=[], max_length=20)
    per_site_week: float | None = Field(default=None, ge=0.01, le=7.0, description="Another budget; null: as set")


class BackTestAlarm(BaseModel):
    """An alarm that would have been raised."""

    id: int = Field(description="Within this back-test")
    state: AlarmState
    simulated: bool
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    sampling_point: PointCode | None
    kind: str
    verdict: str | None
    indicator: IndicatorCode | None
    priority: str
    since: Time
    raised_at: Time
    returned_at: Time | None
    value: float | None = Field(description="When it would have been raised, in `unit`")
    extreme: float | None = Field(description="Furthest beyond the limit, in `unit`")
    unit: str | None
    text_zh: str
    text_en: str


class BackTest(BaseModel):
    """A back-test: how far it is, and what it found. `raised` were raised by the rules as they were then."""

    id: str
    state: Literal["running", "done", "failed", "cancelled"]
    share: float = Field(description="How much of the history has been judged, 0–1")
    readings: Count
    detail: str | None = Field(description="Why it failed")
    detail_zh: str | None = Field(description="The same in Chinese")
    found: Count = Field(description="Alarms under the changed rules, also those beyond the list's end")
    as_set: Count = Field(description="Alarms under the rules as they are set, on the same history")
    alarms: list[BackTestAlarm]
