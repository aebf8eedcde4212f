"""Whether a decoded event of custody or position may be stored, by the registry. Pure: time and registry are given.

A device speaks only of what its kind can see, for the site it stands at. Errors name the device, the field, the value
and what would be right.
"""

from dataclasses import dataclass, field
from typing import Final

from ingest.decoders.model import Decoded, Fix, Scan
from ingest.decoders.waste import content_of
from ingest.directory import Binding
from ingest.rejection import Reason, Rejection
from ingest.validation import check_time, naming
from registry.waste.catalogue import device_speech, party_events
from registry.waste.model import WasteRegistry
from store.waste_body import NOT_GIVEN, PositionRow, WasteRow
from store.waste_rows import StoredScan

WASTE: Final = "waste"
POSITION: Final = "position"
KINDS: Final = (WASTE, POSITION)
"""The kinds of topic whose messages are about custody."""


@dataclass(slots=True)
class Accepted:
    """What of a message may be stored."""

    scans: list[StoredScan] = field(default_factory=list)
    fixes: list[PositionRow] = field(default_factory=list)


def accept(
    decoded: Decoded, kind: str, binding: Binding, waste: WasteRegistry, arrived: int
) -> tuple[Accepted, list[Rejection]]:
    """What of a message on a topic of a kind may be stored, and everything wrong with it. `arrived` in us."""
    accepted = Accepted()
    rejections = list(decoded.rejections)
    refused = _may_not_speak(kind, binding, waste)
    if refused is not None:
        return accepted, [naming(binding.device, refused)]
    for scan in decoded.scans:
        wrong = _may_not_say(scan, binding, waste) or check_time(scan.ts, f"{scan.where}ts", binding, arrived)
        if wrong is None:
            accepted.scans.append(StoredScan(_row(scan, binding, waste, arrived), content_of(scan)))
        else:
            rejections.append(wrong)
    for fix in decoded.fixes:
        wrong = check_time(fix.ts, f"{fix.where}ts", binding, arrived)
        if wrong is None:
            accepted.fixes.append(_position(fix, binding, arrived))
        else:
            rejections.append(wrong)
    return accepted, [naming(binding.device, each) for each in rejections]


def _may_not_speak(kind: str, binding: Binding, waste: WasteRegistry) -> Rejection | None:
    """What is wrong with a device's speaking on a topic of this kind at all, if anything."""
    device = binding.device
    speech = device_speech().get(device.kind)
    if speech is None or not (speech.events if kind == WASTE else speech.positions):
        able = [code for code, each in device_speech().items() if (each.events if kind == WASTE else each.positions)]
        return Rejection(
            Reason.WRONG_IDENTITY,
            f"kind of device is {device.kind!r}; on the topic {kind} speak {', '.join(able)}: register its kind",
        )
    if kind == WASTE and device.site not in waste.parties:
        return Rejection(
            Reason.WRONG_IDENTITY,
            f"site {device.site} has no part in medical waste; register it as {', '.join(party_events())}",
        )
    return None


def _may_not_say(scan: Scan, binding: Binding, waste: WasteRegistry) -> Rejection | None:
    device = binding.device
    for who, events in (
        (f"a {device.kind}", device_speech()[device.kind].events),
        (f"a {waste.parties[device.site].kind}'s device", party_events()[waste.parties[device.site].kind]),
    ):
        if scan.event not in events:
            able = ", ".join(each.code for each in sorted(events))
            return Rejection(
                Reason.WRONG_IDENTITY,
                f"{scan.where}event is {scan.event.code!r}; {who} speaks of {able}",
                f"{scan.where}event",
            )
    return None


def _row(scan: Scan, binding: Binding, waste: WasteRegistry, arrived: int) -> WasteRow:
    tare = scan.tare_g
    if tare is None and scan.gross_g is not None and (container := waste.tares.get(scan.tag)) is not None:
        tare = container.grams
    return WasteRow(
        ts=scan.ts,
        arrived=arrived,
        device=binding.device.code,
        id=scan.id,
        site=binding.site.code,
        event=int(scan.event),
        tag=scan.tag,
        kind=int(scan.kind),
        parent=scan.parent,
        category=scan.category,
        ward=scan.ward,
        gross_g=NOT_GIVEN if scan.gross_g is None else scan.gross_g,
        tare_g=NOT_GIVEN if tare is None else tare,
        signed_by=scan.signed_by,
        place=scan.place,
        to=scan.to,
        vehicle=scan.vehicle,
        manifest=scan.manifest,
        sealed=NOT_GIVEN if scan.sealed is None else int(scan.sealed),
    )


def _position(fix: Fix, binding: Binding, arrived: int) -> PositionRow:
    return PositionRow(fix.ts, arrived, binding.device.code, fix.lat, fix.lon, fix.speed_kmh, fix.heading)
