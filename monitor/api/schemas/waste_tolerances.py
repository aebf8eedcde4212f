"""What the rules of custody tolerate: every value with its source, how it came to hold, and setting others."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import Time

Value = bool | int | float


class ToleranceInfo(BaseModel):
    """A tolerance as it holds now."""

    name: str = Field(examples=["storage_h"])
    name_zh: str
    name_en: str
    group: str = Field(description="The step of custody that it stands at", examples=["stored"])
    group_zh: str
    group_en: str
    unit: str = Field(description="Code of the unit; empty: it has none", examples=["h"])
    unit_zh: str
    unit_en: str
    kind: Literal["number", "whole", "yes_no"] = Field(description="A number, a whole number, or true or false")
    value: Value = Field(description="What holds now, in the unit")
    default: Value = Field(description="The platform's default, in the unit")
    least: float = Field(description="Least that may be set, in the unit")
    most: float = Field(description="Greatest that may be set, in the unit; where the law has a limit, that limit")
    not_above: str | None = Field(description="The tolerance that it may not exceed; null: none")
    certainty: Literal["primary", "secondary", "unverified", "design"] = Field(
        description="How sure the default's source is; design: no rule was found, a default that the agency sets"
    )
    source_zh: str
    source_en: str
    rules: list[str] = Field(description="Codes of the rules that use it")
    rules_zh: list[str]
    rules_en: list[str]
    changed: bool = Field(description="Whether it differs from the default")
    set_by: str | None = Field(description="Who set what differs; null: the default holds")
    set_at: Time | None
    reason: str | None


class ToleranceChange(BaseModel):
    """What a setting changed of one tolerance."""

    name: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    before: Value = Field(description="In the tolerance's unit")
    after: Value = Field(description="In the tolerance's unit")


class ToleranceSettingInfo(BaseModel):
    """One setting of the past, or the one that holds."""

    id: int = Field(description="Its number; the greatest holds")
    set_by: str
    set_at: Time
    reason: str
    changes: list[ToleranceChange]


class WasteTolerances(BaseModel):
    """Every tolerance, and every setting there was, newest first."""

    may_set: bool = Field(description="Whether you may set them")
    tolerances: list[ToleranceInfo]
    history: list[ToleranceSettingInfo]


class NewWasteTolerances(BaseModel):
    """Other values; those that are not named stay as they are."""

    model_config = ConfigDict(extra="forbid")
    values: dict[str, bool | int | float | str | None] = Field(
        min_length=1,
        description="Values by name, each in its unit: a number, or true or false where the kind is yes_no",
        examples=[{"storage_h": 24, "storage_first_h": 12, "storage_second_h": 20}],
    )
    reason: str = Field(min_length=4, max_length=500, description="Why, for the record")


class ToleranceReset(BaseModel):
    """Back to the defaults."""

    model_config = ConfigDict(extra="forbid")
    names: list[str] | None = Field(default=None, min_length=1, description="Only these; null: all of them")
    reason: str = Field(min_length=4, max_length=500, description="Why, for the record")
