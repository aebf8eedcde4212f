"""Delivery: what waits goes out, is tried again with back-off while that can help, and is reported where it cannot.

At least once: a delivery counts as done when its receiver took it and the database says so. Killed in between, it
goes out again, under the same name; since `AT_ONCE` deliveries are out at most, a kill repeats no more than these.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.notify.senders import GATEWAYS, SENDERS, Gateway, Parcel, Problem, Sender, SendError
from registry.catalogue import Language, text
from store import notifications, notify_settings
from store.backoff import Backoff
from store.channel_secrets import ChannelSealError, opened_channel, opened_gateway
from store.connections import Connection
from store.sealing import Seal

AT_ONCE: Final = 8
FIRST_RETRY_S: Final = 10.0
MOST_RETRY_S: Final = 900.0
TRIED_FOR: Final = timedelta(hours=24)
SEALED_FOR: Final = timedelta(minutes=1)
"""How long a delivery whose channel's secret cannot be read waits until that is looked at again."""
REPORTED_EVERY: Final = timedelta(hours=1)
"""A channel that fails is reported to the monitoring centre this often at most."""

_log = logging.getLogger(__name__)


class Courier:
    """Sends in threads, at most one delivery a channel at a time; the database is spoken to by the caller's thread."""

    def __init__(
        self,
        senders: Mapping[str, Sender] = SENDERS,
        default_gateways: Mapping[str, Gateway] | None = None,
        seal: Seal | None = None,
    ) -> None:
        self._senders = senders
        self._seal = seal or Seal()
        self._default_gateways = dict(default_gateways or {})
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver")
        self._out: dict[int, tuple[dict[str, Any], Future[None]]] = {}

    def step(self, connection: Connection, now: datetime) -> int:
        """Note what came of deliveries that are out, and send what is due; how many are out or were finished."""
        finished = self._finish(connection, now)
        free = AT_ONCE - len(self._out)
        if free > 0:
            self._send(connection, now, free)
        return finished + len(self._out)

    def finish(self, connection: Connection, now: datetime) -> None:
        """Wait for what is out and note what came of it. Nothing is sent after this."""
        self._pool.shutdown(wait=True)
        self._finish(connection, now)

    def _send(self, connection: Connection, now: datetime, free: int) -> None:
        busy = {row["channel_id"] for row, _ in self._out.values()}
        gateways: dict[str, Gateway | ChannelSealError] | None = None
        for row in notifications.due(connection, now, AT_ONCE * 4, sorted(busy)):
            if free == 0:
                return
            if row["obsolete"]:
                notifications.give_up(connection, row["id"], "obsolete", "obsolete", "")
                continue
            if not row["enabled"]:
                notifications.give_up(connection, row["id"], "failed", Problem.MISCONFIGURED, "channel is switched off")
                continue
            if row["channel_id"] in busy:
                continue
            if gateways is None:
                gateways = self._gateways(connection)
            try:
                parcel = self._packed(row, gateways)
            except ChannelSealError as error:
                _log.error("delivery %d by %s waits: %s", row["id"], row["kind"], error)
                busy.add(row["channel_id"])
                notifications.hold(connection, row["channel_id"], now, now + SEALED_FOR, Problem.SEALED, error.name)
                continue
            self._out[row["id"]] = row, self._pool.submit(self._senders[row["kind"]], parcel)
            busy.add(row["channel_id"])
            free -= 1

    def _packed(self, row: Mapping[str, Any], gateways: Mapping[str, Gateway | ChannelSealError]) -> Parcel:
        """The parcel of a delivery's row. Raises `ChannelSealError` where a secret that it needs can't be read."""
        gateway = gateways.get(row["kind"]) if row["kind"] in GATEWAYS else None
        if isinstance(gateway, ChannelSealError):
            raise gateway
        return parcel_of(opened_channel(row, self._seal), gateway)

    def _gateways(self, connection: Connection) -> dict[str, Gateway | ChannelSealError]:
        found: dict[str, Gateway | ChannelSealError] = {**self._default_gateways}
        for kind, row in notify_settings.gateways(connection).items():
            try:
                found[kind] = Gateway(row["url"], opened_gateway(row, self._seal)["secret"])
            except ChannelSealError as error:
                found[kind] = error
        return found

    def _finish(self, connection: Connection, now: datetime) -> int:
        done = [number for number, (_, future) in self._out.items() if future.done()]
        for number in done:
            row, future = self._out[number]
            error = future.exception()
            if error is None:
                notifications.delivered(connection, number, now)
            elif isinstance(error, SendError):
                self._failed(connection, row, error, now)
            else:
                _log.error("delivery %d by %s: fault of the program", number, row["kind"], exc_info=error)
                self._failed(connection, row, SendError(Problem.SERVER_ERROR, type(error).__name__), now)
            # Forgotten only once it is noted: if the database fails here, the next round notes it.
            del self._out[number]
        return len(done)

    def _failed(self, connection: Connection, row: Mapping[str, Any], error: SendError, now: datetime) -> None:
        since = max(row["at"], row["quiet_until"] or row["at"])
        if error.recoverable and now - since < TRIED_FOR:
            wait = Backoff(FIRST_RETRY_S, MOST_RETRY_S, attempts=row["attempts"]).next()
            _log.warning(
                "delivery %d by %s failed (%s), attempt %d; again in %.0f s",
                row["id"], row["kind"], error, row["attempts"] + 1, wait,
            )  # fmt: skip
            notifications.put_off(
                connection, row["id"], row["channel_id"], now + timedelta(seconds=wait), error.problem, error.detail
            )
            return
        _log.error("delivery %d by %s given up: %s", row["id"], row["kind"], error)
        with connection.transaction():
            notifications.give_up(connection, row["id"], "failed", error.problem, error.detail)
            report(connection, row, error, now)


