"""Manual results: laboratory samples and quick tests, for venues on line and off line alike."""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, rfc3339
from dashboard.html import escape, heading, title
from dashboard.language import county_name, indicator, language, name_of, t, term, with_unit
from dashboard.problems import failed
from dashboard.shapes import Site, SiteDetail
from dashboard.shapes.judging import SampleReport
from dashboard.widgets.components import table
from dashboard.widgets.sample_table import sample_table, w, written
from registry.sample_sheet import a_result
from registry.samples import SampleKind, SampleState
from registry.scenarios import scenario_of
from registry.tabular import CellError

PAGE: Final = 15
WITHDRAWABLE: Final = 50
MISTAKES_SHOWN: Final = 100
LEAST_REASON: Final = 4
SAMPLED_AT: Final = 9
"""The hour at which a sample is usually taken."""
SAID: Final = "samples_said"
FORM: Final = "samples_form"


def show() -> None:
    """Draw the page."""
    st.html(title(w("page.title")))
    st.html(f"<p class='ld-note'>{escape(w('page.lead'))}</p>")
    sites = {site["code"]: site for site in session.feed().wait_first(4).sites}
    if said := st.session_state.pop(SAID, None):
        st.success(said)
    if session.may_act():
        left, right = st.columns([0.62, 0.38], gap="small")
        with left, st.container(key="panel-sample-enter", border=True):
            st.html(heading(w("page.enter")))
            _enter(sites)
        with right, st.container(key="panel-sample-import", border=True):
            st.html(heading(w("page.import")))
            _import()
    _list(sites)


# ---------------------------------------------------------------------- entering
def _enter(sites: dict[str, Site]) -> None:
    if not sites:
        st.info(t("site.none"))
        return
    ordered = sorted(sites.values(), key=lambda site: (site["status"] != "offline", name_of(site)))
    first, second = st.columns([0.6, 0.4], gap="small")
    code = first.selectbox(
        w("page.venue"), [site["code"] for site in ordered], key="sample_site",
        format_func=lambda each: f"{name_of(sites[each])} · {county_name(sites[each]['county'])}",
    )  # fmt: skip
    try:
        detail = session.client().site(code)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    points = {point["code"]: name_of(point) for point in detail["sampling_points"]}
    if not points:
        st.info(w("no_points", known="").strip())
        return
    point = second.selectbox(
        w("page.point"), list(points), format_func=lambda each: points[each], key=f"sample_point_{code}"
    )
    now = datetime.now(ZoneInfo(detail["zone"]))
    kind_at, day_at, time_at = st.columns([0.4, 0.33, 0.27], gap="small")
    kind = kind_at.segmented_control(
        w("sheet.kind.title"), [each.value for each in SampleKind], default=SampleKind.LABORATORY.value,
        key="sample_kind", format_func=lambda each: term("sample.kind", each), required=True,
    )  # fmt: skip
    day = day_at.date_input(
        w("page.taken_on"), value=now.date(), max_value=now.date(), key="sample_day", format="YYYY-MM-DD"
    )
    at = time_at.time_input(w("page.taken_time"), value=usual_time(now), key="sample_time")
    given = _results(detail)
    words = _words(kind or "")
    if st.button(w("page.save"), key="sample_save", type="primary") and isinstance(day, date):
        taken = datetime.combine(day, at, ZoneInfo(detail["zone"]))
        _save({"site": code, "sampling_point": point, "kind": kind, "taken_at": rfc3339(taken), **words}, given)


def usual_time(now: datetime) -> time:
    """What is offered first: nine o'clock, before nine the last whole hour, so that it is never yet to come."""
    return time(min(SAMPLED_AT, now.hour))


def _results(detail: SiteDetail) -> dict[str, str]:
    """A field for each indicator that is tested at such a venue; what was written, by indicator."""
    st.html(f"<p class='ld-note'>{escape(w('page.results'))}</p>")
    offered = scenario_of(detail["scenario"]).page.samples
    columns = st.columns(4, gap="small")
    form = st.session_state.get(FORM, 0)  # in the fields' keys, so that they are empty again once they are saved
    given = {}
    for place, code in enumerate(offered):
        given[code] = columns[place % 4].text_input(
            with_unit(code), key=f"sample_{detail['code']}_{code}_{form}", max_chars=40
        )
    return {code: value.strip() for code, value in given.items() if value.strip()}


def _words(kind: str) -> dict[str, str]:
    names = ("taken_by", "laboratory", "report") if kind == SampleKind.LABORATORY.value else ("taken_by", "note")
    columns = st.columns(len(names), gap="small")
    return {
        name: column.text_input(w(f"sheet.{name}.title"), key=f"sample_{name}", max_chars=200)
        for name, column in zip(names, columns, strict=True)
    }


def _save(sampling: dict[str, Any], given: dict[str, str]) -> None:
    if not given:
        st.error(w("page.nothing"))
        return
    wrong = False
    for code, value in given.items():
        try:
            a_result(value)
        except CellError as error:
            wrong = True
            st.error(w("page.wrong", indicator=indicator(code), words=error.words.in_(language())))
    if wrong:
        return
    results = [{"indicator": code, "result": value} for code, value in given.items()]
    try:
        done = session.client().enter_samples({**sampling, "results": results})
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.session_state[FORM] = st.session_state.get(FORM, 0) + 1
    key = "page.saved_leads" if done["suspected"] else "page.saved"
    st.session_state[SAID] = w(key, count=done["added"], leads=done["suspected"])
    st.rerun()


