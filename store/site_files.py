"""一户一档, 一人一档: licences, responsible people with certificates, self-inspections. Nothing here commits."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Placeholder
from psycopg.types.json import Jsonb

from registry.words import WordedError
from store.connections import Connection

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "site_licence": ("site", "kind", "number", "authority", "issued_on", "valid_until"),
    "responsible_person": ("name", "phone"),
    "responsible_for": ("person", "site", "role", "since"),
    "person_certificate": ("person", "kind", "name", "number", "issued_on", "valid_until"),
    "self_inspection": ("site", "inspected_on", "inspected_by", "items", "note"),
}
"""What a person enters of each; who and when stands beside it."""

_ABOUT: Final[Mapping[str, str]] = {
    "licences": "SELECT * FROM site_licence WHERE site = %(site)s ORDER BY valid_until DESC, id DESC",
    "responsible": (
        "SELECT f.id, f.person, p.name, p.phone, f.role, f.since, f.until FROM responsible_for f "
        "JOIN responsible_person p ON p.id = f.person WHERE f.site = %(site)s ORDER BY f.until DESC NULLS FIRST, f.role"
    ),
    "self_inspections": (
        "SELECT * FROM self_inspection WHERE site = %(site)s ORDER BY inspected_on DESC, id DESC LIMIT 50"
    ),
    "devices": (
        "SELECT d.code, d.sampling_point, p.name_zh AS sampling_point_name_zh, p.name_en AS sampling_point_name_en, "
        "d.dialect, c.calibrated_on, c.due_on, r.reviewed_on, r.standard "
        "FROM device d LEFT JOIN sampling_point p ON p.site = d.site AND p.code = d.sampling_point "
        "LEFT JOIN LATERAL (SELECT calibrated_on, due_on FROM calibration WHERE device = d.code "
        "ORDER BY calibrated_on DESC, id DESC LIMIT 1) c ON true "
        "LEFT JOIN LATERAL (SELECT reviewed_on, standard FROM device_review WHERE device = d.code "
        "ORDER BY reviewed_on DESC, id DESC LIMIT 1) r ON true "
        "WHERE d.site = %(site)s ORDER BY d.code"
    ),
    "alarms": (
        "SELECT date_trunc('month', raised_at AT TIME ZONE %(zone)s)::date AS month, priority, count(*) AS alarms "
        "FROM alarm WHERE site = %(site)s AND raised_at >= %(first)s AND audience = 'inspector' "
        "GROUP BY 1, 2 ORDER BY 1 DESC"
    ),
    "cases": (
        "SELECT id, opened_at, source, state, closure, measure, closed_at, due_day FROM case_record "
        "WHERE site = %(site)s ORDER BY opened_at DESC LIMIT 50"
    ),
    "compliance": (
        "SELECT date_trunc('month', bucket AT TIME ZONE %(zone)s)::date AS month, c.indicator, "
        "sum(r.count)::bigint AS readings, sum(r.beyond)::bigint AS beyond FROM reading_1d r "
        "JOIN channel c ON c.id = r.channel_id JOIN device d ON d.code = c.device "
        "WHERE d.site = %(site)s AND bucket >= %(first)s GROUP BY 1, 2 ORDER BY 1 DESC, 2"
    ),
}


class EntryKnownError(WordedError):
    """The same was entered before; the message says what."""


def site_record(connection: Connection, site: str, zone: str, first: datetime) -> dict[str, list[dict[str, Any]]]:
    """All that is kept of a site, by part; what has a time from `first` on, months in the site's zone."""
    parameters = {"site": site, "zone": zone, "first": first}
    with connection.cursor(row_factory=dict_row) as cursor:
        return {part: cursor.execute(statement.encode(), parameters).fetchall() for part, statement in _ABOUT.items()}


def who_answers(connection: Connection, site: str) -> tuple[str, str]:
    """Name and telephone of who answers for a site now, the legal representative first; empty where nobody is known."""
    row = connection.execute(
        "SELECT p.name, p.phone FROM responsible_for f JOIN responsible_person p ON p.id = f.person "
        "WHERE f.site = %s AND f.until IS NULL ORDER BY f.role = 'legal' DESC, f.since, f.id LIMIT 1",
        (site,),
    ).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")


def person_record(connection: Connection, person: int) -> dict[str, Any] | None:
    """A responsible person with certificates and the sites they answer or answered for; None where there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("SELECT id, name, phone FROM responsible_person WHERE id = %s", (person,)).fetchone()
        if found is None:
            return None
        certificates = cursor.execute(
            "SELECT * FROM person_certificate WHERE person = %s ORDER BY issued_on DESC, id DESC", (person,)
        ).fetchall()
        sites = cursor.execute(
            "SELECT f.id, f.site, f.role, f.since, f.until, count(c.id) AS cases, "
            "count(c.id) FILTER (WHERE c.measure = 'rectification') AS orders FROM responsible_for f "
            "LEFT JOIN case_record c ON c.site = f.site AND c.opened_at::date >= f.since "
            "AND (f.until IS NULL OR c.opened_at::date <= f.until) "
            "WHERE f.person = %s GROUP BY f.id ORDER BY f.until DESC NULLS FIRST, f.since DESC",
            (person,),
        ).fetchall()
    return {**found, "certificates": certificates, "sites": sites}


def add(connection: Connection, table: str, row: Mapping[str, Any], by: str, at: datetime) -> int:
    """Enter a row of one of the tables of this module and return its number. Raises `EntryKnownError`."""
    names = _COLUMNS[table]
    values = {name: Jsonb(row[name]) if name == "items" else row[name] for name in names}
    columns = (*names, "entered_by", "entered_at")
    statement = SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
        Identifier(table), SQL(", ").join(map(Identifier, columns)), SQL(", ").join(map(Placeholder, columns))
    )
    try:
        with connection.transaction():
            (number,) = connection.execute(statement, {**values, "entered_by": by, "entered_at": at}).fetchone() or (0,)
    except UniqueViolation:
        raise EntryKnownError.of(f"refusal.site_files.known.{table}", **row) from None
    return int(number)


def end_responsibility(connection: Connection, site: str, number: int, until: date) -> bool:
    """Somebody answers for a site no longer; whether they did."""
    return (
        connection.execute(
            "UPDATE responsible_for SET until = %s WHERE id = %s AND site = %s AND until IS NULL AND since <= %s",
            (until, number, site, until),
        ).rowcount
        > 0
    )
