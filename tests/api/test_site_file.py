"""一户一档, 一人一档: what is entered is on file, in words, and printed."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pypdfium2

from registry.model import HOME_ZONE
from store.connections import Connection
from tests.api.conftest import Served, put_alarm

TODAY = datetime.now(ZoneInfo(HOME_ZONE)).date()


def entered(api: Served, path: str, body: Mapping[str, object], role: str = "inspector") -> int:
    """The number of what was entered."""
    return int(api.client(role).post(path, json=body).raise_for_status().json()["id"])


def fill(api: Served) -> int:
    """Licence, somebody who answers, a promise and a self-inspection; returns the person's number."""
    licence = {
        "kind": "公共场所卫生许可证",
        "number": "苏卫 1",
        "authority": "南通市卫生健康委员会",
        "issued_on": f"{TODAY - timedelta(days=400)}",
        "valid_until": f"{TODAY - timedelta(days=3)}",
    }
    entered(api, "/sites/P-1/licences", licence)
    entered(api, "/sites/P-1/responsible", {"name": "陈某", "phone": "0513", "role": "water", "since": "2025-01-01"})
    entered(api, "/sites/P-1/commitments", {"signed_on": "2026-01-01", "signed_by": "陈某", "text": "每两小时自测"})
    items = [{"item": "水质公示", "in_order": True}, {"item": "浸脚池", "in_order": False, "note": "余氯偏低"}]
    body = {"inspected_on": f"{TODAY - timedelta(days=1)}", "inspected_by": "陈某", "items": items}
    entered(api, "/sites/P-1/self-inspections", body, "venue")
    return int(api.get("/sites/P-1/file")["responsible"][0]["person"])


def test_what_was_entered_is_on_file_in_both_languages_and_on_paper(api: Served, db: Connection) -> None:
    """Dates, remaining days and due dates in words; the PDF holds the same; the promise counts in the credit."""
    fill(api)
    put_alarm(db, 65536)
    found = api.get("/sites/P-1/file", "venue")
    assert found["licences"][0]["days_left"] == -3
    assert found["devices"][0]["overdue"] is True, "an instrument that never was calibrated is overdue"
    assert [(each["priority"], each["alarms"]) for each in found["alarms"]] == [("high", 1)]
    counts = {item["fact"]: (item["count"], item["points"]) for item in found["credit"]["items"]}
    assert counts["commitment"] == (1, -5)
    parts = {part["title"]: part for part in api.get("/sites/P-1/file/page", lang="zh")}
    assert parts["许可证"]["rows"][1][-1] == "已过期 3 天"
    assert parts["监测设备"]["rows"][1][3] == "未校准"
    assert "浸脚池 (余氯偏低)" in parts["自查"]["rows"][1][-1]
    english = {part["title"]: part for part in api.get("/sites/P-1/file/page", lang="en")}
    assert english["Licences"]["rows"][1][-1] == "ended 3 days ago"
    assert english["Manual results"]["text"] == "Nothing is on file."
    answer = api.client("inspector").get("/sites/P-1/file.pdf").raise_for_status()
    pages = list(pypdfium2.PdfDocument(answer.content))
    printed = "".join(page.get_textpage().get_text_range() for page in pages).replace("\r\n", "")
    for words in ("一户一档", "崇川一号池", "苏卫 1", "每两小时自测", "已过期 3 天"):
        assert words in printed


def test_a_person_has_a_file_as_far_as_their_sites_are_in_scope(api: Served) -> None:
    """Certificates and sites; an inspector of another county finds nobody, and nobody is ended twice."""
    person = fill(api)
    licence = {"kind": "health", "name": "健康合格证", "issued_on": "2020-01-01", "valid_until": "2021-01-01"}
    entered(api, f"/responsible-persons/{person}/certificates", licence)
    found = api.get(f"/responsible-persons/{person}", "inspector")
    assert [(each["site"], each["role"], each["cases"]) for each in found["sites"]] == [("P-1", "water", 0)]
    assert [(each["name"], each["valid"]) for each in found["certificates"]] == [("健康合格证", False)]
    other = entered(api, "/sites/P-3/responsible", {"person": person, "role": "legal", "since": "2026-01-01"}, "centre")
    assert [each["site"] for each in api.get(f"/responsible-persons/{person}", "inspector")["sites"]] == ["P-1"]
    assert len(api.get(f"/responsible-persons/{person}", "centre")["sites"]) == 2
    end = {"until": f"{date(2026, 6, 30)}"}
    api.client("centre").post(f"/sites/P-3/responsible/{other}/end", json=end).raise_for_status()
    assert api.client("centre").post(f"/sites/P-3/responsible/{other}/end", json=end).status_code == 404
    assert api.client("inspector").get("/responsible-persons/999").status_code == 404
    stranger = api.client("inspector").post("/sites/P-1/responsible", json={"role": "legal", "since": "2026-01-01"})
    assert "give a name" in stranger.json()["detail"]
    assert "请填写姓名" in stranger.json()["detail_zh"]


def test_impossible_dates_are_refused_with_what_would_be_right(api: Served) -> None:
    """The sentence names the field, its value and the bound."""
    client = api.client("inspector")
    licence = {"kind": "k", "number": "n", "authority": "a", "issued_on": "2026-01-01", "valid_until": "2026-01-01"}
    assert "valid_until: 2026-01-01 must be after issued_on" in client.post("/sites/P-1/licences", json=licence).text
    good = {**licence, "valid_until": "2026-02-01"}
    entered(api, "/sites/P-1/licences", good)
    again = client.post("/sites/P-1/licences", json=good)
    assert again.status_code == 409
    assert again.json()["detail"].endswith("valid_until 2026-02-01: entered already")
    assert again.json()["detail_zh"].startswith("场所 P-1 已登记过此许可证：k，编号 n，")
    body = {"inspected_on": "2999-01-01", "inspected_by": "x", "items": [{"item": "i", "in_order": True}]}
    assert "is in the future" in client.post("/sites/P-1/self-inspections", json=body).text


def test_only_what_has_a_limit_can_be_within_it(api: Served, db: Connection) -> None:
    """Free chlorine with its share by month; bathers, which nothing limits, are no line of the file."""
    db.execute("INSERT INTO channel (id, device, indicator) VALUES (19, 'P-1-D1', 'bathers')")
    for channel, beyond in ((11, 5), (19, 0)):
        db.execute("INSERT INTO reading_day VALUES (%s, %s, 100, %s, 50, 0, 1)", (channel, TODAY, beyond))
    db.commit()
    found = api.get("/sites/P-1/file")["compliance"]
    assert [(each["indicator"], each["readings"], each["share"]) for each in found] == [("free_chlorine", 100, 0.95)]
