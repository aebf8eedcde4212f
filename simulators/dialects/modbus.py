"""Pool controllers that only answer: a Modbus TCP server of pymodbus with one unit a controller, as the NeoPool has."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Final

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

log = logging.getLogger(__name__)

FIRST: Final = 0x0100
REGISTERS: Final[Mapping[str, tuple[int, float]]] = {
    "ph": (0x0102, 100.0),
    "orp": (0x0103, 1.0),
    "free_chlorine": (0x0104, 100.0),
    "water_temperature": (0x0106, 10.0),
}
"""The NeoPool's input registers, and how many of its steps make one unit of the indicator."""
NOT_FITTED: Final = 0xFFFF
_COUNT: Final = 9


class Controllers:
    """Controllers behind one port, in a thread of their own; unit numbers count from 1 in the order of `codes`."""

    def __init__(self, codes: tuple[str, ...], host: str, port: int) -> None:
        self._units = {code: number for number, code in enumerate(codes, start=1)}
        self._address = (host, port)
        self._loop = asyncio.new_event_loop()
        self._server: ModbusTcpServer | None = None
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="modbus", daemon=True)

    def start(self) -> None:
        """Listen. Raises `OSError` when the port can't be had."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close the port."""
        if self._thread.is_alive() and self._server is not None:
            asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop)  # type: ignore[no-untyped-call]
            self._thread.join(5.0)

    def show(self, code: str, values: Mapping[str, float]) -> None:
        """Let a controller answer with these values from now on."""
        words = {
            address: max(0, min(0xFFFE, round(values[name] * steps)))
            for name, (address, steps) in REGISTERS.items()
            if name in values
        }
        self._put(code, words)

    def hide(self, code: str) -> None:
        """Let a controller answer that it has no values."""
        self._put(code, {address: NOT_FITTED for address, _ in REGISTERS.values()})

    def _put(self, code: str, words: Mapping[int, int]) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._write(self._units[code], words), self._loop)

    async def _write(self, unit: int, words: Mapping[int, int]) -> None:
        if self._server is None:
            return
        for address, word in words.items():
            await self._server.context.async_setValues(unit, 16, address, [word])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        devices = [
            SimDevice(unit, simdata=[SimData(FIRST, values=[NOT_FITTED] * _COUNT, datatype=DataType.REGISTERS)])
            for unit in self._units.values()
        ]
        try:
            self._server = ModbusTcpServer(devices, address=self._address)
            await self._server.listen()
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self._started.set()
        await self._server.serving
