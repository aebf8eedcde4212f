"""Credit and double random over the API: the sum, announcing, holding, repeating, reporting."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest

from monitor.supervision.draw import commitment_of, drawn, population_of, seed_of
from registry.credit import default_weights
from store import people
from store.connections import Connection, connect
from store.draws import declare_conflict
from store.people import Person
from tests.api.conftest import (
    PASSWORD_HASH,
    REGISTERED,
    Served,
    component,
    eventually,
    prepare,
    put_alarm,
    put_event,
    serving,
)

DRAW = {"name": "spring", "count": 1, "word_from": "the lottery of Sunday"}


@pytest.fixture
def staffed(database: str) -> Iterator[Served]:
    """The API with two inspectors more, for all counties, so that draws can be held; one is kept away from P-4."""
    with connect(database) as connection:
        prepare(connection)
        for name in ("wang", "zhao"):
            people.save(connection, Person(name, f"{name} 某人", "inspector", (), None, PASSWORD_HASH), REGISTERED)
        declare_conflict(connection, "wang", "P-4", "a brother works there", "centre", REGISTERED)
        connection.commit()
    with serving(database) as served:
        eventually(lambda: component(served, "database") == "up", "the API found its database")
        yield served


def conflict(officer: str, site: str) -> dict[str, str]:
    """A conflict of interest as a body."""
    return {"officer": officer, "site": site, "reason": "a brother works there"}


def credit(api: Served, site: str = "P-1") -> Any:
    """A site's class and sum."""
    return api.get(f"/sites/{site}/credit")


def test_the_sum_shows_what_took_the_points(api: Served, db: Connection) -> None:
    """A confirmed warning takes a point, one that was said to be false and an answer taken back take none."""
    for number, answers in ((65536, ["true"]), (65537, ["false"]), (65538, ["true", "undone"])):
        put_alarm(db, number, condition=f"channel:11:{number}", state="normal")
        for place, answer in enumerate(answers):
            if answer == "undone":
                put_event(db, number, "feedback_undone", "normal", number + 1, detail={"undoes": number})
            else:
                put_event(db, number, "feedback", "normal", number + place, detail={"answer": answer})
    found = credit(api)
    assert (found["letter"], found["points"], found["known"], found["lots"]) == ("A", 99, True, 1)
    assert {item["fact"]: item["count"] for item in found["items"] if item["count"]} == {"true_alarms": 1}
    assert credit(api, "P-4")["letter"] == "B", "nothing is known of a site off line without results"


def test_orders_and_late_corrections_lower_a_class_and_cleared_cases_do_not(api: Served, db: Connection) -> None:
    """Two orders of which one is overdue: 70 points; a case that turned out to be nothing takes none."""
    for number, closure in ((1, None), (2, None), (3, "false_alarm")):
        put_case(db, number, closure)
    found = credit(api)
    taken = {item["fact"]: (item["count"], item["points"]) for item in found["items"] if item["points"]}
    assert taken == {"orders": (2, 20), "late_corrections": (2, 20)}
    assert (found["letter"], found["points"]) == ("C", 60)


def put_case(db: Connection, number: int, closure: str | None) -> None:
    """A case of P-1 that was ordered to be corrected a month ago, within a week, and was not."""
    at = datetime.now(UTC)
    db.execute(
        "INSERT INTO case_record (site, county, zone, simulated, source, subject, priority, opened_at, opened_by, "
        "state, since, clock, due_day, due_at, measure, measure_due_at, closed_at, closure) VALUES "
        "('P-1', '320602', 'Asia/Shanghai', false, 'inspection', 'no chlorine', 'high', %(opened)s, 'li', %(state)s, "
        "%(opened)s, 'measure', %(due)s::timestamptz::date, %(open_due)s, 'rectification', %(due)s, %(closed)s, "
        "%(closure)s)",
        {
            "opened": at - timedelta(days=30),
            "due": at - timedelta(days=23),
            "state": "closed" if closure else "rectification",
            "open_due": None if closure else at - timedelta(days=23),
            "closed": at if closure else None,
            "closure": closure,
        },
    )
    db.execute(
        "INSERT INTO case_event (case_id, at, action, state, actor) "
        "SELECT max(id), %s, 'order', 'rectification', 'li' FROM case_record",
        (at - timedelta(days=30),),
    )
    assert number


