"""``landun replay``: dead letters through the decoder and the writer again, once what was wrong is put right.

A device was registered, an indicator was mapped, a limit of the database was lifted: then what was buried can be
stored after all. Times of arrival stay those of the first arrival, and every reading is history (late), which pages
nobody. A message that was replayed before brings nothing twice: readings are known by their key, letters by what they
say. What is still wrong stays a dead letter, and what is wrong anew becomes one.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.assembly import assemble
from ingest.delivery import Assembled, Delivery
from ingest.directory import Directory
from ingest.rejection import Reason
from ingest.writer import KEY_FIELD, Load, Writer
from store import audit, custody
from store.connections import Connection, connect
from store.custody import Custody, CustodyResult
from store.reading_table import find_conflicts, insert_new
from store.readings import rejected_rows
from store.records import DeadLetter, to_us
from store.registry_rows import load_registry
from store.waste_registry import load_waste_registry

MESSAGES_AT_ONCE: Final = 500

_LETTERS: Final = """
SELECT id, received_at, topic, payload, reason, field FROM dead_letter
WHERE replayed_at IS NULL
  AND (%(reason)s::text IS NULL OR reason = %(reason)s) AND (%(device)s::text IS NULL OR device = %(device)s)
  AND (%(site)s::text IS NULL OR site = %(site)s)
  AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)
  AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s))
