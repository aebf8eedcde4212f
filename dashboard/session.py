"""Who is at the screen: the token in this session, the cookie behind it, the API as this person sees it."""

import base64
import binascii
import json
import time
from typing import Any, Final, TypeVar, cast

import streamlit as st

from dashboard.alarms_client import AlarmsClient
from dashboard.cases_client import CasesClient
from dashboard.client import ApiClient, ApiError, ApiUnreachableError, SignInNeededError
from dashboard.cookies import COOKIE, OFFICE
from dashboard.disclosure_client import DisclosureClient
from dashboard.draws_client import DrawsClient
from dashboard.evidence_client import EvidenceClient
from dashboard.field_client import FieldClient
from dashboard.keeping_client import KeepingClient
from dashboard.live_feed import FeedHub, LiveFeed
from dashboard.notify_client import NotifyClient
from dashboard.settings import current
from dashboard.shapes import Me, Token
from dashboard.site_file_client import SiteFileClient
from dashboard.waste_client import WasteClient
from dashboard.widgets.components import session_cookie
from registry.counties import COUNTIES

TOKEN: Final = "token"  # noqa: S105 - the name of a session entry
ME: Final = "me"
TICKET: Final = "ticket"
ENDED: Final = "ended"
"""Why the last session ended: ``expired`` or ``signed_out``; a cookie is not taken up again after that."""

MAY_CONTROL: Final = frozenset({"administrator", "centre"})
MAY_ACT: Final = frozenset({"administrator", "centre", "inspector"})

Client = TypeVar("Client", bound=ApiClient)


@st.cache_resource
def hub() -> FeedHub:
    """The live feeds of this process."""
    return FeedHub()


def client() -> ApiClient:
    """The API as the signed-in person sees it (or nobody, before the sign-in)."""
    return _as_person(ApiClient)


def keeping() -> KeepingClient:
    """What administrators keep up, as the signed-in person may."""
    return _as_person(KeepingClient)


def field() -> FieldClient:
    """What inspectors on their way and venues ask for, as the signed-in person may."""
    return _as_person(FieldClient)


def alarms() -> AlarmsClient:
    """Figures of alarms, and putting them away, as the signed-in person may."""
    return _as_person(AlarmsClient)


def cases() -> CasesClient:
    """Cases, as the signed-in person sees them."""
    return _as_person(CasesClient)


def disclosure() -> DisclosureClient:
    """Disclosure, as the signed-in person decides it."""
    return _as_person(DisclosureClient)


def site_files() -> SiteFileClient:
    """Files of venues and people, as the signed-in person sees them."""
    return _as_person(SiteFileClient)


def waste() -> WasteClient:
    """Medical waste, as the signed-in person sees it."""
    return _as_person(WasteClient)


def draws() -> DrawsClient:
    """Credit and draws, as the signed-in person sees them."""
    return _as_person(DrawsClient)


def notify() -> NotifyClient:
    """Who is told of alarms, as the signed-in person may see and set it."""
    return _as_person(NotifyClient)


def evidence() -> EvidenceClient:
    """Evidence packages and templates of documents, as the signed-in person may."""
    return _as_person(EvidenceClient)


def _as_person(kind: type[Client]) -> Client:
    return kind(current().api_url, cast("str | None", st.session_state.get(TOKEN)))


def me() -> Me:
    """Who is signed in."""
    return cast(Me, st.session_state[ME])


def counties() -> tuple[str, ...]:
    """The counties in the person's scope."""
    return tuple(me()["counties"]) or tuple(COUNTIES)


def feed() -> LiveFeed:
    """The signed-in person's live feed."""
    return hub().of(me()["username"], current().api_url, st.session_state[TOKEN])


def may_control() -> bool:
    """Whether the person may drive the simulators."""
    return me()["role"] in MAY_CONTROL


def may_act() -> bool:
    """Whether the person may acknowledge and comment on alarms."""
    return me()["role"] in MAY_ACT


def may_see_devices() -> bool:
    """Whether the person sees the list of devices."""
    return me()["role"] in MAY_ACT


def restore() -> bool:
    """Whether somebody is signed in, taking the token from the cookie after a reload."""
    token = st.session_state.get(TOKEN)
    if token is None and ENDED not in st.session_state:
        token = st.context.cookies.get(COOKIE)
    if not token:
        return False
    claims = _claims(token)
    if claims.get("exp", 0) <= time.time():
        if TOKEN in st.session_state:
            end("expired")
        return False
    if st.session_state.get(TOKEN) == token and ME in st.session_state:
        return True
    return _take_up(token, claims)


def _take_up(token: str, claims: dict[str, Any]) -> bool:
    st.session_state[TOKEN] = token
    try:
        st.session_state[ME] = client().me()
    except SignInNeededError:
        end("expired")
        return False
    except (ApiUnreachableError, ApiError):
        # The API is away: show the pages with the banner that says so. Nothing is let out by this, since
        # every figure comes from the API; the role only decides which controls are drawn until `me` answers.
        st.session_state.pop(ME, None)
        st.session_state[ME] = Me(
            username=str(claims.get("sub", "")), name=str(claims.get("sub", "")), role="", counties=[], site=None
        )
    return True


def complete_me() -> None:
    """Ask who is signed in again, if the API was away the first time."""
    if st.session_state[ME]["role"] == "":
        try:
            st.session_state[ME] = client().me()
        except (ApiUnreachableError, ApiError):
            return


def sign_in(username: str, password: str) -> None:
    """Sign in. Raises the client's errors."""
    adopt(ApiClient(current().api_url).sign_in(username, password))


def adopt(token: Token) -> None:
    """Go on with a token that the API has just given."""
    st.session_state.pop(ENDED, None)
    st.session_state[TOKEN] = token["access_token"]
    st.session_state[ME] = Me(
        username=token["username"],
        name=token["name"],
        role=token["role"],
        counties=token["counties"],
        site=token.get("site"),
        one_time=token.get("one_time", False),
    )
    st.session_state[TICKET] = OFFICE.issue(token["access_token"], token["expires_in"])


def end(why: str) -> None:
    """End the session: forget token and feed, and have the cookie removed on this run's screen."""
    if ME in st.session_state:
        hub().forget(st.session_state[ME]["username"])
    for key in (TOKEN, ME, TICKET):
        st.session_state.pop(key, None)
    st.session_state[ENDED] = why


def keep_cookie() -> None:
    """Set or remove the browser's cookie as this session's state asks. Draw once a run.

    The container stands there in every run: what follows keeps its place, so that a browser that meets a
    new session (after a restart of this process) draws over what it has and not beside it.
    """
    with st.container(key="session-place"):
        if ticket := st.session_state.get(TICKET):
            session_cookie("set", ticket)
        elif ENDED in st.session_state:
            session_cookie("end", "")


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself. Unverified: only the API's word counts; this saves asking with an expired one."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