def test_weights_are_versions_with_reasons_and_bad_ones_are_refused(api: Served) -> None:
    """The newest is in force; a faulty field is named."""
    weights = default_weights().to_json()
    bad = {**weights, "days": "all"}
    refused = api.client().put("/credit/weights", json={"weights": bad, "reason": "x"})
    assert refused.status_code == 422
    assert "days is 'all'; must be a whole number" in refused.json()["detail"]
    mild = {**weights, "classes": {**weights["classes"], "A": {"from": 95, "lots": None}}}
    api.client().put("/credit/weights", json={"weights": mild, "reason": "rules of 2026"}).raise_for_status()
    versions = api.get("/credit/weights")
    assert [each["reason"] for each in versions][:1] == ["rules of 2026"]
    assert versions[-1]["id"] is None
    assert credit(api)["lots"] is None


def test_a_draw_is_announced_held_once_and_repeatable_by_anybody(staffed: Served) -> None:
    """The number stays secret until the word is given; the published list and headers repeat the draw."""
    (standing,) = staffed.get("/conflicts")
    staffed.client().delete(f"/conflicts/{standing['id']}").raise_for_status()
    made = staffed.client("centre").post("/draws", json=DRAW).raise_for_status().json()
    assert (made["nonce"], made["seed"], made["tasks"], made["sites"], made["to_draw"]) == (None, None, [], 2, 1)
    path = f"/draws/{made['id']}"
    assert staffed.client("inspector").post(f"{path}/hold", json={"word": "x"}).status_code == 403
    held = staffed.client("centre").post(f"{path}/hold", json={"word": "03 09 蓝 07"}).raise_for_status().json()
    assert held["seed"] == seed_of(held["nonce"], "03 09 蓝 07")
    again = staffed.client("centre").post(f"{path}/hold", json={"word": "other"})
    assert again.status_code == 409
    assert "was held already" in again.json()["detail"]
    assert "已抽取，请另行公告" in again.json()["detail_zh"]

    public = staffed.anonymous.get(f"/api/v1/published{path}")
    assert hashlib.sha256(public.content).hexdigest() == made["population_sha256"]
    assert commitment_of(public.headers["X-Landun-Nonce"]) == made["commitment"]
    assert unquote(public.headers["X-Landun-Word"]) == "03 09 蓝 07"
    expected = drawn(population_of(public.text), public.headers["X-Landun-Seed"])
    assert [(each["site"], (each["officer"], each["second_officer"])) for each in held["tasks"]] == [
        (each.site, each.officers) for each in expected
    ]


def test_conflicts_and_missing_officers_are_told_before_a_draw(staffed: Served) -> None:
    """With one officer kept away from P-4, in a county of two, it can't be held; ended, it can."""
    refused = staffed.client().post("/draws", json={**DRAW, "counties": ["320682"]})
    assert refused.status_code == 409
    assert "site P-4 in county 320682 needs 2 officers" in refused.json()["detail"]
    assert "场所 P-4（如皋市）需要 2 名无须回避的监督员" in refused.json()["detail_zh"]
    (standing,) = staffed.get("/conflicts")
    assert (standing["officer"], standing["site"]) == ("wang", "P-4")
    assert staffed.client("inspector").post("/conflicts", json=conflict("zhao", "P-1")).status_code == 403
    assert staffed.client("inspector").delete(f"/conflicts/{standing['id']}").status_code == 403
    assert staffed.client().delete(f"/conflicts/{standing['id']}").json() == standing
    assert staffed.client().post("/draws", json={**DRAW, "counties": ["320682"]}).status_code == 201
    unknown = staffed.client().post("/draws", json={**DRAW, "officers": ["nobody"]})
    assert "officers: nobody are not inspectors" in unknown.json()["detail"]
    assert "officers：nobody 不是监督员" in unknown.json()["detail_zh"]


def test_a_problem_that_an_inspection_finds_is_a_lead_in_the_same_book(staffed: Served) -> None:
    """Only the officers drawn report it, once; a problem needs words and opens a case."""
    made = staffed.client().post("/draws", json={**DRAW, "counties": ["320602"], "simulated": True}).json()
    held = staffed.client().post(f"/draws/{made['id']}/hold", json={"word": "w"}).raise_for_status().json()
    (task,) = held["tasks"]
    assert task["site"] == "P-2"
    path = f"/draws/{made['id']}/tasks/1"
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat()
    silent = staffed.client().post(path, json={"outcome": "problem", "inspected_on": today})
    assert silent.status_code == 422
    future = staffed.client().post(path, json={"outcome": "in_order", "inspected_on": "2999-01-01"})
    assert "must be from the day of the draw to today" in future.json()["detail"]
    report = {"outcome": "problem", "inspected_on": today, "note": "no test book"}
    found = staffed.client().post(path, json=report).raise_for_status().json()["tasks"][0]
    case = staffed.get(f"/cases/{found['case_id']}")
    assert (case["source"], case["subject"], case["simulated"]) == ("inspection", "no test book", True)
    assert staffed.client().post(path, json=report).status_code == 409
