"""What venues and inspectors announce: closure, stopped circulation, calibration, maintenance."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, status

from monitor.api.context import Now, Shared, requires, visible_site
from monitor.api.refusals import check_zone, conflict, not_found, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.alarm_acts import AnnouncementInfo, NewAnnouncement, Withdrawal
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND
from monitor.api.snapshot import Snapshot
from registry.announcements import Announcement, AnnouncementKind, check, hold_off_of
from registry.site_settings import SettingError
from registry.words import moment
from store import audit
from store.announcements import (
    add_announcement,
    find_announcement,
    load_announcements,
    muted_by,
    withdraw_announcement,
)

router = APIRouter(prefix="/announcements", tags=["alarms"])

Reader = Annotated[Principal, Depends(requires(Permission.READ_ALARMS))]
Announcer = Annotated[Principal, Depends(requires(Permission.ANNOUNCE))]
_SHOWN_AFTER: Final = timedelta(days=30)
_GONE: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "The announcement is over already"},
}


@router.get("", summary="Announcements, newest first", responses=NOT_FOUND)
def announcements(
    shared: Shared,
    now: Now,
    reader: Reader,
    site: Annotated[str | None, Query(description="Only this site")] = None,
    current: Annotated[bool, Query(description="Only those that are on, coming or in their hold-off")] = False,
) -> list[AnnouncementInfo]:
    """Of the sites in scope, those over for less than 30 days too, with how many alarms each has muted."""
    if site is not None:
        visible_site(now, reader, site)
    at = shared.clock()
    codes = [each.site.code for each in now.in_scope(reader) if site in {None, each.site.code}]
    with shared.database.connection() as connection:
        found = load_announcements(connection, sites=codes, ends_after=at - _SHOWN_AFTER)
        muted = muted_by(connection, [each.id for each in found])
    shown = [_info(each, now, at, muted.get(each.id, 0)) for each in reversed(found)]
    return [each for each in shown if not current or each.state != "over"]


@router.post("", status_code=status.HTTP_201_CREATED, summary="Announce", responses=NOT_FOUND)
def announce(wanted: NewAnnouncement, shared: Shared, now: Now, announcer: Announcer) -> AnnouncementInfo:
    """Mutes by design what begins while it lasts, never what was on before: nobody can announce an alarm away."""
    site = visible_site(now, announcer, wanted.site)
    at = shared.clock()
    for name, given in (("from", wanted.starts_at), ("to", wanted.ends_at)):
        check_zone(name, given)
    kind = AnnouncementKind(wanted.kind)
    announcement = Announcement(
        id=0,
        site=site.code,
        sampling_point=wanted.sampling_point,
        kind=kind,
        starts_at=wanted.starts_at or at,
        ends_at=wanted.ends_at,
        hold_off_s=hold_off_of(kind),
        reason=wanted.reason.strip(),
        announced_by=announcer.username,
        announced_at=at,
    )
    try:
        check(announcement, now.registry, at)
    except SettingError as error:
        raise unacceptable(error) from error
    said = {
        "kind": kind.value,
        "sampling_point": wanted.sampling_point,
        "since": announcement.starts_at.isoformat(),
        "until": announcement.ends_at.isoformat(),
        "reason": announcement.reason,
    }
    with shared.database.connection() as connection, connection.transaction():
        kept = {name: value for name, value in said.items() if value is not None}
        audit.append(connection, announcer.username, "announce", f"site:{site.code}", kept, at)
        added = add_announcement(connection, announcement, at)
    return _info(added, now, at, 0)


@router.post("/{announcement_id}/withdraw", summary="Withdraw an announcement", responses=_GONE)
def withdraw(
    announcement_id: Annotated[int, Path(description="The announcement", examples=[12])],
    said: Withdrawal,
    shared: Shared,
    now: Now,
    announcer: Announcer,
) -> AnnouncementInfo:
    """It ends now; its hold-off still counts. What it muted and is still there is told after that."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = find_announcement(connection, announcement_id)
        site = now.registry.sites.get(found.site) if found else None
        if found is None or site is None or not announcer.sees(site):
            raise not_found("announcements.unknown", number=announcement_id)
        if found.ends_at <= at:
            raise conflict("announcements.over", number=announcement_id, at=moment(found.ends_at, site.zone))
        detail = {"announcement": announcement_id, "reason": said.reason.strip()}
        audit.append(connection, announcer.username, "withdraw_announcement", f"site:{found.site}", detail, at)
        withdrawn = withdraw_announcement(connection, found, at, announcer.username, said.reason.strip())
        muted = muted_by(connection, [announcement_id])
    return _info(withdrawn, now, at, muted.get(announcement_id, 0))


def _info(announcement: Announcement, now: Snapshot, at: datetime, muted: int) -> AnnouncementInfo:
    site = now.registry.sites[announcement.site]
    return AnnouncementInfo(
        **{name: getattr(announcement, name) for name in AnnouncementInfo.model_fields if hasattr(announcement, name)},
        site_name_zh=site.name_zh,
        site_name_en=site.name_en,
        simulated=site.simulated,
        state=_state(announcement, at),
        muted_alarms=muted,
    )


def _state(announcement: Announcement, at: datetime) -> Literal["coming", "on", "hold_off", "over"]:
    if at < announcement.starts_at and announcement.starts_at < announcement.ends_at:
        return "coming"
    if at < announcement.ends_at:
        return "on"
    return "hold_off" if at < announcement.ends_at + timedelta(seconds=announcement.hold_off_s) else "over"
