"""What every screen must be: in the reader's language, badged, calm, and on its own."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import COMMENT, PAGES, Screen

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


def simulated(screen: Screen) -> None:
    """Choose the simulated sites, which are shown first only while there are no real ones."""
    screen.page.get_by_role("radio", name=re.compile(r"^(模拟|Simulated) \d+$")).click()
    screen.main.locator(".ld-table").first.locator(".ld-badge").first.wait_for()  # the first table is that of the sites


def a_pool(screen: Screen) -> Locator:
    """The row of a pool: institutions of waste, whose page has no indicators, say that they are a demonstration."""
    return screen.page.locator(".ld-table tbody tr").filter(has_not_text=re.compile("演示|demo")).first


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_complete_badged_and_in_one_language(signed_in: Callable[..., Screen], language: str) -> None:
    """Each page draws its panels, badges what is simulated, says nothing in the other language, and logs no error."""
    screen = signed_in(language)
    simulated(screen)
    for place, name in enumerate(PAGES[language]):
        if place == 1:
            a_pool(screen).click()
        else:
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


def test_language_stays_over_pages_and_reload(signed_in: Callable[..., Screen]) -> None:
    """English chosen in the side bar stays in the address, on other pages and after a reload."""
    screen = signed_in("zh")
    screen.switch_language("English")
    expect(screen.main).to_contain_text("Live overview")
    screen.open("System")
    expect(screen.main).to_contain_text("Components")
    expect(screen.page).to_have_url(re.compile(r"lang=en"))
    screen.page.reload()
    expect(screen.main).to_contain_text("Components")


def test_live_page_renews_itself_without_flicker(signed_in: Callable[..., Screen]) -> None:
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


def test_a_site_is_opened_read_exported_and_drawn_over_a_week(signed_in: Callable[..., Screen]) -> None:
    """A row leads to a site's own address: values and limits, files with units and badge, trends of a chosen range."""
    screen = signed_in("zh")
    page = screen.page
    simulated(screen)
    row = a_pool(screen)
    code = row.get_attribute("data-row")
    row.click()
    page.locator(".ld-card").first.wait_for()
    expect(page).to_have_url(re.compile(f"site={code}"))
    card = page.locator(".ld-card[data-indicator=free_chlorine]").first
    expect(card).to_contain_text("mg/L")
    expect(card).to_contain_text("0.3–1.0 mg/L")
    expect(card).to_contain_text("GB 37488-2019 4.4.1")
    expect(screen.main).to_contain_text("在线参考值，非执法检测结果")

    link = page.locator("a[data-export=csv]")
    link.wait_for()
    with page.expect_download() as started:
        link.click()
    content = started.value.path().read_text(encoding="utf-8-sig")
    assert "mg/L" in content
    assert "模拟" in content
    assert len(content.splitlines()) > 10
    with page.expect_download() as started:
        page.locator("a[data-export=xlsx]").click()
    assert started.value.path().read_bytes()[:2] == b"PK"

    before = link.get_attribute("href") or ""
    page.get_by_role("radio", name="7 天", exact=True).click()
    expect(link).not_to_have_attribute("href", before)
    page.locator(".stEChartsChart[aria-busy=false]").wait_for()
    assert (link.get_attribute("href") or "") < before, "a week begins before a day does"
