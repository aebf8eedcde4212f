"""A bag of medical waste is lost: seen in the overdue list, its life opened, the register printed."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pypdfium2
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.browser.test_screens import HAN
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

FASTEST: Final = 3_600
"""A day in 24 s: a bag is lost on the next morning and missed 24 h later."""
LOST_WITHIN_S: Final = 150.0
VIEWS: Final = {
    "zh": {
        "now": "现在",
        "overdue": "超时与疑似流失",
        "balance": "重量平衡",
        "vehicles": "车辆",
        "institution": "机构时间线",
        "documents": "登记与联单",
        "tolerances": "公差",
    },
    "en": {
        "now": "Now",
        "overdue": "Overdue and missing",
        "balance": "Balance",
        "vehicles": "Vehicles",
        "institution": "Institution",
        "documents": "Documents",
        "tolerances": "Tolerances",
    },
}
SHOWS: Final = {
    "now": ".st-key-waste-states td",
    "overdue": ".st-key-waste-overdue td",
    "balance": ".st-key-waste-balance td",
    "vehicles": ".ld-line-planned",
    "institution": ".st-key-waste-scans td",
    "documents": "[class*=st-key-waste_save_pdf_] button",
    "tolerances": ".st-key-tolerance-history td, .st-key-tolerance-history .ld-empty",
}
"""What is there once a view is drawn."""


@pytest.fixture
def hospital(system: System) -> Iterator[dict[str, Any]]:
    """A simulated hospital that loses a bag on its next day, which is soon; afterwards time runs as it does."""
    found = min(
        (each for each in system.get("waste/institutions", simulated="true") if each["beds"]),
        key=lambda each: each["beds"],
    )
    fault = {"site": found["site"], "sampling_point": "s1", "fault": "lost_bag"}
    planted = system.post("simulators/faults", fault).raise_for_status().json()["id"]
    system.post("simulators/speed", {"speed": FASTEST}).raise_for_status()
    yield found
    system.post("simulators/speed", {"speed": 1}).raise_for_status()
    httpx.delete(
        f"{system.api}/api/v1/simulators/faults/{planted}", headers=system.headers(), timeout=30
    ).raise_for_status()


def view(screen: Screen, language: str, name: str) -> None:
    """Choose a view and wait until it is drawn."""
    screen.page.locator(".st-key-waste_view").get_by_text(VIEWS[language][name], exact=True).click()
    screen.page.locator(SHOWS[name]).first.wait_for()
    expect(screen.page.get_by_test_id("stException")).to_have_count(0)


def lost_bag(system: System, site: str) -> dict[str, Any]:
    """The bag that is missing at a site, once the platform says so."""

    def missing() -> dict[str, Any] | None:
        bags = system.get("waste/bags", simulated="true", overdue="true", site=site)["items"]
        return next((each for each in bags if "missing" in each["rules"]), None)

    found: dict[str, Any] = eventually(missing, f"a bag of {site} is missing", LOST_WITHIN_S, 1.0)
    return found


@pytest.mark.timeout(300)
def test_a_lost_bag_is_found_out_followed_and_its_register_printed(
    signed_in: Callable[..., Screen], system: System, hospital: dict[str, Any], tmp_path: Path
) -> None:
    """Every view in both languages, the lost bag in the list of the overdue, its life, the register as a PDF."""
    screens = {language: signed_in(language, "waste") for language in VIEWS}
    for screen in screens.values():
        screen.of_simulated("waste_book")
    for name in ("balance", "institution"):
        for language, screen in screens.items():
            view(screen, language, name)
            screen.shoot(f"waste-{name}-{language}")
    bag = lost_bag(system, hospital["site"])
    system.post("simulators/speed", {"speed": 1}).raise_for_status()
    for language, screen in screens.items():
        view(screen, language, "now")
        expect(screen.page.locator("[data-figure=overdue]")).to_contain_text(re.compile("[1-9]"))
        screen.shoot(f"waste-now-{language}")
        view(screen, language, "vehicles")
        screen.page.locator(".ld-line-driven").first.wait_for(state="attached")
        screen.shoot(f"waste-vehicles-{language}")
        view(screen, language, "overdue")
        row = screen.page.locator(".st-key-waste-overdue tr", has_text=bag["tag"])
        expect(row).to_contain_text(bag[f"rules_{language}"][0])
        expect(row).to_contain_text(bag[f"ward_{language}"])
        screen.shoot(f"waste-overdue-{language}")
        row.click()
        expect(screen.page.locator(f"[data-bag='{bag['tag']}']")).to_contain_text(hospital[f"site_name_{language}"])
        life = screen.page.locator(".st-key-waste-life tbody tr")
        expect(life).to_have_count(1)
        expect(life).to_contain_text({"zh": "科室收集", "en": "Collected"}[language])
        screen.shoot(f"waste-bag-{language}")
        view(screen, language, "documents")
        screen.shoot(f"waste-documents-{language}")
    screen = screens["en"]
    assert not HAN.findall(screen.main.inner_text())
    screen.choose("waste_document_site", hospital["site_name_en"])
    with screen.page.expect_download() as download:
        screen.page.locator(f"[class*='st-key-waste_save_pdf_register-{hospital['site']}'] button").click()
    path = tmp_path / "register.pdf"
    download.value.save_as(path)
    pages = pypdfium2.PdfDocument(path)
    words = "".join(page.get_textpage().get_text_bounded() for page in pages)
    words = re.sub(r"\s", "", words.replace("\x02", "-"))  # PDFium's mark of a hyphen at which a line was broken
    assert hospital["site_name_zh"] in words
    assert bag["tag"] in words
    assert [screen.errors + screen.elsewhere for screen in screens.values()] == [[], []]


def set_tolerances(screen: Screen, button: str, reason: str, said: str, **values: str) -> None:
    """Fill the form of the step that is shown, give a reason and press a button of it."""
    page = screen.page
    if not page.locator(".st-key-tolerance_group").is_visible():
        page.locator(".st-key-tolerance-change summary").click()
    for name, value in values.items():
        page.locator(f"[class*='st-key-tolerance_{name}_'] input").fill(value)
    page.locator("[class*='st-key-tolerance_reason_'] input").fill(reason)
    page.locator(f".st-key-{button} button").click()
    expect(page.get_by_text(said)).to_be_visible()


@pytest.mark.timeout(180)
def test_a_tolerance_is_set_with_a_reason_holds_and_goes_back(signed_in: Callable[..., Screen], system: System) -> None:
    """Set in Chinese, in force with who and why, read in English, and back to the default; the history keeps both."""
    screens = {language: signed_in(language, "waste") for language in VIEWS}
    row = ".st-key-tolerances-collected tr[data-row=heaviest_bag_kg]"
    chinese, english = screens["zh"], screens["en"]
    view(chinese, "zh", "tolerances")
    expect(chinese.page.locator(row)).to_contain_text("25 kg")
    set_tolerances(chinese, "tolerance_save", "试行三十公斤", "公差已设定", heaviest_bag_kg="30")
    expect(chinese.page.locator(row)).to_contain_text("30 kg")
    expect(chinese.page.locator(row)).to_contain_text("试行三十公斤")
    chinese.shoot("waste-tolerances-zh")
    found = {each["name"]: each for each in system.get("waste/tolerances")["tolerances"]}
    assert (found["heaviest_bag_kg"]["value"], found["heaviest_bag_kg"]["set_by"]) == (30, system.username)
    view(english, "en", "tolerances")
    expect(english.page.locator(row)).to_contain_text("Heaviest plausible bag")
    expect(english.page.locator(row)).to_contain_text("试行三十公斤")
    expect(english.page.locator(".st-key-tolerance-history")).to_contain_text("25 kg → 30 kg")
    english.shoot("waste-tolerances-en")
    set_tolerances(english, "tolerance_reset", "end of the trial", "The tolerances are set")
    expect(english.page.locator(row)).not_to_contain_text("30 kg")
    expect(english.page.locator(".st-key-tolerance-history")).to_contain_text("30 kg → 25 kg")
    assert [screen.errors + screen.elsewhere for screen in screens.values()] == [[], []]
