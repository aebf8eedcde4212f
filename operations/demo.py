"""Takes the demonstration away: its sites, all that belongs to them, and their start at the next ``up``."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from operations.first_start import demonstration_of
from operations.folder import DataFolder
from store import journal
from store.connections import Connection, connect
from store.migrations import migrate

_CHANNELS: Final = "SELECT c.id FROM channel c JOIN device d ON d.code = c.device WHERE d.site = ANY(%s)"
_STATEMENTS: Final = {
    "alarm_event": "DELETE FROM alarm_event WHERE alarm_id IN (SELECT id FROM alarm WHERE site = ANY(%(sites)s))",
    "alarm": "DELETE FROM alarm WHERE site = ANY(%(sites)s)",
    "reading_flag": "DELETE FROM reading_flag WHERE channel_id = ANY(%(channels)s)",
    "channel_latest": "DELETE FROM channel_latest WHERE channel_id = ANY(%(channels)s)",
    "reading": "DELETE FROM reading WHERE channel_id = ANY(%(channels)s)",
    "dead_letter": "DELETE FROM dead_letter WHERE site = ANY(%(sites)s)",
    "simulator_truth": "DELETE FROM simulator_truth WHERE site = ANY(%(sites)s)",
    "person": "DELETE FROM person WHERE site = ANY(%(sites)s)",
    "site": "DELETE FROM site WHERE code = ANY(%(sites)s)",
}
"""In the order of their references; sampling points, devices and channels go with their site."""


def remove(dsn: str, folder: DataFolder | None) -> dict[str, int]:
    """Delete the demonstration's sites with their readings, alarms, letters and truth; rows deleted by table.

    Those are all simulated sites and, where the data folder knows its seed, the invented ones without devices.
    The journal keeps its rows, because its chain is the evidence of all other sites too.
    """
    migrate(dsn)
    record = folder.read_record() if folder else None
    invented = demonstration_of(record).sites.keys() if record else ()
    with connect(dsn, application_name="landun-demo") as connection:
        deleted = _delete(connection, _sites(connection, invented))
        if deleted["site"]:
            journal.append_event(connection, "config", {"what": "registry"}, datetime.now(UTC))
    if folder is not None and record is not None:
        record.demonstration = False
        folder.write_record(record)
    return deleted


def _sites(connection: Connection, invented: Collection[str]) -> list[str]:
    rows = connection.execute(
        "SELECT code FROM site WHERE status = 'simulated' OR (status = 'offline' AND code = ANY(%s))", (list(invented),)
    )
    return [code for (code,) in rows]


def _delete(connection: Connection, sites: list[str]) -> dict[str, int]:
    channels = [number for (number,) in connection.execute(_CHANNELS, (sites,))]
    deleted: dict[str, int] = {}
    for table, statement in _STATEMENTS.items():
        if table == "reading" and _only_channels(connection, sites):
            # A month of a city is tens of millions of rows; when nobody else has any, nothing need be looked up.
            connection.execute("TRUNCATE reading")
            deleted[table] = -1
        else:
            deleted[table] = connection.execute(statement, {"sites": sites, "channels": channels}).rowcount
    return deleted


def _only_channels(connection: Connection, sites: list[str]) -> bool:
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT FROM device WHERE site <> ALL(%s)) AND EXISTS (SELECT FROM device)", (sites,)
    ).fetchone()
    return row == (True,)
