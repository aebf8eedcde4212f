"""What everybody may see without signing in: values of venues that agreed, published results, open votes."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query

from monitor.api.context import Context, Shared
from monitor.api.database import DatabaseMissingError
from monitor.api.disclosure import results_of, round_info
from monitor.api.displays import view_of
from monitor.api.refusals import conflict, not_found, unacceptable
from monitor.api.samples import sample_infos
from monitor.api.schemas import Error
from monitor.api.schemas.disclosure import PublishedPools, PublishedSample, RoundInfo, Vote, VoteCounted
from monitor.api.snapshot import Snapshot
from registry.words import listed, moment
from store import disclosure

router = APIRouter(prefix="/published", tags=["disclosure"])

_CLOSED: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "There is no such round"},
    409: {"model": Error, "description": "The round is not open"},
}


@router.get("/pools", summary="Current values of the venues that agreed")
def pools(shared: Shared) -> PublishedPools:
    """On-line reference values with limits and times; a value that is old says so. Needs no sign-in."""
    now = _now(shared)
    with shared.database.connection() as connection:
        public = disclosure.consenting(connection)
    sites = [now.registry.sites[code] for code in sorted(public) if code in now.registry.sites]
    return PublishedPools(items=[view_of(now, site) for site in sites])


@router.get("/samples", summary="Published results of a month")
def samples(
    shared: Shared,
    month: Annotated[str, Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="Taken in", examples=["2026-11"])],
) -> list[PublishedSample]:
    """Laboratory results that the agency published and did not take back. Needs no sign-in."""
    now = _now(shared)
    with shared.database.connection() as connection:
        entered = results_of(connection, now, month, None)
        known = disclosure.publications(connection, [each.sample.id for each in entered])
    shown = [
        each for each in entered if (found := known.get(each.sample.id)) is not None and found.withdrawn_at is None
    ]
    return [
        PublishedSample(sample=info, published_at=known[info.id].published_at)
        for info in sample_infos(shown, now, named=False)
    ]


@router.get("/rounds", summary="Rounds of votes that are open")
def rounds(shared: Shared) -> list[RoundInfo]:
    """你点我测: where shall be tested? Needs no sign-in."""
    now, at = _now(shared), shared.clock()
    with shared.database.connection() as connection:
        infos = [round_info(connection, each, now, at) for each in disclosure.rounds(connection)]
    return [each for each in infos if each.open]


@router.post("/rounds/{round_id}/votes", summary="Vote", responses=_CLOSED)
def vote(round_id: Annotated[int, Path(ge=1, description="Round")], given: Vote, shared: Shared) -> VoteCounted:
    """One vote a browser. What is kept of the voter is a digest that tells nobody's name. Needs no sign-in.

    A determined person can vote more than once; so votes are lots in a draw, not the decision itself.
    """
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = next((each for each in disclosure.rounds(connection) if each.id == round_id), None)
        if found is None:
            raise not_found("disclosure.no_round", number=round_id)
        if not found.opens_at <= at < found.closes_at:
            raise conflict("disclosure.closed", number=round_id, at=moment(found.closes_at))
        if given.site not in found.sites:
            raise unacceptable("disclosure.not_in_round", site=given.site, known=listed(found.sites))
        voter = hashlib.sha256(f"{shared.settings.token_secret}|{round_id}|{given.voter}".encode()).hexdigest()
        counted = disclosure.cast_vote(connection, round_id, voter, given.site, at)
    return VoteCounted(outcome="counted" if counted else "voted_before")


def _now(shared: Context) -> Snapshot:
    found = shared.refresher.snapshot
    if found is None or not shared.refresher.answering(shared.clock()):
        raise DatabaseMissingError
    return found
