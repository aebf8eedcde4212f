"""Medical waste: kilograms, bags in each state, the overdue list, the balance, vehicles, a bag's life."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import Count, CountyCode, SiteCode, Time

Step = Literal["collected", "stored", "handed", "received", "treated"]


class Weighed(BaseModel):
    """Kilograms of a county and category collected today."""

    county: CountyCode
    category: str | None = Field(description="Code of the 2021 catalogue; null: not said", examples=["841-001-01"])
    category_zh: str
    category_en: str
    kg: float = Field(description="Net, kg")
    bags: Count = Field(description="Bags weighed")


class StateOfBags(BaseModel):
    """Bags that are not treated yet, by the last step that is known."""

    step: Step | None
    step_zh: str
    step_en: str
    bags: Count = Field(description="Bags at this step")
    kg: float = Field(description="As last weighed, kg")
    oldest_h: float | None = Field(description="Hours since the oldest of them was collected or stored")


class WasteOverview(BaseModel):
    """Where the waste is now."""

    at: Time
    today: date
    weighed: list[Weighed]
    states: list[StateOfBags]
    overdue: Count = Field(description="Bags stored beyond the limit, missing, or lost on the road (suspected)")
    open: Count = Field(description="Bags about which somebody should act")
    institutions: Count = Field(description="Institutions in scope")
    reporting: Count = Field(description="Of these with a bag today")


class BagInfo(BaseModel):
    """A bag as a line of a list."""

    tag: str
    site: SiteCode | None
    site_name_zh: str
    site_name_en: str
    simulated: bool
    ward: str | None = Field(description="Code")
    ward_zh: str | None
    ward_en: str | None
    category: str | None
    category_zh: str
    category_en: str
    step: Step | None
    step_zh: str
    step_en: str
    kg: float | None = Field(description="As last weighed, net kg")
    since: Time | None = Field(description="Collected, or the first that is known of it")
    age_h: float | None = Field(description="Hours since then, until it was treated")
    parent: str | None = Field(description="The box or batch it lies in")
    rules: list[str] = Field(description="Rules about it that are open")
    rules_zh: list[str]
    rules_en: list[str]


class BagPage(BaseModel):
    """Bags, those that wait longest first."""

    items: list[BagInfo]


class Scan(BaseModel):
    """One scan or weighing."""

    ts: Time
    arrived: Time
    event: str
    event_zh: str
    event_en: str
    tag: str
    container_zh: str
    container_en: str
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    device: str
    ward: str | None = Field(description="Code")
    ward_zh: str | None
    ward_en: str | None
    place: str | None = Field(description="Code of a store, vehicle or receiver")
    place_zh: str | None
    place_en: str | None
    parent: str | None
    category: str | None
    category_zh: str
    category_en: str
    kg: float | None = Field(description="Net, kg")
    gross_kg: float | None = Field(description="With its container, kg")
    signed_by: list[str] = Field(description="Names of those who signed, their codes where they are not registered")
    receiver: str | None = Field(description="Code")
    receiver_zh: str | None
    receiver_en: str | None
    vehicle: str | None = Field(description="Plate")
    manifest: str | None
    sealed: bool | None


class BagLife(BaseModel):
    """A bag's whole life."""

    bag: BagInfo
    found: list[str] = Field(description="Rules that were broken at any time")
    found_zh: list[str]
    found_en: list[str]
    scans: list[Scan]


class BalanceLine(BaseModel):
    """What was weighed at each step, and what is missing between them."""

    site: SiteCode
    site_name_zh: str
    site_name_en: str
    simulated: bool
    day: date | None = Field(description="Local day; null: the whole period")
    collected_kg: float = Field(description="kg")
    stored_kg: float = Field(description="kg")
    handed_kg: float = Field(description="kg")
    received_kg: float = Field(description="kg")
    gap_kg: float = Field(description="Handed over less received, kg")
    gap_share: float | None = Field(description="Of what was handed over; null where nothing was")
    notable: bool = Field(description="Beyond the tolerances of a batch that are in force (by default 0.2 kg and 2 %)")


class Fix(BaseModel):
    """Where a vehicle was. GCJ-02 is what maps published in China are drawn in."""

    ts: Time
    lon: float = Field(description="Longitude, degrees, WGS-84")
    lat: float = Field(description="Latitude, degrees, WGS-84")
    lon_gcj02: float = Field(description="Longitude, degrees, GCJ-02")
    lat_gcj02: float = Field(description="Latitude, degrees, GCJ-02")
    speed_kmh: float | None = Field(description="km/h")


class VehicleInfo(BaseModel):
    """A vehicle with where it is."""

    code: str
    plate: str
    receiver: str
    receiver_zh: str
    receiver_en: str
    simulated: bool
    fix: Fix | None = Field(description="Newest; null: never heard")
    stale: bool = Field(description="Not heard for ten minutes")
    routes: list[list[tuple[float, float]]] = Field(description="Planned ways, [longitude, latitude] in WGS-84")


class Track(BaseModel):
    """Where a vehicle was over some time."""

    code: str
    fixes: list[Fix]


class InstitutionInfo(BaseModel):
    """An institution with what lies there."""

    site: SiteCode
    site_name_zh: str
    site_name_en: str
    county: CountyCode
    simulated: bool
    kind_zh: str
    kind_en: str
    beds: Count = Field(description="Beds")
    bags: Count = Field(description="Bags not handed over yet")
    kg: float = Field(description="Of these, kg")
    oldest_h: float | None = Field(description="Hours since the oldest of them was stored")
    today_kg: float = Field(description="Collected today, kg")
    open: Count = Field(description="Bags about which somebody should act")


class Timeline(BaseModel):
    """An institution's chain: what was scanned there, newest first."""

    institution: InstitutionInfo
    scans: list[Scan]
