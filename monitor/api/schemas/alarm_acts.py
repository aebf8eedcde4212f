"""Putting alarms away and back, announcements, and the alarm parameters of sites' own."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import PointCode, Priority, SiteCode, Time

AnnouncementName = Literal["closed", "circulation_off", "calibration", "maintenance"]
_REASON = Field(min_length=4, max_length=500, examples=["探头更换中，备件已到"])


class Shelf(BaseModel):
    """Shelving: nobody is told until it ends."""

    model_config = ConfigDict(extra="forbid")
    until: datetime = Field(description="When it ends by itself, with a time zone")
    once: bool = Field(default=False, description="One-shot: it ends sooner if the condition does")
    reason: str = _REASON


class OutOfService(BaseModel):
    """Taking an alarm, or all alarms of its device, out of service for repair."""

    model_config = ConfigDict(extra="forbid")
    until: datetime = Field(description="When it ends by itself, with a time zone")
    whole_device: bool = Field(default=False, description="All alarms of the alarm's device, not this one alone")
    reason: str = _REASON


class NewAnnouncement(BaseModel):
    """What a venue or an inspector announces."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    site: SiteCode
    sampling_point: PointCode | None = Field(default=None, description="null: all of the site")
    kind: AnnouncementName
    starts_at: datetime | None = Field(default=None, alias="from", description="With a time zone; by default now")
    ends_at: datetime = Field(alias="to", description="With a time zone")
    reason: str = _REASON


class AnnouncementInfo(BaseModel):
    """An announcement, and whether it counts now."""

    id: int
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    simulated: bool
    sampling_point: PointCode | None = Field(description="null: all of the site")
    kind: AnnouncementName
    starts_at: Time
    ends_at: Time = Field(description="As announced, or when it was withdrawn")
    hold_off_s: int = Field(description="Seconds after its end in which alarms stay muted (design default)")
    state: Literal["coming", "on", "hold_off", "over"]
    reason: str
    announced_by: str
    announced_at: Time
    withdrawn_by: str | None
    withdrawn_at: Time | None
    withdraw_reason: str | None
    muted_alarms: int = Field(description="Alarms that began under it and were muted by it, ever")


class Withdrawal(BaseModel):
    """Ending something ahead of its time."""

    model_config = ConfigDict(extra="forbid")
    reason: str = _REASON


class RecordWords(BaseModel):
    """One part of a rationalisation record."""

    zh: str
    en: str


class AlarmRuleInfo(BaseModel):
    """A rule that raises alarms, with its rationalisation record (ISA-18.2)."""

    rule: str = Field(
        description="Its code; a rule not listed has the record of its longest beginning", examples=["limit:ph"]
    )
    priority: Priority | None = Field(description="null: it comes with the limit that is broken")
    latches: bool = Field(description="Whether its alarms stay until a person resets them")
    respond_within_s: int = Field(description="Time to respond, s (design default)")
    certainty: Literal["primary", "secondary", "unverified", "design"] = Field(description="How sure the basis is")
    cause: RecordWords
    consequence: RecordWords
    response: RecordWords
    basis: RecordWords


class Rationale(BaseModel):
    """Why an alarm of a rule is raised at a place, and what is to be done: the rule's record and the site's own."""

    rule: str
    latches: bool
    respond_within_s: int = Field(description="Time to respond, s")
    certainty: Literal["primary", "secondary", "unverified", "design"]
    cause: RecordWords
    consequence: RecordWords
    response: RecordWords
    basis: RecordWords
    settings: list[int] = Field(description="Settings of the site's own that took part")


class NewAlarmSetting(BaseModel):
    """Alarm parameters of a site's own; what is absent stays as the rule has it."""

    model_config = ConfigDict(extra="forbid")
    sampling_point: PointCode | None = Field(default=None, description="null: all of the site")
    rule: str = Field(description="Code of the rule, or its beginning", examples=["limit:free_chlorine"])
    priority: Priority | None = None
    on_delay_s: float | None = Field(default=None, description="Outside the limit so long (s) before an alarm")
    off_delay_s: float | None = Field(default=None, description="Back inside so long (s) before it returns")
    deadband: float | None = Field(
        default=None, description="How far inside it must come back, in the indicator's unit"
    )
    latches: bool | None = None
    respond_within_s: int | None = Field(default=None, description="Time to respond, s")
    cause: str | None = Field(default=None, max_length=500)
    consequence: str | None = Field(default=None, max_length=500)
    response: str | None = Field(default=None, max_length=500)
    reason: str = Field(min_length=4, max_length=500, description="The basis of the change")


class AlarmSettingInfo(NewAlarmSetting):
    """A setting as it is kept."""

    id: int
    site: SiteCode
    set_by: str
    set_at: Time
    ended_by: str | None
    ended_at: Time | None
    end_reason: str | None
