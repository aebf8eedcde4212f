"""Warnings that become leads by a rule of the settings, as if a person had opened the case."""

import logging
from collections.abc import Collection
from datetime import datetime

from monitor.alarms.wording import alarm_text
from monitor.supervision.book import PLATFORM, open_case, take_step
from monitor.supervision.case import Act, Action, CaseState, Party, Source
from monitor.supervision.machine import Opening
from registry.model import Registry
from store import cases, demonstration
from store.connections import Connection
from store.lead_rules import due_for_a_lead

_NOT_YET_MEASURED = frozenset({CaseState.LEAD.value, CaseState.VERIFYING.value})
"""A case that is still looked at takes a further warning of its site; after a measure it is a matter of its own."""

log = logging.getLogger(__name__)


def open_leads(connection: Connection, registry: Registry, now: datetime) -> list[int]:
    """Open a case for each warning that a rule makes a lead, or add it to its site's; each in a transaction.

    Several warnings of one site come into one case. Returns the cases that got one.
    """
    due = due_for_a_lead(connection, now)
    if not due:
        return []
    invented = set(demonstration.sites(connection))
    touched = []
    for alarm in due:
        if alarm["site"] not in registry.sites:
            continue  # of the platform itself, or of a site that was taken away
        with connection.transaction():
            touched.append(_lead(connection, registry, alarm, invented, now))
    log.info("%d warnings became leads, of cases %s", len(touched), sorted(set(touched)))
    return touched


def _lead(
    connection: Connection, registry: Registry, alarm: dict[str, object], invented: Collection[str], now: datetime
) -> int:
    site, number = registry.sites[str(alarm["site"])], int(str(alarm["id"]))
    for case, state, source in cases.open_cases_of(connection, site.code):
        if state in _NOT_YET_MEASURED and source == Source.ALARM.value:
            take_step(connection, case, Act(Action.ADD_ALARMS, now, PLATFORM, Party.PLATFORM, alarms=(number,)))
            return case
    opening = Opening(
        site.code,
        site.county,
        site.zone,
        site.simulated or site.code in invented,
        Source.ALARM,
        alarm_text("zh", alarm, registry),
        str(alarm["priority"]),
    )
    return open_case(connection, opening, Act(Action.OPEN, now, PLATFORM, Party.PLATFORM, alarms=(number,)))
