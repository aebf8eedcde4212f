"""The county map's data: counties by worst state, sites as markers."""

from collections.abc import Sequence
from typing import Any, Final

from dashboard.formatting import clock
from dashboard.language import county_name, language, name_of, t, term
from dashboard.links import address
from dashboard.look import PRIORITY_ORDER, WORST_TONE, sample_tone, site_tone
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


def map_data(sites: Sequence[Site], *, group: str, county: str | None) -> dict[str, Any]:
    """What the map shows: the sites of `group` (``live`` or ``simulated``) as markers, venues off line as dots.

    A dot has the colour of what the venue's recent samples say.
    """
    shown = [site for site in sites if site["status"] == group]
    unconnected = [site for site in sites if site["status"] == "offline"]
    shape = "diamond" if group == "simulated" else "round"
    legend = [{"tone": tone, "shape": shape, "text": t(f"legend.{key}")} for tone, key in LEGEND]
    legend.append({"tone": "plain", "shape": "small", "text": t("legend.unconnected")})
    suspected = text(language(), "sample.page.legend")
    legend.append({"tone": "high", "shape": "small", "text": suspected})
    return {
        "counties": {code: _county(code, shown, unconnected) for code in COUNTIES},
        "sites": [_marker(site, "small") for site in unconnected] + [_marker(site, shape) for site in shown],
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


def _county(code: str, shown: Sequence[Site], unconnected: Sequence[Site]) -> dict[str, str]:
    here = [site for site in shown if site["county"] == code]
    others = sum(site["county"] == code for site in unconnected)
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


def _marker(site: Site, shape: str) -> list[Any]:
    x, y = place(site["lon"], site["lat"])
    mark = f" [{t('badge')}]" if site["simulated"] else ""
    state = t(f"state.{site['state']}") if shape != "small" else t("state.unconnected")
    title = f"{name_of(site)}{mark}\n{county_name(site['county'])} · {state}"
    if summary := site["samples"]:
        said = {"state": term("sample.state", summary["state"]), "at": clock(summary["taken_at"], site["zone"])}
        title += f"\n{text(language(), 'sample.page.map', **said)}"
    if count := alarms_of(site):
        title += f" · {t('map.open_alarms', count=count)}"
    tone = sample_tone(site) if shape == "small" else site_tone(site["state"], site["worst_priority"])
    return [site["code"], x, y, tone, shape, title]
