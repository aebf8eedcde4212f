"""Who is told of what: routes, the roster, shared receivers, gateways, the log of deliveries, and a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query, Response, status

from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.notifications import channel_of, kinds_named, split_address, unsealable
from monitor.api.office_hours import hours_of
from monitor.api.refusals import check_zone, forbidden, not_found, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.notifications import (
    ChannelInfo,
    Delivery,
    DeliveryPage,
    DeliveryState,
    DryRun,
    DryRunBeside,
    DryRunDrop,
    DryRunRequest,
    DryRunStep,
    DryRunTold,
    DutyInfo,
    DutyRequest,
    GatewayInfo,
    GatewayKind,
    GatewayRequest,
    OfficeHoursInfo,
    ReasonName,
    RouteInfo,
    RouteRequest,
)
from monitor.api.scope import Permission, Principal
from monitor.api.snapshot import Snapshot
from monitor.notify import reading
from monitor.notify.dry_run import Plan, StepPlan, Told, plan
from monitor.notify.model import Matter, World
from registry.catalogue import text
from registry.counties import COUNTIES
from registry.scenarios import scenarios
from registry.words import Words, listed
from store import audit, notifications, notify_settings, people, queries
from store.channel_secrets import opened_gateway
from store.sealing import SealError

router = APIRouter(prefix="/notifications", tags=["notifications"])

Seer = Annotated[Principal, Depends(requires(Permission.SEE_NOTIFICATIONS))]
Setter = Annotated[Principal, Depends(requires(Permission.SET_NOTIFICATIONS))]
RouteInPath = Annotated[int, Path(description="Route", examples=[3])]
DutyInPath = Annotated[int, Path(description="Line of the roster", examples=[17])]
KindInPath = Annotated[GatewayKind, Path(description="Kind of channel that goes out through it")]

ROSTER_AHEAD: Final = timedelta(days=31)
LONGEST_DUTY: Final = timedelta(days=31)
ON_DUTY: Final = ("inspector", "centre", "administrator")
"""Roles of people who can see what they would be told of."""
_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "There is none, or it is not in your scope"}
}
_DELETED: Final[dict[int | str, dict[str, Any]]] = {
    **_UNKNOWN,
    204: {"content": {"text/plain": {}}, "description": "Deleted"},
}
_SCHEMES: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("mailto", "mailtos"),
    "sms": ("http", "https"),
    "mqtt": ("mqtt", "mqtts"),
}


# ---------------------------------------------------------------------- routes
@router.get("/routes", summary="Routes, in the order in which they are asked")
def routes(_: Seer, shared: Shared) -> list[RouteInfo]:
    """The first route that fits an alarm takes it."""
    with shared.database.connection() as connection:
        return [_route(row) for row in notify_settings.routes(connection)]


@router.post("/routes", status_code=status.HTTP_201_CREATED, summary="Add a route")
def add_route(given: RouteRequest, setter: Setter, shared: Shared) -> RouteInfo:
    """It holds from the next pass on, within seconds."""
    return _save_route(given, setter, shared, None)


@router.put("/routes/{route_id}", summary="Change a route", responses=_UNKNOWN)
def change_route(route_id: RouteInPath, given: RouteRequest, setter: Setter, shared: Shared) -> RouteInfo:
    """The whole route as it is to be."""
    return _save_route(given, setter, shared, route_id)


@router.delete(
    "/routes/{route_id}", status_code=status.HTTP_204_NO_CONTENT, summary="Delete a route", responses=_DELETED
)
def delete_route(route_id: RouteInPath, setter: Setter, shared: Shared) -> Response:
    """Alarms that it took go to the next that fits."""
    with shared.database.connection() as connection, connection.transaction():
        if not notify_settings.delete_route(connection, route_id):
            raise not_found("notification_settings.no_route", number=route_id)
        audit.append(connection, setter.username, "notify_route_deleted", f"route:{route_id}", {}, shared.clock())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _save_route(given: RouteRequest, setter: Setter, shared: Context, number: int | None) -> RouteInfo:
    if unknown := set(given.counties) - COUNTIES.keys():
        raise unacceptable("notification_settings.counties", codes=listed(sorted(unknown)), known=listed(COUNTIES))
    if unknown := set(given.scenarios) - scenarios().keys():
        raise unacceptable("notification_settings.scenarios", codes=listed(sorted(unknown)), known=listed(scenarios()))
    with shared.database.connection() as connection, connection.transaction():
        receivers = {each["id"] for each in notify_settings.channels(connection) if each["person"] is None}
        if strangers := set(given.receivers) - receivers:
            raise unacceptable(
                "notification_settings.receivers", numbers=listed(sorted(strangers)), known=listed(sorted(receivers))
            )
        row = {**given.model_dump(), "changed_by": setter.username, "changed_at": shared.clock()}
        saved = notify_settings.save_route(connection, row, number)
        if saved is None:
            raise not_found("notification_settings.no_route", number=number)
        action = "notify_route_added" if number is None else "notify_route_changed"
        audit.append(connection, setter.username, action, f"route:{saved}", given.model_dump(), shared.clock())
    return _route({**row, "id": saved})


# ---------------------------------------------------------------------- the roster
@router.get("/roster", summary="Who is on duty when")
def roster(
    seer: Seer,
    shared: Shared,
    first: Annotated[datetime | None, Query(alias="from", description="From; now by default")] = None,
    last: Annotated[datetime | None, Query(alias="to", description="Until; 31 days later by default")] = None,
) -> list[DutyInfo]:
    """Lines of counties in scope that overlap a period."""
    begin = first or shared.clock()
    for name, moment in (("from", first), ("to", last)):
        check_zone(name, moment)
    with shared.database.connection() as connection:
        rows = notify_settings.roster(connection, begin, last or begin + ROSTER_AHEAD)
    return [_duty(row) for row in rows if _in_scope(seer, row["county"])]


@router.post("/roster", status_code=status.HTTP_201_CREATED, summary="Add a line to the roster")
def add_duty(given: DutyRequest, setter: Setter, shared: Shared) -> DutyInfo:
    """Lines may overlap: then several are on duty. Where lines are kept, a gap between them means that nobody is."""
    if given.county and given.county not in COUNTIES:
        raise unacceptable("notification_settings.county", code=given.county, known=listed(COUNTIES))
    for name, moment in (("since", given.since), ("until", given.until)):
        check_zone(name, moment)
    if not given.since < given.until <= given.since + LONGEST_DUTY:
        raise unacceptable("notification_settings.duty_length", days=LONGEST_DUTY.days)
    if not _in_scope(setter, given.county):
        raise forbidden("notification_settings.out_of_scope", county=_counties([given.county] if given.county else []))
    with shared.database.connection() as connection, connection.transaction():
        person = people.find_person(connection, given.person)
        if person is None or person.disabled_at is not None:
            raise unacceptable("notification_settings.no_person", person=given.person)
        if person.role not in ON_DUTY or (person.counties and given.county not in person.counties):
            raise unacceptable(
                "notification_settings.unfit",
                person=given.person,
                role=_roles([person.role]),
                counties=_counties(person.counties),
                fit=_roles(ON_DUTY),
            )
        row = {**given.model_dump(), "entered_by": setter.username, "entered_at": shared.clock()}
        number = notify_settings.add_duty(connection, row)
        said = given.model_dump(mode="json")
        audit.append(connection, setter.username, "duty_added", f"duty:{number}", said, shared.clock())
    return _duty({**row, "id": number, "person_name": person.name})


@router.delete(
    "/roster/{duty_id}", status_code=status.HTTP_204_NO_CONTENT, summary="Delete a line of the roster",
    responses=_DELETED,
)  # fmt: skip
def delete_duty(duty_id: DutyInPath, setter: Setter, shared: Shared) -> Response:
    """Whoever took their place is told at the next pass of what is not acknowledged."""
    with shared.database.connection() as connection, connection.transaction():
        known = notify_settings.find_duty(connection, duty_id)
        if known is None or not _in_scope(setter, known["county"]):
            raise not_found("notification_settings.no_duty", number=duty_id)
        notify_settings.delete_duty(connection, duty_id)
        said = {name: str(known[name]) for name in ("person", "county", "role", "since", "until")}
        audit.append(connection, setter.username, "duty_deleted", f"duty:{duty_id}", said, shared.clock())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


# ---------------------------------------------------------------------- receivers and gateways
@router.get("/receivers", summary="Shared receivers")
def receivers(_: Seer, shared: Shared) -> list[ChannelInfo]:
    """Robots, webhooks and topics that belong to nobody; routes name them."""
    with shared.database.connection() as connection:
        return [channel_of(each, shared) for each in notify_settings.channels(connection) if each["person"] is None]


@router.get("/gateways", summary="Gateways that are set")
def gateways(_: Setter, shared: Shared) -> list[GatewayInfo]:
    """Through what mail, short messages and topics go out. Without one for mqtt it is the platform's own broker."""
    with shared.database.connection() as connection:
        return [_gateway(row, shared) for row in notify_settings.gateways(connection).values()]


