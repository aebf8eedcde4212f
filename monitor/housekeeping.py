"""What the database needs from time to time: partitions made ahead, and old rows dropped.

TimescaleDB makes its chunks by itself; there only retention is ours.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from registry.canary import CHANNEL
from store import journal, partitions
from store.connections import Connection

AHEAD: Final = timedelta(days=14)
"""How far ahead partitions are made: a machine may sleep for a week and still find its place."""

CANARY_KEPT: Final = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long raw readings, custody events of waste and the journal are kept.

    Five years of readings cover the two years of records that the venue must keep and the five-year limit of
    penalties that concern health (行政处罚法 Art 36). The register of waste is kept for 3 years (医疗废物管理条例 Art 12)
    and its manifest for 5; six hold every bag of the oldest manifest from its first scan on.
    """

    readings: timedelta = timedelta(days=5 * 366)
    waste: timedelta = timedelta(days=6 * 366)
    journal: timedelta = timedelta(days=35)


def keep_house(connection: Connection, now: datetime, retention: Retention) -> None:
    """Make what will be needed and drop what is past its time. The journal stays from the oldest snapshot on."""
    for name in partitions.ensure_partitions(connection, now, now + AHEAD):
        _log.info("partition %s made", name)
    for name in partitions.drop_readings_before(connection, now - retention.readings):
        _log.info("readings %s dropped: older than %d days", name, retention.readings.days)
    for name in partitions.drop_waste_before(connection, now - retention.waste):
        _log.info("custody events %s dropped: older than %d days", name, retention.waste.days)
    # The canary's readings say nothing a day later.
    connection.execute("DELETE FROM reading WHERE channel_id = %s AND ts < %s", (CHANNEL, now - CANARY_KEPT))
    needed = journal.first_needed(connection, now - retention.journal)
    for name in partitions.drop_journal_before(connection, needed):
        _log.info("journal %s dropped: older than %d days", name, retention.journal.days)
