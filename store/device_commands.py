"""What instruments are told to do: asked for through the API, sent by ingest, answered by the instrument."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from store.connections import Connection

PATIENCE: Final = timedelta(minutes=10)
"""A command that could not be sent for so long is not sent any more: the clock it would set has moved on."""


class Command(NamedTuple):
    """A command to be sent."""

    id: int
    device: str
    command: str
    parameters: dict[str, Any]


def ask(connection: Connection, device: str, command: str, parameters: Mapping[str, Any], by: str, at: datetime) -> int:
    """Ask for a command to be sent; its number. Does not commit."""
    row = connection.execute(
        "INSERT INTO device_command (device, command, parameters, requested_by, requested_at) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING id",
        (device, command, Jsonb(dict(parameters)), by, at),
    ).fetchone()
    return int(row[0]) if row else 0


def unsent(connection: Connection, now: datetime) -> list[Command]:
    """Commands that wait to be sent, oldest first."""
    with connection.cursor(row_factory=class_row(Command)) as cursor:
        return cursor.execute(
            "SELECT id, device, command, parameters FROM device_command "
            "WHERE sent_at IS NULL AND requested_at > %s ORDER BY id LIMIT 100",
            (now - PATIENCE,),
        ).fetchall()


def sent(connection: Connection, command: int, at: datetime) -> None:
    """Note that a command has gone out."""
    connection.execute("UPDATE device_command SET sent_at = %s WHERE id = %s", (at, command))


def answered(connection: Connection, command: int, answer: str, at: datetime) -> None:
    """Note what the instrument said to it, in the words of HJ 212-2017's ExeRtn and QnRtn."""
    connection.execute("UPDATE device_command SET answered_at = %s, answer = %s WHERE id = %s", (at, answer, command))


def commands_of(connection: Connection, device: str, limit: int = 10) -> list[dict[str, Any]]:
    """A device's newest commands."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT id, command, parameters, requested_by, requested_at, sent_at, answered_at, answer "
            "FROM device_command WHERE device = %s ORDER BY id DESC LIMIT %s",
            (device, limit),
        ).fetchall()
