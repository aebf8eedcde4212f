"""The checklist says what is on record, as of the day of the warning, and nothing more."""

from datetime import date, timedelta
from typing import Any

from monitor.evidence.chain import chain_of
from monitor.evidence.checklist import POINTS, checklist
from monitor.evidence.facts import facts_of, plain
from monitor.evidence.scope import needed, scope_of, subject_of
from registry.model import Registry
from store import evidence, upkeep
from store.connections import Connection
from tests.evidence.conftest import NOW
from tests.evidence.world import BEGAN, alarm_id, played

MANIFEST: dict[str, Any] = {"rows": [1], "anchors": 1, "anchored": True, "not_included": [], "audit": None}


def answers(connection: Connection, registry: Registry, **manifest: Any) -> dict[str, str]:
    """The answer to each point, about the alarm at P1."""
    subject = subject_of(connection, "alarm", alarm_id(connection))
    scope = scope_of(connection, subject, registry, NOW)
    chain = chain_of(connection, needed(connection, subject, scope).ids)
    facts = plain(facts_of(connection, subject, scope, chain, registry))
    found = checklist(facts, {**MANIFEST, **manifest})
    assert all(each.said and each.basis and each.asked for each in found)
    return {each.point: each.answer for each in found}


def review(connection: Connection, on: date, *, entered_late: bool = False, **found: Any) -> None:
    """A review of the pool's device."""
    said: dict[str, Any] = {"legal": True, "technical": True, "standard": "JJG 862", "sited": True, "marked": True}
    said |= {"published": "机关网站", "reviewers": ["李", "王"], "note": "", **found}
    at = NOW if entered_late else BEGAN
    evidence.add_review(connection, "D1-1", on, **said, by="li", at=at)


def test_points_are_answered_as_of_the_warning(connection: Connection) -> None:
    """Nothing on record is said to be so; a review counts from its day and from its entry; a later one does not."""
    connection.autocommit = True
    registry = played(connection)
    first = answers(connection, registry)
    assert tuple(first) == POINTS
    of_review = ("legal_review", "technical_review", "standard", "sited", "marked", "published")
    assert {first[point] for point in of_review} == {"unknown"}
    assert (first["named_by_law"], first["authentic"], first["audited"]) == ("no", "yes", "no")
    assert first["complete"] == "no", "a message of the device was rejected"

    review(connection, BEGAN.date() - timedelta(days=9), entered_late=True)
    assert {answers(connection, registry)[point] for point in of_review} == {"unknown"}
    review(connection, BEGAN.date() - timedelta(days=9), marked=False)
    review(connection, BEGAN.date() + timedelta(days=1), marked=True)
    second = answers(connection, registry)
    assert (second["legal_review"], second["published"], second["marked"]) == ("yes", "yes", "no")


def test_an_audit_and_the_chain_are_taken_from_the_package(connection: Connection) -> None:
    """Not anchored is not on record; without rows nothing is authentic; only an accepting audit meets the point."""
    connection.autocommit = True
    registry = played(connection)
    audit = {"accepted": True, "audited_by_name": "李"}
    assert answers(connection, registry, audit=audit)["audited"] == "yes"
    assert answers(connection, registry, audit={**audit, "accepted": False})["audited"] == "no"
    assert answers(connection, registry, anchored=False)["authentic"] == "unknown"
    assert answers(connection, registry, rows=[])["authentic"] == "no"


def test_a_calibration_entered_afterwards_does_not_count(connection: Connection) -> None:
    """An entry for an earlier day, made after the warning, leaves the device uncalibrated then."""
    connection.autocommit = True
    registry = played(connection)
    connection.execute("DELETE FROM reading_flag")
    assert answers(connection, registry)["accurate"] == "yes"
    connection.execute("DELETE FROM calibration")
    assert answers(connection, registry)["accurate"] == "no"
    upkeep.calibrate(connection, "D1-1", date(2026, 5, 30), date(2026, 7, 1), "补录", "wang", NOW)
    assert answers(connection, registry)["accurate"] == "no"
