"""Cases over the API: the loop, who sees what, files, boards, figures."""

import hashlib
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from monitor.supervision.attachments import MOST_FILES
from monitor.supervision.book import raise_priorities
from monitor.supervision.case import Case
from monitor.supervision.machine import Opening, opened, step
from monitor.supervision.rows import act_of, case_of
from store import audit, cases, people
from store.connections import Connection
from store.people import Person
from tests.api.conftest import PASSWORD_HASH, REGISTERED, Served, eventually, put_alarm

OFFICERS = ["inspector", "centre"]
NANTONG = ZoneInfo("Asia/Shanghai")


def photo() -> bytes:
    """A picture of one pixel, as a telephone might send it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def today(days: int = 0) -> str:
    """A local day."""
    return (datetime.now(NANTONG).date() + timedelta(days=days)).isoformat()


def lead(api: Served, role: str = "inspector", **more: Any) -> dict[str, Any]:
    """A new case at P-1."""
    body = {"site": "P-1", "source": "inspection", "subject": "余氯检测记录缺失", **more}
    answer = api.client(role).post("cases", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def act(api: Served, case: int, action: str, role: str = "inspector", **more: Any) -> httpx.Response:
    """A step with everything filled in that it may need."""
    body = {"action": action, "text": "说明", **more}
    return api.client(role).post(f"cases/{case}/act", json=body)


def do(api: Served, case: int, *actions: str) -> dict[str, Any]:
    """Steps that must succeed; orders are due in a week, by two officers."""
    answer: dict[str, Any] = {}
    for action in actions:
        more: dict[str, Any] = {"officers": OFFICERS} if action not in {"accept", "close", "note"} else {}
        if action in {"order", "guide", "work_order", "recheck_failed"}:
            more["due"] = today(7)
        done = act(api, case, action, **more)
        assert done.status_code == 200, done.text
        answer = done.json()
    return answer


def report(api: Served, case: int, *files: tuple[str, bytes]) -> httpx.Response:
    """The venue's feedback with files."""
    parts = [("files", each) for each in files]
    return api.client("venue").post(f"cases/{case}/feedback", data={"text": "已加药并复测"}, files=parts or None)


def test_the_whole_loop_is_kept_step_by_step(api: Served, db: Connection) -> None:
    """Warning, lead, order, feedback with a photo, recheck, closure: each step with person and time, all audited."""
    put_alarm(db, 65536)
    case = lead(api, source="alarm", subject="", alarms=[65536])
    number = case["id"]
    assert "崇川一号池" in case["subject"]
    assert (case["state"], case["clock"], case["priority"]) == ("lead", "assess", "high")
    do(api, number, "accept", "order")
    answered = report(api, number, ("photo.png", photo()))
    assert answered.status_code == 200, answered.text
    (mine,) = api.get("notifications/inbox", "venue")["items"]
    assert (mine["title"], mine["body"], mine["reason"]) == (
        f"线索 {number}：责令整改",
        f"说明\n期限：{today(7)}",
        "case",
    )
    assert [each["why"]["action"] for each in api.get("notifications/inbox", "inspector")["items"]] == ["feedback"]
    do(api, number, "recheck_passed")
    closed = act(api, number, "close", closure="rectified").json()
    assert (closed["state"], closed["closure"], closed["due_at"], closed["clock_info"]) == (
        "closed",
        "rectified",
        None,
        None,
    )
    assert [each["action"] for each in closed["steps"]] == [
        "open",
        "accept",
        "order",
        "feedback",
        "recheck_passed",
        "close",
    ]
    assert [each["id"] for each in closed["alarms"]] == [65536]
    (kept,) = closed["files"]
    assert (kept["name"], kept["media_type"], kept["sha256"]) == (
        "photo.png",
        "image/png",
        hashlib.sha256(photo()).hexdigest(),
    )
    got = api.client("inspector").get(f"cases/{number}/files/{kept['id']}")
    assert (got.content, got.headers["x-content-type-options"]) == (photo(), "nosniff")
    logged = db.execute("SELECT action, actor FROM audit_log WHERE subject = %s ORDER BY id", (f"case:{number}",))
    assert logged.fetchall() == [
        ("case_open", "inspector"),
        ("case_accept", "inspector"),
        ("case_order", "inspector"),
        ("case_feedback", "venue"),
        ("case_recheck_passed", "inspector"),
        ("case_close", "inspector"),
    ]
    assert audit.verify(db).ok
    assert refolded(db, number) == kept_case(db, number)


