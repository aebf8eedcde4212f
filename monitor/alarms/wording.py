"""What an alarm says to a person: site, basin, indicator, value, unit, limit, clause and since when."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from registry.canary import PLATFORM, SITE
from registry.catalogue import Language, clause, counted, indicator_name, text, unit
from registry.indicators import INDICATORS
from registry.limits import profiles
from registry.limits.site_rules import SITE_RULE, TRIAL
from registry.model import Registry
from registry.wall_clock import wall_clock
from registry.waste.catalogue import event_kinds

OF_THE_PLATFORM = frozenset({"accounting", "canary"})
"""Kinds of alarm about the platform itself, whose site is no venue."""

_log = logging.getLogger(__name__)
MOST_TAGS = 3
"""Bags that a sentence names; it counts all."""

_UNKNOWN_ZONE = "UTC"
NO_CLAUSE = "—"
"""What a profile writes where the clause is not known."""


def alarm_text(language: Language, alarm: Mapping[str, Any], registry: Registry) -> str:
    """One sentence about an alarm.

    Parameters
    ----------
    language : "zh" or "en"
    alarm : a row of table ``alarm`` by column name; times as aware datetimes
    registry : for names and the zone of the site. What is no longer registered is named by its code.

    Raises
    ------
    KeyError
        The alarm's kind, side, indicator or return reason is not one that the catalogue knows.

    """
    site = SITE if alarm["site"] == PLATFORM else registry.sites.get(alarm["site"])
    zone = site.zone if site else _UNKNOWN_ZONE
    fields: dict[str, object] = {
        "site": (site.name_zh if language == "zh" else site.name_en) if site else alarm["site"],
        "basin": _basin_name(language, alarm, registry),
        "device": alarm["device"],
        "since": wall_clock(language, alarm["since"], zone),
    }
    if alarm["kind"] in OF_THE_PLATFORM:
        sentence = text(language, f"alarm.{alarm['kind']}", since=fields["since"], value=f"{alarm['value']:.0f}")
    elif alarm["kind"] == "offline":
        sentence = text(language, f"alarm.offline.{_silent(alarm)}", **fields)
    elif alarm["kind"] == "detector":
        sentence = _verdict(language, alarm, fields)
    elif alarm["kind"] == "waste":
        sentence = _custody(language, alarm, fields)
    else:
        fields |= _measurement_fields(language, alarm)
        # Without a clause the standard stands alone in its brackets.
        sentence = (
            text(language, f"alarm.{alarm['kind']}.{alarm['side']}", **fields).replace(" ）", "）").replace(" )", ")")
        )
    if alarm["returned_at"] is None:
        return sentence
    at = wall_clock(language, alarm["returned_at"], zone)
    return text(language, f"alarm.returned.{alarm['return_reason']}", text=sentence, at=at)


def sentence(language: Language, alarm: Mapping[str, Any], registry: Registry) -> str:
    """The alarm in a sentence; its condition where there are no words, since one alarm must not hide others."""
    try:
        return alarm_text(language, alarm, registry)
    except (KeyError, TypeError, ValueError):
        _log.exception("alarm %s, condition %s: no words for it in the catalogue", alarm["id"], alarm["condition"])
        return str(alarm["condition"])


def _silent(alarm: Mapping[str, Any]) -> str:
    """What is silent: the site, a gateway or a device."""
    if alarm["device"] is None:
        return "site"
    return "gateway" if alarm.get("rule") == "offline:gateway" else "device"


def _verdict(language: Language, alarm: Mapping[str, Any], fields: Mapping[str, object]) -> str:
    kind: str = alarm["verdict"]
    said = {name: text(language, f"verdict.{name}.{kind}") for name in ("kind", "says")}
    if kind == "clock":
        return text(language, "alarm.detector.device", **fields, **said)
    spoke = spoken(language, (alarm["evidence"] or {}).get("channels", ()))
    return text(language, "alarm.detector.place", **fields, **said, spoke=spoke)


def _custody(language: Language, alarm: Mapping[str, Any], fields: Mapping[str, object]) -> str:
    """What is wrong with bags, an institution or a vehicle, by the rule that was broken."""
    evidence = alarm["evidence"] or {}
    rule = str(alarm["rule"]).removeprefix("waste:")
    events = {each.code: each_kind.label(language) for each, each_kind in event_kinds().items()}
    numbers = {name: _plain(evidence.get(name)) for name in ("value", "limit")}
    said = {
        "bags": _bags(language, evidence),
        "event": events.get(evidence.get("event") or "", ""),
        "other": events.get(evidence.get("other") or "", ""),
        "code": evidence.get("code") or "—",
        "clause": clause(language, alarm["clause"] or ""),
    }
    return text(language, f"waste.said.{rule}", **{**fields, **numbers, **said})


def _bags(language: Language, evidence: Mapping[str, Any]) -> str:
    tags, count = [each["tag"] for each in evidence.get("bags", ())], int(evidence.get("count", 0))
    if not tags:
        return counted(language, "waste.bags.none", count=count)
    if count == 1:
        return text(language, "waste.bags.one", tag=tags[0])
    shown = text(language, "waste.bags.and").join(tags[:MOST_TAGS])
    return text(language, f"waste.bags.{'few' if count <= MOST_TAGS else 'many'}", tags=shown, count=count)


def _plain(number: float | None) -> str:
    return "—" if number is None else f"{number:.2f}".rstrip("0").rstrip(".")


def spoken(language: Language, channels: Sequence[Mapping[str, Any]]) -> str:
    """What channels that spoke read when they did, and what is usual of each."""
    return text(language, "alarm.detector.and").join(_spoke(language, each) for each in channels)


def _spoke(language: Language, channel: Mapping[str, Any]) -> str:
    indicator: str = channel["indicator"]
    fields = {"indicator": indicator_name(language, indicator), "unit": unit(language, indicator)}
    numbers = {name: channel.get(name) for name in ("value", "expected_lo", "expected_hi")}
    if any(each is None for each in numbers.values()):
        return fields["indicator"]
    decimals = INDICATORS[indicator].precision
    shown = {name: f"{each:.{decimals}f}" for name, each in numbers.items()}
    return text(language, "alarm.detector.spoke", **fields, **shown)


def _basin_name(language: Language, alarm: Mapping[str, Any], registry: Registry) -> str:
    point = registry.sampling_points.get((alarm["site"], alarm["sampling_point"] or ""))
    if point is None:
        return alarm["sampling_point"] or ""
    return point.name_zh if language == "zh" else point.name_en


def _measurement_fields(language: Language, alarm: Mapping[str, Any]) -> dict[str, object]:
    indicator: str = alarm["indicator"]
    return {
        "indicator": indicator_name(language, indicator),
        "value": f"{alarm['value']:.{INDICATORS[indicator].precision}f}",
        "unit": unit(language, indicator),
        "interval": _interval(alarm),
        "standard": _standard(language, alarm["limit_profile"]),
        "clause": "" if alarm["clause"] == NO_CLAUSE else clause(language, alarm["clause"] or ""),
    }


def _standard(language: Language, profile_code: str) -> str:
    if profile_code.startswith(SITE_RULE):
        return text(language, "standard.site_rule")
    if profile_code == TRIAL:
        return text(language, "standard.trial")
    known = profiles().get(profile_code)
    return known.standard if known else profile_code


def _interval(alarm: Mapping[str, Any]) -> str:
    """The interval with the bounds that the alarm was judged by, written as its profile writes it."""
    profile = profiles().get(alarm["limit_profile"])
    limits = [limit for limit in profile.limits if limit.indicator == alarm["indicator"]] if profile else []
    if limits:
        return replace(limits[0], lo=alarm["limit_lo"], hi=alarm["limit_hi"]).interval()
    lo, hi = alarm["limit_lo"], alarm["limit_hi"]
    if lo is not None and hi is not None:
        return f"{lo:g}–{hi:g} {alarm['unit']}"
    return f"≥ {lo:g} {alarm['unit']}" if lo is not None else f"≤ {hi:g} {alarm['unit']}"
