"""What the rules of custody tolerate, as people set it. A change is one transaction with its journal row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from store import journal
from store.connections import Connection, scalar


class ToleranceSetting(NamedTuple):
    """One setting: the tolerances that differ from the defaults by name, why, by whom and when."""

    id: int
    tolerances: Mapping[str, Any]
    reason: str
    set_by: str
    set_at: datetime


def load_tolerance_settings(connection: Connection, *, as_of: int | None = None) -> list[ToleranceSetting]:
    """Every setting there ever was, oldest first: the last one holds. With `as_of` as it was after that journal row."""
    rows = connection.execute(
        "SELECT id, tolerances, reason, set_by, set_at FROM waste_tolerances "
        "WHERE %(as_of)s::bigint IS NULL OR journal_id <= %(as_of)s ORDER BY id",
        {"as_of": as_of},
    ).fetchall()
    return [ToleranceSetting(*row) for row in rows]


def hold_tolerances(connection: Connection) -> None:
    """Let nobody else set them until this transaction ends, so that two changes don't undo each other."""
    connection.execute("LOCK TABLE waste_tolerances IN SHARE ROW EXCLUSIVE MODE")


def add_tolerance_setting(
    connection: Connection, tolerances: Mapping[str, Any], reason: str, by: str, at: datetime
) -> ToleranceSetting:
    """Keep a setting and journal it, whole, so that history can be judged again by the tolerances of its time.

    The last work before COMMIT; does not commit.
    """
    number = scalar(
        connection,
        "INSERT INTO waste_tolerances (tolerances, reason, set_by, set_at) VALUES (%s, %s, %s, %s) RETURNING id",
        (Jsonb(dict(tolerances)), reason, by, at),
    )
    body = {"what": "waste_tolerances", "setting": int(number), "tolerances": dict(tolerances)}
    journal_id = journal.append_event(connection, "config", body, at)
    connection.execute("UPDATE waste_tolerances SET journal_id = %s WHERE id = %s", (journal_id, number))
    return ToleranceSetting(int(number), tolerances, reason, by, at)
