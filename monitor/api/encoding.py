"""The JSON of sites and values, made without a model for each: fleets have tens of thousands of them.

What stands here is what `SiteSummary` and `Latest` say; the tests compare them.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

from monitor.api.figures import SiteFigures, worst_priority
from registry.model import Site
from registry.opening import OpeningHours
from store.queries.latest import LatestValue


class SiteLists:
    """Lists of sites as JSON. What is written of a site is kept as long as its figures stand."""

    def __init__(self) -> None:
        self._sites: dict[str, bytes] = {}
        self._now: dict[tuple[str, bool], tuple[SiteFigures, bytes]] = {}

    def encode(self, sites: Iterable[SiteFigures], *, alarms: bool) -> bytes:
        """A JSON list of `SiteSummary`; `alarms` says whether the reader may know of alarms."""
        return b"[" + b",".join([self._summary(each, alarms) for each in sites]) + b"]"

    def _summary(self, figures: SiteFigures, alarms: bool) -> bytes:
        code = figures.site.code
        site = self._sites.get(code)
        if site is None:
            site = self._sites[code] = to_json(site_fields(figures.site))[:-1] + b","
        kept = self._now.get((code, alarms))
        if kept is None or kept[0] is not figures:
            fields = {**state_fields(figures, alarms=alarms), "channels": figures.channels}
            kept = self._now[code, alarms] = figures, to_json(fields)[1:]
        return site + kept[1]


def now_fields(now: SiteFigures, *, alarms: bool) -> dict[str, Any]:
    """The fields of `monitor.api.schemas.SiteNow`; `alarms` says whether the reader may know of alarms."""
    return site_fields(now.site) | state_fields(now, alarms=alarms)


def site_fields(site: Site) -> dict[str, Any]:
    """Of these fields the ones that stay as long as the site is registered like this."""
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
    }


def state_fields(now: SiteFigures, *, alarms: bool) -> dict[str, Any]:
    """The rest of them: how the site is now."""
    return {
        "open_now": now.open_now,
        "online": now.online,
        "last_seen": now.last_seen,
        "state": now.state,
        "worst_priority": worst_priority(now.open_alarms) if alarms else None,
        "open_alarms": now.open_alarms if alarms else None,
        "channels_judged": now.judged,
        "channels_compliant": now.compliant,
        "samples": now.samples,
    }


@lru_cache(maxsize=4096)
def opening_text(opening: OpeningHours) -> tuple[list[tuple[str, str]], ...]:
    """Opening hours as ``HH:MM`` pairs, Monday first; midnight at the end of a day is ``24:00``."""

    def clock(minute: int) -> str:
        return f"{minute // 60:02d}:{minute % 60:02d}"

    return tuple([(clock(opens), clock(closes)) for opens, closes in day] for day in opening.week)


def latest_json(row: LatestValue) -> bytes:
    """A newest value as `monitor.api.schemas.Latest`."""
    fields = {"channel_id": row.channel_id, "ts": row.ts, "value": row.value, "state": row.state, "since": row.since}
    return to_json(fields, inf_nan_mode="null")
