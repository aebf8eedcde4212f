"""Accounts for every record of every device: each reading stored once and as it was published, or a dead letter.

Readings are compared as arrays. A reading's key is its channel and its instant; the journal says how often it was
committed, the table what is kept of it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operations.chaos.record import Letter, Record
from registry.model import Registry
from store import journal
from store.connections import Connection
from store.records import READING, Readings, to_us

JOURNAL_CHUNK: Final = 500
ROWS_A_FETCH: Final = 50_000
KEY: Final = np.dtype([("channel_id", "<i4"), ("ts", "<i8")])


class Journaled(NamedTuple):
    """The journal's rows of kind ``readings``: ids and newest device time (us), shape (rows,), and all readings."""

    ids: NDArray[np.int64]
    newest_ts: NDArray[np.int64]
    readings: Readings


@dataclass(frozen=True, slots=True)
class Account:
    """What became of readings (counted by value) and of planted flaws (counted by letter).

    `published`, `acknowledged` and `stored` count good readings; `lost` are acknowledged and not stored, `corrupt`
    stored with another value, `unexpected` stored or buried without having been published (or as bad), `duplicates`
    committed more than once. `unjournaled` is the difference between table and journal. A dead letter may come again
    with its message's redelivery: `dead_letters` counts different ones, `dead_letters_repeated` the rest.
    """

    published: int
    acknowledged: int
    stored: int
    lost: int
    duplicates: int
    corrupt: int
    unexpected: int
    unjournaled: int
    dead_letters_expected: int
    dead_letters: int
    dead_letters_repeated: int

    @property
    def clean(self) -> bool:
        """Whether everything is where it belongs, once."""
        wrong = self.lost + self.duplicates + self.corrupt + self.unexpected + self.unjournaled
        return wrong == 0 and self.dead_letters == self.dead_letters_expected


def account(connection: Connection, record: Record, registry: Registry) -> Account:
    """Hold a record against the tables and the journal."""
    published, acknowledged = expected_readings(record, registry)
    kept = stored_readings(connection)
    journaled = journaled_readings(connection)
    where, found = _find(published, kept)
    same = published["value"][found] == kept["value"][where[found]]
    letters, repeated = _letters(connection)
    once = len(np.unique(_keys(journaled.readings)))
    return Account(
        published=len(published),
        acknowledged=int(acknowledged.sum()),
        stored=int(found.sum()),
        lost=int((acknowledged & ~found).sum()),
        duplicates=len(journaled.readings) - once + len(kept) - len(np.unique(_keys(kept))),
        corrupt=int((~same).sum()),
        unexpected=len(kept) - int(found.sum()) + len(letters - record.letters),
        unjournaled=abs(len(kept) - once),
        dead_letters_expected=len(record.letters),
        dead_letters=len(letters & record.letters),
        dead_letters_repeated=repeated,
    )


def expected_readings(record: Record, registry: Registry) -> tuple[Readings, NDArray[np.bool_]]:
    """The good readings of a record in order of time, and which of them were acknowledged."""
    rows, acknowledged = [], []
    for (device, _), sample in record.samples.items():
        for name, value in sample.good.items():
            rows.append((registry.channel_ids[device, name], sample.ts_ms * 1000, value, sample.ts_ms * 1000, False))
            acknowledged.append(sample.acknowledged_us is not None)
    readings = np.array(rows, dtype=READING)
    order = np.argsort(readings["ts"], kind="stable")
    return readings[order], np.array(acknowledged, dtype=np.bool_)[order]


def stored_readings(connection: Connection) -> Readings:
    """Every row of `reading`."""
    pieces = [np.empty(0, dtype=READING)]
    with connection.transaction(), connection.cursor(name="accounting", binary=True) as cursor:
        cursor.execute("SELECT channel_id, ts, value FROM reading")
        while rows := cursor.fetchmany(ROWS_A_FETCH):
            pieces.append(np.array([(channel, to_us(ts), value, 0, False) for channel, ts, value in rows], READING))
    return np.concatenate(pieces)


def journaled_readings(connection: Connection) -> Journaled:
    """Every reading that the journal holds."""
    ids, newest, readings = [], [], [np.empty(0, dtype=READING)]
    after = 0
    while entries := journal.read_after(connection, after, JOURNAL_CHUNK):
        for entry in entries:
            if entry.kind == "readings":
                rows = journal.readings_of(entry)
                ids.append(entry.id)
                newest.append(int(rows["ts"].max()))
                readings.append(rows)
        after = entries[-1].id
    return Journaled(np.array(ids, dtype=np.int64), np.array(newest, dtype=np.int64), np.concatenate(readings))


def _keys(readings: Readings) -> NDArray[Any]:
    keys = np.empty(len(readings), dtype=KEY)
    keys["channel_id"], keys["ts"] = readings["channel_id"], readings["ts"]
    return keys


def _find(wanted: Readings, among: Readings) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The place of each wanted key among others, and whether it is there at all."""
    if not len(among):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    keys, wanted_keys = _keys(among), _keys(wanted)
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], wanted_keys), len(keys) - 1)
    return order[place], keys[order][place] == wanted_keys


def _letters(connection: Connection) -> tuple[set[Letter], int]:
    """Which samples the dead letters are about, and how many of the letters say what another one does."""
    found: set[Letter] = set()
    count = 0
    for device, reason, field, payload in connection.execute(
        "SELECT device, reason, field, payload FROM dead_letter ORDER BY id"
    ).fetchall():
        about = {Letter(device or "", seq, reason) for seq in _about(reason, field or "", bytes(payload))}
        count += len(about - found) == 0
        found |= about or {Letter(device or "", -1, reason)}
    return found, count


def _about(reason: str, field: str, payload: bytes) -> Iterator[int]:
    """Sequence numbers of the samples of a payload that a dead letter's field is about."""
    try:
        decoded = json.loads(payload)
    except ValueError:
        return
    samples: list[Any] = decoded if isinstance(decoded, list) else [decoded]
    if field.startswith("["):
        samples = [samples[int(field[1 : field.index("]")])]]
    elif reason == "rejected_by_database" and len(samples) > 1:
        # The database names no place in the payload: the value that no other sample has tells.
        samples = _outlying(samples, field)
    for sample in samples:
        yield int(sample["seq"])


def _outlying(samples: Iterable[Mapping[str, Any]], field: str) -> list[Mapping[str, Any]]:
    return [sample for sample in samples if abs(sample["values"].get(field, 0)) > 1e29]
