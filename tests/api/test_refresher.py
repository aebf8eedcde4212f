"""What the API reads of the database for everybody at once."""

from datetime import UTC, datetime

from monitor.api.database import Database
from monitor.api.refresher import Refresher
from store.connections import connect
from tests.api.conftest import prepare, put_latest


def test_what_was_read_before_a_question_failed_is_told_later(database: str) -> None:
    """A new value and an outage in the same half second: viewers of the live feed get the value when it is over."""
    pool = Database(database)
    refresher = Refresher(database, pool, lambda: datetime.now(UTC))
    try:
        with connect(database, autocommit=True) as connection:
            prepare(connection)
            refresher.refresh()
            assert refresher.problem == ""
            channel = min(refresher.snapshot.registry.channels) if refresher.snapshot else 0
            put_latest(connection, channel, 0.61, revision=1)
            connection.execute("ALTER TABLE alarm_event RENAME TO away")
            assert refresher.refresh().values == ()
            assert "alarm_event" in refresher.problem
            connection.execute("ALTER TABLE away RENAME TO alarm_event")
            told = refresher.refresh()
            assert [each.channel_id for each in told.values] == [channel]
            assert refresher.refresh().values == ()
    finally:
        refresher.close()
        pool.close()
