"""What every screen must be: in the reader's language, badged, calm, and on its own."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMENT, PAGES, Screen
from tests.system import System

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

HAN = re.compile(r"[㐀-鿿]+")
DRAWN = {
    0: ".ld-map .ld-site",
    1: ".stEChartsChart[aria-busy=false]",
    2: ".ld-table thead th",
    3: ".stEChartsChart[aria-busy=false]",
    4: ".ld-tiles[style*='repeat(6']",
}
"""What shows that a page is complete, by its place in the navigation."""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_complete_badged_and_in_one_language(signed_in: Callable[[str], Screen], language: str) -> None:
    """Each page draws its panels, badges what is simulated, says nothing in the other language, and logs no error."""
    screen = signed_in(language)
    for place, name in enumerate(PAGES[language]):
        screen.open(name)
        screen.page.locator(DRAWN[place]).first.wait_for()
        screen.page.wait_for_function(_OPAQUE)
        screen.shoot(f"{language}-{place}-{['live', 'site', 'alarms', 'simulators', 'system'][place]}")
        text = screen.main.inner_text().replace(COMMENT, "")
        if language == "en":
            assert not HAN.findall(text), f"{name}: Chinese in the English screen"
        else:
            assert HAN.search(text), f"{name}: no Chinese in the Chinese screen"
        if place != 2:  # without an alarm the list of alarms names no simulated thing
            expect(screen.main.locator(".ld-badge").first).to_be_visible()
        assert screen.main.get_by_test_id("stException").count() == 0
        assert screen.main.get_by_test_id("stAlertContentError").count() == 0
    assert screen.errors == []
    assert screen.elsewhere == [], "the dashboard must work without the internet"


def test_language_stays_over_pages_and_reload(signed_in: Callable[[str], Screen]) -> None:
    """English chosen in the side bar stays in the address, on other pages and after a reload."""
    screen = signed_in("zh")
    screen.switch_language("English")
    expect(screen.main).to_contain_text("Live overview")
    screen.open("System")
    expect(screen.main).to_contain_text("Components")
    expect(screen.page).to_have_url(re.compile(r"lang=en"))
    screen.page.reload()
    expect(screen.main).to_contain_text("Components")


def test_live_page_renews_itself_without_flicker(signed_in: Callable[[str], Screen]) -> None:
    """Over several refreshes nothing fades or is drawn anew, the map keeps its zoom, and the time moves on."""
    screen = signed_in("zh")
    page = screen.page
    page.locator(DRAWN[0]).first.wait_for()
    page.locator("button[data-zoom=in]").click()
    zoomed = page.locator(".ld-map svg > g").get_attribute("transform")
    assert zoomed
    assert "scale(1.5)" in zoomed
    page.evaluate(_WATCH)
    before = page.locator(".ld-title .ld-sub").inner_text()
    for _ in range(3):
        expect(page.locator(".ld-title .ld-sub")).not_to_have_text(before, timeout=15_000)
        before = page.locator(".ld-title .ld-sub").inner_text()
    assert page.evaluate("document.querySelector('.ld-map svg').seenBefore") is True
    assert page.evaluate("document.querySelector('.ld-table').seenBefore") is True
    assert page.evaluate("window.faded") == []
    assert page.locator(".ld-map svg > g").get_attribute("transform") == zoomed


_OPAQUE = """() => [...document.querySelectorAll('[data-testid=stMain] [data-testid=stElementContainer]')]
  .every(part => Number(getComputedStyle(part).opacity) === 1)"""

_WATCH = """() => {
  for (const name of ['.ld-map svg', '.ld-table']) document.querySelector(name).seenBefore = true;
  window.faded = [];
  const look = () => {
    for (const part of document.querySelectorAll('[data-testid=stMain] [data-testid=stElementContainer]'))
      if (Number(getComputedStyle(part).opacity) < 1) window.faded.push(part.className);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_clicking_a_site_opens_it(signed_in: Callable[[str], Screen]) -> None:
    """A row of the table leads to that site's page, whose address can be opened by another reader."""
    screen = signed_in("zh")
    row = screen.page.locator(".ld-table tbody tr").first
    row.wait_for()
    code = row.get_attribute("data-row")
    row.click()
    screen.page.locator(".ld-card").first.wait_for()
    expect(screen.page).to_have_url(re.compile(f"site={code}"))
    card = screen.page.locator(".ld-card[data-indicator=free_chlorine]").first
    expect(card).to_contain_text("mg/L")
    expect(card).to_contain_text("0.3–1.0 mg/L")
    expect(card).to_contain_text("GB 37488-2019 4.4.1")
    expect(screen.main).to_contain_text("在线参考值，非执法检测结果")


def test_exports_are_files_with_units_and_badge(signed_in: Callable[[str], Screen]) -> None:
    """The CSV of a site's range has a row of readings, units in its head, and says that the site is simulated."""
    screen = signed_in("zh")
    screen.open("场所")
    link = screen.page.locator("a[data-export=csv]")
    link.wait_for()
    with screen.page.expect_download() as started:
        link.click()
    content = started.value.path().read_text(encoding="utf-8-sig")
    assert "mg/L" in content
    assert "模拟" in content
    assert len(content.splitlines()) > 10
    with screen.page.expect_download() as started:
        screen.page.locator("a[data-export=xlsx]").click()
    assert started.value.path().read_bytes()[:2] == b"PK"


def test_a_week_is_drawn_when_it_is_chosen(signed_in: Callable[[str], Screen]) -> None:
    """Choosing another range draws the trends of that range."""
    screen = signed_in("zh")
    screen.open("场所")
    chart = screen.page.locator(".stEChartsChart[aria-busy=false]")
    chart.wait_for()
    before = _export_range(screen.page)
    screen.page.get_by_role("radio", name="7 天", exact=True).click()
    expect(screen.page.locator("a[data-export=csv]")).not_to_have_attribute("href", before)
    chart.wait_for()
    assert _export_range(screen.page) < before, "a week begins before a day does"


def _export_range(page: Page) -> str:
    return page.locator("a[data-export=csv]").get_attribute("href") or ""


def test_bad_messages_are_counted_and_shown(signed_in: Callable[[str], Screen], system: System) -> None:
    """The system page lists dead letters by reason, or says that there are none."""
    screen = signed_in("zh")
    screen.open("系统")
    reasons = screen.page.locator(".ld-table").filter(has_text="条数")
    total = system.get("dead-letters/summary")["total"]
    expect(reasons).to_contain_text("全部原因")
    assert str(total) in reasons.inner_text()
