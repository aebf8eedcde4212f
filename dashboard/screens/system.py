"""How the platform itself is doing."""

import math
from typing import Final, Literal, NamedTuple

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, full_time, size
from dashboard.html import badge, chip, chip_cell, escape, heading, title
from dashboard.language import language, t, term
from dashboard.look import COMPONENT_TONE
from dashboard.problems import failed
from dashboard.shapes import Canary, DeadLetter, Health, Pipeline, SequenceGaps
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from registry.wall_clock import zone_offset

REFRESH_S: Final = 3
LAST: Final = 20
REASON: Final = "dead_letter_reason"


def show() -> None:
    """Draw the page."""
    st.html(title(t("system.title"), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    _components()
    if session.me()["role"] in ("administrator", "centre", "inspector"):
        _dead_letters()


@st.fragment(run_every=REFRESH_S)
def _components() -> None:
    health = session.feed().wait_first(4).health
    if health is None:
        st.info(t("live.waiting"))
        return
    st.html(_figures(health) + _messages(health["pipeline"]) + _delays(health["canary"], health["pipeline"]))
    columns = [
        {"label": t("system.component")},
        {"label": t("column.state")},
        {"label": t("column.since")},
        {"label": t("system.detail"), "wrap": True},
    ]
    rows = [
        {
            "id": each["name"],
            "cells": [
                term("dashboard.component", each["name"]),
                chip_cell(term("dashboard.component_state", each["state"]), COMPONENT_TONE.get(each["state"], "plain")),
                clock(each["since"], ZONE),
                {"text": each["detail_zh"] if language() == "zh" else each["detail"]},
            ],
        }
        for each in health["components"]
    ]
    st.html(heading(t("system.components")))
    table("components", {"columns": columns, "rows": rows, "clickable": False})
    st.html(
        f"<div class='ld-note ld-versions'>{escape(t('system.versions'))} {escape(_versions(health['versions']))}</div>"
    )


def _figures(health: Health) -> str:
    journal = health["journal"]
    live, simulated = health["sites"]["live"], health["sites"]["simulated"]
    sites = t("kpi.sites_unit")
    disk = t("system.disk_of", total=size(health["disk_total_bytes"]))
    return _group(
        [
            _Tile(t("system.version"), escape(health["version"])),
            _Tile(t("system.disk"), escape(size(health["disk_free_bytes"])), disk),
            _Tile(t("system.journal"), _count(journal["last_id"]), t("system.rows")),
            _Tile(t("system.lag"), _count(journal["monitor_lag"]), t("system.rows")),
            _Tile(t("live.group_live"), f"{live['online']}<small>/ {live['total']}</small>", sites),
            _Tile(
                t("live.group_simulated"), f"{simulated['online']}<small>/ {simulated['total']}</small>", sites, badge()
            ),
        ]
    )


class _Tile(NamedTuple):
    """A figure: `value` is HTML, `mark` HTML beside the label."""

    label: str
    value: str
    unit: str = ""
    mark: str = ""


def _messages(pipeline: Pipeline | None) -> str:
    """What became of every message: the figures must add up, and whether they do stands at their end."""
    if pipeline is None:
        return heading(t("system.messages")) + f"<div class='ld-note'>{escape(t('system.no_ingest'))}</div>"
    off = pipeline["imbalance"]
    verdict = chip(t("system.balanced"), "ok") if not off else chip(t("system.unbalanced", count=off), "high")
    note = f"<span class='ld-note'>{escape(t('system.since_start'))}</span>"
    return heading(t("system.messages"), note) + _group(
        [
            _Tile(t("system.messages_received"), _count(pipeline["received"])),
            _Tile(t("system.messages_committed"), _count(pipeline["committed"])),
            _Tile(t("system.messages_dead"), _count(pipeline["dead"])),
            _Tile(t("system.messages_status"), _count(pipeline["silent"])),
            _Tile(
                t("system.in_flight"),
                _count(pipeline["in_flight"]),
                t("system.of_which_waiting", count=_count(pipeline["waiting"])),
            ),
            _Tile(t("system.reconciliation"), verdict),
        ]
    )


def _delays(canary: Canary | None, pipeline: Pipeline | None) -> str:
    """How long the chain takes, and what the numbering of devices and the broker show to be late or missing."""

    def counted(name: Literal["redelivered", "late", "missing"]) -> str:
        return "–" if pipeline is None else _count(pipeline[name])

    return heading(t("system.delays")) + _group(
        [
            _Tile(t("system.canary"), _seconds(canary and canary["last_ms"]), "s"),
            _Tile(
                t("system.canary_percentiles"),
                f"{_seconds(canary and canary['p50_ms'])} / {_seconds(canary and canary['p99_ms'])}",
                "s",
            ),
            _Tile(t("system.ingest_lag"), "–" if pipeline is None else f"{pipeline['lag_s']:.1f}", "s"),
            _Tile(t("system.redelivered"), counted("redelivered")),
            _Tile(t("system.late"), counted("late")),
            _Tile(t("system.missing"), counted("missing")),
        ]
    )


def _group(tiles: list[_Tile]) -> str:
    listed = "".join(
        f"<div class='ld-tile'><div class='ld-k' title='{escape(tile.label)}'>{escape(tile.label)} {tile.mark}</div>"
        f"<div class='ld-v'>{tile.value} <small>{escape(tile.unit)}</small></div></div>"
        for tile in tiles
    )
    return (
        f"<div class='ld-group'><div class='ld-tiles' style='grid-template-columns:repeat(6,1fr)'>{listed}</div></div>"
    )


def _versions(versions: dict[str, str]) -> str:
    """Parts of one version together: ``api, canary, ingest, monitor 0.1.0 · postgresql 18.4``."""
    parts: dict[str, list[str]] = {}
    for part, version in versions.items():
        parts.setdefault(version, []).append(part)
    return " · ".join(f"{', '.join(names)} {version}" for version, names in parts.items())


def _seconds(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds / 1000:.2f}"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


@st.fragment(run_every=REFRESH_S)
def _dead_letters() -> None:
    chosen = st.session_state.get(REASON)
    try:
        summary = session.client().dead_letter_summary()
        page = session.client().dead_letters(chosen, LAST)
        gaps = session.client().sequence_gaps(LAST)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    left, right = st.columns([0.3, 0.7], gap="small")
    with left:
        note = t("system.dead_since", since=full_time(summary["since"], ZONE))
        st.html(heading(t("dead_letters"), f"<span class='ld-note'>{escape(note)}</span>"))
        _reasons(summary["reasons"], summary["total"], chosen)
        if gaps:
            st.html(heading(t("system.gaps")))
            _gaps(gaps)
    with right:
        named = t("system.all_reasons") if chosen is None else term("dead_letter.reason", chosen)
        soft = t("system.last_of", shown=len(page["items"]), total=page["total"])
        st.html(heading(t("system.last", reason=named), f"<span class='ld-note'>{escape(soft)}</span>"))
        _letters(page["items"])


def _reasons(reasons: dict[str, int], total: int, chosen: str | None) -> None:
    columns = [{"label": t("system.reason")}, {"label": t("system.count"), "align": "right"}]
    ordered = sorted(reasons.items(), key=lambda each: -each[1])
    rows = [{"id": "*", "cells": [t("system.all_reasons"), str(total)]}] + [
        {"id": reason, "cells": [term("dead_letter.reason", reason), str(count)]} for reason, count in ordered
    ]
    answer = table("dead-reasons", {"columns": columns, "rows": rows, "clickable": True, "selected": chosen or "*"})
    if answer.open:
        st.session_state[REASON] = None if answer.open == "*" else answer.open
        st.rerun(scope="fragment")


def _gaps(gaps: list[SequenceGaps]) -> None:
    columns = [
        {"label": t("system.device")},
        {"label": t("system.gap_missing"), "align": "right"},
        {"label": t("column.since")},
    ]
    rows = [
        {"id": each["device"], "cells": [each["device"], _count(each["missing"]), clock(each["at"], ZONE)]}
        for each in gaps
    ]
    table("gaps", {"columns": columns, "rows": rows, "clickable": False, "height": 200})


def _letters(letters: list[DeadLetter]) -> None:
    columns = [
        {"label": t("system.received")},
        {"label": t("system.reason")},
        {"label": t("system.device")},
        {"label": t("system.field")},
        {"label": t("system.detail"), "wrap": True},
        {"label": t("system.payload"), "wrap": True},
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": [
                clock(each["received_at"], ZONE),
                term("dead_letter.reason", each["reason"]),
                each["device"] or "–",
                each["field"] or "–",
                {"text": f"{_fate(each)} · {each['detail']}"},
                {"text": _shortened(each), "title": each["topic"]},
            ],
        }
        for each in letters
    ]
    data = {"columns": columns, "rows": rows, "clickable": False, "empty": t("system.no_dead_letters"), "height": 460}
    table("dead-letters", data)


def _fate(letter: DeadLetter) -> str:
    """What to do about a letter, or that it was replayed."""
    if letter["replayed_at"] is None:
        return term("dead_letter.advice", letter["reason"])
    return t("system.replayed", at=full_time(letter["replayed_at"], ZONE), by=letter["replayed_by"] or "–")


def _shortened(letter: DeadLetter) -> str:
    text = letter["payload_text"]
    short = text if len(text) <= 120 else text[:117] + "…"
    return f"{short}  ({_bytes(letter['payload_bytes'])})"


def _bytes(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{math.ceil(count / 1000)} kB"
