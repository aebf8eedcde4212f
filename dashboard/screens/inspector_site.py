"""A venue on the inspector's telephone: values, instruments, tests, and a quick test that no alarm called for."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock
from dashboard.html import badge, chip, escape, heading
from dashboard.language import county_name, indicator, name_of, t, term
from dashboard.links import address
from dashboard.look import SAMPLE_TONE
from dashboard.opening import opening_text
from dashboard.problems import failed
from dashboard.shapes import SiteDetail
from dashboard.shapes.judging import SampleResult
from dashboard.widgets.announce import announcements
from dashboard.widgets.field import alarm_card, back, urgency, w
from dashboard.widgets.instruments import calibration_form, instruments
from dashboard.widgets.quick_test import quick_test
from dashboard.widgets.sample_table import written
from dashboard.widgets.site_values import site_values

REFRESH_S: Final = 3
SHOWN: Final = 8
FOUND: Final = "inspector_find"


def find() -> None:
    """Any venue of the person's counties, by a part of its name."""
    sites = {site["code"]: site for site in session.feed().read().sites}
    st.selectbox(
        w("find"), list(sites), index=None, key=FOUND, placeholder=w("find_hint"), on_change=_found,
        format_func=lambda code: f"{name_of(sites[code])} · {county_name(sites[code]['county'])}",
    )  # fmt: skip


def _found() -> None:
    if code := st.session_state.pop(FOUND, None):
        st.query_params["site"] = code


def draw(code: str) -> None:
    """Draw the page of a site."""
    st.html(back())
    api = session.field()
    try:
        site = api.site(code)
        devices = api.devices_of(code)
        tests = api.samples(site=code, limit=SHOWN)["items"]
    except ApiError as error:
        if error.status != 404:
            failed(error)
        else:
            st.info(w("no_site"))
        return
    except ApiUnreachableError as error:
        failed(error)
        return
    st.html(_head(site))
    _alarms(code)
    _test(site)
    site_values(site)
    st.html(heading(w("instruments")) + instruments(devices))
    if devices:
        calibration_form(devices)
    st.html(heading(w("latest_tests")) + _tests(tests))
    with st.expander(w("to_announce"), icon=":material/event_busy:"):
        announcements(site)
    links = "".join(
        f"<a class='ld-go' href='{escape(address(page, site=code))}' target='_self'>{escape(w(key))} ›</a>"
        for page, key in (
            ("site_file", "to_file"),
            ("site", "to_site"),
            ("rules", "to_rules"),
            ("samples", "to_samples"),
        )
    )
    st.html(f"<div class='ld-big-links'>{links}</div>")


def _head(site: SiteDetail) -> str:
    mark = badge() if site["simulated"] else ""
    facts = (
        county_name(site["county"]),
        opening_text(site),
        t("open_now.yes") if site["open_now"] else t("open_now.no"),
    )
    said = " · ".join(facts)
    return (
        f"<div class='ld-field-head'><h1>{escape(name_of(site))}</h1>{mark}</div><p class='ld-say'>{escape(said)}</p>"
    )


@st.fragment(run_every=REFRESH_S)
def _alarms(code: str) -> None:
    try:
        found = session.client().alarms(site=code, open="true", limit=SHOWN)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(heading(w("open_alarms")))
    if not found["items"]:
        st.html(f"<p class='ld-say'>{escape(w('no_alarms'))}</p>")
    now = session.feed().read()
    for alarm in sorted(found["items"], key=urgency):
        st.html(alarm_card(alarm, now.latest, page="inspector"))


def _test(site: SiteDetail) -> None:
    """A quick test at one of the sampling points; no alarm need be there."""
    points = {point["code"]: point for point in site["sampling_points"]}
    if not points:
        return
    code = next(iter(points))
    if len(points) > 1:
        code = (
            st.segmented_control(
                t("column.basin"), list(points), default=code, key=f"inspector_point_{site['code']}", required=True,
                format_func=lambda each: name_of(points[each]), width="stretch",
            )
            or code
        )  # fmt: skip
    with st.container(key="quick"):
        quick_test(site, points[code], None, None)


def _tests(tests: list[SampleResult]) -> str:
    if not tests:
        return f"<p class='ld-say'>{escape(w('no_tests'))}</p>"
    lines = "".join(
        f"<li><b>{escape(indicator(each['indicator']))} {escape(written(each))}</b> "
        f"{chip(term('sample.state', each['state']), SAMPLE_TONE.get(each['state'], 'plain'))}"
        f"<span class='ld-soft'>{escape(clock(each['taken_at'], each['zone']))} · "
        f"{escape(term('sample.kind', each['kind']))} · {escape(name_of(each, 'sampling_point_name'))}</span></li>"
        for each in tests
    )
    return f"<ul class='ld-rows'>{lines}</ul>"
