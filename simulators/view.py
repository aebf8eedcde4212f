"""The fleet as JSON: what the control answers."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from simulators.clock import PhysicsClock
from simulators.every_fault import SPECS
from simulators.faults import Fault
from simulators.fleet import Fleet
from simulators.plant import plant_kind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(instant: int | None) -> str | None:
    """An instant (µs since the epoch) as text with milliseconds and ``Z``."""
    if instant is None:
        return None
    return (_EPOCH + timedelta(microseconds=instant)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fleet_view(fleet: Fleet) -> dict[str, Any]:
    """The whole fleet: its state and that of each site and basin."""
    sites: dict[str, dict[str, Any]] = {}
    for column, known in enumerate(fleet.registered):
        site = sites.setdefault(known.site, {"code": known.site, "stopped": known.site in fleet.stopped, "basins": []})
        device = fleet.devices[column]
        site["basins"].append(
            {
                "sampling_point": known.sampling_point,
                "device": known.code,
                "plant": plant_kind(fleet.settings.registry, known).value,
                "connected": device.connected,
                "published": device.published,
                "acknowledged": device.acknowledged,
                "buffered": len(device.outbox),
                "dropped": device.outbox.dropped,
                "last_ts": rfc3339(None if device.last_ts is None else device.last_ts * 1000),
                "faults": [fault_view(fleet, fault) for fault in fleet.ledger.of(known.code)],
                "truth": {indicator: round(value, 4) for indicator, value in fleet.truth(column).items()},
            }
        )
    return {
        "running": fleet.paused_reason is None,
        "paused_reason": fleet.paused_reason,
        "speed": fleet.clock.speed,
        "seed": fleet.settings.seed,
        "sim_now": rfc3339(fleet.physics_now),
        "devices": len(fleet.devices),
        "connected": sum(device.connected for device in fleet.devices),
        "disk_free_bytes": fleet.guard.free,
        "sites": list(sites.values()),
    }


def fault_view(fleet: Fleet, fault: Fault) -> dict[str, Any]:
    """One fault. `ends_at` is when it will end at the present speed, `ended_at` when it did; both wall clock."""
    device = fleet.settings.registry.devices[fault.device]
    return {
        "id": fault.id,
        "site": device.site,
        "sampling_point": device.sampling_point,
        "device": fault.device,
        "fault": fault.kind.value,
        "started_at": rfc3339(fault.started_at),
        "ends_at": rfc3339(_expected_end(fault, fleet.clock)),
        "ended_at": rfc3339(fault.ended_at),
        "size": fault.size,
        "unit": SPECS[fault.kind].unit,
        "source": fault.source,
        "physics": {"starts": rfc3339(fault.starts), "ends": rfc3339(fault.ends)},
    }


def faults_view(fleet: Fleet) -> list[dict[str, Any]]:
    """Every fault that is remembered, oldest first."""
    return [fault_view(fleet, fault) for fault in fleet.ledger]


def kinds_view() -> list[dict[str, Any]]:
    """Every kind of fault with its sizes."""
    return [
        {
            "fault": kind.value,
            "group": spec.group.value,
            "plants": sorted(spec.plants),
            "verdict": spec.verdict,
            "unit": spec.unit,
            "smallest": spec.smallest,
            "largest": spec.largest,
            "usual": spec.usual,
            "signed": spec.signed,
            "minutes": spec.minutes,
        }
        for kind, spec in SPECS.items()
    ]


def _expected_end(fault: Fault, clock: PhysicsClock) -> int | None:
    if fault.ended_at is not None or fault.ends is None:
        return fault.ended_at
    return clock.wall_at(fault.ends)
