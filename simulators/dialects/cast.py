"""Every registered device as one that lives: connecting, spoken for by its gateway, or waiting to be asked."""

import logging
from collections.abc import Sequence
from typing import Final

from registry.model import Device, Dialect
from simulators.device import SimulatedDevice
from simulators.dialects.choice import gateway_voice, voice_of
from simulators.dialects.custody import TRACKER, WASTE_KINDS, Custody
from simulators.dialects.jt808 import Jt808, Terminal
from simulators.dialects.modbus import Controllers
from simulators.dialects.silent import Acknowledged, Controller, Ward
from simulators.dialects.voice import Voice
from simulators.link import Address, Identity
from simulators.outbox import DEFAULT_CAPACITY
from simulators.settings import SimulatorSettings
from simulators.waste.registering import tracker_of

log = logging.getLogger(__name__)

EVENTS: Final = 50_000
"""Events that a scale or hand-held keeps while it is off line: none is ever dropped that matters."""
_NOWHERE: Final = Address("127.0.0.1", 9)
"""The discard port: an instrument without a server finds nobody there."""


class Cast:
    """Makes the fleet's devices, and keeps what they share."""

    def __init__(self, settings: SimulatorSettings, first_seq: int, on_acknowledged: Acknowledged) -> None:
        self._settings = settings
        self._first_seq = first_seq
        self._on_acknowledged = on_acknowledged
        self._controllers: Controllers | None = None
        city = settings.waste
        plates = city.plates if city else ()
        self._plates = {tracker_of(city, number): plate for number, plate in enumerate(plates)} if city else {}

    def devices(self, codes: Sequence[str]) -> list[SimulatedDevice]:
        """The devices of these codes, in their order. Raises `OSError` when the port of Modbus can't be had."""
        registered = [self._settings.registry.devices[code] for code in codes]
        self._controllers = self._started([each.code for each in registered if each.dialect is Dialect.MODBUS])
        made: dict[str, SimulatedDevice] = {}
        for device in sorted(registered, key=lambda each: bool(each.gateway)):  # gateways first
            made[device.code] = self._made(device, made)
        return [made[code] for code in codes]

    def close(self) -> None:
        """Close what devices share."""
        if self._controllers is not None:
            self._controllers.stop()

    def _started(self, codes: Sequence[str]) -> Controllers | None:
        if not codes or self._settings.modbus is None:
            return None
        controllers = Controllers(tuple(codes), *self._settings.modbus)
        controllers.start()
        return controllers

    def _made(self, device: Device, made: dict[str, SimulatedDevice]) -> SimulatedDevice:
        registry = self._settings.registry
        password = self._settings.device_password(device.code)
        identity = Identity(device.code, password, registry.topic_of(device, "status"))
        if device.gateway:
            voice = gateway_voice(registry, registry.devices[device.gateway], device)
            return Ward(identity, voice, self._first_seq, self._on_acknowledged, made[device.gateway])
        if device.dialect is Dialect.MODBUS:
            return Controller(identity, self._controllers)
        server = None
        if device.dialect in (Dialect.HJ212, Dialect.JT808):
            own = self._settings.hj212 if device.dialect is Dialect.HJ212 else self._settings.jt808
            server = Address(*own) if own else _NOWHERE
        voice = self._voice(device, password)
        capacity = EVENTS if device.kind in WASTE_KINDS else DEFAULT_CAPACITY
        return SimulatedDevice(
            identity, voice, self._first_seq, self._on_acknowledged, server=server, capacity=capacity
        )

    def _voice(self, device: Device, password: str) -> Voice:
        registry = self._settings.registry
        if device.kind in WASTE_KINDS:
            return Custody(registry.topic_of(device, "waste"))
        if device.kind == TRACKER and device.dialect is Dialect.JT808:
            return Jt808(Terminal(device.identity, self._plates[device.code]))
        if device.kind == TRACKER:
            return Custody(registry.topic_of(device, "position"))
        return voice_of(registry, device, password)
