"""Alarm rows from what the judge and the sweep found. Column names are those of table ``alarm``."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from monitor.alarms.rules import SEVERITIES, declared_priority, priority_at
from monitor.clocks import ClockFinding
from monitor.detector.verdict import AUDIENCE, LANE_OF, Kind
from monitor.hindsight import HistoricFinding, Run
from monitor.layout import Delays, Layout
from monitor.rulebook import limit_rule
from registry.indicators import INDICATORS
from registry.limits import Force, Limit
from registry.model import Channel
from store.records import from_us

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


def gateway_condition(code: str) -> str:
    """The condition that all that hangs on a gateway is silent, while others of its site are not."""
    return f"gateway:{code}:offline"


def historic_condition(run: Run) -> str:
    """The condition of historic findings of a channel's side: a newer one takes the place of one nobody has seen."""
    return f"historic:{channel_condition(run.channel, run.side)}"


def limit_row(layout: Layout, transition: Any) -> dict[str, Any]:
    """The row of an alarm that the judge raised; `transition` is a scalar of dtype `TRANSITION`."""
    slot, side = int(transition["slot"]), int(transition["side"])
    channel, limit = layout.channels[slot], layout.rulebook.limits[int(transition["version"])]
    if limit is None:
        raise ValueError(f"channel {channel.id} has no limit, so nothing can be beyond it")
    return {
        **_of_channel(layout, channel, limit, side),
        **graded(limit, side, int(transition["grade"])),
        "condition": channel_condition(channel.id, side),
        "since": from_us(int(transition["since"])),
        "raised_at": from_us(int(transition["ts"])),
        "value": float(transition["value"]),
        "extreme": float(transition["extreme"]),
        "limit_lo": _finite(transition["lo"]),
        "limit_hi": _finite(transition["hi"]),
    }


def graded(limit: Limit, side: int, grade: int) -> dict[str, Any]:
    """Columns severity and priority of a breach of a grade (`monitor.judgement.Grade`)."""
    declared = limit.severity_low if side < 0 else limit.severity
    return {"severity": SEVERITIES[grade], "priority": priority_at(grade, declared)}


def historic_row(layout: Layout, delays: Delays, finding: HistoricFinding) -> dict[str, Any]:
    """The row of a historic finding, as it is when its run has lasted the on-delay."""
    channel, limit = layout.channels[finding.slot], layout.rulebook.limits[finding.version]
    if limit is None:
        raise ValueError(f"channel {channel.id} had no limit, so nothing can have been beyond it")
    return {
        **_of_channel(layout, channel, limit, finding.run.side),
        "condition": historic_condition(finding.run),
        "since": from_us(finding.run.start),
        "raised_at": from_us(finding.ts),
        "value": finding.value,
        "limit_lo": _finite(finding.lo),
        "limit_hi": _finite(finding.hi),
        "return_reason": "historic",
        **historic_columns(layout, delays, finding.version, finding.run),
    }


def historic_columns(layout: Layout, delays: Delays, version: int, run: Run) -> dict[str, Any]:
    """What a run that goes on changes of its finding."""
    limit = layout.rulebook.limits[version]
    grade = int(run.last - run.start >= int(delays.alarm[version]))
    changed = {"returned_at": from_us(run.last), "extreme": run.extreme}
    return changed if limit is None else {**changed, **graded(limit, run.side, grade)}


def _of_channel(layout: Layout, channel: Channel, limit: Limit, side: int) -> dict[str, Any]:
    device = layout.registry.device_of(channel)
    circulation = channel.indicator == layout.running_of(channel)
    return {
        "kind": "circulation" if circulation else "limit",
        "rule": f"{limit_rule(channel.indicator, layout.running_of(channel))}:{SIDE_NAMES[side]}",
        "legal_lead": limit.force is Force.BINDING and not circulation,
        "site": device.site,
        "device": device.code,
        "sampling_point": device.sampling_point,
        "channel_id": channel.id,
        "indicator": channel.indicator,
        "simulated": layout.registry.sites[device.site].simulated,
        "unit": limit.unit,
        "side": SIDE_NAMES[side],
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
        "rule": "offline:site",
        "priority": declared_priority("offline:site"),
    }


def silent_gateway_row(layout: Layout, gateway: int, last_heard: int, now: int) -> dict[str, Any]:
    """The row of an alarm that all that hangs on a gateway is silent; times in us. Its device is the gateway."""
    code = layout.gateways[gateway]
    site = next(device.site for device in layout.devices if device.gateway == code)
    return {
        **_offline_row(layout, site, last_heard, now),
        "condition": gateway_condition(code),
        "device": code,
        "sampling_point": None,
        "rule": "offline:gateway",
        "priority": declared_priority("offline:gateway"),
    }


def silent_device_row(layout: Layout, device: int, last_heard: int, now: int) -> dict[str, Any]:
    """The row of an alarm that one device is silent; times in us."""
    known = layout.devices[device]
    return {
        **_offline_row(layout, known.site, last_heard, now),
        "condition": device_condition(known.code),
        "device": known.code,
        "sampling_point": known.sampling_point,
        "rule": "offline:device",
        "priority": declared_priority("offline:device"),
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
        "priority": declared_priority(f"detector:{kind.code}"),
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
        "priority": declared_priority(f"detector:{Kind.CLOCK.code}"),
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
