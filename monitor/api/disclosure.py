"""Disclosure (公示): consents, publishing sample results in time, and rounds of votes (你点我测)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, status

from monitor.api.context import Now, Shared, requires, visible_site
from monitor.api.credit import Manager, Officer
from monitor.api.refusals import not_found, unacceptable
from monitor.api.samples import sample_infos
from monitor.api.schemas import Error
from monitor.api.schemas.disclosure import (
    Choice,
    ConsentInfo,
    DisclosureSample,
    NewRound,
    Published,
    RoundInfo,
    ToPublish,
    WithdrawReason,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath
from monitor.api.snapshot import Snapshot
from registry.model import HOME_ZONE
from registry.samples import SampleKind
from registry.words import listed
from registry.working_days import count_working_days
from store import audit, disclosure
from store.connections import Connection
from store.disclosure import Publication, Round
from store.samples import Entered, find_samples

router = APIRouter(tags=["disclosure"])

PUBLISH_WITHIN: Final = 20
"""Working days: 政府信息公开条例 Art 26, from when the information came into being, here when it was entered."""
MOST: Final = 5_000

Discloser = Annotated[Principal, Depends(requires(Permission.ANSWER_AS_VENUE, Permission.HOLD_DRAWS))]
_NOT_NOW: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "It can't be done as things stand; the sentence says why"},
}


@router.get("/sites/{code}/consent", summary="Whether a site's values are public", responses=NOT_FOUND)
def consent(code: SiteInPath, shared: Shared, now: Now, discloser: Discloser) -> ConsentInfo:
    """Whether the venue agreed that its current values are shown to everybody."""
    visible_site(now, discloser, code)
    with shared.database.connection() as connection:
        return _consent(connection, code)


@router.put("/sites/{code}/consent", summary="Make a site's values public", responses=NOT_FOUND)
def give(code: SiteInPath, shared: Shared, now: Now, discloser: Discloser) -> ConsentInfo:
    """The venue agrees, or the agency enters that it did. They are public from now on."""
    visible_site(now, discloser, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        if disclosure.give_consent(connection, code, discloser.username, at):
            audit.append(connection, discloser.username, "consent_given", f"site:{code}", {}, at)
        return _consent(connection, code)


@router.delete("/sites/{code}/consent", summary="Take a site's consent back", responses=NOT_FOUND)
def revoke(code: SiteInPath, shared: Shared, now: Now, discloser: Discloser) -> ConsentInfo:
    """Its values are public no longer, at once."""
    visible_site(now, discloser, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        if disclosure.revoke_consent(connection, code, discloser.username, at):
            audit.append(connection, discloser.username, "consent_revoked", f"site:{code}", {}, at)
        return _consent(connection, code)


@router.get("/disclosure/samples", summary="Laboratory results, with the last day to publish each")
def to_publish(
    shared: Shared,
    now: Now,
    officer: Officer,
    month: Annotated[str, Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="Taken in", examples=["2026-11"])],
) -> list[DisclosureSample]:
    """Of the sites in scope, newest first. Withdrawn results are not there: they were wrong."""
    with shared.database.connection() as connection:
        entered = results_of(connection, now, month, [each.site.code for each in now.in_scope(officer)])
        known = disclosure.publications(connection, [each.sample.id for each in entered])
    infos = sample_infos(entered, now, named=True)
    at = shared.clock()
    return [_disclosed(info, known.get(info.id), at) for info in infos]


@router.post("/disclosure/samples/publish", summary="Publish results", responses=_NOT_NOW)
def publish(given: ToPublish, shared: Shared, now: Now, manager: Manager) -> Published:
    """Laboratory results of sites in scope. One that was taken back is published anew."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        scope = {each.site.code for each in now.in_scope(manager)}
        known = {
            int(number)
            for number, site in connection.execute(
                "SELECT id, site FROM sample WHERE id = ANY(%s) AND kind = 'laboratory' AND withdrawn_at IS NULL",
                (given.sample_ids,),
            ).fetchall()
            if site in scope
        }
        strange = sorted(set(given.sample_ids) - known)
        if strange:
            raise not_found("disclosure.no_results", numbers=listed(strange[:10]))
        count = disclosure.publish(connection, given.sample_ids, manager.username, at)
        detail = {"samples": sorted(known), "published": count}
        audit.append(connection, manager.username, "samples_published", "disclosure", detail, at)
    return Published(published=count)


