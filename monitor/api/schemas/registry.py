"""The registry as people change it: imports, and devices with their credentials."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import CountyCode, DeviceCode, IndicatorCode, MistakeInfo, PointCode, SiteCode, Time

DeviceState = Literal["online", "offline", "never", "revoked"]


class SheetCount(BaseModel):
    """What became, or would become, of the rows of a sheet."""

    sheet: str = Field(examples=["site"])
    rows: int
    new: int
    changed: int
    same: int
    held: int = Field(description="Right in themselves, but they stand on a faulty row of the same file")
    faulty: int


class ImportReport(BaseModel):
    """What a file holds and whether it was imported."""

    imported: bool
    counts: list[SheetCount]
    mistakes: list[MistakeInfo]


class CalibrationInfo(BaseModel):
    """A calibration of a device."""

    calibrated_on: date
    due_on: date | None
    note: str
    entered_by: str
    entered_at: Time


class CalibrationRequest(BaseModel):
    """A calibration to enter."""

    calibrated_on: date
    due_on: date | None = None
    note: str = Field(default="", max_length=500)


class DeviceRow(BaseModel):
    """A device as the list shows it."""

    code: DeviceCode
    site: SiteCode
    site_zh: str
    site_en: str
    county: CountyCode
    simulated: bool
    sampling_point: PointCode
    point_zh: str
    point_en: str
    kind: str = Field(description="Its scenario's kind of device, empty where nobody said")
    dialect: str
    period_s: int
    indicators: list[IndicatorCode]
    state: DeviceState
    last_seen: Time | None = Field(description="Time of its newest reading")
    reported_online: bool | None = Field(description="What its status message says")
    firmware: str | None
    credential: Literal["issued", "derived", "revoked"] = Field(
        description="derived: from the master secret, as simulated devices have it"
    )
    issued_at: Time | None
    revoked_at: Time | None
    calibrated_on: date | None
    calibration_due: date | None


class Gap(BaseModel):
    """A silence of more than three periods."""

    start: Time
    end: Time


class DeviceFull(DeviceRow):
    """A device with its history."""

    topic: str = Field(description="Where it publishes telemetry")
    generation: int = Field(description="How many credentials it has had")
    names: dict[str, list[str]] = Field(description="Further names in its payload, by indicator")
    gaps: list[Gap] = Field(description="Of the last 24 h")
    calibrations: list[CalibrationInfo]
    unknown_fields: list[str] = Field(description="Fields of its payload that are no channel, of the last 24 h")


class UnderstoodValue(BaseModel):
    """A reading that a message brought, in its indicator's unit."""

    indicator: IndicatorCode
    unit: str
    ts: Time
    value: float = Field(description="In `unit`")


class MisunderstoodField(BaseModel):
    """What was wrong with a message, or with a field of it."""

    field: str | None
    reason: str = Field(description="Reason code of the dead letter")
    detail: str


class DeviceMessage(BaseModel):
    """A device's newest message, as it came and as it was understood."""

    received_at: Time
    topic: str
    payload: str = Field(description="As text; bytes that are no text as hexadecimal digits")
    text: bool = Field(description="Whether the payload is text")
    understood: list[UnderstoodValue]
    misunderstood: list[MisunderstoodField]


class ChannelMapping(BaseModel):
    """What a device calls an indicator, and how its number becomes the indicator's: times `factor` plus `offset`."""

    indicator: IndicatorCode
    names: list[str] = Field(default=[], description="Further names in its payload", examples=[["ORP_mV"]])
    unit: str = Field(default="", description="Of the device's numbers; empty: the payload's, else the indicator's")
    factor: float = Field(default=1.0, description="The device's number is multiplied by it")
    offset: float = Field(default=0.0, description="Then it is added; the sum is in `unit`")


class InstrumentCommand(BaseModel):
    """What an HJ 212 instrument is to do."""

    command: Literal["set_clock", "set_interval"]
    seconds: int | None = Field(default=None, ge=1, le=3_600, description="Reporting interval, s, for `set_interval`")


class CommandInfo(BaseModel):
    """A command and what became of it."""

    id: int
    command: str
    parameters: dict[str, int]
    requested_by: str
    requested_at: Time
    sent_at: Time | None = Field(description="Null while the instrument is not connected")
    answered_at: Time | None
    answer: str | None = Field(description="What the instrument said", examples=["done"])


class DeviceCredential(BaseModel):
    """What the device is set up with. The password is shown once and kept nowhere."""

    device: DeviceCode
    password: str
    host: str
    port: int
    tls: bool
    topic: str
    uri: str = Field(description="All of it as one address, for a QR code")


class NewDevice(BaseModel):
    """A device to add, with its site and sampling point where they are new.

    Fields of `site_entry` and `point_entry` are the columns of the import's sheets.
    """

    code: str
    site: str
    sampling_point: str
    indicators: list[str] = Field(description="What it measures; none only for a kind that measures nothing")
    kind: str | None = Field(
        default=None, description="Its scenario's kind of device, which says what it may tell of medical waste"
    )
    period_s: int = Field(default=60, description="Reporting period, s")
    dialect: str = Field(default="native", description="What it speaks, see docs/devices.md")
    gateway: str | None = Field(default=None, description="The device that speaks for it")
    identity: str | None = Field(default=None, description="What its dialect calls it, such as the MN of HJ 212")
    address: str | None = Field(
        default=None, description="Where it is asked", examples=["modbus://192.0.2.7:502/1?map=neopool"]
    )
    site_entry: dict[str, str | float | None] | None = Field(default=None, description="Only where the site is new")
    point_entry: dict[str, str | float | None] | None = Field(
        default=None, description="Only where the sampling point is new"
    )


class Adoption(BaseModel):
    """An unknown field of a device's payload, and the indicator that it is."""

    field: str = Field(min_length=1, max_length=100, examples=["ORP_mV"])
    indicator: IndicatorCode
