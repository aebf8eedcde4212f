"""Credit weights, conflicts of interest, draws and their inspections, as rows. Nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from registry.words import WordedError
from store.connections import Connection, scalar


class SetWeights(NamedTuple):
    """A version of the weights, as JSON."""

    id: int
    weights: dict[str, Any]
    reason: str
    set_by: str
    set_at: datetime


class Conflict(NamedTuple):
    """Somebody who must not inspect a site."""

    id: int
    officer: str
    site: str
    reason: str
    declared_by: str
    declared_at: datetime


class DrawRow(NamedTuple):
    """A draw; `nonce` is nobody's business before it is drawn."""

    id: int
    name: str
    simulated: bool
    sites: int
    to_draw: int
    population: str
    population_sha256: str
    commitment: str
    nonce: str
    word_from: str
    announced_by: str
    announced_at: datetime
    word: str | None
    seed: str | None
    drawn_by: str | None
    drawn_at: datetime | None
    cancelled_by: str | None
    cancelled_at: datetime | None
    cancel_reason: str | None


class Task(NamedTuple):
    """An inspection that a draw asks for."""

    draw_id: int
    place: int
    site: str
    county: str
    letter: str
    officer: str
    second_officer: str
    outcome: str | None
    note: str
    inspected_on: date | None
    reported_by: str | None
    reported_at: datetime | None
    case_id: int | None


_EXPRESSIONS: Final = {
    "sites": "json_array_length(population::json -> 'sites') AS sites",
    "to_draw": "(population::json ->> 'count')::integer AS to_draw",
}
"""What follows from the population; the other columns stand by their names."""


class ConflictKnownError(WordedError):
    """The conflict of interest stands already."""


def weights_versions(connection: Connection) -> list[SetWeights]:
    """Every version of the weights, the one in force first; empty while nobody set any."""
    with connection.cursor(row_factory=class_row(SetWeights)) as cursor:
        return cursor.execute(
            "SELECT id, weights, reason, set_by, set_at FROM credit_weights ORDER BY id DESC"
        ).fetchall()


def set_weights(connection: Connection, weights: Mapping[str, Any], reason: str, by: str, at: datetime) -> int:
    """Put weights in force."""
    return int(
        scalar(
            connection,
            "INSERT INTO credit_weights (weights, reason, set_by, set_at) VALUES (%s, %s, %s, %s) RETURNING id",
            (Jsonb(dict(weights)), reason, by, at),
        )
    )


def conflicts(connection: Connection) -> list[Conflict]:
    """The conflicts of interest that stand, newest first."""
    with connection.cursor(row_factory=class_row(Conflict)) as cursor:
        return cursor.execute(
            "SELECT id, officer, site, reason, declared_by, declared_at FROM conflict_of_interest "
            "WHERE withdrawn_at IS NULL ORDER BY id DESC"
        ).fetchall()


def declare_conflict(connection: Connection, officer: str, site: str, reason: str, by: str, at: datetime) -> int:
    """Note that an officer must not inspect a site. Raises `ConflictKnownError`."""
    try:
        with connection.transaction():
            return int(
                scalar(
                    connection,
                    "INSERT INTO conflict_of_interest (officer, site, reason, declared_by, declared_at) "
                    "VALUES (%s, %s, %s, %s, %s) RETURNING id",
                    (officer, site, reason, by, at),
                )
            )
    except UniqueViolation:
        raise ConflictKnownError.of("refusal.draws.conflict_known", officer=officer, site=site) from None


def withdraw_conflict(connection: Connection, conflict_id: int, by: str, at: datetime) -> bool:
    """End a conflict of interest; whether it stood."""
    return (
        connection.execute(
            "UPDATE conflict_of_interest SET withdrawn_by = %s, withdrawn_at = %s "
            "WHERE id = %s AND withdrawn_at IS NULL",
            (by, at, conflict_id),
        ).rowcount
        > 0
    )


def next_draw_id(connection: Connection) -> int:
    """The number of a draw about to be announced: it stands in its own population."""
    return int(scalar(connection, "SELECT nextval(pg_get_serial_sequence('draw', 'id'))"))


