"""What is missing in the numbering of each device, as ingest found it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from store.connections import Connection

_ADD: Final = """
INSERT INTO device_sequence AS kept (device, missing, gaps, restarts, at)
SELECT device, missing, gaps, restarts, %s
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS new (device, missing, gaps, restarts)
ON CONFLICT (device) DO UPDATE
SET missing = kept.missing + EXCLUDED.missing, gaps = kept.gaps + EXCLUDED.gaps,
    restarts = kept.restarts + EXCLUDED.restarts, at = EXCLUDED.at
"""
_READ: Final = """
SELECT device, missing, gaps, restarts, at FROM device_sequence
WHERE missing > 0 ORDER BY at DESC, device LIMIT %s
"""


class Gaps(NamedTuple):
    """A device's numbering: messages missing, in how many gaps, how often it began anew, and since when it is so."""

    device: str
    missing: int
    gaps: int
    restarts: int
    at: datetime


def add_gaps(connection: Connection, changes: Sequence[tuple[str, int, int, int]], at: datetime) -> None:
    """Add what changed (device, missing, gaps, restarts) to what is kept."""
    if changes:
        devices, missing, gaps, restarts = map(list, zip(*changes, strict=True))
        connection.execute(_ADD, (at, devices, missing, gaps, restarts))


def devices_with_gaps(connection: Connection, limit: int) -> list[Gaps]:
    """Devices of whose messages some are missing, the newest first."""
    return [Gaps(*row) for row in connection.execute(_READ, (limit,)).fetchall()]
