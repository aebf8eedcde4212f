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


def test_what_is_away_is_named_until_it_is_back(signed_in: Callable[..., Screen], system: System) -> None:
    """A banner names the monitor and since when, then the API; the figures stay, and all recovers without a reload."""
    with frozen(system, "monitor"):
        screen = signed_in("zh")
        page = screen.page
        page.evaluate("window.neverReloaded = true")
        monitor, api = page.locator("[data-banner=monitor]"), page.locator("[data-banner=unreachable]")
        expect(monitor).to_contain_text("判定服务不可用", timeout=NOTICED_MS)
        expect(monitor).to_contain_text("自 ")
        screen.shoot("outage-monitor")
        with frozen(system, "api"):
            expect(api).to_contain_text("数据服务无应答", timeout=NOTICED_MS)
            expect(page.locator(".ld-kpis")).to_be_visible()
            screen.shoot("outage-api")
    expect(api).to_have_count(0, timeout=NOTICED_MS)
    expect(monitor).to_have_count(0, timeout=NOTICED_MS)
    assert page.evaluate("window.neverReloaded") is True
    assert screen.errors == []


def test_killed_dashboard_comes_back_in_the_open_browser(signed_in: Callable[..., Screen], system: System) -> None:
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
