"""Public displays (公示屏): a venue makes a link, a screen in its hall shows the values, the venue revokes it.

What a link shows is service information, never a finding. Its key is the link's number and an HMAC (RFC 2104) of it
under the platform's secret: it can be shown again to whoever may manage it, and a copy of the database opens nothing.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, status

from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.database import DatabaseMissingError
from monitor.api.figures import silence_allowed
from monitor.api.refusals import conflict, not_found
from monitor.api.schemas import Error
from monitor.api.schemas.displays import (
    DisplayLink,
    DisplayPoint,
    DisplayState,
    DisplayValue,
    DisplayView,
    NewDisplay,
)
from monitor.api.schemas.sites import LimitInfo
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath, limits_at
from monitor.api.snapshot import Snapshot
from registry.indicators import INDICATORS
from registry.model import Channel, Device, Role, SamplingPoint, Site
from store import audit
from store.displays import Display, add_display, displays_of, find_display, note_shown, revoke_display
from store.queries.latest import LatestValue

router = APIRouter(tags=["displays"])

AT_MOST: Final = 20
"""Links of a venue that open its display at one time: more are an oversight."""
NOTED_EVERY: Final = timedelta(minutes=1)
KEY_CHARACTERS: Final = 26
"""Of the HMAC in the key: 104 bits."""
_KEY: Final = re.compile(rf"(?P<id>[1-9][0-9]{{0,17}})-(?P<mark>[0-9a-f]{{{KEY_CHARACTERS}}})\Z")

_STATES: Final[dict[str, DisplayState]] = {
    "normal": "within",
    "advice": "advice",
    "pending": "outside",
    "breach": "outside",
    "closed": "closed",
    "unjudged": "unjudged",
}
"""What the monitor's states are to the public; any other says that the value can't be used now."""

Manager = Annotated[Principal, Depends(requires(Permission.MANAGE_DISPLAYS))]
_NOT_OPEN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "No such display, or its link was revoked"}
}
_TOO_MANY: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "The venue has as many links as it may have"},
}


@router.get("/sites/{code}/displays", summary="A venue's display links", responses=NOT_FOUND)
def displays(code: SiteInPath, shared: Shared, now: Now, manager: Manager) -> list[DisplayLink]:
    """The links to the venue's public display, newest first, with when a screen last used each."""
    visible_site(now, manager, code)
    with shared.database.connection() as connection:
        return [_link(shared, each) for each in displays_of(connection, code)]