def kept_case(db: Connection, number: int) -> Case:
    """The case as its row says."""
    row = cases.find_case(db, number)
    assert row is not None
    return case_of(row)


def refolded(db: Connection, number: int) -> Case:
    """The case that its events make."""
    now = kept_case(db, number)
    first, *rest = [act_of(event) for event in cases.case_events(db, number)]
    opening = Opening(
        now.site, now.county, now.zone, now.simulated, now.source, now.subject, first.priority, now.source_ref
    )
    case = opened(opening, first)
    for each in rest:
        case = step(case, each)
    return case


def test_what_is_possible_and_why_the_rest_is_not(api: Served) -> None:
    """Each action says whether it can be done now; closing says so for each of its reasons."""
    number = lead(api)["id"]
    do(api, number, "accept", "order")
    found = {each["action"]: each for each in api.get(f"cases/{number}", "inspector")["actions"]}
    assert found["feedback"]["possible"]
    assert found["recheck_passed"]["possible"]
    assert found["recheck_passed"]["asks"] == ["text", "officers"]
    assert not found["close"]["possible"]
    assert "责令整改" in found["close"]["why_not_zh"]
    assert not found["reopen"]["possible"]
    reasons = {each["value"]: each for each in found["transfer"]["choices"]}
    assert reasons["suspected_breach"]["possible"]
    assert "期限未过" in reasons["overdue"]["why_not_zh"]


def test_conditions_that_are_not_met_are_all_named(api: Served) -> None:
    """409 names each missing condition in both languages, and nothing has changed."""
    number = lead(api)["id"]
    do(api, number, "accept")
    answer = act(api, number, "order", text=" ", officers=["inspector"])
    assert answer.status_code == 409
    for word in ("Two different officers", "Set the last day", "Say what was found"):
        assert word in answer.json()["detail"]
    for word in ("两名", "请设定最后一天", "请写明情况"):
        assert word in answer.json()["detail_zh"]
    assert api.get(f"cases/{number}", "inspector")["state"] == "verifying"


def test_officers_are_people_of_the_county(api: Served, db: Connection) -> None:
    """A venue, a stranger and an inspector of another county are no officers of a case."""
    people.save(db, Person("rugao", "如皋监督员", "inspector", ("320682",), None, PASSWORD_HASH), REGISTERED)
    eventually(lambda: len(api.get("cases/officers")) == 3, "the new inspector is known")
    assert [each["username"] for each in api.get("cases/officers", county="320602")] == ["centre", "inspector"]
    number = lead(api)["id"]
    for username, why in (("venue", "not an inspector"), ("nobody", "not an inspector"), ("rugao", "not responsible")):
        answer = act(api, number, "assign", officers=[username])
        assert (answer.status_code, why in answer.text) == (422, True)
        assert f"“{username}”不" in answer.json()["detail_zh"]
    assigned = act(api, number, "assign", officers=OFFICERS).json()
    assert (assigned["officer_name"], assigned["second_officer"]) == ("inspector 某人", "centre")


def test_a_venue_sees_what_concerns_it_and_no_more(api: Served) -> None:
    """Nothing before the first demand; then the demand, its own feedback and the outcome, never the lead behind it."""
    number = lead(api, source="complaint", source_ref="12345-118", subject="家长投诉", text="投诉人电话 13800001234")[
        "id"
    ]
    do(api, number, "accept", "note")
    assert api.get("cases", "venue")["total"] == 0
    assert api.client("venue").get(f"cases/{number}").status_code == 404
    assert report(api, number).status_code == 404
    do(api, number, "order")
    attached = api.client("inspector").post(f"cases/{number}/files", files=[("files", ("a.png", photo()))])
    assert attached.status_code == 200
    report(api, number, ("photo.png", photo())).raise_for_status()
    seen = api.get(f"cases/{number}", "venue")
    assert [each["action"] for each in seen["steps"]] == ["order", "feedback"]
    assert [each["name"] for each in seen["files"]] == ["photo.png"]
    for hidden in ("家长", "12345-118", "13800001234", "complaint"):
        assert hidden not in str(seen)
    assert seen["steps"][0]["officers"] == ["inspector 某人", "centre 某人"]
    secret = api.get(f"cases/{number}", "inspector")["files"][0]["id"]
    assert api.client("venue").get(f"cases/{number}/files/{secret}").status_code == 404
    assert api.client("venue").post(f"cases/{number}/act", json={"action": "note", "text": "x"}).status_code == 403
    assert {each["action"] for each in seen["actions"]} == {"feedback"}


