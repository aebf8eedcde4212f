"""Who is told of what and where: routes, the roster, people's wishes, channels, gateways. As rows by column name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from store.connections import Connection, scalar

ROUTE_COLUMNS: Final = (
    "position", "name_zh", "name_en", "enabled", "counties", "scenarios", "kinds", "priorities", "audiences", "steps",
    "receivers", "group_wait_s", "group_interval_s", "repeat_s", "digest_s", "tell_resolved", "beside",
    "changed_by", "changed_at",
)  # fmt: skip
CHANNEL_COLUMNS: Final = (
    "person", "name", "kind", "target", "secret", "language", "priorities", "enabled", "demonstration", "changed_by",
    "changed_at",
)  # fmt: skip


def _all(connection: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def routes(connection: Connection) -> list[dict[str, Any]]:
    """Every route in the order in which they are asked."""
    return _all(connection, "SELECT * FROM notify_route ORDER BY position, id")


def save_route(connection: Connection, row: Mapping[str, Any], number: int | None = None) -> int | None:
    """Add a route, or replace one; its number, None where there is none of that number. Does not commit."""
    return _save(connection, "notify_route", ROUTE_COLUMNS, {**row, "steps": Jsonb(row["steps"])}, number)


def delete_route(connection: Connection, number: int) -> bool:
    """Delete a route; False where there is none. Does not commit."""
    return connection.execute("DELETE FROM notify_route WHERE id = %s", (number,)).rowcount == 1


def roster(connection: Connection, first: datetime, last: datetime) -> list[dict[str, Any]]:
    """Lines of the roster that overlap a period, by their begin."""
    query = (
        "SELECT r.*, p.name AS person_name FROM roster r JOIN person p ON p.username = r.person "
        "WHERE r.since < %(last)s AND r.until > %(first)s ORDER BY r.since, r.id"
    )
    return _all(connection, query, {"first": first, "last": last})


def add_duty(connection: Connection, row: Mapping[str, Any]) -> int:
    """Add a line to the roster; its number. Does not commit."""
    return int(
        scalar(
            connection,
            "INSERT INTO roster (person, county, role, since, until, entered_by, entered_at) VALUES "
            "(%(person)s, %(county)s, %(role)s, %(since)s, %(until)s, %(entered_by)s, %(entered_at)s) RETURNING id",
            row,
        )
    )


def find_duty(connection: Connection, number: int) -> dict[str, Any] | None:
    """A line of the roster."""
    return next(iter(_all(connection, "SELECT * FROM roster WHERE id = %(id)s", {"id": number})), None)


def delete_duty(connection: Connection, number: int) -> None:
    """Delete a line of the roster. Does not commit."""
    connection.execute("DELETE FROM roster WHERE id = %s", (number,))


def contacts(connection: Connection) -> list[dict[str, Any]]:
    """Everybody who may sign in, with how they want to be told."""
    return _all(
        connection,
        "SELECT p.username, p.name, p.role, p.counties, p.site, coalesce(w.language, 'zh') AS language, "
        "coalesce(w.zone, 'Asia/Shanghai') AS zone, w.quiet_from, w.quiet_to, "
        "coalesce(w.quiet_broken_by, '{high}') AS quiet_broken_by "
        "FROM person p LEFT JOIN notify_person w ON w.person = p.username WHERE p.disabled_at IS NULL",
    )


def save_wishes(connection: Connection, row: Mapping[str, Any]) -> None:
    """Write how a person wants to be told. Does not commit."""
    connection.execute(
        "INSERT INTO notify_person (person, language, zone, quiet_from, quiet_to, quiet_broken_by) VALUES "
        "(%(person)s, %(language)s, %(zone)s, %(quiet_from)s, %(quiet_to)s, %(quiet_broken_by)s) "
        "ON CONFLICT (person) DO UPDATE SET language = EXCLUDED.language, zone = EXCLUDED.zone, "
        "quiet_from = EXCLUDED.quiet_from, quiet_to = EXCLUDED.quiet_to, quiet_broken_by = EXCLUDED.quiet_broken_by",
        row,
    )


def channels(connection: Connection) -> list[dict[str, Any]]:
    """Every channel, secret included as it is stored: see `store.channel_secrets`."""
    return _all(connection, "SELECT * FROM notify_channel ORDER BY id")


def find_channel(connection: Connection, number: int) -> dict[str, Any] | None:
    """A channel, secret included as it is stored."""
    return next(iter(_all(connection, "SELECT * FROM notify_channel WHERE id = %(id)s", {"id": number})), None)


def save_channel(connection: Connection, row: Mapping[str, Any], number: int | None = None) -> int | None:
    """Add a channel, or replace one; its number, None where there is none of that number. Does not commit."""
    return _save(connection, "notify_channel", CHANNEL_COLUMNS, row, number)


def delete_channel(connection: Connection, number: int) -> None:
    """Delete a channel and what waited for it. Does not commit."""
    connection.execute("DELETE FROM notify_channel WHERE id = %s", (number,))


def gateways(connection: Connection) -> dict[str, dict[str, Any]]:
    """Gateways by kind, secret included as it is stored."""
    return {each["kind"]: each for each in _all(connection, "SELECT * FROM notify_gateway")}


def save_gateway(connection: Connection, row: Mapping[str, Any]) -> None:
    """Set a gateway. Does not commit."""
    connection.execute(
        "INSERT INTO notify_gateway (kind, url, secret, changed_by, changed_at) VALUES "
        "(%(kind)s, %(url)s, %(secret)s, %(changed_by)s, %(changed_at)s) ON CONFLICT (kind) DO UPDATE SET "
        "url = EXCLUDED.url, secret = EXCLUDED.secret, changed_by = EXCLUDED.changed_by, "
        "changed_at = EXCLUDED.changed_at",
        row,
    )


def delete_gateway(connection: Connection, kind: str) -> bool:
    """Remove a gateway; False where there is none. Does not commit."""
    return connection.execute("DELETE FROM notify_gateway WHERE kind = %s", (kind,)).rowcount == 1


def office_hours(connection: Connection) -> dict[str, Any] | None:
    """The agency's working hours as they were set; None where nobody set any."""
    return next(iter(_all(connection, "SELECT begins, ends, changed_by, changed_at FROM notify_office")), None)


