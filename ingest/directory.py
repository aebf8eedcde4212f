"""The registry as ingest asks for it with every message: whose topic is it, and what do its names and units mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ingest.decoders import sparkplug
from ingest.dialects import DECODERS, Decoder
from ingest.rejection import Reason, Rejection, shown
from registry.indicators import INDICATORS
from registry.model import CODE_PATTERN, Channel, Device, Dialect, Registry, Site
from registry.topics import telemetry_topic
from registry.units import IDENTITY, Conversion, UnitError, conversion
from registry.waste.model import NO_WASTE, WasteRegistry
from store.records import to_us

KINDS: Final = ("telemetry", "status", "waste", "position")
HJ212_TOPIC: Final = "hj212/"
JT808_TOPIC: Final = "jt808/"
REFUSED: Final = "/refused"
"""Ends the topic of a frame whose sender has not shown that it is who it says: MN and PW, number and code."""

_LEVELS: Final = 6
_ALINK: Final = ("thing", "event", "property", "post")
_HUAWEI: Final = ("sys", "properties", "report")
_SHAPE: Final = "must be landun/v1/{county}/{site}/{device}/{kind}"


@dataclass(frozen=True, slots=True)
class Field:
    """What a name in a device's payload stands for: `conversion` leads from the device's number to the indicator's.

    `unit` is the unit that the registry says the device uses, empty where it says none; `wanted` the indicator's.
    """

    channel_id: int
    unit: str
    wanted: str
    own: Conversion
    conversion: Conversion

    @classmethod
    def of(cls, channel: Channel) -> "Field":
        """The field of a channel. A unit that can't be converted was refused when the channel was registered."""
        own = Conversion(channel.factor, channel.offset)
        # A scenario may be taken away while its channels are still registered.
        known = INDICATORS.get(channel.indicator)
        wanted = known.unit if known is not None else channel.unit
        try:
            between = conversion(channel.unit, wanted) if channel.unit else IDENTITY
        except UnitError:
            between = IDENTITY
        return cls(channel.id, channel.unit, wanted, own, own.then(between))

    def value(self, number: float, unit: str) -> float:
        """The device's number, given in `unit` (empty: not said), in the indicator's unit. Raises `UnitError`."""
        if not unit or unit == self.unit:
            return number if self.conversion is IDENTITY else self.conversion.apply(number)
        if self.unit:
            raise UnitError(f"unit is {unit!r}; the device is registered to give {self.unit!r}")
        return self.own.then(conversion(unit, self.wanted)).apply(number)


