"""The network side of a fleet: every device's connection in one thread, through one selector."""

import logging
import random
import selectors
import socket
from collections.abc import Sequence
from typing import Final

from simulators.clock import SECOND_US
from simulators.device import SimulatedDevice
from simulators.gate import Gate
from simulators.link import Address, Wire

log = logging.getLogger(__name__)

TICK_US: Final = SECOND_US
CONNACK_PATIENCE_US: Final = 10 * SECOND_US
REFUSAL_DELAY_US: Final = 15 * SECOND_US
APART_DELAY_US: Final = 5 * SECOND_US


class Connector:
    """Connects devices to the broker, keeps their connections alive, and tells them what arrives.

    It never blocks longer than one attempt to reach the broker; while the broker is away one device tries.
    """

    def __init__(self, address: Address, devices: Sequence[SimulatedDevice], seed: int) -> None:
        self._address = address
        self._devices = devices
        self._selector = selectors.DefaultSelector()
        self._gate = Gate(random.Random(seed))  # noqa: S311 - jitter, not a secret
        self._leaving: list[Wire] = []
        self._opened: dict[str, int] = {}  # device code: since when it waits for the broker's answer
        self._barred: dict[str, int] = {}  # device code: refused, not to be tried before
        self._next_tick = 0
        self._lost = 0
        self._broker_away = False
        self._now = 0
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._selector.register(self._wakened, selectors.EVENT_READ, None)

    def wake(self) -> None:
        """End a `poll` early; may be called from another thread."""
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return  # it is awake

    def connect_some(self, now: int) -> None:
        """Begin as many connections as the gate allows at `now` (µs since the epoch)."""
        self._now = now
        allowance = self._gate.allowance(now, len(self._opened))
        if not allowance:
            return
        wanting = [each for each in self._devices if each.wants_connection and self._barred.get(each.code, 0) <= now]
        for device in wanting[:allowance]:
            try:
                self._opened[device.code] = now
                device.connect(self._address, self._selector, self)
            except OSError as error:
                self._opened.pop(device.code, None)
                if device.apart:
                    self._bar(device, str(error))
                    continue
                self._note_failure(f"broker {self._address.host}:{self._address.port} cannot be reached: {error}")
                return

    def poll(self, timeout_s: float) -> None:
        """Wait for the network at most `timeout_s` seconds and handle what came."""
        for key, mask in self._selector.select(max(0.0, timeout_s)):
            link: Wire | None = key.data
            if link is None:
                self._drain_wakeups()
            elif not link.closed:
                link.ready(mask)

    def tick(self, now: int) -> None:
        """Once a second: keep-alives, answers that do not come, links that have said goodbye."""
        self._now = now
        if now < self._next_tick:
            return
        self._next_tick = now + TICK_US
        for device in self._devices:
            if device.link is not None:
                device.link.tick()
        by_code = {device.code: device for device in self._devices}
        for code, since in list(self._opened.items()):
            device = by_code[code]
            if device.link is None:
                del self._opened[code]
            elif now - since > CONNACK_PATIENCE_US:
                del self._opened[code]
                device.give_up()
                self._note_failure(f"broker did not answer device {code} within {CONNACK_PATIENCE_US // SECOND_US} s")
        self._leaving = [link for link in self._leaving if not link.closed]
        if self._lost:
            log.warning("%d devices lost their connection to the broker; they keep their readings", self._lost)
            self._lost = 0

    def leave(self, link: Wire) -> None:
        """Drive a link that says goodbye to its end."""
        self._leaving.append(link)

    @property
    def leaving(self) -> int:
        """Number of links that have not finished saying goodbye."""
        return sum(not link.closed for link in self._leaving)

    def close(self) -> None:
        """Cut what is left and free the sockets."""
        for link in self._leaving:
            link.abort()
        for device in self._devices:
            device.give_up()
        self._selector.close()
        self._waker.close()
        self._wakened.close()

    # What devices report (`device.Watcher`).

    def connected(self, device: SimulatedDevice) -> None:
        """The broker accepted the device."""
        self._opened.pop(device.code, None)
        self._gate.succeeded()
        if self._broker_away:
            self._broker_away = False
            log.info("broker %s:%d answers again", self._address.host, self._address.port)

    def refused(self, device: SimulatedDevice, why: str) -> None:
        """The broker answered and refused the device, which tries again later; the others go on."""
        self._opened.pop(device.code, None)
        self._barred[device.code] = self._now + REFUSAL_DELAY_US
        self._gate.succeeded()
        log.error(
            "device %s: the broker refused its credential: %s; is it in the broker's user list?", device.code, why
        )

    def lost(self, device: SimulatedDevice, why: str) -> None:
        """The connection ended without the device's doing."""
        if self._opened.pop(device.code, None) is None:
            self._lost += 1
            log.debug("device %s: connection lost: %s", device.code, why)
        if device.apart:
            self._bar(device, why)
            return
        self._note_failure(f"connection to the broker lost: {why}")

    def _bar(self, device: SimulatedDevice, why: str) -> None:
        """Leave a device with a server of its own in peace for a while; the broker has nothing to do with it."""
        self._barred[device.code] = self._now + APART_DELAY_US
        log.info("device %s: its server cannot be reached: %s", device.code, why)

    def _note_failure(self, why: str) -> None:
        if not self._broker_away:
            self._broker_away = True
            log.warning("%s; trying again", why)
        self._gate.failed(self._now)

    def _drain_wakeups(self) -> None:
        try:
            while self._wakened.recv(4096):
                pass
        except BlockingIOError:
            return
