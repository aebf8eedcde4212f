"""What ingest reads from and writes to the database beside its batches: registry, newest times, heartbeat."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from registry.model import Registry
from store import journal
from store.connections import Connection
from store.records import to_us
from store.registry_rows import load_registry

SERVICE: Final = "ingest"

# One probe of the primary key's newest end a channel, whatever the size of the table.
_NEWEST: Final = """
SELECT channel.id, newest.ts
FROM channel,
     LATERAL (SELECT ts FROM reading WHERE reading.channel_id = channel.id ORDER BY ts DESC LIMIT 1) AS newest
"""
_CONFIG: Final = "SELECT count(*) FROM journal WHERE id > %s AND id <= %s AND kind = 'config'"
_HEARTBEAT: Final = """
INSERT INTO heartbeat (service, at, detail) VALUES (%s, %s, %s::jsonb)
ON CONFLICT (service) DO UPDATE SET at = excluded.at, detail = excluded.detail
"""


def newest_by_channel(connection: Connection) -> dict[int, int]:
    """The newest stored time of each channel that has a reading, in us."""
    return {channel_id: to_us(ts) for channel_id, ts in connection.execute(_NEWEST).fetchall()}


def write_heartbeat(connection: Connection, at: datetime, detail: Mapping[str, object]) -> None:
    """Say that ingest lives, and its figures."""
    connection.execute(_HEARTBEAT, (SERVICE, at, json.dumps(detail)))


class RegistryFollower:
    """Reads the registry, and tells when a journal row of kind ``config`` may have changed it."""

    def __init__(self) -> None:
        self._seen = 0

    def load(self, connection: Connection) -> Registry:
        """The registry as of now."""
        self._seen = journal.last_id(connection)
        return load_registry(connection)

    def changed(self, connection: Connection) -> bool:
        """Whether a ``config`` row came since the last call of `load` or `changed`."""
        last = journal.last_id(connection)
        if last == self._seen:
            return False
        row = connection.execute(_CONFIG, (self._seen, last)).fetchone()
        self._seen = last
        return row is not None and bool(row[0])
