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
from registry.model import SiteStatus

router = APIRouter(tags=["health"])

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
        for name in ("ingest", "broker", "monitor"):
            yield Component(name=name, state="degraded", detail="not known while the database is missing")
    yield Component(name="api", state="up", detail=f"version {VERSION}, {len(shared.hub)} viewers")
    if shared.control.url is not None:
        yield _simulators(shared.fleet.state)


def _database(refresher: Refresher, now: datetime) -> Component:
    if refresher.answering(now):
        return Component(name="database", state="up")
    heard = refresher.answered_at
    last = f"; last answer {(now - heard).total_seconds():.0f} s ago" if heard else ""
    return Component(name="database", state="missing", detail=(refresher.problem or "does not answer") + last)


def _service(name: Literal["ingest", "monitor"], heartbeat: Heartbeat | None, now: datetime) -> Component:
    if heartbeat is None:
        return Component(name=name, state="missing", detail="no heartbeat yet")
    age = heartbeat.age_at(now)
    return Component(
        name=name,
        state="up" if age <= HEARTBEAT_LIMIT else "missing",
        detail=f"last heartbeat {max(0.0, age.total_seconds()):.0f} s ago",
    )


def _broker(ingest: Component, heartbeat: Heartbeat | None) -> Component:
    if ingest.state != "up" or heartbeat is None:
        return Component(name="broker", state="degraded", detail="not known while ingest is missing")
    state = heartbeat.detail.get("broker")
    return Component(name="broker", state="up" if state == "connected" else "missing", detail=f"{state} from ingest")


def _monitor(refresher: Refresher, now: datetime) -> Component:
    monitor = _service("monitor", refresher.heartbeats.get("monitor"), now)
    lag = refresher.monitor_lag or 0
    if monitor.state == "up" and lag > LAG_LIMIT:
        return Component(name="monitor", state="degraded", detail=f"{lag} journal rows behind")
    return monitor


def _simulators(state: FleetState) -> Component:
    if state.problem:
        return Component(name="simulators", state="missing", detail=state.problem)
    if state.paused_reason == "disk":
        return Component(name="simulators", state="degraded", detail="stopped: too little free disk space")
    speed = f"speed {state.speed:g}" if state.speed is not None else ""
    return Component(name="simulators", state="up", detail=speed if state.running else "stopped by an operator")


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
