"""Who may look, and for how long."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import Screen
from tests.system import System

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


def test_wrong_password_is_refused_in_words(at: Callable[[str], Screen], system: System) -> None:
    """A wrong password shows one sentence and no page."""
    screen = at("")
    screen.page.locator("input[autocomplete=username]").fill(system.username)
    screen.page.locator("input[type=password]").fill("not the password")
    screen.page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    expect(screen.main).to_contain_text("用户名或密码不正确")
    assert screen.page.locator(".ld-kpis").count() == 0


def test_session_survives_reload_and_ends_with_sign_out(
    at: Callable[[str], Screen], context: BrowserContext, system: System
) -> None:
    """A reload needs no password; after signing out the cookie is gone and a reload asks for one."""
    screen = at("?lang=zh")
    screen.sign_in(system.username, system.password)
    cookie = next(each for each in context.cookies() if each["name"] == "landun_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    screen.page.reload()
    screen.page.locator(".ld-kpis").wait_for()
    with screen.page.expect_response(re.compile("/session$")):
        screen.page.get_by_role("button", name="退出登录").click()
    screen.page.locator("input[type=password]").wait_for()
    assert not [each for each in context.cookies() if each["name"] == "landun_session"]
    screen.page.reload()
    screen.page.locator("input[type=password]").wait_for()


def test_address_of_a_page_is_kept_over_the_sign_in(at: Callable[[str], Screen], system: System) -> None:
    """Who opens a page's address without a session signs in and sees that page."""
    screen = at("system?lang=en")
    screen.page.locator("input[autocomplete=username]").fill(system.username)
    screen.page.locator("input[type=password]").fill(system.password)
    screen.page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    expect(screen.main).to_contain_text("Components")
