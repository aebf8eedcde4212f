"""An alarm as it is answered, from a row of its table and the registry's names."""

from collections.abc import Mapping
from typing import Any

from monitor.alarms.wording import alarm_text
from monitor.api.schemas import Alarm
from registry.catalogue import indicator_name
from registry.indicators import INDICATORS
from registry.model import Registry


def alarm_of(row: Mapping[str, Any], registry: Registry) -> Alarm:
    """The alarm of a row (column name → value). What is no longer registered is named by its code."""
    site = registry.sites.get(row["site"])
    point = registry.sampling_points.get((row["site"], row["sampling_point"] or ""))
    indicator = row["indicator"] if row["indicator"] in INDICATORS else None
    return Alarm(
        **{name: row[name] for name in Alarm.model_fields if name in row},
        site_name_zh=site.name_zh if site else row["site"],
        site_name_en=site.name_en if site else row["site"],
        county=site.county if site else "",
        sampling_point_name_zh=point.name_zh if point else row["sampling_point"],
        sampling_point_name_en=point.name_en if point else row["sampling_point"],
        indicator_name_zh=indicator_name("zh", indicator) if indicator else row["indicator"],
        indicator_name_en=indicator_name("en", indicator) if indicator else row["indicator"],
        text_zh=alarm_text("zh", row, registry),
        text_en=alarm_text("en", row, registry),
    )
