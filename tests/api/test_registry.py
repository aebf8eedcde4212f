"""Importing and exporting the registry over HTTP, on a real database."""

from typing import Any

import httpx
import pytest

from store import audit
from store.connections import Connection
from store.registry_rows import load_registry
from store.waste_registry import load_waste_registry
from tests.api.conftest import Served, eventually
from tests.workbooks import book

HEAD = ("场所编码", "名称", "区县", "经度", "纬度")


def venues(good: int, faulty: int) -> bytes:
    """A workbook of venues, the faulty ones in a county there is not."""
    rows = [
        (f"nt-{number:03d}", f"第{number}游泳馆", "崇川区" if number < good else "崇州区", 120.9, 32.0)
        for number in range(good + faulty)
    ]
    return book(场所=[HEAD, *rows])


def send(api: Served, content: bytes, mode: str, role: str = "administrator", name: str = "v.xlsx") -> httpx.Response:
    """Import a file."""
    return api.client(role).post("/registry/import", files={"file": (name, content)}, data={"mode": mode}, timeout=60)


def test_five_hundred_venues_of_which_forty_are_faulty_import_as_460_or_none(api: Served, db: Connection) -> None:
    """A dry run and all-or-none change nothing and name 40 mistakes; good rows gives 460 sites, on the map at once."""
    content = venues(460, 40)
    before = len(load_registry(db).sites)
    for mode in ("dry_run", "all_or_none"):
        report = send(api, content, mode).raise_for_status().json()
        assert not report["imported"]
        assert len(report["mistakes"]) == 40
        assert len(load_registry(db).sites) == before

    report = send(api, content, "good_rows").raise_for_status().json()
    assert report["imported"]
    assert len(report["mistakes"]) == 40
    assert report["mistakes"][0]["text_en"].startswith("“Venues”, row 462, “County” is “崇州区”: is not known;")
    assert "是不是“崇川区”？" in report["mistakes"][0]["text_zh"]
    assert len(load_registry(db).sites) == before + 460
    eventually(lambda: len(api.get("sites")) == before + 460, "the sites are shown", timeout=3)
    row = db.execute("SELECT kind, convert_from(body, 'UTF8')::jsonb FROM journal ORDER BY id DESC LIMIT 1").fetchone()
    assert row is not None
    assert (row[0], row[1]["what"]) == ("config", "registry")
    logged = api.get("audit", action="registry_imported")["items"][0]
    assert logged["actor"] == "administrator"
    assert logged["detail"]["site"] == {"new": 460, "changed": 0}
    assert audit.verify(db).ok


def test_what_is_exported_imports_without_a_change(api: Served) -> None:
    """The downloaded workbook and each CSV import as the same; the template imports as nothing."""
    for path in ("registry.xlsx", "registry/site.csv", "registry/channel.csv", "registry/template.xlsx"):
        content = api.client().get(f"/{path}").raise_for_status().content
        report = send(api, content, "all_or_none", name=path).raise_for_status().json()
        assert report["mistakes"] == []
        assert not report["imported"]
        assert all(each["rows"] == each["same"] for each in report["counts"])


@pytest.mark.parametrize("role", ["inspector", "venue", "public"])
def test_only_administrators_and_the_centre_import(api: Served, role: str) -> None:
    """Everybody else is refused, whatever the mode, and may not take the registry away either."""
    assert send(api, venues(1, 0), "dry_run", role).status_code == 403
    assert api.client(role).get("/registry.xlsx").status_code == 403


def test_a_person_of_one_county_imports_no_site_of_another(api: Served, db: Connection) -> None:
    """A scope holds for imports: the whole file is refused, naming the site."""
    db.execute("UPDATE person SET counties = '{320682}' WHERE username = 'centre'")
    eventually(lambda: api.get("me", "centre")["counties"] == ["320682"], "the scope is known")
    answer = send(api, venues(2, 0), "good_rows", "centre")
    assert answer.status_code == 403
    assert "nt-000" in answer.json()["detail"]
    assert "不在您负责的区县内" in answer.json()["detail_zh"]


@pytest.mark.parametrize(("name", "content"), [("a.xlsx", b"PK\x03\x04 torn"), ("a.csv", "甲,乙\n1,2".encode())])
def test_a_file_that_is_no_table_is_refused_in_words(api: Served, name: str, content: Any) -> None:
    """422 with a sentence in both languages."""
    answer = send(api, content, "dry_run", name=name)
    assert answer.status_code == 422
    assert answer.json()["detail"].isascii()
    assert any("一" <= each <= "鿿" for each in answer.json()["detail_zh"])


def institutions() -> bytes:
    """A workbook with an institution, its store, its scale and its part in medical waste, and a receiver."""
    sheets: dict[str, list[tuple[object, ...]]] = {
        "场所": [(*HEAD, "类别"), ("nt-h-1", "一院", "崇川区", 120.9, 32.0, "医疗废物暂存")],
        "采样点": [("场所编码", "采样点编码", "名称", "类型"), ("nt-h-1", "s1", "暂存间", "医疗卫生机构暂存间")],
        "设备": [
            ("设备编码", "场所编码", "采样点编码", "设备类型"),
            ("scale-1", "nt-h-1", "s1", "智能秤（带标签打印）"),
        ],
        "医废主体": [("场所编码", "主体类型", "床位数"), ("nt-h-1", "医疗卫生机构", 320)],
        "接收单位": [
            ("单位编码", "名称", "经营许可证编号", "有效期起", "有效期止"),
            ("r1", "处置中心", "L-1", "2025-01-01", "2029-12-31"),
        ],
    }
    return book(**sheets)


def test_an_institution_is_imported_with_its_part_in_medical_waste(api: Served, db: Connection) -> None:
    """One file; a person of a county may not bring what belongs to no venue; the export imports as the same."""
    db.execute("UPDATE person SET counties = '{320602}' WHERE username = 'centre'")
    eventually(lambda: api.get("me", "centre")["counties"] == ["320602"], "the scope is known")
    refused = send(api, institutions(), "all_or_none", "centre")
    assert (refused.status_code, "receiver r1 belongs to no venue" in refused.json()["detail"]) == (403, True)
    assert refused.json()["detail_zh"].startswith("接收单位 r1 不属于任何场所")
    report = send(api, institutions(), "all_or_none").raise_for_status().json()
    assert (report["mistakes"], report["imported"]) == ([], True)
    waste = load_waste_registry(db)
    assert (waste.parties["nt-h-1"].beds, waste.receivers["r1"].licence) == (320, "L-1")
    assert load_registry(db).devices["scale-1"].kind == "smart_scale"
    assert api.get("audit", action="registry_imported")["items"][0]["detail"]["waste_party"] == {"new": 1, "changed": 0}
    content = api.client().get("/registry.xlsx").raise_for_status().content
    again = send(api, content, "all_or_none").raise_for_status().json()
    assert (again["mistakes"], again["imported"]) == ([], False)
    mine = api.client("centre").get("/registry/waste_receiver.csv").raise_for_status().text
    assert "L-1" not in mine
    scale = {"code": "scale-2", "site": "nt-h-1", "sampling_point": "s1", "indicators": [], "kind": "smart_scale"}
    api.client().post("/devices", json=scale).raise_for_status()
    nothing = api.client().post("/devices", json={**scale, "code": "d-3", "kind": None})
    assert (nothing.status_code, "indicators is empty" in nothing.json()["detail"]) == (422, True)
