"""Rules in force and manual results, at the screen."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.system import System

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

SAMPLES = {"zh": "检测结果", "en": "Samples"}
CHINESE = re.compile("[\u3400-\u5b9b\u5b9d-\u9fff]")
"""Any Chinese but 宜, the word of a standard for what it advises, which the English text quotes."""
REASON = "Probe at the inlet reads high"


@pytest.fixture(scope="module")
def offline_site(system: System) -> str:
    """A venue without instruments whose newest colony count is too high."""
    offline = (each["code"] for each in system.get("sites") if each["status"] == "offline")
    # Other tests import venues, with and without sampling points.
    basins = ((code, [each["code"] for each in system.get(f"sites/{code}")["sampling_points"]]) for code in offline)
    code = str(next(code for code, points in basins if "b1" in points))
    taken = datetime.now(UTC) - timedelta(days=3)
    body = {
        "site": code,
        "sampling_point": "b1",
        "taken_at": taken.isoformat(),
        "kind": "laboratory",
        "laboratory": "CDC",
        "results": [{"indicator": "colony_count", "result": "320"}, {"indicator": "urea", "result": "1.2"}],
    }
    system.post("samples", body).raise_for_status()
    return code


@pytest.mark.parametrize("language", ["zh", "en"])
def test_rules_and_samples_are_complete_and_in_one_language(
    signed_in: Callable[..., Screen], system: System, offline_site: str, language: str
) -> None:
    """Each limit has clause, force and certainty, a failing sample is a lead, and all is in one language."""
    code = next(each["code"] for each in system.get("sites") if each["status"] == "simulated")
    screen = signed_in(language, f"rules?site={code}")
    row = screen.page.locator(".ld-table tr").filter(has_text="0.3–1.0 mg/L").first
    expect(row).to_contain_text("GB 37488-2019 4.4.1")
    expect(row).to_contain_text({"zh": "强制", "en": "binding"}[language])
    expect(row).to_contain_text({"zh": "二手资料", "en": "secondary source"}[language])
    expect(screen.main.locator(".ld-badge").first).to_be_visible()
    if language == "en":
        expect(screen.main).not_to_contain_text(CHINESE)
    screen.shoot(f"{language}-rules")
    screen.open(SAMPLES[language])
    failing = screen.page.locator(".ld-table tr").filter(has_text="320 CFU/mL").first
    expect(failing).to_contain_text({"zh": "疑似超标", "en": "Suspected breach"}[language])
    expect(screen.main).not_to_contain_text("违法")
    screen.shoot(f"{language}-samples")
    if language == "en":
        expect(screen.main).not_to_contain_text(CHINESE)
    assert screen.main.get_by_test_id("stException").count() == 0
    assert screen.errors == []


def test_an_offline_venue_with_a_failing_sample_shows_on_the_map_and_on_its_page(
    signed_in: Callable[..., Screen], offline_site: str
) -> None:
    """Its dot is red, says 疑似超标, and its page lists the result with the limit."""
    screen = signed_in("zh")
    marker = screen.page.locator(f".ld-site[data-site='{offline_site}']")
    expect(marker).to_have_class(re.compile("ld-mark-high"))
    screen.shoot("zh-map-sample")
    screen.page.goto(f"{screen.address}/site?site={offline_site}&lang=zh")
    row = screen.page.locator(".ld-table tr").filter(has_text="320 CFU/mL").first
    expect(row).to_contain_text("≤ 200 CFU/mL")
    expect(screen.main).to_contain_text("疑似超标")
    screen.shoot("zh-site-offline")


def test_a_rule_is_set_and_ended_at_the_screen(signed_in: Callable[..., Screen], system: System) -> None:
    """An administrator tightens a limit with a reason; it is in force at once, and its history says who ended it."""
    code = next(each["code"] for each in system.get("sites") if each["status"] == "simulated")
    screen = signed_in("en", f"rules?site={code}")
    page = screen.page
    page.locator(f"[class*=st-key-rule_lo_{code}_free_chlorine] input").fill("0.40")
    page.locator(f"[class*=st-key-rule_hi_{code}_free_chlorine] input").fill("0.90")
    page.locator(f"[class*=st-key-rule_reason_{code}] input").fill(REASON)
    page.locator(f"[class*=st-key-rule_reason_{code}] input").press("Tab")
    page.locator(".st-key-rule_save button").click()
    row = page.locator(".ld-table tr").filter(has_text=REASON)
    expect(row).to_contain_text("In force")
    expect(page.locator(f"[class*=st-key-rule_reason_{code}] input")).to_have_value("")
    expect(page.locator(".ld-table tr").filter(has_text="0.4–0.9 mg/L").first).to_contain_text("Site rule")
    (rule,) = system.get(f"sites/{code}/rules")["own"]
    page.locator(f".st-key-rule_end_reason_{rule['id']} input").fill("Probe moved")
    page.locator(f".st-key-rule_end_reason_{rule['id']} input").press("Tab")
    end = page.locator(".st-key-rule_end button")
    expect(end).to_have_count(1)  # while the page is drawn anew the old one stands beside it
    end.click()
    expect(page.locator(".ld-table tr").filter(has_text=REASON)).to_contain_text("Over")
    expect(page.locator(".ld-table tr").filter(has_text=REASON)).to_contain_text("Probe moved")
    screen.shoot("en-rules-history")


def test_results_are_entered_and_imported_at_the_screen(signed_in: Callable[..., Screen], system: System) -> None:
    """A result typed in is listed with what it says; a file is checked first, its mistakes named by row."""
    screen = signed_in("zh", "samples")
    page = screen.page
    page.locator("[class*=st-key-sample_] input[aria-label^='尿素']").fill("4.4")
    page.locator("[class*=st-key-sample_] input[aria-label^='尿素']").press("Tab")
    page.locator(".st-key-sample_save button").click()
    expect(screen.main).to_contain_text("其中 1 条疑似超标")
    expect(page.locator(".ld-table tr").filter(has_text="4.4 mg/L").first).to_contain_text("疑似超标")
    name = next(each["name_zh"] for each in reversed(system.get("sites")) if each["status"] == "offline")
    day = datetime.now(UTC) - timedelta(days=9)
    head, at = "场所,采样时间,方式,指标,结果", f"{day:%Y-%m-%d}"
    rows = f"{head}\n{name},{at} 09:30,快检,余氯,0.61\n没有这家,{at},快检,余氯,0.5\n"
    page.locator("[class*=st-key-sample_file] input[type=file]").set_input_files(
        {"name": "结果.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    expect(screen.main).to_contain_text("可导入 1 行")
    expect(page.locator(".ld-mistakes")).to_contain_text("第 3 行")
    screen.shoot("zh-samples-import")
    page.locator(".st-key-sample_import button").click()
    expect(screen.main).to_contain_text("已导入 1 条结果")
    expect(page.locator(".ld-table tr").filter(has_text="0.61 mg/L").first).to_contain_text("限值内")
