"""The venue's own page: is all well, what is to be done, in words that need no expert."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock
from dashboard.html import badge, escape, heading
from dashboard.language import language, name_of, t, term
from dashboard.opening import opening_text
from dashboard.problems import failed
from dashboard.shapes import Alarm, Site
from dashboard.widgets.announce import announcements
from dashboard.widgets.case_link import demands
from dashboard.widgets.display_links import display_links
from dashboard.widgets.field import NEEDS, act, alarm_card, field_style, install, response_to, urgency
from dashboard.widgets.inbox import newest
from dashboard.widgets.instruments import calibration_form, instruments
from dashboard.widgets.public_values import public_values
from dashboard.widgets.site_choice import choose_site
from dashboard.widgets.site_values import site_values
from registry.catalogue import text

REFRESH_S: Final = 3
SHOWN: Final = 8
REPLIED: Final = "venue_replied"


def w(key: str, /, **fields: object) -> str:
    """A string of the venue's page."""
    return text(language(), f"venue.page.{key}", **fields)


def show() -> None:
    """Draw the page."""
    field_style()
    with st.container(key="field"):
        code = _own_site()
        if code is None:
            return
        try:
            detail = session.client().site(code)
            devices = session.field().devices_of(code)
        except (ApiError, ApiUnreachableError) as error:
            failed(error)
            return
        _state(code)
        newest()
        if session.me()["role"] == "venue":
            demands()
        _to_do(code)
        site_values(detail)
        if devices:
            st.html(heading(w("calibration")) + instruments(devices))
            calibration_form(devices)
        announcements(detail)
        display_links(code)
        if detail["scenario"] == "pool":
            public_values(code)
        with st.expander(term("inspector.install", "title"), icon=":material/install_mobile:"):
            install("venue")


def _own_site() -> str | None:
    """A venue's own site; others who may look here choose one."""
    if session.me()["role"] != "venue":
        chosen = choose_site()
        return chosen["code"] if chosen else None
    own = session.me()["site"]
    if own is None:
        st.info(w("none"))
    return own


@st.fragment(run_every=REFRESH_S)
def _state(code: str) -> None:
    """One sentence, in colour: whether all is well."""
    now = session.feed().wait_first(4)
    site = next((each for each in now.sites if each["code"] == code), None)
    if site is None:
        st.info(t("live.waiting") if now.overview is None else t("site.none"))
        return
    tone, said, more = _sentence(site, [each for each in now.open_alarms if each["site"] == code])
    mark = f" {badge()}" if site["simulated"] else ""
    as_of = w("as_of", time=clock(site["last_seen"], site["zone"]))
    st.html(
        f"<div class='ld-field-head'><h1>{escape(name_of(site))}</h1>{mark}"
        f"<span class='ld-note'>{escape(as_of)}</span></div>"
        f"<div class='ld-state ld-{tone}' data-tone='{tone}'>{escape(said)}<small>{escape(more)}</small></div>"
    )


def _sentence(site: Site, alarms: list[Alarm]) -> tuple[str, str, str]:
    """Tone, what is said in large letters, and what in small."""
    called = [each for each in alarms if not each.get("muted")]
    water = [each for each in called if each["audience"] == "inspector" and each["kind"] != "offline"]
    own = [each for each in called if each not in water]
    if water:
        return "high", w("water", count=len(water)), w("water_more")
    if site["state"] == "offline":
        return "silent", w("silent"), w("silent_more", time=clock(site["last_seen"], site["zone"]))
    if own:
        return "pending", w("equipment", count=len(own)), w("equipment_more")
    if not site["open_now"]:
        return "closed", w("closed"), w("closed_more", hours=opening_text(site))
    if site["state"] == "stale":
        return "pending", w("stale"), w("equipment_more")
    return "ok", w("all_well"), w("all_well_more", compliant=site["channels_compliant"], judged=site["channels_judged"])


# ---------------------------------------------------------------------- what is to be done
@st.fragment(run_every=REFRESH_S)
def _to_do(code: str) -> None:
    now = session.feed().read()
    try:
        found = session.client().alarms(site=code, open="true", limit=SHOWN)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(heading(w("to_do")))
    called = sorted((each for each in found["items"] if not each.get("muted")), key=urgency)
    if not called:
        st.html(f"<p class='ld-say'>{escape(w('nothing_to_do'))}</p>")
    for alarm in called:
        with st.container(key=f"todo-{alarm['id']}", gap="small"):
            st.html(alarm_card(alarm, now.latest, for_venue=True) + _asked(alarm))
            _answer(alarm)


def _asked(alarm: Alarm) -> str:
    """What is expected, in plain words: the verdict's advice, the rule's own response, or what always holds."""
    whose = w("for_venue") if alarm["audience"] == "venue" else w("for_inspector")
    words = name_of(alarm, "advice") or response_to(alarm) or w("water_general")
    return f"<div class='ld-do'><b>{escape(whose)}</b>{escape(words)}</div>"


def _answer(alarm: Alarm) -> None:
    """Seen, and what was done about it."""
    number = alarm["id"]
    own = alarm["audience"] == "venue" and alarm["state"] in NEEDS
    if own and st.button(w("seen"), key=f"seen-{number}", icon=":material/check:", width="stretch"):
        act(lambda: session.client().acknowledge(number, None))
    with st.form(f"reply-{number}", clear_on_submit=True, border=False):
        words = st.text_input(w("reply"), placeholder=w("reply_hint"), max_chars=500, key=f"reply_words_{number}")
        sent = st.form_submit_button(
            w("reply_send"), icon=":material/task_alt:", type="primary", width="stretch", key=f"reply_send_{number}"
        )
    if number in st.session_state.get(REPLIED, set()):
        st.success(w("replied"))
    if sent:
        st.session_state.setdefault(REPLIED, set()).add(number)
        act(lambda: session.client().comment(number, words.strip() or w("reply_done")))
