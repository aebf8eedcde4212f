"""Which decoder reads a device's payloads: by the dialect it is registered with, never by guessing."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ingest.decoders import alink, hj212, huawei, jt808, modbus, native, position, senml, thingsboard, waste
from ingest.decoders.model import Decoded
from registry.model import Dialect

Decoder = Callable[[bytes, int], Decoded]
"""A payload and its arrival (us) to samples and rejections."""


def _timeless(decode: Callable[[bytes], Decoded]) -> Decoder:
    """A decoder whose payloads carry their own times."""
    return lambda payload, _arrived: decode(payload)


DECODERS: Final[Mapping[Dialect, Decoder]] = MappingProxyType(
    {
        Dialect.NATIVE: _timeless(native.decode),
        Dialect.THINGSBOARD: _timeless(thingsboard.decode_device),
        Dialect.THINGSBOARD_GATEWAY: _timeless(thingsboard.decode_gateway),
        Dialect.SENML_JSON: senml.decode_json,
        Dialect.SENML_CBOR: senml.decode_cbor,
        Dialect.ALINK: _timeless(alink.decode),
        Dialect.HUAWEI: _timeless(huawei.decode),
        Dialect.HJ212: _timeless(hj212.decode),
        Dialect.MODBUS: _timeless(modbus.decode),
    }
)
"""The decoders of readings without memory.

Sparkplug's needs what its node has declared, see `ingest.decoders.sparkplug`; terminals of vehicles have no readings.
"""

CUSTODY: Final[Mapping[str, Callable[[bytes], Decoded]]] = MappingProxyType(
    {"waste": waste.decode, "position": position.decode, Dialect.JT808.value: jt808.decode}
)
"""The decoders of events of custody and positions: by the kind of topic, and that of terminals."""
