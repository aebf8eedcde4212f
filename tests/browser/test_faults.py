"""Putting a fault of a chosen size into a simulated pool, on the page of the simulators."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.system import System

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


def test_fault_of_a_chosen_size_is_put_in_shown_and_ended(signed_in: Callable[..., Screen], system: System) -> None:
    """Grouped list, range and unit of the size, the fault at work with its size, kept as truth, ended by its button."""
    screen = signed_in("zh", "simulators")
    page = screen.page
    screen.choose("fault_kind_pool", "余氯电极污染漂移")
    form = page.locator(".st-key-panel-inject")
    expect(form).to_contain_text("大小 0.1–0.4 mg/L；留空：0.25 mg/L。")
    expect(form.locator(".st-key-fault_kind_pool input")).to_have_value("传感器 · 余氯电极污染漂移")
    size = page.locator(".st-key-fault_size_fouling_drift input")
    size.fill("0.2")
    size.press("Enter")
    page.locator(".st-key-fault_inject button").click()
    running = page.locator("[data-fault=fouling_drift]")
    expect(running).to_contain_text("0.2 mg/L")
    screen.shoot("faults-1-injected")
    truth = system.get("simulators/truth")[0]
    assert (truth["fault"], truth["detail"]["size"], truth["detail"]["unit"]) == ("fouling_drift", 0.2, "mg/L")
    page.locator("[class*=st-key-end-]").filter(has_text="结束").first.locator("button").click()
    expect(running).to_have_count(0)
    assert screen.errors == []
