"""How the platform is doing: answered from memory, whatever else is down."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter

from monitor.api.context import Context, Shared
from monitor.api.fleet import FleetState
from monitor.api.refresher import Heartbeat, Refresher
from monitor.api.schemas import (
    Canary,
    Component,
    Health,
    HealthSites,
    JournalHealth,
    KnownCount,
    Pipeline,
    SiteCount,
)
from monitor.api.settings import VERSION
from registry.catalogue import text
from registry.model import SiteStatus
from store.errors import Trouble
from store.exposition import program_version

router = APIRouter(tags=["health"])

Name = Literal["database", "ingest", "broker", "monitor", "api", "simulators", "canary", "notify"]
State = Literal["up", "missing", "degraded"]

PROTOCOLS: Final = {"hj212": "HJ 212", "jt808": "JT/T 808"}
"""What devices speak that connect to ingest itself, as people write it."""
HEARTBEAT_LIMIT: Final = timedelta(seconds=15)
"""A service whose last heartbeat is older is missing."""
CANARY_LIMIT_S: Final = 30.0
"""A canary that nothing was heard of for longer says that the chain is broken somewhere."""
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
        pipeline=_pipeline(refresher, now),
        canary=_canary_figures(refresher, now),
        versions=_versions(shared, now),
        disk_total_bytes=_disk(shared.settings.data).get("total"),
        disk_free_bytes=_disk(shared.settings.data).get("free"),
    )


def _components(shared: Context, now: datetime) -> Iterator[Component]:
    refresher = shared.refresher
    yield _database(refresher, now)
    if refresher.answering(now):
        ingest = _ingest(refresher, now)
        yield ingest
        yield _broker(ingest, _workers(refresher))
        yield _monitor(refresher, now)
        if (beat := refresher.heartbeats.get("canary")) is not None:
            yield _canary(beat, now)
        if (beat := refresher.heartbeats.get("notify")) is not None:
            yield _notify(beat, now)
    else:
        # Ingest itself tells why it cannot write, whatever the database says.
        yield _troubled(refresher) or _part("ingest", "degraded", "without_database")
        yield from (_part(name, "degraded", "without_database") for name in ("broker", "monitor"))
    yield _part("api", "up", "api", version=VERSION, viewers=len(shared.hub))
    if shared.control.url is not None and not _demonstration_gone(shared):
        yield _simulators(shared.fleet.state)


def _demonstration_gone(shared: Context) -> bool:
    """Whether there is nothing to simulate any more: then nobody misses the simulators."""
    snapshot = shared.refresher.snapshot
    return snapshot is not None and not snapshot.registry.any_simulated


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


def _ingest(refresher: Refresher, now: datetime) -> Component:
    """Up, or why not: what it says itself, its figures, its heartbeat."""
    troubled = _troubled(refresher)
    if troubled is not None:
        return troubled
    pipeline = _pipeline(refresher, now)
    if pipeline is not None and pipeline.imbalance:
        return _part("ingest", "degraded", "imbalance", messages=pipeline.imbalance)
    for protocol, why in _deaf(refresher).items():
        return _part("ingest", "degraded", "deaf", protocol=PROTOCOLS.get(protocol, protocol), why=why)
    # Of several workers the one that was heard longest ago: each has its counties, and none stands in for another.
    return _service("ingest", max(_workers(refresher), key=lambda beat: beat.age_at(now), default=None), now)


def _workers(refresher: Refresher) -> list[Heartbeat]:
    """What each worker of ingest said last."""
    return [beat for service, beat in refresher.heartbeats.items() if service.startswith("ingest")]


def _troubled(refresher: Refresher) -> Component | None:
    """Ingest, when it says that it cannot write, and why."""
    told = [beat.detail for beat in _workers(refresher)] if refresher.ingest_said is None else [refresher.ingest_said]
    troubles = [trouble for each in told if (trouble := each.get("trouble")) in set(Trouble)]
    return _part("ingest", "degraded", f"trouble_{troubles[0]}") if troubles else None


def _deaf(refresher: Refresher) -> dict[str, str]:
    """Why ingest can't listen, by protocol."""
    told = (beat.detail.get("deaf") for beat in _workers(refresher))
    return {protocol: str(why) for each in told if isinstance(each, dict) for protocol, why in each.items()}


def _canary(heartbeat: Heartbeat, now: datetime) -> Component:
    if heartbeat.age_at(now) > HEARTBEAT_LIMIT:
        return _part("canary", "missing", "heartbeat", seconds=f"{heartbeat.age_at(now).total_seconds():.0f}")
    silent = _number(heartbeat.detail, "silent_s")
    if silent > CANARY_LIMIT_S:
        return _part("canary", "degraded", "canary_silent", seconds=f"{silent:.0f}")
    return _part("canary", "up", "canary_heard", seconds=f"{_number(heartbeat.detail, 'last_ms') / 1000:.1f}")


