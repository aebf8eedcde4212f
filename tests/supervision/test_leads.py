"""Warnings that become leads by a rule of the settings."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from monitor.supervision.book import open_case, raise_priorities, take_step
from monitor.supervision.case import Act, Action, Closure, Party
from monitor.supervision.leads import open_leads
from monitor.supervision.rows import act_of
from store import cases, people
from store.connections import Connection
from store.lead_rules import LeadRule, drop_lead_rule, load_lead_rules, set_lead_rule
from store.people import Person
from store.registry_rows import save_registry
from tests.api.conftest import put_alarm, small_registry
from tests.supervision.stories import MONDAY, OPENING, act

REGISTRY = small_registry()


def rule(connection: Connection, severity: str = "serious", minutes: int = 30) -> None:
    """Let warnings of a severity become leads."""
    set_lead_rule(connection, LeadRule(severity, minutes, "重点时段", "centre", MONDAY))


def warning(connection: Connection, number: int, minutes_ago: int, channel: int = 11, **more: Any) -> None:
    """A warning that has been present for so long."""
    at = MONDAY - timedelta(minutes=minutes_ago)
    columns = {"severity": "serious", "since": at, "raised_at": at, "state": "unacknowledged", **more}
    put_alarm(connection, number, channel, **columns)


def test_without_a_rule_a_person_decides(connection: Connection) -> None:
    """No case is opened, however long a warning lasts; and a rule that was dropped holds no more."""
    save_registry(connection, REGISTRY)
    warning(connection, 1, 600)
    assert open_leads(connection, REGISTRY, MONDAY) == []
    rule(connection)
    assert [each.severity for each in load_lead_rules(connection)] == ["serious"]
    assert drop_lead_rule(connection, "serious")
    assert open_leads(connection, REGISTRY, MONDAY) == []


def test_warnings_of_a_site_become_one_case_and_once(connection: Connection) -> None:
    """After its minutes a warning opens a case by the platform; further ones of the site join it; nothing twice."""
    save_registry(connection, REGISTRY)
    rule(connection)
    warning(connection, 1, 31)
    warning(connection, 2, 29)
    warning(connection, 3, 31, 21)
    (first, other) = open_leads(connection, REGISTRY, MONDAY)
    later = MONDAY + timedelta(minutes=2)
    assert open_leads(connection, REGISTRY, later) == [first]
    assert open_leads(connection, REGISTRY, later) == []
    assert cases.alarms_of_case(connection, first) == [1, 2]
    row = cases.find_case(connection, first)
    assert row is not None
    assert (row["opened_by"], row["source"], row["simulated"], row["state"]) == ("platform", "alarm", False, "lead")
    assert "崇川一号池" in row["subject"]
    demo = cases.find_case(connection, other)
    assert demo is not None
    assert demo["simulated"], "a simulated site's warning stays in the demonstration's book"
    assert [act_of(each).action for each in cases.case_events(connection, first)] == ["open", "add_alarms"]


def test_what_is_muted_over_or_the_venues_work_opens_nothing(connection: Connection) -> None:
    """Shelved, suppressed, returned, of another severity, or for the venue: no lead by itself."""
    save_registry(connection, REGISTRY)
    rule(connection)
    warning(connection, 1, 60, shelved_until=MONDAY + timedelta(hours=1))
    warning(connection, 2, 60, suppressed_by="announcement:1")
    warning(connection, 3, 60, state="returned_unacknowledged", returned_at=MONDAY)
    warning(connection, 4, 60, severity="alarm")
    warning(connection, 5, 60, audience="venue")
    warning(connection, 6, 60, historic=True)
    assert open_leads(connection, REGISTRY, MONDAY) == []


def test_a_case_under_a_measure_is_a_matter_of_its_own(connection: Connection) -> None:
    """Once the venue was ordered to correct, a new warning opens a new case."""
    save_registry(connection, REGISTRY)
    rule(connection)
    warning(connection, 1, 31)
    (first,) = open_leads(connection, REGISTRY, MONDAY)
    connection.execute("UPDATE case_record SET state = 'rectification' WHERE id = %s", (first,))
    warning(connection, 2, 31)
    (second,) = open_leads(connection, REGISTRY, MONDAY)
    assert second != first


def test_a_case_rises_with_its_warning_and_says_so(connection: Connection) -> None:
    """Once its warning is of high priority so is the case: in its history, the audit log and an inbox."""
    save_registry(connection, REGISTRY)
    people.save(connection, Person("li", "李", "inspector", (), None, "no password"), MONDAY)
    warning(connection, 1, 31, priority="medium")
    warning(connection, 2, 31, priority="low")
    opening = replace(OPENING, priority="medium")
    number = open_case(connection, opening, Act(Action.OPEN, MONDAY, "li", Party.OFFICER, alarms=(1, 2)))
    take_step(connection, number, act(Action.ASSIGN, officers=("li",)))
    assert raise_priorities(connection, MONDAY) == []
    connection.execute("UPDATE alarm SET priority = 'high' WHERE id = 2")
    assert raise_priorities(connection, MONDAY) == [number]
    row = cases.find_case(connection, number)
    assert row is not None
    assert row["priority"] == "high"
    last = act_of(cases.case_events(connection, number)[-1])
    assert (last.action, last.actor, last.priority, last.alarms) == ("raise_priority", "platform", "high", (2,))
    assert connection.execute("SELECT person, body FROM notification WHERE reason = 'case'").fetchall()[-1] == (
        "li",
        "现优先级：高",
    )
    assert connection.execute("SELECT count(*) FROM audit_log WHERE action = 'case_raise_priority'").fetchone() == (1,)
    connection.execute("UPDATE alarm SET priority = 'low'")
    assert raise_priorities(connection, MONDAY) == [], "nothing lowers it again"


def test_a_closed_case_keeps_its_priority(connection: Connection) -> None:
    """What was decided is not changed afterwards."""
    save_registry(connection, REGISTRY)
    warning(connection, 1, 31, priority="low")
    opening = replace(OPENING, priority="low")
    number = open_case(connection, opening, Act(Action.OPEN, MONDAY, "li", Party.OFFICER, alarms=(1,)))
    take_step(connection, number, act(Action.ACCEPT))
    take_step(connection, number, act(Action.CLOSE, closure=Closure.FALSE_ALARM))
    connection.execute("UPDATE alarm SET priority = 'high'")
    assert raise_priorities(connection, MONDAY) == []
