"""The database of a data folder for a command: the running system's, or the embedded one started for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from operations import ports
from operations.errors import OperatorError
from operations.folder import DataFolder
from operations.secrets import ensure_secret
from store.connections import connect
from store.embedded import EmbeddedPostgres


@contextmanager
def database_of(folder: DataFolder, url: str | None) -> Iterator[str]:
    """The DSN to use: `url` where given, else the folder's embedded database.

    That one is used as it runs, or started for as long as the command takes. Raises `OperatorError` where the folder
    holds no database or is in use.
    """
    if url is not None:
        yield url
        return
    record = folder.read_record()
    if record is None or not (folder.path / "postgres" / "PG_VERSION").exists():
        raise OperatorError(
            f"data folder {folder.path} holds no database yet: run `landun up` first, "
            "name another folder with --data, or a database with --database-url"
        )
    password = ensure_secret(folder.secrets / "postgres-password")
    embedded = EmbeddedPostgres(folder.path / "postgres", port=record.ports["database"], password=password)
    if _answers(embedded.dsn):
        yield embedded.dsn
        return
    with folder.locked():
        if not ports.is_free("127.0.0.1", embedded.port):
            embedded = EmbeddedPostgres(folder.path / "postgres", port=ports.any_free("127.0.0.1"), password=password)
        embedded.prepare()
        embedded.start()
        try:
            yield embedded.dsn
        finally:
            embedded.stop()


def _answers(dsn: str) -> bool:
    try:
        connect(dsn, application_name="landun-command").close()
    except psycopg.OperationalError:
        return False
    return True
