"""The figures of alarms at the screen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.browser.test_screens import HAN

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_figures_say_what_to_change_in_one_language(signed_in: Callable[..., Screen], language: str) -> None:
    """Eight figures with their targets, the advice, a bar a day, and every rule with its rationale."""
    screen = signed_in(language, "alarm_figures")
    screen.of_simulated("figures_group")
    screen.page.locator(".stEChartsChart[aria-busy=false]").first.wait_for()
    expect(screen.main.locator(".ld-quarters .ld-tile")).to_have_count(8)
    expect(screen.main.locator(".ld-badge").first).to_be_visible()
    expect(screen.main).to_contain_text({"zh": "建议调整", "en": "What to change"}[language])
    text = screen.main.inner_text()  # the records below name laws, which have no official English names
    screen.page.get_by_text({"zh": "规则与处置依据", "en": "Rules and their rationale"}[language]).click()
    expect(screen.main.locator(".ld-table").filter(has_text="limit:free_chlorine:low")).to_be_visible()
    screen.shoot(f"{language}-alarm-figures")
    if language == "en":
        assert not HAN.findall(text)
    assert screen.main.get_by_test_id("stException").count() == 0
    assert screen.errors == []
