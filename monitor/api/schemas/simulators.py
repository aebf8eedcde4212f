"""The simulated fleet."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import Count, DeviceCode, Fault, PointCode, SiteCode, Time


class ActiveFault(BaseModel):
    """A fault at work in a simulated basin."""

    model_config = ConfigDict(extra="allow")
    id: str
    fault: str = Field(examples=["dosing_failure"])
    started_at: Time
    ends_at: Time | None = Field(default=None, description="When it will end at the present speed, wall clock, UTC")
    ended_at: Time | None = Field(default=None, description="When it ended, wall clock, UTC")
    size: float | None = Field(default=None, description="In the unit of its kind; null: a whole or the usual failure")
    unit: str | None = Field(default=None, description="Unit of the size")


class FaultKind(BaseModel):
    """A kind of fault, and how large it may be."""

    fault: Fault
    group: str = Field(description="Where it is: water, instrument, data, device, store, waste, vehicle")
    plants: list[str] = Field(description="What can have it: pool, cold_store, institution, weighbridge, vehicle")
    verdict: str = Field(description="The kind of alarm that names it rightly")
    unit: str = Field(description="Unit of its size; with `min` the size is how long it lasts")
    smallest: float = Field(description="Least size, in its unit: what a hand test would just notice")
    largest: float = Field(description="Greatest size, in its unit")
    usual: float | None = Field(description="Size when none is asked for; null: a whole failure, or until ended")
    signed: bool = Field(description="Whether a size below zero makes sense")
    minutes: float | None = Field(description="How long it lasts when nobody says; null: until ended")


class Basin(BaseModel):
    """A simulated basin and its instrument."""

    model_config = ConfigDict(extra="allow")
    sampling_point: PointCode
    device: DeviceCode
    plant: str = Field(description="What the device watches: pool, cold_store, institution, weighbridge, vehicle")
    connected: bool
    published: Count = Field(description="Messages published")
    acknowledged: Count = Field(description="Of these, acknowledged by the broker")
    buffered: Count = Field(description="Messages waiting for the connection")
    last_ts: Time | None = None
    faults: list[ActiveFault]
    truth: dict[str, Any] = Field(description="The physics' true values, in the indicators' units")


class FleetSite(BaseModel):
    """A simulated site."""

    model_config = ConfigDict(extra="allow")
    code: SiteCode
    stopped: bool
    basins: list[Basin]


class Fleet(BaseModel):
    """The simulators' own account of themselves."""

    model_config = ConfigDict(extra="allow")
    running: bool
    paused_reason: Literal["disk", "operator"] | None
    speed: float = Field(description="How many times faster than real time the physics runs", examples=[60.0])
    seed: int
    sim_now: Time | None = Field(default=None, description="Time inside the simulation")
    sites: list[FleetSite]


class FleetCommand(BaseModel):
    """The fleet after a command."""

    model_config = ConfigDict(extra="allow")
    running: bool
    paused_reason: Literal["disk", "operator"] | None
    speed: float = Field(description="How many times faster than real time the physics runs")
    stopped: list[SiteCode] = Field(default=[], description="Sites that are stopped")


class SiteSelection(BaseModel):
    """Which simulated sites; all of them if absent."""

    model_config = ConfigDict(extra="forbid")
    sites: list[SiteCode] | None = None


class Speed(BaseModel):
    """Speed of the physics; timestamps stay wall clock."""

    model_config = ConfigDict(extra="forbid")
    speed: float = Field(ge=1, le=3600, description="Times as fast as real time", examples=[60.0])


class FaultRequest(BaseModel):
    """A fault to inject into a simulated basin."""

    model_config = ConfigDict(extra="forbid")
    site: SiteCode
    sampling_point: PointCode
    fault: Fault
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="Minutes of the physics that it lasts (at speed 60 each is a second); absent: until ended",
    )
    size: float | None = Field(
        default=None,
        description="How large, in the unit of its kind (see /simulators/kinds); absent: as usual, or a whole failure",
        examples=[0.3],
    )


class Truth(BaseModel):
    """Ground truth: what was really wrong in a simulated basin, and when (wall clock)."""

    fault_id: str
    site: SiteCode
    sampling_point: PointCode
    fault: str
    started_at: Time
    ended_at: Time | None
    detail: dict[str, Any]
