"""Dead letters: what could not be stored, kept with its raw bytes and its reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson

from store import journal
from store.connections import Connection
from store.records import DeadLetter

# One JSON document instead of an array a column: psycopg writes an array element by element in Python, which cost more
# than the insertion itself.
_INSERT: Final = """
INSERT INTO dead_letter (received_at, topic, payload, reason, detail, site, device, field, batch)
SELECT received_at, topic, decode(payload, 'hex'), reason, detail, site, device, field, %s::bigint
FROM json_to_recordset(%s::json) AS new (
    received_at timestamptz, topic text, payload text, reason text, detail text, site text, device text, field text
)
"""

LARGEST_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
"""Payloads that one statement inserts; PostgreSQL takes a parameter of 1 GB, and a payload may be of 256 KB."""


def insert_dead_letters(connection: Connection, letters: Sequence[DeadLetter], batch: int) -> None:
    """Insert dead letters in order. Text that PostgreSQL cannot hold (NUL, lone surrogates) is written escaped."""
    document: list[dict[str, object]] = []
    size = 0
    for letter in letters:
        if size + len(letter.payload) > LARGEST_DOCUMENT_BYTES and document:
            _insert(connection, document, batch)
            document, size = [], 0
        document.append(_columns(letter))
        size += len(letter.payload)
    if document:
        _insert(connection, document, batch)


def _insert(connection: Connection, document: list[dict[str, object]], batch: int) -> None:
    connection.execute(_INSERT, (batch, orjson.dumps(document).decode()))


def _columns(letter: DeadLetter) -> dict[str, object]:
    return {
        "received_at": letter.received_at,
        "topic": _storable(letter.topic),
        "payload": letter.payload.hex(),
        "reason": letter.reason,
        "detail": _storable(letter.detail),
        "site": _storable(letter.site),
        "device": _storable(letter.device),
        "field": _storable(letter.field),
    }


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
    # Text of ASCII without NUL, which nearly all is, needs no work.
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