def save_office_hours(connection: Connection, row: Mapping[str, Any]) -> None:
    """Set the agency's working hours. Does not commit."""
    connection.execute(
        "INSERT INTO notify_office (begins, ends, changed_by, changed_at) VALUES "
        "(%(begins)s, %(ends)s, %(changed_by)s, %(changed_at)s) ON CONFLICT (only_one) DO UPDATE SET "
        "begins = EXCLUDED.begins, ends = EXCLUDED.ends, changed_by = EXCLUDED.changed_by, "
        "changed_at = EXCLUDED.changed_at",
        row,
    )


def replace_secrets(
    connection: Connection, table: str, key: str, row: Mapping[str, Any], changed: Mapping[str, str]
) -> bool:
    """Store other forms of a row's secrets, unless it was changed since it was read; whether it was done."""
    new = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changed)
    old = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changed)
    query = sql.SQL("UPDATE {} SET {} WHERE {} = %s AND {}").format(
        sql.Identifier(table), new, sql.Identifier(key), old
    )
    before = [row[name] for name in changed]
    return connection.execute(query, [*changed.values(), row[key], *before]).rowcount == 1


def _save(
    connection: Connection, table: str, columns: tuple[str, ...], row: Mapping[str, Any], number: int | None
) -> int | None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    places = sql.SQL(", ").join(map(sql.Placeholder, columns))
    values: dict[str, Any] = {name: row[name] for name in columns}
    if number is None:
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id")
        found = connection.execute(query.format(sql.Identifier(table), names, places), values).fetchone()
    else:
        query = sql.SQL("UPDATE {} SET ({}) = ROW({}) WHERE id = %(id)s RETURNING id")
        found = connection.execute(
            query.format(sql.Identifier(table), names, places), {**values, "id": number}
        ).fetchone()
    return None if found is None else int(found[0])
