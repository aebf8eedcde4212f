"""The rules in force at a site, and those of its own."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import IndicatorCode, PointCode, Priority, SiteCode, Time, UnitSymbol

CertaintyName = Literal["primary", "secondary", "unverified", "design"]


class BandInfo(BaseModel):
    """Bounds that apply while another indicator is within a range."""

    least: float = Field(description="In the other indicator's unit")
    greatest: float = Field(description="In the other indicator's unit")
    lo: float | None = Field(description="In the limit's unit")
    hi: float | None = Field(description="In the limit's unit")


class RuleInfo(BaseModel):
    """A limit in force at a sampling point at the instant asked for."""

    sampling_point: PointCode
    indicator: IndicatorCode
    unit: UnitSymbol
    precision: int
    lo: float | None = Field(description="Lower bound in `unit`; of a limit with bands that of the least demanding one")
    hi: float | None = Field(description="Upper bound in `unit`")
    lo_inclusive: bool
    hi_inclusive: bool
    interval: str = Field(examples=["0.3–1.0 mg/L"])
    hazard_lo: float | None = Field(description="Below it the priority is high")
    hazard_hi: float | None = Field(description="Above it the priority is high")
    hazard_certainty: CertaintyName | None
    depends_on: IndicatorCode | None = Field(description="The indicator whose newest value chooses the band")
    bands: list[BandInfo]
    origin: Literal["standard", "adopted", "site"] = Field(
        description="A standard for all such venues; one this site adopted; a limit of the site's own"
    )
    rule: int | None = Field(description="The site's rule that sets or adopted it")
    profile: str | None = Field(description="The profile in its version", examples=["gb37488-2019-artificial-pool"])
    standard: str = Field(description="Empty where no standard limits this", examples=["GB 37488-2019"])
    standard_title_zh: str
    standard_title_en: str
    clause: str = Field(examples=["4.4.1 表4"])
    source_zh: str = Field(description="Where the encoded values were read")
    source_en: str
    force: Literal["binding", "recommended", "operational"]
    certainty: CertaintyName = Field(description="How sure the encoded value is; `design` is ours, not law")
    condition_certainty: CertaintyName = Field(description="How sure it is that the limit applies under its condition")
    severity: Priority = Field(description="Priority of an alarm above `hi`")
    severity_low: Priority = Field(description="Priority of an alarm below `lo`")
    on_delay_s: float = Field(description="Outside for so long before an alarm, s (a default of ours)")
    off_delay_s: float = Field(description="Inside for so long before it returns, s (a default of ours)")
    deadband: float = Field(description="In `unit` (a default of ours)")
    valid_from: Time | None = Field(description="Since when this version is in force here; null: always")
    valid_to: Time | None = Field(description="Until when; null: until somebody changes it")
    note_zh: str
    note_en: str


class SiteRuleInfo(BaseModel):
    """A rule of the site's own, in force or not."""

    id: int
    site: SiteCode
    sampling_point: PointCode | None = Field(description="Null: all of the site")
    profile: str | None = Field(description="The standard (family) that is adopted")
    indicator: IndicatorCode | None
    lo: float | None = Field(description="In the indicator's unit")
    hi: float | None = Field(description="In the indicator's unit")
    reason: str
    since: Time
    until: Time | None = Field(description="Not in force any more from then on; null: for good")
    state: Literal["coming", "in_force", "over"]
    set_by: str | None = Field(description="Null for the role public")
    set_at: Time
    ended_by: str | None
    ended_at: Time | None
    end_reason: str | None


class StandardInfo(BaseModel):
    """A standard in one version."""

    family: str
    profile: str
    standard: str
    version: str
    title_zh: str
    title_en: str
    source_zh: str
    source_en: str
    valid_from: str = Field(description="First day, by the calendar of the site", examples=["2019-11-01"])
    valid_to: str | None = Field(description="First day on which it is not in force any more")
    note_zh: str
    note_en: str


class SiteRules(BaseModel):
    """All that a site is judged by."""

    site: SiteCode
    at: Time
    rules: list[RuleInfo] = Field(description="In force at `at`, by sampling point and indicator")
    own: list[SiteRuleInfo] = Field(description="The site's own rules, newest first, those that are over too")
    standards: list[StandardInfo] = Field(description="Every version of the standards such a site is judged by")
    adoptable: list[StandardInfo] = Field(description="Newest versions of standards that the site may adopt")
    may_set: bool = Field(description="Whether the person who asks may set and end rules")


class NewSiteRule(BaseModel):
    """A rule to set: either `profile`, a standard to adopt, or `indicator` with at least one bound."""

    sampling_point: PointCode | None = Field(default=None, description="Null: all of the site")
    profile: str | None = Field(default=None, examples=["din19643"])
    indicator: IndicatorCode | None = None
    lo: float | None = Field(default=None, allow_inf_nan=False, description="In the indicator's unit")
    hi: float | None = Field(default=None, allow_inf_nan=False, description="In the indicator's unit")
    reason: str = Field(description="Why, 4 to 500 characters", examples=["参比电极为甘汞电极，读数偏低约 40 mV"])
    since: Time | None = Field(default=None, description="Begins then; null: now. Never in the past")
    until: Time | None = Field(default=None, description="Ends then; null: for good")


class EndOfRule(BaseModel):
    """Ending a rule ahead of its time."""

    reason: str = Field(description="Why, 4 to 500 characters")