ORDER BY id
"""
# What is known of a message already, replayed or not, chosen by the filter or not.
_SAID: Final = "SELECT reason, field FROM dead_letter WHERE received_at = %s AND topic = %s AND payload = %s"
_MARK: Final = """
UPDATE dead_letter SET replayed_at = %s, replayed_by = %s, replayed_readings = %s
WHERE id = ANY (%s) AND replayed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters: all conditions given must hold. Times are aware, `until` is not included."""

    reason: str | None = None
    device: str | None = None
    site: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[int, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """For the query."""
        names = ("reason", "device", "site", "since", "until")
        return {**{name: getattr(self, name) for name in names}, "ids": list(self.ids) or None}

    def described(self) -> dict[str, Any]:
        """What was asked for, for the audit log."""
        given = {name: value for name, value in self.parameters().items() if value is not None}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}


@dataclass
class Outcome:
    """What became of the letters: `replayed`, `still_dead` by reason, without payload; and of their readings."""

    letters: int = 0
    messages: int = 0
    replayed: int = 0
    without_payload: int = 0
    readings_stored: int = 0
    readings_known: int = 0
    custody_stored: int = 0
    """Events of custody and positions stored."""

    new_letters: int = 0
    still_dead: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """In one sentence."""
        dead = ", ".join(f"{count} {reason}" for reason, count in sorted(self.still_dead.items())) or "none"
        return (
            f"{self.letters} dead letters of {self.messages} messages: {self.replayed} replayed "
            f"({self.readings_stored} readings stored, {self.readings_known} were there already, "
            f"{self.custody_stored} events and positions stored), still dead: {dead}; "
            f"{self.new_letters} new dead letters, {self.without_payload} letters hold no payload"
        )


class _Problem(NamedTuple):
    """What a letter says is wrong: a reason, and the field or None for the whole message."""

    reason: str
    field: str | None


@dataclass
class _Message:
    """A message with the letters about it that were chosen, and everything that is said about it already."""

    received_at: datetime
    topic: str
    payload: bytes
    letters: dict[int, _Problem]
    said: frozenset[_Problem] = frozenset()

    @property
    def delivery(self) -> Delivery:
        """As if it had just come, at the time it came."""
        return Delivery(0, 0, self.topic, self.payload, to_us(self.received_at))


def replay(dsn: str, chosen: Filter, *, actor: str, dry_run: bool = False) -> Outcome:
    """Replay dead letters; with `dry_run` only say what would come of it. Raises `psycopg.Error` at the first look."""
    outcome = Outcome()
    with connect(dsn, autocommit=True, application_name="landun-replay") as connection:
        directory = Directory(load_registry(connection), load_waste_registry(connection))
        messages = _messages(connection, chosen, outcome)
        writer = Writer(dsn, stopping=threading.Event(), on_outage=lambda: None)
        try:
            for start in range(0, len(messages), MESSAGES_AT_ONCE):
                part = messages[start : start + MESSAGES_AT_ONCE]
                _replay(connection, None if dry_run else writer, directory, part, actor, outcome)
        finally:
            writer.close()
        if not dry_run and outcome.letters:
            detail = {"filter": chosen.described(), "replayed": outcome.replayed, "readings": outcome.readings_stored}
            detail["custody"] = outcome.custody_stored
            with connection.transaction():
                audit.append(connection, actor, "replay", "dead letters", detail, datetime.now(UTC))
    return outcome


def _messages(connection: Connection, chosen: Filter, outcome: Outcome) -> list[_Message]:
    """The messages of the chosen letters in order of arrival."""
    found: dict[tuple[datetime, str, bytes], _Message] = {}
    for letter_id, received_at, topic, payload, reason, at in connection.execute(_LETTERS, chosen.parameters()):
        outcome.letters += 1
        if not payload:
            # A publish that the broker denied is known from its log, which holds no payload.
            outcome.without_payload += 1
            continue
        key = (received_at, topic, bytes(payload))
        found.setdefault(key, _Message(*key, {})).letters[letter_id] = _Problem(reason, at)
    outcome.messages = len(found)
    for key, message in found.items():
        message.said = frozenset(_Problem(*row) for row in connection.execute(_SAID, key))
    return list(found.values())


def _replay(
    connection: Connection,
    writer: Writer | None,
    directory: Directory,
    messages: Sequence[_Message],
    actor: str,
    outcome: Outcome,
) -> None:
    deliveries = [message.delivery for message in messages]
    each = [assemble([delivery], directory) for delivery in deliveries]
    together = _together(each)
    bad = _refused(connection, directory, together)
    problems = [_problems(one) for one in each]
    for owner, problem in bad.values():
        problems[owner].add(problem)
    chained = _chained(connection, together)
    known = _known_conflicts(together, chained, messages, problems)
    new = _new_letters(messages, each)
    # A row that is refused and has its letter stays out; one without gets its letter from the writer.
    told = [row for row, (owner, problem) in bad.items() if problem in messages[owner].said]
    outcome.new_letters += len(new) + len(bad) - len(told)
    load = Load(deliveries, _without(together, told, new, known), directory)
    written = _new_rows(connection, _without(together, list(bad), []))
    outcome.readings_stored += int(written.sum())
    outcome.readings_known += len(written) - int(written.sum())
    outcome.custody_stored += len(chained.scans.new) + len(chained.fixes.new)
    conflicts = len(chained.scans.conflicts) + len(chained.fixes.conflicts)
    outcome.new_letters += conflicts - len(known.scans) - len(known.fixes)
    if writer is not None:
        writer.write(load)
    brought = np.bincount(np.delete(together.owners, list(bad))[written], minlength=len(messages))
    for owners, numbers in ((together.scan_owners, chained.scans.new), (together.fix_owners, chained.fixes.new)):
        np.add.at(brought, [owners[number] for number in numbers], 1)
    now = datetime.now(UTC)
    for number, message in enumerate(messages):
        alive = [key for key, problem in message.letters.items() if not _persists(problem, problems[number])]
        outcome.replayed += len(alive)
        outcome.still_dead.update(message.letters[key].reason for key in message.letters.keys() - alive)
        if writer is not None and alive:
            connection.execute(_MARK, (now, actor, int(brought[number]), alive))


def _together(each: Sequence[Assembled]) -> Assembled:
    """Assembled messages as one batch, all history."""
    readings = np.concatenate([one.readings for one in each])
    readings["late"] = True
    owners = np.concatenate([one.owners + number for number, one in enumerate(each)])
    return Assembled(
        readings=readings,
        owners=owners,
        flagged=np.concatenate([one.flagged for one in each]),
        historical=np.concatenate([one.historical for one in each]),
        silent=sum(one.silent for one in each),
        scans=[scan for one in each for scan in one.scans],
        scan_owners=[number for number, one in enumerate(each) for _ in one.scans],
        fixes=[fix for one in each for fix in one.fixes],
        fix_owners=[number for number, one in enumerate(each) for _ in one.fixes],
    )


class _Known(NamedTuple):
    """Events and fixes that stay out, as a letter says so already: their places in the batch."""

    scans: frozenset[int]
    fixes: frozenset[int]


_NONE: Final = _Known(frozenset(), frozenset())


def _chained(connection: Connection, batch: Assembled) -> CustodyResult:
    """What would become of events and fixes. Nothing is written."""
    with connection.transaction(force_rollback=True):
        return custody.insert(connection, Custody(scans=batch.scans, fixes=batch.fixes), 0)


def _known_conflicts(
    batch: Assembled, chained: CustodyResult, messages: Sequence[_Message], problems: Sequence[set[_Problem]]
) -> _Known:
    """The conflicts that have their letter; all are added to the problems of their messages."""
    told: list[frozenset[int]] = []
    for kind, owners, conflicts in (
        ("waste", batch.scan_owners, chained.scans.conflicts),
        ("position", batch.fix_owners, chained.fixes.conflicts),
    ):
        problem = _Problem(Reason.CONFLICT, KEY_FIELD[kind])
        for number in conflicts:
            problems[owners[number]].add(problem)
        told.append(frozenset(number for number in conflicts if problem in messages[owners[number]].said))
    return _Known(*told)


def _refused(connection: Connection, directory: Directory, batch: Assembled) -> dict[int, tuple[int, _Problem]]:
    """The rows that cannot be stored: index → message and problem. Nothing is written."""

    def about(row: int, reason: Reason) -> tuple[int, _Problem]:
        channel = directory.registry.channels[int(batch.readings["channel_id"][row])]
        return int(batch.owners[row]), _Problem(reason, channel.indicator)

    refused = {row: about(row, Reason.REJECTED_BY_DATABASE) for row in rejected_rows(connection, batch.readings)}
    conflicts, _ = find_conflicts(connection, batch.readings, np.zeros(len(batch.readings), dtype=np.bool_))
    clashing = {int(row) for row in np.flatnonzero(conflicts)} | set(_clashing(batch))
    return refused | {row: about(row, Reason.CONFLICT) for row in clashing - refused.keys()}


def _clashing(batch: Assembled) -> Iterator[int]:
    """Rows whose key came before in the batch with another value: the first counts."""
    first: dict[tuple[int, int], float] = {}
    rows = batch.readings
    keys = zip(rows["channel_id"].tolist(), rows["ts"].tolist(), rows["value"].tolist(), strict=True)
    for row, (channel, ts, value) in enumerate(keys):
        if first.setdefault((channel, ts), value) != value:
            yield row


def _problems(assembled: Assembled) -> set[_Problem]:
    return {_Problem(letter.reason, letter.field) for letter in assembled.letters}


def _persists(problem: _Problem, now: Iterable[_Problem]) -> bool:
    """Whether what a letter says is wrong is still wrong, for whatever reason: with its field, or with the whole."""
    return any(each.field in (None, problem.field) for each in now)


def _new_letters(messages: Sequence[_Message], each: Sequence[Assembled]) -> list[DeadLetter]:
    """What is wrong with messages and no letter says yet."""
    return [
        letter
        for message, one in zip(messages, each, strict=True)
        for letter in one.letters
        if _Problem(letter.reason, letter.field) not in message.said
    ]


def _without(batch: Assembled, rows: Sequence[int], letters: list[DeadLetter], known: _Known = _NONE) -> Assembled:
    kept = np.ones(len(batch.readings), dtype=np.bool_)
    kept[list(rows)] = False
    rest = replace(batch, letters=letters)
    rest.keep(kept)
    rest.keep_custody(*known)
    return rest


def _new_rows(connection: Connection, batch: Assembled) -> NDArray[np.bool_]:
    """Which rows are not stored yet."""
    with connection.transaction(force_rollback=True):
        return insert_new(connection, batch.readings, 0)
