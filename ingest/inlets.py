"""The ways in beside the broker: HJ 212 instruments that connect, Modbus controllers that are asked."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final, Protocol

from ingest.admission import Admission
from ingest.decoders.hj212 import Command
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.hj212 import Listener
from ingest.modbus_poller import Poller
from store import device_commands
from store.connections import Connection
from store.queries import configured_speed
from store.upkeep import credentials

BEIJING: Final = timezone(timedelta(hours=8))
"""The clock of HJ 212."""

_log = logging.getLogger(__name__)


class _Inlet(Protocol):
    received: int

    @property
    def waiting(self) -> int:
        """Deliveries received and not taken."""

    def take(self, most: int) -> list[Delivery]:
        """At most so many deliveries in order."""

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """These are committed."""

    def stop(self) -> None:
        """End."""


class Inlets:
    """Both of them as one more source of deliveries.

    Parameters
    ----------
    hj212 : address that instruments connect to; without it nobody listens
    polls : whether this worker asks controllers
    master : secret that passwords derive from, see `registry.credentials`

    """

    def __init__(self, hj212: tuple[str, int] | None, *, polls: bool, master: str | None) -> None:
        self._master = master
        self._admission: Admission | None = None
        self._listener = Listener(*hj212, self._admits) if hj212 else None
        self._poller = Poller() if polls else None
        self._commanded: dict[str, int] = {}
        self._open: list[_Inlet] = [each for each in (self._listener, self._poller) if each is not None]

    def adopt(self, directory: Directory, connection: Connection) -> None:
        """Go by this registry from now on, with the credentials of now. The first call opens the listener.

        Raises `OSError` when its port can't be had.
        """
        first = self._admission is None
        self._admission = Admission(directory, credentials(connection), self._master)
        if self._listener is not None and first:
            self._listener.start()
            _log.info("listening for HJ 212 instruments on %s:%d", self._listener.host, self._listener.port)
        if self._poller is not None:
            self._poller.watch(directory.registry, configured_speed(connection) or 1.0)

    @property
    def received(self) -> int:
        """Deliveries ever received."""
        return sum(each.received for each in self._open) - (self._listener.unqueued if self._listener else 0)

    @property
    def waiting(self) -> int:
        """Deliveries received and not taken."""
        return sum(each.waiting for each in self._open)

    def take(self, most: int) -> list[Delivery]:
        """At most so many deliveries of each way in."""
        return [delivery for each in self._open for delivery in each.take(most)]

    def carry_commands(self, directory: Directory, connection: Connection, now: datetime) -> None:
        """Send what instruments are to be told, and note what they answered. The connection commits by itself."""
        if self._listener is None:
            return
        for qn, words in self._listener.answers():
            if (number := self._commanded.get(qn)) is not None:
                device_commands.answered(connection, number, words, now)
        for each in device_commands.unsent(connection, now):
            binding = directory.device(each.device)
            if binding is None:
                continue
            local = now.astimezone(BEIJING)
            qn = f"{local:%Y%m%d%H%M%S}{each.id % 1000:03d}"
            if each.command == "set_clock":
                cn, parameters = Command.SET_CLOCK, {"SystemTime": f"{local:%Y%m%d%H%M%S}"}
            else:
                cn, parameters = Command.SET_REALTIME_INTERVAL, {"RtdInterval": str(each.parameters["seconds"])}
            if self._listener.command(binding.device.identity, qn, cn, parameters):
                self._commanded[qn] = each.id
                device_commands.sent(connection, each.id, now)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Answer what is committed; deliveries of the broker are passed over."""
        for each in self._open:
            each.ack(deliveries)

    def stop(self) -> None:
        """Close connections; what is not answered will be sent again."""
        for each in self._open:
            each.stop()

    def detail(self) -> dict[str, object]:
        """How they are doing, for the heartbeat."""
        said: dict[str, object] = {}
        if self._listener is not None:
            said["hj212"] = {
                "connections": self._listener.connections,
                "received": self._listener.received,
                "repeated": self._listener.repeated,
            }
        if self._poller is not None:
            said["modbus"] = {"received": self._poller.received, "failed": self._poller.failed}
        return said

    def _admits(self, mn: str, pw: str) -> bool:
        return self._admission is not None and self._admission(mn, pw)
