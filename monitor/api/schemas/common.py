"""Names, codes and quantities that several answers share."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field

from registry.catalogue import entries
from registry.words import WordedError, listed

RoleName = Literal["administrator", "centre", "inspector", "venue", "public"]
Priority = Literal["high", "medium", "low"]
AlarmState = Literal[
    "unacknowledged", "acknowledged", "returned_unacknowledged", "latched_unacknowledged", "latched", "normal"
]
IsaState = Literal[AlarmState, "shelved", "suppressed_by_design", "out_of_service"]
ChannelState = Literal["normal", "advice", "pending", "breach", "closed", "stale", "unjudged", "bad"]
SiteState = Literal["normal", "advice", "pending", "breach", "closed", "stale", "offline", "none"]
FAULTS: Final = tuple(key.split(".")[1] for key in entries() if key.startswith("fault.") and key.endswith(".effect"))
"""The faults that the catalogue describes are those that a simulator knows."""


def _known_fault(code: str) -> str:
    if code not in FAULTS:
        raise WordedError.of("refusal.common.fault", known=listed(FAULTS))
    return code


Fault = Annotated[
    str,
    AfterValidator(_known_fault),
    Field(description="Kind of fault", examples=["dosing_failure"], json_schema_extra={"enum": list(FAULTS)}),
]

SiteCode = Annotated[str, Field(description="Site code", examples=["NT-001"])]
CountyCode = Annotated[str, Field(description="County, GB/T 2260 code", examples=["320602"])]
DeviceCode = Annotated[str, Field(description="Device code", examples=["NT-001-1"])]
PointCode = Annotated[str, Field(description="Sampling point (basin) code, unique in its site", examples=["basin-1"])]
IndicatorCode = Annotated[str, Field(description="Indicator code", examples=["free_chlorine"])]
UnitSymbol = Annotated[str, Field(description="Unit of the values", examples=["mg/L"])]
ChannelId = Annotated[int, Field(description="Channel: one indicator at one sampling point", examples=[17])]
Time = Annotated[datetime, Field(description="UTC", examples=["2026-05-01T08:15:00Z"])]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class MistakeInfo(BaseModel):
    """Something wrong at one place of a file, in words for whoever filled it in."""

    sheet_zh: str
    sheet_en: str
    row: int = Field(description="As the spreadsheet numbers it; 0 for the sheet as a whole")
    column_zh: str | None
    column_en: str | None
    value: str
    text_zh: str = Field(description="The whole sentence")
    text_en: str
    problem_zh: str = Field(description="What is wrong, without the place")
    problem_en: str


class Error(BaseModel):
    """Any answer that is not a success."""

    detail: str = Field(
        description="What was wrong, with what was given and what would be right",
        examples=["site 'NT-999' is not registered or not in your scope"],
    )
    detail_zh: str = Field(
        description="The same in Chinese",
        examples=["场所 'NT-999' 未登记或不在您的权限范围内"],
    )
    mistakes: list[MistakeInfo] = Field(default_factory=list, description="Of a form: each mistake, in both languages")
