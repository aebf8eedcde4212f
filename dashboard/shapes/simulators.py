"""The simulated fleet."""

from typing import Any, TypedDict


class ActiveFault(TypedDict):
    """A fault at work."""

    id: str
    fault: str
    started_at: str
    ends_at: str | None
    size: float | None
    unit: str | None


class FaultKind(TypedDict):
    """A kind of fault, and how large it may be."""

    fault: str
    group: str
    plants: list[str]
    unit: str
    smallest: float
    largest: float
    usual: float | None
    signed: bool
    minutes: float | None


class Basin(TypedDict):
    """A simulated basin and its instrument."""

    sampling_point: str
    device: str
    plant: str
    connected: bool
    published: int
    acknowledged: int
    buffered: int
    last_ts: str | None
    faults: list[ActiveFault]
    truth: dict[str, Any]


class FleetSite(TypedDict):
    """A simulated site."""

    code: str
    stopped: bool
    basins: list[Basin]


class Fleet(TypedDict):
    """The simulators' account of themselves."""

    running: bool
    paused_reason: str | None
    speed: float
    seed: int
    sim_now: str | None
    sites: list[FleetSite]


class Truth(TypedDict):
    """What was really wrong in a simulated basin, and when."""

    fault_id: str
    site: str
    sampling_point: str
    fault: str
    started_at: str
    ended_at: str | None
