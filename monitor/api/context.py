"""What every request needs, made once a process, and the dependencies that hand it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from monitor.api import tokens
from monitor.api.back_test_runs import BackTests
from monitor.api.control import Control
from monitor.api.database import Database, DatabaseMissingError
from monitor.api.feed import Hub
from monitor.api.fleet import FleetWatch
from monitor.api.refresher import Refresher
from monitor.api.refusals import forbidden, not_found, unauthorized
from monitor.api.scope import CANARY, Permission, Principal
from monitor.api.settings import ApiSettings
from monitor.api.snapshot import Snapshot
from monitor.api.tokens import Brake, TokenError
from monitor.api.watch import ComponentWatch
from registry.catalogue import text
from registry.model import Site
from registry.words import Words

Clock = Callable[[], datetime]

PREFIX: Final = "/api/v1"
_BEARER: Final = OAuth2PasswordBearer(tokenUrl=f"{PREFIX}/auth/token", auto_error=False)


@dataclass
class Context:
    """The parts of the API that requests share. `clock` gives aware datetimes in UTC."""

    settings: ApiSettings
    clock: Clock
    database: Database
    refresher: Refresher
    control: Control
    fleet: FleetWatch
    hub: Hub = field(default_factory=Hub)
    brake: Brake = field(default_factory=Brake)
    watch: ComponentWatch = field(default_factory=ComponentWatch)
    back_tests: BackTests = field(default_factory=BackTests)

    def principal_of(self, token: str) -> tuple[Principal, datetime]:
        """Who a token speaks for, and until when.

        Raises `TokenError`, or `DatabaseMissingError` before people are known.
        """
        username, fingerprint, expires = tokens.read(token, self.settings.token_secret, self.clock())
        people = self.refresher.people
        if people is None:
            raise DatabaseMissingError
        principal = CANARY if username == CANARY.username else people.get(username)
        if principal is None or tokens.fingerprint(principal) != fingerprint:
            raise TokenError.of("refusal.tokens.ended")
        return principal, expires


def context(connection: HTTPConnection) -> Context:
    """The context of the application that answers."""
    found: Context = connection.app.state.context
    return found


Shared = Annotated[Context, Depends(context)]


def known(shared: Shared, token: Annotated[str | None, Depends(_BEARER)]) -> Principal:
    """The person who asks, whatever they may do; 401 where the token is missing or not acceptable."""
    if token is None:
        raise unauthorized("context.sign_in", path=f"{PREFIX}/auth/token")
    try:
        return shared.principal_of(token)[0]
    except TokenError as error:
        raise unauthorized(error) from error


Known = Annotated[Principal, Depends(known)]


def signed_in(principal: Known) -> Principal:
    """The person who asks; 403 while their password is one that was given to them."""
    if principal.one_time:
        raise forbidden("context.own_password", path=f"{PREFIX}/auth/password")
    return principal


SignedIn = Annotated[Principal, Depends(signed_in)]


def requires(*permissions: Permission) -> Callable[[Principal], Principal]:
    """A dependency: the person who asks, if their role allows one of `permissions`; else 403."""

    def allowed(principal: SignedIn) -> Principal:
        if not any(map(principal.may, permissions)):
            role = Words(text("zh", f"dashboard.role.{principal.role}"), principal.role)
            raise forbidden("context.role", role=role, acts=_either(permissions))
        return principal

    return allowed


def _either(permissions: Sequence[Permission]) -> Words:
    """One permission or another, in words."""
    keys = [f"keeping.permission.{each.replace(' ', '_').replace(',', '')}" for each in permissions]
    return Words("或".join(text("zh", key) for key in keys), " or ".join(permissions))


def snapshot(shared: Shared, _: SignedIn) -> Snapshot:
    """What is known now, for those who are signed in.

    503 while the database is away, since an old state must not look like a new one.
    """
    found = shared.refresher.snapshot
    if found is None or not shared.refresher.answering(shared.clock()):
        raise DatabaseMissingError
    return found


Now = Annotated[Snapshot, Depends(snapshot)]


def visible_site(now: Snapshot, principal: Principal, code: str) -> Site:
    """A site by its code, if it is in scope; 404 otherwise, so that codes out of scope cannot be probed."""
    site = now.registry.sites.get(code)
    if site is None or not principal.sees(site):
        raise not_found("context.site", site=code)
    return site


def client_of(request: Request) -> str:
    """The address a request came from, for the audit log."""
    return request.client.host if request.client else "unknown"
