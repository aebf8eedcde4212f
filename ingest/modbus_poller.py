"""Asks the registered controllers for their registers, each at its period, in a few threads.

A poll becomes a delivery on the device's own topic. Nobody holds a reading that was polled and not committed when
ingest dies: the next poll brings the next one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from ingest.delivery import Delivery
from ingest.modbus import ModbusAddress, ModbusError, poll
from registry.model import Dialect, Registry

EPOCH: Final = -2
"""The epoch of polled deliveries: no connection has it."""

TIMEOUT_S: Final = 3.0
SHORTEST_PERIOD_S: Final = 1.0
_THREADS: Final = 8
_MOST_WAITING: Final = 10_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Controller:
    """A controller under watch. `next_at` is monotonic; `busy` while a poll of it is under way."""

    address: ModbusAddress
    topic: str
    period_s: float
    next_at: float
    busy: bool = False
    failing: str = ""
    client: ModbusTcpClient | None = None


class Poller:
    """Polls in the background from `start` to `stop`. `take` belongs to ingest's thread."""

    def __init__(self) -> None:
        self.received = 0
        self.failed = 0
        self._queue: deque[Delivery] = deque(maxlen=_MOST_WAITING)
        self._controllers: Mapping[str, _Controller] = {}
        self._change = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="modbus-poller", daemon=True)

    def watch(self, registry: Registry, speed: float = 1.0) -> None:
        """Watch these controllers from now on; simulated ones at a period shortened by `speed`."""
        found: dict[str, _Controller] = {}
        for code, device in registry.devices.items():
            if device.dialect is not Dialect.MODBUS:
                continue
            try:
                address = ModbusAddress.parse(device.address)
            except ValueError as error:
                _log.error("device %s: %s", code, error)
                continue
            faster = speed if registry.sites[device.site].simulated else 1.0
            period = max(SHORTEST_PERIOD_S, device.period_s / faster)
            former = self._controllers.get(code)
            if former is not None and former.address == address:
                former.period_s = period
                found[code] = former
            else:
                found[code] = _Controller(address, registry.topic_of(device, "telemetry"), period, time.monotonic())
        with self._change:
            self._controllers = found
            self._change.notify()
        if found and not self._thread.is_alive() and not self._stopping:
            self._thread.start()

    def stop(self) -> None:
        """End after the polls under way."""
        with self._change:
            self._stopping = True
            self._change.notify()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S + 1.0)

    @property
    def waiting(self) -> int:
        """How many polls wait to be taken."""
        return len(self._queue)

    def take(self, most: int) -> list[Delivery]:
        """At most so many polls in order; none when there are none."""
        return [self._queue.popleft() for _ in range(min(most, len(self._queue)))]

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Nothing: a controller waits for no answer."""

    def _run(self) -> None:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="modbus") as pool:
            while not self._stopping:
                now = time.monotonic()
                controllers = list(self._controllers.values())
                for each in controllers:
                    if not each.busy and each.next_at <= now:
                        each.busy = True
                        each.next_at = max(each.next_at + each.period_s, now)
                        pool.submit(self._ask, each)
                soonest = min((each.next_at for each in controllers), default=now + 1.0)
                with self._change:
                    if not self._stopping:
                        self._change.wait(min(1.0, max(0.01, soonest - time.monotonic())))

    def _ask(self, controller: _Controller) -> None:
        try:
            client = _connected(controller)
            at = time.time_ns()
            payload = poll(client, controller.address, at // 1_000_000)
        except (OSError, ModbusException) as error:
            self._failed(controller, str(error))
        except Exception as error:  # a fault of ours or of the library's: other controllers go on
            _log.exception("%s: poll failed", controller.address)
            self._failed(controller, repr(error))
        else:
            if controller.failing:
                _log.info("%s answers again", controller.address)
                controller.failing = ""
            if len(self._queue) == _MOST_WAITING:
                self.failed += 1  # the oldest makes room
            else:
                self.received += 1
            self._queue.append(Delivery(EPOCH, 0, controller.topic, payload, at // 1000))
        finally:
            controller.busy = False

    def _failed(self, controller: _Controller, why: str) -> None:
        self.failed += 1
        if controller.client is not None:
            controller.client.close()  # type: ignore[no-untyped-call]
            controller.client = None
        if controller.failing != why:
            controller.failing = why
            _log.warning("%s", why)


def _connected(controller: _Controller) -> ModbusTcpClient:
    """The controller's connection, opened where it has none. Raises `ModbusError`."""
    if controller.client is None:
        address = controller.address
        controller.client = ModbusTcpClient(address.host, port=address.port, timeout=TIMEOUT_S, retries=0)
    if not controller.client.connected and not controller.client.connect():  # type: ignore[no-untyped-call]
        raise ModbusError(f"{controller.address}: cannot be reached")
    return controller.client
