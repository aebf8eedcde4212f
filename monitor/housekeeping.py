"""What the database needs from time to time: partitions made ahead, the journal anchored, old rows dropped.

TimescaleDB makes its chunks by itself; there only retention is ours. Nothing that a case relies on is dropped.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from monitor.evidence.hold import hold
from monitor.supervision.book import recount
from registry.canary import CHANNEL
from store import anchors, journal, partitions
from store.connections import Connection

AHEAD: Final = timedelta(days=14)
"""How far ahead partitions are made: a machine may sleep for a week and still find its place."""

CANARY_KEPT: Final = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long raw readings, custody events of waste and the journal are kept.

    Five years of readings cover the two years of records that the venue must keep and the five-year limit of
    penalties that concern health (行政处罚法 Art 36). The register of waste is kept for 3 years (医疗废物管理条例
    Art 12) and its manifest for 5; six hold every bag of the oldest manifest from its first scan on.
    """

    readings: timedelta = timedelta(days=5 * 366)
    waste: timedelta = timedelta(days=6 * 366)
    journal: timedelta = timedelta(days=35)


def keep_house(connection: Connection, now: datetime, retention: Retention) -> None:
    """Make what will be needed and drop what is past its time. The journal stays from the oldest snapshot on.

    It is anchored once a day (UTC), and what cases rely on is kept before anything of it goes.
    """
    for name in partitions.ensure_partitions(connection, now, now + AHEAD):
        _log.info("partition %s made", name)
    with connection.transaction():
        for case in recount(connection, now):
            _log.info("case %d: its deadline is set by the calendar that is published now", case)
    for name in partitions.drop_readings_before(connection, now - retention.readings):
        _log.info("readings %s dropped: older than %d days", name, retention.readings.days)
    for name in partitions.drop_waste_before(connection, now - retention.waste):
        _log.info("custody events %s dropped: older than %d days", name, retention.waste.days)
    # The canary's readings say nothing a day later.
    connection.execute("DELETE FROM reading WHERE channel_id = %s AND ts < %s", (CHANNEL, now - CANARY_KEPT))
    _anchor(connection, now)
    try:
        hold(connection, now)
    except (LookupError, ValueError, TypeError):
        _log.exception("rows that cases rely on could not be kept: the journal drops nothing until they are")
        return
    needed = journal.first_needed(connection, now - retention.journal)
    for name in partitions.drop_journal_before(connection, needed):
        _log.info("journal %s dropped: older than %d days", name, retention.journal.days)


def _anchor(connection: Connection, now: datetime) -> None:
    newest = anchors.newest(connection)
    if newest is None or newest.made_at.astimezone(UTC).date() < now.astimezone(UTC).date():
        made = anchors.make(connection, now, "daily")
        _log.info("anchor %d made: journal row %d, digest %s", made.number, made.journal_id, made.digest.hex())


def publish(connection: Connection, folder: Path) -> list[Path]:
    """Write the anchors that are not there yet into a folder, a file each, and return those written.

    The folder is for others to copy: an anchor is worth something once it is where we cannot change it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = sorted(folder.glob("anchor-*.json"))
    last = int(known[-1].stem.removeprefix("anchor-")) if known else 0
    written = []
    for each in anchors.after(connection, last):
        path = folder / f"anchor-{each.number:08d}.json"
        part = path.with_suffix(".part")
        part.write_text(each.content + "\n", encoding="utf-8")
        part.replace(path)
        written.append(path)
    return written
