"""Alarms: lists, history, and what people do about them.

The monitor is tested elsewhere; here its rows are written as it writes them.
"""

import csv
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from openpyxl import load_workbook

from store import audit, journal
from store.connections import Connection, connect
from tests.api.conftest import Served, eventually, put_alarm, put_event


@contextmanager
def monitor_applying(dsn: str) -> Iterator[list[dict[str, object]]]:
    """Applies ``action`` rows as the monitor does: event and cursor in one transaction; yields what it applied."""
    ending = threading.Event()
    applied: list[dict[str, object]] = []

    def follow() -> None:
        with connect(dsn) as connection:
            while not ending.wait(0.02):
                for entry in journal.read_after(connection, journal.cursor(connection, "monitor"), 10):
                    if entry.kind == "action":
                        action = journal.event_of(entry)
                        applied.append(action)
                        _apply(connection, entry.id, action)
                    journal.move_cursor(connection, "monitor", entry.id, datetime.now(UTC))
                connection.commit()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield applied
    finally:
        ending.set()
        thread.join()


def _apply(connection: Connection, journal_id: int, action: dict[str, str]) -> None:
    alarm_id = int(action["alarm"])
    if action["what"] == "acknowledge":
        connection.execute(
            "UPDATE alarm SET state = 'acknowledged', acknowledged_by = %s, acknowledged_at = now() WHERE id = %s",
            (action["actor"], alarm_id),
        )
        put_event(connection, alarm_id, "acknowledged", "acknowledged", journal_id, **_said(action))
    else:
        put_event(connection, alarm_id, "comment", "unacknowledged", journal_id, **_said(action))


def _said(action: dict[str, str]) -> dict[str, str]:
    return {"actor": action["actor"], "text": action["text"]}


def test_an_alarm_says_what_where_and_since_when(api: Served, db: Connection) -> None:
    """Names, text in both languages with value, unit, limit and clause, and times in UTC."""
    put_alarm(db, 65536)
    alarm = api.get("/alarms")["items"][0]
    assert (alarm["site_name_zh"], alarm["sampling_point_name_en"]) == ("崇川一号池", "Basin 1")
    assert (alarm["indicator_name_zh"], alarm["unit"], alarm["value"]) == ("游离性余氯", "mg/L", 0.12)
    for part in ("崇川一号池", "一号池", "游离性余氯", "0.12 mg/L", "0.3–1.0 mg/L", "GB 37488-2019 4.4.1 表4"):
        assert part in alarm["text_zh"]
    assert "Pool One" in alarm["text_en"]
    assert "违法" not in alarm["text_zh"]
    assert alarm["raised_at"].endswith("Z")
    assert alarm["county"] == "320602"


def test_alarms_are_filtered_and_paged(api: Served, db: Connection) -> None:
    """Each filter on its own, newest first, with the total over all pages."""
    now = datetime.now(UTC)
    put_alarm(db, 1, 11, raised_at=now - timedelta(hours=3))
    put_alarm(db, 2, 11, raised_at=now - timedelta(hours=2), priority="low", state="acknowledged")
    put_alarm(
        db,
        3,
        21,
        raised_at=now - timedelta(hours=1),
        state="returned_unacknowledged",
        returned_at=now,
        return_reason="closed",
    )
    put_alarm(db, 4, 31, raised_at=now, state="normal", returned_at=now, return_reason="within_limit")
    hours = (now - timedelta(hours=2, minutes=30)).isoformat()

    def ids(**filters: Any) -> list[int]:
        return [alarm["id"] for alarm in api.get("/alarms", **filters)["items"]]

    assert ids() == [4, 3, 2, 1]
    assert ids(open=True) == [2, 1]
    assert ids(open=False) == [4, 3]
    assert ids(state=["unacknowledged", "returned_unacknowledged"]) == [3, 1]
    assert ids(priority="low") == [2]
    assert ids(site="P-1") == [2, 1]
    assert ids(county="320682") == [4]
    assert ids(simulated=True) == [4, 3]
    assert ids(**{"from": hours}) == [4, 3, 2]
    assert ids(to=hours) == [1]
    page = api.get("/alarms", limit=2, offset=1)
    assert (page["total"], [alarm["id"] for alarm in page["items"]]) == (4, [3, 2])
    assert api.client().get("/alarms", params={"state": "loud"}).status_code == 422
    no_zone = api.client().get("/alarms", params={"from": "2026-01-01T00:00:00"}).json()
    assert "query parameter from: 2026-01-01T00:00:00 has no time zone" in no_zone["detail"]
    assert "参数 from：2026-01-01T00:00:00 没有时区" in no_zone["detail_zh"]


