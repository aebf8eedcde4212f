"""Choosing a site: the one the address names, else the worst of the commonest kind; the choice stays in the address."""

from collections import Counter
from collections.abc import Iterable

import streamlit as st

from dashboard import session
from dashboard.html import title
from dashboard.language import county_name, name_field, t
from dashboard.shapes import Site
from dashboard.widgets.site_table import by_severity

CHOICE = "site_choice"


def choose_site(label: str = "site.choose") -> Site | None:
    """The chosen site; None, with the reason on the screen, where there is none to choose."""
    now = session.feed().wait_first(4)
    connected = by_severity([site for site in now.sites if site["status"] != "offline"])
    others = by_severity([site for site in now.sites if site["status"] == "offline"])
    sites = {site["code"]: site for site in [*connected, *others]}
    if not sites:
        st.html(title(t("site.title")))
        st.info(t("live.waiting") if now.overview is None else t("site.none"))
        return None
    code = _chosen(sites, t(label))
    st.query_params["site"] = code
    return sites[code]


def _chosen(sites: dict[str, Site], label: str) -> str:
    asked = st.query_params.get("site")
    codes = list(sites)
    commonest = Counter(site["scenario"] for site in sites.values()).most_common(1)[0][0]
    first = next(code for code, site in sites.items() if site["scenario"] == commonest)
    if CHOICE not in st.session_state or (asked in sites and st.session_state.get("site_asked") != asked):
        st.session_state[CHOICE] = asked if asked in sites else first
    if st.session_state[CHOICE] not in sites:
        st.session_state[CHOICE] = first
    options = _options(sites.values())
    code: str = st.selectbox(label, codes, key=CHOICE, format_func=options.__getitem__, label_visibility="collapsed")
    st.session_state["site_asked"] = code
    return code


def _options(sites: Iterable[Site]) -> dict[str, str]:
    """What the list says of each site; what follows the name is put into words once for all of whom it is true."""
    name = name_field()
    rests: dict[tuple[str, bool, str], str] = {}
    options = {}
    for site in sites:
        kind = site["county"], site["simulated"], "unconnected" if site["status"] == "offline" else site["state"]
        if kind not in rests:
            rests[kind] = _rest(*kind)
        options[site["code"]] = f"{site[name]} · {rests[kind]}"
    return options


def _rest(county: str, simulated: bool, state: str) -> str:
    return " · ".join((county_name(county), *([t("badge")] if simulated else []), t(f"state.{state}")))
