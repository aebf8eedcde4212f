"""The loop that the cities ask for, as four people live it: from the alarm to the evidence that a third one checks."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from docx import Document
from playwright.sync_api import Browser, Locator, Page, expect

from monitor.evidence.verify import CHAIN, MANIFEST, MESSAGES
from tests.browser.conftest import Screen, _opened, reader
from tests.browser.test_alarm import ALARM_WITHIN_MS
from tests.browser.test_screens import HAN
from tests.browser.test_three_logins import _end_faults, _registered, pool
from tests.evidence.test_verify import Files, files_of, forged, rows_of
from tests.system import System, eventually

__all__ = ["pool"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

ORDER, REPORT = "立即恢复加药，提交余氯复测记录和现场照片", "已更换加药泵，余氯复测 0.6 mg/L"
NUMBER, AUDIT = "通卫监意〔2026〕7号", "与设备校准记录和现场快检一致"
NAMES = {"centre": "中心值班", "inspector": "陈监督", "venue": "泳池负责人"}
LOADED_MS = 60_000
"""How long a step may take where other tests share the machine."""


@pytest.fixture
def desk(system: System, browser: Browser) -> Iterator[Callable[..., Screen]]:
    """Gives a person a desk of their own and opens a page there."""
    contexts = []

    def opened(path: str, username: str, password: str, first: str) -> Screen:
        context = reader(browser)
        context.set_default_timeout(LOADED_MS)
        contexts.append(context)
        screen = _opened(context, system, path)
        screen.sign_in(username, password, first)
        return screen

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.timeout(480)
def test_the_loop_from_alarm_to_verified_evidence(
    desk: Callable[..., Screen],
    signed_in: Callable[..., Screen],
    system: System,
    pool: dict[str, Any],
    tmp_path: Path,
) -> None:
    """The centre opens and assigns, the inspector orders, the venue reports with a photo, the inspector closes.

    The order opens in Word. The inspector makes the evidence package, the centre audits it, and anybody can verify
    it: whole, it is said to be; with a byte changed or a row removed, what and where. The administrator, who made the
    people, finds every step in the audit log. Each sees what is theirs.
    """
    whose = {"centre": {}, "inspector": {"counties": [pool["county"]]}, "venue": {"site": pool["code"]}}
    people = {role: _registered(system, {"role": role, "name": NAMES[role], **whose[role]}) for role in NAMES}
    alarm = raised(system, pool)

    centre = desk(f"alarms?alarm={alarm}", *people["centre"], ".ld-detail")
    number = opened_and_assigned(centre, alarm, NAMES["inspector"], NAMES["centre"])

    inspector = desk("cases", *people["inspector"], ".ld-tiles")
    inspector.of_simulated("case_book")
    expect(inspector.main.locator("[data-book=simulated]")).to_contain_text("模拟")
    row = inspector.page.locator(".ld-table tbody tr").filter(has_text=f"-{number:06d}")
    expect(row).to_contain_text("线索待核查")
    row.click()
    ordered(inspector)
    order_read(inspector, pool["name_zh"])

    corrected(system, alarm)
    venue = desk(f"cases?case={number}", *people["venue"], "[data-case]")
    reported(venue)
    inspector.page.reload()
    rechecked_and_closed(inspector)
    assert downloaded(inspector.page, paper(inspector.page, "closure.pdf")).startswith(b"%PDF-")

    package = audited(inspector, centre, number)
    verified(system, package, tmp_path)

    centre.page.goto(f"{centre.address}/alarms?alarm={alarm}&lang=zh")
    expect(centre.page.locator(f"[data-case-of='{alarm}']")).to_contain_text("已结案")
    expect(centre.page.locator(".st-key-evidence-alarm")).to_contain_text("证据包（0）")
    in_the_books(signed_in, system, number)
    assert centre.errors + inspector.errors + venue.errors == []


# ---------------------------------------------------------------------- the pool
def raised(system: System, pool: dict[str, Any]) -> int:
    """A warning of a pool that is no longer dosed; from then on time passes as it does."""
    basin = system.get(f"sites/{pool['code']}")["sampling_points"][0]["code"]
    fault = {"site": pool["code"], "sampling_point": basin, "fault": "dosing_failure"}
    system.post("simulators/faults", fault).raise_for_status()

    def found() -> Any:
        alarms = system.get("alarms", site=pool["code"], open=True)["items"]
        return next((each["id"] for each in alarms if each["kind"] == "limit"), None)

    number = int(eventually(found, "the warning is raised", ALARM_WITHIN_MS / 1000))
    system.post("simulators/speed", {"speed": 1}).raise_for_status()
    return number


def corrected(system: System, alarm: int) -> None:
    """The pool is dosed again, and its water is well."""
    _end_faults(system)
    system.post("simulators/speed", {"speed": 600}).raise_for_status()
    eventually(lambda: system.get(f"alarms/{alarm}")["returned_at"], "the water is well again", ALARM_WITHIN_MS / 1000)
    system.post("simulators/speed", {"speed": 1}).raise_for_status()


# ---------------------------------------------------------------------- the case
def opened_and_assigned(screen: Screen, alarm: int, *officers: str) -> int:
    """From the warning's page to a case, given to two officers; its number."""
    page = screen.page
    page.locator(f"[data-case-of='{alarm}']").click()
    page.locator(".st-key-case_open button").click()
    state(page, "lead")
    shoot(screen, "case-1-lead")
    choose(page, "指派人员")
    for officer in officers:
        page.locator("[class*=st-key-case_officers_assign] input").first.click()
        page.get_by_role("option", name=officer).first.click()
    page.keyboard.press("Escape")
    do(page, "指派人员")
    expect(page.locator("[data-step=assign]")).to_be_visible()
    return int(page.locator("[data-case]").get_attribute("data-case") or 0)


