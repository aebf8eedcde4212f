"""From a fault to normal again, as three people live it: the centre, an inspector with a telephone, the venue."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Screen, _opened, reader
from tests.browser.test_alarm import ALARM_WITHIN_MS
from tests.browser.test_screens import HAN
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
HALL: Final[dict[str, Any]] = {"viewport": {"width": 1920, "height": 1080}}
INSPECTOR, VENUE = "陈建国", "泳池值班"
REPLY: Final = "药桶已加满，正在恢复"


@pytest.fixture
def people(system: System, browser: Browser) -> Iterator[Callable[..., Screen]]:
    """Makes a person and opens their page on a telephone, or a page without sign-in on a hall's screen."""
    contexts = []

    def opened(path: str, view: dict[str, Any], person: dict[str, Any] | None, first: str) -> Screen:
        context = reader(browser, **view)
        context.set_default_timeout(60_000)
        contexts.append(context)
        screen = _opened(context, system, path)
        if person is not None:
            screen.sign_in(*_registered(system, person), first)
        return screen

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def pool(system: System) -> Iterator[dict[str, Any]]:
    """An open simulated pool without alarms, at ×600; afterwards no fault is left and the speed is real."""
    system.post("simulators/speed", {"speed": 600}).raise_for_status()
    yield eventually(lambda: _calm_pool(system), "an open simulated pool that is well", 60)
    _end_faults(system)
    system.post("simulators/speed", {"speed": 1})


@pytest.mark.timeout(480)
def test_a_fault_is_told_acknowledged_tested_and_over(
    people: Callable[..., Screen], signed_in: Callable[..., Screen], system: System, pool: dict[str, Any]
) -> None:
    """A message reaches the inspector's inbox; they acknowledge, say they come and test; the venue reads and answers.

    Meanwhile the display in the hall shows the value outside its limit, and within it when all is over.
    """
    basin = system.get(f"sites/{pool['code']}")["sampling_points"][0]["code"]
    fault = {"site": pool["code"], "sampling_point": basin, "fault": "dosing_failure"}
    system.post("simulators/faults", fault).raise_for_status()
    whose = {"role": "inspector", "name": INSPECTOR, "counties": [pool["county"]]}
    inspector = people("?lang=zh", PHONE, whose, ".ld-field-head")
    venue = people("?lang=zh", PHONE, {"role": "venue", "name": VENUE, "site": pool["code"]}, ".ld-state")
    hall = _display(venue, people)

    number = _told(inspector, pool["name_zh"])
    expect(hall.locator("[data-indicator=free_chlorine]").first).to_have_attribute("data-state", "outside")
    venue.page.locator(".ld-state").evaluate("each => each.scrollIntoView()")
    hall.screenshot(path=venue.shoot("zh-venue-1-alarm").with_name("zh-display.png"))
    going = _taken(inspector, venue, number)
    _tested(inspector)

    _end_faults(system)
    mine = inspector.page.locator(f".ld-tap[data-alarm='{number}']")
    expect(mine).to_have_attribute("data-state", "normal", timeout=ALARM_WITHIN_MS)
    expect(inspector.page.locator(".ld-timeline")).to_contain_text("恢复")
    expect(inspector.page.locator(".ld-timeline")).to_contain_text("快检 游离性余氯 0.05 mg/L")
    inspector.page.locator(".ld-back").evaluate("each => each.scrollIntoView()")
    inspector.shoot("zh-inspector-5-normal")
    expect(going).to_have_count(0)
    expect(hall.locator("[data-indicator=free_chlorine]").first).to_have_attribute("data-state", "within")

    centre = signed_in("zh", f"alarms?alarm={number}")
    expect(centre.page.locator(".ld-timeline")).to_contain_text("已出发")
    centre.shoot("zh-centre-course")
    _in_english(inspector, venue, hall)
    _revoke(venue, hall)
    assert inspector.errors + venue.errors + centre.errors == []


def _told(inspector: Screen, site: str) -> str:
    """The inbox says on the page itself that there is something; the message about the pool leads to its alarm."""
    expect(inspector.page.locator(".ld-strip")).to_contain_text("条未读", timeout=ALARM_WITHIN_MS)
    inspector.shoot("zh-inspector-1-told")
    inspector.page.locator(".ld-strip").tap()
    message = inspector.page.locator("a.ld-message").filter(has_text=site).filter(has_text="游离性余氯").first
    expect(message).to_contain_text("模拟", timeout=ALARM_WITHIN_MS)
    expect(message).to_contain_text("低于限值 0.3–1.0 mg/L（GB 37488-2019 4.4.1")
    inspector.shoot("zh-inspector-2-inbox")
    number = re.search(r"alarm=([0-9]+)", message.get_attribute("href") or "")
    assert number
    message.tap()
    expect(inspector.page.locator(f".ld-tap[data-alarm='{number[1]}']")).to_be_visible()
    return number[1]


