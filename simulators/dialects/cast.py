"""Every registered device as one that lives: connecting, spoken for by its gateway, or waiting to be asked."""

import logging
from collections.abc import Sequence
from typing import Final

from registry.model import Device, Dialect
from simulators.device import SimulatedDevice
from simulators.dialects.choice import gateway_voice, voice_of
from simulators.dialects.modbus import Controllers
from simulators.dialects.silent import Acknowledged, Controller, Ward
from simulators.link import Address, Identity
from simulators.settings import SimulatorSettings

log = logging.getLogger(__name__)

_NOWHERE: Final = Address("127.0.0.1", 9)
"""The discard port: an instrument without a server finds nobody there."""


class Cast:
    """Makes the fleet's devices, and keeps what they share."""

    def __init__(self, settings: SimulatorSettings, first_seq: int, on_acknowledged: Acknowledged) -> None:
        self._settings = settings
        self._first_seq = first_seq
        self._on_acknowledged = on_acknowledged
        self._controllers: Controllers | None = None

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
        hj212 = None
        if device.dialect is Dialect.HJ212:
            hj212 = Address(*self._settings.hj212) if self._settings.hj212 else _NOWHERE
        voice = voice_of(registry, device, password)
        return SimulatedDevice(identity, voice, self._first_seq, self._on_acknowledged, hj212=hj212)
