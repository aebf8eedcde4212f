"""Tables `waste_event` and `position`: rows in, and what is stored under keys that were taken.

A device's event id is unique over all time, which no key of a table partitioned by time can say: writers take turns
(an advisory lock that ends with the transaction), look every id up, and insert what is new.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Final, NamedTuple

from store.connections import Connection
from store.records import from_us, to_us
from store.waste_body import NOT_GIVEN, PositionRow, WasteRow

LOCK_WASTE: Final = 0x4C44_5743

_KNOWN: Final = """
SELECT wanted.number, stored.content, stored.ts
FROM unnest(%s::integer[], %s::text[], %s::text[]) AS wanted (number, device, event_id),
     LATERAL (SELECT content, ts FROM waste_event
              WHERE waste_event.device = wanted.device AND waste_event.event_id = wanted.event_id
              LIMIT 1) AS stored
"""
_INSERT: Final = """
INSERT INTO waste_event (device, event_id, ts, arrived, site, event, tag, kind, parent, category, ward, gross_g, tare_g,
                         signed_by, place, receiver, vehicle, manifest, sealed, content, batch)
SELECT device, event_id, ts, arrived, site, event, tag, kind, parent, category, ward, gross_g, tare_g,
       coalesce(string_to_array(nullif(signed_by, ''), ','), '{}'), place, receiver, vehicle, manifest, sealed, content,
       %s::bigint
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::smallint[], %s::text[],
            %s::smallint[], %s::text[], %s::smallint[], %s::text[], %s::integer[], %s::integer[], %s::text[],
            %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::bigint[])
     AS new (device, event_id, ts, arrived, site, event, tag, kind, parent, category, ward, gross_g, tare_g, signed_by,
             place, receiver, vehicle, manifest, sealed, content)
"""
_INSERT_POSITIONS: Final = """
INSERT INTO position (device, ts, arrived, lat, lon, speed_kmh, heading, batch)
SELECT device, ts, arrived, lat, lon, speed_kmh, heading, %s::bigint
FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::float8[], %s::real[], %s::real[])
     AS new (device, ts, arrived, lat, lon, speed_kmh, heading)
ON CONFLICT DO NOTHING
RETURNING device, ts
"""
_STORED_POSITIONS: Final = """
SELECT wanted.device, wanted.ts, stored.lat, stored.lon
FROM unnest(%s::text[], %s::timestamptz[]) AS wanted (device, ts),
     LATERAL (SELECT lat, lon FROM position WHERE position.device = wanted.device AND position.ts = wanted.ts
              LIMIT 1) AS stored
"""


class StoredScan(NamedTuple):
    """A custody event to be stored; `content` digests all that its device said of it, to tell a repeat by."""

    row: WasteRow
    content: int


@dataclass(slots=True)
class Outcome:
    """What became of n rows: the places of the new ones in order, and of conflicts with what is stored there."""

    new: list[int] = field(default_factory=list)
    conflicts: dict[int, str] = field(default_factory=dict)

    def duplicates(self, of: int) -> int:
        """How many of so many rows were there already, the same."""
        return of - len(self.new) - len(self.conflicts)


def insert_scans(connection: Connection, scans: Sequence[StoredScan], batch: int) -> Outcome:
    """Insert the events whose ids are new. Of several with one id in `scans` the first counts. Does not commit."""
    outcome = Outcome()
    if not scans:
        return outcome
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_WASTE,))
    known = connection.execute(
        _KNOWN,
        (list(range(len(scans))), [each.row.device for each in scans], [each.row.id for each in scans]),
    ).fetchall()
    stored = {number: (content, to_us(ts)) for number, content, ts in known}
    here: dict[tuple[str, str], tuple[int, int]] = {}
    for number, (row, content) in enumerate(scans):
        key = row.device, row.id
        before = stored.get(number) or here.get(key)
        if before is None:
            here[key] = content, row.ts
            outcome.new.append(number)
        elif before[0] != content:
            outcome.conflicts[number] = f"an event of {from_us(before[1]).isoformat()}"
    _insert(connection, [scans[number] for number in outcome.new], batch)
    return outcome


def _insert(connection: Connection, scans: Sequence[StoredScan], batch: int) -> None:
    if not scans:
        return
    rows = [each.row for each in scans]
    connection.execute(
        _INSERT,
        (
            batch,
            [row.device for row in rows],
            [row.id for row in rows],
            [from_us(row.ts) for row in rows],
            [from_us(row.arrived) for row in rows],
            [row.site for row in rows],
            [row.event for row in rows],
            [row.tag for row in rows],
            [row.kind for row in rows],
            [row.parent or None for row in rows],
            [row.category or None for row in rows],
            [row.ward or None for row in rows],
            [_given(row.gross_g) for row in rows],
            [_given(row.tare_g) for row in rows],
            [",".join(row.signed_by) for row in rows],
            [row.place or None for row in rows],
            [row.to or None for row in rows],
            [row.vehicle or None for row in rows],
            [row.manifest or None for row in rows],
            [None if row.sealed == NOT_GIVEN else bool(row.sealed) for row in rows],
            [each.content for each in scans],
        ),
    )


def insert_positions(connection: Connection, fixes: Sequence[PositionRow], batch: int) -> Outcome:
    """Insert the fixes of instants that are new for their device; of several the first counts. Does not commit."""
    outcome = Outcome()
    if not fixes:
        return outcome
    inserted = connection.execute(
        _INSERT_POSITIONS,
        (
            batch,
            [each.device for each in fixes],
            [from_us(each.ts) for each in fixes],
            [from_us(each.arrived) for each in fixes],
            [each.lat for each in fixes],
            [each.lon for each in fixes],
            [_number(each.speed_kmh) for each in fixes],
            [_number(each.heading) for each in fixes],
        ),
    ).fetchall()
    new = {(device, to_us(ts)) for device, ts in inserted}
    rest: list[int] = []
    for number, each in enumerate(fixes):
        if (each.device, each.ts) in new:
            new.discard((each.device, each.ts))
            outcome.new.append(number)
        else:
            rest.append(number)
    if rest:
        outcome.conflicts = _other_places(connection, fixes, rest)
    return outcome


def _other_places(connection: Connection, fixes: Sequence[PositionRow], numbers: Sequence[int]) -> dict[int, str]:
    """Which of the fixes are elsewhere than what is stored for their instant, and where that is."""
    asked = [fixes[number] for number in numbers]
    rows = connection.execute(
        _STORED_POSITIONS, ([each.device for each in asked], [from_us(each.ts) for each in asked])
    ).fetchall()
    stored = {(device, to_us(ts)): (lat, lon) for device, ts, lat, lon in rows}
    found: dict[int, str] = {}
    for number, each in zip(numbers, asked, strict=True):
        place = stored.get((each.device, each.ts), (each.lat, each.lon))
        if place != (each.lat, each.lon):
            found[number] = f"lat {place[0]:g}, lon {place[1]:g}"
    return found


def _given(grams: int) -> int | None:
    return None if grams == NOT_GIVEN else grams


def _number(value: float) -> float | None:
    return None if isnan(value) else value
