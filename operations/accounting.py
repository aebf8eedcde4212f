"""Accounts for every acknowledged message: stored, a dead letter, or lost; and for every reading: once, or twice."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from store import journal
from store.connections import Connection
from store.records import to_us

JOURNAL_CHUNK: Final = 500


class Sample(NamedTuple):
    """One record a device sent: its code and the record's own time in ms since the epoch."""

    device: str
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the acknowledged samples.

    `readings` counts journaled rows, `duplicated` those that came twice; `unjournaled` is the difference between
    the table and the journal in rows.
    """

    acknowledged: int
    stored: int
    partly_stored: int
    dead_lettered: int
    lost: int
    readings: int
    duplicated: int
    unjournaled: int

    @property
    def clean(self) -> bool:
        """Whether nothing is missing, half there or there twice."""
        return self.lost == self.partly_stored == self.duplicated == self.unjournaled == 0


def read_record(file: Path) -> set[Sample]:
    """The samples that the simulators' record says were acknowledged. A last line cut short by a kill is left out."""
    with file.open(encoding="utf-8", newline="") as lines:
        whole = (line for line in lines if line.endswith("\n"))
        return {Sample(row["device"], int(row["ts_ms"])) for row in csv.DictReader(whole) if row["device"] != "device"}


def account(connection: Connection, acknowledged: set[Sample]) -> Account:
    """Compare the acknowledged samples with the tables and the journal."""
    channels = connection.execute("SELECT device, count(*) FROM channel GROUP BY device")
    fields: dict[str, int] = dict(channels)
    stored = _stored(connection)
    letters = _letters(connection)
    whole = {sample for sample in acknowledged if stored.get(sample, 0) == fields.get(sample.device)}
    dead = (acknowledged - whole) & letters
    partly = {sample for sample in acknowledged - whole - dead if stored.get(sample, 0) > 0}
    rows, unique = _journaled(connection)
    return Account(
        acknowledged=len(acknowledged),
        stored=len(whole),
        partly_stored=len(partly),
        dead_lettered=len(dead),
        lost=len(acknowledged) - len(whole) - len(dead) - len(partly),
        readings=rows,
        duplicated=rows - unique,
        unjournaled=abs(sum(stored.values()) - unique),
    )


def _stored(connection: Connection) -> Mapping[Sample, int]:
    """How many readings are stored of each sample."""
    rows = connection.execute(
        "SELECT c.device, r.ts, count(*) FROM reading r JOIN channel c ON c.id = r.channel_id GROUP BY c.device, r.ts"
    )
    return {Sample(device, to_us(ts) // 1_000): count for device, ts, count in rows}


def _letters(connection: Connection) -> set[Sample]:
    rows = connection.execute("SELECT device, payload FROM dead_letter WHERE device IS NOT NULL").fetchall()
    return {Sample(device, ts) for device, payload in rows for ts in _times(bytes(payload))}


def _times(payload: bytes) -> Iterator[int]:
    """The times (ms) of the records in a native payload, as far as it can be read."""
    try:
        decoded = json.loads(payload)
    except ValueError:
        return
    records: Iterable[Any] = decoded if isinstance(decoded, list) else [decoded]
    for record in records:
        if isinstance(record, dict) and isinstance(record.get("ts"), int):
            yield record["ts"]


def _journaled(connection: Connection) -> tuple[int, int]:
    """Rows in the journal's readings, and how many different ones they are."""
    keys = []
    after = 0
    while entries := journal.read_after(connection, after, JOURNAL_CHUNK):
        keys += [journal.readings_of(entry)[["channel_id", "ts"]] for entry in entries if entry.kind == "readings"]
        after = entries[-1].id
    if not keys:
        return 0, 0
    together = np.concatenate(keys)
    return len(together), len(np.unique(together))
