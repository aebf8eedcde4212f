"""Asking a pool controller for its registers over Modbus TCP.

A controller of this kind publishes nothing by itself; a poll is what a device's message is elsewhere. What it brings
is published to the broker, so that a reading taken while the database is away is kept like any other.
"""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from ingest.decoders.modbus import RegisterMap, register_map

# The library logs a lost connection as an error, beside raising it.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

MOST_REGISTERS: Final = 125
"""The most registers that one request may ask for (Modbus Application Protocol V1.1b3 §6.3)."""

_ADDRESS: Final = re.compile(r"modbus://(?P<host>[^:/?]+)(?::(?P<port>\d+))?/(?P<unit>\d+)\?map=(?P<map>[\w-]+)\Z")
_RIGHT: Final = "must be modbus://host:port/unit?map=name, such as modbus://192.0.2.7:502/1?map=neopool"


class ModbusError(OSError):
    """A controller did not answer as it should; the message names it and what it answered."""


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """Where a controller is, and how its registers are to be understood."""

    host: str
    port: int
    unit: int
    meaning: RegisterMap

    @classmethod
    def parse(cls, address: str) -> "ModbusAddress":
        """Read ``modbus://host:port/unit?map=name``. Raises `ValueError` saying what would be right."""
        found = _ADDRESS.match(address)
        if found is None:
            raise ValueError(f"Modbus address is {address!r}; {_RIGHT}")
        port, unit = int(found["port"] or 502), int(found["unit"])
        if not 0 < port < 65_536 or not 0 <= unit <= 255:
            raise ValueError(f"Modbus address is {address!r}; its port must be below 65536, its unit below 256")
        return cls(found["host"], port, unit, register_map(found["map"]))

    def __str__(self) -> str:
        return f"modbus://{self.host}:{self.port}/{self.unit}?map={self.meaning.code}"


def blocks(meaning: RegisterMap) -> Iterator[range]:
    """The address ranges that hold all mapped registers, each as long as one request may be."""
    addresses = sorted(meaning.registers)
    first = addresses[0]
    last = first
    for address in addresses[1:]:
        if address - first >= MOST_REGISTERS:
            yield range(first, last + 1)
            first = address
        last = address
    yield range(first, last + 1)


def poll(client: ModbusTcpClient, address: ModbusAddress, ts_ms: int) -> bytes:
    """One poll of a controller, as the payload that `ingest.decoders.modbus` reads. Raises `ModbusError`."""
    registers: dict[int, int] = {}
    read = client.read_input_registers if address.meaning.function == "input" else client.read_holding_registers
    for block in blocks(address.meaning):
        try:
            answer = read(block.start, count=len(block), device_id=address.unit)
        except ModbusException as error:
            raise ModbusError(f"{address}: {error}") from error
        if answer.isError():
            raise ModbusError(f"{address}: registers {block.start} to {block.stop - 1}: {answer}")
        # Some instruments answer with registers of their own choice, whatever was asked for.
        if len(answer.registers) != len(block):
            raise ModbusError(
                f"{address}: {len(answer.registers)} registers came, {len(block)} from {block.start} on were asked for"
            )
        registers |= dict(zip(block, answer.registers, strict=True))
    content = {"ts": ts_ms, "map": address.meaning.code, "registers": {str(key): registers[key] for key in registers}}
    return json.dumps(content, separators=(",", ":")).encode()
