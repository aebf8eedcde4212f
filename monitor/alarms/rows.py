"""Alarm rows from what the judge and the sweep found. Column names are those of table ``alarm``."""

from math import isfinite
from typing import Any, Final

from monitor.layout import Layout
from registry.limits import Severity
from store.records import from_us

PRIORITY_OF_SILENT_SITE: Final = Severity.MEDIUM
PRIORITY_OF_SILENT_DEVICE: Final = Severity.LOW
PRIORITY_OF_HAZARD: Final = Severity.HIGH
SIDE_NAMES: Final = {-1: "low", 1: "high"}


def channel_condition(channel_id: int, side: int) -> str:
    """The condition of a channel beyond one side of its limit; the other side is another condition."""
    return f"channel:{channel_id}:{SIDE_NAMES[side]}"


def site_condition(code: str) -> str:
    """The condition that all devices of a site are silent."""
    return f"site:{code}:offline"


def device_condition(code: str) -> str:
    """The condition that one device is silent while others of its site are not."""
    return f"device:{code}:offline"


def limit_row(layout: Layout, transition: Any) -> dict[str, Any]:
    """The row of an alarm that the judge raised; `transition` is a scalar of dtype `TRANSITION`."""
    slot, side = int(transition["slot"]), int(transition["side"])
    channel, limit = layout.channels[slot], layout.rulebook.limits[int(transition["version"])]
    if limit is None:
        raise ValueError(f"channel {channel.id} has no limit, so nothing can be beyond it")
    device = layout.registry.device_of(channel)
    return {
        "kind": "circulation" if channel.indicator == layout.running_of(channel) else "limit",
        "condition": channel_condition(channel.id, side),
        "site": device.site,
        "device": device.code,
        "sampling_point": device.sampling_point,
        "channel_id": channel.id,
        "indicator": channel.indicator,
        "simulated": layout.registry.sites[device.site].simulated,
        "priority": PRIORITY_OF_HAZARD if transition["hazard"] else limit.severity_low if side < 0 else limit.severity,
        "since": from_us(int(transition["since"])),
        "raised_at": from_us(int(transition["ts"])),
        "value": float(transition["value"]),
        "extreme": float(transition["extreme"]),
        "unit": limit.unit,
        "side": SIDE_NAMES[side],
        "limit_lo": _finite(transition["lo"]),
        "limit_hi": _finite(transition["hi"]),
        "limit_profile": limit.profile,
        "clause": limit.clause,
    }


def worse_text(value: float) -> str:
    """What a worsened alarm's event says: the value that made it worse, in the limit's unit."""
    return f"{value:g}"


def _finite(bound: Any) -> float | None:
    return float(bound) if isfinite(bound) else None


def silent_site_row(layout: Layout, site: int, last_heard: int, now: int) -> dict[str, Any]:
    """The row of an alarm that a whole site is silent; times in us."""
    return {
        **_offline_row(layout, layout.sites[site].code, last_heard, now),
        "condition": site_condition(layout.sites[site].code),
        "device": None,
        "sampling_point": None,
        "priority": PRIORITY_OF_SILENT_SITE,
    }


def silent_device_row(layout: Layout, device: int, last_heard: int, now: int) -> dict[str, Any]:
    """The row of an alarm that one device is silent; times in us."""
    known = layout.devices[device]
    return {
        **_offline_row(layout, known.site, last_heard, now),
        "condition": device_condition(known.code),
        "device": known.code,
        "sampling_point": known.sampling_point,
        "priority": PRIORITY_OF_SILENT_DEVICE,
    }


def _offline_row(layout: Layout, site: str, last_heard: int, now: int) -> dict[str, Any]:
    return {
        "kind": "offline",
        "site": site,
        "channel_id": None,
        "indicator": None,
        "simulated": layout.registry.sites[site].simulated,
        "since": from_us(last_heard),
        "raised_at": from_us(now),
        "value": None,
        "extreme": None,
        "unit": None,
        "side": None,
        "limit_lo": None,
        "limit_hi": None,
        "limit_profile": None,
        "clause": None,
    }
