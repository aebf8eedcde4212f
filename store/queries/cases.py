"""Boards over cases: lists by deadline, counts, figures. Open cases are few and indexed by deadline."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable

from store.connections import Connection


class Book(NamedTuple):
    """Which cases somebody sees: the live ones or the simulated, of some counties (empty: all), or of one site.

    `told`: only those that concern the venue, since it was told of them.
    """

    simulated: bool | None = None
    counties: tuple[str, ...] = ()
    site: str | None = None
    told: bool = False

    def tests(self) -> list[tuple[str, str, Any]]:
        """Conditions, with the name and value of each one's parameter."""
        return [
            ("c.simulated = %(simulated)s", "simulated", self.simulated),
            ("c.county = ANY(%(counties)s)", "counties", list(self.counties) or None),
            ("c.site = %(site)s", "site", self.site),
            ("c.told_at IS NOT NULL", "told", self.told or None),
        ]


_ORDER: Final = {
    True: SQL("c.due_at, c.id"),
    False: SQL("c.closed_at DESC, c.id DESC"),
    None: SQL("c.opened_at DESC, c.id DESC"),
}
"""Open ones by deadline, so the overdue come first; closed ones and all of them newest first."""


def find_cases(
    connection: Connection,
    book: Book,
    *,
    open: bool | None = None,  # noqa: A002 -- the API's word
    states: Sequence[str] | None = None,
    officer: str | None = None,
    source: str | None = None,
    overdue_at: datetime | None = None,
    due_before: datetime | None = None,
    alarm: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[dict[str, Any]]]:
    """How many cases match, and a page of them; a filter that is None lets everything pass.

    `overdue_at`: only those whose clock has ended by then.
    """
    # The literal states are those of the partial indexes' conditions.
    opened = {True: "c.state <> 'closed'", False: "c.state = 'closed'"}
    tests = [
        *book.tests(),
        (opened[open] if open is not None else "", "open", open),
        ("c.state = ANY(%(states)s)", "states", None if states is None else [str(each) for each in states]),
        ("(c.officer = %(officer)s OR c.second_officer = %(officer)s)", "officer", officer),
        ("c.source = %(source)s", "source", source),
        ("c.state <> 'closed' AND c.due_at <= %(overdue_at)s", "overdue_at", overdue_at),
        ("c.state <> 'closed' AND c.due_at < %(due_before)s", "due_before", due_before),
        ("c.id = (SELECT case_id FROM case_alarm WHERE alarm_id = %(alarm)s)", "alarm", alarm),
    ]
    where, parameters = _where(tests)
    parameters |= {"limit": limit, "offset": offset}
    page = SQL("SELECT c.* FROM case_record c WHERE {} ORDER BY {} LIMIT %(limit)s OFFSET %(offset)s")
    with connection.cursor(row_factory=dict_row) as cursor:
        count = SQL("SELECT count(*) AS n FROM case_record c WHERE {}").format(where)
        total = cursor.execute(count, parameters).fetchone()
        rows = cursor.execute(page.format(where, _ORDER[open]), parameters).fetchall()
    return int(total["n"]) if total else 0, rows


def board(connection: Connection, book: Book, now: datetime, soon: datetime) -> list[dict[str, Any]]:
    """Open cases counted by county, by officer, by state and altogether, in one pass.

    A row has `by` (``county``, ``officer``, ``state`` or ``all``), its `key` (None: of nobody), how many are open, how
    many overdue, how many due before `soon`, and the first deadline.
    """
    where, parameters = _where(book.tests())
    statement = SQL(
        "SELECT CASE GROUPING(c.county, c.officer, c.state) WHEN 3 THEN 'county' WHEN 5 THEN 'officer' "
        "WHEN 6 THEN 'state' ELSE 'all' END AS by, coalesce(c.county, c.officer, c.state) AS key, "
        "count(*) AS open, count(*) FILTER (WHERE c.due_at <= %(now)s) AS overdue, "
        "count(*) FILTER (WHERE c.due_at > %(now)s AND c.due_at <= %(soon)s) AS soon, min(c.due_at) AS first_due "
        "FROM case_record c WHERE c.state <> 'closed' AND {} "
        "GROUP BY GROUPING SETS ((c.county), (c.officer), (c.state), ())"
    ).format(where)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, parameters | {"now": now, "soon": soon}).fetchall()


def figures(connection: Connection, book: Book, first: datetime, last: datetime) -> dict[str, Any]:
    """What happened in a period: opened, closed and why, corrections due and in time, rechecks and their outcome.

    A correction is that of a case's newest order; it is in time if it was reported before the deadline (extensions
    included) and no recheck failed.
    """
    where, parameters = _where(book.tests())
    parameters |= {"first": first, "last": last}
    statements = {
        "opened": "SELECT count(*) AS n FROM case_record c WHERE {} AND c.opened_at >= %(first)s "
        "AND c.opened_at < %(last)s",
        "closed": "SELECT count(*) AS n, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM "
        "c.closed_at - c.opened_at)) / 86400 AS days FROM case_record c WHERE {} AND c.state = 'closed' "
        "AND c.closed_at >= %(first)s AND c.closed_at < %(last)s",
        "due": "SELECT count(*) AS n, count(*) FILTER (WHERE c.corrected_at < c.measure_due_at "
        "AND c.rechecks_failed = 0) AS on_time, count(*) FILTER (WHERE c.extended > 0) AS extended "
        "FROM case_record c WHERE {} AND c.measure = 'rectification' AND c.measure_due_at >= %(first)s "
        "AND c.measure_due_at < %(last)s",
        "rechecks": "SELECT count(*) AS n, count(*) FILTER (WHERE e.action = 'recheck_passed') AS passed "
        "FROM case_event e JOIN case_record c ON c.id = e.case_id WHERE {} "
        "AND e.action IN ('recheck_passed', 'recheck_failed') AND e.at >= %(first)s AND e.at < %(last)s",
    }
    found: dict[str, Any] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for name, statement in statements.items():
            found[name] = cursor.execute(SQL(statement).format(where), parameters).fetchone()
        found["closures"] = cursor.execute(
            SQL(
                "SELECT c.closure, count(*) AS n FROM case_record c WHERE {} AND c.state = 'closed' "
                "AND c.closed_at >= %(first)s AND c.closed_at < %(last)s GROUP BY 1 ORDER BY 2 DESC, 1"
            ).format(where),
            parameters,
        ).fetchall()
    return found


def _where(tests: Sequence[tuple[str, str, Any]]) -> tuple[Composable, dict[str, Any]]:
    wanted = [(test, name, value) for test, name, value in tests if value is not None]
    where = SQL(" AND ").join([SQL("true"), *(SQL(test) for test, _, _ in wanted)])
    return where, {name: value for _, name, value in wanted}
