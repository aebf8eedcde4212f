"""The rules of sites' own, as rows and in the journal. A change is one transaction with its journal row."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from registry.limits import SiteRule
from store import journal
from store.connections import Connection, scalar

_COLUMNS: Final = (
    "id, site, sampling_point, profile, indicator, lo, hi, reason, since, until, set_by, set_at, "
    "ended_by, ended_at, end_reason, ended_journal_id"
)


def load_rules(connection: Connection, *, site: str | None = None, as_of: int | None = None) -> list[SiteRule]:
    """Every rule there ever was, by id, those that ended too; those of one `site` if it is named.

    With `as_of` as it was right after that journal row.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM site_limit "  # noqa: S608 -- constants
        "WHERE (%(site)s::text IS NULL OR site = %(site)s) "
        "AND (%(as_of)s::bigint IS NULL OR journal_id <= %(as_of)s) ORDER BY id",
        {"site": site, "as_of": as_of},
    ).fetchall()
    return [_rule(row, as_of) for row in rows]


def find_rule(connection: Connection, rule_id: int) -> SiteRule | None:
    """One rule, None where there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM site_limit WHERE id = %s FOR UPDATE",  # noqa: S608 -- constants
        (rule_id,),
    ).fetchone()
    return None if row is None else _rule(row, None)


def add_rule(connection: Connection, rule: SiteRule, at: datetime) -> SiteRule:
    """Keep a new rule and journal it; returns it with its id. The last work before COMMIT; does not commit."""
    rule_id = scalar(
        connection,
        "INSERT INTO site_limit "
        "(site, sampling_point, profile, indicator, lo, hi, reason, since, until, set_by, set_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            rule.site,
            rule.sampling_point,
            rule.profile,
            rule.indicator,
            rule.lo,
            rule.hi,
            rule.reason,
            rule.since,
            rule.until,
            rule.set_by,
            rule.set_at,
        ),
    )
    added = replace(rule, id=int(rule_id))
    journal_id = _journal(connection, added, at)
    connection.execute("UPDATE site_limit SET journal_id = %s WHERE id = %s", (journal_id, added.id))
    return added


def end_rule(connection: Connection, rule: SiteRule, at: datetime, by: str, reason: str) -> SiteRule:
    """End a rule and journal it; returns it as it is now. The last work before COMMIT; does not commit."""
    ended = rule.ended(at, by, reason)
    journal_id = _journal(connection, ended, at)
    connection.execute(
        "UPDATE site_limit SET ended_by = %s, ended_at = %s, end_reason = %s, ended_journal_id = %s WHERE id = %s",
        (by, at, reason, journal_id, rule.id),
    )
    return ended


def _journal(connection: Connection, rule: SiteRule, at: datetime) -> int:
    """The row carries the whole rule, so that what readings were judged by follows from the journal alone."""
    return journal.append_event(connection, "config", {"what": "limits", "rule": rule.to_json()}, at)


def _rule(row: Sequence[Any], as_of: int | None) -> SiteRule:
    *fields, ended_by, ended_at, end_reason, ended_journal_id = row
    rule = SiteRule(*fields)
    if ended_at is None or (as_of is not None and (ended_journal_id is None or ended_journal_id > as_of)):
        return rule
    return rule.ended(ended_at, ended_by, end_reason)
