"""No table keeps a row of an invented venue once the demonstration is removed, whatever tables there are."""

from datetime import UTC, datetime

from store import demonstration
from store.connections import Connection, connect
from tests.api.conftest import prepare

KEPT = {"journal", "audit_log", "journal_kept", "anchor"}
"""What stays: the chain that is the evidence of all other venues too, and what people did."""

AT = datetime(2026, 11, 1, tzinfo=UTC)


def test_every_table_that_names_a_venue_lets_go_of_the_invented_ones(database: str) -> None:
    """A row is put into each table with a column `site` or `simulated`; after the removal none of it is left."""
    with connect(database, autocommit=True) as connection:
        prepare(connection)
        connection.execute("DELETE FROM person")
        connection.execute("SET session_replication_role = replica")  # rows alone, without what they refer to
        filled = [table for table in _tables(connection, "site") if _fill(connection, table, "site", "'P-2'")]
        marked = [
            t for t in _tables(connection, "simulated") if t not in filled and _fill(connection, t, "simulated", "true")
        ]
        connection.execute("SET session_replication_role = origin")
        assert {"waste_bag", "alarm", "case_record", "commitment", "self_inspection"} <= set(filled)
        assert {"draw", "vote_round"} <= set(marked)
        demonstration.note(connection, ["P-2", "P-3"])
        _, channels = demonstration.remove(connection, "test", AT)
        demonstration.purge(connection, channels)
        left = [table for table in filled if _count(connection, table, "site = 'P-2'")]
        left += [table for table in marked if _count(connection, table, "simulated")]
        assert [table for table in left if table not in KEPT] == []


def _tables(connection: Connection, column: str) -> list[str]:
    """Base tables with a column, partitions left out."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') "
        "AND NOT c.relispartition AND a.attname = %s AND NOT a.attisdropped ORDER BY 1",
        (column,),
    ).fetchall()
    return [str(name) for (name,) in rows if name != "site"]


def _fill(connection: Connection, table: str, column: str, value: str) -> bool:
    """Put one row into a table, with something of the right type in every column that needs it."""
    columns = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity <> '' OR a.atthasdef "
        "FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped",
        (table,),
    ).fetchall()
    given = {column: value}
    for name, kind, needed, has_default in columns:
        if needed and not has_default and name != column:
            given[name] = "ARRAY['P-2']" if name == "sites" else _value(str(kind))
    checks = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", (table,)
    ).fetchall()
    for (name,) in checks:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
    connection.execute(
        f"INSERT INTO {table} ({', '.join(given)}) VALUES ({', '.join(given.values())})".encode()  # noqa: S608
    )
    return True


def _value(kind: str) -> str:
    for ending, value in (
        ("[]", f"'{{}}'::{kind}"),
        ("json", "'{}'"),
        ("timestamp with time zone", "'2026-10-01Z'"),
        ("date", "'2026-10-01'"),
        ("boolean", "true"),
        ("bytea", "'\\x00'"),
        ("text", "'x'"),
        ("jsonb", "'{}'"),
    ):
        if kind.endswith(ending):
            return value
    return "1"


def _count(connection: Connection, table: str, where: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()  # noqa: S608
    return int(row[0]) if row else 0
