"""The loop that the cities ask for, as four people live it: found, ordered, corrected, looked at again, closed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.test_cases import photo
from tests.browser.conftest import VIEW, Screen, _opened
from tests.browser.test_alarm import ALARM_WITHIN_MS
from tests.browser.test_screens import HAN
from tests.browser.test_three_logins import _end_faults, _registered, pool
from tests.system import System, eventually

__all__ = ["pool"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

ORDER, REPORT = "立即恢复加药，提交余氯复测记录和现场照片", "已更换加药泵，余氯复测 0.6 mg/L"


@pytest.fixture
def desk(system: System, browser: Browser) -> Iterator[Callable[..., Screen]]:
    """Makes a person and opens the cases for them, at a desk of their own."""
    contexts = []

    def opened(path: str, username: str, password: str, first: str) -> Screen:
        context = browser.new_context(viewport=VIEW)  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        contexts.append(context)
        screen = _opened(context, system, path)
        screen.sign_in(username, password, first)
        return screen

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.timeout(240)
def test_a_warning_becomes_a_case_that_is_ordered_corrected_rechecked_and_closed(
    desk: Callable[..., Screen], signed_in: Callable[..., Screen], system: System, pool: dict[str, Any]
) -> None:
    """The centre opens and assigns, the inspector orders, the venue reports with a photo, the inspector closes.

    The administrator made the people and finds every step in the audit log; each sees what is theirs.
    """
    names = {"centre": "中心值班", "inspector": "陈监督", "venue": "泳池负责人"}
    whose = {"centre": {}, "inspector": {"counties": [pool["county"]]}, "venue": {"site": pool["code"]}}
    people = {role: _registered(system, {"role": role, "name": names[role], **whose[role]}) for role in names}
    alarm = alarm_at(system, pool)

    centre = desk(f"alarms?alarm={alarm}", *people["centre"], ".ld-detail")
    number = opened_and_assigned(centre, alarm, names["inspector"], names["centre"])

    inspector = desk("cases", *people["inspector"], ".ld-tiles")
    expect(inspector.main.locator("[data-book=simulated]")).to_contain_text("模拟")
    row = inspector.page.locator(".ld-table tbody tr").filter(has_text=f"-{number:06d}")
    expect(row).to_contain_text("线索待核查")
    row.click()
    ordered(inspector)

    venue = desk(f"cases?case={number}", *people["venue"], "[data-case]")
    reported(venue)

    inspector.page.reload()
    rechecked_and_closed(inspector)
    row = centre.page.locator(f"[data-case-of='{alarm}']")
    centre.page.goto(f"{centre.address}/alarms?alarm={alarm}&lang=zh")
    expect(row).to_contain_text("已结案")

    done = [each["action"] for each in system.get(f"cases/{number}")["steps"]]
    assert done == ["open", "assign", "accept", "order", "feedback", "recheck_passed", "close"]
    told = system.get("audit", subject=f"case:{number}")["items"]
    assert {each["action"] for each in told} == {f"case_{each}" for each in done}
    in_english(signed_in, number)
    assert centre.errors + inspector.errors + venue.errors == []


def alarm_at(system: System, pool: dict[str, Any]) -> int:
    """A warning of a pool that is no longer dosed; the fault ends as soon as it is raised."""
    basin = system.get(f"sites/{pool['code']}")["sampling_points"][0]["code"]
    fault = {"site": pool["code"], "sampling_point": basin, "fault": "dosing_failure"}
    system.post("simulators/faults", fault).raise_for_status()

    def raised() -> Any:
        found = system.get("alarms", site=pool["code"], open=True)["items"]
        return next((each["id"] for each in found if each["kind"] == "limit"), None)

    number = int(eventually(raised, "the warning is raised", ALARM_WITHIN_MS / 1000))
    _end_faults(system)
    return number


def opened_and_assigned(screen: Screen, alarm: int, *officers: str) -> int:
    """From the warning's page to a case, given to two officers; its number."""
    page = screen.page
    page.locator(f"[data-case-of='{alarm}']").click()
    page.locator(".st-key-case_open button").click()
    state(page, "lead")
    screen.shoot("case-1-lead")
    choose(page, "指派人员")
    for officer in officers:
        entry = page.locator("[class*=st-key-case_officers_assign] input").first
        entry.click()
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
    page.keyboard.type(f"{datetime.now(ZoneInfo('Asia/Shanghai')) + timedelta(days=3):%Y%m%d}")
    page.keyboard.press("Escape")
    page.get_by_text("其他操作为何不能进行").click()
    expect(page.locator("[data-why-not]")).to_contain_text("此时不能“复查合格”")
    screen.shoot("case-2-order")
    do(page, "责令整改")
    state(page, "rectification")


def reported(screen: Screen) -> None:
    """The venue reads what is asked, and nothing of the lead; it answers with a photo."""
    page = screen.page
    expect(page.locator("[data-case]")).to_contain_text(ORDER)
    assert "预警" not in page.locator("[data-case]").inner_text()
    expect(page.locator("[data-step]")).to_have_count(1)
    say(page, "feedback", REPORT)
    upload = page.locator("[class*=st-key-case_files_feedback] input[type=file]")
    upload.set_input_files({"name": "复测记录.png", "mimeType": "image/png", "buffer": photo()})
    expect(page.locator("[class*=st-key-case_files_feedback]")).to_contain_text("复测记录.png")
    do(page, "提交整改反馈")
    state(page, "feedback")
    page.locator(".st-key-case-pictures img").wait_for()
    screen.shoot("case-3-feedback")


def rechecked_and_closed(screen: Screen) -> None:
    """The photo is seen, the recheck passes, and the case is closed with its reason."""
    page = screen.page
    state(page, "feedback")
    page.locator(".st-key-case-pictures img").wait_for()
    say(page, "recheck_passed", "现场复测合格")
    do(page, "复查合格")
    state(page, "rectified")
    entry = page.locator("[class*=st-key-case_choice_close] input").first
    entry.click()
    page.get_by_role("option", name="整改合格", exact=True).click()
    say(page, "close", "按期整改，复查合格")
    do(page, "结案")
    state(page, "closed")
    screen.shoot("case-4-closed")


def in_english(signed_in: Callable[..., Screen], number: int) -> None:
    """The same case in English: no Chinese but what people wrote and are called."""
    screen = signed_in("en", f"cases?case={number}")
    screen.page.locator("[data-case]").wait_for()
    text = screen.page.locator("[data-case]").locator("xpath=..").inner_text()
    assert "Closed because" in text
    expect(screen.main).to_contain_text("What was done")
    buttons = " ".join(screen.page.get_by_role("button").all_inner_texts())
    assert not HAN.findall(buttons), buttons


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
