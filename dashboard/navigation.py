"""The pages of the dashboard, by who may see them."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.language import t, term
from dashboard.screens import (
    administration,
    alarm_figures,
    alarms,
    back_test,
    cases,
    devices,
    disclosure,
    draws,
    inbox,
    inspector,
    live,
    notifications,
    registry_files,
    rules,
    samples,
    scenario,
    simulators,
    site,
    site_file,
    system,
    venue,
    waste,
)

KEEPS_WASTE: Final = "keeps_waste"
SECTIONS: Final = {
    "watching": ("live", "site", "alarms", "samples", "waste", "alarm_figures"),
    "acting": ("inspector", "venue", "inbox", "cases", "draws", "notifications"),
    "files": ("site_file", "disclosure", "rules", "devices", "registry"),
    "system": ("simulators", "back_test", "administration", "system"),
}
"""What stands together in the navigation, in the order of a day's work; other scenarios stand with what is watched."""


def sections() -> dict[str, list[Any]]:
    """The navigation: the page where somebody begins and their inbox, then what stands together, by its heading."""
    found = pages()
    first = ("inspector_home", "venue_home", *(("inbox",) if session.me()["role"] in ("inspector", "venue") else ()))
    drawn = {"": [found.pop(name) for name in first if name in found]}
    others = [each.code for each in scenario.declared()]
    for section, names in SECTIONS.items():
        listed = (*names, *others) if section == "watching" else names
        drawn[t(f"nav.section.{section}")] = [found.pop(name) for name in listed if name in found]
    drawn[t("nav.section.system")] += found.values()
    return {heading: listed for heading, listed in drawn.items() if listed}


def pages() -> dict[str, Any]:
    """The pages this person may see, by name."""
    role = session.me()["role"]
    at_home = _at_home(role)
    # Who works outside begins on their own page; for everybody else it is one of many.
    found = dict(at_home) if role in at_home else {}
    if role != "venue":
        found["live"] = st.Page(
            live.show,
            title=t("nav.live"),
            icon=":material/monitoring:",
            url_path="live",
            default=role != "inspector",
        )
    found["site"] = st.Page(site.show, title=t("nav.site"), icon=":material/pool:", url_path="site")
    found["rules"] = st.Page(rules.show, title=term("standard.page", "nav"), icon=":material/gavel:", url_path="rules")
    found["samples"] = st.Page(
        samples.show, title=term("sample.page", "nav"), icon=":material/biotech:", url_path="samples"
    )
    for each in scenario.declared() if role != "venue" else ():
        found[each.code] = st.Page(
            scenario.page_of(each), title=scenario.page_title(each), icon=f":material/{each.icon}:", url_path=each.code
        )
    found |= at_home
    if role != "public":
        found["inbox"] = st.Page(
            inbox.show, title=term("inspector.inbox", "nav"), icon=":material/inbox:", url_path="inbox"
        )
        found["alarms"] = st.Page(
            alarms.show, title=t("nav.alarms"), icon=":material/notifications:", url_path="alarms"
        )
        found["cases"] = st.Page(
            cases.show, title=term("supervision.page", "nav"), icon=":material/assignment:", url_path="cases"
        )
    if role != "public" and (role != "venue" or _keeps_waste()):
        found["waste"] = st.Page(
            waste.show, title=term("waste_page.page", "nav"), icon=":material/delete_sweep:", url_path="waste"
        )
    if session.may_act() or role == "venue":
        found["site_file"] = st.Page(
            site_file.show, title=term("site_file.page", "title"), icon=":material/folder_shared:", url_path="site_file"
        )
    if session.may_act():
        found["draws"] = st.Page(
            draws.show, title=term("credit.page", "nav"), icon=":material/casino:", url_path="draws"
        )
        found["alarm_figures"] = st.Page(
            alarm_figures.show,
            title=term("alarm.figures", "nav"),
            icon=":material/insights:",
            url_path="alarm_figures",
        )
        found["notifications"] = st.Page(
            notifications.show,
            title=term("notify.page", "nav"),
            icon=":material/forward_to_inbox:",
            url_path="notifications",
        )
    if session.may_act():
        found["disclosure"] = st.Page(
            disclosure.show, title=term("disclosure.page", "nav"), icon=":material/campaign:", url_path="disclosure"
        )
    if session.may_control():
        found["simulators"] = st.Page(
            simulators.show, title=t("nav.simulators"), icon=":material/science:", url_path="simulators"
        )
    if session.may_see_devices():
        found["devices"] = st.Page(devices.show, title=t("nav.devices"), icon=":material/sensors:", url_path="devices")
    if session.may_control():
        found["back_test"] = st.Page(
            back_test.show, title=term("verdict.backtest", "nav"), icon=":material/history:", url_path="back_test"
        )
        found["registry"] = st.Page(
            registry_files.show, title=t("nav.registry"), icon=":material/table_view:", url_path="registry"
        )
        found["administration"] = st.Page(
            administration.show,
            title=t("nav.administration"),
            icon=":material/admin_panel_settings:",
            url_path="administration",
        )
    if role not in ("public", "venue"):
        found["system"] = st.Page(system.show, title=t("nav.system"), icon=":material/dns:", url_path="system")
    return found


def _keeps_waste() -> bool:
    """Whether a venue's own site has to do with medical waste; a pool need not see the page."""
    own = session.me()["site"]
    known = st.session_state.get(f"{KEEPS_WASTE}_{own}")
    if known is None:
        try:
            known = own is not None and session.client().site(own)["scenario"] != "pool"
        except (ApiError, ApiUnreachableError):
            return True
        st.session_state[f"{KEEPS_WASTE}_{own}"] = known
    return bool(known)


def _at_home(role: str) -> dict[str, Any]:
    """The pages of those who work outside: where they begin, and at an address that a telephone keeps."""
    found: dict[str, Any] = {}
    for name, show, icon, whose in (
        ("inspector", inspector.show, "assignment_ind", session.may_act()),
        ("venue", venue.show, "storefront", role == "venue" or session.may_control()),
    ):
        if not whose:
            continue
        title = term(f"{name}.page", "nav" if role == name else "nav_for_others")
        if role == name:
            found[f"{name}_home"] = st.Page(show, title=title, icon=f":material/{icon}:", default=True)
        # The page at the root has no other address, so it stands twice, and once in the navigation.
        visible = "hidden" if role == name else "visible"
        found[name] = st.Page(show, title=title, icon=f":material/{icon}:", url_path=name, visibility=visible)  # type: ignore[arg-type]
    return found
