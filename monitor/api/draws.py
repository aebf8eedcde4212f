"""Double random: conflicts of interest, announcing and holding a draw, and the inspections it asks for."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Response, status

from monitor.api.case_rows import party_of
from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.credit import Officer, assessments, weights_in_force
from monitor.api.refusals import conflict, forbidden, not_found, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.credit import (
    ConflictInfo,
    DrawDetail,
    DrawInfo,
    DrawReason,
    NewConflict,
    NewDraw,
    TaskInfo,
    TaskReport,
    TheWord,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import check_county
from monitor.api.snapshot import Snapshot
from monitor.supervision import book
from monitor.supervision.case import Act, Action, Source
from monitor.supervision.draw import (
    Candidate,
    DrawError,
    Population,
    check,
    commitment_of,
    drawn,
    population_of,
    published,
    seed_of,
)
from monitor.supervision.draw import Officer as Sendable
from monitor.supervision.machine import Opening
from registry.catalogue import text
from registry.words import listed, moment
from store import audit, disclosure
from store.connections import Connection
from store.draws import (
    ConflictKnownError,
    DrawRow,
    Task,
    add_draw,
    cancel_draw,
    conflicts,
    declare_conflict,
    find_draw,
    find_draws,
    next_draw_id,
    report_task,
    save_result,
    tasks_of,
    withdraw_conflict,
)

router = APIRouter(tags=["draws"])

MOST_LOTS: Final = 1_000
"""Of a site by votes: more make a draw slow, and its outcome no surer."""

Manager = Annotated[Principal, Depends(requires(Permission.HOLD_DRAWS))]
DrawId = Annotated[int, Path(description="Draw", ge=1, examples=[3])]
_NO_DRAW: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Error, "description": "There is no such draw"}}
_NO_CONFLICT: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Error, "description": "No such conflict stands"}}
_NOT_NOW: Final[dict[int | str, dict[str, Any]]] = {
    **_NO_DRAW,
    409: {"model": Error, "description": "It can't be done as things stand; the sentence says why"},
}


@router.get("/conflicts", summary="Who must not inspect where")
def standing_conflicts(shared: Shared, now: Now, officer: Officer) -> list[ConflictInfo]:
    """The conflicts of interest (回避) that stand, of sites in scope."""
    with shared.database.connection() as connection:
        return [
            _conflict(each, shared, now)
            for each in conflicts(connection)
            if (site := now.registry.sites.get(each.site)) is not None and officer.sees(site)
        ]


@router.post(
    "/conflicts", status_code=status.HTTP_201_CREATED, summary="Note a conflict of interest", responses=_NOT_NOW
)
def declare(given: NewConflict, shared: Shared, now: Now, officer: Officer) -> ConflictInfo:
    """Declared by the officer or by the centre. From then on no draw sends that officer there."""
    site = visible_site(now, officer, given.site)
    if officer.role == "inspector" and given.officer != officer.username:
        raise forbidden("draws.own_only")
    if given.officer not in (people := _inspectors(shared)):
        raise unacceptable("draws.no_inspector", value=given.officer, known=listed(sorted(people)))
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        try:
            number = declare_conflict(connection, given.officer, site.code, given.reason, officer.username, at)
        except ConflictKnownError as error:
            raise conflict(error) from error
        detail = {"conflict": number, "officer": given.officer, "reason": given.reason}
        audit.append(connection, officer.username, "conflict_declared", f"site:{site.code}", detail, at)
        found = next(each for each in conflicts(connection) if each.id == number)
    return _conflict(found, shared, now)


@router.delete("/conflicts/{conflict_id}", summary="End a conflict", responses=_NO_CONFLICT)
def end_conflict(
    conflict_id: Annotated[int, Path(description="Conflict")], shared: Shared, now: Now, manager: Manager
) -> ConflictInfo:
    """Answers with what stood until now. It stays in the record of the draws that were made with it."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = next((each for each in conflicts(connection) if each.id == conflict_id), None)
        if found is None or not withdraw_conflict(connection, conflict_id, manager.username, at):
            raise not_found("draws.no_conflict", conflict=conflict_id)
        audit.append(connection, manager.username, "conflict_ended", f"conflict:{conflict_id}", {}, at)
    return _conflict(found, shared, now)


