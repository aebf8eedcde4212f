"""The newest value of each channel."""

from datetime import datetime
from typing import NamedTuple

from store.connections import Connection


class LatestValue(NamedTuple):
    """A row of ``channel_latest``: newest value, its state and since when, as of a revision of the monitor."""

    channel_id: int
    ts: datetime
    value: float
    state: str
    since: datetime | None
    revision: int


def latest_since(connection: Connection, revision: int) -> list[LatestValue]:
    """Rows at or after a revision (0: all of them), oldest revision first."""
    rows = connection.execute(
        "SELECT channel_id, ts, value, state, since, revision FROM channel_latest WHERE revision >= %s "
        "ORDER BY revision, channel_id",
        (revision,),
    ).fetchall()
    return [LatestValue(*row) for row in rows]


def newest_ts(connection: Connection) -> dict[int, datetime]:
    """The device time of the newest stored reading of each registered channel that has one.

    Read from the readings themselves, one index probe a channel and partition: it is exact whatever the monitor
    has merged, which is what the rule for late readings needs when ingest starts.
    """
    rows = connection.execute(
        "SELECT channel.id, newest.ts FROM channel, LATERAL "
        "(SELECT ts FROM reading WHERE reading.channel_id = channel.id ORDER BY ts DESC LIMIT 1) AS newest"
    ).fetchall()
    return dict(rows)