class Layout(NamedTuple):
    """What the keys of a payload's values stand for: the channels of those that are `known`, in order, and the rest."""

    channel_ids: tuple[int, ...]
    known: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Binding:
    """What a device's topic stands for. `layouts` caches what a payload's keys mean by their exact order.

    `speaks_for` holds a gateway's devices and itself, by their code and by what the gateway calls them.
    """

    device: Device
    site: Site
    fields: Mapping[str, Field]
    registered_us: int
    decode: Decoder | None
    speaks_for: dict[str, "Binding"] = field(default_factory=dict)
    layouts: dict[tuple[str, ...], Layout] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether its payloads may be read the quick way: native, and every number already in its unit."""
        return self.device.dialect is Dialect.NATIVE and all(
            each.conversion == IDENTITY for each in self.fields.values()
        )

    def field_of(self, name: str) -> Field | None:
        """The field that a payload calls `name`, or calls by its last part (``urn:dev:mac:1:ph``, ``Pool 1/ph``)."""
        found = self.fields.get(name)
        if found is None:
            found = self.fields.get(name.replace(":", "/").rpartition("/")[2])
        return found


class Address(NamedTuple):
    """Where a message came from: its device and what kind of message it is; `levels` of a Sparkplug topic."""

    binding: Binding
    kind: str
    levels: sparkplug.Topic | None = None


class Directory:
    """The devices by topic, and what is registered of waste. Built anew when the registry changes."""

    def __init__(self, registry: Registry, waste: WasteRegistry = NO_WASTE) -> None:
        self.registry = registry
        self.waste = waste
        self._bindings = {device.code: _bind(registry, device) for device in registry.devices.values()}
        self._instruments: dict[str, Binding] = {}
        self._terminals: dict[str, Binding] = {}
        for binding in self._bindings.values():
            device = binding.device
            # A gateway may name itself among those it speaks for.
            binding.speaks_for.update({name: binding for name in (device.code, device.identity) if name})
            if device.dialect is Dialect.HJ212:
                self._instruments[device.identity] = binding
            elif device.dialect is Dialect.JT808:
                self._terminals[device.identity.lstrip("0")] = binding
            if device.gateway:
                speaks_for = self._bindings[device.gateway].speaks_for
                speaks_for[device.code] = binding
                if device.identity:
                    speaks_for[device.identity] = binding
        self.telemetry: dict[str, Binding] = {
            registry.topic_of(binding.device, "telemetry"): binding
            for binding in self._bindings.values()
            if binding.plain
        }
        """Bindings by the whole telemetry topic: the quick way for what is right."""

    def device(self, code: str) -> Binding | None:
        """The binding of a device."""
        return self._bindings.get(code)

    def instrument(self, mn: str) -> Binding | None:
        """The binding of an HJ 212 instrument, by its MN."""
        return self._instruments.get(mn)

    def terminal(self, phone: str) -> Binding | None:
        """The binding of a JT/T 808 terminal, by its telephone number without leading zeros."""
        return self._terminals.get(phone)

    def address(self, topic: str) -> Address | Rejection | None:
        """The device and kind of a topic, or what is wrong with it; None for a command to a device, ours as well."""
        if topic.startswith("landun/"):
            return self._own(topic)
        if topic.startswith(HJ212_TOPIC):
            return self._hj212(topic)
        if topic.startswith(JT808_TOPIC):
            return self._jt808(topic)
        if topic.startswith(f"{sparkplug.NAMESPACE}/"):
            return None if sparkplug.is_command(topic) else self._sparkplug(topic)
        return self._cloud(topic)

    def _cloud(self, topic: str) -> Address | Rejection:
        levels = topic.split("/")
        if levels[:2] == ["", "sys"] and tuple(levels[4:]) == _ALINK:
            return self._foreign(topic, levels[3], Dialect.ALINK)
        if levels[:2] == ["$oc", "devices"] and tuple(levels[3:]) == _HUAWEI:
            return self._foreign(topic, levels[2], Dialect.HUAWEI)
        return Rejection(Reason.BAD_TOPIC, f"topic {shown(topic)}: {_SHAPE}")

    def _own(self, topic: str) -> Address | Rejection:
        levels = topic.split("/")
        if len(levels) != _LEVELS or levels[:2] != ["landun", "v1"]:
            return Rejection(Reason.BAD_TOPIC, f"topic {shown(topic)}: {_SHAPE}")
        county, site, device, kind = levels[2:]
        binding = self._bindings.get(device)
        if binding is None:
            return _strange(topic, county, site, device)
        if (county, site) != (binding.site.county, binding.site.code):
            right = self.registry.topic_of(binding.device, kind)
        elif kind == "telemetry" and binding.decode is None:
            right = f"{telemetry_topic(county, binding.device)}, as it is registered to speak {binding.device.dialect}"
        elif kind not in KINDS:
            right = f"a topic whose kind is one of {KINDS}, not {shown(kind)}"
        else:
            return Address(binding, kind)
        return Rejection(Reason.BAD_TOPIC, f"topic {shown(topic)}: device {device} must publish on {right}")

    def _hj212(self, topic: str) -> Address | Rejection:
        mn = topic.removeprefix(HJ212_TOPIC)
        if mn.endswith(REFUSED):
            mn = mn.removesuffix(REFUSED)
            if mn in self._instruments:
                return Rejection(Reason.WRONG_IDENTITY, f"PW is not that of MN {shown(mn)}; check the password")
        binding = self._instruments.get(mn)
        if binding is None:
            return Rejection(Reason.UNKNOWN_DEVICE, f"MN {shown(mn)} is not registered; register it as an identity")
        return Address(binding, "telemetry")

    def _jt808(self, topic: str) -> Address | Rejection:
        phone = topic.removeprefix(JT808_TOPIC)
        if phone.endswith(REFUSED):
            phone = phone.removesuffix(REFUSED)
            if phone in self._terminals:
                return Rejection(
                    Reason.WRONG_IDENTITY,
                    f"terminal {shown(phone)} sends without having presented its authentication code (0x0102)",
                )
        binding = self._terminals.get(phone)
        if binding is None:
            return Rejection(
                Reason.UNKNOWN_DEVICE, f"terminal {shown(phone)} is not registered; register its number as an identity"
            )
        return Address(binding, "position")

    def _sparkplug(self, topic: str) -> Address | Rejection:
        levels = sparkplug.read_topic(topic)
        if isinstance(levels, str):
            return Rejection(Reason.BAD_TOPIC, levels)
        found = self._foreign(topic, levels.edge, Dialect.SPARKPLUG)
        if isinstance(found, Rejection):
            return found
        if levels.group != found.binding.site.county:
            return Rejection(
                Reason.BAD_TOPIC,
                f"topic {shown(topic)}: the group of {levels.edge} must be its county, {found.binding.site.county}",
            )
        return Address(found.binding, "telemetry", levels)

    def _foreign(self, topic: str, code: str, dialect: Dialect) -> Address | Rejection:
        binding = self._bindings.get(code)
        if binding is None:
            return _unregistered(code)
        if binding.device.dialect is not dialect:
            return Rejection(
                Reason.BAD_TOPIC,
                f"topic {shown(topic)}: device {code} is registered to speak {binding.device.dialect}, not {dialect}",
            )
        return Address(binding, "telemetry")


def _bind(registry: Registry, device: Device) -> Binding:
    site = registry.sites[device.site]
    fields: dict[str, Field] = {}
    for channel in registry.channels_of_device[device.code]:
        for name in (channel.indicator, *channel.names):
            fields[name] = Field.of(channel)
    return Binding(device, site, fields, to_us(site.registered_at), DECODERS.get(device.dialect))


def _strange(topic: str, county: str, site: str, device: str) -> Rejection:
    """What is wrong with the topic of a device that nobody registered."""
    for name, code in (("county", county), ("site", site), ("device", device)):
        if not CODE_PATTERN.match(code):
            return Rejection(
                Reason.BAD_TOPIC,
                f"topic {shown(topic)}: {name} is {shown(code)}; must be of letters, digits, '_', '-'",
            )
    return _unregistered(device)


def _unregistered(device: str) -> Rejection:
    return Rejection(Reason.UNKNOWN_DEVICE, f"device {shown(device)} is not registered; register it first", device)
