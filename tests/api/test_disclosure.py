"""What everybody may see: consents, results published in time and taken back, votes that become lots."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store import people
from store.connections import Connection
from store.people import Person
from tests.api.conftest import PASSWORD_HASH, REGISTERED, Served, eventually, put_latest

VOTER = "a browser's own random text"


def published(api: Served, path: str, **query: str) -> Any:
    """What anybody gets."""
    return api.anonymous.get(f"/api/v1/published/{path}", params=query).raise_for_status().json()


def a_sample(db: Connection, site: str, kind: str = "laboratory", entered_days_ago: int = 0) -> int:
    """A result of today's month at a site; returns its number."""
    at = datetime.now(UTC)
    row = db.execute(
        "INSERT INTO sample (site, sampling_point, indicator, value, comparison, kind, taken_at, taken_by, entered_by, "
        "entered_at, source) VALUES (%s, 'basin-1', 'free_chlorine', 0.42, '=', %s, %s, '李某', 'centre', %s, 'form') "
        "RETURNING id",
        (site, kind, at, at - timedelta(days=entered_days_ago)),
    ).fetchone()
    return int(row[0]) if row else 0


def test_values_are_public_while_the_venue_agrees(api: Served, db: Connection) -> None:
    """With the consent, and not a moment longer; an inspector cannot give it for the venue."""
    put_latest(db, 11, 0.55)
    assert published(api, "pools")["items"] == []
    assert api.client("inspector").put("/sites/P-1/consent").status_code == 403
    assert api.client("venue").put("/sites/P-2/consent").status_code == 404
    assert api.client("venue").put("/sites/P-1/consent").json()["public"] is True

    def value_shown() -> Any:
        (venue,) = published(api, "pools")["items"]
        found = {each["indicator"]: each for each in venue["points"][0]["values"]}["free_chlorine"]
        return (venue, found) if found["value"] is not None else None

    venue, value = eventually(value_shown, "the value is public")
    assert (venue["site"], value["value"], value["unit"], value["interval"]) == ("P-1", 0.55, "mg/L", "0.3–1.0 mg/L")
    assert api.client("venue").delete("/sites/P-1/consent").json() == {"site": "P-1", "public": False, "since": None}
    assert published(api, "pools")["items"] == []


def test_results_are_published_within_twenty_working_days_and_can_be_taken_back(api: Served, db: Connection) -> None:
    """Laboratory results only; nobody's name is published; overdue ones say so; taken back they are gone at once."""
    late, fresh, quick = (
        a_sample(db, "P-1", entered_days_ago=60),
        a_sample(db, "P-3"),
        a_sample(db, "P-1", "quick_test"),
    )
    month = f"{datetime.now(UTC) + timedelta(hours=8):%Y-%m}"
    listed = {each["sample"]["id"]: each for each in api.get("/disclosure/samples", month=month)}
    assert set(listed) == {late, fresh}
    assert (listed[late]["overdue"], listed[fresh]["overdue"]) == (True, False)
    assert {each["sample"]["id"] for each in api.get("/disclosure/samples", "inspector", month=month)} == {late}
    assert published(api, "samples", month=month) == []

    refused = api.client("centre").post("/disclosure/samples/publish", json={"sample_ids": [late, quick]})
    assert (refused.status_code, f"[{quick}]" in refused.json()["detail"]) == (404, True)
    assert api.client("inspector").post("/disclosure/samples/publish", json={"sample_ids": [late]}).status_code == 403
    wanted = {"sample_ids": [late, fresh]}
    assert api.client("centre").post("/disclosure/samples/publish", json=wanted).json() == {"published": 2}
    assert api.client("centre").post("/disclosure/samples/publish", json=wanted).json() == {"published": 0}
    shown = {each["sample"]["id"]: each["sample"] for each in published(api, "samples", month=month)}
    assert set(shown) == {late, fresh}
    assert (shown[late]["taken_by"], shown[late]["entered_by"], shown[late]["state"]) == ("", None, "within")

    path = f"/disclosure/samples/{late}/withdraw"
    api.client("centre").post(path, json={"reason": "the bottle was mixed up"}).raise_for_status()
    assert [each["sample"]["id"] for each in published(api, "samples", month=month)] == [fresh]
    assert api.client("centre").post(path, json={"reason": "again"}).status_code == 404


def test_a_browser_votes_once_and_votes_become_lots(api: Served, db: Connection) -> None:
    """After it closes a draw takes a lot for each vote; sites without votes have none."""
    for name in ("wang", "zhao"):
        people.save(db, Person(name, name, "inspector", (), None, PASSWORD_HASH), REGISTERED)
    closes = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    mixed = {"name": "where?", "sites": ["P-1", "P-2"], "closes_at": closes}
    assert "never in one round" in api.client().post("/disclosure/rounds", json=mixed).json()["detail"]
    asked = {"name": "where?", "sites": ["P-2", "P-3"], "closes_at": closes}
    number = api.client("centre").post("/disclosure/rounds", json=asked).raise_for_status().json()["id"]
    path = f"/api/v1/published/rounds/{number}/votes"
    for voter, outcome in ((VOTER, "counted"), (VOTER, "voted_before"), (f"{VOTER} 2", "counted")):
        assert api.anonymous.post(path, json={"site": "P-3", "voter": voter}).json() == {"outcome": outcome}
    strange = api.anonymous.post(path, json={"site": "P-1", "voter": f"{VOTER} 3"})
    assert "must be one of P-2, P-3" in strange.json()["detail"]
    assert strange.json()["detail_zh"] == "site：场所“P-1”不在本次投票中，可选：P-2、P-3"
    (shown,) = published(api, "rounds")
    assert {each["site"]: each["votes"] for each in shown["choices"]} == {"P-2": 0, "P-3": 2}

    draw = {"name": "by votes", "count": 1, "simulated": True, "round_id": number, "word_from": "the lottery"}
    assert "is open until" in api.client().post("/draws", json=draw).json()["detail"]
    db.execute("UPDATE vote_round SET opens_at = opens_at - interval '2 hours', closes_at = opens_at")
    assert api.anonymous.post(path, json={"site": "P-3", "voter": f"{VOTER} 4"}).status_code == 409
    assert published(api, "rounds") == []
    eventually(lambda: api.client().post("/draws", json=draw).status_code == 201, "the inspectors are known")
    population = api.anonymous.get(f"/api/v1/published/draws/{api.get('/draws')[0]['id']}").json()
    assert [(each[0], each[3]) for each in population["sites"]] == [("P-2", 0), ("P-3", 2)]


@pytest.mark.parametrize("month", ["2026-13", "26-01", "yesterday"])
def test_a_month_that_is_none_is_refused(api: Served, month: str) -> None:
    """422, with the parameter's name."""
    answer = api.anonymous.get("/api/v1/published/samples", params={"month": month})
    assert answer.status_code == 422
    assert "month" in answer.json()["detail"]
