"""How states and priorities look: one place for colours, so that map, table, cards and charts agree."""

from typing import Final

from dashboard.shapes import Site

# The tone of a state is the name of a colour in static/landun.css.
CHANNEL_TONE: Final = {
    "normal": "ok",
    "advice": "advice",
    "pending": "pending",
    "breach": "breach",
    "closed": "closed",
    "stale": "silent",
    "bad": "silent",
    "unjudged": "plain",
    "offline": "silent",
    "none": "plain",
}
PRIORITY_TONE: Final = {"high": "high", "medium": "medium", "low": "low"}
WORST_TONE: Final = {
    "ok": "ok",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "offline": "silent",
    "none": "plain",
}
COMPONENT_TONE: Final = {"up": "ok", "degraded": "pending", "missing": "high"}
ALARM_TONE: Final = {
    "unacknowledged": "high",
    "acknowledged": "medium",
    "returned_unacknowledged": "pending",
    "latched_unacknowledged": "pending",
    "latched": "medium",
    "shelved": "plain",
    "suppressed_by_design": "plain",
    "out_of_service": "plain",
    "normal": "ok",
}
FILL: Final = {
    "ok": "#3c9d6b",
    "advice": "#3b8ea5",
    "pending": "#d9a21b",
    "low": "#c9a227",
    "medium": "#e07b1f",
    "high": "#d03a3a",
    "breach": "#d03a3a",
    "closed": "#8aa0b6",
    "silent": "#5b6673",
    "plain": "#b8c2cc",
}
"""Colours for charts; static/landun.css has the same for everything else."""

SEVERITY: Final = {
    "breach": 0,
    "offline": 1,
    "pending": 2,
    "stale": 3,
    "advice": 4,
    "normal": 5,
    "closed": 6,
    "none": 7,
}
"""Order of site states, worst first."""
PRIORITY_ORDER: Final = {"high": 0, "medium": 1, "low": 2, None: 3}


SAMPLE_TONE: Final = {
    "suspected": "high",
    "deviation": "medium",
    "advice": "advice",
    "unclear": "pending",
    "within": "ok",
    "unlimited": "plain",
}
"""Tone of what a manual result says."""
SAMPLE_SEVERITY: Final = {state: place for place, state in enumerate(SAMPLE_TONE)}
"""Order of what manual results say, worst first."""


def severity(site: Site) -> tuple[int, int, int]:
    """How bad a site is, the worst least: by its worst open alarm, then its state, then its samples."""
    samples = SAMPLE_SEVERITY.get(site["samples"]["state"], 9) if site["samples"] else 9
    return PRIORITY_ORDER[site["worst_priority"]], SEVERITY.get(site["state"], 9), samples


def sample_tone(site: Site) -> str:
    """The tone of a site without instruments: what its recent manual results say."""
    summary = site["samples"]
    return SAMPLE_TONE[summary["state"]] if summary else "plain"


def site_tone(state: str, worst_priority: str | None) -> str:
    """The tone of a site: that of its worst open alarm while it is in breach, else of its state."""
    if worst_priority is not None and state in ("breach", "pending", "offline", "stale"):
        return "silent" if state == "offline" else PRIORITY_TONE[worst_priority]
    return CHANNEL_TONE.get(state, "plain")
