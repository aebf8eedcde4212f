"""Manual results, over the API."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from openpyxl import load_workbook

from store.connections import Connection
from tests.api.conftest import Served, eventually
from tests.workbooks import book

TAKEN = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)


def enter(api: Served, results: dict[str, str], site: str = "P-4", role: str = "administrator", **more: Any) -> Any:
    """Enter the results of a laboratory's sampling."""
    body = {
        "site": site,
        "sampling_point": "basin-1",
        "taken_at": TAKEN.isoformat(),
        "kind": "laboratory",
        "laboratory": "市疾控中心",
        "results": [{"indicator": indicator, "result": result} for indicator, result in results.items()],
    }
    return api.client(role).post("samples", json={**body, **more})


def site_samples(api: Served, code: str = "P-4") -> dict[str, Any] | None:
    """What the list of sites says of a site's samples."""
    found: dict[str, Any] | None = next(each for each in api.get("sites") if each["code"] == code)["samples"]
    return found


def states(api: Served, **query: Any) -> dict[str, str]:
    """What each result says, by indicator."""
    return {each["indicator"]: each["state"] for each in api.get("samples", **query)["items"]}


def test_results_are_judged_by_the_same_limits_and_shown_on_the_map(api: Served) -> None:
    """A site without instruments shows as suspected when its newest sample is outside a binding limit."""
    assert site_samples(api) is None
    answer = enter(
        api, {"colony_count": "320", "total_coliform": "未检出", "urea": "<0.5", "water_temperature": "31.6"}
    )
    said = answer.json()
    assert (answer.status_code, said["added"], said["known"], said["suspected"]) == (201, 4, 0, 1)
    assert len(set(said["ids"])) == 4
    assert states(api) == {
        "colony_count": "suspected",
        "total_coliform": "within",
        "urea": "within",
        "water_temperature": "advice",
    }
    colony = next(each for each in api.get("samples")["items"] if each["indicator"] == "colony_count")
    assert (colony["interval"], colony["standard"], colony["side"]) == ("≤ 200 CFU/mL", "GB 37488-2019", "high")
    eventually(lambda: site_samples(api), "the site knows of it")
    summary = site_samples(api)
    assert summary is not None
    assert (summary["state"], summary["results"], summary["suspected"]) == ("suspected", 4, 1)
    assert api.get("alarms")["total"] == 0, "a sample pages nobody"


def test_a_newer_result_takes_the_place_of_an_older(api: Served) -> None:
    """The site is well again when the same indicator was sampled anew and is within its limit."""
    enter(api, {"colony_count": "320"}).raise_for_status()
    enter(api, {"colony_count": "80"}, taken_at=(TAKEN + timedelta(days=1)).isoformat()).raise_for_status()
    found = eventually(lambda: (s := site_samples(api)) and s["state"] == "within" and s, "the newer counts")
    assert found["results"] == 1


def test_an_old_result_says_nothing_about_now(api: Served) -> None:
    """After 90 days a result is history: listed and judged by the limits of its day, but no state of the site."""
    enter(api, {"colony_count": "320"}, taken_at="2026-01-05T01:00:00Z").raise_for_status()
    enter(api, {"ph": "8.2"}, taken_at="2018-06-01T01:00:00Z", kind="quick_test").raise_for_status()
    assert states(api) == {"colony_count": "suspected", "ph": "within"}, "GB 9667-1996 allowed a pH of 8.2"
    enter(api, {"urea": "2.0"}).raise_for_status()
    found = eventually(lambda: site_samples(api), "the recent one counts")
    assert (found["state"], found["results"]) == ("within", 1)


def test_a_sample_is_judged_by_the_sites_own_rule_of_its_time(api: Served) -> None:
    """A rule set now does not touch a sample of two days ago; one taken from now on is judged by it."""
    rule = {"indicator": "urea", "hi": 2.0, "reason": "投诉较多，从严"}
    api.client().post("sites/P-4/rules", json=rule).raise_for_status()
    enter(api, {"urea": "2.5"}).raise_for_status()
    for seconds, result in ((2, "2.6"), (3, "3.6")):
        taken = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        enter(api, {"urea": result}, taken_at=taken).raise_for_status()
    told = ["suspected", "deviation", "within"]  # 3.6 mg/L is beyond GB 37488 as well
    eventually(lambda: [each["state"] for each in api.get("samples")["items"]] == told, "judged by its time")


def test_entering_the_same_twice_adds_nothing(api: Served) -> None:
    """A second click is answered with what is known already; another value is not taken over in silence."""
    enter(api, {"urea": "2.5"}).raise_for_status()
    assert enter(api, {"urea": "2.5"}).json() == {"added": 0, "known": 1, "suspected": 0, "ids": []}


def test_what_cannot_be_right_is_refused(api: Served, db: Connection) -> None:
    """A future time, a word, a value no method gives, another scenario's indicator and an unknown basin are named."""
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for results, more, complaint in (
        ({"urea": "2"}, {"taken_at": future}, ("taken_at: is in the future", "taken_at：采样时间在将来")),
        ({"urea": "gut"}, {}, ("result of urea, 'gut': must be a number", "尿素的结果 'gut'：应为数字")),
        ({"ph": "17"}, {}, ("out of range", "超出范围")),
        ({"chromaticity": "5"}, {}, ("not tested", "此类场所不检测该指标")),
        ({"urea": "2"}, {"sampling_point": "b9"}, ("is not one of P-4: basin-1", "场所 P-4 没有采样点 'b9'")),
    ):
        answer = enter(api, results, **more)
        assert answer.status_code == 422
        for told, language, other in zip(complaint, ("detail", "detail_zh"), reversed(complaint), strict=True):
            assert told in answer.json()[language]
            assert other not in answer.json()[language], "each language stands by itself"
    assert db.execute("SELECT count(*) FROM sample").fetchone() == (0,)


