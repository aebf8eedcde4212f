"""Which of the demonstration's devices speak which dialect, and what their makers call things there.

Most pools have Landun's own instruments; one venue each has bought a controller that speaks something else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from registry.model import Channel, Device, Dialect, Registry

# The makers' names, and the units they give values in where those are not the indicator's.
_CHINESE_CLOUD: Final = {
    "free_chlorine": "FCL",
    "ph": "PH",
    "orp": "ORP",
    "turbidity": "NTU",
    "water_temperature": "TEMP",
    "circulation_flow": "FLOW",
    "bathers": "PEOPLE",
}
# HJ 212-2017 has codes for pH and temperature (annex B); it has none for chlorine, turbidity, ORP or flow at a pool,
# so these are a maker's own, as makers do.
_HJ212: Final = {
    "free_chlorine": "w21901",
    "ph": "w01001",
    "orp": "w21902",
    "turbidity": "w01003",
    "water_temperature": "w01010",
    "circulation_flow": "w00000",
    "bathers": "w21903",
}
_AMERICAN: Final = {"water_temperature": "degF", "free_chlorine": "ppb"}
_VOLTS: Final = {"orp": "V"}
_NEOPOOL: Final = ("free_chlorine", "ph", "orp", "water_temperature")

SPEAKERS: Final[Sequence[tuple[Dialect, Mapping[str, str], Mapping[str, str]]]] = (
    (Dialect.THINGSBOARD, {}, _AMERICAN),
    (Dialect.SENML_JSON, {}, _VOLTS),
    (Dialect.SENML_CBOR, {}, {}),
    (Dialect.SPARKPLUG, {"free_chlorine": "Pool/Free Chlorine", "ph": "Pool/pH", "orp": "Pool/ORP"}, _VOLTS),
    (Dialect.ALINK, _CHINESE_CLOUD, {}),
    (Dialect.HUAWEI, _CHINESE_CLOUD, {}),
    (Dialect.HJ212, _HJ212, {}),
    (Dialect.MODBUS, {}, {}),
    (Dialect.THINGSBOARD_GATEWAY, {}, {}),
)
"""A dialect, its makers' names and its makers' units, each for the devices of one venue."""


def with_dialects(registry: Registry, modbus: str) -> Registry:
    """The demonstration with a venue for each dialect. `modbus` is ``host:port`` of its controllers.

    A venue with several basins has a gateway in the first one that speaks for the others.
    """
    devices = dict(registry.devices)
    channels = dict(registry.channels)
    pools = (code for code, site in registry.sites.items() if site.scenario == "pool")
    venues = [code for code in pools if registry.devices_of_site[code]]
    units = iter(range(1, 248))
    for (dialect, names, foreign), site in zip(SPEAKERS, _largest_last(registry, venues), strict=False):
        own = registry.devices_of_site[site]
        for device in own:
            devices[device.code] = _speaking(device, dialect, own[0], modbus, units)
            for channel in registry.channels_of_device[device.code]:
                if dialect is Dialect.MODBUS and channel.indicator not in _NEOPOOL:
                    del channels[channel.id]
                    continue
                channels[channel.id] = _called(channel, names, foreign)
    return Registry.of(registry.sites.values(), registry.sampling_points.values(), devices.values(), channels.values())


def _largest_last(registry: Registry, venues: Sequence[str]) -> list[str]:
    """The first venues, of which the one with most devices comes last: it is the one for the gateway."""
    chosen = list(venues[: len(SPEAKERS)])
    return sorted(chosen, key=lambda code: (len(registry.devices_of_site[code]), chosen.index(code)))


def _speaking(device: Device, dialect: Dialect, first: Device, modbus: str, units: Iterator[int]) -> Device:
    match dialect:
        case Dialect.HJ212:
            identity = f"{device.code.upper().replace('-', '')}{'0' * 24}"[:24]
            return replace(device, dialect=dialect, identity=identity)
        case Dialect.MODBUS:
            return replace(device, dialect=dialect, address=f"modbus://{modbus}/{next(units)}?map=neopool")
        case Dialect.THINGSBOARD_GATEWAY if device is not first:
            return replace(device, gateway=first.code, identity=f"Pool {device.sampling_point}")
        case _:
            return replace(device, dialect=dialect)


def _called(channel: Channel, names: Mapping[str, str], foreign: Mapping[str, str]) -> Channel:
    name = names.get(channel.indicator)
    return replace(channel, names=(name,) if name else (), unit=foreign.get(channel.indicator, ""))
