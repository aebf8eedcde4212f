"""The cookie that lets a sign-in survive a reload of the browser.

Streamlit's pages cannot set a cookie themselves. A page puts a token under a one-time ticket; a line of
JavaScript hands the ticket to the route ``/session``, which answers with the cookie: HttpOnly, so that no
script can read the token, and SameSite=Strict.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

COOKIE: Final = "landun_session"
TICKET_LIVES_S: Final = 60.0


class _Entry(NamedTuple):
    token: str
    lifetime_s: int
    good_until: float


class TicketOffice:
    """Tokens waiting to be fetched, each once. `seconds` is the clock (monotonic)."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def issue(self, token: str, lifetime_s: int) -> str:
        """A ticket for a token that is valid for `lifetime_s` seconds."""
        now = self._seconds()
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            self._entries = {key: entry for key, entry in self._entries.items() if entry.good_until > now}
            self._entries[ticket] = _Entry(token, lifetime_s, now + TICKET_LIVES_S)
        return ticket

    def redeem(self, ticket: str) -> tuple[str, int] | None:
        """The token and its lifetime in seconds; None for a ticket that is unknown, used or too old."""
        with self._lock:
            entry = self._entries.pop(ticket, None)
        if entry is None or entry.good_until <= self._seconds():
            return None
        return entry.token, entry.lifetime_s


OFFICE: Final = TicketOffice()


async def set_session(request: Request) -> Response:
    """``POST /session`` with a ticket as body: set the cookie."""
    ticket = (await request.body())[:200].decode("ascii", errors="replace")
    redeemed = OFFICE.redeem(ticket)
    if redeemed is None:
        return PlainTextResponse("ticket: unknown, used or too old; sign in again", status_code=403)
    token, lifetime_s = redeemed
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=lifetime_s,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


async def end_session(_request: Request) -> Response:
    """``DELETE /session``: remove the cookie."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer
