"""Whether a venue's values are shown to everybody: the venue decides, and may change its mind at any time."""

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock
from dashboard.html import escape, heading
from dashboard.language import language
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import text


def p(key: str, /, **fields: object) -> str:
    """A string about disclosure."""
    return text(language(), f"disclosure.page.{key}", **fields)


def public_values(site: str) -> None:
    """Draw the switch, with what it does and where the public sees it."""
    st.html(heading(p("public_heading")) + f"<p class='ld-say'>{escape(p('public_lead'))}</p>")
    try:
        found = session.disclosure().consent(site)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    # Its key holds what is stored, so that the switch is drawn anew when somebody else has changed it.
    wanted = st.toggle(p("public_values"), value=found["public"], key=f"public-{site}-{found['since']}")
    if wanted != found["public"]:
        try:
            session.disclosure().set_consent(site, public=wanted)
        except (ApiError, ApiUnreachableError) as error:
            failed(error)
        else:
            st.toast(p("done"), icon=":material/check_circle:")
            st.rerun()
    said = p("public_on", time=clock(found["since"], ZONE)) if found["public"] else p("public_off")
    link = f"<a href='/public?lang={language()}' target='_blank' rel='noopener'>{escape(p('address'))} ↗</a>"
    st.html(f"<p class='ld-note'>{escape(said)}</p><p class='ld-links'>{link}</p>")
