"""Medical waste on screens: kilograms, bags by state and age, the overdue list, the balance, vehicles, a bag's life."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query

from monitor.api.context import Now, Shared, requires
from monitor.api.refusals import not_found, unacceptable
from monitor.api.schemas.waste import (
    BagLife,
    BagPage,
    BalanceLine,
    InstitutionInfo,
    StateOfBags,
    Step,
    Timeline,
    Track,
    VehicleInfo,
    WasteOverview,
    Weighed,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath, check_county
from monitor.api.snapshot import Snapshot
from monitor.api.waste_rows import STEPS, bag_of, category_of, fix_of, rules_of, scan_of, step_of
from monitor.api.waste_tolerances import tolerances_in_force
from monitor.waste.rules import Rule, Tolerances
from registry.catalogue import text
from registry.model import HOME_ZONE, Site
from registry.waste.catalogue import Event, PartyKind, party_names
from registry.waste.model import WasteRegistry
from store import waste_bags
from store.connections import Connection
from store.queries import waste as queries
from store.waste_registry import load_waste_registry

router = APIRouter(prefix="/waste", tags=["waste"])

COLLECTED: Final = int(Event.COLLECTED)
EVENTS: Final = {1: "collected_kg", 3: "stored_kg", 5: "handed_kg", 6: "received_kg"}
"""The events that the balance adds up, by their numbers in the catalogue."""
OVERDUE: Final = (Rule.STORAGE_48H, Rule.MISSING, Rule.IN_TRANSIT)
STALE: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(days=92)
MOST_FIXES: Final = 1_500

Reader = Annotated[Principal, Depends(requires(Permission.READ_ALARMS))]
Simulated = Annotated[bool, Query(description="The demonstration's institutions instead of the real ones")]
County = Annotated[str | None, Query(description="Only this county", examples=["320602"])]


@dataclass(frozen=True)
class Scope:
    """The institutions a person asks about, and who deals with waste there."""

    sites: Mapping[str, Site]
    registry: WasteRegistry

    @property
    def codes(self) -> list[str]:
        """Their codes."""
        return list(self.sites)


def _scope(connection: Connection, now: Snapshot, reader: Principal, *, simulated: bool, county: str | None) -> Scope:
    check_county(county)
    registry = load_waste_registry(connection)
    sites = {
        each.site.code: each.site
        for each in now.in_scope(reader)
        if each.site.code in registry.parties
        and each.site.simulated == simulated
        and county in {None, each.site.county}
    }
    return Scope(sites, registry)


@router.get("/overview", summary="Where the waste is now")
def overview(
    shared: Shared, now: Now, reader: Reader, simulated: Simulated = False, county: County = None
) -> WasteOverview:
    """Today's kilograms by county and category, bags in each state with the age of the oldest, what is overdue."""
    at = shared.clock()
    with shared.database.connection() as connection:
        scope = _scope(connection, now, reader, simulated=simulated, county=county)
        states = waste_bags.counts_by_step(connection, scope.codes, at)
        weighed = waste_bags.balance(connection, scope.codes, *_today(at), HOME_ZONE, [COLLECTED])
        overdue = waste_bags.count_open(connection, scope.codes, _bits(OVERDUE))
    return WasteOverview(
        at=at,
        today=at.astimezone(ZoneInfo(HOME_ZONE)).date(),
        weighed=_weighed(scope, weighed),
        states=_states(states),
        overdue=overdue,
        open=sum(int(row["open"]) for row in states),
        institutions=sum(scope.registry.parties[code].kind is PartyKind.PRODUCER for code in scope.sites),
        reporting=len({row["site"] for row in weighed}),
    )


def institution_scope(connection: Connection, now: Snapshot, reader: Principal, code: str) -> Scope:
    """What may be asked about, where an institution is in scope; 404 where it is not."""
    site = now.registry.sites.get(code)
    scope = _scope(connection, now, reader, simulated=site is not None and site.simulated, county=None)
    if code not in scope.sites:
        raise not_found("waste.no_institution", code=code)
    return scope


