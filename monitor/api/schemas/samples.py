"""Manual results: laboratory samples and quick tests."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import IndicatorCode, MistakeInfo, PointCode, SiteCode, Time, UnitSymbol

SampleStateName = Literal["suspected", "deviation", "advice", "unclear", "within", "unlimited"]
SampleKindName = Literal["laboratory", "quick_test"]


class SampleInfo(BaseModel):
    """A result and what it says, judged by the limit valid when it was taken."""

    id: int
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    simulated: bool
    county: str
    zone: str
    sampling_point: PointCode
    sampling_point_name_zh: str
    sampling_point_name_en: str
    indicator: IndicatorCode
    unit: UnitSymbol
    value: float = Field(description="In `unit`")
    comparison: Literal["=", "<", ">"] = Field(description="'<': below `value`, which is what the method can tell")
    text: str = Field(description="The result as it is written", examples=["< 0.05"])
    kind: SampleKindName
    taken_at: Time
    taken_by: str
    laboratory: str
    report: str
    note: str
    state: SampleStateName = Field(description="`suspected`: outside a binding limit, a lead and never a finding")
    side: Literal["low", "high"] | None
    hazard: bool = Field(description="Beyond the bound at which the priority is high")
    interval: str | None = Field(description="The limit it was judged by", examples=["≤ 200 CFU/mL"])
    standard: str | None = Field(description="Null where a rule of the site's own or nothing limits it")
    clause: str | None
    force: Literal["binding", "recommended", "operational"] | None
    entered_by: str | None = Field(description="Null for the roles venue and public")
    entered_at: Time
    source: str = Field(description="`form`, or the name of the file")
    withdrawn_by: str | None
    withdrawn_at: Time | None
    withdraw_reason: str | None


class SamplePage(BaseModel):
    """A page of results, newest taken first."""

    total: int
    items: list[SampleInfo]


class NewResult(BaseModel):
    """One result of a sampling."""

    indicator: IndicatorCode
    result: str = Field(description="A number, `<0.05`, or `未检出` / `not detected`", examples=["120"], max_length=40)


class NewSamples(BaseModel):
    """The results of one sampling at one place."""

    site: SiteCode
    sampling_point: PointCode
    taken_at: Time
    kind: SampleKindName
    results: list[NewResult] = Field(min_length=1, max_length=50)
    taken_by: str = Field(default="", max_length=200)
    laboratory: str = Field(default="", max_length=200)
    report: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=500)


class SamplesEntered(BaseModel):
    """What became of results that were entered."""

    added: int
    known: int = Field(description="There already (same place, indicator, time and method), not entered again")
    suspected: int = Field(description="Of those added, how many are outside a binding limit")
    ids: list[int] = Field(description="The results that were added")


class SampleComparison(BaseModel):
    """A result beside what the instrument said at its time."""

    sample_id: int
    channel_id: int | None = Field(description="The channel that measured the same at the same place")
    online: float | None = Field(description="Mean of its readings from `first` to `last`, in the indicator's unit")
    readings: int = Field(description="How many readings the mean is of")
    first: Time
    last: Time
    difference: float | None = Field(description="On-line minus result, in the indicator's unit")
    tolerance: float | None = Field(
        description="Difference that is still agreement, in the indicator's unit: a default of the platform"
    )
    agreement: Literal["agrees", "differs", "missing"]
    online_state: SampleStateName | None = Field(description="What the limits say of the on-line value")
    finding: Literal["water_right", "water_wrong", "false_alarm", "missed", "instrument_off", "test_only"]


class SampleReport(BaseModel):
    """What a file of results holds and whether it was imported."""

    imported: bool
    rows: int
    good: int = Field(description="Rows that can be imported")
    known: int = Field(description="Good rows that are there already")
    added: int
    suspected: int = Field(description="Of the good rows that are not there yet, how many are outside a binding limit")
    mistakes: list[MistakeInfo]


class Withdrawal(BaseModel):
    """Withdrawing a result that is wrong."""

    reason: str = Field(min_length=4, max_length=500, description="Why")


class SampleSummary(BaseModel):
    """What the newest results of a site say."""

    state: SampleStateName = Field(description="The worst of the newest result of each indicator and sampling point")
    taken_at: Time = Field(description="When the newest was taken")
    results: int
    suspected: int
