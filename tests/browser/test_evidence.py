"""From an alarm to a package that a second person audited and a third can check; from a case to its documents."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from docx import Document
from playwright.sync_api import Locator, Page, expect

from monitor.evidence.verify import check
from tests.browser.conftest import Screen
from tests.browser.test_three_logins import _calm_pool, _end_faults, _registered
from tests.evidence.test_verify import forged
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


def limit_alarm(system: System) -> dict[str, Any] | None:
    """An alarm of a pool beyond a limit."""
    items: list[dict[str, Any]] = system.get("alarms", limit=200)["items"]
    return next((each for each in items if each["kind"] == "limit"), None)


@pytest.fixture
def alarm(system: System) -> Iterator[dict[str, Any]]:
    """An alarm of a pool: one that is there, or one of a fault at ×600; afterwards all is as before."""
    found = limit_alarm(system)
    if found is None:
        system.post("simulators/speed", {"speed": 600}).raise_for_status()
        code = eventually(lambda: _calm_pool(system), "an open simulated pool that is well", 60)["code"]
        basin = system.get(f"sites/{code}")["sampling_points"][0]["code"]
        fault = {"site": code, "sampling_point": basin, "fault": "dosing_failure"}
        system.post("simulators/faults", fault).raise_for_status()
        found = eventually(lambda: limit_alarm(system), "an alarm of the pool", 120)
    yield found
    _end_faults(system)
    system.post("simulators/speed", {"speed": 1})


def downloaded(page: Page, link: Locator) -> bytes:
    """What a link gives, once Streamlit has drawn it for good."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes()


@pytest.mark.timeout(240)
def test_evidence_by_two_people_and_documents(
    signed_in: Callable[..., Screen], at: Callable[[str], Screen], system: System, alarm: dict[str, Any]
) -> None:
    """One person makes the package, another audits it; it is whole until a byte is changed. The case's order opens."""
    case = system.post("cases", {"site": alarm["site"], "source": "alarm", "alarms": [alarm["id"]]})
    number = case.json()["id"] if case.status_code == 201 else system.get("cases", alarm=alarm["id"])["items"][0]["id"]

    mine = signed_in("zh", f"alarms?alarm={alarm['id']}")
    panel = mine.page.locator(".st-key-evidence-alarm")
    panel.get_by_text("证据包").first.click()
    panel.get_by_label("用途").fill("线索核查")
    panel.get_by_role("button", name="制作证据包").click()
    expect(panel.locator("[data-package][data-state=draft]").first).to_be_visible(timeout=60_000)
    expect(panel.get_by_role("button", name="审核通过")).to_have_count(0)

    theirs = at(f"alarms?alarm={alarm['id']}")
    theirs.sign_in(*_registered(system, {"role": "centre", "name": "李审核"}), first=".ld-detail")
    panel = theirs.page.locator(".st-key-evidence-alarm")
    panel.get_by_text("证据包").first.click()
    panel.get_by_label("审核意见").first.fill("与设备校准记录和现场快检一致")
    panel.get_by_role("button", name="审核通过").first.click()
    done = panel.locator("[data-package][data-state=accepted]").first
    expect(done).to_contain_text("李审核", timeout=60_000)
    theirs.shoot("evidence-2-audited")
    package = downloaded(theirs.page, done.locator("[data-evidence='package.zip']"))
    published = httpx.get(f"{system.api}/api/v1/anchors.jsonl").content
    found = check(package, published)
    assert found.faults == []
    assert any("is published in anchor" in note for note in found.notes)
    assert any("SIMULATED" in note for note in found.notes)
    changed = bytearray(package)
    changed[len(changed) // 2] ^= 1
    assert check(bytes(changed), published).faults
    row = found.manifest["rows"][0]
    (fault, *_) = check(forged(package, lambda files: files.pop(f"rows/{row}.body")), published).faults
    assert fault.where == f"journal row {row}"
    assert "was removed" in fault.what
    assert downloaded(theirs.page, done.locator("[data-evidence='report.pdf']")).startswith(b"%PDF-")

    page = signed_in("zh", f"cases?case={number}").page
    papers = page.locator(".st-key-case-documents")
    papers.get_by_text("文书").first.click()
    papers.get_by_label("文书编号").fill("通卫监意〔2026〕7号")
    papers.get_by_label("文书编号").press("Enter")
    link = papers.locator("[data-document='supervision_opinion.docx']")
    expect(link).to_have_attribute("href", re.compile("number="))
    order = Document(io.BytesIO(downloaded(page, link)))
    text = "\n".join(each.text for each in (*order.sections[0].header.paragraphs, *order.paragraphs))
    assert alarm["site_name_zh"] in text
    assert "通卫监意〔2026〕7号" in text
    assert "模拟数据" in text
    assert downloaded(page, papers.locator("[data-document='closure.pdf']")).startswith(b"%PDF-")
    page.screenshot(path=mine.shoot("evidence-1-draft").with_name("evidence-3-documents.png"))