def _weighed(scope: Scope, rows: Iterable[Mapping[str, Any]]) -> list[Weighed]:
    sums: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0])
    for row in rows:
        found = sums[scope.sites[row["site"]].county, int(row["category"])]
        found[0] += float(row["kg"])
        found[1] += int(row["pieces"])
    return [
        Weighed(county=county, **category_of(number), kg=round(kg, 3), bags=int(bags))
        for (county, number), (kg, bags) in sorted(sums.items())
    ]


def _states(rows: Iterable[Mapping[str, Any]]) -> list[StateOfBags]:
    sums: dict[int | None, list[Any]] = defaultdict(lambda: [0, 0.0, None])
    for row in rows:
        found = sums[row["step"]]
        found[0] += int(row["bags"])
        found[1] += float(row["kg"])
        if row["oldest_h"] is not None:
            found[2] = max(found[2] or 0.0, float(row["oldest_h"]))
    return [
        StateOfBags(
            **step_of(number), bags=bags, kg=round(kg, 3), oldest_h=None if oldest is None else round(oldest, 1)
        )
        for number, (bags, kg, oldest) in sorted(sums.items(), key=lambda each: -1 if each[0] is None else each[0])
    ]


@router.get("/bags", summary="Bags in a state, or those that somebody should act about")
def bags(
    shared: Shared,
    now: Now,
    reader: Reader,
    simulated: Simulated = False,
    county: County = None,
    site: Annotated[str | None, Query(description="Only this institution")] = None,
    step: Annotated[Step | None, Query(description="Only bags whose last step is this")] = None,
    overdue: Annotated[bool, Query(description="Only those stored too long, missing or lost on the road")] = False,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> BagPage:
    """Those that wait longest first."""
    with shared.database.connection() as connection:
        scope = _scope(connection, now, reader, simulated=simulated, county=county)
        codes = [code for code in scope.codes if site in {None, code}]
        page = {"limit": limit, "offset": offset}
        if overdue:
            rows = waste_bags.open_bags(connection, codes, _bits(OVERDUE), **page)
        else:
            number = None if step is None else STEPS.index(step)
            rows = waste_bags.bags_of(connection, codes, number, **page)
        boxes = _boxes(connection, rows, simulated=simulated)
    return BagPage(items=[bag_of(row, now, scope.registry, boxes, shared.clock()) for row in rows])


@router.get("/bags/{tag}", summary="A bag's whole life", responses=NOT_FOUND)
def bag_life(
    tag: Annotated[str, Path(max_length=24, description="The code on the bag", examples=["E28011700000020F3A5B9C01"])],
    shared: Shared,
    now: Now,
    reader: Reader,
    simulated: Simulated = False,
) -> BagLife:
    """Every scan of it and of the boxes it lay in, who signed, what it weighed, and what was found."""
    with shared.database.connection() as connection:
        scope = _scope(connection, now, reader, simulated=simulated, county=None)
        row = waste_bags.bag(connection, tag, simulated=simulated)
        if row is None or row["site"] not in scope.sites:
            raise not_found("waste.no_bag", tag=tag)
        scans = waste_bags.life(connection, tag, simulated=simulated)
        boxes = _boxes(connection, [row], simulated=simulated)
    found = rules_of(row["found"])
    return BagLife(
        bag=bag_of(row, now, scope.registry, boxes, shared.clock()),
        found=[rule.code for rule in found],
        found_zh=[text("zh", f"waste.rule.{rule.code}") for rule in found],
        found_en=[text("en", f"waste.rule.{rule.code}") for rule in found],
        scans=[scan_of(each, now, scope.registry) for each in scans],
    )


@router.get("/balance", summary="Collected, stored, handed over, received: and the gap")
def balance(
    shared: Shared,
    now: Now,
    reader: Reader,
    first: Annotated[date, Query(alias="from", description="First local day", examples=["2026-11-01"])],
    last: Annotated[date, Query(alias="to", description="Last local day, included", examples=["2026-11-07"])],
    simulated: Simulated = False,
    county: County = None,
    site: Annotated[str | None, Query(description="Only this institution, day by day")] = None,
) -> list[BalanceLine]:
    """One line an institution, or a day of one; the greatest gap first, days in order."""
    if not first <= last or last - first > LONGEST:
        raise unacceptable("waste.span", first=first, last=last, days=LONGEST.days)
    zone = ZoneInfo(HOME_ZONE)
    begins = datetime.combine(first, time(), zone)
    ends = datetime.combine(last + timedelta(days=1), time(), zone)
    with shared.database.connection() as connection:
        scope = _scope(connection, now, reader, simulated=simulated, county=county)
        codes = [code for code in scope.codes if site in {None, code}]
        rows = waste_bags.balance(connection, codes, begins, ends, HOME_ZONE)
        tolerances = tolerances_in_force(connection)
    return _balance(scope, rows, tolerances, by_day=site is not None)


def _balance(
    scope: Scope, rows: Iterable[Mapping[str, Any]], tolerances: Tolerances, *, by_day: bool
) -> list[BalanceLine]:
    sums: dict[tuple[str, date | None], dict[str, float]] = defaultdict(lambda: dict.fromkeys(EVENTS.values(), 0.0))
    for row in rows:
        sums[row["site"], row["day"] if by_day else None][EVENTS[row["event"]]] += float(row["kg"])
    lines = []
    for (code, day), kg in sums.items():
        gap = kg["handed_kg"] - kg["received_kg"]
        share = gap / kg["handed_kg"] if kg["handed_kg"] else None
        allowed = max(tolerances.batch_kg, kg["handed_kg"] * tolerances.batch_percent / 100)
        site = scope.sites[code]
        lines.append(
            BalanceLine(
                site=code,
                site_name_zh=site.name_zh,
                site_name_en=site.name_en,
                simulated=site.simulated,
                day=day,
                **{name: round(value, 3) for name, value in kg.items()},
                gap_kg=round(gap, 3),
                gap_share=None if share is None else round(share, 4),
                notable=abs(gap) > allowed,
            )
        )
    if by_day:
        return sorted(lines, key=lambda line: line.day or date.min)
    return sorted(lines, key=lambda line: (-abs(line.gap_kg), line.site))


@router.get("/vehicles", summary="Vehicles and where they are")
def vehicles(shared: Shared, now: Now, reader: Reader, simulated: Simulated = False) -> list[VehicleInfo]:
    """Of the carriers and disposers in scope, with their planned ways."""
    at = shared.clock()
    with shared.database.connection() as connection:
        registry = load_waste_registry(connection)
        seen = vehicles_of(now, reader, registry, simulated=simulated)
        fixes = queries.newest_positions(connection, [each.tracker for each in seen if each.tracker])
    found = []
    for each in seen:
        receiver, fix = registry.receivers[each.receiver], fixes.get(each.tracker)
        found.append(
            VehicleInfo(
                code=each.code,
                plate=each.plate,
                receiver=each.receiver,
                receiver_zh=receiver.name_zh,
                receiver_en=receiver.name_en,
                simulated=simulated,
                fix=None if fix is None else fix_of(fix),
                stale=fix is None or at - fix["ts"] > STALE,
                routes=[
                    [(float(lon), float(lat)) for lon, lat in route.line]
                    for route in registry.routes.values()
                    if each.code in route.vehicles
                ],
            )
        )
    return found


@router.get("/vehicles/{code}/track", summary="A vehicle's track", responses=NOT_FOUND)
def track(
    code: Annotated[str, Path(description="Vehicle", examples=["v-01"])],
    shared: Shared,
    now: Now,
    reader: Reader,
    simulated: Simulated = False,
    hours: Annotated[float, Query(gt=0, le=168, description="How far back, h")] = 12,
) -> Track:
    """Its fixes in order, thinned evenly where there are very many."""
    at = shared.clock()
    with shared.database.connection() as connection:
        registry = load_waste_registry(connection)
        found = next((e for e in vehicles_of(now, reader, registry, simulated=simulated) if e.code == code), None)
        if found is None:
            raise not_found("waste.no_vehicle", code=code)
        fixes = queries.track(connection, found.tracker, at - timedelta(hours=hours), at, MOST_FIXES)
    return Track(code=code, fixes=[fix_of(each) for each in fixes])


def vehicles_of(now: Snapshot, reader: Principal, registry: WasteRegistry, *, simulated: bool) -> list[Any]:
    """Vehicles whose tracker's site is in scope; the office sees each of the kind it asked for."""
    found = []
    for vehicle in registry.vehicles.values():
        device = now.registry.devices.get(vehicle.tracker)
        receiver = registry.receivers.get(vehicle.receiver)
        code = device.site if device is not None else receiver.site if receiver is not None else ""
        site = now.registry.sites.get(code)
        if site is not None and site.simulated == simulated and reader.sees(site):
            found.append(vehicle)
    return found


@router.get("/institutions", summary="Institutions with what lies there")
def institutions(
    shared: Shared, now: Now, reader: Reader, simulated: Simulated = False, county: County = None
) -> list[InstitutionInfo]:
    """Those with the oldest bag first."""
    at = shared.clock()
    with shared.database.connection() as connection:
        scope = _scope(connection, now, reader, simulated=simulated, county=county)
        found = _institutions(connection, scope, scope.codes, at)
    return sorted(found, key=lambda each: (-(each.oldest_h or 0.0), each.site))


@router.get("/institutions/{code}", summary="An institution's chain as a timeline", responses=NOT_FOUND)
def timeline(
    code: SiteInPath,
    shared: Shared,
    now: Now,
    reader: Reader,
    days: Annotated[int, Query(ge=1, le=92, description="How far back, d")] = 3,
    limit: Annotated[int, Query(ge=1, le=2_000)] = 200,
) -> Timeline:
    """What was scanned there, newest first."""
    at = shared.clock()
    with shared.database.connection() as connection:
        scope = institution_scope(connection, now, reader, code)
        (found,) = _institutions(connection, scope, [code], at)
        rows = queries.scans(connection, code, at - timedelta(days=days), at + timedelta(minutes=5), limit)
    return Timeline(institution=found, scans=[scan_of(each, now, scope.registry) for each in rows])


def _institutions(connection: Connection, scope: Scope, codes: Sequence[str], at: datetime) -> list[InstitutionInfo]:
    waiting: dict[str, list[Any]] = defaultdict(lambda: [0, 0.0, None, 0])
    for row in waste_bags.counts_by_step(connection, codes, at):
        found = waiting[row["site"]]
        found[3] += int(row["open"])
        if row["step"] is not None and STEPS[row["step"]] not in ("collected", "stored"):
            continue
        found[0] += int(row["bags"])
        found[1] += float(row["kg"])
        if row["oldest_h"] is not None:
            found[2] = max(found[2] or 0.0, float(row["oldest_h"]))
    today: dict[str, float] = defaultdict(float)
    for row in waste_bags.balance(connection, codes, *_today(at), HOME_ZONE, [COLLECTED]):
        today[row["site"]] += float(row["kg"])
    made = []
    for code in codes:
        site, party = scope.sites[code], scope.registry.parties[code]
        bags_there, kg, oldest, still_open = waiting[code]
        made.append(
            InstitutionInfo(
                site=code,
                site_name_zh=site.name_zh,
                site_name_en=site.name_en,
                county=site.county,
                simulated=site.simulated,
                kind_zh=party_names()[party.kind][0],
                kind_en=party_names()[party.kind][1],
                beds=party.beds,
                bags=bags_there,
                kg=round(kg, 3),
                oldest_h=None if oldest is None else round(oldest, 1),
                today_kg=round(today[code], 3),
                open=still_open,
            )
        )
    return made


# ---------------------------------------------------------------------- rows to answers
def _today(at: datetime) -> tuple[datetime, datetime]:
    begins = at.astimezone(ZoneInfo(HOME_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    return begins, begins + timedelta(days=1)


def _bits(rules: Iterable[Rule]) -> int:
    return sum(1 << rule for rule in rules)


def _boxes(connection: Connection, rows: Iterable[Mapping[str, Any]], *, simulated: bool) -> dict[int, str]:
    """Codes of the boxes that bags lie in, by key."""
    keys = sorted({int(row["parent"]) for row in rows if row["parent"]})
    return {int(row["key"]): str(row["tag"]) for row in waste_bags.bags_by_key(connection, keys, simulated=simulated)}
