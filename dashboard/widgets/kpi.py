"""The row of key figures: live sites and simulated ones side by side, never summed."""

from dashboard.formatting import DASH, percent
from dashboard.html import badge, chip, escape
from dashboard.language import t, term
from dashboard.shapes import AlarmCounts, Group, Overview


def key_figures(overview: Overview) -> str:
    """The row as HTML."""
    live, simulated = overview["groups"]["live"], overview["groups"]["simulated"]
    return (
        "<div class='ld-kpis'>"
        f"<section class='ld-group' data-group='live'>"
        f"<header>{escape(t('live.group_live'))}</header>{_tiles(live)}</section>"
        f"<section class='ld-group ld-sim' data-group='simulated'>"
        f"<header>{escape(t('live.group_simulated'))}{badge()}</header>{_tiles(simulated)}</section></div>"
    )


def _tiles(group: Group) -> str:
    judged = t("kpi.of_channels", compliant=group["channels_compliant"], judged=group["channels_judged"])
    return (
        "<div class='ld-tiles'>"
        + _tile(
            t("kpi.online"),
            f"{group['sites_online']}<small>/ {group['sites_total']} {escape(t('kpi.sites_unit'))}</small>",
        )
        + _tile(t("kpi.alarms"), _alarms(group["open_alarms"]))
        + _tile(t("kpi.compliant"), _share(group["compliant_share"]), judged)
        + _tile(t("kpi.transmission"), _share(group["transmission_rate"]), t("kpi.last_hour"))
        + "</div>"
    )


def _tile(label: str, value: str, remark: str = "") -> str:
    below = f" title='{escape(remark)}'" if remark else ""
    return (
        f"<div class='ld-tile'{below}><div class='ld-k'>{escape(label)}</div>"
        f"<div class='ld-v'>{value}</div><div class='ld-k2'>{escape(remark)}</div></div>"
    )


def _share(share: float | None) -> str:
    text = percent(share)
    return text if text == DASH else f"{text.removesuffix(' %')}<small>%</small>"


def _alarms(counts: AlarmCounts | None) -> str:
    if counts is None:
        return DASH
    priorities = (("high", counts["high"]), ("medium", counts["medium"]), ("low", counts["low"]))
    return "".join(
        chip(f"{term('alarm.priority', priority)} {count}", priority if count else "plain")
        for priority, count in priorities
    )
