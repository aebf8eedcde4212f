"""People, what they did, and the demonstration's end."""

import logging
import secrets
import threading
import time
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends, Path, Query, status

from monitor.api import people
from monitor.api.context import Context, Shared, requires
from monitor.api.database import DatabaseMissingError
from monitor.api.refusals import conflict, forbidden, not_found, unacceptable
from monitor.api.schemas import (
    AuditEntry,
    AuditPage,
    DemonstrationInfo,
    NewPerson,
    OneTimePassword,
    PersonInfo,
    PersonRequest,
    RoleInfo,
)
from monitor.api.scope import PERMISSIONS, Permission, Principal
from registry.counties import COUNTIES
from registry.words import listed
from store import audit, demonstration, queries
from store import people as rows
from store.connections import Connection
from store.people import Person

router = APIRouter(tags=["administration"])
Administrator = Annotated[Principal, Depends(requires(Permission.ADMINISTER))]

UsernameInPath = Annotated[str, Path(description="What they sign in with", examples=["zhang.wei"])]

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Characters that do not look like another: a one-time password is read out and typed."""
ONE_TIME_CHARACTERS: Final = 12
SETTLED_S: Final = 3.0
"""By then ingest has read the registry without the demonstration, and writes no more of its readings."""

_log = logging.getLogger(__name__)


@router.get("/people", summary="Everybody")
def everybody(_: Administrator, shared: Shared) -> list[PersonInfo]:
    """Everybody who may sign in or might once, by username."""
    with shared.database.connection() as connection:
        return [_info(person) for person in rows.load_people(connection)]


@router.get("/roles", summary="What each role may do")
async def roles(_: Administrator) -> list[RoleInfo]:
    """Beyond looking at sites in scope, which every role may."""
    return [RoleInfo(role=role, permissions=sorted(allowed)) for role, allowed in PERMISSIONS.items()]


@router.post("/people", status_code=status.HTTP_201_CREATED, summary="Add a person")
def add(new: NewPerson, administrator: Administrator, shared: Shared) -> OneTimePassword:
    """The password is in this answer and nowhere else, and serves once."""
    _require_rank(administrator, new.role)
    password = _password()
    hashed = people.hash_password(password)
    now = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        _check(connection, new)
        if rows.find_person(connection, new.username) is not None:
            raise conflict("administration.taken", username=new.username)
        person = Person(
            new.username, new.name, new.role, tuple(new.counties), new.site, hashed, True, now if new.disabled else None
        )
        rows.save(connection, person, now)
        _audit(connection, administrator, "person_added", new.username, _said(new), shared)
    shared.refresher.hasten()
    return OneTimePassword(username=new.username, password=password)


@router.put("/people/{username}", summary="Change a person")
def change(username: UsernameInPath, asked: PersonRequest, administrator: Administrator, shared: Shared) -> PersonInfo:
    """Name, role, scope, and whether they may sign in. What they are signed in with ends within seconds."""
    with shared.database.connection() as connection, connection.transaction():
        known = _known(connection, username)
        _require_rank(administrator, known.role)
        _require_rank(administrator, asked.role)
        _check(connection, asked)
        if username == administrator.username and (asked.disabled or asked.role != known.role):
            raise conflict("administration.oneself")
        disabled_at = (known.disabled_at or shared.clock()) if asked.disabled else None
        changed = known._replace(
            name=asked.name, role=asked.role, counties=tuple(asked.counties), site=asked.site, disabled_at=disabled_at
        )
        rows.save(connection, changed, shared.clock())
        _audit(connection, administrator, "person_changed", username, _said(asked), shared)
    shared.refresher.hasten()
    return _info(changed)


@router.post("/people/{username}/password", summary="Give a person a one-time password")
def reset(username: UsernameInPath, administrator: Administrator, shared: Shared) -> OneTimePassword:
    """Ends what they are signed in with; whoever signs in with it must choose another."""
    password = _password()
    hashed = people.hash_password(password)
    with shared.database.connection() as connection, connection.transaction():
        _require_rank(administrator, _known(connection, username).role)
        rows.set_password_hash(connection, username, hashed, one_time=True)
        _audit(connection, administrator, "password_reset", username, {}, shared)
    shared.refresher.hasten()
    return OneTimePassword(username=username, password=password)


@router.get("/audit", summary="Who did what, newest first")
def audit_log(
    _: Administrator,
    shared: Shared,
    actor: Annotated[str | None, Query(description="Only what this person did")] = None,
    action: Annotated[str | None, Query(description="Only this kind of action", examples=["device_added"])] = None,
    subject: Annotated[str | None, Query(description="Only about this", examples=["device:nt-cc-201-b1"])] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> AuditPage:
    """Rows are chained by hashes, as the journal is; `landun verify` checks them."""
    with shared.database.connection() as connection:
        total, found = queries.audit_entries(
            connection, actor=actor, action=action, subject=subject, limit=limit, offset=offset
        )
    return AuditPage(total=total, items=[AuditEntry(**row) for row in found])


@router.get("/demonstration", summary="Whether the demonstration is there")
def demonstration_there(_: Administrator, shared: Shared) -> DemonstrationInfo:
    """How many invented sites are in the registry."""
    with shared.database.connection() as connection:
        known = demonstration.find(connection)
        sites = demonstration.sites(connection)
    return DemonstrationInfo(sites=len(sites), removed_at=known.removed_at if known else None)


@router.delete("/demonstration", summary="Remove the demonstration")
def remove_demonstration(administrator: Administrator, shared: Shared) -> dict[str, int]:
    """Delete every invented site and all that belongs to it, while the system runs; nothing of live sites.

    The sites are gone with the answer, which tells how many rows of each table; their readings are deleted in the
    background, where nobody can reach them. The simulators end by themselves under `landun up`.
    """
    with shared.database.connection() as connection, connection.transaction():
        now = shared.clock()
        deleted, channels = demonstration.remove(
            connection,
            administrator.username,
            now,
            lambda found: _audit(connection, administrator, "demonstration_removed", "sites", found, shared, "system"),
        )
    shared.refresher.hasten()
    threading.Thread(target=_purge, args=(shared, channels), name="purge", daemon=True).start()
    return deleted


def _purge(shared: Context, channels: list[int]) -> None:
    time.sleep(SETTLED_S)
    try:
        with shared.database.connection() as connection:
            deleted = demonstration.purge(connection, channels)
    except (psycopg.Error, DatabaseMissingError) as error:
        _log.warning("readings of the demonstration not deleted: %s; run `landun demo remove`", error)
    else:
        _log.info("readings of the demonstration deleted: %s", deleted)


def _check(connection: Connection, asked: PersonRequest) -> None:
    if unknown := set(asked.counties) - COUNTIES.keys():
        raise unacceptable("administration.counties", counties=listed(sorted(unknown)), known=listed(COUNTIES))
    if asked.role == "venue" and asked.site is None:
        raise unacceptable("administration.venue_site")
    if asked.site is not None and not connection.execute("SELECT 1 FROM site WHERE code = %s", (asked.site,)).rowcount:
        raise unacceptable("administration.site", site=asked.site)


def _require_rank(administrator: Principal, role: str) -> None:
    """Only an administrator makes, changes or resets another: the monitoring centre could else become one."""
    if role == "administrator" and administrator.role != "administrator":
        raise forbidden("administration.rank")


def _known(connection: Connection, username: str) -> Person:
    found = rows.find_person(connection, username)
    if found is None:
        raise not_found("administration.unknown", username=username)
    return found


def _said(asked: PersonRequest) -> dict[str, object]:
    return {
        "name": asked.name,
        "role": asked.role,
        "counties": list(asked.counties),
        "site": asked.site,
        "disabled": asked.disabled,
    }


def _audit(
    connection: Connection,
    administrator: Principal,
    action: str,
    subject: str,
    detail: dict[str, object] | dict[str, int],
    shared: Context,
    kind: str = "person",
) -> None:
    audit.append(connection, administrator.username, action, f"{kind}:{subject}", dict(detail), shared.clock())


def _info(person: Person) -> PersonInfo:
    return PersonInfo(
        username=person.username,
        name=person.name,
        role=people.principal_of(person).role,
        counties=list(person.counties),
        site=person.site,
        one_time=person.one_time,
        disabled_at=person.disabled_at,
    )


def _password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(ONE_TIME_CHARACTERS))
