"""What the screen says while a part of the platform is away, and that it recovers by itself."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

NOTICED_MS = 60_000


@contextmanager
def frozen(system: System, service: str) -> Iterator[None]:
    """Stop a service's process without ending it, so that its supervisor doesn't start another."""
    number = system.pids()[service]
    os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(number, signal.SIGCONT)


def test_missing_monitor_is_named_until_it_is_back(signed_in: Callable[[str], Screen], system: System) -> None:
    """While the monitor is away a banner names it and since when; when it is back the banner goes, without a reload."""
    screen = signed_in("zh")
    banner = screen.page.locator("[data-banner=monitor]")
    with frozen(system, "monitor"):
        expect(banner).to_contain_text("判定服务不可用", timeout=NOTICED_MS)
        expect(banner).to_contain_text("自 ")
        screen.shoot("outage-monitor")
    expect(banner).to_have_count(0, timeout=NOTICED_MS)


def test_unreachable_api_is_said_and_recovers(signed_in: Callable[[str], Screen], system: System) -> None:
    """While the API doesn't answer the figures stay under a banner that says so; they renew themselves afterwards."""
    screen = signed_in("zh")
    banner = screen.page.locator("[data-banner=unreachable]")
    with frozen(system, "api"):
        expect(banner).to_contain_text("数据服务无应答", timeout=NOTICED_MS)
        expect(screen.page.locator(".ld-kpis")).to_be_visible()
        screen.shoot("outage-api")
    expect(banner).to_have_count(0, timeout=NOTICED_MS)
    assert screen.errors == []


def test_killed_dashboard_comes_back_in_the_open_browser(signed_in: Callable[[str], Screen], system: System) -> None:
    """After kill -9 of the dashboard the open page goes on by itself, still signed in."""
    screen = signed_in("zh")
    screen.page.evaluate("window.neverReloaded = true")
    before = system.pids()["dashboard"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: system.pids()["dashboard"] != before, "the dashboard is started again", 60)
    shown = screen.page.locator(".ld-title .ld-sub").first
    stale = shown.inner_text()
    expect(shown).not_to_have_text(stale, timeout=NOTICED_MS)
    expect(screen.page.locator(".ld-map .ld-site").first).to_be_visible()
    assert screen.page.evaluate("window.neverReloaded") is True
