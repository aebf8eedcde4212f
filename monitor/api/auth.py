"""Signing in."""

import logging
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, status
from fastapi.security import OAuth2PasswordRequestForm

from monitor.api import people, tokens
from monitor.api.context import Context, Known, Shared, client_of
from monitor.api.refusals import Refusal, unacceptable, unauthorized
from monitor.api.schemas import Error, Me, PasswordChange, Token
from monitor.api.scope import Principal
from registry.words import Words
from store import audit

log = logging.getLogger(__name__)
router = APIRouter(tags=["people"])

USERNAME_CHARACTERS: Final = 100
PASSWORD_CHARACTERS: Final = 1_000

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Error, "description": "Wrong username or password"},
    429: {"model": Error, "description": "Too many wrong passwords; see Retry-After (s)"},
}


@router.post("/auth/token", summary="Sign in", responses=_REFUSALS)
def sign_in(form: Annotated[OAuth2PasswordRequestForm, Depends()], request: Request, shared: Shared) -> Token:
    """A token for eight hours, in exchange for username and password (OAuth2 password form).

    After five wrong passwords a username waits for a minute. A changed password ends its tokens.
    """
    username = form.username[:USERNAME_CHARACTERS]
    _refuse_in_haste(shared, username)
    with shared.database.connection() as connection:
        found = people.find(connection, username)
    # Hashing is made slow on purpose: what is too long is not hashed, and no connection waits for it.
    right = len(form.password) <= PASSWORD_CHARACTERS and people.right_password(found, form.password)
    now = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        action = "sign_in" if right else "sign_in_refused"
        audit.append(connection, username, action, f"person:{username}", {"from": client_of(request)}, now)
    if found is None or not right:
        shared.brake.failed(username, now)
        log.info("sign-in of %r refused: wrong username or password", username)
        raise unauthorized("auth.wrong")
    shared.brake.succeeded(username)
    shared.refresher.know(found)
    return _token(found, shared, now)


@router.post("/auth/password", summary="Choose a new password", responses=_REFUSALS)
def change_password(change: PasswordChange, request: Request, principal: Known, shared: Shared) -> Token:
    """Replace one's own password, which ends every token but the one in the answer."""
    _refuse_in_haste(shared, principal.username)
    now = shared.clock()
    if not people.right_password(principal, change.old):
        shared.brake.failed(principal.username, now)
        raise unauthorized("auth.wrong_old")
    if change.new == change.old:
        raise unacceptable("auth.same")
    with shared.database.connection() as connection, connection.transaction():
        people.set_password(connection, principal.username, change.new)
        detail = {"from": client_of(request)}
        audit.append(connection, principal.username, "password_changed", f"person:{principal.username}", detail, now)
        found = people.find(connection, principal.username)
    if found is None:
        raise unauthorized("auth.gone")
    shared.brake.succeeded(principal.username)
    shared.refresher.know(found)
    return _token(found, shared, now)


@router.get("/me", summary="Who is signed in")
async def me(principal: Known) -> Me:
    """The signed-in person, their role and their scope."""
    return Me(**_me(principal))


def _refuse_in_haste(shared: Context, username: str) -> None:
    wait = shared.brake.wait(username, shared.clock())
    if wait:
        seconds = max(1, round(wait.total_seconds()))
        why = Words.of("refusal.auth.in_haste", failures=tokens.FAILURES, seconds=seconds)
        raise Refusal(status.HTTP_429_TOO_MANY_REQUESTS, why, {"Retry-After": str(seconds)})


def _token(principal: Principal, shared: Context, now: datetime) -> Token:
    return Token(
        **_me(principal),
        access_token=tokens.issue(principal, shared.settings.token_secret, now),
        expires_in=int(tokens.LIFETIME.total_seconds()),
    )


def _me(principal: Principal) -> dict[str, Any]:
    return {
        "username": principal.username,
        "name": principal.name,
        "role": principal.role,
        "counties": list(principal.counties),
        "site": principal.site,
        "one_time": principal.one_time,
    }