def add_draw(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert an announced draw, with its id."""
    connection.execute(
        "INSERT INTO draw (id, name, simulated, population, population_sha256, commitment, nonce, word_from, "
        "announced_by, announced_at) OVERRIDING SYSTEM VALUE VALUES (%(id)s, %(name)s, %(simulated)s, %(population)s, "
        "%(population_sha256)s, %(commitment)s, %(nonce)s, %(word_from)s, %(announced_by)s, %(announced_at)s)",
        dict(row),
    )


def find_draws(connection: Connection) -> list[DrawRow]:
    """Every draw, newest first, without its population, which may be large."""
    columns = _columns({**_EXPRESSIONS, "population": "'' AS population"})
    with connection.cursor(row_factory=class_row(DrawRow)) as cursor:
        return cursor.execute(f"SELECT {columns} FROM draw ORDER BY id DESC".encode()).fetchall()  # noqa: S608


def find_draw(connection: Connection, draw_id: int, *, lock: bool = False) -> DrawRow | None:
    """One draw; `lock` keeps others from drawing until the transaction ends."""
    statement = f"SELECT {_columns(_EXPRESSIONS)} FROM draw WHERE id = %s{' FOR UPDATE' if lock else ''}"  # noqa: S608
    with connection.cursor(row_factory=class_row(DrawRow)) as cursor:
        return cursor.execute(statement.encode(), (draw_id,)).fetchone()


def _columns(expressions: Mapping[str, str]) -> str:
    return ", ".join(expressions.get(name, name) for name in DrawRow._fields)


def save_result(
    connection: Connection, draw_id: int, word: str, seed: str, by: str, at: datetime, tasks: Sequence[Sequence[Any]]
) -> None:
    """Write what was drawn; `tasks` are (place, site, county, letter, officer, second officer)."""
    connection.execute(
        "UPDATE draw SET word = %s, seed = %s, drawn_by = %s, drawn_at = %s WHERE id = %s",
        (word, seed, by, at, draw_id),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO draw_task (draw_id, place, site, county, letter, officer, second_officer) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(draw_id, *each) for each in tasks],
        )


def cancel_draw(connection: Connection, draw_id: int, by: str, at: datetime, reason: str) -> None:
    """Note that a draw is not to be held, or its result not to be used."""
    connection.execute(
        "UPDATE draw SET cancelled_by = %s, cancelled_at = %s, cancel_reason = %s WHERE id = %s",
        (by, at, reason, draw_id),
    )


def tasks_of(connection: Connection, draw_id: int) -> list[Task]:
    """The inspections of a draw, in its order."""
    with connection.cursor(row_factory=class_row(Task)) as cursor:
        return cursor.execute(
            f"SELECT {', '.join(Task._fields)} FROM draw_task WHERE draw_id = %s ORDER BY place".encode(),  # noqa: S608
            (draw_id,),
        ).fetchall()


def report_task(connection: Connection, task: Task) -> None:
    """Write what came of an inspection."""
    connection.execute(
        "UPDATE draw_task SET outcome = %(outcome)s, note = %(note)s, inspected_on = %(inspected_on)s, "
        "reported_by = %(reported_by)s, reported_at = %(reported_at)s, case_id = %(case_id)s "
        "WHERE draw_id = %(draw_id)s AND place = %(place)s",
        task._asdict(),
    )


def add_commitment(connection: Connection, row: Mapping[str, Any]) -> int:
    """Note a venue's written promise (信用承诺)."""
    return int(
        scalar(
            connection,
            "INSERT INTO commitment (site, signed_on, valid_until, signed_by, text, entered_by, entered_at) VALUES "
            "(%(site)s, %(signed_on)s, %(valid_until)s, %(signed_by)s, %(text)s, %(entered_by)s, %(entered_at)s) "
            "RETURNING id",
            dict(row),
        )
    )


def commitments_of(connection: Connection, site: str) -> list[dict[str, Any]]:
    """A venue's promises, newest first, withdrawn ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM commitment WHERE site = %s ORDER BY signed_on DESC, id DESC", (site,)
        ).fetchall()


def withdraw_commitment(connection: Connection, site: str, number: int, by: str, at: datetime) -> bool:
    """End a promise; whether it stood."""
    return (
        connection.execute(
            "UPDATE commitment SET withdrawn_by = %s, withdrawn_at = %s "
            "WHERE id = %s AND site = %s AND withdrawn_at IS NULL",
            (by, at, number, site),
        ).rowcount
        > 0
    )