def test_a_withdrawn_result_stays_and_says_nothing(api: Served, db: Connection) -> None:
    """It is listed only when asked for, with who withdrew it and why, and may be entered anew."""
    enter(api, {"colony_count": "320"}).raise_for_status()
    number = api.get("samples")["items"][0]["id"]
    answer = api.client("inspector").post(f"samples/{number}/withdraw", json={"reason": "录入错误"})
    assert answer.status_code == 404, "an inspector of another county"
    answer = api.client("centre").post(f"samples/{number}/withdraw", json={"reason": "录入错误"})
    assert answer.json()["withdrawn_by"] == "centre"
    assert api.get("samples")["total"] == 0
    assert api.get("samples", withdrawn="true")["items"][0]["withdraw_reason"] == "录入错误"
    assert api.client("centre").post(f"samples/{number}/withdraw", json={"reason": "录入错误"}).status_code == 409
    assert enter(api, {"colony_count": "32"}).json()["added"] == 1
    written = db.execute("SELECT action FROM audit_log WHERE action <> 'sign_in' ORDER BY id").fetchall()
    assert [row[0] for row in written] == ["enter_samples", "withdraw_sample", "enter_samples"]


def workbook(rows: list[list[object]]) -> bytes:
    """A workbook as a clerk fills it in."""
    head = ["场所", "采样点", "采样时间", "方式", "指标", "结果", "采样人", "检测机构", "报告编号", "备注"]
    return book(检测结果=[head, *rows])


def send(api: Served, content: bytes, name: str = "results.xlsx", role: str = "administrator", **form: str) -> Any:
    """Import a file."""
    return api.client(role).post("samples/import", files={"file": (name, content)}, data=form)


def test_a_file_is_checked_first_and_its_mistakes_are_named_by_row(api: Served) -> None:
    """A dry run stores nothing; every faulty row has a sentence a clerk can act on; the good rows are imported."""
    content = workbook(
        [
            ["如皋四号池", "一号池", "2026-10-20 09:30", "实验室", "菌落总数", 320, "王芳", "市疾控中心", "R-1", None],
            ["P-4", None, "2026/10/20 09:30", "实验室", "大肠菌群", "未检出", None, None, None, None],
            ["如皋四号馆", None, "2026-10-20", "实验室", "尿素", 2, None, None, None, None],
            ["P-4", "二号池", "2026-10-20", "快检", "余氯", 0.5, None, None, None, None],
            ["P-4", None, "2030-10-20", "快检", "pH", 7.2, None, None, None, None],
            ["P-4", None, "2026-10-20", "快检", "尿素", "很高", None, None, None, None],
            ["P-4", None, "2026-10-20 09:30", "实验室", "菌落总数", 12, None, None, None, None],
        ]
    )
    report = send(api, content).json()
    assert (report["imported"], report["rows"], report["good"], report["added"]) == (False, 7, 2, 0)
    assert report["suspected"] == 1
    assert [each["row"] for each in report["mistakes"]] == [4, 5, 6, 7, 8]
    said = [each["text_zh"] for each in report["mistakes"]]
    assert "如皋四号池" in said[0], "it suggests the name that was meant"
    assert "一号池" in said[1]
    assert "将来" in said[2]
    assert "未检出" in said[3]
    assert "第 2 行重复" in said[4]
    assert api.get("samples")["total"] == 0
    done = send(api, content, dry_run="false").json()
    assert (done["imported"], done["added"]) == (True, 2)
    again = send(api, content, dry_run="false").json()
    assert (again["added"], again["known"]) == (0, 2)
    item = api.get("samples", state="suspected")["items"][0]
    assert (item["taken_at"], item["source"]) == ("2026-10-20T01:30:00Z", "results.xlsx"), "the site's clock"


def test_a_csv_does_as_well_and_another_table_is_refused(api: Served) -> None:
    """The template's headers in English, as CSV; a file that is something else is told so in both languages."""
    text = "Venue,Taken at,Method,Indicator,Result\nPool Four,2026-10-20 09:30,quick test,Free chlorine,<0.05\n"
    report = send(api, text.encode(), "r.csv", dry_run="false").json()
    assert (report["added"], report["suspected"]) == (1, 1)
    refused = send(api, b"a,b\n1,2\n", "x.csv")
    assert refused.status_code == 422
    assert "Samples" in refused.json()["detail"]
    assert "检测结果" in refused.json()["detail_zh"]
    book = load_workbook(io.BytesIO(api.client().get("samples/template.xlsx").content))
    assert "Result" in str(book.worksheets[0]["F1"].value)


def test_who_may_enter_results(api: Served) -> None:
    """Inspectors within their counties, the centre and administrators; venues and the public read."""
    assert enter(api, {"urea": "2"}, role="inspector").status_code == 404
    assert enter(api, {"urea": "2"}, site="P-1", role="inspector").status_code == 201
    for role in ("venue", "public"):
        assert enter(api, {"urea": "3"}, site="P-1", role=role).status_code == 403
    (seen,) = api.get("samples", "venue")["items"]
    assert (seen["site"], seen["entered_by"]) == ("P-1", None)
    rows: list[list[object]] = [["P-4", None, "2026-10-20", "快检", "pH", 7.2]]
    report = send(api, workbook(rows), role="inspector").json()
    assert (report["good"], len(report["mistakes"])) == (0, 1), "a site out of scope is not known to the file"
