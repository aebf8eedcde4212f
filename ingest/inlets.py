"""The ways in beside the broker: HJ 212 instruments that connect, Modbus controllers that are asked."""

import logging
from collections.abc import Sequence
from typing import Protocol

from ingest.admission import Admission
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.hj212 import Listener
from ingest.modbus_poller import Poller
from store.connections import Connection
from store.queries import configured_speed
from store.upkeep import credentials

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
