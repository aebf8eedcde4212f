"""Each indicator's value against its limit, a card each."""

from collections.abc import Mapping, Sequence

from dashboard.formatting import DASH, clock, number
from dashboard.html import chip, escape
from dashboard.language import clause_of, indicator, language, name_of, t, term, unit_of
from dashboard.look import CHANNEL_TONE
from dashboard.shapes import Channel, Latest, Limit, Site
from dashboard.shapes.judging import Rule
from registry.catalogue import text

ROLES = ("quality", "operational", "context")


def cards(channels: Sequence[Channel], latest: Mapping[int, Latest], site: Site) -> str:
    """Cards for the channels of one basin: water first, then plant, then circumstances.

    Where `latest` (from the live feed) is newer than what came with the channel, it is shown.
    """
    ordered = sorted(channels, key=lambda each: (ROLES.index(each["role"]), each["id"]))
    return "<div class='ld-cards'>" + "".join(_card(each, latest.get(each["id"]), site) for each in ordered) + "</div>"


def interval(limit: Limit | Rule, code: str, precision: int) -> str:
    """The allowed values with their unit as the reader writes it, e.g. ``0.3–1.0 mg/L`` or ``≤ 1 NTU``."""
    unit = unit_of(code)
    if limit["lo"] is None and limit["hi"] == 0:
        return text(language(), "standard.not_detected")
    lo, hi = limit["lo"], limit["hi"]
    decimals = _decimals(limit, precision)
    if lo is not None and hi is not None:
        return f"{lo:.{decimals}f}–{hi:.{decimals}f} {unit}"
    if hi is not None:
        return f"{'≤' if limit['hi_inclusive'] else '<'} {hi:.{decimals}f} {unit}"
    return f"{'≥' if limit['lo_inclusive'] else '>'} {lo:.{decimals}f} {unit}" if lo is not None else DASH


def _decimals(limit: Limit | Rule, precision: int) -> int:
    """As few decimals as the bounds need."""
    for decimals in range(precision + 1):
        if all(bound is None or abs(bound - round(bound, decimals)) < 1e-9 for bound in (limit["lo"], limit["hi"])):
            return decimals
    return precision


def _card(channel: Channel, latest: Latest | None, site: Site) -> str:
    value, ts, state, since = channel["value"], channel["ts"], channel["state"], channel["since"]
    if latest is not None and (ts is None or latest["ts"] >= ts):
        value, ts, state, since = latest["value"], latest["ts"], latest["state"], latest["since"]
    known = state or "none"
    tone = CHANNEL_TONE.get(known, "plain")
    rows = [
        (t("card.limit"), _limit(channel)),
        (t("card.clause"), _clause(channel["limit"])),
        (t("card.since"), clock(since, site["zone"])),
        (t("card.measured"), clock(ts, site["zone"])),
    ]
    listed = "".join(f"<dt>{escape(label)}</dt><dd>{text}</dd>" for label, text in rows)
    code = channel["indicator"]
    return (
        f"<article class='ld-card ld-{tone}' data-indicator='{escape(code)}' data-state='{escape(known)}'>"
        f"<header><span title='{escape(indicator(code))}'>{escape(indicator(code))}</span>"
        f"{chip(term('dashboard.state', known), tone)}</header>"
        f"<div class='ld-v'>{number(value, channel['precision'])}<small>{escape(unit_of(code))}</small></div>"
        f"<dl>{listed}</dl></article>"
    )


def _limit(channel: Channel) -> str:
    limit = channel["limit"]
    if limit is None:
        return escape(t("card.no_limit"))
    force = term("dashboard.force", limit["force"])
    text = interval(limit, channel["indicator"], channel["precision"])
    return f"<b>{escape(text)}</b> <span class='ld-soft'>{escape(force)}</span>"


def _clause(limit: Limit | None) -> str:
    if limit is None:
        return DASH
    if limit["force"] == "operational":
        return escape(t("card.design_default"))
    note = name_of(limit, "note")
    doubt = (
        f" <span title='{escape(term('dashboard.certainty', limit['certainty']))}'>ⓘ</span>"
        if limit["certainty"] != "primary"
        else ""
    )
    if limit["site_rule"]:
        note = text(language(), "standard.site_rule_note", standard=limit["standard"] or "–")
    basis = text(language(), "standard.site_rule") if limit["profile"].startswith("site-rule") else limit["standard"]
    clause = escape(f"{basis} {clause_of(limit['clause'])}")
    return f"<span title='{escape(note)}'>{clause}</span>{doubt}"
