"""Whether a decoded message may become readings, by the registry. Pure: time and registry are given.

Errors name the device, the field, the value and what would be right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple

from ingest.decoders.model import NORMAL_FLAG, Decoded
from ingest.rejection import Reason, Rejection, shown
from registry.model import CODE_PATTERN, Device, Registry, Site
from store.records import from_us, to_us

LARGEST_PAYLOAD_BYTES: Final = 256 * 1024
FURTHEST_AHEAD_US: Final = 5 * 60 * 1_000_000
RETENTION_US: Final = timedelta(days=5 * 365 + 1) // timedelta(microseconds=1)
KINDS: Final = ("telemetry", "status")

_LEVELS: Final = 6
_SHAPE: Final = "must be landun/v1/{county}/{site}/{device}/{kind}"


@dataclass(frozen=True)
class Binding:
    """What a device's topic stands for. `layouts` caches channel ids by the exact key order of a payload."""

    device: Device
    site: Site
    channels: dict[str, int]
    registered_us: int
    layouts: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)


class Address(NamedTuple):
    """Where a message came from: its device and what kind of message it is."""

    binding: Binding
    kind: str


class Good(NamedTuple):
    """A reading that may be stored. `ts` in us."""

    channel_id: int
    ts: int
    value: float
    flagged: bool


class Directory:
    """The registry by topic, as ingest asks for it with every message."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._bindings = {device.code: _bind(registry, device) for device in registry.devices.values()}
        self.telemetry: dict[str, Binding] = {
            registry.topic_of(binding.device, "telemetry"): binding for binding in self._bindings.values()
        }
        """Bindings by the whole telemetry topic: the quick way for what is right."""

    def address(self, topic: str) -> Address | Rejection:
        """The device and kind of a topic, or what is wrong with it."""
        levels = topic.split("/")
        if len(levels) != _LEVELS or levels[:2] != ["landun", "v1"]:
            return Rejection(Reason.BAD_TOPIC, f"topic {shown(topic)}: {_SHAPE}")
        county, site, device, kind = levels[2:]
        for name, code in (("county", county), ("site", site), ("device", device)):
            if not CODE_PATTERN.match(code):
                return Rejection(
                    Reason.BAD_TOPIC,
                    f"topic {shown(topic)}: {name} is {shown(code)}; must be of letters, digits, '_', '-'",
                )
        binding = self._bindings.get(device)
        if binding is None:
            return Rejection(Reason.UNKNOWN_DEVICE, f"device {shown(device)} is not registered; register it first")
        if (county, site) != (binding.site.county, binding.site.code):
            right = self.registry.topic_of(binding.device, kind)
            return Rejection(Reason.BAD_TOPIC, f"topic {shown(topic)}: device {device} must publish on {right}")
        if kind not in KINDS:
            return Rejection(Reason.BAD_TOPIC, f"topic {shown(topic)}: kind is {shown(kind)}; must be one of {KINDS}")
        return Address(binding, kind)


def validate(decoded: Decoded, binding: Binding, arrived: int) -> tuple[list[Good], list[Rejection]]:
    """The readings of a decoded message that may be stored, and everything wrong with it. `arrived` in us."""
    good: list[Good] = []
    rejections = list(decoded.rejections)
    for sample in decoded.samples:
        ts = arrived if sample.ts is None else sample.ts
        wrong_time = check_time(ts, f"{sample.where}ts", binding, arrived)
        if wrong_time is not None:
            rejections.append(wrong_time)
            continue
        for name, value in sample.values.items():
            channel_id = binding.channels.get(name)
            if channel_id is None:
                rejections.append(_unknown_indicator(sample.where + name, value, binding))
            else:
                good.append(Good(channel_id, ts, value, sample.flag != NORMAL_FLAG))
    return good, [_naming(binding.device, each) for each in rejections]


def check_time(ts: int, at: str, binding: Binding, arrived: int) -> Rejection | None:
    """What is wrong with a time `ts` (us), if anything; `at` is the name of its field."""
    if ts < arrived - RETENTION_US:
        oldest = from_us(arrived - RETENTION_US)
        return Rejection(Reason.TOO_OLD, f"ts is {_iso(ts)}; must be later than {oldest:%Y-%m-%d} (retention)", at)
    if ts > arrived + FURTHEST_AHEAD_US:
        return Rejection(
            Reason.IN_FUTURE, f"ts is {_iso(ts)}; must be at most 5 minutes after arrival at {_iso(arrived)}", at
        )
    if ts < binding.registered_us:
        return Rejection(
            Reason.BEFORE_REGISTRATION,
            f"ts is {_iso(ts)}; site {binding.site.code} is registered from {_iso(binding.registered_us)} on",
            at,
        )
    return None


def check_size(payload: bytes) -> Rejection | None:
    """Whether a payload is larger than a device has any reason to send."""
    if len(payload) <= LARGEST_PAYLOAD_BYTES:
        return None
    return Rejection(Reason.TOO_LARGE, f"payload is {len(payload)} bytes; must be at most {LARGEST_PAYLOAD_BYTES}")


def channel_ids(binding: Binding, names: tuple[str, ...]) -> tuple[int, ...]:
    """The channel ids of a payload's keys in order; empty when one of them is not this device's."""
    try:
        ids = tuple(binding.channels[name] for name in names)
    except KeyError:
        return ()
    if len(binding.layouts) < 64:  # a device has one or two; the bound is for one that shuffles its keys
        binding.layouts[names] = ids
    return ids


def _bind(registry: Registry, device: Device) -> Binding:
    site = registry.sites[device.site]
    own = registry.channels_of_device[device.code]
    channels = {name: channel.id for channel in own for name in (channel.indicator, *channel.names)}
    return Binding(device, site, channels, to_us(site.registered_at))


def _unknown_indicator(at: str, value: float, binding: Binding) -> Rejection:
    known = ", ".join(binding.channels) or "nothing"
    return Rejection(Reason.UNKNOWN_INDICATOR, f"{shown(at)} is {value:g}; {binding.device.code} measures {known}", at)


def _naming(device: Device, rejection: Rejection) -> Rejection:
    return Rejection(rejection.reason, f"device {device.code}: {rejection.detail}", rejection.field)


def _iso(us: int) -> str:
    return from_us(us).isoformat().replace("+00:00", "Z")


def combine(rejections: Sequence[Rejection]) -> Rejection:
    """Several rejections of a message with nothing good in it, as the one its dead letter gives."""
    first = rejections[0]
    if len(rejections) == 1:
        return first
    rest = "; ".join(each.detail for each in rejections[1:4])
    return Rejection(first.reason, f"{first.detail}; also: {rest}", first.field)