@router.post(
    "/sites/{code}/displays", status_code=status.HTTP_201_CREATED, summary="Make a display link", responses=_TOO_MANY
)
def make(code: SiteInPath, wanted: NewDisplay, shared: Shared, now: Now, manager: Manager) -> DisplayLink:
    """A link that shows the venue's values to anybody who has it, until it is revoked."""
    visible_site(now, manager, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        standing = [each for each in displays_of(connection, code) if each.revoked_at is None]
        if len(standing) >= AT_MOST:
            raise conflict("displays.too_many", site=code, count=len(standing))
        made = add_display(connection, code, wanted.place.strip(), manager.username, at)
        detail = {"display": made.id, "place": made.place}
        audit.append(connection, manager.username, "display_made", f"site:{code}", detail, at)
    return _link(shared, made)


@router.delete("/sites/{code}/displays/{display_id}", summary="Revoke a display link", responses=NOT_FOUND)
def revoke(
    code: SiteInPath,
    display_id: Annotated[int, Path(description="The link")],
    shared: Shared,
    now: Now,
    manager: Manager,
) -> DisplayLink:
    """Screens with this link go blank at their next question, within half a minute."""
    visible_site(now, manager, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = find_display(connection, display_id)
        if found is None or found.site != code:
            raise not_found("displays.unknown", number=display_id, site=code)
        if revoke_display(connection, display_id, manager.username, at):
            detail = {"display": display_id, "place": found.place}
            audit.append(connection, manager.username, "display_revoked", f"site:{code}", detail, at)
        found = find_display(connection, display_id) or found
    return _link(shared, found)


@router.get("/displays/{key}", summary="What a public display shows", responses=_NOT_OPEN)
def display(key: Annotated[str, Path(description="The key of a display link")], shared: Shared) -> DisplayView:
    """Reference values of one venue with their limits and times; needs no sign-in, the key is enough."""
    now = shared.refresher.snapshot
    number = _number(key, shared.settings.token_secret)
    if now is None or not shared.refresher.answering(shared.clock()):
        raise DatabaseMissingError
    found = None
    if number is not None:
        with shared.database.connection() as connection:
            found = find_display(connection, number)
            if found is not None and found.revoked_at is None:
                note_shown(connection, number, shared.clock(), NOTED_EVERY)
    site = now.registry.sites.get(found.site) if found and found.revoked_at is None else None
    if site is None:
        raise not_found("displays.gone")
    return view_of(now, site)


def key_of(number: int, secret: str) -> str:
    """The key that opens a link."""
    mark = hmac.new(secret.encode(), f"landun:display:{number}".encode(), hashlib.sha256).hexdigest()
    return f"{number}-{mark[:KEY_CHARACTERS]}"


def _number(key: str, secret: str) -> int | None:
    """The link a key opens, None where the key is not one of this platform."""
    shape = _KEY.match(key)
    if shape is None:
        return None
    number = int(shape["id"])
    return number if hmac.compare_digest(key_of(number, secret), key) else None


def _link(shared: Context, each: Display) -> DisplayLink:
    key = None if each.revoked_at else key_of(each.id, shared.settings.token_secret)
    return DisplayLink(key=key, **each._asdict())


def view_of(now: Snapshot, site: Site) -> DisplayView:
    """What the public is shown of a site."""
    registry = now.registry
    points = [point for point in registry.sampling_points.values() if point.site == site.code]
    return DisplayView(
        at=now.at,
        site=site.code,
        county=site.county,
        name_zh=site.name_zh,
        name_en=site.name_en,
        zone=site.zone,
        simulated=site.simulated,
        open_now=now.sites[site.code].open_now,
        points=[
            DisplayPoint(code=point.code, name_zh=point.name_zh, name_en=point.name_en, values=values)
            for point in points
            if (values := list(_values(now, site, point)))
        ],
    )


def _values(now: Snapshot, site: Site, point: SamplingPoint) -> Iterable[DisplayValue]:
    """What the public is shown of a basin: indicators of the water, not of the plant."""
    registry = now.registry
    limits = limits_at(now.facts.rules.get(site.code, ()), site, point, now.at)
    for device in registry.devices_of_site[site.code]:
        for channel in registry.channels_of_device[device.code] if device.sampling_point == point.code else ():
            if INDICATORS[channel.indicator].role is Role.QUALITY:
                yield _value(now, device, channel, limits.get(channel.indicator))


def _value(now: Snapshot, device: Device, channel: Channel, limit: LimitInfo | None) -> DisplayValue:
    indicator = INDICATORS[channel.indicator]
    newest = now.facts.latest.get(channel.id)
    law = limit is not None and limit.force != "operational" and not limit.site_rule
    return DisplayValue(
        indicator=indicator.code,
        name_zh=indicator.name_zh,
        name_en=indicator.name_en,
        unit=indicator.unit,
        precision=indicator.precision,
        value=newest.value if newest else None,
        ts=newest.ts if newest else None,
        fresh_until=newest.ts + _allowed(now, device) if newest else None,
        state=_state(now, device, newest, limited=limit is not None),
        interval=limit.interval if limit else None,
        standard=limit.standard if limit and law else None,
        clause=limit.clause if limit and law else None,
        verified=limit is not None and limit.certainty == "primary",
    )


def _state(now: Snapshot, device: Device, newest: LatestValue | None, *, limited: bool) -> DisplayState:
    if newest is None:
        return "none"
    if now.at - newest.ts > _allowed(now, device):
        return "stale"
    state = _STATES.get(newest.state, "stale")
    return "unjudged" if state == "within" and not limited else state


def _allowed(now: Snapshot, device: Device) -> timedelta:
    """How old a value may be."""
    site = now.registry.sites[device.site]
    return silence_allowed(device, simulated=site.simulated, speed=now.facts.speed or 1.0)