@router.get("/draws", summary="Draws, newest first")
def draws(shared: Shared, _: Now, __: Officer) -> list[DrawInfo]:
    """Announced, held and cancelled ones."""
    with shared.database.connection() as connection:
        return [DrawInfo(**_fields(each)) for each in find_draws(connection)]


@router.post("/draws", status_code=status.HTTP_201_CREATED, summary="Announce a draw", responses=_NOT_NOW)
def announce(given: NewDraw, shared: Shared, now: Now, manager: Manager) -> DrawDetail:
    """Fix sites with their classes, officers and conflicts, and commit to the platform's number.

    409 where it could not be held: too few sites, or a county without two officers for one of its sites.
    """
    for county in given.counties:
        check_county(county)
    at = shared.clock()
    nonce = secrets.token_hex(32)
    with shared.database.connection() as connection, connection.transaction():
        number = next_draw_id(connection)
        population = _population(connection, shared, now, manager, given, number, at)
        try:
            check(population)
        except DrawError as error:
            raise conflict(error) from error
        content = published(population)
        row = {
            "id": number,
            "name": given.name.strip(),
            "simulated": given.simulated,
            "population": content,
            "population_sha256": hashlib.sha256(content.encode()).hexdigest(),
            "commitment": commitment_of(nonce),
            "nonce": nonce,
            "word_from": given.word_from.strip(),
            "announced_by": manager.username,
            "announced_at": at,
        }
        add_draw(connection, row)
        detail = {name: row[name] for name in ("name", "population_sha256", "commitment", "word_from")}
        audit.append(connection, manager.username, "draw_announced", f"draw:{number}", detail, at)
        return _detail(connection, _draw(connection, number), shared, now)


@router.get("/draws/{draw_id}", summary="A draw with its inspections", responses=_NO_DRAW)
def draw(draw_id: DrawId, shared: Shared, now: Now, _: Officer) -> DrawDetail:
    """Before it is held: what is published. Afterwards: seed, sites and officers."""
    with shared.database.connection() as connection:
        return _detail(connection, _draw(connection, draw_id), shared, now)


@router.get(
    "/published/draws/{draw_id}",
    summary="What is published of a draw, for everybody",
    response_class=Response,
    responses={
        **_NO_DRAW,
        200: {
            "content": {"application/json": {"schema": {"type": "object"}}},
            "description": "The population, exactly",
        },
    },
)
def published_draw(draw_id: DrawId, shared: Shared) -> Response:
    """Open to everybody, without signing in: the population exactly as its SHA-256 fixes it.

    The headers `X-Landun-Commitment`, and once it is held `X-Landun-Nonce`, `X-Landun-Word` (percent-encoded UTF-8)
    and `X-Landun-Seed`, are all that is needed besides to repeat the draw (docs/double_random.md).
    """
    with shared.database.connection() as connection:
        found = _draw(connection, draw_id)
    headers = {"X-Landun-Sha256": found.population_sha256, "X-Landun-Commitment": found.commitment}
    if found.word is not None and found.seed is not None:
        headers |= {"X-Landun-Nonce": found.nonce, "X-Landun-Word": quote(found.word), "X-Landun-Seed": found.seed}
    return Response(found.population.encode(), media_type="application/json", headers=headers)


