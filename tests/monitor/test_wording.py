from datetime import timedelta
from typing import Any

import pytest

from monitor.alarms.rows import silent_device_row, silent_site_row
from monitor.alarms.wording import alarm_text
from monitor.engine import RETURN_REASONS
from monitor.layout import Layout
from registry.catalogue import LANGUAGES, Language, entries
from tests.monitor.worlds import START, pool, us

REGISTRY = pool()
LAYOUT = Layout.of(REGISTRY)


def low_chlorine(**columns: Any) -> dict[str, Any]:
    """A row of table alarm."""
    return {
        "kind": "limit",
        "site": "P1",
        "device": "D1-1",
        "sampling_point": "B1",
        "indicator": "free_chlorine",
        "value": 0.18,
        "unit": "mg/L",
        "side": "low",
        "limit_lo": 0.3,
        "limit_hi": 1.0,
        "limit_profile": "gb37488-2019-artificial-pool",
        "clause": "4.4.1 表4",
        "since": START,
        "returned_at": None,
        "return_reason": None,
        **columns,
    }


def test_a_limit_alarm_names_everything_in_chinese() -> None:
    """Site, basin, indicator, value, unit, limit, standard, clause and since when by the site's clock."""
    assert alarm_text("zh", low_chlorine(), REGISTRY) == (
        "预警：江海游泳馆1·标准池1 游离性余氯 0.18 mg/L，低于限值 0.3–1.0 mg/L"
        "（GB 37488-2019 4.4.1 表4），自 2025-06-02 12:00 起"
    )


def test_a_limit_alarm_names_everything_in_english() -> None:
    """The same in English, the time with the zone it is of."""
    assert alarm_text("en", low_chlorine(side="high", value=1.5), REGISTRY) == (
        "Warning: Jianghai Pool 1, Main pool 1: Free chlorine 1.50 mg/L, above the limit 0.3–1.0 mg/L "
        "(GB 37488-2019 4.4.1 Table 4), since 2025-06-02 12:00 (UTC+8)"
    )


def test_a_rule_of_the_sites_own_is_named_as_such() -> None:
    """It is no standard's limit, and its number leads to who set it and why; a missing clause leaves no gap."""
    row = low_chlorine(limit_lo=0.4, limit_hi=None, limit_profile="site-rule:7", clause="#7")
    assert "低于限值 ≥ 0.4 mg/L（本场所规则 #7）" in alarm_text("zh", row, REGISTRY)
    assert "below the limit ≥ 0.4 mg/L (site rule #7)" in alarm_text("en", row, REGISTRY)
    foreign = low_chlorine(limit_profile="din19643-1-2023", clause="—")
    assert "（DIN 19643-1:2023-06）" in alarm_text("zh", foreign, REGISTRY)


def test_circulation_says_that_its_limit_is_no_law() -> None:
    """A platform default is never presented as a standard."""
    row = low_chlorine(
        kind="circulation",
        indicator="circulation_flow",
        value=0.0,
        limit_lo=5.0,
        limit_hi=None,
        unit="m³/h",
        limit_profile="plant-operation",
        clause="—",
    )
    assert alarm_text("zh", row, REGISTRY) == (
        "预警：江海游泳馆1·标准池1 营业期间循环疑似停运，循环流量 0.0 m³/h，应为 ≥ 5.0 m³/h"
        "（系统默认值，非法定限值），自 2025-06-02 12:00 起"
    )
    assert "not law" in alarm_text("en", row, REGISTRY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_offline_alarms_say_what_is_silent_and_since_when(language: Language) -> None:
    """A device's alarm names the device, a site's does not."""
    device = {**silent_device_row(LAYOUT, 0, us(0.0), us(10.0)), "returned_at": None}
    site = {**silent_site_row(LAYOUT, 0, us(0.0), us(10.0)), "returned_at": None}
    assert "D1-1" in alarm_text(language, device, REGISTRY)
    assert "D1-1" not in alarm_text(language, site, REGISTRY)
    assert all("2025-06-02 12:00" in alarm_text(language, row, REGISTRY) for row in (device, site))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*RETURN_REASONS.values(), "online", "whole_site_offline", "unregistered"])
def test_a_returned_alarm_says_when_and_why(language: Language, reason: str) -> None:
    """Every reason for a return has its words."""
    row = low_chlorine(returned_at=START + timedelta(hours=1), return_reason=reason)
    text = alarm_text(language, row, REGISTRY)
    assert text.startswith(alarm_text(language, low_chlorine(), REGISTRY))
    assert "13:00" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_longer_registered_is_named_by_its_code(language: Language) -> None:
    """An old alarm stays readable."""
    text = alarm_text(language, low_chlorine(site="GONE", sampling_point="B9"), REGISTRY)
    assert "GONE" in text
    assert "B9" in text


def test_no_alarm_speaks_of_a_violation() -> None:
    """On-line data is a lead, not proof."""
    texts = [text for key, both in entries().items() if key.startswith("alarm.") for text in both.values()]
    assert texts
    assert not [text for text in texts if "违法" in text or "违规" in text or "violation" in text.lower()]
