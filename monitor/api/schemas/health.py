"""How the platform is doing."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import Count, Time


class Component(BaseModel):
    """One part of the platform."""

    name: Literal["database", "ingest", "broker", "monitor", "api", "simulators"]
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
    disk_free_bytes: int | None = Field(description="Free space on the data disk, bytes")
