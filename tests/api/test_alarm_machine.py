import json
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.api.schemas import Alarm
from monitor.api.schemas.alarm_figures import AlarmFigures
from registry.announcements import Announcement
from registry.catalogue import entries
from store import audit, journal
from store.announcements import load_announcements
from store.connections import Connection
from tests.api.conftest import Served, put_alarm, put_event
from tests.api.test_alarms import monitor_applying


def soon(hours: float) -> str:
    """An instant so many hours from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_a_legal_lead_is_not_shelved_silently(api: Served, db: Connection) -> None:
    """At most 8 h, with a reason that the audit log keeps; what is no lead and of low priority may be longer."""
    put_alarm(db, 65536, legal_lead=True, priority="low")
    put_alarm(db, 131072, 21, priority="low")
    client = api.client("inspector")
    silent = client.post("/alarms/65536/shelve", json={"until": soon(2), "reason": " "})
    assert silent.status_code == 422
    long = client.post("/alarms/65536/shelve", json={"until": soon(9), "reason": "等待更换探头"})
    assert "at most 8 h" in long.json()["detail"]
    assert "最长 8 小时" in long.json()["detail_zh"]
    with monitor_applying(api.dsn) as applied:
        assert client.post("/alarms/65536/shelve", json={"until": soon(7), "reason": "等待更换探头"}).status_code == 200
        assert client.post("/alarms/131072/shelve", json={"until": soon(70), "reason": "等待备件"}).status_code == 200
    assert [(each["what"], each["alarm"], each["text"]) for each in applied] == [
        ("shelve", 65536, "等待更换探头"),
        ("shelve", 131072, "等待备件"),
    ]
    kept = db.execute("SELECT detail FROM audit_log WHERE action = 'shelve' ORDER BY id").fetchall()
    assert [(each["legal_lead"], each["reason"]) for (each,) in kept] == [(True, "等待更换探头"), (False, "等待备件")]
    assert audit.verify(db).ok
    (told,) = api.get("/notifications/inbox", "centre")["items"]
    assert (told["reason"], told["alarms"], told["title"]) == ("put_away", [65536], "疑似线索被搁置：崇川一号池")
    assert "inspector 至" in told["body"]
    assert "等待更换探头" in told["body"]


def test_an_alarm_shows_its_mute_and_why_it_is_raised(api: Served, db: Connection) -> None:
    """The ISA-18.2 state is the mute while there is one; the rationale is the rule's with the site's own words."""
    put_alarm(db, 65536, rule="limit:free_chlorine:low", shelved_until=datetime.now(UTC) + timedelta(hours=1))
    setting = {"rule": "limit:free_chlorine", "response": "先停用再补氯", "respond_within_s": 900, "reason": "婴幼儿池"}
    assert api.client("centre").post("/sites/P-1/alarm-settings", json=setting).status_code == 201
    alarm = api.get("/alarms/65536")
    assert (alarm["state"], alarm["isa_state"], alarm["muted"]) == ("unacknowledged", "shelved", True)
    rationale = alarm["rationale"]
    assert (rationale["response"]["zh"], rationale["respond_within_s"]) == ("先停用再补氯", 900)
    assert rationale["basis"]["zh"] == "婴幼儿池"
    assert "加药泵" in rationale["cause"]["zh"]
    assert [row["id"] for row in api.get("/alarms", muted=True)["items"]] == [65536]
    assert api.get("/alarms", muted=False)["items"] == []


def test_settings_name_what_is_wrong_and_can_be_ended(api: Served, db: Connection) -> None:
    """Nothing set, no such rule, a deadband of no indicator, a delay too long: each is told what would be right."""
    client = api.client("centre")
    for body, told, told_zh in (
        ({"rule": "limit:ph"}, "nothing is set", "没有设置任何内容"),
        ({"rule": "nonsense", "priority": "low"}, "is not declared; known: circulation, ", "类别 'nonsense' 不存在"),
        ({"rule": "platform:canary", "priority": "low"}, "of no site", "不属于任何场所"),
        ({"rule": "limit:salt", "priority": "low"}, "is not an indicator", "'salt' 不是指标"),
        ({"rule": "limit:ph:side", "priority": "low"}, "side 'side' must be", "应为 low 或 high"),
        ({"rule": "detector:stuck", "on_delay_s": 60}, "both sides of a limit", "上下两侧"),
        ({"rule": "limit:ph", "on_delay_s": 90_000}, "90000 s must be 0 to 7200 s", "应为 0 至 7200 s"),
        ({"rule": "limit", "deadband": 1}, "name it: limit:<indicator>", "limit:<指标>"),
        ({"rule": "limit:turbidity", "deadband": 99_999}, "must be 0 to ", " NTU"),
        ({"rule": "limit:ph", "sampling_point": "B9", "priority": "low"}, "is not one of site P-1", "没有采样点 'B9'"),
    ):
        answer = client.post("/sites/P-1/alarm-settings", json={**body, "reason": "试一试参数"})
        assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.json()
        assert told_zh in answer.json()["detail_zh"]
    kept = client.post("/sites/P-1/alarm-settings", json={"rule": "limit:ph", "on_delay_s": 60, "reason": "婴幼儿池"})
    number = kept.json()["id"]
    (ph,) = [each for each in api.get("/sites/P-1/rules")["rules"] if each["indicator"] == "ph"]
    assert ph["on_delay_s"] == 60.0, "the rules in force are shown as they are judged"
    assert client.post(f"/sites/P-1/alarm-settings/{number}/end", json={"reason": "不再需要"}).status_code == 200
    over = client.post(f"/sites/P-1/alarm-settings/{number}/end", json={"reason": "不再需要"})
    assert (over.status_code, "已于 20" in over.json()["detail_zh"]) == (409, True), over.json()
    (shown,) = api.get("/sites/P-1/alarm-settings")
    assert (shown["on_delay_s"], shown["ended_by"]) == (60.0, "centre")
    assert journal.verify(db).ok


def test_a_venue_announces_for_itself_and_takes_it_back(api: Served, db: Connection) -> None:
    """Its own site only, not in the past, not for longer than the kind allows; the journal carries the whole of it."""
    client = api.client("venue")
    body: dict[str, Any] = {"site": "P-1", "kind": "calibration", "to": soon(2), "reason": "更换并校准探头"}
    assert client.post("/announcements", json={**body, "site": "P-2"}).status_code == 404
    for change, told, told_zh in (
        ({"to": soon(9)}, "calibration may last at most 4 h", "“校准”一次最长 4 小时"),
        ({"from": soon(-2)}, "is past", "已经过去"),
        ({"from": soon(24 * 400), "to": soon(24 * 400 + 1)}, "more than 366 days ahead", "366 天以后"),
        ({"to": soon(-1)}, "must be after the beginning", "应晚于开始时间"),
        ({"sampling_point": "B9"}, "is not one of site", "没有采样点"),
        ({"to": "2026-01-01T00:00:00"}, "no time zone", "没有时区"),
    ):
        answer = client.post("/announcements", json=body | change)
        assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.json()
        assert told_zh in answer.json()["detail_zh"]
    made = client.post("/announcements", json=body).raise_for_status().json()
    assert (made["state"], made["hold_off_s"], made["announced_by"]) == ("on", 1800, "venue")
    put_alarm(db, 65536)
    put_event(db, 65536, "suppressed", "unacknowledged", text=f"announcement:{made['id']}")
    (shown,) = api.get("/announcements", "inspector", current=True)
    assert (shown["id"], shown["muted_alarms"]) == (made["id"], 1)
    gone = client.post(f"/announcements/{made['id']}/withdraw", json={"reason": "提前完成"}).raise_for_status().json()
    assert (gone["state"], gone["withdrawn_by"]) == ("hold_off", "venue")
    assert client.post(f"/announcements/{made['id']}/withdraw", json={"reason": "提前完成"}).status_code == 409
    rows = db.execute("SELECT convert_from(body, 'utf-8') FROM journal WHERE kind = 'config' ORDER BY id").fetchall()
    events = [json.loads(row[0]) for row in rows]
    kept = [Announcement.from_json(each["announcement"]) for each in events if each["what"] == "announcement"]
    assert [kept[-1]] == load_announcements(db)


def test_the_figures_keep_live_and_simulated_apart(api: Served, db: Connection) -> None:
    """Counted by county with its inspectors, rules in words, what was muted when it began apart."""
    now = datetime.now(UTC)
    for number in range(3):
        put_alarm(db, 65536 * (10 + number), raised_at=now - timedelta(days=2, hours=number), rule="limit:ph:high")
    put_alarm(db, 65536 * 20, 21, raised_at=now - timedelta(hours=1), rule="limit:ph:high")
    put_event(db, 65536 * 10, "acknowledged", "acknowledged", actor="inspector")
    put_event(db, 65536 * 11, "suppressed", "unacknowledged", journal_id=11)
    found = api.get("/alarm-figures", "inspector")
    assert (found["alarms"], found["muted"], found["simulated"], found["inspectors"]) == (2, 1, False, 1)
    assert [(each["county"], each["alarms"], each["inspectors"]) for each in found["counties"]] == [("320602", 2, 1)]
    assert found["top"][0]["rule_name_zh"] == "pH 值偏高"
    assert len(found["stale"]) == 2
    assert found["answering"]["acknowledged"] == 1
    assert found["enough"] is True
    assert api.get("/alarm-figures", "inspector", simulated=True)["alarms"] == 1
    far = api.client("inspector").get("/alarm-figures", params={"from": soon(-24 * 100), "to": soon(0)})
    assert "at most 92 days" in far.json()["detail"]
    assert "最多 92 天" in far.json()["detail_zh"]


def test_every_advice_and_every_state_has_words() -> None:
    """What the API may answer is in the catalogue."""
    advice = AlarmFigures.model_json_schema()["properties"]["advice"]["items"]["enum"]
    states = Alarm.model_json_schema()["properties"]["isa_state"]["enum"]
    keys = [f"alarm.advice.{each}" for each in advice] + [f"alarm.state.{each}" for each in states]
    assert len(keys) == 19
    assert [key for key in keys if key not in entries()] == []