@router.post("/draws/{draw_id}/hold", summary="Hold a draw", responses=_NOT_NOW)
def hold(draw_id: DrawId, given: TheWord, shared: Shared, now: Now, manager: Manager) -> DrawDetail:
    """With the word that was announced. Once: another word gives another draw, which must be announced anew."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = _draw(connection, draw_id, lock=True)
        if found.drawn_at is not None or found.cancelled_at is not None:
            what = "held" if found.drawn_at is not None else "cancelled"
            raise conflict(f"draws.{what}_already", draw=draw_id)
        word = given.word.strip()
        seed = seed_of(found.nonce, word)
        population = population_of(found.population)
        by_site = {each.site: each for each in population.sites}
        tasks = [
            (place, each.site, by_site[each.site].county, by_site[each.site].letter, *each.officers)
            for place, each in enumerate(drawn(population, seed), start=1)
        ]
        save_result(connection, draw_id, word, seed, manager.username, at, tasks)
        detail = {"word": word, "seed": seed, "sites": len(tasks)}
        audit.append(connection, manager.username, "draw_held", f"draw:{draw_id}", detail, at)
        return _detail(connection, _draw(connection, draw_id), shared, now)


@router.post("/draws/{draw_id}/cancel", summary="Cancel a draw", responses=_NOT_NOW)
def cancel(draw_id: DrawId, given: DrawReason, shared: Shared, now: Now, manager: Manager) -> DrawDetail:
    """With the reason, which is published with it. It stays in the list."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = _draw(connection, draw_id, lock=True)
        if found.cancelled_at is not None:
            raise conflict("draws.cancelled_before", draw=draw_id)
        cancel_draw(connection, draw_id, manager.username, at, given.reason)
        audit.append(connection, manager.username, "draw_cancelled", f"draw:{draw_id}", {"reason": given.reason}, at)
        return _detail(connection, _draw(connection, draw_id), shared, now)


