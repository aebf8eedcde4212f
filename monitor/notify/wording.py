"""What a message says. Every sentence about an alarm is `monitor.alarms.wording`'s."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from monitor.alarms.wording import alarm_text
from monitor.notify.model import PRIORITIES, Message, Reason, Telling
from registry.canary import PLATFORM, SITE
from registry.catalogue import Language, entries, indicator_name, text
from registry.counties import COUNTIES
from registry.indicators import INDICATORS
from registry.model import Registry

ALARMS_SHOWN: Final = 8
SITES_SHOWN: Final = 10
PAGES: Final = {"inspector": "inspector", "venue": "venue"}
"""The page of one's own, which fits a telephone; everybody else reads all alarms."""


@dataclass(frozen=True)
class Facts:
    """What wording needs beside the message: rows of alarms by id, trends by (alarm, language), where links lead."""

    registry: Registry
    alarms: Mapping[int, Mapping[str, Any]]
    trends: Mapping[tuple[int, Language], str] = field(default_factory=dict)
    dashboard_url: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Roles of recipients by name: whose page a link leads to."""


def shown(message: Message) -> list[int]:
    """The alarms whose rows wording needs: those that a message speaks of one by one."""
    if len(message.tellings) == 1:
        return [each.id for each in message.tellings[0].matters[:ALARMS_SHOWN]]
    return [each.matters[0].id for each in message.tellings[:SITES_SHOWN]]


def words(language: Language, message: Message, facts: Facts) -> tuple[str, str]:
    """Title and body."""
    if len(message.tellings) == 1:
        return _single(language, message.tellings[0], facts)
    return _collected(language, message, facts)


def _single(language: Language, telling: Telling, facts: Facts) -> tuple[str, str]:
    fields = {
        "badge": _badge(language, simulated=telling.group.simulated),
        "priority": text(language, f"alarm.priority.{telling.priority}"),
        "reason": text(language, f"notify.reason.{telling.reason}"),
        "site": site_name(language, telling.group.site, facts.registry),
    }
    if len(telling.matters) == 1:
        title = text(language, "notify.message.title_one", **fields, what=_what(language, telling, facts))
    else:
        title = text(language, "notify.message.title", **fields, count=len(telling.matters))
    lines = []
    for matter in telling.matters[:ALARMS_SHOWN]:
        lines.append(_sentence(language, matter.id, facts))
        if (trend := facts.trends.get((matter.id, language))) is not None and telling.reason is not Reason.RESOLVED:
            lines.append(text(language, "notify.message.trend", trend=trend))
    if len(telling.matters) > ALARMS_SHOWN:
        lines.append(text(language, "notify.message.more", count=len(telling.matters) - ALARMS_SHOWN))
    lines.append(_why(language, telling))
    return title, "\n".join([*lines, *_foot(language, facts, telling.recipient.name, telling.matters[0].id)])


def _collected(language: Language, message: Message, facts: Facts) -> tuple[str, str]:
    tellings = message.tellings
    matters = [each for telling in tellings for each in telling.matters]
    title = text(
        language,
        "notify.message.title_many",
        badge=_badge(language, simulated=message.simulated),
        priority=text(language, f"alarm.priority.{message.priority}"),
        sites=len({each.group.site for each in tellings}),
        count=len(matters),
    )
    lines = []
    for county in sorted({each.group.county for each in tellings}):
        here = [each for each in matters if each.county == county]
        counts = Counter(each.priority for each in here)
        lines.append(
            text(
                language,
                "notify.message.county",
                county=_county_name(language, county),
                sites=len({each.site for each in here}),
                count=len(here),
                **{name: counts[name] for name in PRIORITIES},
            )
        )
    for telling in tellings[:SITES_SHOWN]:
        site = site_name(language, telling.group.site, facts.registry)
        said = _sentence(language, telling.matters[0].id, facts)
        lines.append(text(language, "notify.message.site", site=site, count=len(telling.matters), text=said))
    if len(tellings) > SITES_SHOWN:
        lines.append(text(language, "notify.message.more_sites", count=len(tellings) - SITES_SHOWN))
    return title, "\n".join([*lines, *_foot(language, facts, message.recipient)])


def _sentence(language: Language, alarm: int, facts: Facts) -> str:
    row = facts.alarms.get(alarm)
    if row is None:
        return f"#{alarm}"
    try:
        return alarm_text(language, row, facts.registry)
    except (KeyError, TypeError, ValueError):
        # One alarm without words must not hide the message.
        return str(row["condition"])


def _what(language: Language, telling: Telling, facts: Facts) -> str:
    row = facts.alarms.get(telling.matters[0].id) or {}
    indicator = str(row.get("indicator"))
    if row.get("kind") in {"limit", "circulation"} and indicator in INDICATORS:
        return indicator_name(language, indicator)
    if row.get("verdict") and f"verdict.kind.{row['verdict']}" in entries():
        return text(language, f"verdict.kind.{row['verdict']}")
    kind = f"alarm.kind.{telling.matters[0].kind}"
    return text(language, kind) if kind in entries() else telling.matters[0].kind


def _why(language: Language, telling: Telling) -> str:
    route = telling.group.route
    said = text(
        language,
        "notify.message.why",
        reason=text(language, f"notify.reason.{telling.reason}"),
        route=route.name_zh if language == "zh" else route.name_en,
    )
    absent = telling.recipient.absent
    if not absent:
        return said
    joint = "、" if language == "zh" else ", "
    roles = joint.join(text(language, f"notify.role.{each}") for each in absent)
    return said + text(language, "notify.message.absent", roles=roles)


def _foot(language: Language, facts: Facts, recipient: str, alarm: int | None = None) -> list[str]:
    lines = [text(language, "notify.message.lead")]
    if facts.dashboard_url:
        page = PAGES.get(facts.roles.get(recipient, ""), "alarms")
        url = f"{facts.dashboard_url.rstrip('/')}/{page}?lang={language}" + (f"&alarm={alarm}" if alarm else "")
        lines.append(text(language, "notify.message.link", url=url))
    return lines


def _badge(language: Language, *, simulated: bool) -> str:
    return text(language, "notify.message.badge") if simulated else ""


def site_name(language: Language, code: str, registry: Registry) -> str:
    """The name of a site; its code if it is not registered any more."""
    site = SITE if code == PLATFORM else registry.sites.get(code)
    if site is None:
        return code
    return site.name_zh if language == "zh" else site.name_en


def _county_name(language: Language, code: str) -> str:
    county = COUNTIES.get(code)
    if county is None:
        return code or site_name(language, PLATFORM, Registry.of([], [], [], []))
    return county.name_zh if language == "zh" else county.name_en


def why(tellings: Sequence[Telling]) -> dict[str, Any]:
    """What is stored with a message: for each group the route, the step, who was absent, the reason."""
    return {
        "collected": len(tellings) > 1,
        "groups": [
            {
                "site": each.group.site,
                "route": each.group.route.id,
                "route_zh": each.group.route.name_zh,
                "route_en": each.group.route.name_en,
                "step": each.recipient.step,
                "role": each.recipient.role,
                "by": each.recipient.by,
                "absent": list(each.recipient.absent),
                "reason": each.reason,
                "alarms": len(each.matters),
            }
            for each in tellings[:50]
        ],
    }
