"""What devices sent that could not be stored."""

from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from store.connections import Connection

PREVIEW_BYTES: Final = 8_000
"""How much of a payload a list carries: enough for 2 000 characters of UTF-8."""

_FILTER: Final = (
    "(%(reason)s::text IS NULL OR reason = %(reason)s) AND (%(device)s::text IS NULL OR device = %(device)s)"
)


def dead_letters(
    connection: Connection, *, reason: str | None = None, device: str | None = None, limit: int = 100, offset: int = 0
) -> tuple[int, list[dict[str, Any]]]:
    """How many dead letters match, and a page of them, newest first.

    Each has the columns of ``dead_letter``, with `payload` cut to its beginning and its whole size as `payload_bytes`.
    """
    parameters = {"reason": reason, "device": device, "limit": limit, "offset": offset, "preview": PREVIEW_BYTES}
    with connection.cursor(row_factory=dict_row) as cursor:
        total = cursor.execute(f"SELECT count(*) AS n FROM dead_letter WHERE {_FILTER}", parameters).fetchone()  # noqa: S608 -- a constant
        rows = cursor.execute(
            "SELECT id, received_at, topic, substring(payload FROM 1 FOR %(preview)s) AS payload, "  # noqa: S608 -- a constant
            "octet_length(payload) AS payload_bytes, reason, detail, site, device, field, batch, "
            "replayed_at, replayed_by "
            f"FROM dead_letter WHERE {_FILTER} ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s",
            parameters,
        ).fetchall()
    return int(total["n"]) if total else 0, rows


def dead_letter_counts(connection: Connection, since: datetime) -> dict[str, int]:
    """How many dead letters were received at or after an instant, by reason."""
    rows = connection.execute(
        "SELECT reason, count(*) FROM dead_letter WHERE received_at >= %s GROUP BY reason ORDER BY reason", (since,)
    ).fetchall()
    return {reason: int(count) for reason, count in rows}
