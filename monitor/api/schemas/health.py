"""How the platform is doing."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import Count, Time


class Component(BaseModel):
    """One part of the platform."""

    name: Literal["database", "ingest", "broker", "monitor", "api", "simulators", "canary", "notify"]
    state: Literal["up", "missing", "degraded"]
    since: Time | None = Field(default=None, description="When this process first saw the part in this state")
    detail: str = Field(default="", description="What is known, in English", examples=["last heartbeat 2 s ago"])
    detail_zh: str = Field(default="", description="The same in Chinese", examples=["2 秒前有心跳"])


class SiteCount(BaseModel):
    """How many sites, and how many of them have an instrument heard within its off-line delay."""

    total: Count
    online: Count


class KnownCount(BaseModel):
    """How many sites are known by manual results only."""

    total: Count


class HealthSites(BaseModel):
    """Sites by how they are watched; simulated ones are never counted as live."""

    live: SiteCount
    simulated: SiteCount
    offline: KnownCount


class JournalHealth(BaseModel):
    """The commit log and how far behind it the monitor is."""

    last_id: int | None = Field(description="Newest journal row; null while the database is missing")
    monitor_lag: int | None = Field(description="Journal rows the monitor has still to read")


class Pipeline(BaseModel):
    """Messages on their way through ingest since it started, all workers together; they must add up."""

    received: Count
    committed: Count
    dead: Count = Field(description="Messages that came to nothing but dead letters")
    silent: Count = Field(description="Messages of status, which are no readings")
    in_flight: int = Field(description="Received and not yet any of these")
    waiting: Count = Field(description="Of these, not yet taken into a batch")
    imbalance: int = Field(description="Messages unaccounted for; 0 when all is well")
    acknowledged: Count = Field(description="Acknowledged to the broker")
    redelivered: Count = Field(description="Messages the broker delivered again while they were pending")
    duplicate: Count = Field(description="Readings that were stored already")
    late: Count = Field(description="Readings that came late")
    missing: int = Field(description="Messages that the numbering of devices shows to be lost before the broker")
    lag_s: float = Field(description="Age of the oldest message waiting, s")


class Canary(BaseModel):
    """The platform's own device: from its publish to the live feed."""

    last_ms: float | None = Field(description="The latest, ms")
    p50_ms: float | None = Field(description="Over the last ten minutes, ms")
    p99_ms: float | None = Field(description="Over the last ten minutes, ms")
    silent_s: float = Field(description="Since a message came through, s")


class Health(BaseModel):
    """How the platform is doing. HTTP 200 whenever the API itself answers."""

    status: Literal["ok", "degraded"]
    at: Time
    version: str
    sites_live: Count = Field(description="Sites, live or simulated, with a device heard within its off-line delay")
    sites_total: Count = Field(description="All registered sites")
    sites: HealthSites
    components: list[Component]
    journal: JournalHealth
    pipeline: Pipeline | None = Field(description="Null while ingest is not known to run")
    canary: Canary | None = Field(description="Null where no canary runs")
    versions: dict[str, str] = Field(description="Of every part", examples=[{"landun": "0.1.0", "postgresql": "18.1"}])
    disk_total_bytes: int | None = Field(description="Size of the data disk, bytes")
    disk_free_bytes: int | None = Field(description="Free space on the data disk, bytes")
