"""The page of notifications against a real receiver: a channel is added, tested and seen in the log; a dry run."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.browser.test_screens import HAN
from tests.notify.receivers import Hook
from tests.system import System

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


def test_a_receiver_is_added_tested_and_seen_in_the_log(signed_in: Callable[..., Screen], system: System) -> None:
    """The test button reaches a webhook that is really there; the log says delivered; a dry run names who is told."""
    with Hook() as hook:
        screen = signed_in("zh", "notifications")
        page = screen.page
        page.get_by_role("radio", name="公共接收方与网关").click()
        screen.choose("channel_kind_shared", "签名 Webhook")
        page.locator(".st-key-channel_secret_shared input").wait_for()
        page.locator(".st-key-channel_name_shared input").fill("页面测试接收方")
        page.locator(".st-key-channel_target_shared input").fill(hook.url)
        page.locator(".st-key-channel_secret_shared input").fill("a secret of the test")
        page.locator(".st-key-channel_add_shared button").click()
        expect(screen.main).to_contain_text("页面测试接收方")
        page.locator("[class*=st-key-channel_test_] button").first.click()
        expect(screen.main).to_contain_text("已送达", timeout=30_000)
        screen.shoot("zh-notifications-receivers")
    (received,) = hook.posts
    assert received.content["reason"] == "test"
    assert "landun-signature" in received.headers

    page.get_by_role("radio", name="发送记录").click()
    expect(page.locator("[data-row]").filter(has_text="页面测试接收方").first).to_contain_text("已送达")
    page.get_by_role("radio", name="试算：会通知谁").click()
    # A test before may have brought a live site, which is offered first.
    simulated = next(each["code"] for each in system.get("sites") if each["status"] == "simulated")
    screen.choose("dry_site", simulated)
    page.locator(".st-key-dry_run_ask button").click()
    expect(page.locator("[data-row]").first).to_contain_text("监督员")
    expect(screen.main).to_contain_text("模拟场所不分办公时间")
    screen.shoot("zh-notifications-dry-run")

    page.get_by_role("radio", name="通知规则").click()
    expect(page.locator("[data-office='08:30–17:30']")).to_contain_text("系统默认值")
    expect(page.locator("[data-row]").filter(has_text="告知场所：高级预警")).to_contain_text("同时告知")
    assert screen.errors == []
    assert screen.elsewhere == []


VIEWS = ("How I am told", "Dry run: who is told", "Roster", "Routes", "Receivers and gateways")


def test_every_view_speaks_english(signed_in: Callable[..., Screen]) -> None:
    """No Chinese is left on the page but names that people gave."""
    screen = signed_in("en", "notifications")
    for view in VIEWS:
        screen.page.get_by_role("radio", name=view, exact=True).click()
        expect(screen.page.get_by_role("radio", name=view, exact=True)).to_be_checked()
        deadline = time.monotonic() + 10
        said = "一"
        while HAN.search(said) and time.monotonic() < deadline:
            said = re.sub(r"中文|页面测试接收方", "", screen.main.inner_text())
            time.sleep(0.1)
        assert HAN.search(said) is None, (view, said)
    assert screen.errors == []
