"""Manual results: listing them with what they say, entering them by form or file, withdrawing wrong ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Path, Query, Response, UploadFile, status

from monitor.api.context import Context, Now, Shared, SignedIn, requires, visible_site
from monitor.api.refusals import check_zone, conflict, not_found, parameter, unacceptable
from monitor.api.registry_change import mistake_info
from monitor.api.sampling import judged
from monitor.api.schemas import Error
from monitor.api.schemas.samples import (
    NewSamples,
    SampleInfo,
    SampleKindName,
    SamplePage,
    SampleReport,
    SamplesEntered,
    SampleStateName,
    Withdrawal,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, check_county
from monitor.api.snapshot import Snapshot
from registry.indicators import INDICATORS
from registry.sample_sheet import Result, RowError, a_result, check_moment, check_result, plan_samples, template
from registry.samples import Comparison, Judged, Sample, SampleKind, SampleState
from registry.tabular import LARGEST_FILE_BYTES, CellError, TableError
from registry.words import Words, listed
from store import audit
from store.connections import Connection
from store.samples import Entered, add_samples, find_sample, find_samples, known_keys, withdraw_sample

router = APIRouter(prefix="/samples", tags=["samples"])

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JUDGED_AT_MOST: Final = 5_000
"""Results that a filter by what they say looks through: it is not stored, so they are judged first."""

Enterer = Annotated[Principal, Depends(requires(Permission.ENTER_SAMPLES))]
_NO_TABLE: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": Error, "description": "The file is not a table of results; the sentence says which would be"}
}


@router.get("", summary="Manual results, newest taken first")
def samples(
    shared: Shared,
    now: Now,
    principal: SignedIn,
    site: Annotated[str | None, Query(description="Only this site")] = None,
    county: Annotated[str | None, Query(description="Only this county", examples=["320602"])] = None,
    kind: Annotated[SampleKindName | None, Query(description="Only results obtained like this")] = None,
    state: Annotated[SampleStateName | None, Query(description="Only results that say this")] = None,
    first: Annotated[datetime | None, Query(alias="from", description="Taken at or after")] = None,
    last: Annotated[datetime | None, Query(alias="to", description="Taken before")] = None,
    withdrawn: Annotated[bool, Query(description="Withdrawn ones too")] = False,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> SamplePage:
    """Each with the limit valid when it was taken. A result outside is a lead (疑似超标), and pages nobody."""
    check_county(county)
    if site is not None:
        visible_site(now, principal, site)
    for name, moment in (("from", first), ("to", last)):
        check_zone(parameter(name), moment)
    sites = [
        each.site.code
        for each in now.in_scope(principal)
        if county in {None, each.site.county} and site in {None, each.site.code}
    ]
    page = {"limit": limit, "offset": offset} if state is None else {"limit": JUDGED_AT_MOST, "offset": 0}
    with shared.database.connection() as connection:
        total, entered = find_samples(
            connection, sites=sites, kind=kind, first=first, last=last, withdrawn=withdrawn, **page
        )
    items = _infos(entered, now, principal)
    if state is None:
        return SamplePage(total=total, items=items)
    matching = [item for item in items if item.state == state]
    return SamplePage(total=len(matching), items=matching[offset : offset + limit])


@router.post("", status_code=status.HTTP_201_CREATED, summary="Enter the results of a sampling", responses=NOT_FOUND)
def enter(given: NewSamples, shared: Shared, now: Now, enterer: Enterer) -> SamplesEntered:
    """Results of one place and time. One that is there already is passed over; a wrong one is withdrawn first."""
    site = visible_site(now, enterer, given.site)
    if (site.code, given.sampling_point) not in now.registry.sampling_points:
        known = sorted(point for at, point in now.registry.sampling_points if at == site.code)
        told = {"value": given.sampling_point, "site": site.code, "known": listed(known)}
        raise unacceptable("samples.unknown_point", **told)
    check_zone("taken_at", given.taken_at)
    at = shared.clock()
    results = [(each.indicator, _result(each.indicator, each.result, site.scenario)) for each in given.results]
    _check(lambda: check_moment(given.taken_at, at), "samples.taken_at")
    new = [
        Sample(
            id=0,
            site=site.code,
            sampling_point=given.sampling_point,
            indicator=indicator,
            value=result.value,
            comparison=result.comparison,
            kind=SampleKind(given.kind),
            taken_at=given.taken_at,
            taken_by=given.taken_by,
            laboratory=given.laboratory,
            report=given.report,
            note=given.note,
        )
        for indicator, result in results
    ]
    added = _save(shared, enterer, new, "form", at)
    ids = [sample.id for sample in added]
    return SamplesEntered(added=len(added), known=len(new) - len(added), suspected=_suspected(added, now), ids=ids)


@router.get("/template.xlsx", summary="An empty workbook to fill in", response_class=Response,
            responses={200: {"content": {XLSX: {}}, "description": "A workbook"}})  # fmt: skip
def template_file(_: SignedIn) -> Response:
    """One row a result, with an example and an explanation of every column (zh, en)."""
    return Response(
        template(), media_type=XLSX, headers={"Content-Disposition": 'attachment; filename="landun-samples.xlsx"'}
    )


@router.post("/import", summary="Import results from CSV or XLSX", responses=_NO_TABLE)
def import_file(
    file: UploadFile,
    enterer: Enterer,
    shared: Shared,
    now: Now,
    dry_run: Annotated[bool, Form(description="Look only")] = True,
) -> SampleReport:
    """Every mistake with its row, column and value, in plain words.

    Faulty rows are left out; the same file imported twice adds nothing.
    """
    at, name = shared.clock(), file.filename or ""
    try:
        plan = plan_samples(name, file.file.read(LARGEST_FILE_BYTES + 1), now.registry, at, enterer.sees)
    except TableError as error:
        raise unacceptable(error) from error
    with shared.database.connection() as connection:
        known = known_keys(connection, plan.samples)
    new = [sample for sample in plan.samples if _key(sample) not in known]
    added = [] if dry_run else _save(shared, enterer, new, name, at)
    return SampleReport(
        imported=not dry_run,
        rows=plan.rows,
        good=len(plan.samples),
        known=len(plan.samples) - len(new),
        added=len(added),
        suspected=_suspected(new, now),
        mistakes=[mistake_info(each) for each in plan.mistakes],
    )


@router.post("/{sample_id}/withdraw", summary="Withdraw a result that is wrong", responses=NOT_FOUND)
def withdraw(
    sample_id: Annotated[int, Path(description="The result")],
    said: Withdrawal,
    shared: Shared,
    now: Now,
    enterer: Enterer,
) -> SampleInfo:
    """It stays, marked with who withdrew it and why, and says nothing about the site any more."""
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = visible_sample(connection, sample_id, now, enterer)
        if found.withdrawn_at is not None:
            raise conflict("samples.withdrawn", sample=sample_id, by=found.withdrawn_by)
        withdraw_sample(connection, sample_id, enterer.username, at, said.reason)
        detail = {"sample": sample_id, "reason": said.reason}
        audit.append(connection, enterer.username, "withdraw_sample", f"site:{found.sample.site}", detail, at)
        found = visible_sample(connection, sample_id, now, enterer)
    shared.refresher.hasten()
    return _infos([found], now, enterer)[0]


def visible_sample(connection: Connection, sample_id: int, now: Snapshot, principal: Principal) -> Entered:
    """A result, if its site is in scope; 404 otherwise."""
    found = find_sample(connection, sample_id)
    site = now.registry.sites.get(found.sample.site) if found else None
    if found is None or site is None or not principal.sees(site):
        raise not_found("samples.no_sample", sample=sample_id)
    return found


def _save(shared: Context, enterer: Principal, new: Sequence[Sample], source: str, at: datetime) -> list[Sample]:
    with shared.database.connection() as connection, connection.transaction():
        added = add_samples(connection, new, enterer.username, at, source)
        for site in sorted({sample.site for sample in added}):
            detail = {"source": source, "results": [_said(sample) for sample in added if sample.site == site]}
            audit.append(connection, enterer.username, "enter_samples", f"site:{site}", detail, at)
    shared.refresher.hasten()
    return added


def _said(sample: Sample) -> str:
    return (
        f"{sample.sampling_point} {sample.taken_at.isoformat()} {sample.kind.value} "
        f"{sample.indicator} {sample.comparison.value} {sample.value:g}"
    )


def _key(sample: Sample) -> tuple[str, str, str, datetime, str]:
    return sample.site, sample.sampling_point, sample.indicator, sample.taken_at, str(sample.kind)


def _suspected(new: Sequence[Sample], now: Snapshot) -> int:
    return sum(each.state is SampleState.SUSPECTED for each in judged(new, now.registry, now.facts.rules))


def _result(indicator: str, written: str, scenario: str) -> Result:
    if indicator not in INDICATORS:
        raise unacceptable("samples.indicator", value=indicator, known=listed(INDICATORS))
    told = {"indicator": Words(INDICATORS[indicator].name_zh, indicator), "value": written}
    found: Result = _check(lambda: a_result(written), "samples.result", **told)
    _check(lambda: check_result(indicator, found, scenario=scenario), "samples.result", **told)
    return found


def _check(look: Any, key: str, **fields: object) -> Any:
    try:
        return look()
    except (CellError, RowError) as error:
        raise unacceptable(key, **fields, words=error.words) from error


def _infos(entered: Sequence[Entered], now: Snapshot, principal: Principal) -> list[SampleInfo]:
    return sample_infos(entered, now, named=principal.role not in {"venue", "public"})


def sample_infos(entered: Sequence[Entered], now: Snapshot, *, named: bool) -> list[SampleInfo]:
    """Results with what they say; `named`: with the people who took and entered them."""
    verdicts = judged([each.sample for each in entered], now.registry, now.facts.rules)
    return [_info(each, verdict, now, named=named) for each, verdict in zip(entered, verdicts, strict=True)]


def _info(entered: Entered, verdict: Judged, now: Snapshot, *, named: bool) -> SampleInfo:
    sample, limit, version = entered.sample, verdict.limit, verdict.version
    site = now.registry.sites[sample.site]
    point = now.registry.sampling_points[sample.site, sample.sampling_point]
    indicator = INDICATORS.get(sample.indicator)
    own = version is not None and version.rule is not None and version.rule.profile is None
    return SampleInfo(
        id=sample.id,
        site=sample.site,
        site_name_zh=site.name_zh,
        site_name_en=site.name_en,
        simulated=site.simulated,
        county=site.county,
        zone=site.zone,
        sampling_point=sample.sampling_point,
        sampling_point_name_zh=point.name_zh,
        sampling_point_name_en=point.name_en,
        indicator=sample.indicator,
        unit=indicator.unit if indicator else "",
        value=sample.value,
        comparison=sample.comparison.value,
        text=_written(sample),
        kind=sample.kind.value,
        taken_at=sample.taken_at,
        taken_by=sample.taken_by if named else "",
        laboratory=sample.laboratory,
        report=sample.report,
        note=sample.note,
        state=verdict.state.value,
        side={-1: "low", 1: "high"}.get(verdict.side),  # type: ignore[arg-type]
        hazard=verdict.hazard,
        interval=limit.interval() if limit else None,
        standard=version.profile.standard if version and version.profile and not own else None,
        clause=limit.clause if limit else None,
        force=limit.force.value if limit else None,
        entered_by=entered.entered_by if named else None,
        entered_at=entered.entered_at,
        source=entered.source,
        withdrawn_by=entered.withdrawn_by if named else None,
        withdrawn_at=entered.withdrawn_at,
        withdraw_reason=entered.withdraw_reason,
    )


def _written(sample: Sample) -> str:
    number = f"{sample.value:g}"
    return number if sample.comparison is Comparison.EQUAL else f"{sample.comparison.value} {number}"
