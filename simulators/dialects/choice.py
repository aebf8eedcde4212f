"""The voice of each registered device, by its dialect."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from registry.credentials import hj212_pw
from registry.indicators import INDICATORS
from registry.model import Channel, Device, Dialect, Registry
from registry.units import conversion
from simulators.dialects.hj212 import Hj212, Instrument
from simulators.dialects.sparkplug import Sparkplug
from simulators.dialects.voice import (
    Alink,
    Huawei,
    Plain,
    SenmlCbor,
    SenmlJson,
    Term,
    Terms,
    ThingsBoard,
    ThingsBoardGateway,
    Voice,
)

_SENML_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"mg/L": "mg/L", "pH": "pH", "mV": "mV", "℃": "Cel", "m³/h": "m3/h"}
)


def voice_of(registry: Registry, device: Device, password: str) -> Voice:
    """How a device speaks. Raises `ValueError` for a dialect that is asked for its values and says nothing."""
    topic = registry.topic_of(device, "telemetry")
    county = registry.sites[device.site].county
    channels = registry.channels_of_device[device.code]
    terms = {channel.indicator: _term(channel) for channel in channels}
    voice: Voice
    match device.dialect:
        case Dialect.NATIVE:
            voice = Plain(topic, terms)
        case Dialect.THINGSBOARD:
            voice = ThingsBoard(topic, terms)
        case Dialect.THINGSBOARD_GATEWAY:
            voice = ThingsBoardGateway(topic, terms, device.identity or device.code)
        case Dialect.SENML_JSON:
            voice = SenmlJson(topic, _with_units(terms), _base_name(device))
        case Dialect.SENML_CBOR:
            voice = SenmlCbor(topic, _with_units(terms), _base_name(device))
        case Dialect.ALINK:
            voice = Alink(f"/sys/{county}/{device.code}/thing/event/property/post", terms)
        case Dialect.HUAWEI:
            voice = Huawei(f"$oc/devices/{device.code}/sys/properties/report", terms)
        case Dialect.SPARKPLUG:
            voice = Sparkplug(county, device.code, _with_units(terms))
        case Dialect.HJ212:
            voice = Hj212(Instrument(device.identity, hj212_pw(password)), terms)
        case Dialect.MODBUS:
            raise ValueError(f"device {device.code} speaks modbus: it is asked for its values and publishes nothing")
        case Dialect.JT808:
            raise ValueError(f"device {device.code} speaks jt808: it says where it is and has no values")
    return voice


def _base_name(device: Device) -> str:
    """RFC 9039's device URN; 32473 is the number for documentation."""
    return f"urn:dev:org:32473-{device.code}:"


def gateway_voice(registry: Registry, gateway: Device, device: Device) -> Voice:
    """How a gateway speaks for one of its devices."""
    channels = registry.channels_of_device[device.code]
    terms = {channel.indicator: _term(channel) for channel in channels}
    return ThingsBoardGateway(registry.topic_of(gateway, "telemetry"), terms, device.identity or device.code)


def _term(channel: Channel) -> Term:
    name = channel.names[0] if channel.names else channel.indicator
    if not channel.unit:
        return Term(name)
    to_indicator = conversion(channel.unit, INDICATORS[channel.indicator].unit)
    return Term(name, channel.unit, to_indicator.inverse())


def _with_units(terms: Terms) -> Terms:
    """Terms that name a unit wherever the dialect's spelling of it is known."""
    return {
        indicator: term
        if term.unit
        else Term(term.name, _SENML_UNITS.get(INDICATORS[indicator].unit, ""), term.conversion)
        for indicator, term in terms.items()
    }