def test_acknowledging_goes_through_the_journal(api: Served, db: Connection) -> None:
    """A journal row and an audit row are written; once the monitor applied it, the alarm is answered."""
    put_alarm(db, 65536)
    with monitor_applying(api.dsn) as applied:
        answer = api.client("inspector").post("/alarms/65536/acknowledge", json={"comment": "已电话通知"})
    assert answer.status_code == 200
    alarm = answer.json()
    assert (alarm["state"], alarm["acknowledged_by"]) == ("acknowledged", "inspector")
    assert [(event["event"], event["actor"], event["text"]) for event in alarm["events"]] == [
        ("raised", None, None),
        ("acknowledged", "inspector", "已电话通知"),
    ]
    assert [(action["what"], action["alarm"], action["actor"]) for action in applied] == [
        ("acknowledge", 65536, "inspector")
    ]
    row = db.execute("SELECT actor, action, subject, detail FROM audit_log WHERE action = 'acknowledge'").fetchall()
    assert row == [("inspector", "acknowledge", "alarm:65536", {"text": "已电话通知"})]
    assert audit.verify(db).ok
    assert journal.verify(db).ok


def test_an_acknowledged_alarm_is_not_acknowledged_again(api: Served, db: Connection) -> None:
    """409 that says who did it, and nothing in the journal."""
    put_alarm(db, 65536, state="acknowledged", acknowledged_by="centre", acknowledged_at=datetime.now(UTC))
    answer = api.client().post("/alarms/65536/acknowledge")
    assert answer.status_code == 409
    assert "acknowledged already by centre" in answer.json()["detail"]
    assert "处于“已确认”，已由 centre 确认" in answer.json()["detail_zh"]
    assert journal.last_id(db) == 0


def test_comments_are_kept(api: Served, db: Connection) -> None:
    """A comment is an event of the alarm; an empty or endless one is refused."""
    put_alarm(db, 65536)
    with monitor_applying(api.dsn):
        answer = api.client().post("/alarms/65536/comment", json={"text": "现场复测 0.4 mg/L"})
    assert answer.status_code == 200
    assert answer.json()["events"][-1]["text"] == "现场复测 0.4 mg/L"
    for text in ("", "x" * 2001):
        assert api.client().post("/alarms/65536/comment", json={"text": text}).status_code == 422


def test_an_action_is_kept_while_the_monitor_is_away(api: Served, db: Connection) -> None:
    """202 with the journal row that the monitor will apply when it is back."""
    put_alarm(db, 65536)
    answer = api.client().post("/alarms/65536/acknowledge", json={})
    assert answer.status_code == 202
    entry = journal.read_after(db, answer.json()["journal_id"] - 1, 1)[0]
    assert (entry.kind, journal.event_of(entry)["alarm"]) == ("action", 65536)
    with monitor_applying(api.dsn):
        eventually(lambda: api.get("/alarms/65536")["state"] == "acknowledged", "the monitor came back and applied it")


def test_an_unknown_alarm_is_named(api: Served) -> None:
    """404 with the number that was asked for."""
    answer = api.client().get("/alarms/42")
    assert answer.status_code == 404
    assert "alarm 42 does not exist" in answer.json()["detail"]


def test_alarm_files_follow_the_filter(api: Served, db: Connection) -> None:
    """The files hold what the list holds, in local time, marked where simulated, formulas disarmed."""
    put_alarm(db, 1, 11, acknowledged_by="=cmd()", raised_at=datetime(2026, 4, 1, tzinfo=UTC))
    put_alarm(db, 2, 21)
    rows = list(csv.DictReader(io.StringIO(_body(api.client().get("/alarms.csv", params={"site": "P-1"}).content))))
    assert len(rows) == 1
    assert rows[0]["数据来源 Source"] == "在线仪器 on-line instrument"
    assert rows[0]["预警时间 Raised"] == "2026-04-01 08:00:00+08:00"
    assert rows[0]["确认人 Acknowledged by"] == "'=cmd()"
    assert rows[0]["级别 Priority"] == "高"
    book = load_workbook(io.BytesIO(api.client().get("/alarms.xlsx", params={"simulated": True}).content))
    cells = list(book.worksheets[0].iter_rows(min_row=4, values_only=True))
    assert [row[:2] for row in cells] == [(2, "模拟 simulated")]


def _body(content: bytes) -> str:
    """The CSV without the two lines of its note."""
    return content.decode("utf-8-sig").split("\r\n", 2)[2]


def test_an_alarm_without_words_hides_no_other(api: Served, db: Connection) -> None:
    """A kind that the catalogue does not know is shown by its condition, and the rest goes on."""
    put_alarm(db, 1, kind="unheard_of", condition="channel:11:odd")
    put_alarm(db, 2, 21)
    texts = {alarm["id"]: alarm["text_zh"] for alarm in api.get("/alarms")["items"]}
    assert texts[1] == "channel:11:odd"
    assert "游离性余氯" in texts[2]
    eventually(lambda: api.get("/sites/P-2")["open_alarms"]["high"] == 1, "refreshing goes on")