# ---------------------------------------------------------------------- importing
def _import() -> None:
    st.html(
        f"<div class='ld-links'><a href='/export/samples-template.xlsx' data-template='samples'>"
        f"{escape(w('page.template'))}</a></div>"
    )
    file = st.file_uploader(w("page.file"), type=["csv", "xlsx"], key=f"sample_file_{st.session_state.get(FORM, 0)}")
    if file is None:
        return
    content = file.getvalue()
    try:
        report = session.client().import_samples(file.name, content, dry_run=True)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    new = report["good"] - report["known"]
    bad = report["rows"] - report["good"]
    st.html(
        f"<p class='ld-note'>{escape(w('page.dry', rows=report['rows'], good=new, known=report['known'], bad=bad))}</p>"
    )
    _mistakes(report)
    if new and st.button(w("page.import_good", good=new), key="sample_import", type="primary"):
        try:
            done = session.client().import_samples(file.name, content, dry_run=False)
        except (ApiError, ApiUnreachableError) as error:
            failed(error)
            return
        st.session_state[SAID] = w("page.imported", count=done["added"])
        st.session_state[FORM] = st.session_state.get(FORM, 0) + 1
        st.rerun()


def _mistakes(report: SampleReport) -> None:
    if report["mistakes"]:
        sentences = [each["text_zh"] if language() == "zh" else each["text_en"] for each in report["mistakes"]]
        listed = "".join(f"<li>{escape(each)}</li>" for each in sentences[:MISTAKES_SHOWN])
        st.html(f"<ul class='ld-mistakes'>{listed}</ul>")


# ---------------------------------------------------------------------- the list
def _list(sites: dict[str, Site]) -> None:
    query = _filter(sites)
    page = int(st.session_state.get("samples_page", 1))
    try:
        found = session.client().samples(**query, limit=PAGE, offset=(page - 1) * PAGE)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    count = w("page.count", total=found["total"], shown=len(found["items"]))
    st.html(heading(w("page.list"), f"<span class='ld-note'>{escape(count)}</span>"))
    table("sample-table", sample_table(found["items"], with_site=True))
    pages = max(1, math.ceil(found["total"] / PAGE))
    if pages > 1:
        st.pagination(pages, default=min(page, pages), key="samples_page", width="stretch")
    if session.may_act():
        _withdraw(query)


def _filter(sites: dict[str, Site]) -> dict[str, object]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        county = st.selectbox(
            t("column.county"), ("", *session.counties()), key="samples_county", persist_state="session", width=170,
            format_func=lambda code: county_name(code) if code else t("filter.all_counties"),
        )  # fmt: skip
        state = st.selectbox(
            w("page.judged"), ("", *(each.value for each in SampleState)), key="samples_state",
            persist_state="session", width=170,
            format_func=lambda each: term("sample.state", each) if each else w("page.all_states"),
        )  # fmt: skip
        kind = st.selectbox(
            w("sheet.kind.title"), ("", *(each.value for each in SampleKind)), key="samples_kind",
            persist_state="session", width=170,
            format_func=lambda each: term("sample.kind", each) if each else w("page.all_kinds"),
        )  # fmt: skip
        codes = ("", *(code for code, site in sites.items() if county in ("", site["county"])))
        if (asked := st.query_params.get("site")) in codes:
            st.session_state["samples_site"] = asked
            del st.query_params["site"]
        if st.session_state.get("samples_site") not in codes:
            st.session_state["samples_site"] = ""
        site = st.selectbox(
            w("page.venue"), codes, key="samples_site", width=260,
            format_func=lambda each: name_of(sites[each]) if each else w("page.all_venues"),
        )  # fmt: skip
    return {"county": county, "state": state, "kind": kind, "site": site}


def _withdraw(query: dict[str, object]) -> None:
    with st.expander(w("page.withdraw")):
        since = rfc3339(datetime.now(UTC) - timedelta(days=3650))
        try:
            found = session.client().samples(**query, from_=since, limit=WITHDRAWABLE)
        except (ApiError, ApiUnreachableError) as error:
            failed(error)
            return
        results = {each["id"]: each for each in found["items"]}
        if not results:
            st.html(f"<p class='ld-note'>{escape(w('page.none'))}</p>")
            return
        number = st.selectbox(
            w("page.withdraw_which"), list(results), key="sample_withdrawn",
            format_func=lambda each: (
                f"{name_of(results[each], 'site_name')} · {indicator(results[each]['indicator'])} "
                f"{written(results[each])} · {clock(results[each]['taken_at'], results[each]['zone'])}"
            ),
        )  # fmt: skip
        reason = st.text_input(w("page.withdraw_reason"), key=f"sample_withdraw_reason_{number}", max_chars=500)
        if st.button(w("page.withdraw_now"), key="sample_withdraw"):
            if len(reason.strip()) < LEAST_REASON:
                st.error(w("page.reason_short"))
                return
            try:
                session.client().withdraw_sample(number, reason.strip())
            except (ApiError, ApiUnreachableError) as error:
                failed(error)
                return
            st.session_state[SAID] = w("page.withdrawn")
            st.rerun()
