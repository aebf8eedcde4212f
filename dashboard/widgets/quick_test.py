"""Entering a quick test beside the pool, and what it says: by the limits, and beside the instrument."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.field_client import Comparison
from dashboard.formatting import clock, number, precision_of, rfc3339
from dashboard.html import chip, escape, heading
from dashboard.language import clause_of, indicator, language, term, unit_of, with_unit
from dashboard.look import SAMPLE_TONE
from dashboard.problems import failed
from dashboard.shapes import Channel, Point, SiteDetail
from dashboard.shapes.judging import SampleResult
from dashboard.widgets.field import colon
from dashboard.widgets.sample_table import written
from registry.agreement import tolerances
from registry.catalogue import text
from registry.indicators import INDICATORS

RESULT: Final = "quick_test_result"
FORM: Final = "quick_test_form"
USUAL: Final = ("free_chlorine", "ph", "turbidity", "water_temperature")
LEAST: Final[Mapping[str, float]] = {"free_chlorine": 0.05, "combined_chlorine": 0.05}
"""Below this, in mg/L, a chlorine test stays colourless: it is "not detected", and not zero."""
AT_ONCE: Final = 3
"""Fields in sight: what is tested beside a pool in a minute."""
TONE: Final = {
    "water_right": "ok",
    "water_wrong": "high",
    "false_alarm": "pending",
    "missed": "high",
    "instrument_off": "pending",
    "test_only": "plain",
}


def w(key: str, /, **fields: object) -> str:
    """A string of the quick test."""
    return text(language(), f"inspector.test.{key}", **fields)


def quick_test(site: SiteDetail, point: Point, first: str | None, alarm: int | None) -> None:
    """The form, or what the test just entered says. `first` is what is asked for first, `alarm` what it is for."""
    st.html(heading(w("title")))
    done = st.session_state.get(RESULT)
    if done and done["for"] == (site["code"], point["code"], alarm):
        _results(done["samples"], done["comparisons"])
        if st.button(w("again"), key="quick_again", width="stretch"):
            st.session_state.pop(RESULT)
            st.rerun()
        return
    _form(site, point, first, alarm)


def offered(site: SiteDetail, point: Point, first: str | None) -> list[str]:
    """What is worth testing by hand: what the instrument there measures too, the alarm's own indicator first."""
    here: list[Channel] = [each for each in site["channels"] if each["sampling_point"] == point["code"]]
    measured = [each["indicator"] for each in here] or list(USUAL)
    known = [code for code in (*USUAL, *tolerances()) if code in measured or code == "combined_chlorine"]
    return sorted(dict.fromkeys(known), key=lambda code: code != first)


def _form(site: SiteDetail, point: Point, first: str | None, alarm: int | None) -> None:
    filled = st.session_state.get(FORM, 0)  # in the fields' keys, so that they are empty again once they are saved
    with st.form(f"quick-{site['code']}-{point['code']}-{filled}", border=True):
        st.html(f"<p class='ld-note'>{escape(w('lead'))}</p>")
        given: dict[str, str] = {}
        codes = offered(site, point, first)
        for code in codes[:AT_ONCE]:
            _field(code, filled, given)
        if codes[AT_ONCE:]:
            with st.expander(w("more")):
                for code in codes[AT_ONCE:]:
                    _field(code, filled, given)
        minutes = st.number_input(w("earlier"), 0, 240, 0, 5, key=f"quick_earlier_{filled}")
        saved = st.form_submit_button(w("save"), type="primary", key=f"quick_save_{filled}", width="stretch")
    if saved:
        _save(site, point, alarm, given, datetime.now(UTC) - timedelta(minutes=minutes))


def _field(code: str, filled: int, given: dict[str, str]) -> None:
    """A figure to fill in; for what a colour disc can fail to show, also that it did."""
    precision = INDICATORS[code].precision
    value = st.number_input(
        with_unit(code), INDICATORS[code].physical_lo, INDICATORS[code].physical_hi, None,
        step=10.0**-precision, format=f"%.{precision}f", key=f"quick_{code}_{filled}",
    )  # fmt: skip
    if value is not None:
        given[code] = f"{value:.{precision}f}"
    if code in LEAST:
        least = f"{LEAST[code]:g} {unit_of(code)}"
        if st.checkbox(w("below", value=least), key=f"quick_below_{code}_{filled}") and value is None:
            given[code] = f"<{LEAST[code]:g}"


