"""The last message of a device, as it came and as it was understood: both are in the journal."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from store import journal
from store.connections import Connection
from store.records import from_us

_NEWEST_BATCH: Final = """
SELECT reading.batch FROM channel_latest AS latest
JOIN reading ON reading.channel_id = latest.channel_id AND reading.ts = latest.ts
WHERE latest.channel_id = ANY(%s) ORDER BY latest.ts DESC LIMIT 1
"""
_NEWEST_LETTER: Final = """
SELECT received_at, topic, payload FROM dead_letter WHERE device = %s ORDER BY id DESC LIMIT 1
"""
_LETTERS: Final = """
SELECT field, reason, detail FROM dead_letter WHERE device = %s AND received_at = %s ORDER BY id LIMIT 20
"""


class Understood(NamedTuple):
    """A reading that a message brought, in its indicator's unit."""

    channel_id: int
    ts: datetime
    value: float


class Misunderstood(NamedTuple):
    """What was wrong with a message, or with a field of it."""

    field: str | None
    reason: str
    detail: str


class LastMessage(NamedTuple):
    """A message as it came, and what became of it."""

    received_at: datetime
    topic: str
    payload: bytes
    understood: list[Understood]
    misunderstood: list[Misunderstood]


def last_message(connection: Connection, device: str, channels: Collection[int]) -> LastMessage | None:
    """A device's newest message; None for one that never sent any, or whose messages the journal no longer holds."""
    stored = _last_stored(connection, channels)
    letter = connection.execute(_NEWEST_LETTER, (device,)).fetchone()
    if letter is not None and (stored is None or letter[0] > stored[0]):
        received_at, topic, payload = letter[0], letter[1], bytes(letter[2])
        understood: list[Understood] = []
    elif stored is not None:
        received_at, topic, payload, understood = stored
    else:
        return None
    wrong = [Misunderstood(*row) for row in connection.execute(_LETTERS, (device, received_at)).fetchall()]
    return LastMessage(received_at, topic, payload, understood, wrong)


def _last_stored(
    connection: Connection, channels: Collection[int]
) -> tuple[datetime, str, bytes, list[Understood]] | None:
    row = connection.execute(_NEWEST_BATCH, (list(channels),)).fetchone()
    entry = journal.entry_of_batch(connection, row[0]) if row else None
    if entry is None:
        return None
    own = [each for each in journal.readings_of(entry).tolist() if each[0] in channels]
    arrived = max(each[3] for each in own)
    readings = [each for each in own if each[3] == arrived]
    messages = [each for each in journal.messages_of(entry) if each.arrived == arrived]
    if not messages:
        return None  # written by back-fill: no message brought it
    # Several devices' messages may have arrived in the same microsecond.
    at = from_us(arrived)
    found = next((each for each in messages if _may_have_brought(each.payload, readings)), messages[0])
    return at, found.topic, found.payload, [Understood(each[0], from_us(each[1]), each[2]) for each in readings]


def _may_have_brought(payload: bytes, readings: list[tuple[int, int, float, int, bool]]) -> bool:
    return any(f"{value:g}".encode() in payload for _, _, value, _, _ in readings)
