"""One's own notifications: the inbox, channels, quiet hours, a test send."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit

from fastapi import APIRouter, Depends, Path, Query, Response, status

from monitor.api.context import Context, Shared, requires
from monitor.api.refusals import Refusal, forbidden, not_found, refused, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.notifications import (
    ChannelInfo,
    ChannelRequest,
    DutyInfo,
    Inbox,
    Mine,
    Notification,
    Queued,
    ReadRequest,
    Wishes,
)
from monitor.api.scope import Permission, Principal
from registry.catalogue import text
from registry.topics import NOTIFICATIONS
from registry.words import Words, listed
from store import audit, notifications, notify_settings
from store.channel_secrets import SECRET_TARGETS, opened_channel, sealed_channel
from store.connections import Connection
from store.sealing import SealError

router = APIRouter(prefix="/notifications", tags=["notifications"])

Reader = Annotated[Principal, Depends(requires(Permission.READ_ALARMS))]
ChannelInPath = Annotated[int, Path(description="Channel", examples=[3])]

DUTY_AHEAD: Final = timedelta(days=14)
CHANNELS_A_PERSON: Final = 20
OWN_KINDS: Final = frozenset({"email", "sms", "wecom", "dingtalk", "feishu"})
"""What people set for themselves. Addresses of their own choosing are the monitoring centre's to set: the notifier
stands inside the network."""

_TOKENS: Final = frozenset({"wecom", "dingtalk", "feishu"})
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "email": re.compile(r"[^@\s,;?&]{1,64}@[^@\s,;?&/]{1,190}"),
    "sms": re.compile(r"\+?[0-9]{5,20}"),
    "wecom": re.compile(r"[A-Za-z0-9_-]{4,100}"),
    "dingtalk": re.compile(r"[A-Za-z0-9]{4,100}"),
    "feishu": re.compile(r"[A-Za-z0-9_-]{4,100}"),
    "mqtt": re.compile(rf"{NOTIFICATIONS}/[A-Za-z0-9_/-]{{1,200}}"),
}
_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "There is no such channel, or it is not yours to change"}
}


@router.get("/inbox", summary="My inbox, newest first")
def inbox(
    reader: Reader,
    shared: Shared,
    unread: Annotated[bool, Query(description="Only what was not read")] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(description="Only messages older than this one")] = None,
) -> Inbox:
    """Every message to the person who asks; new ones also come on the live feed, as frames `notification`."""
    with shared.database.connection() as connection:
        left, rows = notifications.inbox(connection, reader.username, unread=unread, limit=limit, before=before)
    return Inbox(unread=left, items=[notification_of(row) for row in rows])


@router.post("/inbox/read", summary="Mark messages of my inbox as read")
def read(given: ReadRequest, reader: Reader, shared: Shared) -> Inbox:
    """Reading is not acknowledging: an alarm is acknowledged by `POST /alarms/{alarm_id}/acknowledge`."""
    with shared.database.connection() as connection:
        notifications.mark_read(connection, reader.username, given.ids, shared.clock())
        left, rows = notifications.inbox(connection, reader.username, unread=True, limit=50)
    return Inbox(unread=left, items=[notification_of(row) for row in rows])


@router.get("/mine", summary="How I am told")
def mine(reader: Reader, shared: Shared) -> Mine:
    """Language, quiet hours, channels and duties of the person who asks."""
    now = shared.clock()
    with shared.database.connection() as connection:
        return _mine(connection, reader, shared, now + DUTY_AHEAD)


@router.put("/mine", summary="Set how I am told")
def set_wishes(given: Wishes, reader: Reader, shared: Shared) -> Mine:
    """Language, time zone and quiet hours; high priority comes through unless it is taken out of `quiet_broken_by`."""
    now = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        notify_settings.save_wishes(connection, {**given.model_dump(), "person": reader.username})
        said = given.model_dump(mode="json")
        audit.append(connection, reader.username, "notify_wishes_set", f"person:{reader.username}", said, now)
        return _mine(connection, reader, shared, now + DUTY_AHEAD)


@router.post("/channels", status_code=status.HTTP_201_CREATED, summary="Add a channel")
def add_channel(given: ChannelRequest, reader: Reader, shared: Shared) -> ChannelInfo:
    """One of my own, or (`shared`) a receiver for routes, which takes the right to set who is told."""
    _may_change(reader, given.kind, shared=given.shared)
    if given.target is None:
        raise unacceptable("notifications.no_target", kind=kinds_named(given.kind), shape=_shape_of(given.kind))
    with shared.database.connection() as connection, connection.transaction():
        if not given.shared:
            own = [each for each in notify_settings.channels(connection) if each["person"] == reader.username]
            if len(own) >= CHANNELS_A_PERSON:
                raise unacceptable("notifications.too_many", most=CHANNELS_A_PERSON)
        row = {
            **_row(given, reader, shared),
            "person": None if given.shared else reader.username,
            "target": checked_target(given.kind, given.target),
            "secret": given.secret or "",
        }
        number = notify_settings.save_channel(connection, _sealed(row, shared))
        _audit(connection, reader, "notify_channel_added", number, row, shared)
    return channel_of({**row, "id": number}, shared)


@router.put("/channels/{channel_id}", summary="Change a channel", responses=_UNKNOWN)
def change_channel(channel_id: ChannelInPath, given: ChannelRequest, reader: Reader, shared: Shared) -> ChannelInfo:
    """Target and secret stay as they are where none is given. Whose it is and its kind cannot be changed."""
    with shared.database.connection() as connection, connection.transaction():
        known = own_channel(connection, channel_id, reader)
        if given.kind != known["kind"] or given.shared != (known["person"] is None):
            raise unacceptable("notifications.fixed")
        target = known["target"] if given.target is None else checked_target(given.kind, given.target)
        row = {
            **_row(given, reader, shared),
            "person": known["person"],
            "target": target,
            "secret": known["secret"] if given.secret is None else given.secret,
        }
        notify_settings.save_channel(connection, _sealed(row, shared), channel_id)
        _audit(connection, reader, "notify_channel_changed", channel_id, row, shared)
    return channel_of({**row, "id": channel_id}, shared)


@router.delete(
    "/channels/{channel_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a channel",
    responses={**_UNKNOWN, 204: {"content": {"text/plain": {}}, "description": "Deleted"}},
)
def delete_channel(channel_id: ChannelInPath, reader: Reader, shared: Shared) -> Response:
    """What waited for it is not sent any more."""
    with shared.database.connection() as connection, connection.transaction():
        known = own_channel(connection, channel_id, reader)
        notify_settings.delete_channel(connection, channel_id)
        _audit(connection, reader, "notify_channel_deleted", channel_id, known, shared)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/channels/{channel_id}/test",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a test message",
    responses=_UNKNOWN,
)
def test_channel(channel_id: ChannelInPath, reader: Reader, shared: Shared) -> Queued:
    """A message that says that it is a test goes the way of every other; `GET /notifications/log` says how it ended."""
    now = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        known = own_channel(connection, channel_id, reader)
        language = known["language"]
        said = {"person": reader.name or reader.username, "channel": known["name"]}
        message = {
            "at": now,
            "reason": "test",
            "person": known["person"],
            "channel_id": None if known["person"] else channel_id,
            "priority": "low",
            "simulated": known["demonstration"],
            "sites": [],
            "counties": [],
            "alarms": [],
            "title": text(language, "notify.message.test_title"),
            "body": text(language, "notify.message.test_body", **said),
            "language": language,
            "why": {"by": reader.username, "channel": channel_id},
        }
        number = notifications.add(connection, message, [{"channel_id": channel_id, "kind": known["kind"]}])
        _audit(connection, reader, "notify_test_sent", channel_id, known, shared)
    return Queued(notification=number, detail="on its way; see the log of deliveries")


def _mine(connection: Connection, reader: Principal, shared: Context, until: Any) -> Mine:
    wishes = next((each for each in notify_settings.contacts(connection) if each["username"] == reader.username), None)
    gateways = notify_settings.gateways(connection)
    return Mine(
        wishes=Wishes(**{name: wishes[name] for name in Wishes.model_fields}) if wishes else Wishes(),
        channels=[
            channel_of(each, shared)
            for each in notify_settings.channels(connection)
            if each["person"] == reader.username
        ],
        duties=[
            DutyInfo(**{name: each[name] for name in DutyInfo.model_fields})
            for each in notify_settings.roster(connection, shared.clock(), until)
            if each["person"] == reader.username
        ],
        email_ready="email" in gateways,
        sms_ready="sms" in gateways,
    )


def _row(given: ChannelRequest, reader: Principal, shared: Context) -> dict[str, Any]:
    kept = ("name", "kind", "language", "priorities", "enabled", "demonstration")
    return {
        **{name: getattr(given, name) for name in kept},
        "changed_by": reader.username,
        "changed_at": shared.clock(),
    }


def _may_change(reader: Principal, kind: str, *, shared: bool) -> None:
    if reader.may(Permission.SET_NOTIFICATIONS):
        return
    if shared or kind not in OWN_KINDS:
        raise forbidden("notifications.not_own", kind=kinds_named(kind), own=kinds_named(*sorted(OWN_KINDS)))


def own_channel(connection: Connection, number: int, reader: Principal) -> dict[str, Any]:
    """A channel that the person may change: their own, or a shared one by right; 404 otherwise."""
    known = notify_settings.find_channel(connection, number)
    mine_ = known is not None and known["person"] == reader.username
    by_right = known is not None and known["person"] is None and reader.may(Permission.SET_NOTIFICATIONS)
    if known is None or not (mine_ or by_right):
        raise not_found("notifications.no_channel", number=number)
    return known


def _shape_of(kind: str) -> Words:
    return Words.of(f"refusal.notifications.shape.{kind}", root=NOTIFICATIONS)


def kinds_named(*kinds: str) -> Words:
    """Kinds of channel: by name in Chinese, by code in English."""
    return listed(Words(text("zh", f"notify.kind.{each}"), each) for each in kinds)


def checked_target(kind: str, target: str) -> str:
    """A target that a sender of the kind can do something with; 422 saying what would be right. It is not repeated."""
    given = target.strip()
    if kind == "webhook":
        parts = split_address(given)
        right = parts is not None and parts.scheme in {"http", "https"} and "@" not in parts.netloc
    else:
        right = _SHAPES[kind].fullmatch(given) is not None
    if not right:
        raise unacceptable("notifications.wrong_target", kind=kinds_named(kind), shape=_shape_of(kind))
    return given


def split_address(written: str) -> SplitResult | None:
    """The parts of an address; None where it names no host, or has a port or brackets that cannot be."""
    try:
        parts = urlsplit(written)
        _ = parts.port  # checked when it is read
    except ValueError:
        return None
    return parts if parts.hostname else None


def masked(kind: str, target: str) -> str:
    """A target as it may be shown: of a token its last characters, of an address its host."""
    if kind in _TOKENS:
        return f"…{target[-4:]}"
    if kind == "webhook":
        parts = urlsplit(target)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/…"
    return target


def _sealed(row: Mapping[str, Any], shared: Context) -> dict[str, Any]:
    """A channel's row as it is stored; 503 where there is a secret and nothing to seal it with."""
    try:
        return sealed_channel(row, shared.settings.seal)
    except SealError as error:
        raise unsealable() from error