def _save(site: SiteDetail, point: Point, alarm: int | None, given: dict[str, str], taken: datetime) -> None:
    if not given:
        st.error(w("nothing"))
        return
    me, api = session.me(), session.field()
    test: dict[str, Any] = {
        "site": site["code"],
        "sampling_point": point["code"],
        "kind": "quick_test",
        "taken_at": rfc3339(taken),
        "taken_by": me["name"] or me["username"],
        "results": [{"indicator": code, "result": value} for code, value in given.items()],
    }
    try:
        added = api.enter_test(test)
        if not added:
            st.warning(w("known"))
            return
        page = api.samples(site=site["code"], kind="quick_test", from_=rfc3339(taken - timedelta(seconds=1)), limit=50)
        samples = [each for each in page["items"] if each["id"] in added]
        comparisons = {number: api.comparison(number) for number in added}
        if alarm is not None:
            api.comment(alarm, "\n".join(_remark(each, comparisons[each["id"]]) for each in samples))
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    order = list(given)
    samples.sort(key=lambda each: order.index(each["indicator"]))
    st.session_state[RESULT] = {
        "for": (site["code"], point["code"], alarm),
        "samples": samples,
        "comparisons": comparisons,
    }
    st.session_state[FORM] = st.session_state.get(FORM, 0) + 1
    session.feed().poll_soon()
    st.rerun()


def _remark(sample: SampleResult, comparison: Comparison) -> str:
    return w(
        "remark",
        indicator=indicator(sample["indicator"]),
        value=written(sample),
        state=term("sample.state", sample["state"]),
        finding=term("inspector.finding", comparison["finding"]),
    )


def _results(samples: list[SampleResult], comparisons: dict[int, Comparison]) -> None:
    st.html("".join(_result(each, comparisons[each["id"]]) for each in samples))


def _result(sample: SampleResult, comparison: Comparison) -> str:
    code, finding = sample["indicator"], comparison["finding"]
    state = chip(term("sample.state", sample["state"]), SAMPLE_TONE.get(sample["state"], "plain"))
    agreed = {"agrees": "ok", "differs": "pending"}.get(comparison["agreement"], "plain")
    limit = ""
    if sample["interval"]:
        basis = f"{sample['standard'] or ''} {clause_of(sample['clause'] or '')}".strip() or "–"
        limit = f"<p class='ld-note'>{escape(w('by_limit', interval=sample['interval'], basis=basis))}</p>"
    online = number(comparison["online"], precision_of(code))
    unit = unit_of(code) if comparison["readings"] else ""
    until = min(comparison["last"], rfc3339(datetime.now(UTC)))
    online_at = w("online", first=clock(comparison["first"], sample["zone"]), last=clock(until, sample["zone"]))
    tone = TONE.get(finding, "plain")
    pair = (
        f"<div class='ld-pair'><div>{escape(w('tested'))}<b>{escape(written(sample))}</b></div>"
        f"<div>{escape(online_at)}<b>{online} <small>{escape(unit)}</small></b></div></div>"
    )
    return (
        f"<div class='ld-verdict ld-{tone}' data-finding='{escape(finding)}' data-indicator='{code}'>"
        f"<h3>{escape(indicator(code))}{colon()}{escape(term('inspector.finding', finding))}</h3>"
        f"<div>{state}{chip(term('inspector.agreement', comparison['agreement']), agreed)}</div>{pair}{limit}"
        f"<p class='ld-note'>{escape(_apart(comparison, code))}</p>"
        f"<p class='ld-say'>{escape(term('inspector.advice', finding))}</p></div>"
    )


def _apart(comparison: Comparison, code: str) -> str:
    if comparison["difference"] is None or comparison["tolerance"] is None:
        return w("no_online")
    precision = precision_of(code)
    return w(
        "apart",
        difference=f"{abs(comparison['difference']):.{precision}f}",
        tolerance=f"{comparison['tolerance']:.{precision}f}",
        unit=unit_of(code),
    )