def parcel_of(row: Mapping[str, Any], gateway: Gateway | None) -> Parcel:
    """What the sender gets of a delivery's row, its secrets opened."""
    facts = {
        "id": row["notification_id"],
        "at": row["at"].isoformat(),
        "reason": row["reason"],
        "priority": row["priority"],
        "simulated": row["simulated"],
        "counties": row["counties"],
        "sites": row["sites"],
        "alarms": row["alarms"],
        "groups": row["why"].get("groups", []),
    }
    return Parcel(row["id"], row["kind"], row["title"], row["body"], facts, row["target"], row["secret"], gateway)


def report(connection: Connection, row: Mapping[str, Any], error: SendError, now: datetime) -> None:
    """Tell the monitoring centre, in the app, that a channel does not deliver. Does not commit."""
    if row["reason"] in {"test", "undelivered"} or notifications.reported_since(
        connection, row["channel_id"], now - REPORTED_EVERY
    ):
        return
    for person in notify_settings.contacts(connection):
        keeps = person["role"] == "administrator" or (
            person["role"] == "centre" and (not person["counties"] or set(person["counties"]) & set(row["counties"]))
        )
        if keeps or person["username"] == row["person"]:
            _tell(connection, person, row, error, now)


def _tell(
    connection: Connection, person: Mapping[str, Any], row: Mapping[str, Any], error: SendError, now: datetime
) -> None:
    language: Language = person["language"]
    kind = text(language, f"notify.kind.{row['kind']}")
    fields = {
        "channel": row["name"],
        "kind": kind,
        "whose": row["person"] or text(language, "notify.message.shared"),
        "title": row["title"],
        "problem": text(language, f"notify.problem.{error.problem}"),
        "detail": error.detail,
    }
    message = {
        **{name: row[name] for name in ("priority", "simulated", "sites", "counties", "alarms")},
        "at": now,
        "reason": "undelivered",
        "person": person["username"],
        "channel_id": None,
        "title": text(language, "notify.message.undelivered_title", **fields),
        "body": text(language, "notify.message.undelivered_body", **fields),
        "language": language,
        "why": {"channel": row["channel_id"], "delivery": row["id"], "problem": error.problem},
    }
    notifications.add(connection, message, [{"channel_id": None, "kind": "inbox"}])
