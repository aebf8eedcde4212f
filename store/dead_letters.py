"""Dead letters: what could not be stored, kept with its raw bytes and its reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from store import journal
from store.connections import Connection
from store.records import DeadLetter

_INSERT: Final = """
INSERT INTO dead_letter (received_at, topic, payload, reason, detail, site, device, field, batch)
SELECT received_at, topic, payload, reason, detail, site, device, field, %s::bigint
FROM unnest(%s::timestamptz[], %s::text[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
     AS new (received_at, topic, payload, reason, detail, site, device, field)
"""


def insert_dead_letters(connection: Connection, letters: Sequence[DeadLetter], batch: int) -> None:
    """Insert dead letters in order. Text that PostgreSQL cannot hold (NUL, lone surrogates) is written escaped."""
    if not letters:
        return
    connection.execute(
        _INSERT,
        (
            batch,
            [letter.received_at for letter in letters],
            [_storable(letter.topic) for letter in letters],
            [letter.payload for letter in letters],
            [letter.reason for letter in letters],
            [_storable(letter.detail) for letter in letters],
            [_storable(letter.site) for letter in letters],
            [_storable(letter.device) for letter in letters],
            [_storable(letter.field) for letter in letters],
        ),
    )


def journal_dead(connection: Connection, letters: Sequence[DeadLetter], recorded_at: datetime, batch: int) -> int:
    """Append the journal row of kind ``dead`` (without payloads) and return its id."""
    items = [
        {
            "topic": letter.topic,
            "reason": letter.reason,
            "device": letter.device,
            "site": letter.site,
            "field": letter.field,
            "received_at": letter.received_at.isoformat(),
        }
        for letter in letters
    ]
    return journal.append_event(connection, "dead", items, recorded_at, batch=batch)


def _storable(text: str | None) -> str | None:
    if text is None:
        return None
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
