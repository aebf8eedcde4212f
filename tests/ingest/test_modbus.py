"""Polling a controller over Modbus TCP: pymodbus's own server plays the NeoPool."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ingest.decoders import modbus
from ingest.decoders.modbus import Register, RegisterMap
from ingest.modbus import ModbusAddress, ModbusError, blocks, poll
from operations.ports import any_free
from tests.ingest.decoders.examples import TS, TS_MS, readings_of

WORDS: Final = [4, 3, 742, 702, 55, 0xFFFF, 273]
"""Registers 0x0100 to 0x0106; conductivity is not fitted."""


@contextmanager
def pool_controller(port: int) -> Iterator[None]:
    """A NeoPool of pymodbus on a loopback port, as unit 1."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    servers: list[ModbusTcpServer] = []

    async def serve() -> None:
        registers = SimData(0x0100, values=WORDS, datatype=DataType.REGISTERS)
        server = ModbusTcpServer(SimDevice(1, simdata=[registers]), address=("127.0.0.1", port))
        servers.append(server)
        await server.listen()
        started.set()
        await server.serving

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    yield
    asyncio.run_coroutine_threadsafe(servers[0].shutdown(), loop).result(10)  # type: ignore[no-untyped-call]
    thread.join(10)


@pytest.fixture
def controller() -> Iterator[int]:
    """The port of a running NeoPool."""
    port = any_free()
    with pool_controller(port):
        yield port


def test_a_poll_comes_to_readings(controller: int) -> None:
    """What the controller's registers hold comes out in the map's units; what is not fitted is named and left out."""
    address = ModbusAddress.parse(f"modbus://127.0.0.1:{controller}/1?map=neopool")
    with ModbusTcpClient("127.0.0.1", port=controller) as client:
        decoded = modbus.decode(poll(client, address, TS_MS))
    assert readings_of(decoded) == [
        (TS, "ph", 7.42),
        (TS, "orp", 702.0),
        (TS, "free_chlorine", 0.55),
        (TS, "water_temperature", 27.3),
    ]
    assert list(decoded.samples[0].missing) == ["conductivity"]
    assert decoded.rejections == []


def test_a_controller_that_refuses_says_so(controller: int) -> None:
    """A unit that is not there, or a register that does not exist, is an error that names the controller."""
    address = ModbusAddress("127.0.0.1", controller, 1, RegisterMap("x", "x", "input", {9_000: Register("ph", "pH")}))
    with ModbusTcpClient("127.0.0.1", port=controller) as client, pytest.raises(ModbusError, match="registers 9000"):
        poll(client, address, TS_MS)


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("192.0.2.7", "must be modbus://host"),
        ("modbus://192.0.2.7:99999/1?map=neopool", "port must be below"),
        ("modbus://192.0.2.7/1?map=unheard", "must be one of neopool"),
    ],
)
def test_a_wrong_address_says_what_is_right(address: str, wrong: str) -> None:
    """An address that can't be used says what would be right."""
    with pytest.raises(ValueError, match=wrong):
        ModbusAddress.parse(address)


def test_far_registers_are_asked_for_apart() -> None:
    """No request asks for more than 125 registers, and none is left out."""
    meaning = RegisterMap("x", "x", "input", {each: Register(str(each), "") for each in (0, 124, 125, 900)})
    assert [(each.start, each.stop) for each in blocks(meaning)] == [(0, 125), (125, 126), (900, 901)]
