"""A few institutions for five days, from what their devices say over the wire's own decoder to the monitor's alarms."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.decoders import waste as decoder
from monitor.alarms.book import Changes
from monitor.engine import Engine
from simulators.waste.chain import LOCAL_US
from simulators.waste.city import demonstration_city
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.model import DAY_US
from simulators.waste.registering import registered
from simulators.waste.script import Order, Script
from simulators.waste.speech import device_of, message_of
from store.journal import Entry
from store.records import from_us
from store.waste_body import NOT_GIVEN, WasteRow, encode, pack_waste
from tests.simulators.worlds import REGISTERED

CITY = demonstration_city(11)
REGISTRY, WASTE = registered(CITY, REGISTERED)
BEGIN = 20_500 * DAY_US - LOCAL_US
TICK_US = 600_000_000
HOSPITAL, OTHER, CLINIC = 0, 1, 5


def order(kind: WasteFault, place: int, day: int, size: float = 0.0) -> Order:
    """A fault from the noon of a day on, within a day."""
    starts = BEGIN + day * DAY_US + DAY_US // 2
    return Order(f"{kind}-{day}", kind, place, size, starts, starts + 2 * DAY_US)


def rows_said(script: Script, begin: int, end: int) -> Iterator[WasteRow]:
    """What the devices say, read by the wire's decoder."""
    for row in script.said(begin, end):
        device = REGISTRY.devices[device_of(CITY, row)]
        said = {"ts": int(row["ts"]) // 1_000, **message_of(CITY, row)}
        decoded = decoder.decode(json.dumps(said).encode())
        assert not decoded.rejections, decoded.rejections
        (scan,) = decoded.scans
        yield WasteRow(
            scan.ts,
            int(row["said"]) + 300_000,
            device.code,
            scan.id,
            device.site,
            int(scan.event),
            scan.tag,
            int(scan.kind),
            scan.parent,
            scan.category,
            scan.ward,
            NOT_GIVEN if scan.gross_g is None else scan.gross_g,
            NOT_GIVEN if scan.tare_g is None else scan.tare_g,
            scan.signed_by,
            scan.place,
            scan.to,
            scan.vehicle,
            scan.manifest,
            NOT_GIVEN if scan.sealed is None else int(scan.sealed),
        )


def entries(script: Script, days: int) -> Iterator[list[Entry]]:
    """The journal of so many days: every ten minutes what was said, and a tick."""
    number = 0
    for begin in range(BEGIN, BEGIN + days * DAY_US, TICK_US):
        at, block = begin + TICK_US, []
        if said := list(rows_said(script, begin, at)):
            number += 1
            body = encode(pack_waste(said))
            block.append(Entry(number, "waste", from_us(at), len(said), number, body, None, b"", b""))
        number += 1
        tick = json.dumps({"now": at, "listened": at}).encode()
        yield [*block, Entry(number, "tick", from_us(at), 1, number, tick, None, b"", b"")]


@pytest.mark.parametrize(
    ("orders", "conditions"),
    [
        ([], set()),
        (
            [
                order(WasteFault.LOST_BAG, HOSPITAL, 1),
                order(WasteFault.UNSIGNED, OTHER, 1),
                order(WasteFault.SWAPPED_CATEGORY, CLINIC, 1),
            ],
            {("missing", HOSPITAL), ("unsigned", OTHER), ("category", CLINIC)},
        ),
    ],
)
def test_the_monitor_raises_what_was_planted_and_nothing_else(
    orders: list[Order], conditions: set[tuple[str, int]]
) -> None:
    """Without faults no alarm in five days; with three of them their three alarms, each at its institution."""
    script = Script(CITY, BEGIN, BEGIN + 3 * DAY_US, orders)
    engine = Engine(REGISTRY, waste=WASTE)
    raised: list[dict[str, Any]] = []
    for block in entries(script, 5):
        changes = Changes()
        engine.fold(block, changes)
        raised += changes.raised.values()
    found = {(alarm["condition"].split(":")[1], CITY.codes.index(alarm["site"])) for alarm in raised}
    assert found == conditions
    assert len(raised) == len(conditions)
