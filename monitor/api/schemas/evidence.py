"""Evidence packages, published anchors, and reviews of devices."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import Count, DeviceCode, SiteCode, Time


class NewPackage(BaseModel):
    """What a package is to be about, and what for."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    subject: Literal["alarm", "case"]
    subject_id: int = Field(ge=0, le=2**63 - 1, description="The alarm or the case")
    purpose: str = Field(min_length=2, max_length=500, description="Why it is made; it stands in the package")


class Audit(BaseModel):
    """What the second person found."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    accepted: bool = Field(description="Whether the record meets what the law asks; false is kept too")
    note: str = Field(min_length=2, max_length=1_000, description="What was compared, and what was found")


class PackageInfo(BaseModel):
    """A package. `state` draft: no second person has audited it, so it is no evidence."""

    id: int
    subject: Literal["alarm", "case"]
    subject_id: int
    site: SiteCode
    simulated: bool = Field(description="Of the demonstration, marked on every page: never evidence")
    purpose: str
    state: Literal["draft", "accepted", "rejected"]
    made_at: Time
    made_by: str
    made_by_name: str
    audited_at: Time | None
    audited_by: str | None
    audited_by_name: str | None
    audit_note: str | None
    may_audit: bool = Field(description="Whether you may: a draft, made by another")
    sha256: str = Field(description="Of the archive, hexadecimal")
    bytes: Count = Field(description="Size of the archive, bytes")
    anchor: int | None = Field(description="The published anchor that holds `sha256`; null until the next one")


class AnchorInfo(BaseModel):
    """A published anchor; its exact text, of which `digest` is the SHA-256, is a line of ``/anchors.jsonl``."""

    number: int
    made_at: Time
    journal_id: int = Field(description="It covers the journal's rows up to this one")
    digest: str = Field(description="SHA-256 of its text, hexadecimal; the next anchor carries it")


class NewReview(BaseModel):
    """What a review of a device by 行政处罚法 Art 41 found."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reviewed_on: date
    legal: bool = Field(description="It passed the legal review (法制审核)")
    technical: bool = Field(description="It passed the technical review (技术审核)")
    standard: str = Field("", max_length=200, description="The standard or type approval it meets; empty: none")
    sited: bool = Field(description="Reasonably sited (设置合理)")
    marked: bool = Field(description="Conspicuously marked (标志明显)")
    published: str = Field("", max_length=500, description="Where its place is published; empty: nowhere")
    reviewers: list[str] = Field(min_length=1, max_length=10, description="Who reviewed it")
    note: str = Field("", max_length=1_000)


class ReviewInfo(NewReview):
    """A review as it was entered."""

    id: int
    device: DeviceCode
    entered_by: str
    entered_at: Time