def ordered(screen: Screen) -> None:
    """Taken up, and ordered to correct within three days, by the two."""
    page = screen.page
    state(page, "lead")
    do(page, "受理核查")
    state(page, "verifying")
    say(page, "order", ORDER)
    page.locator("[class*=st-key-case_due_order]").get_by_role("spinbutton").first.click()
    page.keyboard.type(f"{last_day():%Y%m%d}")
    page.keyboard.press("Escape")
    page.get_by_text("其他操作为何不能进行").click()
    expect(page.locator("[data-why-not]")).to_contain_text("此时不能“复查合格”")
    screen.shoot("zh-case-2-order")
    do(page, "责令整改")
    state(page, "rectification")


def order_read(screen: Screen, venue: str) -> None:
    """The order is a Word file with the number that was typed, whom it is for, what is asked, by when and by whom."""
    page = screen.page
    link = paper(page, "supervision_opinion.docx")
    page.get_by_label("文书编号").fill(NUMBER)
    page.get_by_label("文书编号").press("Enter")
    expect(link).to_have_attribute("href", re.compile("number="))
    shoot(screen, "case-3-documents", page.locator(".st-key-case-documents"))
    paper(page, "supervision_opinion.docx")
    order = Document(io.BytesIO(downloaded(page, link)))
    cells = [cell for table in order.tables for row in table.rows for cell in row.cells]
    blocks = (order.sections[0].header, order, *cells)
    text = "\n".join(each.text for block in blocks for each in block.paragraphs)
    day = last_day()
    for part in (venue, NUMBER, "模拟数据", ORDER, f"{day.year}年{day.month}月{day.day}日", "GB 37488-2019"):
        assert part in text, part


def reported(screen: Screen) -> None:
    """The venue reads what is asked, and nothing of the lead; it answers with a photo."""
    page = screen.page
    expect(page.locator("[data-case]")).to_contain_text(ORDER)
    assert "预警" not in page.locator("[data-case]").inner_text()
    expect(page.locator(".ld-who")).not_to_contain_text("区县")
    expect(page.locator("[data-step]")).to_have_count(1)
    say(page, "feedback", REPORT)
    photo = page.screenshot(type="jpeg", clip={"x": 0, "y": 0, "width": 640, "height": 400})
    upload = page.locator("[class*=st-key-case_files_feedback] input[type=file]")
    upload.set_input_files({"name": "复测记录.jpg", "mimeType": "image/jpeg", "buffer": photo})
    expect(page.locator("[class*=st-key-case_files_feedback]")).to_contain_text("复测记录.jpg")
    do(page, "提交整改反馈")
    state(page, "feedback")
    page.locator(".st-key-case-pictures img").wait_for()
    shoot(screen, "case-4-feedback")