@router.put("/gateways/{kind}", summary="Set a gateway")
def set_gateway(kind: KindInPath, given: GatewayRequest, setter: Setter, shared: Shared) -> GatewayInfo:
    """The secret is kept where none is given; it is never answered, logged or written to the audit log."""
    address = split_address(given.url.strip())
    if address is None or address.scheme not in _SCHEMES[kind]:
        begins = [f"{scheme}://…" for scheme in _SCHEMES[kind]]
        raise unacceptable(
            "notification_settings.url",
            kind=kinds_named(kind),
            expected=Words(" 或 ".join(begins), " or ".join(begins)),
        )
    if address.password:
        raise unacceptable("notification_settings.password")
    with shared.database.connection() as connection, connection.transaction():
        before = notify_settings.gateways(connection).get(kind)
        secret = given.secret if given.secret is not None else (before or {}).get("secret", "")
        row = {
            "kind": kind,
            "url": given.url.strip(),
            "secret": _sealed(secret, shared),
            "changed_by": setter.username,
            "changed_at": shared.clock(),
        }
        notify_settings.save_gateway(connection, row)
        said = {"host": address.hostname}
        audit.append(connection, setter.username, "notify_gateway_set", f"gateway:{kind}", said, shared.clock())
    return _gateway(row, shared)


