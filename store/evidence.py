"""Evidence packages and reviews of devices, as rows. Nothing here commits."""

import hashlib
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row, dict_row

from store.connections import Connection, scalar


class Package(NamedTuple):
    """A package without its content. `accepted` None: not audited, so a draft. `anchor` published its `sha256`."""

    id: int
    subject: str
    subject_id: int
    site: str
    simulated: bool
    purpose: str
    made_at: datetime
    made_by: str
    audited_at: datetime | None
    audited_by: str | None
    audit_note: str | None
    accepted: bool | None
    sha256: str
    bytes: int
    anchor: int | None


_SELECT: Final = (
    "SELECT id, subject, subject_id, site, simulated, purpose, made_at, made_by, audited_at, audited_by, audit_note, "
    "accepted, sha256, octet_length(content) AS bytes, anchor FROM evidence_package "
)


def add_package(
    connection: Connection,
    *,
    subject: str,
    subject_id: int,
    site: str,
    simulated: bool,
    purpose: str,
    at: datetime,
    by: str,
    content: bytes,
) -> int:
    """Keep a draft and return its number."""
    return int(
        scalar(
            connection,
            "INSERT INTO evidence_package (subject, subject_id, site, simulated, purpose, made_at, made_by, sha256, "
            "content) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %b) RETURNING id",
            (subject, subject_id, site, simulated, purpose, at, by, hashlib.sha256(content).hexdigest(), content),
        )
    )


def save_audit(
    connection: Connection, number: int, content: bytes, by: str, at: datetime, *, accepted: bool, note: str
) -> None:
    """Put the audited package in the draft's place; its hash is published with the next anchor."""
    connection.execute(
        "UPDATE evidence_package SET content = %b, sha256 = %s, audited_by = %s, audited_at = %s, accepted = %s, "
        "audit_note = %s, anchor = NULL WHERE id = %s",
        (content, hashlib.sha256(content).hexdigest(), by, at, accepted, note, number),
    )


def find_package(connection: Connection, number: int, *, lock: bool = False) -> Package | None:
    """One package; `lock` keeps others from auditing it until the transaction ends."""
    with connection.cursor(row_factory=class_row(Package)) as cursor:
        return cursor.execute(_SELECT + ("WHERE id = %s FOR UPDATE" if lock else "WHERE id = %s"), (number,)).fetchone()


def packages_of(connection: Connection, subject: str, subject_id: int) -> list[Package]:
    """The packages about an alarm or a case, newest first."""
    with connection.cursor(row_factory=class_row(Package)) as cursor:
        return cursor.execute(
            _SELECT + "WHERE subject = %s AND subject_id = %s ORDER BY id DESC", (subject, subject_id)
        ).fetchall()


def content_of(connection: Connection, number: int) -> bytes:
    """A package's archive."""
    return bytes(scalar(connection, "SELECT content FROM evidence_package WHERE id = %s", (number,)))


# ---------------------------------------------------------------------- reviews of devices
def add_review(
    connection: Connection,
    device: str,
    on: date,
    *,
    legal: bool,
    technical: bool,
    standard: str,
    sited: bool,
    marked: bool,
    published: str,
    reviewers: list[str],
    note: str,
    by: str,
    at: datetime,
) -> int:
    """Enter what a review of a device found, and return its number."""
    return int(
        scalar(
            connection,
            "INSERT INTO device_review (device, reviewed_on, legal, technical, standard, sited, marked, published, "
            "reviewers, note, entered_by, entered_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "RETURNING id",
            (device, on, legal, technical, standard, sited, marked, published, reviewers, note, by, at),
        )
    )


def reviews_of(connection: Connection, device: str) -> list[dict[str, Any]]:
    """A device's reviews, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM device_review WHERE device = %s ORDER BY reviewed_on DESC, id DESC", (device,)
        ).fetchall()
