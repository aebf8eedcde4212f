"""Credit: the weights in force, a site's class with its sum, and all sites by class."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from monitor.api.context import Now, Shared, requires, visible_site
from monitor.api.refusals import unacceptable
from monitor.api.sampling import judged
from monitor.api.schemas import Error
from monitor.api.schemas.credit import CreditItem, CreditPage, Letter, NewWeights, SiteCredit, WeightsVersion
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath, check_county
from monitor.api.snapshot import Snapshot
from registry.catalogue import text
from registry.credit import CLASSES, Assessment, Weights, WeightsError, assess, default_weights, of_json
from registry.model import Site
from registry.samples import Sample, SampleState
from store import audit
from store.connections import Connection
from store.draws import set_weights, weights_versions
from store.queries.credit import credit_records
from store.samples import find_samples

router = APIRouter(tags=["credit"])

MOST_SAMPLES: Final = 1_000_000

Reader = Annotated[Principal, Depends(requires(Permission.READ_CREDIT))]
Officer = Annotated[Principal, Depends(requires(Permission.WORK_CASES))]
Manager = Annotated[Principal, Depends(requires(Permission.HOLD_DRAWS))]
_NOT_WEIGHTS: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": Error, "description": "The sentence names the field, its value and what would be right"}
}


@router.get("/credit/weights", summary="What a record counts: the weights in force first")
def weights(shared: Shared, _: Now, __: Reader) -> list[WeightsVersion]:
    """Every version with its reason; the last are the start values that come with the platform."""
    with shared.database.connection() as connection:
        versions = [
            WeightsVersion(id=each.id, weights=each.weights, reason=each.reason, set_by=each.set_by, set_at=each.set_at)
            for each in weights_versions(connection)
        ]
    start = default_weights().to_json()
    return [*versions, WeightsVersion(id=None, weights=start, reason=_start_words(), set_by=None, set_at=None)]


@router.put("/credit/weights", summary="Set the weights", responses=_NOT_WEIGHTS)
def put_weights(given: NewWeights, shared: Shared, _: Now, manager: Manager) -> WeightsVersion:
    """From now on classes follow from these. Draws that were announced keep the classes they were announced with."""
    try:
        wanted = of_json(given.weights).to_json()
    except WeightsError as error:
        raise unacceptable("credit.weights", error=error.words) from error
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        number = set_weights(connection, wanted, given.reason, manager.username, at)
        detail = {"version": number, "reason": given.reason}
        audit.append(connection, manager.username, "credit_weights_set", f"credit_weights:{number}", detail, at)
    return WeightsVersion(id=number, weights=wanted, reason=given.reason, set_by=manager.username, set_at=at)


@router.get("/credit", summary="Sites by class, the least points first")
def credit(
    shared: Shared,
    now: Now,
    officer: Officer,
    county: Annotated[str | None, Query(description="Only this county", examples=["320602"])] = None,
    letter: Annotated[Letter | None, Query(description="Only this class")] = None,
    simulated: Annotated[bool, Query(description="The demonstration's sites instead of the real ones")] = False,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> CreditPage:
    """Each with the sum that leads to its class."""
    check_county(county)
    sites = [
        each.site
        for each in now.in_scope(officer)
        if county in {None, each.site.county} and each.site.simulated == simulated
    ]
    with shared.database.connection() as connection:
        number, in_force = weights_in_force(connection)
        found = assessments(connection, now, in_force, sites, shared.clock())
    counts = Counter(each.letter for each in found.values())
    wanted = sorted(
        (site for site in sites if letter in {None, found[site.code].letter}),
        key=lambda site: (found[site.code].points, site.code),
    )
    return CreditPage(
        total=len(wanted),
        classes={name: counts[name] for name in CLASSES},
        items=[credit_info(site, found[site.code], in_force, number) for site in wanted[offset : offset + limit]],
    )


@router.get("/sites/{code}/credit", summary="A site's class, with the sum", responses=NOT_FOUND)
def site_credit(code: SiteInPath, shared: Shared, now: Now, reader: Reader) -> SiteCredit:
    """What of its record counted how much. A venue sees its own, so that it can object."""
    site = visible_site(now, reader, code)
    with shared.database.connection() as connection:
        number, in_force = weights_in_force(connection)
        found = assessments(connection, now, in_force, [site], shared.clock())
    return credit_info(site, found[code], in_force, number)


def weights_in_force(connection: Connection) -> tuple[int | None, Weights]:
    """The number of the version in force, None for the start values, and the weights."""
    versions = weights_versions(connection)
    return (versions[0].id, of_json(versions[0].weights)) if versions else (None, default_weights())


def assessments(
    connection: Connection, now: Snapshot, in_force: Weights, sites: Iterable[Site], at: datetime
) -> dict[str, Assessment]:
    """The class of each of `sites`, by code."""
    codes = [site.code for site in sites]
    first = at - timedelta(days=in_force.days)
    records = credit_records(connection, codes, first, at)
    _, entered = find_samples(connection, sites=codes, first=first, last=at, limit=MOST_SAMPLES)
    suspected = _suspected([each.sample for each in entered], now)
    found = {}
    for code in codes:
        record: Mapping[str, Any] = records.get(code, {})
        counts = {**{name: int(value) for name, value in record.items()}, "suspected_samples": suspected[code]}
        found[code] = assess(in_force, counts, known=bool(record.get("known")))
    return found


def _suspected(samples: list[Sample], now: Snapshot) -> Counter[str]:
    results = judged(samples, now.registry, now.facts.rules)
    return Counter(each.sample.site for each in results if each.state is SampleState.SUSPECTED)


def credit_info(site: Site, found: Assessment, in_force: Weights, number: int | None) -> SiteCredit:
    """A class as the API tells it."""
    return SiteCredit(
        site=site.code,
        site_name_zh=site.name_zh,
        site_name_en=site.name_en,
        county=site.county,
        simulated=site.simulated,
        letter=found.letter,  # type: ignore[arg-type]  # one of CLASSES
        points=found.points,
        known=found.known,
        lots=in_force.classes[found.letter].lots,
        items=[
            CreditItem(
                fact=item.fact,
                name_zh=text("zh", f"credit.fact.{item.fact}"),
                name_en=text("en", f"credit.fact.{item.fact}"),
                count=item.count,
                points_each=item.weight.points,
                most=item.weight.most,
                points=item.points,
            )
            for item in found.items
        ],
        days=in_force.days,
        weights_id=number,
    )


def _start_words() -> str:
    return f"{text('zh', 'credit.start_values')} | {text('en', 'credit.start_values')}"
