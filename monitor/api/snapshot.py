"""Everything the API knows at one moment, read without a lock: made anew about once a second by the refresher.

Each snapshot goes on from the one before: a site is judged again where something else is known of it, a value has
grown old, or it opens or closes. Where all must be judged a new series of snapshots begins.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from monitor.api.encoding import SiteLists, latest_json
from monitor.api.facts import Facts
from monitor.api.figures import NO_ALARMS, SiteFigures, county_states, group, site_figures
from monitor.api.schemas import Groups, Overview
from monitor.api.scope import Permission, Principal
from registry.model import Registry, Site, SiteStatus

_OVERVIEW: Final = TypeAdapter(Overview)


class SiteList(NamedTuple):
    """An answer of /sites as JSON, its version, and the version it tells the difference from (None: it is whole)."""

    body: bytes
    version: str
    since: str | None


@dataclass(frozen=True)
class Snapshot:
    """The facts, judged at one instant `at`. Answers are encoded once for all who see the same.

    `revision` numbers the snapshots of a `series`; a site's figures carry that of the snapshot that judged them.
    """

    at: datetime
    facts: Facts
    sites: Mapping[str, SiteFigures]
    series: str
    revision: int
    _lists: SiteLists = field(repr=False)
    _encoded: dict[tuple[object, ...], bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, facts: Facts, at: datetime, before: "Snapshot | None" = None) -> "Snapshot":
        """Judge the facts, going on from `before`; the figures are the same as without it."""
        again = None if before is None else before.outdated(facts, at)
        if before is None or again is None:
            every = {code: _judge(facts, site, at, 0) for code, site in facts.registry.sites.items()}
            return cls(at, facts, every, secrets.token_hex(4), 0, SiteLists())
        revision = before.revision + 1
        sites = {code: _judge(facts, facts.registry.sites[code], at, revision) for code in again}
        return cls(at, facts, {**before.sites, **sites}, before.series, revision, before._lists)

    @property
    def registry(self) -> Registry:
        """What is registered."""
        return self.facts.registry

    def outdated(self, facts: Facts, at: datetime) -> set[str] | None:
        """The sites whose figures do not stand any more by these facts at that time; None where all must be judged."""
        outdated = facts.touched(self.facts)
        if outdated is None or at < self.at:
            return None
        outdated.update(code for code, each in self.sites.items() if each.until <= at)
        if _minute(at) != _minute(self.at):
            for (opening, zone), codes in self.registry.sites_by_hours.items():
                if opening.is_open(at, zone) != self.sites[codes[0]].open_now:
                    outdated.update(codes)
        return outdated

    def in_scope(self, principal: Principal) -> Iterable[SiteFigures]:
        """The sites a person sees."""
        if principal.sees_all:
            return self.sites.values()
        return (each for each in self.sites.values() if principal.sees(each.site))

    def overview(self, principal: Principal) -> bytes:
        """The answer of /overview, as JSON."""
        return self._once(("overview", principal.scope_key), lambda: _OVERVIEW.dump_json(self._overview(principal)))

    def summaries(self, principal: Principal, county: str | None, status: str | None, known: str = "") -> SiteList:
        """The answer of /sites to somebody who has the answer of version `known`."""
        asked = (principal.scope_key, county, status)
        which = hashlib.sha256(repr(asked).encode()).hexdigest()[:12]
        since = self._revision_of(known, which)

        def encode() -> bytes:
            sites = self.in_scope(principal)
            if since is not None:
                sites = [each for each in sites if each.revision > since]
            if (county, status) != (None, None):
                sites = (
                    each
                    for each in sites
                    if county in {None, each.site.county} and status in {None, each.site.status.value}
                )
            return self._lists.encode(sites, alarms=principal.may(Permission.READ_ALARMS))

        body = self._once(("sites", *asked, since), encode)
        return SiteList(body, f"{self.series}-{self.revision}-{which}", None if since is None else known)

    def _revision_of(self, version: str, which: str) -> int | None:
        """The revision that a version of `summaries` names, None where it is not an earlier answer to the same."""
        series, _, rest = version.partition("-")
        number, _, asked = rest.partition("-")
        if series != self.series or asked != which or not number.isdecimal() or int(number) > self.revision:
            return None
        return int(number)

    def latest(self, principal: Principal, site: str | None) -> bytes:
        """The answer of /latest, as JSON."""

        def encode() -> bytes:
            registry = self.registry
            rows = [
                latest_json(row)
                for row in self.facts.latest.values()
                if (channel := registry.channels.get(row.channel_id)) is not None
                and principal.sees(at := registry.site_of(channel))
                and site in {None, at.code}
            ]
            return b"[" + b",".join(rows) + b"]"

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


def _judge(facts: Facts, site: Site, at: datetime, revision: int) -> SiteFigures:
    return site_figures(
        facts.registry,
        site,
        facts.latest,
        facts.open_alarms.get(site.code, NO_ALARMS),
        speed=facts.speed or 1.0,
        now=at,
        connected=facts.connected,
        samples=facts.samples.get(site.code),
        revision=revision,
    )


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
