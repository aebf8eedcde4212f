"""Modbus registers as a poller read them: ``{"ts": ms, "map": "neopool", "registers": {"258": 742, …}}``.

What a register means is declared in a register map, one TOML file a controller in `ingest/modbus_maps`. A word of
0xFFFF is most makers' "no value", where the map does not say otherwise.
Source: Modbus Application Protocol V1.1b3 §6.3, §6.4; the maps name their own.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from ingest.decoders.json_text import JsonObject, read_json
from ingest.decoders.model import Decoded, Sample
from ingest.decoders.timestamps import read_milliseconds
from ingest.rejection import Reason, shown

MAPS: Final = Path(__file__).parents[1] / "modbus_maps"
NO_VALUE: Final = 0xFFFF
_LARGEST_WORD: Final = 0xFFFF
_SIGN_BIT: Final = 0x8000
_ADDRESS: Final = re.compile(r"\d{1,5}\Z", re.ASCII)
_SHAPE: Final = '{"ts": ms, "map": "neopool", "registers": {"258": 742}}'


@dataclass(frozen=True, slots=True)
class Register:
    """What a 16-bit register holds: ``scale * word`` in `unit`; `invalid` are words that mean no value."""

    name: str
    unit: str
    scale: float = 1.0
    signed: bool = False
    invalid: frozenset[int] = frozenset((NO_VALUE,))

    def value(self, word: int) -> float:
        """The quantity that a word stands for."""
        number = word - (_LARGEST_WORD + 1) if self.signed and word & _SIGN_BIT else word
        # Rounded to the scale's own decimals: 742 hundredths are 7.42, not 7.420000000000001.
        return round(number * self.scale, 9)


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """A controller's registers by address, and whether they are input (function 4) or holding ones (function 3)."""

    code: str
    name: str
    function: Literal["input", "holding"]
    registers: Mapping[int, Register]


@cache
def register_map(code: str) -> RegisterMap:
    """The map of that name. Raises `ValueError` naming those there are."""
    known = sorted(path.stem for path in MAPS.glob("*.toml"))
    if code not in known:
        raise ValueError(f"map is {shown(code)}; must be one of {', '.join(known)}")
    content = tomllib.loads((MAPS / f"{code}.toml").read_text("utf-8"))
    registers = {int(address, 16): _register(fields) for address, fields in content["registers"].items()}
    return RegisterMap(code, content["name"], content["function"], registers)


def _register(fields: dict[str, Any]) -> Register:
    return Register(**{**fields, "invalid": frozenset(fields.get("invalid", (NO_VALUE,)))})


def decode(payload: bytes) -> Decoded:
    """The sample and rejections of a poll."""
    decoded = Decoded()
    content = read_json(payload, _SHAPE, decoded)
    if decoded.rejections:
        return decoded
    registers = content.get("registers") if isinstance(content, JsonObject) else None
    if not isinstance(registers, JsonObject) or not registers or content.repeated or registers.repeated:
        decoded.reject(Reason.WRONG_SHAPE, f"payload is {shown(content)}; must be {_SHAPE}")
        return decoded
    try:
        ts = read_milliseconds(content.get("ts"))
    except ValueError as error:
        decoded.reject(Reason.BAD_TIMESTAMP, str(error), "ts")
        return decoded
    try:
        meaning = register_map(str(content.get("map")))
    except ValueError as error:
        decoded.reject(Reason.WRONG_SHAPE, str(error), "map")
        return decoded
    sample = Sample(ts, {}, units={}, declared=True)
    for address, word in registers.items():
        _read_word(address, word, meaning, sample, decoded)
    if sample.values or sample.missing:
        decoded.samples.append(sample)
    elif not decoded.rejections:
        decoded.reject(Reason.WRONG_SHAPE, f"registers hold nothing that {meaning.code} gives a meaning", "registers")
    return decoded


def _read_word(address: str, word: object, meaning: RegisterMap, sample: Sample, into: Decoded) -> None:
    register = meaning.registers.get(int(address)) if _ADDRESS.match(address) else None
    at = f"registers.{address}"
    if register is None:
        return  # a poll reads whole blocks; what lies between the mapped registers means nothing here
    if type(word) is not int or not 0 <= word <= _LARGEST_WORD:
        into.reject(Reason.NOT_A_NUMBER, f"{at} is {shown(word)}; must be a word, 0 to 65535", at)
    elif word in register.invalid:
        sample.missing = {**sample.missing, register.name: f"{at} is 0x{word:04X}, which means no value"}
    else:
        sample.values[register.name] = register.value(word)
        sample.units = {**sample.units, register.name: register.unit}
