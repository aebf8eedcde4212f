"""The audit log: who did what, each row with the hash of the one before, as in the journal."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from store.connections import Connection, scalar
from store.journal import FIRST_PREV_HASH, Verification, chain_hash
from store.records import to_us

LOCK_AUDIT: Final = 0x4C44_4155


def append(
    connection: Connection, actor: str, action: str, subject: str, detail: Mapping[str, Any], at: datetime
) -> int:
    """Append a row and return its id. Does not commit; others wait for this transaction's end."""
    # jsonb keeps neither key order nor number spelling: what is hashed is the text it will be read back as.
    text = str(scalar(connection, "SELECT %s::jsonb::text", (json.dumps(dict(detail), allow_nan=False),)))
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_AUDIT,))
    newest = connection.execute("SELECT id, hash FROM audit_log ORDER BY id DESC LIMIT 1").fetchone()
    last_id, previous = (int(newest[0]), bytes(newest[1])) if newest else (0, FIRST_PREV_HASH)
    digest = chain_hash(previous, last_id + 1, _content(at, actor, action, subject, text))
    connection.execute(
        "INSERT INTO audit_log (id, at, actor, action, subject, detail, prev_hash, hash) "
        "VALUES (%s, %s, %s, %s, %s, %s::jsonb, %b, %b)",
        (last_id + 1, at, actor, action, subject, text, previous, digest),
    )
    return last_id + 1


def _content(at: datetime, actor: str, action: str, subject: str, detail: str) -> bytes:
    canonical = json.dumps([to_us(at), actor, action, subject, detail], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).digest()


def verify(connection: Connection) -> Verification:
    """Recompute the whole chain and report the first row that does not fit."""
    previous, checked = FIRST_PREV_HASH, 0
    with connection.transaction(), connection.cursor(name="audit_verify") as cursor:
        cursor.execute(
            "SELECT id, at, actor, action, subject, detail::text, prev_hash, hash FROM audit_log ORDER BY id"
        )
        for entry_id, at, actor, action, subject, detail, prev_hash, digest in cursor:
            if entry_id != checked + 1:
                return Verification(False, checked, checked + 1, f"row {checked + 1} is missing")
            if bytes(prev_hash) != previous:
                return Verification(False, checked, entry_id, "prev_hash is not the hash of the row before")
            if chain_hash(previous, entry_id, _content(at, actor, action, subject, detail)) != bytes(digest):
                return Verification(False, checked, entry_id, "hash does not match the row's content")
            previous, checked = bytes(digest), entry_id
    return Verification(True, checked, None, "")
