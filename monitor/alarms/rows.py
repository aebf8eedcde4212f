"""Alarm rows from what the judge and the sweep found. Column names are those of table ``alarm``."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from monitor.clocks import ClockFinding
from monitor.detector.verdict import AUDIENCE, LANE_OF, Kind
from monitor.layout import Layout
from registry.indicators import INDICATORS
from registry.limits import Severity
from store.records import from_us

PRIORITY_OF_SILENT_SITE: Final = Severity.MEDIUM
PRIORITY_OF_SILENT_DEVICE: Final = Severity.LOW
PRIORITY_OF_HAZARD: Final = Severity.HIGH
PRIORITY_OF_VERDICT: Final = {
    Kind.DOSING_FAILURE: Severity.HIGH,
    Kind.OVER_DOSING: Severity.HIGH,
    Kind.PH_CONTROL: Severity.MEDIUM,
    Kind.FILTRATION: Severity.MEDIUM,
    Kind.PUMP_OFF: Severity.MEDIUM,
    Kind.COLD_STORE: Severity.HIGH,
    Kind.UNKNOWN: Severity.LOW,
    Kind.SENSOR_FOULING: Severity.MEDIUM,
    Kind.STUCK: Severity.MEDIUM,
    Kind.AIR_BUBBLE: Severity.LOW,
    Kind.CALIBRATION: Severity.LOW,
    Kind.UNIT_ERROR: Severity.MEDIUM,
    Kind.CLOCK: Severity.MEDIUM,
    Kind.TAMPERING_SUSPECTED: Severity.HIGH,
}
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
        "unit": None,
        **_NO_LIMIT,
    }


_NO_LIMIT: Final = dict.fromkeys(("extreme", "side", "limit_lo", "limit_hi", "limit_profile", "clause"))


def detector_row(
    layout: Layout,
    site: str,
    point: str,
    kind: Kind,
    channels: Sequence[int],
    columns: Mapping[str, Any],
    since: int,
    at: int,
) -> dict[str, Any]:
    """The row of an alarm that a verdict raised, without its condition; `columns` are the verdict's, times in us.

    The channel that spoke first is the alarm's.
    """
    registry = layout.registry
    first = registry.channels[channels[0]] if channels else None
    spoke = columns["evidence"]["channels"]
    return {
        "kind": "detector",
        "site": site,
        "device": None if first is None else first.device,
        "sampling_point": point,
        "channel_id": None if first is None else first.id,
        "indicator": None if first is None else first.indicator,
        "simulated": registry.sites[site].simulated,
        "priority": PRIORITY_OF_VERDICT.get(kind, Severity.LOW),
        "since": from_us(since),
        "raised_at": from_us(at),
        "value": spoke[0].get("value") if spoke else None,
        "unit": None if first is None else INDICATORS[first.indicator].unit,
        **_NO_LIMIT,
        **columns,
    }


def clock_row(layout: Layout, finding: ClockFinding) -> dict[str, Any]:
    """The row of an alarm that a device's clock is wrong, without its condition."""
    device = layout.registry.devices[finding.device]
    tests = ["late_by_the_same"] if finding.offset_us is not None else ["rejected_for_time"]
    minutes = None if finding.offset_us is None else round(finding.offset_us / 60e6)
    return {
        "kind": "detector",
        "site": device.site,
        "device": device.code,
        "sampling_point": device.sampling_point,
        "channel_id": None,
        "indicator": None,
        "simulated": layout.registry.sites[device.site].simulated,
        "priority": PRIORITY_OF_VERDICT[Kind.CLOCK],
        "since": from_us(finding.since),
        "raised_at": from_us(finding.at),
        "value": None,
        "unit": None,
        **_NO_LIMIT,
        "audience": AUDIENCE[LANE_OF[Kind.CLOCK]],
        "verdict": Kind.CLOCK.code,
        "sureness": 0.95,
        "evidence": {"since": from_us(finding.since).isoformat(), "tests": tests, "channels": [], "minutes": minutes},
    }
