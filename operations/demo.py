"""Takes the demonstration away: its sites, all that belongs to them, and their start at the next ``up``.

It works beside a running system, as the button on the page *Administration* does: ingest and the monitor follow the
registry, and the supervisor ends the simulators.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from operations.first_start import demonstration_of
from operations.folder import DataFolder
from store import audit, demonstration
from store.connections import connect
from store.migrations import migrate

SETTLED_S: Final = 3.0
"""By then ingest has read the registry without the demonstration, and writes no more of its readings."""


def remove(dsn: str, folder: DataFolder | None, wait: Callable[[float], None] = time.sleep) -> dict[str, int]:
    """Delete the demonstration's sites with their readings, alarms, letters and truth; rows deleted by table.

    Those are all simulated sites and the invented ones without devices.
    """
    migrate(dsn)
    record = folder.read_record() if folder else None
    now = datetime.now(UTC)
    with connect(dsn, autocommit=True, application_name="landun-demo") as connection:
        if record is not None:
            demonstration.note(connection, demonstration_of(record).sites.keys())  # a folder of an older version
        deleted, channels = demonstration.remove(
            connection,
            "landun demo remove",
            now,
            lambda found: audit.append(
                connection, "landun demo remove", "demonstration_removed", "system:sites", found, now
            ),
        )
        if connection.execute("SELECT 1 FROM heartbeat WHERE at > %s - INTERVAL '15 s' LIMIT 1", (now,)).fetchone():
            wait(SETTLED_S)
        deleted |= demonstration.purge(connection, channels)
    if folder is not None and (record := folder.read_record()) is not None:
        record.demonstration = False
        folder.write_record(record)
    return deleted
