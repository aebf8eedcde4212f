"""What surrounds every page: style, brand, who is signed in, language, sound."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.html import escape
from dashboard.language import KEY, county_name, language, t, term
from dashboard.widgets.components import STATIC
from registry.catalogue import LANGUAGES, text

SWITCH: Final = "language_switch"


def style() -> None:
    """The style sheet, and the name of the platform above the navigation."""
    words = f":root {{ --ld-upload: '{text(language(), 'sample.page.choose_file')}'; }}"
    st.html(f"<style>{(STATIC / 'landun.css').read_text(encoding='utf-8')}{words}</style>")
    drawing = (STATIC / "brand.svg").read_text(encoding="utf-8")
    st.logo(drawing.format(brand=escape(t("brand")), claim=escape(t("subtitle"))), size="large")


def person() -> None:
    """Who is signed in, whether new alarms sound, and the way out."""
    me = session.me()
    joint = "、" if language() == "zh" else ", "
    scope = joint.join(county_name(code) for code in me["counties"]) or t("person.all_counties")
    parts = [term("dashboard.role", me["role"]), *([] if me["site"] else [scope])]  # a venue's people have a site
    st.html(f"<div class='ld-who'><b>{escape(me['name'] or me['username'])}</b><br>{escape(' · '.join(parts))}</div>")
    st.toggle(t("sound.on"), value=True, key="sound", persist_state="session")
    if st.button(t("person.sign_out"), key="sign_out", width="stretch"):
        session.end("signed_out")
        st.rerun()


def language_switch() -> None:
    """Chinese or English; the choice stays in the address."""
    st.session_state[SWITCH] = language()
    st.segmented_control(
        t("language"),
        LANGUAGES,
        format_func=lambda code: {"zh": "中文", "en": "English"}[code],
        key=SWITCH,
        on_change=_switched,
        label_visibility="collapsed",
        width="stretch",
        required=True,
    )


def _switched() -> None:
    chosen = st.session_state[SWITCH]
    if chosen in LANGUAGES:
        st.session_state[KEY] = chosen
        st.query_params["lang"] = chosen
