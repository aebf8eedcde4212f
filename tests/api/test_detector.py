"""Verdicts over the API: the venue's queue, the picture, feedback with its undo, and the budget."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from monitor.service import MonitorSettings, serve
from store.connections import Connection
from tests.api.conftest import Served, eventually, put_alarm

EVIDENCE = {
    "since": "2026-05-01T00:00:00+00:00",
    "tests": ["chemistry"],
    "channels": [
        {"channel_id": 11, "indicator": "free_chlorine", "value": 0.2, "expected_lo": 0.5, "expected_hi": 0.7}
    ],
}


def put_verdict(db: Connection, alarm_id: int, kind: str, audience: str) -> None:
    """An alarm that the detector raised."""
    verdict: dict[str, Any] = {"verdict": kind, "audience": audience, "sureness": 0.8, "evidence": Jsonb(EVIDENCE)}
    limits: dict[str, Any] = dict.fromkeys(("side", "limit_lo", "limit_hi", "limit_profile", "clause", "extreme"))
    put_alarm(db, alarm_id, kind="detector", **verdict, **limits)


@pytest.fixture
def monitor(api: Served) -> Iterator[None]:
    """The monitor on the same database, so that actions are applied."""
    stopping = threading.Event()
    settings = MonitorSettings(api.dsn, poll_s=0.02)
    thread = threading.Thread(target=serve, args=(settings, stopping))
    thread.start()
    yield
    stopping.set()
    thread.join(20)


def test_broken_instruments_are_the_venues_queue_and_water_is_the_inspectors(api: Served, db: Connection) -> None:
    """The list filters by whose work an alarm is, and each says in words what the detector makes of it."""
    put_verdict(db, 1, "stuck", "venue")
    put_verdict(db, 2, "dosing_failure", "inspector")
    (stuck,) = api.get("/alarms", audience="venue")["items"]
    (dosing,) = api.get("/alarms", audience="inspector")["items"]
    assert (stuck["id"], dosing["id"]) == (1, 2)
    assert stuck["verdict_name_zh"] == "疑似探头读数卡死"
    assert "游离性余氯 0.20 mg/L，平常 0.50–0.70" in dosing["text_zh"]
    assert dosing["evidence"]["channels"][0]["expected_lo"] == 0.5
    assert "dosing pump" in dosing["advice_en"]


def test_the_picture_holds_every_channel_of_the_place_with_the_flagged_readings(api: Served, db: Connection) -> None:
    """The channel that spoke comes first, with what is usual of it; flags carry the value and the test's name."""
    put_verdict(db, 1, "dosing_failure", "inspector")
    at = datetime.now(UTC) - timedelta(minutes=5)
    db.execute("INSERT INTO reading VALUES (11, %s, 0.2, 1)", (at,))
    for test in ("ewma", "limit"):
        db.execute("INSERT INTO reading_flag VALUES (11, %s, %s, 3)", (at, test))
    picture = api.get("/alarms/1/picture")
    assert [each["indicator"] for each in picture["channels"]] == ["free_chlorine", "ph", "water_temperature"]
    assert [each["spoke"] for each in picture["channels"]] == [True, False, False]
    (flag,) = picture["channels"][0]["flags"]
    assert (flag["value"], flag["tests"], flag["tests_zh"]) == (0.2, ["ewma", "limit"], "偏离平常水平、超出限值")
    assert (picture["channels"][0]["expected_lo"], picture["channels"][0]["limit"]["lo"]) == (0.5, 0.3)


def test_feedback_moves_the_sites_sensitivity_and_its_undo_moves_it_back(
    api: Served, db: Connection, monitor: None
) -> None:
    """A false alarm halves the site's budget and raises its thresholds; taking the answer back restores both."""
    put_verdict(db, 65536 * 10**6, "dosing_failure", "inspector")
    path = f"/alarms/{65536 * 10**6}/feedback"
    before = api.get("/sites/P-1/sensitivity")
    assert (before["site_budget"], before["threshold"], before["feedback"]) == (0.25, 1.0, [])
    inspector = api.client("inspector")
    answered = inspector.post(path, json={"answer": "false", "comment": "现场复测正常"})
    assert answered.status_code == 200, answered.text
    assert answered.json()["events"][-1]["detail"] == {"answer": "false", "budget": 0.125}
    after = api.get("/sites/P-1/sensitivity")
    assert after["site_budget"] == 0.125
    assert after["threshold"] > 1
    (given,) = after["feedback"]
    assert (given["actor"], given["answer"], given["comment"]) == ("inspector", "false", "现场复测正常")
    again = inspector.post(path, json={"answer": "true"})
    assert (again.status_code, "反馈为“误报”，请先撤回" in again.json()["detail_zh"]) == (409, True)
    undone = inspector.post(f"{path}/undo", json={"feedback": given["id"]})
    assert undone.status_code == 200, undone.text
    now = api.get("/sites/P-1/sensitivity")
    assert (now["site_budget"], now["threshold"]) == (0.25, 1.0)
    assert now["feedback"][0]["undone_by"] == "inspector"
    gone = inspector.post(f"{path}/undo", json={"feedback": given["id"]})
    assert (gone.status_code, gone.json()["detail_zh"].endswith("有效的反馈：无")) == (409, True)
    assert {row["action"] for row in api.get("/audit", limit=50)["items"]} >= {"feedback", "feedback_undone"}


def test_a_venue_cannot_answer_its_own_alarms(api: Served, db: Connection) -> None:
    """Feedback is the inspectors'; an alarm without a verdict has nothing to answer."""
    put_verdict(db, 1, "stuck", "venue")
    put_alarm(db, 2)
    assert api.client("venue").post("/alarms/1/feedback", json={"answer": "false"}).status_code == 403
    nothing = api.client("inspector").post("/alarms/2/feedback", json={"answer": "false"})
    assert (nothing.status_code, "没有检测判断" in nothing.json()["detail_zh"]) == (409, True)
    assert api.client("inspector").post("/alarms/1/feedback", json={"answer": "maybe"}).status_code == 422


def test_the_budget_is_one_journaled_setting_of_the_centre(api: Served, db: Connection) -> None:
    """Set by the centre, audited, refused to inspectors and outside its bounds."""
    assert api.get("/detector/budget", "inspector") == {"per_site_week": 0.25}
    assert api.client("inspector").put("/detector/budget", json={"per_site_week": 1.0}).status_code == 403
    assert api.client("centre").put("/detector/budget", json={"per_site_week": 100}).status_code == 422
    api.client("centre").put("/detector/budget", json={"per_site_week": 1.0}).raise_for_status()
    assert api.get("/detector/budget") == {"per_site_week": 1.0}
    assert api.get("/sites/P-1/sensitivity")["threshold"] < 1
    eventually(lambda: db.execute("SELECT 1 FROM audit_log WHERE action = 'set_budget'").fetchone(), "the audit")
