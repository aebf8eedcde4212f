"""Devices that do not connect by themselves: one that a gateway speaks for, and one that waits to be asked."""

from collections.abc import Callable, Mapping

from simulators.device import Presence, SimulatedDevice
from simulators.dialects.modbus import Controllers
from simulators.dialects.voice import Plain, Voice
from simulators.link import Identity, Wire
from simulators.outbox import Sample

Acknowledged = Callable[[str, tuple[Sample, ...]], None]


class Ward(SimulatedDevice):
    """A device whose samples its gateway publishes, over the gateway's connection."""

    def __init__(
        self, identity: Identity, voice: Voice, first_seq: int, on_acknowledged: Acknowledged, gateway: SimulatedDevice
    ) -> None:
        super().__init__(identity, voice, first_seq, on_acknowledged)
        self._gateway = gateway
        gateway.wards.append(self)

    @property
    def wants_connection(self) -> bool:
        """Never: its gateway has one."""
        return False

    def flush(self) -> None:
        """Hand what waits to the gateway."""
        if self.presence is Presence.ONLINE:
            self._gateway.speak_for(self)

    def gateway_connected(self, connected: bool) -> None:
        """The gateway's connection has come or gone."""
        self.connected = connected
        if connected:
            self.flush()
        else:
            self.outbox.connection_lost()


class Controller(SimulatedDevice):
    """A controller that answers Modbus requests with its newest values."""

    def __init__(self, identity: Identity, controllers: Controllers | None) -> None:
        super().__init__(identity, Plain("", {}), 0, lambda *_: None)
        self._controllers = controllers
        self.connected = True

    @property
    def wants_connection(self) -> bool:
        """Never: it waits to be asked."""
        return False

    def sample(self, ts: int, values: Mapping[str, float]) -> None:
        """Show new values, unless it has no power or no network."""
        self.last_ts = ts
        if self.presence is Presence.ONLINE and self._controllers is not None:
            self._controllers.show(self.code, values)
            self.published += 1

    def set_presence(self, presence: Presence) -> Wire | None:
        """Without power or network it shows nothing."""
        if presence is not Presence.ONLINE and self._controllers is not None:
            self._controllers.hide(self.code)
        self.connected = presence is Presence.ONLINE
        return super().set_presence(presence)