def rechecked_and_closed(screen: Screen) -> None:
    """The photo is seen, the recheck passes, and the case is closed with its reason."""
    page = screen.page
    state(page, "feedback")
    page.locator(".st-key-case-pictures img").wait_for()
    say(page, "recheck_passed", "现场复测合格")
    do(page, "复查合格")
    state(page, "rectified")
    page.locator("[class*=st-key-case_choice_close] input").first.click()
    page.get_by_role("option", name="整改合格", exact=True).click()
    say(page, "close", "按期整改，复查合格")
    do(page, "结案")
    state(page, "closed")
    shoot(screen, "case-5-closed")


# ---------------------------------------------------------------------- the evidence
def audited(maker: Screen, auditor: Screen, number: int) -> bytes:
    """A package made by one, who cannot audit it, and audited by another."""
    panel = opened_panel(maker.page, "evidence-case", "证据包")
    purpose = panel.get_by_label("用途")
    purpose.fill("结案归档")
    panel.get_by_role("button", name="制作证据包").hover()  # the panel has unfolded to its end
    panel.get_by_role("button", name="制作证据包").click()
    expect(purpose).to_have_value("")  # the form has gone
    expect(panel.locator("[data-package][data-state=draft]")).to_be_visible(timeout=LOADED_MS)
    expect(panel.get_by_role("button", name="审核通过")).to_have_count(0)

    auditor.page.goto(f"{auditor.address}/cases?case={number}&lang=zh")
    panel = opened_panel(auditor.page, "evidence-case", "证据包")
    panel.get_by_label("审核意见").fill(AUDIT)
    panel.get_by_role("button", name="审核通过").hover()  # the panel has unfolded to its end
    auditor.shoot("zh-evidence-1-audit")
    panel.get_by_role("button", name="审核通过").click()
    done = panel.locator("[data-package][data-state=accepted]")
    expect(done).to_contain_text(NAMES["centre"], timeout=LOADED_MS)
    expect(done).to_contain_text(AUDIT)
    panel.scroll_into_view_if_needed()
    auditor.shoot("zh-evidence-2-audited")
    assert downloaded(auditor.page, done.locator("[data-evidence='report.pdf']")).startswith(b"%PDF-")
    return downloaded(auditor.page, done.locator("[data-evidence='package.zip']"))


def verified(system: System, package: bytes, folder: Path) -> None:
    """`landun verify` and the checker in the package agree: whole; where a byte was changed; which row is missing."""
    published = folder / "anchors.jsonl"
    published.write_bytes(httpx.get(f"{system.api}/api/v1/anchors.jsonl").content)
    script = folder / "verify.py"
    script.write_bytes(files_of(package)["verify.py"])
    links = {int(line.split()[0]) for line in files_of(package)[CHAIN].decode().splitlines() if line[0] != ">"}
    row = next(each for each in rows_of(package) if {each - 1, each + 1} <= links)
    expected = {
        "whole": (package, 0, ["校验通过 WHOLE", "is published in anchor", "SIMULATED", "accepted"]),
        "changed": (byte_changed(package, MESSAGES), 1, ["NOT WHOLE", f"DOES NOT FIT  {MESSAGES}: "]),
        "removed": (forged(package, lambda files: remove(files, row)), 1, ["NOT WHOLE", f"row {row} is missing"]),
    }
    for name, (content, status, words) in expected.items():
        file = folder / f"{name}.zip"
        file.write_bytes(content)
        asked = [str(file), "--anchors", str(published)]
        for checker in (["-m", "landun", "verify"], ["-I", "-S", str(script)]):
            done = subprocess.run([sys.executable, *checker, *asked], capture_output=True, text=True, check=False)
            told = done.stdout + done.stderr
            assert (done.returncode, [each for each in words if each not in told]) == (status, []), f"{name}: {told}"


def byte_changed(package: bytes, name: str) -> bytes:
    """The package with one byte of a file in it changed, where the archive holds it."""
    changed = bytearray(package)
    changed[package.index(name.encode()) + len(name) + 40] ^= 1
    return bytes(changed)