def channel_of(row: Mapping[str, Any], shared: Context) -> ChannelInfo:
    """A channel as it may be shown; of one whose secret cannot be read, that."""
    shown = {name: row[name] for name in ChannelInfo.model_fields if name in row}
    try:
        target, lost = masked(row["kind"], opened_channel(row, shared.settings.seal)["target"]), False
    except SealError:
        target, lost = row["target"] if row["kind"] not in SECRET_TARGETS else "…", True
    return ChannelInfo(**{**shown, "target": target, "has_secret": bool(row["secret"]), "unreadable": lost})


def notification_of(row: Mapping[str, Any]) -> Notification:
    """A message as it is answered."""
    return Notification(**{name: row[name] for name in Notification.model_fields})


def _audit(
    connection: Connection,
    reader: Principal,
    action: str,
    number: int | None,
    row: Mapping[str, Any],
    shared: Context,
) -> None:
    """Note what was done, without where it leads."""
    said = {name: row[name] for name in ("name", "kind", "person", "enabled", "demonstration")}
    audit.append(connection, reader.username, action, f"channel:{number}", said, shared.clock())


def unsealable() -> Refusal:
    """A 503: a secret is never stored open, so none is where there is no key to seal it with."""
    return refused(status.HTTP_503_SERVICE_UNAVAILABLE, "notifications.no_key")
