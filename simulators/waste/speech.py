"""What the devices say of an event of custody: which device, and the message's fields (docs/waste.md)."""

from typing import Any, Final

import numpy as np

from registry.waste.catalogue import Event, categories
from simulators.waste.chain import LOCAL_US
from simulators.waste.model import DAY_US, City, is_box, tag_of
from simulators.waste.registering import HANDHELD, SCALE, STORE, WEIGHBRIDGE, signers

UNKNOWN_VEHICLE: Final = "nt-v99"
UNKNOWN_RECEIVER: Final = "nt-xx-d99"
SECOND_SHIFT_US: Final = 13 * 3_600_000_000
"""The local time at which the second shift begins."""


def vehicle_code(city: City, number: int) -> str:
    """The code of a vehicle, known or not."""
    return city.vehicle_codes[number] if number < len(city.vehicle_codes) else UNKNOWN_VEHICLE


def receiver_code(city: City, number: int) -> str:
    """The code of a disposer, known or not."""
    return city.receiver_codes[number] if number < len(city.receiver_codes) else UNKNOWN_RECEIVER


def device_of(city: City, row: Any) -> str:
    """The device that tells of an event."""
    event = Event(row["event"])
    if event in (Event.RECEIVED, Event.TREATED):
        return f"{receiver_code(city, int(row['receiver']))}-{WEIGHBRIDGE}"
    return f"{city.codes[row['institution']]}-{SCALE if event is Event.COLLECTED else HANDHELD}"


def message_of(city: City, row: Any) -> dict[str, Any]:
    """The fields of an event but for its time."""
    event, site = Event(row["event"]), city.codes[row["institution"]]
    tag = tag_of(city, int(row["unit"]))
    box = bool(is_box(np.array([row["unit"]]))[0])
    found: dict[str, Any] = {
        "id": f"{event.code}-{tag}-{int(row['said']) // 1_000}",
        "event": event.code,
        "tag": tag,
        "kind": "box" if box else "bag",
    }
    if row["category"] and event is not Event.TREATED:
        found["category"] = categories()[int(row["category"])].code
    if row["gross_g"]:
        found |= {"gross_kg": int(row["gross_g"]) / 1_000, "tare_kg": int(row["tare_g"]) / 1_000}
    at_disposer = event in (Event.RECEIVED, Event.TREATED)
    shift = int((int(row["said"]) + LOCAL_US) % DAY_US >= SECOND_SHIFT_US)
    who = receiver_code(city, int(row["receiver"])) if at_disposer else site
    if row["signatures"]:
        found["signed_by"] = signers(who, shift, int(row["signatures"]))
    return found | _of_event(city, event, row)


def _of_event(city: City, event: Event, row: Any) -> dict[str, Any]:
    """What only some kinds of event say."""
    numbered = {"manifest": f"{city.codes[row['institution']]}-{int(row['manifest']) & 0xFFFFF}"}
    manifest = numbered if row["manifest"] >= 0 else {}
    found: dict[str, Any] = {}
    if event in (Event.HANDED_OVER, Event.RECEIVED):
        found |= manifest
    if event in (Event.RECEIVED, Event.TREATED):
        found["place"] = receiver_code(city, int(row["receiver"]))
    if event is Event.COLLECTED:
        found |= {"ward": city.ward_codes[row["ward"]], "sealed": True}
    elif event is Event.BOXED:
        found["parent"] = tag_of(city, int(row["parent"]))
    elif event is Event.STORED_IN:
        found |= {"place": STORE, "sealed": True}
    elif event is Event.HANDED_OVER:
        found |= {"to": receiver_code(city, int(row["receiver"])), "vehicle": vehicle_code(city, int(row["vehicle"]))}
    elif event is Event.OPENED:
        found["sealed"] = False
    return found
