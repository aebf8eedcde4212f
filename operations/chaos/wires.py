"""TCP proxies between the parts, which can be cut, blackholed and slowed while connections run through them."""

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from operations.ports import LOOPBACK, any_free

PIECE_BYTES: Final = 65_536
DELAY_S: Final = 0.15
START_TIMEOUT_S: Final = 10.0


class Weather(StrEnum):
    """What a wire does to what goes through it.

    ``cut`` ends every connection and every new one at once; ``blackhole`` takes bytes and connections and answers
    nothing, and ends them when it is over, as a time-out does; ``delay`` holds each piece back for `DELAY_S`.
    """

    FAIR = "fair"
    CUT = "cut"
    BLACKHOLE = "blackhole"
    DELAY = "delay"


class Wire:
    """A proxy on loopback `port` to `target`. Its methods belong to the loop of `Wires`."""

    def __init__(self, target: int) -> None:
        self.port = any_free()
        self._target = target
        self._weather = Weather.FAIR
        self._fair = asyncio.Event()
        self._fair.set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def listen(self) -> asyncio.Server:
        """Begin to take connections."""
        return await asyncio.start_server(self._take, LOOPBACK, self.port)

    def change(self, weather: Weather) -> None:
        """Let another weather begin."""
        if weather is Weather.CUT or self._weather is Weather.BLACKHOLE:
            for writer in self._writers:
                writer.transport.abort()
        self._weather = weather
        (self._fair.clear if weather is Weather.BLACKHOLE else self._fair.set)()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather is Weather.CUT:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await self._fair.wait()
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            self._end(writer)
            return
        self._writers.add(far_writer)
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            self._end(writer)
            self._end(far_writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                await self._fair.wait()
                if self._weather is Weather.DELAY:
                    await asyncio.sleep(DELAY_S)
                writer.write(piece)
                await writer.drain()
        # One side gone is both gone: neither MQTT nor PostgreSQL speaks on over half a connection.
        writer.transport.abort()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()


class Wires:
    """All proxies by name, in a thread with a loop of its own; `targets` are the ports they lead to."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        self._targets = targets
        self._wires: dict[str, Wire] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wires", daemon=True)
        self._ready = threading.Event()

    def port(self, name: str) -> int:
        """Where to connect instead of the target."""
        return self._wires[name].port

    def change(self, name: str, weather: Weather) -> None:
        """Let another weather begin on a wire; from any thread."""
        self._loop.call_soon_threadsafe(self._wires[name].change, weather)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise TimeoutError(f"proxies not ready within {START_TIMEOUT_S:g} s")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._wires = {name: Wire(target) for name, target in self._targets.items()}
        for wire in self._wires.values():
            self._loop.run_until_complete(wire.listen())
        self._ready.set()
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()
