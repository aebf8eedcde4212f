"""From a fault in a pool to the inspector's screen."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COMMENT, Screen
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

ALARM_WITHIN_MS = 120_000
"""At ×600 a pool without dosing takes 6–18 s to lose its chlorine, and 1 s more for the on-delay."""


@pytest.fixture
def calm(system: System) -> Iterator[None]:
    """Ends every fault and sets the speed back afterwards."""
    yield
    fleet: dict[str, Any] = system.get("simulators")
    for site in fleet["sites"]:
        for basin in site["basins"]:
            for fault in basin["faults"]:
                address = f"{system.api}/api/v1/simulators/faults/{fault['id']}"
                httpx.delete(address, headers=system.headers(), timeout=10).raise_for_status()
    system.post("simulators/speed", {"speed": 1})


@pytest.mark.timeout(300)
def test_dosing_failure_becomes_an_alarm_on_the_screen(
    signed_in: Callable[..., Screen], system: System, calm: None
) -> None:
    """A dosing failure injected at ×600 raises the free-chlorine alarm, seen without a reload, then acknowledged."""
    eventually(lambda: _healthy_open_site(system), "an open simulated pool that reports and is well", 60)
    screen = signed_in("zh", "simulators")
    page = screen.page
    page.evaluate("window.neverReloaded = true")

    page.get_by_role("radio", name="×600", exact=True).click()
    expect(page.get_by_text("×600", exact=True).first).to_be_visible()
    assert "营业中" in _chosen(screen, "fault_site"), "the site offered first must be open, or nothing is judged"
    site = _healthy_open_site(system)
    assert site is not None
    screen.choose("fault_site", site)
    page.locator(".st-key-fault_inject button").click()
    expect(page.locator("[data-fault=dosing_failure]")).to_be_visible()
    screen.shoot("alarm-1-injected")

    screen.open("实时总览")
    row = page.locator(".ld-table tbody tr").filter(has_text=site).filter(has_text="低于限值")
    expect(row.first).to_be_visible(timeout=ALARM_WITHIN_MS)
    text = row.first.inner_text()
    screen.shoot("alarm-2-raised")
    assert "模拟" in text, "a simulated site's alarm wears the badge"
    assert re.search(
        r"预警：.+·.+ 游离性余氯 \d\.\d+ mg/L，低于限值 0\.3–1\.0 mg/L（GB 37488-2019 4\.4\.1.*），自 .+ 起", text
    )
    expect(page.locator("[data-banner=alarm]").first).to_contain_text("新的高级别预警")
    screen.of_simulated("live_tab")  # a test before may have brought a live site, which the map shows first
    expect(page.locator(".ld-map .ld-mark-high").first).to_be_visible()

    row.first.click()
    detail = page.locator(".ld-detail")
    expect(detail).to_contain_text(site)
    expect(detail).to_contain_text("未确认")
    page.get_by_placeholder("例如：已电话通知场所").fill(COMMENT)
    page.get_by_role("button", name="确认", exact=True).click()
    expect(detail.locator(".ld-timeline")).to_contain_text(COMMENT)
    expect(page.locator(".ld-detail[data-state=acknowledged]")).to_be_visible()
    screen.shoot("alarm-3-acknowledged")

    screen.open("模拟器")
    page.locator(".st-key-panel-inject").wait_for()
    chart = page.locator(".st-key-truth-chart [aria-busy=false]")
    chart.scroll_into_view_if_needed()
    screen.shoot("alarm-4-truth")
    assert page.evaluate("window.neverReloaded") is True
    assert screen.errors == []


def _healthy_open_site(system: System) -> str | None:
    """A site that is open and has no alarm yet, by its Chinese name."""
    for site in system.get("sites"):
        if (
            site["simulated"]
            and site["scenario"] == "pool"
            and site["open_now"]
            and site["state"] == "normal"
            and not any(site["open_alarms"].values())
        ):
            return str(site["name_zh"])
    return None


def _chosen(screen: Screen, key: str) -> str:
    shown = screen.page.locator(f".st-key-{key} [data-baseweb=select], .st-key-{key} [role=combobox]").first
    shown.wait_for()
    return shown.input_value() if shown.evaluate("e => e.tagName") == "INPUT" else shown.inner_text()
