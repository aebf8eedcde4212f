"""Everything the API knows at one moment, read without a lock: made anew about once a second by the refresher."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from pydantic import TypeAdapter

from monitor.api.figures import (
    NO_ALARMS,
    SiteFigures,
    Transmission,
    county_states,
    group,
    site_figures,
    worst_priority,
)
from monitor.api.schemas import AlarmCounts, ChannelState, Groups, Latest, Overview, SiteSummary
from monitor.api.schemas.samples import SampleSummary
from monitor.api.scope import Permission, Principal
from registry.limits import SiteRule
from registry.model import Registry, Site, SiteStatus
from registry.opening import OpeningHours
from store.queries.latest import LatestValue

_OVERVIEW: Final = TypeAdapter(Overview)
_SITES: Final = TypeAdapter(list[SiteSummary])
_LATEST: Final = TypeAdapter(list[Latest])


@dataclass(frozen=True)
class Facts:
    """What the database said, each part as fresh as its own period.

    `transmission` and `open_alarms` are by site, `dead_letters` (last 24 h) by reason; `speed` is that of the
    simulated physics, None without simulated sites. `rules` are the sites' own limits and `samples` what
    recent manual results say, by site; `connected` are the devices that the broker says are there.
    """

    registry: Registry
    latest: Mapping[int, LatestValue]
    open_alarms: Mapping[str, AlarmCounts]
    transmission: Mapping[str, Transmission]
    dead_letters: Mapping[str, int]
    speed: float | None
    rules: Mapping[str, tuple[SiteRule, ...]] = field(default_factory=dict)
    samples: Mapping[str, SampleSummary] = field(default_factory=dict)
    connected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Snapshot:
    """The facts, judged at one instant `at`. Answers are encoded once for all who see the same."""

    at: datetime
    facts: Facts
    sites: Mapping[str, SiteFigures]
    _encoded: dict[tuple[object, ...], bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, facts: Facts, at: datetime) -> "Snapshot":
        """Judge the facts."""
        speed = facts.speed or 1.0
        sites = {
            code: site_figures(
                facts.registry,
                site,
                facts.latest,
                facts.open_alarms.get(code, NO_ALARMS),
                speed=speed,
                now=at,
                connected=facts.connected,
            )
            for code, site in facts.registry.sites.items()
        }
        return cls(at=at, facts=facts, sites=sites)

    @property
    def registry(self) -> Registry:
        """What is registered."""
        return self.facts.registry

    def in_scope(self, principal: Principal) -> Iterable[SiteFigures]:
        """The sites a person sees."""
        return (each for each in self.sites.values() if principal.sees(each.site))

    def overview(self, principal: Principal) -> bytes:
        """The answer of /overview, as JSON."""
        return self._once(("overview", principal.scope_key), lambda: _OVERVIEW.dump_json(self._overview(principal)))

    def summaries(self, principal: Principal, county: str | None, status: str | None) -> bytes:
        """The answer of /sites, as JSON."""

        def encode() -> bytes:
            alarms = principal.may(Permission.READ_ALARMS)
            return _SITES.dump_json(
                [
                    SiteSummary(**now_fields(each, self.facts, alarms=alarms), channels=each.channels)
                    for each in self.in_scope(principal)
                    if county in {None, each.site.county} and status in {None, each.site.status.value}
                ]
            )

        return self._once(("sites", principal.scope_key, county, status), encode)

    def latest(self, principal: Principal, site: str | None) -> bytes:
        """The answer of /latest, as JSON."""

        def encode() -> bytes:
            registry = self.registry
            return _LATEST.dump_json(
                [
                    latest_of(row)
                    for row in self.facts.latest.values()
                    if (channel := registry.channels.get(row.channel_id)) is not None
                    and principal.sees(at := registry.site_of(channel))
                    and site in {None, at.code}
                ]
            )

        return self._once(("latest", principal.scope_key, site), encode)

    def _overview(self, principal: Principal) -> Overview:
        alarms = principal.may(Permission.READ_ALARMS)
        sites = list(self.in_scope(principal))

        def of(status: SiteStatus) -> list[SiteFigures]:
            return [each for each in sites if each.site.status is status]

        return Overview(
            at=self.at,
            groups=Groups(
                live=group(of(SiteStatus.LIVE), self.facts.transmission, alarms=alarms),
                simulated=group(of(SiteStatus.SIMULATED), self.facts.transmission, alarms=alarms),
            ),
            offline_sites=len(of(SiteStatus.OFFLINE)),
            dead_letters_24h=dict(self.facts.dead_letters) if principal.may(Permission.READ_DEAD_LETTERS) else {},
            counties=county_states(sites, alarms=alarms),
            speed=self.facts.speed,
        )

    def _once(self, key: tuple[object, ...], encode: Callable[[], bytes]) -> bytes:
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = encode()
        return found


def now_fields(now: SiteFigures, facts: Facts, *, alarms: bool) -> dict[str, Any]:
    """The fields of `monitor.api.schemas.SiteNow`; `alarms` says whether the reader may know of alarms."""
    site: Site = now.site
    return {
        "code": site.code,
        "county": site.county,
        "status": site.status.value,
        "scenario": site.scenario,
        "simulated": site.simulated,
        "name_zh": site.name_zh,
        "name_en": site.name_en,
        "lon": site.lon,
        "lat": site.lat,
        "zone": site.zone,
        "opening": opening_text(site.opening),
        "around_the_clock": site.opening.around_the_clock,
        "open_now": now.open_now,
        "online": now.online,
        "last_seen": now.last_seen,
        "state": now.state,
        "worst_priority": worst_priority(now.open_alarms) if alarms else None,
        "open_alarms": now.open_alarms if alarms else None,
        "channels_judged": now.judged,
        "channels_compliant": now.compliant,
        "samples": facts.samples.get(site.code),
    }


def opening_text(opening: OpeningHours) -> list[list[tuple[str, str]]]:
    """Opening hours as ``HH:MM`` pairs, Monday first; midnight at the end of a day is ``24:00``."""

    def clock(minute: int) -> str:
        return f"{minute // 60:02d}:{minute % 60:02d}"

    return [[(clock(opens), clock(closes)) for opens, closes in day] for day in opening.week]


def latest_of(row: LatestValue) -> Latest:
    """A newest value as it is answered."""
    state = cast(ChannelState, row.state)  # the monitor's word; checked when the answer is made
    return Latest(channel_id=row.channel_id, ts=row.ts, value=row.value, state=state, since=row.since)
