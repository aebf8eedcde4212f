"""Messages that were not stored."""

from pydantic import BaseModel, Field

from monitor.api.schemas.common import Count, SiteCode, Time


class DeadLetterInfo(BaseModel):
    """A message, or one field of one, that was not stored, with the reason."""

    id: int
    received_at: Time
    topic: str
    reason: str = Field(examples=["unknown_device"])
    detail: str
    site: SiteCode | None
    device: str | None
    field: str | None
    payload_text: str = Field(description="Up to 2 000 characters of the payload, undecodable bytes replaced")
    payload_bytes: int = Field(description="Size of the whole payload, bytes")
    replayed_at: Time | None = Field(description="When it went through again and was dead no more (`landun replay`)")
    replayed_by: str | None = Field(description="Who replayed it")


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first."""

    total: Count
    items: list[DeadLetterInfo]


class DeadLetterSummary(BaseModel):
    """How many messages were rejected, by reason."""

    since: Time = Field(description="Start of the counted period")
    total: Count
    reasons: dict[str, int] = Field(examples=[{"unknown_device": 3, "malformed_json": 1}])


class SequenceGaps(BaseModel):
    """What is missing in the numbering of a device."""

    device: str
    missing: int = Field(description="Messages that never came")
    gaps: int = Field(description="How often some were left out")
    restarts: int = Field(description="How often the device began to count anew")
    at: Time = Field(description="The last change")
