"""Small pieces of HTML that several pages use. Everything that comes from data is escaped here."""

from html import escape
from typing import Any

from dashboard.language import t, term
from dashboard.look import CHANNEL_TONE, PRIORITY_TONE

__all__ = ["badge", "badge_cell", "chip", "chip_cell", "escape", "heading", "priority_cell", "state_cell", "title"]


def badge() -> str:
    """The badge of simulated things."""
    return f"<span class='ld-badge'>{escape(t('badge'))}</span>"


def badge_cell() -> dict[str, Any]:
    """The badge as a cell of the table component."""
    return {"text": t("badge_short"), "badge": True, "title": t("badge")}


def chip(text: str, tone: str) -> str:
    """A coloured chip."""
    return f"<span class='ld-chip ld-{tone}'>{escape(text)}</span>"


def chip_cell(text: str, tone: str) -> dict[str, Any]:
    """A coloured chip as a cell of the table component."""
    return {"text": text, "tone": tone}


def state_cell(state: str, tone: str | None = None) -> dict[str, Any]:
    """The state of a site or channel as a cell."""
    return chip_cell(term("dashboard.state", state), tone or CHANNEL_TONE.get(state, "plain"))


def priority_cell(priority: str) -> dict[str, Any]:
    """The priority of an alarm as a cell."""
    return chip_cell(term("alarm.priority", priority), PRIORITY_TONE.get(priority, "plain"))


def title(text: str, *, sub: str = "", after: str = "") -> str:
    """A page's title; `after` is HTML that follows it (chips, badge), `sub` a soft remark."""
    soft = f"<span class='ld-sub'>{escape(sub)}</span>" if sub else ""
    return f"<div class='ld-title'><h1>{escape(text)}</h1>{after}{soft}</div>"


def heading(text: str, after: str = "") -> str:
    """The heading of a panel."""
    return f"<div class='ld-h'>{escape(text)}{after}</div>"
