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
    indicators: list[str] = Field(min_length=1)
    period_s: int = Field(default=60, description="Reporting period, s")
    dialect: str = "native"
    site_entry: dict[str, str | float | None] | None = Field(default=None, description="Only where the site is new")
    point_entry: dict[str, str | float | None] | None = Field(
        default=None, description="Only where the sampling point is new"
    )


class Adoption(BaseModel):
    """An unknown field of a device's payload, and the indicator that it is."""

    field: str = Field(min_length=1, max_length=100, examples=["ORP_mV"])
    indicator: IndicatorCode
