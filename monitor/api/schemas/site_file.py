"""一户一档 and 一人一档: everything that is kept of a venue, and of the people who answer for it."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import Count, IndicatorCode, Priority, SiteCode, Time
from monitor.api.schemas.credit import SiteCredit

Role = Literal["legal", "hygiene", "water"]
CertificateKind = Literal["health", "training"]


class Entered(BaseModel):
    """What was entered."""

    id: int = Field(description="Number of the entry")


class NewLicence(BaseModel):
    """A licence."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(min_length=1, max_length=100, examples=["公共场所卫生许可证"])
    number: str = Field(min_length=1, max_length=100)
    authority: str = Field(min_length=1, max_length=200)
    issued_on: date
    valid_until: date = Field(description="A hygiene licence is valid for four years (公共场所卫生管理条例实施细则)")


class Licence(NewLicence):
    """A licence with how long it lasts."""

    id: int
    days_left: int = Field(description="Days to its last day; negative: it has ended")


class NewResponsible(BaseModel):
    """Somebody who answers for the venue: a person that is known, or a new one."""

    model_config = ConfigDict(extra="forbid")

    person: int | None = Field(default=None, description="Number of a person that is known; else give name and phone")
    name: str = Field(default="", max_length=100)
    phone: str = Field(default="", max_length=50)
    role: Role
    since: date


class Responsible(BaseModel):
    """Somebody who answers or answered for the venue."""

    id: int
    person: int
    name: str
    phone: str
    role: Role
    since: date
    until: date | None


class LastDay(BaseModel):
    """When somebody's answering for a venue ended."""

    model_config = ConfigDict(extra="forbid")

    until: date


class NewCommitment(BaseModel):
    """A written promise (信用承诺)."""

    model_config = ConfigDict(extra="forbid")

    signed_on: date
    valid_until: date | None = None
    signed_by: str = Field(min_length=1, max_length=100)
    text: str = Field(min_length=1, max_length=4_000)


class Commitment(NewCommitment):
    """A promise, and whether it stands."""

    id: int
    withdrawn_at: Time | None


class InspectedItem(BaseModel):
    """A line of a self-inspection."""

    item: str = Field(min_length=1, max_length=200)
    in_order: bool
    note: str = Field(default="", max_length=1_000)


class NewSelfInspection(BaseModel):
    """What a venue found when it looked itself."""

    model_config = ConfigDict(extra="forbid")

    inspected_on: date
    inspected_by: str = Field(min_length=1, max_length=100)
    items: list[InspectedItem] = Field(min_length=1, max_length=50)
    note: str = Field(default="", max_length=4_000)


class SelfInspection(NewSelfInspection):
    """A self-inspection."""

    id: int
    entered_by: str
    entered_at: Time


class DeviceOnFile(BaseModel):
    """An instrument with its certificates and due dates."""

    code: str
    sampling_point: str
    sampling_point_name_zh: str | None = Field(description="Null for an instrument of the whole site")
    sampling_point_name_en: str | None
    dialect: str
    calibrated_on: date | None
    due_on: date | None
    overdue: bool = Field(description="Calibration is past its due date, or there never was one")
    reviewed_on: date | None = Field(description="Newest review by 行政处罚法 Art 41")
    standard: str | None


class AlarmsOfMonth(BaseModel):
    """Warnings of a month."""

    month: date = Field(description="Its first day, in the site's zone")
    priority: Priority
    alarms: Count = Field(description="Warnings for inspectors raised in the month")


class CaseOnFile(BaseModel):
    """A case of the venue."""

    id: int
    opened_at: Time
    source: str
    state: str
    measure: str | None
    closure: str | None
    closed_at: Time | None
    due_day: date | None


class ComplianceOfMonth(BaseModel):
    """How much of a month's readings was within the limit."""

    month: date = Field(description="Its first day, in the site's zone")
    indicator: IndicatorCode
    readings: Count = Field(description="Readings of the month")
    beyond: Count = Field(description="Of these beyond the limit in force at their time")
    share: float = Field(ge=0, le=1, description="Share of readings within the limit")


class SamplesOfMonth(BaseModel):
    """Manual results of a month."""

    month: date = Field(description="Its first day, in the site's zone")
    results: Count = Field(description="Manual results")
    suspected: Count = Field(description="Of these beyond a binding limit")


class SiteFile(BaseModel):
    """One venue's file."""

    site: SiteCode
    at: Time
    simulated: bool
    licences: list[Licence]
    responsible: list[Responsible]
    devices: list[DeviceOnFile]
    commitments: list[Commitment]
    alarms: list[AlarmsOfMonth]
    cases: list[CaseOnFile]
    samples: list[SamplesOfMonth]
    self_inspections: list[SelfInspection]
    compliance: list[ComplianceOfMonth]
    credit: SiteCredit


class FilePart(BaseModel):
    """A part of the page: a table, or a sentence where there is none."""

    title: str
    rows: list[list[str]] = Field(description="The first row holds the headings")
    text: str


class NewCertificate(BaseModel):
    """A certificate of a person."""

    model_config = ConfigDict(extra="forbid")

    kind: CertificateKind
    name: str = Field(min_length=1, max_length=200, examples=["健康合格证"])
    number: str = Field(default="", max_length=100)
    issued_on: date
    valid_until: date | None = None


class Certificate(NewCertificate):
    """A certificate and whether it still is valid."""

    id: int
    valid: bool


class AnsweredFor(BaseModel):
    """A site somebody answers or answered for, and what happened there in that time."""

    id: int
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    role: Role
    since: date
    until: date | None
    cases: Count = Field(description="Cases opened in that time")
    orders: Count = Field(description="Of these with an order to correct")


class PersonFile(BaseModel):
    """一人一档: the file of a responsible person, as far as its sites are in scope."""

    id: int
    name: str
    phone: str
    certificates: list[Certificate]
    sites: list[AnsweredFor]