def remove(files: Files, row: int) -> None:
    """Take a row of the journal out everywhere: its files, its line of the chain, the manifest's list."""
    for part in ("body", "raw"):
        files.pop(f"rows/{row}.{part}", None)
    lines = files[CHAIN].decode().splitlines(keepends=True)
    files[CHAIN] = "".join(line for line in lines if not line.startswith(f"{row} ")).encode()
    manifest = json.loads(files[MANIFEST])
    manifest["rows"].remove(row)
    files[MANIFEST] = json.dumps(manifest).encode()


def in_the_books(signed_in: Callable[..., Screen], system: System, number: int) -> None:
    """The administrator finds every step in the audit log, and the same case in English."""
    done = [each["action"] for each in system.get(f"cases/{number}")["steps"]]
    assert done == ["open", "assign", "accept", "order", "feedback", "recheck_passed", "close"]
    told = system.get("audit", subject=f"case:{number}")["items"]
    assert {each["action"] for each in told} >= {f"case_{each}" for each in done}

    screen = signed_in("en", f"cases?case={number}")
    page = screen.page
    expect(page.locator("[data-case]")).to_contain_text("Closed because")
    expect(page.locator("[data-case]")).to_contain_text("Warning: ")
    expect(screen.main).to_contain_text("What was done")
    panel = opened_panel(page, "evidence-case", "Evidence packages (1)")
    expect(panel.locator("[data-package]")).to_contain_text("audited and accepted")
    no_chinese(page)
    panel.scroll_into_view_if_needed()
    screen.shoot("en-evidence-2-audited")
    assert screen.errors == []


# ---------------------------------------------------------------------- steps on a page
def last_day() -> datetime:
    """The last day of the order, where the pool is."""
    return datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=3)


def shoot(screen: Screen, name: str, shown: Locator | None = None) -> None:
    """Keep a screenshot in both languages; in English, what can be pressed has no Chinese."""
    shown = shown or screen.page.locator("[data-case]")
    shown.scroll_into_view_if_needed()
    screen.shoot(f"zh-{name}")
    spoken(screen, "English", "en")
    no_chinese(screen.page)
    shown.scroll_into_view_if_needed()
    screen.shoot(f"en-{name}")
    spoken(screen, "中文", "zh")


def spoken(screen: Screen, name: str, language: str) -> None:
    """The page in another language, drawn for good."""
    screen.switch_language(name)
    expect(screen.page).to_have_url(re.compile(f"lang={language}"))
    settled(screen.page)


def no_chinese(page: Page) -> None:
    """No button has a Chinese word, but the one of the language."""
    buttons = " ".join(page.get_by_test_id("stMain").get_by_role("button").all_inner_texts())
    assert not HAN.findall(buttons), buttons


def settled(page: Page) -> None:
    """Streamlit has drawn the page for good."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def downloaded(page: Page, link: Locator) -> bytes:
    """What a link gives."""
    settled(page)
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes()


def opened_panel(page: Page, key: str, title: str) -> Locator:
    """A panel that folds, unfolded."""
    panel = page.locator(f".st-key-{key}")
    details = panel.locator("details")
    settled(page)
    if details.get_attribute("open") is None:
        panel.get_by_text(title).first.click()
    return panel


def paper(page: Page, name: str) -> Locator:
    """The link to a document, in its panel."""
    return opened_panel(page, "case-documents", "文书").locator(f"[data-document='{name}']")


def state(page: Page, name: str) -> None:
    """The case's page shows this state."""
    expect(page.locator(f"[data-case][data-state={name}]")).to_be_visible()


def choose(page: Page, action: str) -> None:
    """Choose what to do."""
    page.locator("[class*=st-key-case_action_]").get_by_text(action, exact=True).click()


def say(page: Page, action: str, words: str) -> None:
    """Fill in the words of an action."""
    page.locator(f"[class*=st-key-case_text_{action}_] textarea").fill(words)


def do(page: Page, action: str) -> None:
    """Do it."""
    page.locator("[class*=st-key-case_do_] button").filter(has_text=action).click()