def _taken(inspector: Screen, venue: Screen, number: str) -> Locator:
    """Acknowledged and on the way with a tap each; the venue sees it, and answers."""
    mine = inspector.page.locator(f".ld-tap[data-alarm='{number}']")
    inspector.page.locator(f".st-key-take-{number} button").tap()
    expect(mine).to_have_attribute("data-state", "acknowledged")
    inspector.page.locator(f".st-key-go-{number} button").tap()
    going = venue.page.locator(f".ld-tap[data-alarm='{number}']")
    expect(going).to_contain_text("在路上")
    venue.page.locator(f".st-key-reply_words_{number} input").fill(REPLY)
    venue.page.locator(f".st-key-reply_send_{number} button").tap()
    expect(venue.main).to_contain_text("已告诉监督员")
    return going


def _tested(inspector: Screen) -> None:
    """The alarm's page with its chart and instruments; a quick test says what water and instrument are."""
    expect(inspector.page.locator(".ld-timeline")).to_contain_text(REPLY)
    expect(inspector.main).to_contain_text("没有校准记录")
    inspector.page.locator(".stEChartsChart[aria-busy=false]").first.wait_for()
    inspector.shoot("zh-inspector-3-alarm")
    inspector.page.locator(".st-key-quick_start button").tap()
    inspector.page.locator("[class*=st-key-quick_free_chlorine] input").fill("0.05")
    inspector.page.locator("[class*=st-key-quick_save] button").tap()
    tested = inspector.page.locator(".ld-verdict[data-indicator=free_chlorine]")
    expect(tested).to_have_attribute("data-finding", "water_wrong")
    expect(tested).to_contain_text("疑似超标")
    expect(tested).to_contain_text("GB 37488-2019 4.4.1")
    expect(tested).to_contain_text("仪器一致")
    tested.evaluate("each => each.scrollIntoView()")
    inspector.shoot("zh-inspector-4-tested")


def _display(venue: Screen, people: Callable[..., Screen]) -> Page:
    """A display that the venue has made, on a screen of the hall where nobody signs in."""
    venue.page.locator("[class*=st-key-display_place] input").fill("前台电视")
    venue.page.locator("[class*=st-key-display_make] button").tap()
    link = venue.page.locator("a[data-open]")
    address = (link.get_attribute("href") or "").partition("/display/")[2]
    hall: Page = people(f"display/{address}", HALL, None, "").page
    expect(hall.locator("footer")).to_contain_text("在线参考值，非执法检测结果")
    expect(hall.locator(".tile").first).to_be_visible()
    expect(hall.locator("#badge")).to_have_text("模拟")
    return hall


def _in_english(inspector: Screen, venue: Screen, hall: Page) -> None:
    """The same screens in English, with no Chinese but what people wrote or were sent."""
    for screen, name, drawn in ((inspector, "inspector", ".ld-field-head"), (venue, "venue", ".ld-state")):
        screen.page.goto(f"{screen.address}/{name}?lang=en")
        screen.page.locator(drawn).wait_for()
        expect(screen.main).to_contain_text({"inspector": "My alarms", "venue": "Display in your hall"}[name])
        for sent in screen.page.locator(".ld-strip").all():
            sent.evaluate("each => each.remove()")
        text = screen.main.inner_text()
        for written in ("前台电视", INSPECTOR, VENUE):
            text = text.replace(written, "")
        assert not HAN.findall(text), f"{name}: Chinese in the English screen"
        screen.shoot(f"en-{name}")
    hall.locator("footer a").click()
    expect(hall.locator("footer")).to_contain_text("On-line reference values")
    hall.locator(".tile").first.wait_for()
    assert not HAN.findall(hall.locator("main").inner_text())
    hall.screenshot(path=inspector.shoot("en-inspector").with_name("en-display.png"))


def _revoke(venue: Screen, hall: Page) -> None:
    """The link opens nothing any more: the hall's screen goes blank by itself."""
    venue.page.locator("[class*=st-key-display_revoke_] button").tap()
    venue.page.locator(".st-key-display_revoke_yes button").tap()
    expect(hall.locator("#notice")).to_contain_text("no longer in use")
    expect(hall.locator(".tile")).to_have_count(0)


def _registered(system: System, person: dict[str, Any]) -> tuple[str, str]:
    """User name and password of a new person who has chosen a password of their own."""
    username = f"{person['role']}-{secrets.token_hex(3)}"
    given = system.post("people", {"username": username, **person}).raise_for_status().json()["password"]
    chosen = secrets.token_urlsafe(12)
    form = {"username": username, "password": given}
    token = httpx.post(f"{system.api}/api/v1/auth/token", data=form, timeout=10).json()["access_token"]
    httpx.post(
        f"{system.api}/api/v1/auth/password",
        json={"old": given, "new": chosen},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    ).raise_for_status()
    return username, chosen


def _calm_pool(system: System) -> dict[str, Any] | None:
    for site in system.get("sites"):
        if (
            site["status"] == "simulated"
            and site["scenario"] == "pool"
            and site["open_now"]
            and site["state"] == "normal"
            and not any(site["open_alarms"].values())
        ):
            found: dict[str, Any] = site
            return found
    return None


def _end_faults(system: System) -> None:
    for site in system.get("simulators")["sites"]:
        for basin in site["basins"]:
            for fault in basin["faults"]:
                address = f"{system.api}/api/v1/simulators/faults/{fault['id']}"
                httpx.delete(address, headers=system.headers(), timeout=10).raise_for_status()
