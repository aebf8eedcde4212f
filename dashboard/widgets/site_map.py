"""The county map's data: counties by worst state, sites as markers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from dashboard.formatting import clock
from dashboard.language import county_name, language, name_field, t, term
from dashboard.links import address
from dashboard.look import PRIORITY_ORDER, WORST_TONE, sample_tone, severity, site_tone
from dashboard.map_outline import place
from dashboard.shapes import Site
from registry.catalogue import text
from registry.counties import COUNTIES

LEGEND: Final = (
    ("ok", "normal"),
    ("pending", "pending"),
    ("low", "alarm_low"),
    ("medium", "alarm_medium"),
    ("high", "alarm_high"),
    ("closed", "closed"),
    ("silent", "offline"),
)

MARKERS: Final = 2000
"""Most markers on the map: what a browser draws and a refresh sends without a pause. The worst are shown."""


@dataclass(frozen=True)
class _Words:
    """Each word of the markers once, however many markers say it."""

    name: Literal["name_zh", "name_en"]
    t: Callable[..., str]
    county: Callable[[str], str]


def map_data(sites: Sequence[Site], *, group: str, county: str | None) -> dict[str, Any]:
    """What the map shows: the sites of `group` (``live`` or ``simulated``) as markers, venues off line as dots.

    A dot has the colour of what the venue's recent samples say. Of more than `MARKERS` sites the worst are shown,
    those of the chosen county first; the counties count all of them.
    """
    shown = [site for site in sites if site["status"] == group]
    unconnected = [site for site in sites if site["status"] == "offline"]
    marked = _worst([*unconnected, *shown], county)
    shape = "diamond" if group == "simulated" else "round"
    legend = [{"tone": tone, "shape": shape, "text": t(f"legend.{key}")} for tone, key in LEGEND]
    legend.append({"tone": "plain", "shape": "small", "text": t("legend.unconnected")})
    suspected = text(language(), "sample.page.legend")
    legend.append({"tone": "high", "shape": "small", "text": suspected})
    if len(marked) < len(shown) + len(unconnected):
        counts = {"shown": len(marked), "sites": len(shown) + len(unconnected)}
        legend.append({"tone": "plain", "shape": "none", "text": t("map.worst", **counts)})
    words = _Words(name_field(), cache(t), cache(county_name))
    online, others = _by_county(shown), Counter(site["county"] for site in unconnected)
    return {
        "counties": {code: _county(code, online.get(code, []), others[code]) for code in COUNTIES},
        "sites": [_marker(site, "small" if site["status"] == "offline" else shape, words) for site in marked],
        "selected": county,
        "legend": legend,
        "site": f"{address('site')}&site=",
        "labels": {"in": t("map.zoom_in"), "out": t("map.zoom_out"), "reset": t("map.reset")},
    }


def county_worst(sites: Sequence[Site]) -> str:
    """The worst state over sites of one group: ``high``, ``medium``, ``low``, ``offline``, ``ok`` or ``none``."""
    if not sites:
        return "none"
    worst = min((site["worst_priority"] for site in sites), key=lambda priority: PRIORITY_ORDER[priority])
    if worst is not None:
        return worst
    return "offline" if any(site["state"] == "offline" for site in sites) else "ok"


def alarms_of(site: Site) -> int:
    """How many alarms of a site are open; 0 where the reader may not know."""
    counts = site["open_alarms"]
    return 0 if counts is None else counts["high"] + counts["medium"] + counts["low"]


def _worst(sites: Sequence[Site], county: str | None) -> Sequence[Site]:
    """At most `MARKERS` sites in their order, left out from the least severe on and from other counties first."""
    if len(sites) <= MARKERS:
        return sites
    by_need = sorted(sites, key=lambda site: (county not in (None, site["county"]), *severity(site)))
    kept = {site["code"] for site in by_need[:MARKERS]}
    return [site for site in sites if site["code"] in kept]


def _by_county(sites: Sequence[Site]) -> dict[str, list[Site]]:
    grouped: dict[str, list[Site]] = {}
    for site in sites:
        grouped.setdefault(site["county"], []).append(site)
    return grouped


def _county(code: str, here: Sequence[Site], others: int) -> dict[str, str]:
    alarms = sum(alarms_of(site) for site in here)
    title = t(
        "map.county_title",
        name=county_name(code),
        online=sum(site["online"] for site in here),
        sites=len(here),
        alarms=alarms,
        others=others,
    )
    return {"name": county_name(code), "tone": WORST_TONE[county_worst(here)], "title": title}


def _marker(site: Site, shape: str, words: _Words) -> list[Any]:
    x, y = place(site["lon"], site["lat"])
    mark = f" [{words.t('badge')}]" if site["simulated"] else ""
    state = words.t(f"state.{site['state']}" if shape != "small" else "state.unconnected")
    title = f"{site[words.name]}{mark}\n{words.county(site['county'])} · {state}"
    if summary := site["samples"]:
        said = {"state": term("sample.state", summary["state"]), "at": clock(summary["taken_at"], site["zone"])}
        title += f"\n{text(language(), 'sample.page.map', **said)}"
    if count := alarms_of(site):
        title += f" · {words.t('map.open_alarms', count=count)}"
    tone = sample_tone(site) if shape == "small" else site_tone(site["state"], site["worst_priority"])
    return [site["code"], x, y, tone, shape, title]
