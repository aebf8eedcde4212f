"""How the platform is doing: answered from memory, whatever else is down."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter

from monitor.api.context import Context, Shared
from monitor.api.fleet import FleetState
from monitor.api.refresher import Heartbeat, Refresher
from monitor.api.schemas import Component, Health, HealthSites, JournalHealth, KnownCount, SiteCount
from monitor.api.settings import VERSION
from registry.catalogue import text
from registry.model import SiteStatus

router = APIRouter(tags=["health"])

Name = Literal["database", "ingest", "broker", "monitor", "api", "simulators"]
State = Literal["up", "missing", "degraded"]

HEARTBEAT_LIMIT: Final = timedelta(seconds=15)
"""A service whose last heartbeat is older is missing."""
LAG_LIMIT: Final = 1_000
"""Journal rows that the monitor may be behind before it counts as degraded; it reads them within a second or so."""


@router.get("/health", summary="How the platform is doing")
async def health(shared: Shared) -> Health:
    """Components, sites and the journal. HTTP 200 whenever the API itself answers; needs no sign-in."""
    return health_of(shared)


def health_of(shared: Context) -> Health:
    """The health as of now."""
    now = shared.clock()
    components = [shared.watch.since(component, now) for component in _components(shared, now)]
    sites = _sites(shared)
    refresher = shared.refresher
    return Health(
        status="ok" if all(component.state == "up" for component in components) else "degraded",
        at=now,
        version=VERSION,
        sites_live=sites.live.online + sites.simulated.online,
        sites_total=sites.live.total + sites.simulated.total + sites.offline.total,
        sites=sites,
        components=components,
        journal=JournalHealth(
            last_id=refresher.last_journal_id if refresher.answering(now) else None,
            monitor_lag=refresher.monitor_lag if refresher.answering(now) else None,
        ),
        disk_free_bytes=_disk_free(shared.settings.data),
    )


def _components(shared: Context, now: datetime) -> Iterator[Component]:
    refresher = shared.refresher
    yield _database(refresher, now)
    if refresher.answering(now):
        ingest = _service("ingest", refresher.heartbeats.get("ingest"), now)
        yield ingest
        yield _broker(ingest, refresher.heartbeats.get("ingest"))
        yield _monitor(refresher, now)
    else:
        yield from (_part(name, "degraded", "without_database") for name in ("ingest", "broker", "monitor"))
    yield _part("api", "up", "api", version=VERSION, viewers=len(shared.hub))
    if shared.control.url is not None:
        yield _simulators(shared.fleet.state)


def _part(name: Name, state: State, said: str, **fields: object) -> Component:
    """A component with what is known of it, by its key in catalogue `health`, in both languages."""
    key = f"health.{said}"
    return Component(name=name, state=state, detail=text("en", key, **fields), detail_zh=text("zh", key, **fields))


def _database(refresher: Refresher, now: datetime) -> Component:
    if refresher.answering(now):
        return Component(name="database", state="up")
    if refresher.answered_at is None or not refresher.problem:
        return _part("database", "missing", "database_silent")
    seconds = f"{(now - refresher.answered_at).total_seconds():.0f}"
    return _part("database", "missing", "database_problem", problem=refresher.problem, seconds=seconds)


def _service(name: Literal["ingest", "monitor"], heartbeat: Heartbeat | None, now: datetime) -> Component:
    if heartbeat is None:
        return _part(name, "missing", "no_heartbeat")
    age = heartbeat.age_at(now)
    state: State = "up" if age <= HEARTBEAT_LIMIT else "missing"
    return _part(name, state, "heartbeat", seconds=f"{max(0.0, age.total_seconds()):.0f}")


def _broker(ingest: Component, heartbeat: Heartbeat | None) -> Component:
    if ingest.state != "up" or heartbeat is None:
        return _part("broker", "degraded", "without_ingest")
    if heartbeat.detail.get("broker") == "connected":
        return _part("broker", "up", "broker_connected")
    return _part("broker", "missing", "broker_disconnected")


def _monitor(refresher: Refresher, now: datetime) -> Component:
    monitor = _service("monitor", refresher.heartbeats.get("monitor"), now)
    lag = refresher.monitor_lag or 0
    if monitor.state == "up" and lag > LAG_LIMIT:
        return _part("monitor", "degraded", "lag", rows=lag)
    return monitor


def _simulators(state: FleetState) -> Component:
    if state.problem:
        return _part("simulators", "missing", "simulators_problem", problem=state.problem)
    if state.paused_reason == "disk":
        return _part("simulators", "degraded", "simulators_disk")
    if not state.running:
        return _part("simulators", "up", "simulators_stopped")
    if state.speed is None:
        return Component(name="simulators", state="up")
    return _part("simulators", "up", "simulators_speed", speed=f"{state.speed:g}")


def _sites(shared: Context) -> HealthSites:
    snapshot = shared.refresher.snapshot
    sites = list(snapshot.sites.values()) if snapshot else []

    def count(status: SiteStatus) -> SiteCount:
        of = [each for each in sites if each.site.status is status]
        return SiteCount(total=len(of), online=sum(each.online for each in of))

    return HealthSites(
        live=count(SiteStatus.LIVE),
        simulated=count(SiteStatus.SIMULATED),
        offline=KnownCount(total=count(SiteStatus.OFFLINE).total),
    )


def _disk_free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
