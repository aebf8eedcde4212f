"""The state of each site and the figures over them: pure functions of the registry, the newest values and the time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.api.schemas import AlarmCounts, CountyState, Group, Priority, SiteState
from monitor.api.schemas.samples import SampleSummary
from monitor.layout import MIN_SILENCE_S, MIN_SIMULATED_SILENCE_S
from registry.counties import COUNTIES
from registry.model import Device, Registry, Site, SiteStatus
from registry.waste.catalogue import device_speech
from store.queries.latest import LatestValue

JUDGED: Final[frozenset[str]] = frozenset({"normal", "advice", "pending", "breach"})
"""States of a channel whose value is judged against a limit."""

COMPLIANT: Final[frozenset[str]] = frozenset({"normal", "advice"})
"""Of these, the ones that are no suspicion: advice (宜) is never a breach, pending is already outside."""

UNUSABLE: Final[frozenset[str]] = frozenset({"bad", "stale"})
"""States of a channel whose value says nothing about the water."""

PRIORITIES: Final[tuple[Priority, ...]] = ("high", "medium", "low")
NO_ALARMS: Final = AlarmCounts()
NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Transmission:
    """Readings received of a site over the last hour, and readings due."""

    received: int
    due: float


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """A site now. `seen` maps each device to its newest device time (None: never heard), `silent` those off line.

    Until `until` time alone makes nothing old; `revision` is the snapshot of its series that judged the site.
    """

    site: Site
    state: SiteState
    online: bool
    open_now: bool
    last_seen: datetime | None
    seen: Mapping[str, datetime | None]
    silent: frozenset[str]
    channels: int
    judged: int
    compliant: int
    open_alarms: AlarmCounts
    samples: SampleSummary | None
    until: datetime
    revision: int = field(default=0, compare=False)


def silence_allowed(device: Device, *, simulated: bool, speed: float) -> timedelta:
    """How long a device may be silent before it is off line: max(3 periods, 10 min), shorter for a fast simulator."""
    allowed = max(3 * device.period_s, MIN_SILENCE_S)
    return timedelta(seconds=max(allowed / speed, MIN_SIMULATED_SILENCE_S) if simulated else allowed)


def site_figures(
    registry: Registry,
    site: Site,
    latest: Mapping[int, LatestValue],
    open_alarms: AlarmCounts,
    *,
    speed: float,
    now: datetime,
    connected: Collection[str] = (),
    samples: SampleSummary | None = None,
    revision: int = 0,
) -> SiteFigures:
    """The state of one site. `speed` is that of the simulated physics (1 for real time).

    A device that tells of events and measures nothing (a scale, a hand-held, a tracker) speaks when something happens:
    its silence says nothing, so a site that has none but such is on line while one of them is among `connected`.
    """
    seen: dict[str, datetime | None] = {}
    silent: set[str] = set()
    states: list[str] = []
    unusable = False
    channels = 0
    until = NEVER
    devices = registry.devices_of_site[site.code]
    measuring = [device for device in devices if device.kind not in device_speech()]
    told_of = any(device.code in connected for device in devices)
    for device in measuring:
        of_device = registry.channels_of_device[device.code]
        channels += len(of_device)
        rows = [row for channel in of_device if (row := latest.get(channel.id)) is not None]
        seen[device.code] = newest = max((row.ts for row in rows), default=None)
        allowed = silence_allowed(device, simulated=site.simulated, speed=speed)
        if newest is None or now - newest > allowed:
            silent.add(device.code)
            continue
        fresh = [row for row in rows if now - row.ts <= allowed]
        until = min(until, min(row.ts for row in fresh) + allowed + timedelta.resolution)
        unusable = unusable or len(fresh) < len(of_device) or any(row.state in UNUSABLE for row in fresh)
        states.extend(row.state for row in fresh)
    judged = [state for state in states if state in JUDGED]
    open_now = site.opening.is_open(now, site.zone)
    return SiteFigures(
        site=site,
        state=_site_state(
            states,
            devices=len(devices),
            silent=len(silent) if measuring else 0 if told_of else len(devices),
            unusable=unusable,
            open_now=open_now,
        ),
        online=len(silent) < len(seen) or (told_of and not measuring),
        open_now=open_now,
        last_seen=max((at for at in seen.values() if at is not None), default=None),
        seen=seen,
        silent=frozenset(silent),
        channels=channels,
        judged=len(judged),
        compliant=sum(state in COMPLIANT for state in judged),
        open_alarms=open_alarms,
        samples=samples,
        until=until,
        revision=revision,
    )


def _site_state(states: Iterable[str], *, devices: int, silent: int, unusable: bool, open_now: bool) -> SiteState:
    present = set(states)
    worst_first: tuple[tuple[bool, SiteState], ...] = (
        (not devices, "none"),
        (silent == devices, "offline"),
        ("breach" in present, "breach"),
        ("pending" in present, "pending"),
        (silent > 0 or unusable, "stale"),
        (not open_now, "closed"),
        ("advice" in present, "advice"),
    )
    return next((state for holds, state in worst_first if holds), "normal")


def worst_priority(counts: AlarmCounts) -> Priority | None:
    """The highest priority with an open alarm."""
    return next((priority for priority in PRIORITIES if getattr(counts, priority)), None)


def total(counts: Iterable[AlarmCounts]) -> AlarmCounts:
    """The sum of alarm counts."""
    every = list(counts)
    return AlarmCounts(**{priority: sum(getattr(each, priority) for each in every) for priority in PRIORITIES})


def group(sites: Iterable[SiteFigures], transmission: Mapping[str, Transmission], *, alarms: bool) -> Group:
    """The figures over some sites; `alarms` says whether the reader may know of alarms."""
    every = list(sites)
    judged, compliant = sum(each.judged for each in every), sum(each.compliant for each in every)
    sent = [transmission[each.site.code] for each in every if each.site.code in transmission]
    received, due = sum(each.received for each in sent), sum(each.due for each in sent)
    return Group(
        sites_total=len(every),
        sites_online=sum(each.online for each in every),
        open_alarms=total(each.open_alarms for each in every) if alarms else None,
        channels_judged=judged,
        channels_compliant=compliant,
        compliant_share=compliant / judged if judged else None,
        transmission_rate=min(1.0, received / due) if due else None,
    )


def county_states(sites: Iterable[SiteFigures], *, alarms: bool) -> list[CountyState]:
    """Each county for the map; only sites with instruments count."""
    grouped: dict[str, list[SiteFigures]] = {code: [] for code in COUNTIES}
    for each in sites:
        if each.site.status is not SiteStatus.OFFLINE:
            grouped.setdefault(each.site.county, []).append(each)
    return [_county_state(code, members, alarms=alarms) for code, members in grouped.items()]


def _county_state(code: str, members: list[SiteFigures], *, alarms: bool) -> CountyState:
    counts = total(each.open_alarms for each in members)
    online = sum(each.online for each in members)
    worst = worst_priority(counts) if alarms else None
    if worst is None and not alarms and any(each.state == "breach" for each in members):
        worst = "medium"  # the public sees states, not alarms: a suspected breach without its priority
    return CountyState(
        code=code,
        worst=worst or ("none" if not members else "ok" if online == len(members) else "offline"),
        sites=len(members),
        sites_online=online,
        open_alarms=counts if alarms else None,
        simulated=any(each.site.simulated for each in members),
    )
