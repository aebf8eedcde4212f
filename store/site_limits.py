"""The rules of sites' own, as rows and in the journal."""

from datetime import datetime
from typing import Final

from registry.limits import SiteRule
from store.config_records import ConfigTable
from store.connections import Connection

_RULES: Final = ConfigTable("site_limit", SiteRule, what="limits", key="rule", make=SiteRule, end=SiteRule.ended)


def load_rules(connection: Connection, *, site: str | None = None, as_of: int | None = None) -> list[SiteRule]:
    """Every rule there ever was, by id, those that ended too; those of one `site` if it is named.

    With `as_of` as it was right after that journal row.
    """
    return _RULES.load(connection, as_of, "%(site)s::text IS NULL OR site = %(site)s", {"site": site})


def find_rule(connection: Connection, rule_id: int) -> SiteRule | None:
    """One rule, None where there is none; locked until the transaction ends."""
    return _RULES.find(connection, rule_id)


def add_rule(connection: Connection, rule: SiteRule, at: datetime) -> SiteRule:
    """Keep a new rule and journal it; returns it with its id. The last work before COMMIT; does not commit."""
    return _RULES.add(connection, rule, at)


def end_rule(connection: Connection, rule: SiteRule, at: datetime, by: str, reason: str) -> SiteRule:
    """End a rule and journal it; returns it as it is now. The last work before COMMIT; does not commit."""
    return _RULES.end_one(connection, rule, at, by, reason)
