"""The ways in beside the broker: HJ 212 instruments and JT/T 808 terminals that connect, controllers that are asked."""

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ingest.admission import Admission, TerminalAdmission
from ingest.decoders.hj212 import Command
from ingest.decoders.jt808 import Registered, Registration
from ingest.decoders.timestamps import BEIJING
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.hj212 import Listener
from ingest.jt808 import Listener as TerminalListener
from ingest.modbus_poller import Poller
from store import device_commands
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
    """All of them as one more source of deliveries.

    Parameters
    ----------
    hj212, jt808 : addresses that instruments and terminals connect to; without one nobody listens
    polls : whether this worker asks controllers
    master : secret that passwords derive from, see `registry.credentials`

    """

    def __init__(
        self,
        hj212: tuple[str, int] | None,
        *,
        polls: bool,
        master: str | None,
        jt808: tuple[str, int] | None = None,
    ) -> None:
        self._master = master
        self._admission: Admission | None = None
        self._terminals = _Terminals()
        self._listener = Listener(*hj212, self._admits) if hj212 else None
        self._terminal_listener = TerminalListener(*jt808, self._terminals) if jt808 else None
        self._listeners = [each for each in (self._listener, self._terminal_listener) if each is not None]
        self._poller = Poller() if polls else None
        self._commanded: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._open: list[_Inlet] = [*self._listeners, *([self._poller] if self._poller is not None else [])]

    def adopt(self, directory: Directory, connection: Connection) -> None:
        """Go by this registry from now on, with the credentials of now."""
        known = credentials(connection)
        self._admission = Admission(directory, known, self._master)
        self._terminals.admission = TerminalAdmission(directory, known, self._master)
        self.listen()
        if self._poller is not None:
            self._poller.watch(directory.registry, configured_speed(connection) or 1.0)

    def listen(self) -> None:
        """Open each listener that is not open. A port that can't be had is told, and tried at the next call.

        Everything else goes on meanwhile: a port that another program took must not cost the readings of MQTT.
        """
        for listener in self._listeners:
            if listener.listening:
                continue
            address = f"{listener.host}:{listener.port}"
            try:
                listener.start()
            except OSError as error:
                said = f"{address}: {os.strerror(error.errno) if error.errno else error}"
                if self._refused.get(listener.protocol) != said:
                    _log.error("nobody can report by %s, as it can't listen on %s", listener.protocol, said)
                self._refused[listener.protocol] = said
            else:
                self._refused.pop(listener.protocol, None)
                _log.info("listening for %s on %s", listener.protocol, address)

    @property
    def received(self) -> int:
        """Deliveries ever received."""
        return sum(each.received for each in self._open) - sum(each.unqueued for each in self._listeners)

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
        said: dict[str, object] = {"deaf": dict(self._refused)} if self._refused else {}
        for listener in self._listeners:
            said[listener.protocol] = {
                "connections": listener.connections,
                "received": listener.received,
                "repeated": listener.repeated,
            }
        if self._poller is not None:
            said["modbus"] = {"received": self._poller.received, "failed": self._poller.failed}
        return said

    def _admits(self, mn: str, pw: str) -> bool:
        return self._admission is not None and self._admission(mn, pw)


class _Terminals:
    """Who of the terminals may report, by the registry of now."""

    def __init__(self) -> None:
        self.admission: TerminalAdmission | None = None

    def register(self, phone: str, registration: Registration) -> tuple[Registered, str]:
        """What becomes of a registration, and the code where it succeeds."""
        if self.admission is None:
            return Registered.NO_SUCH_TERMINAL, ""
        return self.admission.register(phone, registration)

    def authenticate(self, phone: str, code: str) -> bool:
        """Whether a terminal's code is its own."""
        return self.admission is not None and self.admission.authenticate(phone, code)
