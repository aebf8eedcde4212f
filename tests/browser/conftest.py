"""A browser at the screen of the running system."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.system import System

SCREENSHOTS: Final = Path(__file__).parent / "screenshots"
CHROMIUM: Final = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
OPTIONS: Final = (
    "--no-sandbox",  # the tests may run as root, in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
)
VIEW: Final = {"width": 1440, "height": 900}
WAIT_MS: Final = 30_000
AT_ONCE: Final = """
const animate = Element.prototype.animate;
Element.prototype.animate = function (...given) {
  const animation = animate.apply(this, given);
  animation.finish();
  return animation;
};
"""
"""What unfolds is unfolded at once: a pointer is quicker than the animation, and lets go of it elsewhere."""
COMMENT: Final = "已电话通知场所，正在检查加药泵"
"""What a person wrote to an alarm; it is shown as it was written, whatever the screen's language."""
PAGES: Final = {
    "zh": ("实时总览", "场所", "预警", "模拟器", "系统"),
    "en": ("Live", "Site", "Alarms", "Simulators", "System"),
}

# Opened below its root, Streamlit asks for its own address from the deepest folder upwards; the first answers are 404.
STREAMLIT_PROBES: Final = re.compile(r"/[a-z_]+/_stcore/(health|host-config)$")


@dataclass
class Screen:
    """A page of the dashboard with what went wrong in the browser meanwhile."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Requests to anything but the dashboard."""

    @property
    def main(self) -> Locator:
        """The part of the page beside the navigation."""
        return self.page.get_by_test_id("stMain")

    def sign_in(self, username: str, password: str, first: str = ".ld-kpis") -> None:
        """Fill in the form and wait for what the first page shows, by default the live page."""
        self.page.locator("input[autocomplete=username]").fill(username)
        self.page.locator("input[type=password]").fill(password)
        with self.page.expect_response(re.compile("/session$")):  # the cookie, so that a reload may follow at once
            self.page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
        self.page.locator(first).first.wait_for()

    def open(self, name: str) -> None:
        """Go to a page by the navigation, as a reader does: without a reload."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()

    def switch_language(self, name: str) -> None:
        """Choose a language in the side bar."""
        self.page.get_by_test_id("stSidebar").get_by_role("radio", name=name).click()

    def choose(self, key: str, option: str) -> None:
        """Choose an option of a select box by the key it has in the script."""
        entry = self.page.locator(f".st-key-{key} input")
        entry.click()
        entry.fill(option)  # the list is drawn only as far as it is seen, so it is narrowed first
        self.page.get_by_role("option", name=option).first.click()

    def of_simulated(self, key: str) -> None:
        """Choose the demonstration where real venues are known too; `key` is that of the control."""
        self.page.locator(f".st-key-{key}").get_by_text(re.compile(r"^(模拟|Simulated)( \d+)?$")).click()

    def shoot(self, name: str) -> Path:
        """Keep a screenshot."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def note(self, message: ConsoleMessage) -> None:
        """Remember an error of the console."""
        where = str(message.location.get("url", ""))
        if message.type == "error" and not STREAMLIT_PROBES.search(where):
            self.errors.append(f"{message.text} ({where})")

    def watch(self, request: Request) -> None:
        """Remember a request that leaves the dashboard."""
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(request.url)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, until a test of another folder has its turn: Playwright keeps an event loop running meanwhile."""
    executable = next((path for path in CHROMIUM if Path(path).exists()), None) or shutil.which("chromium")
    expect.set_options(timeout=WAIT_MS)
    assert executable, "no Chromium: apt-get install chromium fonts-noto-cjk"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=list(OPTIONS))
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A reader of their own: no cookies, no cache."""
    made = reader(browser)
    yield made
    made.close()


@pytest.fixture(scope="package")
def administrator(browser: Browser, system: System) -> Iterator[BrowserContext]:
    """A reader who has signed in once, as in a working day; nobody signs out here."""
    made = reader(browser)
    page = made.new_page()
    screen = Screen(page, system.dashboard.rstrip("/"))
    page.goto(screen.address)
    screen.sign_in(system.username, system.password)
    page.close()
    yield made
    made.close()


def reader(browser: Browser, **options: Any) -> BrowserContext:
    """Somebody's browser, at a desk unless `options` of Playwright's say otherwise."""
    usual: dict[str, Any] = {"viewport": VIEW, "accept_downloads": True, "reduced_motion": "reduce"}
    made = browser.new_context(**usual | options)
    made.set_default_timeout(WAIT_MS)
    made.add_init_script(AT_ONCE)
    return made


def _opened(context: BrowserContext, system: System, path: str) -> Screen:
    screen = Screen(context.new_page(), system.dashboard.rstrip("/"))
    screen.page.on("console", screen.note)
    screen.page.on("pageerror", lambda error: screen.errors.append(str(error)))
    screen.page.on("request", screen.watch)
    screen.page.goto(f"{screen.address}/{path}")
    return screen


@pytest.fixture
def at(context: BrowserContext, system: System) -> Callable[[str], Screen]:
    """Opens an address of the dashboard as somebody who has not signed in, e.g. ``at("?lang=en")``."""
    return lambda path: _opened(context, system, path)


@pytest.fixture
def signed_in(administrator: BrowserContext, system: System) -> Iterator[Callable[..., Screen]]:
    """Opens the live page, or that of a path, as the administrator, in a language."""
    screens: list[Screen] = []

    def opened(language: str = "zh", path: str = "") -> Screen:
        screen = _opened(administrator, system, f"{path}{'&' if '?' in path else '?'}lang={language}")
        screens.append(screen)
        screen.page.get_by_test_id("stSidebarNav").wait_for()
        if not path:
            screen.page.locator(".ld-kpis").wait_for()
        return screen

    yield opened
    for screen in screens:
        screen.page.close()