def test_cases_are_scoped_by_county(api: Served) -> None:
    """Another county's case is as if not there, also for opening, acting and asking by county."""
    number = lead(api, "centre", site="P-3")["id"]
    assert api.client("inspector").get(f"cases/{number}").status_code == 404
    assert act(api, number, "accept").status_code == 404
    assert api.client("inspector").get("cases?county=320682").status_code == 404
    refused = {"site": "P-3", "source": "inspection", "subject": "x"}
    assert api.client("inspector").post("cases", json=refused).status_code == 404
    assert api.get("cases", "inspector")["total"] == 0
    assert api.get("cases", "centre")["total"] == 1


def test_a_file_that_is_not_taken_leaves_the_case_as_it_was(api: Served) -> None:
    """Refused with what would be right; also too many at once."""
    number = lead(api)["id"]
    do(api, number, "accept", "order")
    answer = report(api, number, ("a.png", photo()), ("b.png", b"<svg onload=alert(1)>"))
    assert (answer.status_code, "not of a kind" in answer.text) == (422, True), answer.text
    answer = report(api, number, *[(f"{each}.png", photo()) for each in range(MOST_FILES + 1)])
    assert (answer.status_code, "At most 9 files" in answer.text) == (422, True), answer.text
    assert answer.json()["detail_zh"] == "一次最多 9 个文件，现为 10 个。"
    seen = api.get(f"cases/{number}", "venue")
    assert (seen["state"], seen["files"]) == ("rectification", [])


def test_a_warning_is_in_one_case_and_leads_to_it(api: Served, db: Connection) -> None:
    """A second case from the same warning is a 409 with the first one's number; more warnings join the first."""
    put_alarm(db, 65536)
    put_alarm(db, 65537)
    put_alarm(db, 65538, 31)
    number = lead(api, source="alarm", alarms=[65536])["id"]
    again = api.client("inspector").post("cases", json={"site": "P-1", "source": "alarm", "alarms": [65536]})
    assert (again.status_code, f"in case {number}" in again.text) == (409, True)
    assert [each["id"] for each in api.get("cases", "inspector", alarm=65536)["items"]] == [number]
    assert api.get("cases", "inspector", alarm=65537)["total"] == 0
    added = act(api, number, "add_alarms", alarms=[65537]).json()
    assert [each["id"] for each in added["alarms"]] == [65536, 65537]
    assert act(api, number, "add_alarms", alarms=[65538]).status_code == 422, "another site's"


def test_a_case_whose_warning_got_worse_says_so(api: Served, db: Connection) -> None:
    """Its history has the step, by the platform with the new priority, which the row's fold gives too."""
    put_alarm(db, 65536, priority="medium")
    number = lead(api, source="alarm", alarms=[65536])["id"]
    db.execute("UPDATE alarm SET priority = 'high'")
    assert raise_priorities(db, datetime.now(UTC)) == [number]
    case = api.get(f"cases/{number}", "inspector")
    last = case["steps"][-1]
    assert (case["priority"], last["action"], last["actor"], last["priority"]) == (
        "high",
        "raise_priority",
        "platform",
        "high",
    )
    assert "raise_priority" not in {each["action"] for each in case["actions"]}
    assert refolded(db, number) == kept_case(db, number)


def test_two_leads_of_a_site_become_one_case(api: Served, db: Connection) -> None:
    """The merged case is closed and says where its warnings are; it cannot go into itself or another site's."""
    put_alarm(db, 65536)
    first, second = lead(api)["id"], lead(api, source="alarm", alarms=[65536])["id"]
    elsewhere = lead(api, site="P-2")["id"]
    for unfit in (second, elsewhere):
        assert act(api, second, "merge", into=unfit).status_code == 409
    merged = act(api, second, "merge", into=first).json()
    assert (merged["state"], merged["closure"], merged["merged_into"]) == ("closed", "merged", first)
    assert [each["id"] for each in api.get(f"cases/{first}", "inspector")["alarms"]] == [65536]
    for number in (first, second):
        assert refolded(db, number) == kept_case(db, number)


