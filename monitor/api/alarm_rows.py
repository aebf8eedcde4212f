"""An alarm as it is answered, from a row of its table and the registry's names."""

from collections.abc import Mapping
from typing import Any, cast

from monitor.alarms.states import AlarmState, Mute, Standing
from monitor.alarms.wording import sentence
from monitor.api.schemas import Alarm
from monitor.api.schemas.common import IsaState
from registry.canary import PLATFORM, SITE
from registry.catalogue import Language, entries, indicator_name
from registry.indicators import INDICATORS
from registry.model import Registry


def alarm_of(row: Mapping[str, Any], registry: Registry) -> Alarm:
    """The alarm of a row (column name → value). What is no longer registered is named by its code."""
    return Alarm(
        **{name: row[name] for name in Alarm.model_fields if name in row and name != "evidence"},
        # What other kinds of alarm rest on has another shape; theirs is shown where they are.
        evidence=row["evidence"] if "channels" in (row["evidence"] or ()) else None,
        isa_state=isa_state(row),
        **words_of(row, registry),
    )


def words_of(row: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """Names, advice and sentences of an alarm's row, by the names of `Alarm`'s fields."""
    site = SITE if row["site"] == PLATFORM else registry.sites.get(row["site"])
    point = registry.sampling_points.get((row["site"], row["sampling_point"] or ""))
    indicator = row["indicator"] if row["indicator"] in INDICATORS else None
    return {
        "site_name_zh": site.name_zh if site else row["site"],
        "site_name_en": site.name_en if site else row["site"],
        "county": site.county if site else "",
        "sampling_point_name_zh": point.name_zh if point else row["sampling_point"],
        "sampling_point_name_en": point.name_en if point else row["sampling_point"],
        "indicator_name_zh": indicator_name("zh", indicator) if indicator else row["indicator"],
        "indicator_name_en": indicator_name("en", indicator) if indicator else row["indicator"],
        "verdict_name_zh": _of_verdict("zh", "kind", row["verdict"]),
        "verdict_name_en": _of_verdict("en", "kind", row["verdict"]),
        "advice_zh": _of_verdict("zh", "do", row["verdict"]),
        "advice_en": _of_verdict("en", "do", row["verdict"]),
        "text_zh": sentence("zh", row, registry),
        "text_en": sentence("en", row, registry),
    }


def isa_state(row: Mapping[str, Any]) -> IsaState:
    """The one ISA-18.2 state that a person is shown: the mute while there is one, else the occurrence's."""
    shown = {
        "out_of_service_until": Mute.OUT_OF_SERVICE,
        "shelved_until": Mute.SHELVED,
        "suppressed_by": Mute.SUPPRESSED,
    }
    mutes = frozenset(mute for column, mute in shown.items() if row.get(column) is not None)
    return cast(IsaState, Standing(AlarmState(row["state"]), mutes=mutes).isa)


def _of_verdict(language: Language, part: str, verdict: str | None) -> str | None:
    key = f"verdict.{part}.{verdict}"
    return entries()[key][language] if key in entries() else None
