"""A database into a file and back, with PostgreSQL's own tools on a real server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg import sql

from operations import channel_keys
from operations.backup import backup, find_tool, restore
from operations.errors import OperatorError
from operations.folder import DataFolder
from operations.secrets import Secrets
from store import journal, notify_settings
from store.aggregates import Keeper
from store.channel_secrets import sealed_channel
from store.connections import Connection, connect
from store.readings import WriteMode, write_batch
from store.records import READING, Message, to_us
from store.sealing import Seal
from tests.databases import Server

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def fill(dsn: str, hours: int = 30) -> None:
    """Readings with their messages and journal rows, and aggregates of them."""
    with connect(dsn, autocommit=True) as connection:
        for hour in range(hours):
            at = to_us(NOW - timedelta(hours=hour))
            rows = [(c, at + n * 60_000_000, 7.0 + n / 100, at, False) for c in (1, 2) for n in range(60)]
            message = [Message("landun/v1/320602/P1/D1/telemetry", b"{}", at)]
            batch = np.array(rows, dtype=READING)
            write_batch(connection, batch, messages=message, dead=(), recorded_at=NOW, mode=WriteMode.COPY)
        keeper = Keeper(connection, leader=None)
        while keeper.step(NOW):
            pass


def content(dsn: str) -> dict[str, object]:
    """A digest of every table, by name; of a partitioned one as a whole."""
    with connect(dsn, autocommit=True) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition AND relname NOT LIKE '%yoyo%'"
        ).fetchall()
        return {name: digest(connection, name) for (name,) in names}


def digest(connection: Connection, table: str) -> object:
    """Rows of a table and a digest of them."""
    query = sql.SQL("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t")
    return connection.execute(query.format(sql.Identifier(table))).fetchone()


def test_a_round_trip_brings_every_table_back_and_the_chain_verifies(database_server: Server, tmp_path: Path) -> None:
    """What was backed up is what is restored, table by table, and writing goes on where the journal ended."""
    file = tmp_path / "landun.backup"
    with database_server.new_database() as source, database_server.new_database() as target:
        fill(source)
        before = content(source)
        assert backup(source, file).bytes == file.stat().st_size > 0
        assert file.stat().st_mode & 0o077 == 0
        done = restore(target, file)
        assert done.journal_rows == 30
        assert content(target) == before
        fill_one = np.array([(1, to_us(NOW) + 1, 7.0, to_us(NOW), False)], dtype=READING)
        with connect(target) as connection:
            write_batch(connection, fill_one, messages=(), dead=(), recorded_at=NOW, mode=WriteMode.COPY)
            assert journal.verify(connection) == journal.Verification(True, 31, None, "")


def test_backup_and_restore_say_that_the_key_is_needed(database_server: Server, tmp_path: Path) -> None:
    """A backup names the file to keep; a restore names the channels that the key in place does not open."""
    old, new = DataFolder(tmp_path / "old"), DataFolder(tmp_path / "new")
    seals = [Seal(Secrets.of(each.secrets).notify_key) for each in (old, new)]
    channel = {
        **dict.fromkeys(("name", "changed_by"), "county hook"),
        "kind": "webhook",
        "person": None,
        "target": "https://user.example.org/in",
        "secret": "",
        "language": "zh",
        "priorities": ["high"],
        "enabled": True,
        "demonstration": False,
        "changed_at": NOW,
    }
    file = tmp_path / "landun.backup"
    with database_server.new_database() as source, database_server.new_database() as target:
        assert channel_keys.needed(source, old) is None
        with connect(source, autocommit=True) as connection:
            notify_settings.save_channel(connection, sealed_channel(channel, seals[0]))
        said = channel_keys.needed(source, old)
        assert said is not None
        assert str(old.secrets / "notify-key") in said
        backup(source, file)
        restore(target, file)
        assert channel_keys.missing(target, old) is None
        said = channel_keys.missing(target, new)
        assert said is not None
        assert "county hook" in said


def test_data_is_replaced_only_on_demand(database_server: Server, tmp_path: Path) -> None:
    """A database that holds data stays as it is, until the operator says that it shall go."""
    file = tmp_path / "landun.backup"
    with database_server.new_database() as source, database_server.new_database() as target:
        fill(source, 2)
        backup(source, file)
        fill(target, 3)
        with pytest.raises(OperatorError, match="holds data: say --replace"):
            restore(target, file)
        restore(target, file, replace=True)
        assert content(target) == content(source)


def test_a_damaged_journal_is_found_and_the_database_stays(database_server: Server, tmp_path: Path) -> None:
    """A backup whose journal was altered is refused with the first bad row; what was there is still there."""
    file = tmp_path / "landun.backup"
    with database_server.new_database() as source, database_server.new_database() as target:
        fill(source, 4)
        with connect(source, autocommit=True) as connection:
            connection.execute("UPDATE journal SET rows = 7 WHERE id = 3")
        backup(source, file)
        before = content(target)
        with pytest.raises(OperatorError, match="journal row 3: hash does not match"):
            restore(target, file)
        assert content(target) == before
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        with pytest.raises(OperatorError, match="pg_restore ended with status"):
            restore(target, file)
        assert content(target) == before


def test_nothing_is_restored_under_a_running_service(database_server: Server, tmp_path: Path) -> None:
    """Services that are connected are named; they would go on with what they knew of the old database."""
    file = tmp_path / "landun.backup"
    with database_server.new_database() as source:
        backup(source, file)
        with (
            psycopg.connect(source, application_name="landun-monitor"),
            pytest.raises(OperatorError, match="in use by landun-monitor"),
        ):
            restore(source, file, replace=True)


def test_a_backup_is_whole_or_not_there(database_server: Server, tmp_path: Path) -> None:
    """A file that is there is not written over by chance, and one that can't be written leaves nothing behind."""
    file = tmp_path / "landun.backup"
    file.write_text("precious")
    with database_server.new_database() as source:
        with pytest.raises(OperatorError, match="is there already"):
            backup(source, file)
        with pytest.raises(OperatorError, match="No such file or directory"):
            backup(source, tmp_path / "no" / "such" / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["landun.backup"]


def test_a_tool_is_never_older_than_the_server() -> None:
    """The server's own version is preferred, a newer one will do, an older one is refused by name."""
    assert find_tool("pg_dump", 18, path="/nonexistent").is_file()
    with pytest.raises(OperatorError, match=r"pg_dump of PostgreSQL 99 or newer is needed: .* is of version"):
        find_tool("pg_dump", 99)
