"""What the pages for a telephone and the hall's screen say, without a browser."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from dashboard import display, installing
from dashboard.shapes import Alarm
from dashboard.widgets import field, instruments
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import LANGUAGES

AT = "2026-05-01T04:00:00Z"


def view(**value: Any) -> dict[str, Any]:
    """A display's answer with one value."""
    chlorine = {
        "indicator": "free_chlorine", "unit": "mg/L", "precision": 2, "value": 0.5, "ts": AT, "fresh_until": AT,
        "state": "within", "interval": "0.3–1.0 mg/L", "standard": "GB 37488-2019", "clause": "4.4.1 表4",
        "verified": False, **value,
    }  # fmt: skip
    point = {"code": "b1", "name_zh": "标准池", "name_en": "Main pool", "values": [chlorine]}
    return {
        "at": AT, "site": "P-1", "county": "320602", "name_zh": "一号池", "name_en": "Pool One", "zone": ZONE,
        "simulated": True, "open_now": True, "points": [point],
    }  # fmt: skip


def test_a_display_says_value_limit_time_and_standard() -> None:
    """The zone's time, two decimals, the limit with its unit, the standard once, and what of it is unverified."""
    shown = display.shown(view(), "zh")
    (value,) = shown["points"][0]["values"]
    assert (value["name"], value["value"], value["unit"]) == ("游离性余氯", "0.50", "mg/L")
    assert (value["limit"], value["says"]) == ("限值 0.3–1.0 mg/L", "限值内")
    assert value["measured"].startswith("测得 ")
    assert "12:00" in value["measured"], "the time is that of the venue, UTC+8"
    assert shown["basis"] == "依据 GB 37488-2019（限值待核对标准原文）"
    assert shown["badge"] == "模拟"
    assert display.shown(view(verified=True), "en")["basis"] == "By GB 37488-2019"


def test_a_display_has_no_figure_where_there_is_none() -> None:
    """A value that never came is a dash without a time, never a zero."""
    shown = display.shown(view(value=None, ts=None, fresh_until=None, state="none", interval=None, standard=None), "en")
    (value,) = shown["points"][0]["values"]
    assert (value["value"], value["measured"], value["says"], value["limit"]) == ("–", "", "No data", "No limit")
    assert shown["basis"] == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(installing.PAGES))
def test_a_manifest_has_what_browsers_ask_for(name: str, language: Any) -> None:
    """Names, a start within the scope, a display of its own, and icons of 192 and 512 px that are there."""
    made = installing.described(name, language)
    assert made["name"]
    assert len(made["short_name"]) <= 12
    assert made["start_url"] == f"/{name}?lang={language}"
    assert (made["scope"], made["display"]) == ("/", "standalone")
    assert {"192x192", "512x512"} <= {each["sizes"] for each in made["icons"]}
    for icon in made["icons"]:
        drawn = (display.STATIC / icon["src"].rsplit("/", 1)[-1]).read_bytes()
        width = int(icon["sizes"].partition("x")[0])
        assert drawn[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(drawn[16:20], "big") == int.from_bytes(drawn[20:24], "big") == width


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:8501/inspector", True),
        ("http://localhost/inspector", True),
        ("https://landun.example.gov.cn/inspector", False),
        ("http://192.168.1.20:8501/inspector", False),
    ],
)
def test_an_address_that_no_telephone_can_reach_is_known(address: str, here: bool) -> None:
    """A QR code to the machine itself is told from one that a telephone can follow."""
    assert installing.only_here(address) is here


@pytest.mark.parametrize(
    ("minutes", "said"), [(0.5, "不到 1 分钟"), (5, "5 分钟"), (119, "119 分钟"), (125, "2 小时"), (4000, "2 天")]
)
def test_how_long_in_the_largest_unit_that_says_enough(minutes: float, said: str) -> None:
    """Minutes up to two hours, hours up to two days, then days."""
    until = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert field.lasting((until - timedelta(minutes=minutes)).isoformat(), until.isoformat()) == said


@pytest.mark.parametrize(
    ("lo", "hi", "said"), [(0.3, 1.0, "0.3–1.0 mg/L"), (None, 1.0, "≤ 1 mg/L"), (0.05, None, "≥ 0.05 mg/L")]
)
def test_a_limit_has_the_same_decimals_on_both_sides(lo: float | None, hi: float | None, said: str) -> None:
    """As the standard writes it."""
    alarm = cast(Alarm, {"limit_lo": lo, "limit_hi": hi, "indicator": "free_chlorine"})
    assert field.limit_of(alarm) == said


def test_worst_first_and_among_equals_who_waits_longest() -> None:
    """A high alarm before every low one; one that nobody has taken before one that somebody has."""

    def alarm(number: int, priority: str, state: str, raised: str) -> Alarm:
        return cast(Alarm, {"id": number, "priority": priority, "state": state, "raised_at": raised})

    alarms = [
        alarm(1, "low", "unacknowledged", "2026-05-01T01:00:00Z"),
        alarm(2, "high", "acknowledged", "2026-05-01T01:00:00Z"),
        alarm(3, "high", "unacknowledged", "2026-05-01T03:00:00Z"),
        alarm(4, "high", "unacknowledged", "2026-05-01T02:00:00Z"),
        alarm(5, "medium", "unacknowledged", "2026-05-01T00:00:00Z"),
    ]
    assert [each["id"] for each in sorted(alarms, key=field.urgency)] == [4, 3, 2, 5, 1]


@pytest.mark.parametrize(
    ("on", "due_in", "tone"),
    [(None, None, "pending"), ("2026-01-01", None, "plain"), ("2026-01-01", -1, "high"), ("2026-01-01", 0, "ok")],
)
def test_a_calibration_is_overdue_from_the_day_after(on: str | None, due_in: int | None, tone: str) -> None:
    """None on record is not called fine, and on its last day a calibration still holds."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    due = None if due_in is None else (today + timedelta(days=due_in)).isoformat()
    found, said = instruments.calibration_of(cast(Any, {"calibrated_on": on, "calibration_due": due}))
    assert found == tone
    assert said


def test_the_page_that_is_installed_names_its_manifest() -> None:
    """Streamlit's own page, with the manifest of the page and language in its head and nothing else taken out."""
    drawn = installing._page("inspector", "en")
    assert drawn.count('rel="manifest"') == 1
    assert 'href="/landun-app/inspector.webmanifest?lang=en"' in drawn
    assert '<div id="root">' in drawn