def _notify(heartbeat: Heartbeat, now: datetime) -> Component:
    """Up, unless secrets can't be read or alarms have nobody to be told to; what receivers do not take is only said."""
    if heartbeat.age_at(now) > HEARTBEAT_LIMIT:
        return _part("notify", "missing", "heartbeat", seconds=f"{heartbeat.age_at(now).total_seconds():.0f}")
    # How many, not which: their names are people's own, and /health is for everybody.
    if isinstance(lost := heartbeat.detail.get("unreadable"), list) and lost:
        return _part("notify", "degraded", "notify_unreadable", channels=len(lost))
    nobody = int(_number(heartbeat.detail, "nobody"))
    if nobody:
        return _part("notify", "degraded", "notify_nobody", groups=nobody)
    figures = {name: int(_number(heartbeat.detail, name)) for name in ("waiting", "retrying", "failed")}
    return _part("notify", "up", "notify_well", **figures)


def _pipeline(refresher: Refresher, now: datetime) -> Pipeline | None:
    """The figures of every ingest worker that lives, summed."""
    said = [beat.detail for beat in _workers(refresher) if beat.age_at(now) <= HEARTBEAT_LIMIT]
    if not said:
        return None

    def total(name: str) -> int:
        return sum(int(_number(each, name)) for each in said)

    return Pipeline(
        received=total("received"),
        committed=total("committed"),
        dead=total("dead_messages"),
        silent=total("silent"),
        in_flight=total("in_flight"),
        waiting=total("waiting"),
        imbalance=sum(abs(int(_number(each, "imbalance"))) for each in said),
        acknowledged=total("acknowledged"),
        redelivered=total("redelivered"),
        duplicate=total("duplicate"),
        late=total("late"),
        missing=total("missing"),
        lag_s=max(_number(each, "lag_s") for each in said),
    )


def _canary_figures(refresher: Refresher, now: datetime) -> Canary | None:
    beat = refresher.heartbeats.get("canary")
    if beat is None or beat.age_at(now) > HEARTBEAT_LIMIT:
        return None

    def figure(name: str) -> float | None:
        value = beat.detail.get(name)
        return float(value) if isinstance(value, int | float) else None

    return Canary(
        last_ms=figure("last_ms"), p50_ms=figure("p50_ms"), p99_ms=figure("p99_ms"), silent_s=figure("silent_s") or 0.0
    )


def _versions(shared: Context, now: datetime) -> dict[str, str]:
    """Of every part that says one; parts of one release say the same."""
    refresher = shared.refresher
    parts = {"api": program_version()}
    for service, beat in refresher.heartbeats.items():
        version = beat.detail.get("version")
        if isinstance(version, str) and beat.age_at(now) <= HEARTBEAT_LIMIT:
            parts[service] = version
    broker = {"broker": shared.settings.broker_version} if shared.settings.broker_version else {}
    python = ".".join(map(str, sys.version_info[:3]))
    return {**dict(sorted(parts.items())), **refresher.database_versions, **broker, "python": python}


def _number(detail: Mapping[str, object], name: str) -> float:
    """A figure of a heartbeat, 0 where it is not given."""
    value = detail.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _service(name: Literal["ingest", "monitor"], heartbeat: Heartbeat | None, now: datetime) -> Component:
    if heartbeat is None:
        return _part(name, "missing", "no_heartbeat")
    age = heartbeat.age_at(now)
    state: State = "up" if age <= HEARTBEAT_LIMIT else "missing"
    return _part(name, state, "heartbeat", seconds=f"{max(0.0, age.total_seconds()):.0f}")


def _broker(ingest: Component, workers: list[Heartbeat]) -> Component:
    if ingest.state == "missing" or not workers:
        return _part("broker", "degraded", "without_ingest")
    if all(beat.detail.get("broker") == "connected" for beat in workers):
        return _part("broker", "up", "broker_connected")
    return _part("broker", "missing", "broker_disconnected")


def _monitor(refresher: Refresher, now: datetime) -> Component:
    monitor = _service("monitor", refresher.heartbeats.get("monitor"), now)
    lag = refresher.monitor_lag or 0
    if monitor.state == "up" and lag > LAG_LIMIT:
        return _part("monitor", "degraded", "lag", rows=lag)
    return monitor


def _simulators(state: FleetState) -> Component:
    if state.problem is not None:
        return Component(name="simulators", state="missing", detail=state.problem.en, detail_zh=state.problem.zh)
    if state.paused_reason == "disk":
        return _part("simulators", "degraded", "simulators_disk")
    if not state.running:
        return _part("simulators", "up", "simulators_stopped")
    if state.speed is None:
        return Component(name="simulators", state="up")
    return _part("simulators", "up", "simulators_speed", speed=f"{state.speed:g}")


def _sites(shared: Context) -> HealthSites:
    snapshot = shared.refresher.snapshot
    sites = snapshot.sites.values() if snapshot else ()
    found = Counter((each.site.status, each.online) for each in sites)

    def count(status: SiteStatus) -> SiteCount:
        return SiteCount(total=found[status, True] + found[status, False], online=found[status, True])

    return HealthSites(
        live=count(SiteStatus.LIVE),
        simulated=count(SiteStatus.SIMULATED),
        offline=KnownCount(total=count(SiteStatus.OFFLINE).total),
    )


def _disk(folder: Path) -> dict[str, int]:
    """Total and free bytes; nothing where the folder cannot be asked."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return {}
    return {"total": usage.total, "free": usage.free}
