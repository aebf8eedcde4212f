"""The batch writer and its failure law.

A batch ends in one of three ways. *Accept*: committed. *Reject*: a row the database refuses for its values
becomes a dead letter and the others are committed. *Keep*: for any other failure the batch is kept and tried
again with growing pauses; good rows never become dead letters because a table, a right or a server is missing.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
import psycopg

from ingest.counters import Counters
from ingest.delivery import Assembled, Delivery
from ingest.directory import Directory
from ingest.exact import letter
from ingest.rejection import Reason, Rejection
from registry.catalogue import text
from registry.waste.catalogue import Event
from store import journal
from store.backoff import Backoff
from store.connections import Connection, connect
from store.custody import Custody, CustodyResult
from store.errors import UNKNOWN, Law, Remedy, law, remedy
from store.flags import write_flags
from store.readings import (
    CommitUnknownError,
    Settle,
    WriteMode,
    WriteResult,
    refused_of,
    rejected_rows,
    write_batch,
)
from store.records import DeadLetter, from_us
from store.upkeep import save_statuses
from store.waste_rows import insert_positions, insert_scans

CLEAN_BATCHES: Final = 20
"""After a duplicate this many batches without one go the tolerant way before COPY is trusted again."""

_SUSPECT: Final = 3
"""QARTOD's flag of a reading that its device itself doubts."""

KEY_FIELD: Final[Mapping[str, str]] = {"waste": "id", "position": "ts"}
"""Which field of a message names its event, by kind of topic: what the letter of a conflict is about."""

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class StoppingError(Exception):
    """The service is told to end while a batch cannot be written; the broker keeps its messages."""


@dataclass(frozen=True, slots=True)
class Load:
    """One batch on its way: the deliveries, what they come to, and the directory that says whose they are."""

    deliveries: Sequence[Delivery]
    assembled: Assembled
    directory: Directory


