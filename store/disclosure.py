"""What is shown to the public: consents, published results, rounds of votes. Nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from store.connections import Connection, scalar


class Publication(NamedTuple):
    """That a sample result was published; shown while `withdrawn_at` is None."""

    sample_id: int
    published_by: str
    published_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdraw_reason: str | None


class Round(NamedTuple):
    """A round of votes over some sites."""

    id: int
    name: str
    sites: list[str]
    simulated: bool
    opens_at: datetime
    closes_at: datetime
    opened_by: str


def consenting(connection: Connection) -> dict[str, datetime]:
    """The sites whose values are public, and since when."""
    rows = connection.execute("SELECT site, given_at FROM disclosure_consent WHERE revoked_at IS NULL").fetchall()
    return {str(site): given_at for site, given_at in rows}


def give_consent(connection: Connection, site: str, by: str, at: datetime) -> bool:
    """Make a site's values public; whether they were not."""
    return (
        connection.execute(
            "INSERT INTO disclosure_consent (site, given_by, given_at) VALUES (%s, %s, %s) "
            "ON CONFLICT (site) WHERE revoked_at IS NULL DO NOTHING",
            (site, by, at),
        ).rowcount
        > 0
    )


def revoke_consent(connection: Connection, site: str, by: str, at: datetime) -> bool:
    """Make a site's values private again; whether they were public."""
    return (
        connection.execute(
            "UPDATE disclosure_consent SET revoked_by = %s, revoked_at = %s WHERE site = %s AND revoked_at IS NULL",
            (by, at, site),
        ).rowcount
        > 0
    )


def publications(connection: Connection, samples: Sequence[int]) -> dict[int, Publication]:
    """What became of these results, by number; those never published are missing."""
    with connection.cursor(row_factory=class_row(Publication)) as cursor:
        rows = cursor.execute(
            "SELECT sample_id, published_by, published_at, withdrawn_by, withdrawn_at, withdraw_reason "
            "FROM sample_publication WHERE sample_id = ANY(%s)",
            (list(samples),),
        ).fetchall()
    return {row.sample_id: row for row in rows}


def publish(connection: Connection, samples: Sequence[int], by: str, at: datetime) -> int:
    """Publish results; how many were not public before. One that was withdrawn is published anew."""
    return connection.execute(
        "INSERT INTO sample_publication (sample_id, published_by, published_at) "
        "SELECT id, %s, %s FROM unnest(%s::bigint[]) AS given (id) "
        "ON CONFLICT (sample_id) DO UPDATE SET published_by = EXCLUDED.published_by, "
        "published_at = EXCLUDED.published_at, withdrawn_by = NULL, withdrawn_at = NULL, withdraw_reason = NULL "
        "WHERE sample_publication.withdrawn_at IS NOT NULL",
        (by, at, list(samples)),
    ).rowcount


def withdraw(connection: Connection, sample: int, by: str, at: datetime, reason: str) -> bool:
    """Take a published result back; whether it was public."""
    return (
        connection.execute(
            "UPDATE sample_publication SET withdrawn_by = %s, withdrawn_at = %s, withdraw_reason = %s "
            "WHERE sample_id = %s AND withdrawn_at IS NULL",
            (by, at, reason, sample),
        ).rowcount
        > 0
    )


def open_round(
    connection: Connection,
    name: str,
    sites: Sequence[str],
    opens_at: datetime,
    closes_at: datetime,
    by: str,
    *,
    simulated: bool,
) -> int:
    """Ask the public where to test."""
    return int(
        scalar(
            connection,
            "INSERT INTO vote_round (name, sites, simulated, opens_at, closes_at, opened_by) "
            "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
            (name, list(sites), simulated, opens_at, closes_at, by),
        )
    )


def rounds(connection: Connection) -> list[Round]:
    """Every round, newest first."""
    with connection.cursor(row_factory=class_row(Round)) as cursor:
        return cursor.execute(
            "SELECT id, name, sites, simulated, opens_at, closes_at, opened_by FROM vote_round ORDER BY id DESC"
        ).fetchall()


def votes(connection: Connection, round_id: int) -> dict[str, int]:
    """Votes by site; a site without any is missing."""
    rows = connection.execute(
        "SELECT site, count(*) FROM vote WHERE round_id = %s GROUP BY site", (round_id,)
    ).fetchall()
    return {str(site): int(count) for site, count in rows}


def cast_vote(connection: Connection, round_id: int, voter: str, site: str, at: datetime) -> bool:
    """Count a vote; False where this voter has voted in this round."""
    try:
        with connection.transaction():
            connection.execute(
                "INSERT INTO vote (round_id, voter, site, at) VALUES (%s, %s, %s, %s)", (round_id, voter, site, at)
            )
    except UniqueViolation:
        return False
    return True