@router.post("/disclosure/samples/{sample_id}/withdraw", summary="Take a published result back", responses=_NOT_NOW)
def take_back(
    sample_id: Annotated[int, Path(description="Result")],
    given: WithdrawReason,
    shared: Shared,
    _: Now,
    manager: Manager,
) -> Published:
    """It is shown to nobody from now on (行政处罚法 Art 48 gives three days for what was changed or revoked)."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        if not disclosure.withdraw(connection, sample_id, manager.username, at, given.reason):
            raise not_found("disclosure.not_published", number=sample_id)
        detail = {"reason": given.reason}
        audit.append(connection, manager.username, "publication_withdrawn", f"sample:{sample_id}", detail, at)
    return Published(published=0)


@router.get("/disclosure/rounds", summary="Rounds of votes, newest first")
def all_rounds(shared: Shared, now: Now, _: Officer) -> list[RoundInfo]:
    """Open and closed ones, with the votes so far."""
    with shared.database.connection() as connection:
        return [round_info(connection, each, now, shared.clock()) for each in disclosure.rounds(connection)]


@router.post(
    "/disclosure/rounds",
    status_code=status.HTTP_201_CREATED,
    summary="Ask the public where to test",
    responses=_NOT_NOW,
)
def open_round(given: NewRound, shared: Shared, now: Now, manager: Manager) -> RoundInfo:
    """你点我测: everybody may vote until it closes; then a draw takes a lot for each vote (`round_id` of a draw)."""
    at = shared.clock()
    sites = [visible_site(now, manager, code) for code in dict.fromkeys(given.sites)]
    if given.closes_at.tzinfo is None or given.closes_at <= at:
        raise unacceptable("disclosure.closes_past", value=given.closes_at.isoformat())
    if len({site.simulated for site in sites}) > 1:
        raise unacceptable("disclosure.mixed")
    with shared.database.connection() as connection, connection.transaction():
        codes = [site.code for site in sites]
        number = disclosure.open_round(
            connection, given.name, codes, at, given.closes_at, manager.username, simulated=sites[0].simulated
        )
        detail = {"name": given.name, "sites": codes, "closes_at": given.closes_at.isoformat()}
        audit.append(connection, manager.username, "vote_opened", f"round:{number}", detail, at)
        made = next(each for each in disclosure.rounds(connection) if each.id == number)
        return round_info(connection, made, now, at)


def results_of(connection: Connection, now: Snapshot, month: str, sites: Sequence[str] | None) -> list[Entered]:
    """The laboratory's results of a local month that stand, newest first, of sites that are registered."""
    zone = ZoneInfo(HOME_ZONE)
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=zone)
    last = (first + timedelta(days=32)).replace(day=1)
    _, entered = find_samples(
        connection, sites=sites, kind=SampleKind.LABORATORY.value, first=first, last=last, limit=MOST
    )
    return [each for each in entered if (each.sample.site, each.sample.sampling_point) in now.registry.sampling_points]


def round_info(connection: Connection, each: Round, now: Snapshot, at: datetime) -> RoundInfo:
    """A round as the API tells it."""
    counts = disclosure.votes(connection, each.id)
    known = [site for code in each.sites if (site := now.registry.sites.get(code)) is not None]
    return RoundInfo(
        id=each.id,
        name=each.name,
        simulated=each.simulated,
        opens_at=each.opens_at,
        closes_at=each.closes_at,
        open=each.opens_at <= at < each.closes_at,
        choices=[
            Choice(site=site.code, name_zh=site.name_zh, name_en=site.name_en, votes=counts.get(site.code, 0))
            for site in known
        ],
    )


def _disclosed(info: Any, known: Publication | None, at: datetime) -> DisclosureSample:
    zone = ZoneInfo(info.zone)
    due = count_working_days(info.entered_at.astimezone(zone).date(), PUBLISH_WITHIN)
    shown = known is not None and known.withdrawn_at is None
    return DisclosureSample(
        sample=info,
        due_on=due.day,
        due_sure=due.unpublished is None,
        overdue=not shown and known is None and at.astimezone(UTC).astimezone(zone).date() > due.day,
        published_at=known.published_at if known and shown else None,
        withdrawn_at=known.withdrawn_at if known else None,
        withdraw_reason=known.withdraw_reason if known else None,
    )


def _consent(connection: Connection, code: str) -> ConsentInfo:
    since = disclosure.consenting(connection).get(code)
    return ConsentInfo(site=code, public=since is not None, since=since)
