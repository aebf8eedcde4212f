"""MQTT topics by dialect: what a device may publish on, and what ingest reads.

Landun's own is ``landun/v1/{county}/{site}/{device}/{kind}``. A device whose dialect prescribes topics of its own may
publish there too, where the topic carries its code: so a credential is an identity in every dialect.
"""

from collections.abc import Sequence
from typing import Final

from registry.model import Device, Dialect, Registry

OWN: Final = "landun/v1"
SPARKPLUG: Final = "spBv1.0"
NOTIFICATIONS: Final = "landun/notify/v1"
"""Below this the notifier publishes. Ingest does not read it, and no device may publish there."""


def publish_filters(registry: Registry, device: Device) -> tuple[str, ...]:
    """The MQTT topic filters that a device may publish on."""
    county = registry.sites[device.site].county
    own = f"{OWN}/{county}/{device.site}/{device.code}/#"
    match device.dialect:
        case Dialect.SPARKPLUG:
            node = f"{SPARKPLUG}/{county}/+/{device.code}"
            return own, node, f"{node}/+"
        case Dialect.ALINK:
            return own, f"/sys/{county}/{device.code}/thing/event/property/post"
        case Dialect.HUAWEI:
            return own, f"$oc/devices/{device.code}/sys/properties/report"
        case _:
            return (own,)


def telemetry_topic(county: str, device: Device) -> str:
    """The topic that a device sends its readings to, or what stands in its place: an MN, an address to ask."""
    match device.dialect:
        case Dialect.SPARKPLUG:
            topic = f"{SPARKPLUG}/{county}/NDATA/{device.code}"
        case Dialect.ALINK:
            topic = f"/sys/{county}/{device.code}/thing/event/property/post"
        case Dialect.HUAWEI:
            topic = f"$oc/devices/{device.code}/sys/properties/report"
        case Dialect.HJ212:
            topic = f"MN={device.identity}"
        case Dialect.MODBUS:
            topic = device.address
        case Dialect.JT808:
            topic = f"terminal={device.identity}"
        case _:
            topic = f"{OWN}/{county}/{device.site}/{device.code}/telemetry"
    return topic


def subscribe_filters(registry: Registry, device: Device) -> tuple[str, ...]:
    """The MQTT topic filters that a device may read: a Sparkplug node hears its commands, others nothing."""
    if device.dialect is not Dialect.SPARKPLUG:
        return ()
    county = registry.sites[device.site].county
    commands = [f"{SPARKPLUG}/{county}/{kind}/{device.code}" for kind in ("NCMD", "DCMD")]
    return *commands, *(f"{each}/#" for each in commands)


def read_filters(counties: Sequence[str] = ()) -> tuple[str, ...]:
    """The filters that ingest subscribes to, of all counties or of some.

    Huawei's topic names no county, so it belongs to the worker that reads all the others.
    """
    if not counties:
        return f"{OWN}/#", f"{SPARKPLUG}/#", "/sys/+/+/thing/event/property/post", "$oc/devices/+/sys/properties/report"
    return tuple(
        each
        for county in counties
        for each in (f"{OWN}/{county}/#", f"{SPARKPLUG}/{county}/#", f"/sys/{county}/+/thing/event/property/post")
    )
