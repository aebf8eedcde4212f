"""Adding one device: where it is, what it measures, and then its credential with the first message seen."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import escape, heading
from dashboard.keeping import refused, w
from dashboard.keeping_client import Device
from dashboard.language import county_name, language, name_of, with_unit
from dashboard.shapes import Site
from dashboard.widgets import credential
from registry.indicators import INDICATORS
from registry.model import Dialect
from registry.scenarios import DEFAULT, scenario_of, scenarios

NEW: Final = ""
PERIOD_S: Final = 60


def show() -> None:
    """Draw the form, or the credential of the device that has just been added."""
    if credential.pending():
        with st.container(border=True, key="panel-credential"):
            st.html(heading(w("credential.title", code=st.session_state["device_credential"]["device"])))
            credential.show()
        return
    sites = {site["code"]: site for site in session.feed().wait_first(4).sites if not site["simulated"]}
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, key="panel-where"):
        entry, scenario = _where(sites)
    with right, st.container(border=True, key="panel-what"):
        entry |= _what(scenario)
        if st.button(w("add.submit"), key="add_device", type="primary", icon=":material/add:"):
            _add(entry)


def _where(sites: dict[str, Site]) -> tuple[dict[str, Any], str]:
    st.html(heading(w("add.where")))
    chosen = st.selectbox(
        w("add.site"),
        (NEW, *sites),
        key="add_site",
        format_func=lambda code: w("add.new_site") if code == NEW else f"{name_of(sites[code])} · {code}",
    )
    if chosen == NEW:
        return _new_site()
    scenario = DEFAULT
    points: dict[str, str] = {}
    try:
        detail = session.client().site(chosen)
        points = {each["code"]: name_of(each) for each in detail["sampling_points"]}
        scenario = str(detail.get("scenario", DEFAULT))
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    point = st.selectbox(
        w("add.point"),
        (*points, NEW),
        key="add_point",
        format_func=lambda code: w("add.new_point") if code == NEW else f"{points[code]} · {code}",
    )
    entry: dict[str, Any] = {"site": chosen, "sampling_point": point}
    if point == NEW:
        entry |= _new_point(scenario)
    return entry, scenario


def _new_site() -> tuple[dict[str, Any], str]:
    code = st.text_input(w("add.site_code"), key="add_site_code", placeholder="nt-cc-201")
    first, second = st.columns(2, gap="small")
    with first:
        name_zh = st.text_input(w("add.name_zh"), key="add_name_zh")
        county = st.selectbox(w("add.county"), session.counties(), key="add_county", format_func=county_name)
        lon = st.number_input(w("add.lon"), 118.0, 124.0, 120.86, 0.0001, "%.4f", key="add_lon")
    with second:
        name_en = st.text_input(w("add.name_en"), key="add_name_en")
        kinds = scenarios()
        scenario = st.selectbox(
            w("add.scenario"),
            list(kinds),
            index=list(kinds).index(DEFAULT),
            key="add_scenario",
            format_func=lambda each: kinds[each].name(language()),
        )
        lat = st.number_input(w("add.lat"), 30.0, 34.0, 32.01, 0.0001, "%.4f", key="add_lat")
    site = {"name_zh": name_zh, "name_en": name_en, "county": county, "lon": lon, "lat": lat, "scenario": scenario}
    return {"site": code, "site_entry": site, **_new_point(scenario)}, scenario


def _new_point(scenario: str) -> dict[str, Any]:
    kinds = scenario_of(scenario).point_kinds
    first, second, third = st.columns(3, gap="small")
    with first:
        code = st.text_input(w("add.point_code"), value="b1", key="add_point_code")
    with second:
        name = st.text_input(w("add.point_name"), key="add_point_name", value=w("add.point_default"))
    with third:
        kind = st.selectbox(
            w("add.point_kind"),
            list(kinds),
            key="add_point_kind",
            format_func=lambda each: kinds[each].name(language()),
        )
    return {"sampling_point": code, "point_entry": {"name_zh": name, "water_kind": kind}}


def _what(scenario: str) -> dict[str, Any]:
    st.html(heading(w("add.what")))
    code = st.text_input(w("add.code"), key="add_code", placeholder="nt-cc-201-b1")
    kinds = scenario_of(scenario).device_kinds
    kind = st.selectbox(
        w("add.kind"),
        (*kinds, NEW),
        key=f"add_kind_{scenario}",
        format_func=lambda each: w("add.other_kind") if each == NEW else kinds[each].name(language()),
    )
    preset = list(kinds[kind].indicators) if kind in kinds else []
    indicators = st.multiselect(
        w("add.indicators"),
        list(INDICATORS),
        default=preset,
        key=f"add_indicators_{scenario}_{kind}",
        format_func=with_unit,
        placeholder=w("add.which_indicators"),
    )
    period = st.number_input(
        w("add.period"), 1, 86_400, kinds[kind].period_s if kind in kinds else PERIOD_S, key=f"add_period_{kind}"
    )
    spoken = _dialect()
    st.html(f"<p class='ld-note'>{escape(w('add.note'))}</p>")
    measured = {"kind": kind if kind in kinds else None, "indicators": indicators, "period_s": period}
    return {"code": code, **measured, **spoken}


def _dialect() -> dict[str, Any]:
    """What the device speaks, and what must be known of it to be heard."""
    dialect = st.selectbox(
        w("add.dialect"), list(Dialect), key="add_dialect", format_func=lambda each: w(f"dialect.{each}")
    )
    entry: dict[str, Any] = {"dialect": str(dialect)}
    if dialect is Dialect.HJ212:
        entry["identity"] = st.text_input(w("add.mn"), key="add_mn", placeholder="320602SWIM00000000000001")
    elif dialect is Dialect.JT808:
        entry["identity"] = st.text_input(w("add.terminal"), key="add_terminal", placeholder="13900000001")
    elif dialect is Dialect.MODBUS:
        placeholder = "modbus://192.0.2.7:502/1?map=neopool"
        entry["address"] = st.text_input(w("add.address"), key="add_address", placeholder=placeholder)
    elif dialect is Dialect.NATIVE:
        gateways = [each["code"] for each in _gateways()]
        if gateways:
            gateway = st.selectbox(
                w("add.gateway"),
                (NEW, *gateways),
                key="add_gateway",
                format_func=lambda each: each or w("add.no_gateway"),
            )
            entry |= {"gateway": gateway or None}
            if gateway:
                entry["identity"] = st.text_input(w("add.called"), key="add_called")
    return entry


def _gateways() -> list[Device]:
    """Real devices that speak for others."""
    try:
        known = session.keeping().devices()
    except (ApiError, ApiUnreachableError):
        return []
    speaking = (Dialect.THINGSBOARD_GATEWAY, Dialect.HUAWEI, Dialect.SPARKPLUG)
    return [each for each in known if each["dialect"] in speaking and not each["simulated"]]


def _add(entry: dict[str, Any]) -> None:
    if not entry["indicators"]:
        st.error(w("add.no_indicator"))
        return
    try:
        credential.keep(session.keeping().add_device(entry))
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.rerun()
