"""Public displays (公示屏): the links to them, and what they show."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import CountyCode, IndicatorCode, PointCode, SiteCode, Time, UnitSymbol

DisplayState = Literal["within", "outside", "advice", "unjudged", "closed", "stale", "none"]


class NewDisplay(BaseModel):
    """A link to be made."""

    place: str = Field(default="", max_length=60, description="Where the screen hangs", examples=["前台"])


class DisplayLink(BaseModel):
    """A link to a venue's public display."""

    id: int
    site: SiteCode
    place: str
    key: str | None = Field(description="What opens the display; null once it is revoked")
    made_by: str
    made_at: Time
    revoked_by: str | None
    revoked_at: Time | None
    shown_at: Time | None = Field(description="When a screen last asked with it, to the minute")


class DisplayValue(BaseModel):
    """One indicator of a basin as the public sees it."""

    indicator: IndicatorCode
    name_zh: str
    name_en: str
    unit: UnitSymbol
    precision: int = Field(description="Decimals to show")
    value: float | None = Field(description="In `unit`")
    ts: Time | None = Field(description="When the instrument measured it")
    fresh_until: Time | None = Field(description="From then on the value is stale if no newer one has come")
    state: DisplayState = Field(
        description="`stale`: older than three periods and ten minutes; `closed`: measured, but the venue is not open"
    )
    interval: str | None = Field(description="The limit in force", examples=["0.3–1.0 mg/L"])
    standard: str | None = Field(description="Null for a rule of the platform's or the site's own")
    clause: str | None
    verified: bool = Field(description="Whether the limit was checked against the official text")


class DisplayPoint(BaseModel):
    """A basin."""

    code: PointCode
    name_zh: str
    name_en: str
    values: list[DisplayValue]


class DisplayView(BaseModel):
    """All that a public display shows: reference values of one venue."""

    at: Time = Field(description="The platform's time, by which ages are told")
    site: SiteCode
    county: CountyCode
    name_zh: str
    name_en: str
    zone: str
    simulated: bool
    open_now: bool
    points: list[DisplayPoint]