def test_a_closed_case_is_reopened_by_the_centre(api: Served) -> None:
    """With a reason, and its history goes on; an inspector may not."""
    number = lead(api)["id"]
    do(api, number, "accept")
    act(api, number, "close", closure="false_alarm").raise_for_status()
    assert act(api, number, "reopen").status_code == 409
    reopened = act(api, number, "reopen", "centre", text="新的抽检结果").json()
    assert (reopened["state"], reopened["closure"]) == ("verifying", None)
    assert [each["action"] for each in reopened["steps"]] == ["open", "accept", "close", "reopen"]


def overdue(db: Connection, number: int, days: int) -> None:
    """Let a case's time have passed: everything happened so many days earlier."""
    shift = timedelta(days=days)
    db.execute(
        "UPDATE case_record SET opened_at = opened_at - %(s)s, since = since - %(s)s, due_at = due_at - %(s)s, "
        "due_day = due_day - %(d)s, measure_due_at = measure_due_at - %(s)s WHERE id = %(id)s",
        {"s": shift, "d": days, "id": number},
    )


def test_boards_and_the_list_with_the_overdue_first(api: Served, db: Connection) -> None:
    """Counts by county, officer and state; the list is by deadline; live and simulated cases are two books."""
    live, late, demo = lead(api)["id"], lead(api)["id"], lead(api, site="P-2")["id"]
    do(api, late, "accept", "order")
    overdue(db, late, 20)
    listed = api.get("cases", "inspector", open=True, simulated=False)
    assert [(each["id"], each["overdue"]) for each in listed["items"]] == [(late, True), (live, False)]
    assert listed["items"][0]["days_left"] == 7 - 20
    assert [each["id"] for each in api.get("cases", "inspector", overdue=True)["items"]] == [late]
    assert [each["id"] for each in api.get("cases", "inspector", officer="centre")["items"]] == [late]
    assert [each["id"] for each in api.get("cases", "inspector", simulated=True)["items"]] == [demo]
    board = api.get("cases/board", "inspector", simulated=False)
    assert (board["total"]["open"], board["total"]["overdue"]) == (2, 1)
    assert [(line["key"], line["open"], line["overdue"]) for line in board["counties"]] == [("320602", 2, 1)]
    assert [(line["name_zh"], line["open"]) for line in board["officers"]] == [("inspector 某人", 1), ("未指派", 1)]
    assert {line["key"]: line["open"] for line in board["states"]} == {"rectification": 1, "lead": 1}
    assert api.get("cases/board", "inspector", simulated=True)["total"]["open"] == 1
    written = api.client("inspector").get("cases.csv?open=true").content.decode("utf-8-sig").splitlines()
    assert len([line for line in written if "-0000" in line]) == 3
    first = next(line for line in written if "-0000" in line)
    assert "逾期 overdue" in first
    assert "责令整改 ordered to correct" in first
    assert next(line for line in written if f"-{demo:06d}" in line).startswith("模拟")


def test_figures_count_what_was_due_and_checked(api: Served, db: Connection) -> None:
    """Corrections in time ÷ corrections due, rechecks passed ÷ rechecks; nothing due gives no share, not zero."""
    nothing = api.get("cases/figures", "inspector")
    assert (nothing["corrections_due"], nothing["on_time_share"], nothing["recheck_pass_share"]) == (0, None, None)
    good, bad = lead(api)["id"], lead(api)["id"]
    for number in (good, bad):
        do(api, number, "accept", "order")
        report(api, number).raise_for_status()
    do(api, good, "recheck_passed")
    do(api, bad, "recheck_failed")
    act(api, good, "close", closure="rectified").raise_for_status()
    later = (datetime.now(UTC) + timedelta(days=10)).isoformat()
    found = api.get("cases/figures", "inspector", to=later)
    assert (found["opened"], found["closed"], found["closures"]) == (2, 1, [{"closure": "rectified", "cases": 1}])
    assert (found["corrections_due"], found["corrected_on_time"], found["on_time_share"]) == (2, 1, 0.5)
    assert (found["rechecks"], found["recheck_pass_share"]) == (2, 0.5)
    assert api.get("cases/figures", "inspector", to=later, simulated=True)["opened"] == 0
