"""Sites and their channels, as they are now: answered from memory."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import TypeAdapter

from monitor.api.context import Now, SignedIn, visible_site
from monitor.api.encoding import now_fields
from monitor.api.places import Place, lines
from monitor.api.refusals import unacceptable
from monitor.api.schemas import (
    ChannelInfo,
    ChannelNow,
    DeviceInfo,
    Error,
    Latest,
    LimitInfo,
    Overview,
    SamplingPointInfo,
    SiteDetail,
    SiteSummary,
)
from monitor.api.scope import Permission
from monitor.api.snapshot import Snapshot
from registry.counties import COUNTIES
from registry.indicators import INDICATORS
from registry.limits import SiteRule, Version, rules_at
from registry.model import Channel, SamplingPoint, Site
from registry.words import Words, listed
from store.queries.latest import LatestValue

router = APIRouter(tags=["sites"])

JSON: Final = "application/json"
_CHANNELS: Final = TypeAdapter(list[ChannelInfo])
NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "Not registered, or not in your scope"}
}
VERSION_HEADER: Final = "Landun-Version"
SINCE_HEADER: Final = "Landun-Since"
SITES_HEADERS: Final = {
    VERSION_HEADER: {"schema": {"type": "string"}, "description": "Names this answer: what to pass as `since`"},
    SINCE_HEADER: {
        "schema": {"type": "string"},
        "description": "The `since` that this answer tells the difference from; absent where the answer is whole",
    },
}
SiteInPath = Annotated[str, Path(description="Site code", examples=["NT-001"])]


@router.get("/overview", response_model=Overview, summary="The live page's figures")
async def overview(now: Now, principal: SignedIn) -> Response:
    """Live and simulated sites in groups of their own, counties for the map, and what was rejected."""
    return Response(now.overview(principal), media_type=JSON)


@router.get(
    "/sites",
    response_model=list[SiteSummary],
    summary="All sites in scope",
    responses={200: {"headers": SITES_HEADERS}},
)
def sites(
    now: Now,
    principal: SignedIn,
    county: Annotated[str | None, Query(description="Only this county", examples=["320602"])] = None,
    watched: Annotated[
        Literal["live", "simulated", "offline"] | None,
        Query(alias="status", description="Only sites watched like this"),
    ] = None,
    known: Annotated[
        str,
        Query(
            alias="since",
            max_length=64,
            description=f"`{VERSION_HEADER}` of your last answer to the same question: leave out what is as it was",
        ),
    ] = "",
) -> Response:
    """Each site in scope with its state, ordered by code.

    Whoever asks again and again passes `since` and puts the sites of the answer in the place of those that they have.
    """
    check_county(county)
    found = now.summaries(principal, county, watched, known)
    headers = {VERSION_HEADER: found.version} | ({SINCE_HEADER: found.since} if found.since else {})
    return Response(found.body, media_type=JSON, headers=headers)


@router.get("/sites/{code}", summary="A site with its channels", responses=NOT_FOUND)
async def site(code: SiteInPath, now: Now, principal: SignedIn) -> SiteDetail:
    """Everything measured at a site: newest values, states, and the limits they are judged by."""
    found = visible_site(now, principal, code)
    figures, registry = now.sites[code], now.registry
    return SiteDetail(
        **now_fields(figures, alarms=principal.may(Permission.READ_ALARMS)),
        sampling_points=[
            SamplingPointInfo(
                code=point.code,
                name_zh=point.name_zh,
                name_en=point.name_en,
                water_kind=point.water_kind,
                volume_m3=point.volume_m3,
            )
            for point in registry.sampling_points.values()
            if point.site == code
        ],
        devices=[
            DeviceInfo(
                code=device.code,
                sampling_point=device.sampling_point,
                period_s=device.period_s,
                online=device.code not in figures.silent,
                last_seen=figures.seen.get(device.code),
            )
            for device in registry.devices_of_site[code]
        ],
        channels=[
            ChannelNow(**channel_fields(now, found, channel), **_value_fields(now.facts.latest.get(channel.id)))
            for device in registry.devices_of_site[code]
            for channel in registry.channels_of_device[device.code]
        ],
    )


@router.get("/channels", response_model=list[ChannelInfo], summary="All channels in scope")
def channels(now: Now, principal: SignedIn) -> Response:
    """What each channel is, and the limit it is judged by now."""
    registry = now.registry
    found = [
        ChannelInfo(**channel_fields(now, at, channel))
        for channel in registry.channels.values()
        if principal.sees(at := registry.site_of(channel))
    ]
    return Response(_CHANNELS.dump_json(found), media_type=JSON)


@router.get("/latest", response_model=list[Latest], summary="Newest values", responses=NOT_FOUND)
async def latest(
    now: Now,
    principal: SignedIn,
    site: Annotated[str | None, Query(description="Only this site", examples=["NT-001"])] = None,
) -> Response:
    """The newest value and state of each channel in scope that ever reported."""
    if site is not None:
        visible_site(now, principal, site)
    return Response(now.latest(principal, site), media_type=JSON)


def check_county(county: str | None) -> None:
    """422 on a county that is none."""
    if county is not None and county not in COUNTIES:
        known = listed(Words(f"{each.code} {each.name_zh}", each.code) for each in COUNTIES.values())
        raise unacceptable("sites.unknown_county", value=county, known=known)


def channel_fields(now: Snapshot, site: Site, channel: Channel) -> dict[str, Any]:
    """The fields of `ChannelInfo`."""
    device = now.registry.device_of(channel)
    indicator = INDICATORS[channel.indicator]
    point = now.registry.sampling_point_of(device)
    return {
        "id": channel.id,
        "site": site.code,
        "simulated": site.simulated,
        "device": device.code,
        "sampling_point": device.sampling_point,
        "indicator": indicator.code,
        "unit": indicator.unit,
        "precision": indicator.precision,
        "role": indicator.role.value,
        "limit": limits_at(now.facts.rules.get(site.code, ()), site, point, now.at).get(indicator.code),
    }


def limits_at(rules: Iterable[SiteRule], site: Site, point: SamplingPoint, at: datetime) -> Mapping[str, LimitInfo]:
    """The limits in force at a sampling point, by indicator, as judged."""
    return _limits(Place.of(site, point, rules), at)


@lru_cache(maxsize=10_000)
def _limits(place: Place, at: datetime) -> Mapping[str, LimitInfo]:
    in_force = rules_at(lines(place), at)
    return MappingProxyType({indicator: _limit_info(version) for indicator, version in in_force.items()})


@lru_cache(maxsize=10_000)
def _limit_info(version: Version) -> LimitInfo:
    limit = version.limit
    if limit is None:
        raise ValueError("a version without a limit has no interval")
    return LimitInfo(
        profile=limit.profile,
        standard=version.profile.standard if version.profile else "",
        clause=limit.clause,
        force=limit.force.value,
        lo=limit.lo,
        hi=limit.hi,
        lo_inclusive=limit.lo_inclusive,
        hi_inclusive=limit.hi_inclusive,
        interval=limit.interval(),
        certainty=limit.certainty.value,
        note_zh=limit.note_zh,
        note_en=limit.note_en,
        severity=limit.severity.value,
        severity_low=limit.severity_low.value,
        site_rule=version.rule is not None,
    )


def _value_fields(row: LatestValue | None) -> dict[str, Any]:
    if row is None:
        return {"value": None, "ts": None, "state": None, "since": None}
    return {"value": row.value, "ts": row.ts, "state": row.state, "since": row.since}