@router.post("/draws/{draw_id}/tasks/{place}", summary="Report an inspection", responses=_NOT_NOW)
def report(
    draw_id: DrawId,
    place: Annotated[int, Path(ge=1, description="Place in the draw")],
    given: TaskReport,
    shared: Shared,
    now: Now,
    officer: Officer,
) -> DrawDetail:
    """What two officers found. A problem becomes a lead, in the same book as all others."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = _draw(connection, draw_id, lock=True)
        task = next((each for each in tasks_of(connection, draw_id) if each.place == place), None)
        if task is None:
            raise not_found("draws.no_task", draw=draw_id, place=place)
        site = visible_site(now, officer, task.site)
        _may_report(officer, task)
        if found.cancelled_at is not None or task.outcome is not None:
            raise conflict("draws.task_over", draw=draw_id, place=place)
        today = at.astimezone(ZoneInfo(site.zone)).date()
        if not (found.drawn_at or at).astimezone(ZoneInfo(site.zone)).date() <= given.inspected_on <= today:
            raise unacceptable("draws.inspected_on", day=given.inspected_on, today=today)
        if given.outcome != "in_order" and not given.note.strip():
            raise unacceptable("draws.no_note")
        case_id = None
        if given.outcome == "problem":
            opening = Opening(
                site.code, site.county, site.zone, site.simulated, Source.INSPECTION, given.note.strip(), "medium",
                text("zh", "credit.page.case_ref", name=found.name, place=place),
            )  # fmt: skip
            case_id = book.open_case(
                connection, opening, Act(Action.OPEN, at, officer.username, party_of(officer), text=given.note.strip())
            )
        report_task(
            connection,
            task._replace(
                outcome=given.outcome,
                note=given.note.strip(),
                inspected_on=given.inspected_on,
                reported_by=officer.username,
                reported_at=at,
                case_id=case_id,
            ),
        )
        detail = {"draw": draw_id, "place": place, "outcome": given.outcome, "case": case_id}
        audit.append(connection, officer.username, "inspection_reported", f"site:{site.code}", detail, at)
        return _detail(connection, _draw(connection, draw_id), shared, now)


def _may_report(officer: Principal, task: Task) -> None:
    if officer.role == "inspector" and officer.username not in {task.officer, task.second_officer}:
        raise forbidden("draws.not_yours", place=task.place, officer=task.officer, second=task.second_officer)


def _population(
    connection: Connection,
    shared: Context,
    now: Snapshot,
    manager: Principal,
    given: NewDraw,
    number: int,
    at: datetime,
) -> Population:
    sites = [
        each.site
        for each in now.in_scope(manager)
        if each.site.simulated == given.simulated
        and (not given.counties or each.site.county in given.counties)
        and given.scenario in {None, each.site.scenario}
    ]
    counted = _votes(connection, given.round_id, at)
    if counted is not None:
        sites = [site for site in sites if site.code in counted]
    _, in_force = weights_in_force(connection)
    classes = assessments(connection, now, in_force, sites, at)
    people = _inspectors(shared)
    unknown = sorted(set(given.officers) - set(people))
    if unknown:
        raise unacceptable("draws.no_inspectors", unknown=listed(unknown), known=listed(sorted(people)))
    wanted = given.officers or sorted(people)
    here = {site.code for site in sites}
    return Population(
        draw=f"{number}",
        count=given.count,
        sites=tuple(
            Candidate(
                site.code,
                site.county,
                found.letter,
                in_force.classes[found.letter].lots if counted is None else min(counted[site.code], MOST_LOTS),
            )
            for site in sites
            for found in (classes[site.code],)
        ),
        officers=tuple(Sendable(name, people[name].counties) for name in wanted),
        conflicts=frozenset(
            (each.officer, each.site) for each in conflicts(connection) if each.site in here and each.officer in wanted
        ),
    )


def _votes(connection: Connection, round_id: int | None, at: datetime) -> dict[str, int] | None:
    """Votes by site of a round that is over; None where the draw is not by votes."""
    if round_id is None:
        return None
    found = next((each for each in disclosure.rounds(connection) if each.id == round_id), None)
    if found is None:
        raise conflict("draws.no_round", round=round_id)
    if at < found.closes_at:
        raise conflict("draws.round_open", round=round_id, until=moment(found.closes_at))
    return dict.fromkeys(found.sites, 0) | disclosure.votes(connection, round_id)


def _inspectors(shared: Context) -> dict[str, Principal]:
    """Those who can be sent, by username."""
    known = shared.refresher.people or {}
    return {name: each for name, each in known.items() if each.role == "inspector"}


def _draw(connection: Connection, draw_id: int, *, lock: bool = False) -> DrawRow:
    found = find_draw(connection, draw_id, lock=lock)
    if found is None:
        raise not_found("draws.no_draw", draw=draw_id)
    return found


def _fields(row: DrawRow) -> dict[str, Any]:
    """A draw as it is told: its number stays the platform's own until it is held."""
    return {
        **{name: value for name, value in row._asdict().items() if name not in {"population", "cancelled_by"}},
        "nonce": row.nonce if row.drawn_at is not None else None,
    }


def _detail(connection: Connection, row: DrawRow, shared: Context, now: Snapshot) -> DrawDetail:
    return DrawDetail(**_fields(row), tasks=_tasks(tasks_of(connection, row.id), shared, now))


def _tasks(tasks: Sequence[Task], shared: Context, now: Snapshot) -> list[TaskInfo]:
    names = {name: each.name for name, each in (shared.refresher.people or {}).items()}
    found = []
    for each in tasks:
        site = now.registry.sites.get(each.site)
        found.append(
            TaskInfo(
                **{name: value for name, value in each._asdict().items() if name not in {"draw_id", "reported_at"}},
                site_name_zh=site.name_zh if site else each.site,
                site_name_en=site.name_en if site else each.site,
                officer_name=names.get(each.officer, each.officer),
                second_officer_name=names.get(each.second_officer, each.second_officer),
            )
        )
    return found


def _conflict(each: Any, shared: Context, now: Snapshot) -> ConflictInfo:
    site = now.registry.sites[each.site]
    known = (shared.refresher.people or {}).get(each.officer)
    return ConflictInfo(
        **each._asdict(),
        officer_name=known.name if known else each.officer,
        site_name_zh=site.name_zh,
        site_name_en=site.name_en,
    )
