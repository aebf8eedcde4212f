"""Who did what, for people to read."""

from typing import Any, Final

from psycopg.rows import dict_row

from store.connections import Connection

_FILTER: Final = (
    "(%(actor)s::text IS NULL OR actor = %(actor)s) AND (%(action)s::text IS NULL OR action = %(action)s) "
    "AND (%(subject)s::text IS NULL OR subject = %(subject)s)"
)


def audit_entries(
    connection: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows match, and a page of them, newest first: `id`, `at`, `actor`, `action`, `subject`, `detail`."""
    parameters = {"actor": actor, "action": action, "subject": subject, "limit": limit, "offset": offset}
    with connection.cursor(row_factory=dict_row) as cursor:
        total = cursor.execute(f"SELECT count(*) AS n FROM audit_log WHERE {_FILTER}", parameters).fetchone()  # noqa: S608 -- a constant
        rows = cursor.execute(
            f"SELECT id, at, actor, action, subject, detail FROM audit_log WHERE {_FILTER} "  # noqa: S608 -- a constant
            "ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s",
            parameters,
        ).fetchall()
    return int(total["n"]) if total else 0, rows