class Writer:
    """Writes batches over one connection of its own, which it opens again whenever it breaks.

    Parameters
    ----------
    dsn : the database
    stopping : set to end; a batch that cannot be written is then given up with `StoppingError`
    on_outage : called at every further failure once the database has failed for `outage_s`
    backoff : the pauses between attempts
    settle : says the last of new readings under the journal's lock

    """

    def __init__(
        self,
        dsn: str,
        *,
        stopping: threading.Event,
        on_outage: Callable[[], None],
        outage_s: float = 30.0,
        backoff: Backoff | None = None,
        settle: Settle | None = None,
    ) -> None:
        self.counters = Counters()
        self._dsn = dsn
        self._stopping = stopping
        self._on_outage = on_outage
        self._outage_s = outage_s
        self._backoff = backoff or Backoff()
        self._settle = settle
        self._connection: Connection | None = None
        self._tolerant_batches = 0
        self._unsettled: WriteResult | None = None

    def connection(self) -> Connection:
        """The open connection. Raises `psycopg.OperationalError` when the server cannot be reached."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn, autocommit=True, application_name="landun-ingest")
        return self._connection

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def write(self, load: Load) -> None:
        """Write a batch, however long it takes. Returns when all of it is committed. Raises `StoppingError`."""
        assembled = load.assembled
        if not assembled.empty:
            with self.counters.commit_seconds.time():
                result = self.persistently("batch of readings", lambda: self._attempt(load))
            self.counters.readings += int(result.written.sum())
            conflicts = int(result.conflicts.sum()) + _count_custody(self.counters, assembled, result.custody)
            self.counters.duplicate += result.duplicates
            self.counters.conflict += conflicts
            self.counters.late += int(assembled.readings["late"][result.written].sum())
            if conflicts:
                self.counters.dead[Reason.CONFLICT] += conflicts
            self.counters.batches += 1
            self.counters.batch_messages.observe(len(load.deliveries))
        if assembled.statuses:
            self.persistently("status of devices", lambda: save_statuses(self.connection(), assembled.statuses))
        self.counters.dead.update(each.reason for each in assembled.letters)
        self.counters.dead_messages += assembled.dead
        self.counters.silent += assembled.silent
        self.counters.committed += len(load.deliveries) - assembled.dead - assembled.silent

    def persistently(self, what: str, attempt: Callable[[], _Result]) -> _Result:
        """Try until it succeeds, with growing pauses, over lost connections. Raises `StoppingError`."""
        failing_since: float | None = None
        while True:
            try:
                result = attempt()
            except (psycopg.Error, OSError) as error:
                now = time.monotonic()
                if failing_since is None:
                    failing_since = now
                self._pause(what, error)
                if now - failing_since >= self._outage_s:
                    self._on_outage()
            else:
                if failing_since is not None:
                    _log.info("%s written after %.1f s", what, time.monotonic() - failing_since)
                    self.note_trouble(None)
                self._backoff.reset()
                return result

    def note_trouble(self, error: Exception | None) -> Law:
        """Keep what the operator is to be told; None when all is well again. What follows from the error."""
        found = UNKNOWN if error is None else law(error)
        self.counters.trouble = None if error is None else found.trouble
        self.counters.trouble_said = "" if error is None else _first_line(error)
        return found

    def _pause(self, what: str, error: Exception) -> None:
        self.close()
        delay = self._backoff.next()
        found = self.note_trouble(error)
        _log.log(
            logging.ERROR if found.remedy is Remedy.OPERATOR else logging.WARNING,
            "%s kept: %s (%s); trying again in %.1f s",
            what,
            text("en", f"health.trouble_{found.trouble}"),
            _first_line(error),
            delay,
        )
        if self._stopping.wait(delay):
            raise StoppingError(f"{what} not written: {_first_line(error)}")

    def _attempt(self, load: Load) -> WriteResult:
        while True:
            mode = WriteMode.ON_CONFLICT if self._tolerant_batches else WriteMode.COPY
            try:
                result = self._write_once(load, mode)
            except psycopg.errors.UniqueViolation:
                if mode is not WriteMode.COPY:
                    raise
                self._tolerant_batches = CLEAN_BATCHES
            except psycopg.Error as error:
                if remedy(error) is not Remedy.DATA or not self._reject(load):
                    raise
            else:
                self._note_cleanness(result)
                return result

    def _write_once(self, load: Load, mode: WriteMode) -> WriteResult:
        connection = self.connection()
        assembled = load.assembled
        result = self._settled(connection)
        if result is None:
            try:
                result = write_batch(
                    connection,
                    assembled.readings,
                    messages=assembled.messages(load.deliveries, assembled.owners),
                    dead=assembled.letters,
                    recorded_at=datetime.now(UTC),
                    mode=mode,
                    conflict_letter=lambda index, stored: _conflict(load, index, stored),
                    settle=self._settle,
                    chain=_custody_of(load),
                    custody_letter=lambda kind, number, stored: _custody_conflict(load, kind, number, stored),
                )
            except CommitUnknownError as error:
                self._unsettled = error.result
                raise
        self._unsettled = result
        self._write_flags(assembled)
        self._unsettled = None
        return result

    def _settled(self, connection: Connection) -> WriteResult | None:
        """What became of the last attempt if it was committed and then failed: its answer or the flags were lost.

        To write it again would give its dead letters twice.
        """
        if self._unsettled is None or not journal.holds_batch(connection, self._unsettled.batch):
            self._unsettled = None
        return self._unsettled

    def _write_flags(self, assembled: Assembled) -> None:
        """Mark what devices flagged themselves; before the acknowledgement, and repeated with a redelivery."""
        if not assembled.flagged.any():
            return
        flagged = assembled.readings[assembled.flagged]
        suspect = np.full(len(flagged), _SUSPECT, dtype=np.int16)
        write_flags(self.connection(), "device_flag", flagged["channel_id"], flagged["ts"], suspect)

    def _note_cleanness(self, result: WriteResult) -> None:
        if self._tolerant_batches:
            clean = bool(result.written.all())
            self._tolerant_batches = self._tolerant_batches - 1 if clean else CLEAN_BATCHES

    def _reject(self, load: Load) -> bool:
        """Move the rows the database refuses to the dead letters; whether there were any."""
        assembled = load.assembled
        connection = self.connection()
        brought = assembled.bringing
        readings = rejected_rows(connection, assembled.readings)
        scans = refused_of(
            connection, len(assembled.scans), lambda lo, hi: insert_scans(connection, assembled.scans[lo:hi], 0)
        )
        fixes = refused_of(
            connection, len(assembled.fixes), lambda lo, hi: insert_positions(connection, assembled.fixes[lo:hi], 0)
        )
        assembled.letters += [_refused(load, index, why) for index, why in readings.items()]
        for kind, refused in (("waste", scans), ("position", fixes)):
            assembled.letters += [
                _custody_letter(load, kind, number, Reason.REJECTED_BY_DATABASE, f"the database says: {why}")
                for number, why in refused.items()
            ]
        kept = np.ones(len(assembled.readings), dtype=np.bool_)
        kept[list(readings)] = False
        assembled.keep(kept)
        assembled.keep_custody(scans, fixes)
        assembled.dead += len(brought - assembled.bringing)
        return bool(readings or scans or fixes)


def _letter_of(load: Load, index: int, reason: Reason, why: Callable[[Any, str], str]) -> DeadLetter:
    """The dead letter of one reading of a batch; `why` gets the row and its indicator."""
    row = load.assembled.readings[index]
    delivery = load.deliveries[int(load.assembled.owners[index])]
    channel = load.directory.registry.channels[int(row["channel_id"])]
    detail = f"device {channel.device}: {why(row, channel.indicator)}"
    return letter(delivery, Rejection(reason, detail, channel.indicator), load.directory.device(channel.device))


def _conflict(load: Load, index: int, stored: float) -> DeadLetter:
    def why(row: Any, indicator: str) -> str:
        at = from_us(int(row["ts"])).isoformat()
        return f"{indicator} at {at} is {row['value']:g}, but {stored:g} is stored; a reading is never changed"

    return _letter_of(load, index, Reason.CONFLICT, why)


def _refused(load: Load, index: int, message: str) -> DeadLetter:
    def why(row: Any, indicator: str) -> str:
        return f"{indicator} at {from_us(int(row['ts'])).isoformat()} is {row['value']:g}; the database says: {message}"

    return _letter_of(load, index, Reason.REJECTED_BY_DATABASE, why)


def _custody_of(load: Load) -> Custody:
    assembled = load.assembled
    return Custody(
        scans=assembled.scans,
        scan_messages=assembled.messages(load.deliveries, assembled.scan_owners),
        fixes=assembled.fixes,
        fix_messages=assembled.messages(load.deliveries, assembled.fix_owners),
    )


def _count_custody(counters: Counters, assembled: Assembled, result: CustodyResult) -> int:
    """Count what became of events and fixes; how many were conflicts."""
    counters.scans += len(result.scans.new)
    counters.fixes += len(result.fixes.new)
    counters.duplicate += result.scans.duplicates(len(assembled.scans))
    counters.duplicate += result.fixes.duplicates(len(assembled.fixes))
    return len(result.scans.conflicts) + len(result.fixes.conflicts)


def _custody_conflict(load: Load, kind: str, number: int, stored: str) -> DeadLetter:
    right = "an id is used once" if kind == "waste" else "a device is at one place at a time"
    return _custody_letter(load, kind, number, Reason.CONFLICT, f"{stored} is stored; {right}, and nothing is changed")


def _custody_letter(load: Load, kind: str, number: int, reason: Reason, why: str) -> DeadLetter:
    """The dead letter of one event or fix of a batch."""
    assembled = load.assembled
    if kind == "waste":
        row = assembled.scans[number].row
        owner, device = assembled.scan_owners[number], row.device
        said = f"id {row.id} is {Event(row.event).code} of {row.tag} at {from_us(row.ts).isoformat()}"
    else:
        fix = assembled.fixes[number]
        owner, device = assembled.fix_owners[number], fix.device
        said = f"position at {from_us(fix.ts).isoformat()} is lat {fix.lat:g}, lon {fix.lon:g}"
    rejection = Rejection(reason, f"device {device}: {said}, but {why}", KEY_FIELD[kind])
    return letter(load.deliveries[owner], rejection, load.directory.device(device))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