@router.delete(
    "/gateways/{kind}", status_code=status.HTTP_204_NO_CONTENT, summary="Remove a gateway", responses=_DELETED
)
def delete_gateway(kind: KindInPath, setter: Setter, shared: Shared) -> Response:
    """Channels of its kind cannot deliver from then on, and say so."""
    with shared.database.connection() as connection, connection.transaction():
        if not notify_settings.delete_gateway(connection, kind):
            raise not_found("notification_settings.no_gateway", kind=kinds_named(kind))
        audit.append(connection, setter.username, "notify_gateway_removed", f"gateway:{kind}", {}, shared.clock())
    return Response(status_code=status.HTTP_204_NO_CONTENT)


# ---------------------------------------------------------------------- the log
@router.get("/log", summary="What was sent to whom, newest first")
def log(
    seer: Seer,
    shared: Shared,
    now: Now,
    state: Annotated[DeliveryState | None, Query(description="Only these")] = None,
    reason: Annotated[ReasonName | None, Query(description="Only what was sent for this reason")] = None,
    person: Annotated[str | None, Query(description="Only to this person")] = None,
    alarm: Annotated[int | None, Query(description="Only about this alarm")] = None,
    notification: Annotated[int | None, Query(description="Only this message")] = None,
    simulated: Annotated[bool | None, Query(description="Only about simulated sites, or only about live ones")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> DeliveryPage:
    """Every message about sites in scope on every channel: why, to whom, how often tried, and how it ended."""
    with shared.database.connection() as connection:
        total, rows = notifications.deliveries(
            connection,
            sites=_sites(seer, now),
            mine=seer.username,
            state=state,
            reason=reason,
            person=person,
            alarm=alarm,
            number=notification,
            simulated=simulated,
            limit=limit,
            offset=offset,
        )
    return DeliveryPage(total=total, items=[delivery_of(row) for row in rows])


# ---------------------------------------------------------------------- the dry run
@router.post("/dry-run", summary="Who would be told, and why", responses=_UNKNOWN)
def dry_run(given: DryRunRequest, seer: Seer, shared: Shared, now: Now) -> DryRun:
    """Of an alarm that is there, or of one that might be raised; nothing is sent."""
    at = given.at or shared.clock()
    check_zone("at", at)
    with shared.database.connection() as connection:
        if given.alarm is not None:
            row = queries.alarm(connection, given.alarm)
            if row is None:
                raise not_found("notification_settings.no_alarm", number=given.alarm)
            visible_site(now, seer, row["site"])
        elif given.site is None:
            raise unacceptable("notification_settings.alarm_or_site")
        world = replace(reading.world(connection, at, set()), duties=reading.duties(connection, at))
        matter = _matter(given, world, now, seer, at)
        found = plan(world, matter, at)
        names = {row["username"]: row["name"] for row in notify_settings.contacts(connection)}
        known = {row["id"]: row["name"] for row in notify_settings.channels(connection)}
        told = []
        if given.alarm is not None:
            told = notifications.deliveries(connection, alarm=given.alarm, sites=_sites(seer, now), limit=50)[1]
        office = None if matter.simulated else hours_of(connection)
    return _dry_run(found, names, known, office, [delivery_of(row) for row in told])


def _matter(given: DryRunRequest, world: World, now: Snapshot, seer: Principal, at: datetime) -> Matter:
    if given.alarm is not None:
        known = next((each for each in world.matters if each.id == given.alarm), None)
        if known is None:
            raise not_found("notification_settings.over", number=given.alarm)
        return replace(known, acknowledged=False)
    site = visible_site(now, seer, given.site or "")
    return Matter(
        id=-1,
        kind=given.kind,
        condition="dry run",
        site=site.code,
        county=site.county,
        scenario=site.scenario,
        zone=site.zone,
        simulated=site.simulated,
        audience=given.audience,
        priority=given.priority,
        active=True,
        acknowledged=False,
        raised_at=at,
    )


def _dry_run(
    found: Plan,
    names: Mapping[str, str],
    channels: Mapping[int, str],
    office: OfficeHoursInfo | None,
    told: list[Delivery],
) -> DryRun:
    route = found.route
    return DryRun(
        outcome=found.outcome,
        route=route.id if route else None,
        route_zh=route.name_zh if route else "",
        route_en=route.name_en if route else "",
        group_wait_s=int(route.group_wait.total_seconds()) if route else None,
        steps=[_step(each, names, channels) for each in found.steps],
        office=office,
        beside=[
            DryRunBeside(
                route=each.id,
                route_zh=each.name_zh,
                route_en=each.name_en,
                group_wait_s=int(each.group_wait.total_seconds()),
                steps=[_step(step, names, channels) for step in steps],
            )
            for each, steps in found.beside
        ],
        told_before=told,
    )


def _step(step: StepPlan, names: Mapping[str, str], channels: Mapping[int, str]) -> DryRunStep:
    return DryRunStep(role=step.role.value, at=step.at, told=[_told(each, names, channels) for each in step.told])


def _told(told: Told, names: Mapping[str, str], channels: Mapping[int, str]) -> DryRunTold:
    kind, _, name = told.recipient.name.partition(":")
    person = name if kind == "person" else None
    return DryRunTold(
        person=person,
        name=names.get(name, name) if person else channels.get(int(name), name),
        by=told.recipient.by,  # type: ignore[arg-type]  # the log is not asked in a dry run
        drops=[
            DryRunDrop(
                channel=None if each.channel is None else channels.get(each.channel, str(each.channel)),
                kind=each.kind,
                quiet_until=each.quiet_until,
            )
            for each in told.drops
        ],
    )


def _sites(seer: Principal, now: Snapshot) -> list[str] | None:
    """The sites in scope; None for all."""
    return [each.site.code for each in now.in_scope(seer)] if seer.counties or seer.role == "venue" else None


def _in_scope(seer: Principal, county: str) -> bool:
    return not seer.counties or county in seer.counties


def _counties(codes: Sequence[str]) -> Words:
    """Counties, or all where none is named: by name in Chinese, by code in English."""
    if not codes:
        return Words.of("refusal.notification_settings.all")
    return listed(Words(COUNTIES[each].name_zh if each in COUNTIES else each, each) for each in codes)


def _roles(roles: Sequence[str]) -> Words:
    """Roles of people: by name in Chinese, by code in English."""
    return listed(Words(text("zh", f"dashboard.role.{each}"), each) for each in roles)


def _route(row: Mapping[str, Any]) -> RouteInfo:
    return RouteInfo(**{name: row[name] for name in RouteInfo.model_fields})


def _duty(row: Mapping[str, Any]) -> DutyInfo:
    return DutyInfo(**{name: row[name] for name in DutyInfo.model_fields})


def _sealed(secret: str, shared: Context) -> str:
    try:
        return shared.settings.seal.close(secret)
    except SealError as error:
        raise unsealable() from error


def _gateway(row: Mapping[str, Any], shared: Context) -> GatewayInfo:
    try:
        opened_gateway(row, shared.settings.seal)
        lost = False
    except SealError:
        lost = True
    return GatewayInfo(
        kind=row["kind"],
        host=urlsplit(row["url"]).hostname or "",
        has_secret=bool(row["secret"]),
        unreadable=lost,
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """A delivery with its message."""
    same = {name: row[name] for name in Delivery.model_fields if name in row}
    return Delivery(
        **{
            **same,
            "id": row["delivery_id"],
            "notification": row["id"],
            "channel": row["delivery_channel"],
            "state": row["delivery_state"],
            "alarms": len(row["alarms"]),
        }
    )
